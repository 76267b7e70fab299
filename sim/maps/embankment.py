"""Earth under roads that run above the open ground: a level verge beside the road and a slope down to the ground."""

from __future__ import annotations

import numpy as np

from sim.labels import Label
from sim.maps.network import Road, RoadNetwork
from sim.maps.roadside import Clearance
from sim.maps.surface import offset_points, road_extent, strip
from sim.maps.terrain import GROUND_Z, open_ground_height
from sim.render.mesh import Mesh

# m above the open ground at which a road begins to need one, and up to which it gets one: higher ones are bridges.
LEAST_M, MOST_M = 0.25, 6.0
VERGE_M = 1.5
RUN = 1.7  # m outwards for every metre down
STEP_M = 3.0
_GRASS = np.array([88, 116, 64])


def embankments(network: RoadNetwork) -> list[tuple[str, Mesh]]:
    """Banks of all roads outside junctions, each with its road's id; none where its foot would reach another road."""
    level = open_ground_height(network)
    raised = [road for road in network.roads if road.junction is None and _heights(road).max() - level > LEAST_M]
    if not raised:
        return []
    clearance = Clearance(network)
    return [(road.id, mesh) for road in raised for side in (1, -1) for mesh in _bank(road, side, level, clearance)]


def _heights(road: Road) -> np.ndarray:
    return road.reference(np.linspace(0.0, road.length, max(2, int(road.length / STEP_M))))[:, 2]


def _bank(road: Road, side: int, level: float, clearance: Clearance) -> list[Mesh]:
    s = np.linspace(0.0, road.length, max(2, round(road.length / STEP_M)))
    reference = road.reference(s)
    low, high = road_extent(road, s)
    edge = high if side > 0 else low
    rise = reference[:, 2] + GROUND_Z - level
    shoulder = offset_points(reference, edge + side * VERGE_M, GROUND_Z)
    foot = offset_points(reference, edge + side * (VERGE_M + RUN * np.maximum(rise, 0.0)), GROUND_Z)
    foot[:, 2] = np.minimum(level, foot[:, 2])
    needed = (rise > LEAST_M) & (rise < MOST_M) & (clearance(foot) > 0.3)
    # One station further on both sides, where the slope ends in the open ground.
    needed[:-1] |= needed[1:]
    needed[1:] |= needed[:-1]
    meshes = []
    index = np.flatnonzero(needed)
    for run in np.split(index, np.flatnonzero(np.diff(index) > 1) + 1):
        if len(run) > 1:
            inner = offset_points(reference[run], edge[run], GROUND_Z)
            shade = (_GRASS + 5 * (run[:-1] % 2)[:, None]).astype(np.uint8)
            meshes.append(strip(inner, shoulder[run], shade, Label.TERRAIN))
            meshes.append(strip(shoulder[run], foot[run], shade, Label.TERRAIN))
    return meshes
