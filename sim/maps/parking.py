"""Bays along parking lanes: where cars may stand, and the lines between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sim.labels import Label
from sim.maps.markings import LAYER
from sim.maps.network import LaneSection, Road, RoadNetwork
from sim.maps.regulation import Regulation
from sim.maps.roadside import Clearance
from sim.maps.signals import STOP, TRAFFIC_LIGHT, YIELD
from sim.maps.surface import offset_points
from sim.render.mesh import Mesh

LENGTH = 6.0
LEAST_WIDTH = 1.8
TAPER_M = 0.05  # by which an edge may wander along a bay: lanes that begin or end have none
# m that stay free before and behind junctions, crossings, lights and signs: who waits there must be seen.
OFF_JUNCTION, OFF_CROSSWALK, OFF_SIGNAL = 8.0, 8.0, 8.0
# Degrees by which a bay may bend: on bends parked cars would hide what comes, and corners would reach into the lane.
STRAIGHT_DEG = 0.6
STEEPEST = 0.12
# No street needs more; a hostile map could have a thousand parking lanes side by side.
MAX_BAYS = 4000
# m: how wide lines between bays are, and how far they stay off the line along the driving lane.
_LINE_WIDTH, _OFF_LINE = 0.1, 0.2
_WHITE = (214, 214, 210)


@dataclass(frozen=True)
class Bay:
    """A piece of parking lane from `start` to `end` (m along `road`), on its left (`side` 1) or right (-1).

    near, far    t (m) of its edges: the one towards the traffic, the one towards the kerb
    height       of the lane above the road (m)
    """

    road: Road
    side: int
    start: float
    end: float
    near: float
    far: float
    height: float

    def points(self, s: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Points (N, 3) at stations `s` and offsets `t` (N,), in CARLA's frame (m)."""
        return offset_points(self.road.reference(s), t, self.height)

    @property
    def corners(self) -> np.ndarray:
        """(4, 3) m."""
        ends = np.array([self.start, self.end, self.end, self.start])
        return self.points(ends, np.array([self.near, self.near, self.far, self.far]))


def bays(network: RoadNetwork, regulation: Regulation) -> list[Bay]:
    """All bays, in file order: `LENGTH` m each, on straight stretches, clear of junctions, crossings and signals."""
    found: list[Bay] = []
    for road in network.roads:
        if road.junction is None:
            for section in road.sections:
                for side, lanes in ((1, section.left), (-1, section.right)):
                    if any(lane.kind == "parking" for lane in lanes):
                        found += _along(road, section, side)
            if len(found) > MAX_BAYS:
                found = found[:MAX_BAYS]
                break
    return _clear(found, network, regulation)


def _along(road: Road, section: LaneSection, side: int) -> list[Bay]:
    lanes = section.left if side > 0 else section.right
    count = int((section.end - section.start) / LENGTH)
    if count == 0:
        return []
    first = section.start + 0.5 * (section.end - section.start - count * LENGTH)
    s = first + np.arange(count)[:, None] * LENGTH + LENGTH * np.array([0.0, 0.5, 1.0])
    reference = road.reference(s.reshape(-1)).reshape(count, 3, 4)
    turned = np.abs(reference[:, 1:, 3] - reference[:, :1, 3]).max(axis=1)
    steep = np.abs(reference[:, 2, 2] - reference[:, 0, 2]) / LENGTH
    fit = (np.degrees(turned) < STRAIGHT_DEG) & (steep < STEEPEST)
    edges = road.edges(section, side, s.reshape(-1)).reshape(-1, count, 3) * side
    found = []
    for number, lane in enumerate(lanes):
        if lane.kind != "parking":
            continue
        inner, outer = edges[number], edges[number + 1]
        near, far = inner.max(axis=1), outer.min(axis=1)
        even = np.maximum(np.ptp(inner, axis=1), np.ptp(outer, axis=1)) < TAPER_M
        found += [
            Bay(road, side, float(s[n, 0]), float(s[n, 2]), side * float(near[n]), side * float(far[n]), lane.height)
            for n in np.flatnonzero(fit & even & (far - near >= LEAST_WIDTH)).tolist()
        ]
    return found


def _clear(found: list[Bay], network: RoadNetwork, regulation: Regulation) -> list[Bay]:
    if not found:
        return []
    corners = np.array([bay.corners for bay in found])
    free = np.ones(len(found), bool)
    inner = tuple(road for road in network.roads if road.junction is not None)
    if inner:
        apart = Clearance(replace(network, roads=inner))(corners.reshape(-1, 3)).reshape(len(found), -1)
        free &= apart.min(axis=1) >= OFF_JUNCTION
    kinds = (STOP, YIELD, TRAFFIC_LIGHT)
    posts = np.array([(one.pose.x, one.pose.y) for one in regulation.plan.signals if one.type in kinds]).reshape(-1, 2)
    for number, bay in enumerate(found):
        free[number] &= not any(
            crossing.start - OFF_CROSSWALK < bay.end and crossing.end + OFF_CROSSWALK > bay.start
            for crossing in bay.road.crosswalks
        )
        if free[number] and len(posts):
            middle, reach = corners[number].mean(axis=0), np.ptp(corners[number], axis=0)[:2].max() / 2
            gap = np.hypot(*(posts - middle[:2]).T).min() - reach
            free[number] &= bool(gap >= OFF_SIGNAL)
    return [bay for bay, chosen in zip(found, free.tolist()) if chosen]


def bay_lines(found: list[Bay]) -> list[tuple[str, Mesh]]:
    """White lines between bays, each with its road's id; one between neighbours."""
    painted: set[tuple[str, int, float, float]] = set()
    meshes = []
    for bay in found:
        for s in (bay.start, bay.end):
            key = bay.road.id, bay.side, round(s, 3), round(bay.near, 3)
            if key in painted:
                continue
            painted.add(key)
            half = 0.5 * _LINE_WIDTH
            stations = np.array([s - half, s + half, s + half, s - half])
            begin = bay.near + bay.side * _OFF_LINE
            corners = bay.points(stations, np.array([begin, begin, bay.far, bay.far]))
            meshes.append((bay.road.id, Mesh.build(corners, [[0, 1, 2], [0, 2, 3]], _WHITE, Label.ROAD_LINES, LAYER)))
    return meshes
