"""Earth under roads that run above the open ground: a level verge beside the road and a slope down to the ground.

Where another road is in the way of the slope, a wall goes down from the road's edge.
"""

from __future__ import annotations

import numpy as np

from sim.labels import Label
from sim.maps.network import Road, RoadNetwork
from sim.maps.surface import offset_points, road_extent, strip
from sim.maps.terrain import GROUND_Z, open_ground_height
from sim.render.mesh import Mesh

# m above the open ground at which a road begins to need one, and up to which it gets one: higher ones are bridges.
LEAST_M, MOST_M = 0.05, 20.0
VERGE_M = 1.5
RUN = 1.7  # m outwards for every metre down
STEP_M, TURN_STEP_M = 3.0, 2.0
# m: how far and how closely the earth reaches in under the road's edge, and how deep its ends sink into the ground.
UNDER_M, UNDER_Z, SINK_M = 0.15, -0.03, 0.3
# m beyond an edge where another road of about that height makes it an inner edge of a junction.
BESIDE_M, SAME_M = 0.8, 1.0
# Of the radius of a bend: a slope on its inside is steeper rather than longer.
PINCH = 0.85
_COVER_STEP = 2.0
_BLOCK = 64
_GRASS = np.array([88, 116, 64])
_WALL = (134, 132, 126)


class _Covers:
    """Discs over all roads, with their heights."""

    def __init__(self, network: RoadNetwork) -> None:
        centers, radii = [], []
        for road in network.roads:
            s = np.linspace(0.0, road.length, max(2, int(road.length / _COVER_STEP) + 1))
            low, high = road_extent(road, s)
            centers.append(offset_points(road.reference(s), 0.5 * (low + high)))
            radii.append(np.hypot(0.5 * (high - low), 0.5 * _COVER_STEP))
        self._centers, self._radii = np.concatenate(centers), np.concatenate(radii)

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether a road lies at or under points (N, 3), and whether one lies about as high."""
        under, level = np.zeros(len(points), bool), np.zeros(len(points), bool)
        for first in range(0, len(points), _BLOCK):
            block = points[first : first + _BLOCK]
            low, high = block[:, :2].min(axis=0), block[:, :2].max(axis=0)
            beyond = np.maximum(low - self._centers[:, :2], self._centers[:, :2] - high).max(axis=1)
            near = np.flatnonzero(beyond < self._radii)
            if len(near):
                gap = block[:, None] - self._centers[None, near]
                inside = np.hypot(gap[..., 0], gap[..., 1]) < self._radii[near]
                under[first : first + _BLOCK] = (inside & (gap[..., 2] > 0.5 * GROUND_Z)).any(axis=1)
                level[first : first + _BLOCK] = (inside & (np.abs(gap[..., 2]) < SAME_M)).any(axis=1)
        return under, level


def embankments(network: RoadNetwork) -> list[tuple[str, Mesh]]:
    """Banks of all roads above the open ground, each with its road's id; none where it would bury another road."""
    level = open_ground_height(network)
    raised = [road for road in network.roads if _heights(road).max() + GROUND_Z - level > LEAST_M]
    if not raised:
        return []
    covers = _Covers(network)
    meshes = [(road.id, mesh) for road in raised for side in (1, -1) for mesh in _bank(road, side, level, covers)]
    # Standing walls are numbered: those of roads have names of their own.
    return [(f"bank_{key}" if mesh.tags[0] == Label.WALLS else key, mesh) for key, mesh in meshes if len(mesh.tags)]


def _heights(road: Road) -> np.ndarray:
    return road.reference(np.linspace(0.0, road.length, max(2, int(road.length / STEP_M))))[:, 2]


def _bank(road: Road, side: int, level: float, covers: _Covers) -> list[Mesh]:
    step = STEP_M if road.junction is None else TURN_STEP_M
    s = np.linspace(0.0, road.length, max(3, round(road.length / step)))
    reference = road.reference(s)
    low, high = road_extent(road, s)
    edge = high if side > 0 else low
    rise = reference[:, 2] + GROUND_Z - level
    verge, out = _reach(reference, s, edge, side, rise)
    shoulder = offset_points(reference, edge + side * verge, GROUND_Z)
    foot = offset_points(reference, edge + side * out, GROUND_Z)
    foot[:, 2] = np.minimum(level, foot[:, 2])
    beside = offset_points(reference, edge + side * BESIDE_M)
    under, level_road = covers(beside)
    needed = (rise > LEAST_M) & (rise < MOST_M) & ~level_road
    walled = needed & ~under
    for point in (shoulder, 0.5 * (shoulder + foot), foot):
        needed &= ~covers(point)[0]
    walled &= ~needed
    ends = ~needed
    # One station further on both sides, where the bank sinks into the open ground.
    needed[:-1] |= needed[1:]
    needed[1:] |= ~ends[:-1]
    ends &= needed
    inner = offset_points(reference, edge - side * UNDER_M, UNDER_Z)
    for line in (inner, shoulder, foot):
        line[ends, 2] = level - SINK_M
    meshes = _walls(offset_points(reference, edge, UNDER_Z), walled, level)
    index = np.flatnonzero(needed)
    for run in np.split(index, np.flatnonzero(np.diff(index) > 1) + 1):
        if len(run) > 1:
            # Uneven, or the slope would look striped from afar.
            tone = np.round(2.0 * np.sin(0.53 * run[:-1]) + 1.5 * np.sin(0.21 * run[:-1] + side)).astype(int)
            shade = (_GRASS + 2 + tone[:, None]).astype(np.uint8)
            meshes.append(strip(inner[run], shoulder[run], shade, Label.TERRAIN))
            meshes.append(strip(shoulder[run], foot[run], shade, Label.TERRAIN))
    return meshes


def _walls(edge: np.ndarray, walled: np.ndarray, level: float) -> list[Mesh]:
    """Concrete from the road's edge (N, 3) into the ground, along the stations `walled` (N,) and to the next ones."""
    meshes = []
    pieces = np.flatnonzero(walled[:-1] | walled[1:])
    foot = edge.copy()
    foot[:, 2] = np.minimum(level - SINK_M, edge[:, 2])
    for run in np.split(pieces, np.flatnonzero(np.diff(pieces) > 1) + 1):
        if len(run):
            ends = np.append(run, run[-1] + 1)
            meshes.append(strip(edge[ends], foot[ends], _WALL, Label.WALLS))
    return meshes


def _reach(
    reference: np.ndarray, s: np.ndarray, edge: np.ndarray, side: int, rise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far (m) beyond the edge verge and foot lie; on the inside of a bend they stay short of its middle."""
    curvature = np.gradient(np.unwrap(reference[:, 3]), s)
    # Where roads join, the feet of their banks meet.
    curvature[[0, -1]] = 0.0
    inside = side * curvature > 1e-4
    room = np.where(inside, 1.0 / np.where(inside, np.abs(curvature), 1.0) - side * edge, np.inf)
    room = PINCH * np.maximum(room, 0.0)
    verge = np.minimum(VERGE_M, 0.5 * room)
    return verge, np.minimum(VERGE_M + RUN * np.maximum(rise, 0.0), room)
