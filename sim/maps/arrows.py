"""Turn arrows painted on the lanes before junctions, as the junction's lane links have it."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from sim.labels import Label
from sim.maps.lane_boxes import is_driving, lane_span, section_at
from sim.maps.markings import LAYER, painted_span
from sim.maps.network import Road, RoadArrow, RoadNetwork
from sim.maps.signals import Signal, SignalPlan
from sim.maps.surface import offset_points
from sim.render.mesh import Mesh

LENGTH = 5.0
# m from the place where lines end (stop line, crossing or junction) back to an arrow's tip.
TIPS = (9.0, 27.0)
# A connecting road that turns by less goes straight on; one that turns by more turns round.
STRAIGHT_DEG, ROUND_DEG = 32.0, 150.0
LEAST_WIDTH = 2.6
# What a road mark of an arrow is called by the makers of maps; 297 is its number in the German catalogue.
ARROW_WORD, ARROW_TYPE = "arrow", "297"
MAX_OWN = 20_000  # arrows of a map that are drawn
_WHITE = (232, 232, 228)

STRAIGHT, LEFT, RIGHT = "straight", "left", "right"


@dataclass(frozen=True)
class Approach:
    """A lane that enters a junction at the end (`forward`) or the start of its road.

    `movements` are the directions and `exits` the ids of the roads that it may take from there.
    """

    road: Road
    lane: int
    forward: bool
    junction: str
    movements: frozenset[str]
    exits: frozenset[str]


def approaches(network: RoadNetwork) -> list[Approach]:
    """Every driving lane from which connecting roads start, in the order of their first connecting road."""
    roads = {road.id: road for road in network.roads}
    movements: dict[tuple[str, int, bool, str], set[str]] = defaultdict(set)
    exits: dict[tuple[str, int, bool, str], set[str]] = defaultdict(set)
    for road in network.roads:
        if road.junction is None or not road.sections:
            continue
        turned = math.degrees(_swept(road))
        for along in (True, False):
            section = road.sections[0 if along else -1]
            entry, leave = (road.predecessor, road.successor) if along else (road.successor, road.predecessor)
            kind, identity, contact = entry
            for lane in section.right if along else section.left:
                source = lane.predecessor if along else lane.successor
                if lane.kind != "driving" or kind != "road" or identity not in roads or source is None:
                    continue
                key = identity, source, contact != "start", road.junction
                movements[key].add(_movement(turned if along else -turned))
                exits[key].add(leave[1])
    found = []
    for key, ways in movements.items():
        identity, lane_id, forward, junction = key
        road = roads[identity]
        if road.junction is None and is_driving(road, lane_id, road.length if forward else 0.0):
            found.append(Approach(road, lane_id, forward, junction, frozenset(ways - {""}), frozenset(exits[key])))
    return found


def _swept(road: Road) -> float:
    """Angle (rad, to the left) by which a road turns between its ends, followed along it: half turns are told apart."""
    heading = road.reference(np.linspace(0.0, road.length, 17))[:, 3]
    step = np.diff(heading)
    return float(np.sum((step + np.pi) % (2 * np.pi) - np.pi))


def _movement(turn: float) -> str:
    if abs(turn) < STRAIGHT_DEG:
        return STRAIGHT
    if abs(turn) > ROUND_DEG:
        return ""
    return LEFT if turn > 0 else RIGHT


def arrow_meshes(network: RoadNetwork, plan: SignalPlan) -> list[tuple[str, Mesh]]:
    """Arrows, each with its road's id, where lanes have a choice to tell; on roads whose map has its own, only those.

    A choice is where a street has several lanes into the junction, not all of them straight on, or one that must turn
    while others may go elsewhere: not at the entries of roundabouts.
    """
    painted = _own(network, plan)
    own = {road.id for road, _ in painted}
    streets: dict[tuple[str, bool], list[Approach]] = defaultdict(list)
    reached: dict[str, set[str]] = defaultdict(set)
    for approach in approaches(network):
        reached[approach.junction] |= approach.exits
        if approach.road.id not in own:
            streets[approach.road.id, approach.forward].append(approach)
    meshes = []
    for lanes in streets.values():
        every = frozenset[str]().union(*(lane.movements for lane in lanes))
        if every <= {STRAIGHT}:
            continue
        if len(lanes) == 1 and (len(every) > 1 or not reached[lanes[0].junction] - lanes[0].exits - {lanes[0].road.id}):
            continue
        for lane in lanes:
            if lane.movements:
                meshes += [(lane.road.id, mesh) for mesh in _arrows(lane)]
    return meshes + _own_meshes(painted[:MAX_OWN], network)


def _own(network: RoadNetwork, plan: SignalPlan) -> list[tuple[Road, RoadArrow]]:
    """The arrows that a map has of its own, as objects or as signals."""
    roads = {road.id: road for road in network.roads}
    found = [(road, arrow) for road in network.roads for arrow in road.arrows]
    for signal in plan.signals:
        if (ARROW_WORD in signal.name.lower() or signal.type == ARROW_TYPE) and signal.road in roads:
            found.append((roads[signal.road], _of_signal(signal, roads[signal.road])))
    return found


def _of_signal(signal: Signal, road: Road) -> RoadArrow:
    s = next((item.s for item in signal.applications if item.road == road.id), 0.0)
    x, y, _, heading = road.reference(np.array([s]))[0].tolist()
    t = -(signal.pose.x - x) * math.sin(heading) + (-signal.pose.y - y) * math.cos(heading)
    return RoadArrow(s, t, -math.radians(signal.pose.yaw) - heading, 0.0, 0.0, signal.name.lower())


def _own_meshes(painted: list[tuple[Road, RoadArrow]], network: RoadNetwork) -> list[tuple[str, Mesh]]:
    if not painted:
        return []
    ways = {(found.road.id, found.lane): found.movements for found in approaches(network)}
    meshes = []
    for road, arrow in painted:
        section = section_at(road, arrow.s) if 0.0 <= arrow.s <= road.length else None
        lanes = () if section is None else section.left + section.right
        spans = {lane.id: lane_span(road, lane.id, arrow.s) for lane in lanes if lane.kind == "driving"}
        lane = next((key for key, span in spans.items() if span and span[0] <= arrow.t <= span[1]), None)
        # Off the lanes it is somebody's mistake, or a sign with an arrow on it.
        if section is None or lane is None:
            continue
        movements = _told(arrow.words) or ways.get((road.id, lane), frozenset()) or frozenset({STRAIGHT})
        low, high = spans[lane] or (0.0, 0.0)
        shape = _shape(movements).reshape(-1, 2)
        length = min(max(arrow.length or LENGTH, 1.0), 2.0 * LENGTH)
        reach = float(np.ptp(shape[:, 1]))
        room = 2.0 * min(arrow.t - low, high - arrow.t)
        width = min(arrow.width if arrow.width > 0.2 else reach, max(room, 0.2))
        ahead = 1.0 if lane < 0 else -1.0
        s = np.clip(arrow.s + ahead * length * (shape[:, 0] / LENGTH - 0.5), 0.0, road.length)
        points = offset_points(road.reference(s), arrow.t + ahead * shape[:, 1] * width / reach)
        meshes.append((road.id, Mesh.build(points, np.arange(len(points)), _WHITE, Label.ROAD_LINES, LAYER)))
    return meshes


def _told(words: str) -> frozenset[str]:
    """The movements that an arrow's names tell: as in arrowStraightLeft (OpenDRIVE) and ArrowType4L (RoadRunner)."""
    found = {way for way in (STRAIGHT, LEFT, RIGHT) if way in words}
    side = re.search(r"arrowtype\d+([lr])", words)
    if side is not None:
        found.add(LEFT if side[1] == "l" else RIGHT)
    return frozenset(found)


