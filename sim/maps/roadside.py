"""Places beside the roads, where scenery may stand without touching a lane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.maps.network import Road, RoadNetwork
from sim.maps.surface import offset_points, road_extent
from sim.maps.terrain import GROUND_Z, open_ground_height

STEP = 6.0
LEAST_STEP, RAIL_SAGITTA = 2.0, 0.3
CLEARANCE_STEP = 2.0
LEVEL_M = 0.05
FAR = 50.0
# m: what lies inside a ring of at least this radius is ground to slide out on, as on a skid pad; roundabouts are
# smaller, and their islands may be planted.
OPEN_ISLAND = 25.0
_BLOCK = 64


@dataclass(frozen=True)
class Roadside:
    """One side of one road outside junctions, sampled every `STEP` metres.

    edge      (N, 3) points on the outermost lane edge, CARLA's frame; at one height wherever `level`
    outward   (N, 2) unit vectors away from the road
    yaw       (N,) degrees, along the reference line
    paved     (N,) whether a sidewalk runs there
    level     (N,) whether the road lies on the open ground there, not above it
    island    whether it is the inside of a roundabout
    """

    edge: np.ndarray
    outward: np.ndarray
    yaw: np.ndarray
    paved: np.ndarray
    level: np.ndarray
    island: bool = False

    def at(self, index: np.ndarray, distance: np.ndarray | float) -> np.ndarray:
        """Points (K, 3) `distance` metres outside the edge at stations `index` (K,)."""
        points = self.edge[index].copy()
        points[:, :2] += self.outward[index] * np.broadcast_to(np.asarray(distance, float), len(index))[:, None]
        return points


def roadsides(network: RoadNetwork) -> list[Roadside]:
    """Both sides of every road outside junctions, in file order."""
    result = []
    lowest = open_ground_height(network) - GROUND_Z
    for road in network.roads:
        if road.junction is not None or road.length < 2 * STEP:
            continue
        s = np.linspace(0.0, road.length, int(road.length / _step(road)) + 1)
        reference = road.reference(s)
        low, high = road_extent(road, s)
        heading = reference[:, 3]
        left = np.stack([-np.sin(heading), -np.cos(heading)], axis=1)
        for side, t in ((1, high), (-1, low)):
            edge, level = offset_points(reference, t), reference[:, 2] - lowest < LEVEL_M
            edge[level, 2] = lowest
            paved, island = _paved(road, side, s), side > 0 and _is_ring(road)
            result.append(Roadside(edge, side * left, -np.degrees(heading), paved, level, island))
    return result


def _step(road: Road) -> float:
    """m along the reference line between samples: on tight bends so few that a rail from one to the next cuts none."""
    bend = max(curve.max_curvature for curve in road.curves)
    if bend < 1e-6:
        return STEP
    low, high = road_extent(road, np.linspace(0.0, road.length, 3))
    outer = 1.0 / bend + float(max(np.abs(low).max(), np.abs(high).max()))
    return min(STEP, max(LEAST_STEP, float(np.sqrt(8 * RAIL_SAGITTA * outer)) / (bend * outer)))


def _is_ring(road: Road) -> bool:
    """Whether it is a piece of a roundabout: one-way, with nothing on its left, and bent more tightly than a pad's."""
    bend = max(curve.max_curvature for curve in road.curves)
    return bend > 1.0 / OPEN_ISLAND and not any(section.left for section in road.sections)


def _paved(road: Road, side: int, s: np.ndarray) -> np.ndarray:
    paved = np.zeros(len(s), bool)
    for section in road.sections:
        lanes = section.left if side > 0 else section.right
        if any(lane.kind == "sidewalk" for lane in lanes):
            paved |= (s >= section.start) & (s <= section.end)
    return paved


def open_islands(network: RoadNetwork) -> np.ndarray:
    """Discs (N, 3: x, y, radius in m; CARLA's frame) inside one-way rings that have nothing on their left."""
    discs = [np.zeros((0, 3))]
    for road in network.roads:
        if road.junction is not None or not road.sections or any(section.left for section in road.sections):
            continue
        for curve in road.curves:
            if curve.kind == "arc" and 0.0 < curve.parameters[0] <= 1.0 / OPEN_ISLAND:
                radius = 1.0 / curve.parameters[0]
                # Half a ring at least, so that no bend of a one-way street counts.
                if road.length > np.pi * radius / 2:
                    x, y, _, heading = road.reference(np.array([curve.s]))[0]
                    center = [x - radius * np.sin(heading), -(y + radius * np.cos(heading)), radius]
                    discs.append(np.array([center]))
    return np.concatenate(discs)


class Clearance:
    """How far points are from the nearest road's outermost edge, sidewalks included; never more than the truth.

    The island of a skid pad (`open_islands`) counts as road.
    """

    def __init__(self, network: RoadNetwork) -> None:
        centers, radii = [], []
        for road in network.roads:
            s = np.linspace(0.0, road.length, max(2, int(road.length / CLEARANCE_STEP) + 1))
            low, high = road_extent(road, s)
            # A disc around the middle of each cross-section covers it and half the gap to the next one.
            centers.append(offset_points(road.reference(s), 0.5 * (low + high))[:, :2])
            radii.append(np.hypot(0.5 * (high - low), 0.5 * CLEARANCE_STEP))
        islands = open_islands(network)
        self._centers = np.concatenate([*centers, islands[:, :2]])
        self._radii = np.concatenate([*radii, islands[:, 2]])

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Distance (N,) in metres from `points` (N, 2 or 3), FAR at most; negative on a road."""
        result = np.full(len(points), FAR)
        # In blocks of neighbours, each with the discs near it, because a large map has tens of thousands of both.
        for first in range(0, len(points), _BLOCK):
            block = points[first : first + _BLOCK, :2]
            low, high = block.min(axis=0), block.max(axis=0)
            beyond = np.maximum(low - self._centers, self._centers - high).max(axis=1)
            near = np.flatnonzero(beyond - self._radii < FAR)
            if len(near):
                gap = block[:, None] - self._centers[None, near]
                found = np.min(np.hypot(gap[..., 0], gap[..., 1]) - self._radii[near], axis=1)
                result[first : first + _BLOCK] = np.minimum(found, FAR)
        return result
