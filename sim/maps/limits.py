"""Speed limits along the lanes, from road types and signs, as points that a position is looked up among."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.maps.network import Road, RoadNetwork, in_kmh
from sim.maps.signals import SPEED_LIMIT, SignalPlan

DEFAULT_KMH = 50.0
STEP_M = 4.0
CELL_M = 8.0
_DRIVABLE = frozenset({"driving", "bidirectional", "entry", "exit", "onRamp", "offRamp"})


@dataclass(frozen=True)
class LimitMap:
    """Points on the middles of all driving lanes, sorted by the square cells of a grid (CARLA's frame).

    points  float64 (N, 6): x, y, z (m), cos and sin of the direction of travel, limit (km/h)
    starts  int64 (nx * ny + 1,): points of cell (i, j) are starts[i * ny + j] up to the next entry
    origin  float64 (2,) m; shape int64 (2,): nx, ny
    """

    points: np.ndarray
    starts: np.ndarray
    origin: np.ndarray
    shape: np.ndarray


def limit_map(network: RoadNetwork, plan: SignalPlan) -> LimitMap:
    """The limits of all driving lanes.

    A sign counts on its lanes from where it stands, and on the roads behind up to the next junction, or through that if
    its connecting roads say nothing. Elsewhere the road's type counts, or that of the road that leads to it where it
    has none, or `DEFAULT_KMH`.
    """
    signs = _signs(plan)
    roads = {road.id: road for road in network.roads}
    parts = [_road_points(road, roads, signs) for road in network.roads]
    return _gridded(np.concatenate(parts) if parts else np.zeros((0, 6)))


# For each road and lane (s of a sign, km/h).
_Signs = dict[str, dict[int, list[tuple[float, float]]]]


def _signs(plan: SignalPlan) -> _Signs:
    signs: _Signs = {}
    for signal in plan.signals:
        if signal.type != SPEED_LIMIT or signal.value <= 0.0:
            continue
        # CARLA's maps write the unit or leave it out; a bare number on a German sign is km/h.
        limit = in_kmh(signal.value, signal.unit if signal.unit in ("mph", "m/s") else "km/h")
        for application in signal.applications:
            for lane in application.lanes:
                signs.setdefault(application.road, {}).setdefault(lane, []).append((application.s, limit))
    return signs


def _carried(road: Road, side: int, roads: dict[str, Road], signs: _Signs) -> float | None:
    """The limit (km/h) of the last sign passed before entering `road` on `side`; None when none is in force."""
    seen = set()
    while (road.id, side) not in seen:
        seen.add((road.id, side))
        kind, before, contact = road.predecessor if side < 0 else road.successor
        # A junction ends a sign's force, unless its connecting roads say nothing of their own.
        if kind != "road" or before not in roads or (road.junction is not None and len(road.speeds)):
            return None
        road, side = roads[before], 1 if contact == "start" else -1
        passed = [sign for lane, found in signs.get(road.id, {}).items() if lane * side > 0 for sign in found]
        if passed:
            return max(passed, key=lambda sign: -side * sign[0])[1]
    return None


def _typed(road: Road, side: int, roads: dict[str, Road]) -> np.ndarray:
    """Limits (K, 2: s, km/h) by the road's type, or those of the road that leads to it on `side`."""
    kind, before, contact = road.predecessor if side < 0 else road.successor
    if len(road.speeds) or kind != "road" or before not in roads or not len(roads[before].speeds):
        return road.speeds
    return np.array([[0.0, roads[before].speeds[0 if contact == "start" else -1, 1]]])


def _road_points(road: Road, roads: dict[str, Road], signs: _Signs) -> np.ndarray:
    parts = [np.zeros((0, 6))]
    own = signs.get(road.id, {})
    typed = {side: _typed(road, side, roads) for side in (1, -1)}
    for side in (1, -1):
        carried = _carried(road, side, roads, signs)
        if carried is not None:
            typed[side] = np.array([[0.0, carried]])
    for section in road.sections:
        count = max(2, math.ceil((section.end - section.start) / STEP_M) + 1)
        s = np.linspace(section.start, section.end, count)
        reference = road.reference(s)
        x, y, z, heading = reference.T
        for side, lanes in ((1, section.left), (-1, section.right)):
            if not any(lane.kind in _DRIVABLE for lane in lanes):
                continue
            edges = road.edges(section, side, s)
            for number, lane in enumerate(lanes):
                if lane.kind not in _DRIVABLE:
                    continue
                t = 0.5 * (edges[number] + edges[number + 1])
                limit = _limits(typed[side], s, side, own.get(lane.id, []))
                px, py = x - t * np.sin(heading), y + t * np.cos(heading)
                parts.append(np.stack([px, -py, z, -side * np.cos(heading), side * np.sin(heading), limit], axis=1))
    return np.concatenate(parts)


def _limits(typed: np.ndarray, s: np.ndarray, side: int, signs: list[tuple[float, float]]) -> np.ndarray:
    limit = np.full(len(s), DEFAULT_KMH)
    if len(typed):
        limit = typed[np.maximum(np.searchsorted(typed[:, 0], s + 1e-9, side="right") - 1, 0), 1]
    # In the order in which a driver passes them, so that the last one passed counts.
    for at, value in sorted(signs, key=lambda sign: -side * sign[0]):
        limit = np.where(s >= at if side < 0 else s <= at, value, limit)
    return limit


def _gridded(points: np.ndarray) -> LimitMap:
    if len(points) == 0:
        return LimitMap(points, np.zeros(2, np.int64), np.zeros(2), np.ones(2, np.int64))
    origin = points[:, :2].min(axis=0)
    cells = np.floor((points[:, :2] - origin) / CELL_M).astype(np.int64)
    shape = cells.max(axis=0) + 1
    keys = cells[:, 0] * shape[1] + cells[:, 1]
    order = np.argsort(keys, kind="stable")
    starts = np.zeros(int(shape[0] * shape[1]) + 1, np.int64)
    np.cumsum(np.bincount(keys, minlength=len(starts) - 1), out=starts[1:])
    return LimitMap(np.ascontiguousarray(points[order]), starts, origin, shape)