def _arrows(approach: Approach) -> list[Mesh]:
    road, lane_id, forward = approach.road, approach.lane, approach.forward
    section = section_at(road, road.length if forward else 0.0)
    if section is None:
        return []
    first, last = painted_span(road)
    line = last if forward else first
    ahead = 1.0 if forward else -1.0
    triangles = _shape(approach.movements)
    meshes = []
    for back in TIPS:
        tip = line - ahead * back
        tail = tip - ahead * LENGTH
        low, high = min(tip, tail), max(tip, tail)
        if low < section.start or high > section.end:
            continue
        if any(crossing.start - 1.0 < high and crossing.end + 1.0 > low for crossing in road.crosswalks):
            continue
        spans = [lane_span(road, lane_id, s) for s in (low, high)]
        if any(span is None or span[1] - span[0] < LEAST_WIDTH for span in spans):
            continue
        u, v = triangles.reshape(-1, 2).T
        s = tail + ahead * u
        side, lanes = (1, section.left) if lane_id > 0 else (-1, section.right)
        number = next(n for n, lane in enumerate(lanes) if lane.id == lane_id)
        edges = road.edges(section, side, s)
        t = 0.5 * (edges[number] + edges[number + 1]) + ahead * v
        points = offset_points(road.reference(s), t, lanes[number].height)
        meshes.append(Mesh.build(points, np.arange(len(points)), _WHITE, Label.ROAD_LINES, LAYER))
    return meshes


def _shape(movements: frozenset[str]) -> np.ndarray:
    """Triangles (K, 3, 2) of an arrow: metres ahead of its tail, metres to the left of its shaft's middle.

    Stretched along the lane, as painted ones are, because drivers see them from a low angle.
    """
    half = 0.1
    sides = [1.0 if way == LEFT else -1.0 for way in (LEFT, RIGHT) if way in movements]
    straight = STRAIGHT in movements
    # Where the arms leave the shaft: well below the head that points ahead, or the two would run into one from afar;
    # without such a head at the shaft's end.
    bend, spread = (1.1, 0.7) if straight else (3.1, 1.0)
    top = 3.5 if straight else bend
    shapes = [_quad((0.0, half), (0.0, -half), (top, -half), (top, half))]
    if straight:
        shapes.append(np.array([[(top, 0.4), (top, -0.4), (LENGTH, 0.0)]]))
    for side in sides:
        reach = bend + 0.5
        foot = (bend, -side * half), (bend - 0.6, side * half)
        shapes.append(_quad(*foot, (reach - 0.28, side * 0.56), (reach + 0.28, side * 0.56)))
        tip = (reach + 0.1, side * 1.25)
        shapes.append(np.array([[(reach - spread, side * 0.55), (reach + spread, side * 0.55), tip]]))
    arrow = np.concatenate(shapes)
    # One arm alone makes the arrow lopsided: its middle is brought back to the lane's.
    low, high = arrow[..., 1].min(), arrow[..., 1].max()
    return arrow - np.array([0.0, 0.5 * (low + high)])


def _quad(*corners: tuple[float, float]) -> np.ndarray:
    a, b, c, d = corners
    return np.array([(a, b, c), (a, c, d)])
