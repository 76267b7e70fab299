"""Where traffic lights and signs work: a box of lane in front of every stop line, and limits along the lanes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.maps.limits import LimitMap, limit_map
from sim.maps.network import Road, RoadNetwork, parse_xml, read_network
from sim.maps.signals import SPEED_LIMIT, STOP, TRAFFIC_LIGHT, YIELD, Application, Signal, SignalPlan, parse_signals

ACTOR_KINDS = (TRAFFIC_LIGHT, STOP, YIELD, SPEED_LIMIT)
# A car at 40 km/h that brakes fully when its bumper enters stops at the end of the box.
BOX_LENGTH_M = 6.0
BOX_HEIGHT_M = 2.0
# Of a lane's width, so that a box does not reach into the next lane.
LANE_SHARE = 0.9
CROSSWALK_ZONE_M = 12.0
CROSSWALK_GAP_M = 1.0


@dataclass(frozen=True)
class Box:
    """A box on the road in CARLA's frame: middle of its floor (m), `yaw` of travel (degrees), half sizes (m)."""

    x: float
    y: float
    z: float
    yaw: float
    half_length: float
    half_width: float


@dataclass(frozen=True)
class Zone:
    """One approach on which a signal works.

    box       over all its lanes, `BOX_LENGTH_M` long, ending at the stop line (a sign's place)
    lanes     the same, lane by lane
    road      id of the road; `junction` that of the junction behind the stop line, "" when there is none
    """

    signal: str
    road: str
    box: Box
    lanes: tuple[Box, ...]
    junction: str


@dataclass(frozen=True)
class Regulation:
    """The rules of a town's roads: signals and controllers, the zones where signals work, the speed limits."""

    plan: SignalPlan
    zones: tuple[Zone, ...]
    limits: LimitMap


@dataclass(frozen=True)
class _Line:
    """The end of a lane's box: travel in +s for lane ids below zero, in -s for those above."""

    road: Road
    lane: int
    s: float


def read_map(text: str) -> tuple[RoadNetwork, Regulation]:
    """The roads of OpenDRIVE text and the rules on them. Raises InvalidOpenDrive."""
    root = parse_xml(text)
    network = read_network(root)
    return network, regulate(network, parse_signals(root, network))


def regulate(network: RoadNetwork, plan: SignalPlan) -> Regulation:
    """Everything that signals and speed limits say about the roads of `network`."""
    return Regulation(plan, signal_zones(network, plan), limit_map(network, plan))


def signal_zones(network: RoadNetwork, plan: SignalPlan) -> tuple[Zone, ...]:
    """Every approach on which a light, stop, yield or speed sign of `plan` works, in file order.

    A light that applies to connecting roads (as in CARLA's own towns) works where vehicles come from, so that nobody
    waits inside a junction.
    """
    roads = {road.id: road for road in network.roads}
    zones = []
    for signal in plan.signals:
        if signal.type in ACTOR_KINDS:
            zones += _zones(signal, roads)
    return tuple(zones)


def _zones(signal: Signal, roads: dict[str, Road]) -> list[Zone]:
    groups: dict[tuple[str, bool], dict[int, _Line]] = {}
    for application in signal.applications:
        for line in _lines(application, roads):
            groups.setdefault((line.road.id, line.lane > 0), {}).setdefault(line.lane, line)
    return [_zone(signal, list(lines.values())) for lines in groups.values()]


def _lines(application: Application, roads: dict[str, Road]) -> list[_Line]:
    road = roads[application.road]
    lines = []
    for lane in application.lanes:
        s = min(max(application.s, 0.05), road.length - 0.05)
        if _is_driving(road, lane, s):
            line = _Line(road, lane, s) if road.junction is None else _before(road, lane, roads)
            if line is not None:
                lines.append(line)
    return lines


def _is_driving(road: Road, lane: int, s: float) -> bool:
    for section in road.sections:
        if section.start <= s < section.end:
            return any(item.id == lane and item.kind == "driving" for item in section.left + section.right)
    return False


def _before(road: Road, lane: int, roads: dict[str, Road]) -> _Line | None:
    """The end of the lane that leads into `lane` of a connecting road."""
    if lane < 0:
        link, section = road.predecessor, road.sections[0]
    else:
        link, section = road.successor, road.sections[-1]
    own = next((item for item in section.left + section.right if item.id == lane), None)
    incoming = roads.get(link[1]) if link[0] == "road" else None
    source = None if own is None else (own.predecessor if lane < 0 else own.successor)
    if incoming is None or source is None:
        return None
    forward = link[2] != "start"
    s = incoming.length - 0.05 if forward else 0.05
    for crosswalk in incoming.crosswalks:
        if forward and crosswalk.start > incoming.length - CROSSWALK_ZONE_M:
            s = min(s, crosswalk.start - CROSSWALK_GAP_M)
        elif not forward and crosswalk.end < CROSSWALK_ZONE_M:
            s = max(s, crosswalk.end + CROSSWALK_GAP_M)
    s = min(max(s, 0.05), incoming.length - 0.05)
    return _Line(incoming, source, s) if _is_driving(incoming, source, s) else None


def _zone(signal: Signal, lines: list[_Line]) -> Zone:
    spans = [_span(line) for line in lines]
    low, high = min(span[0] for span in spans), max(span[1] for span in spans)
    first = lines[0]
    ahead = first.road.successor if first.lane < 0 else first.road.predecessor
    return Zone(
        signal=signal.id,
        road=first.road.id,
        box=_box(first, low, high),
        lanes=tuple(_box(line, *span) for line, span in zip(lines, spans)),
        junction=ahead[1] if ahead[0] == "junction" else "",
    )


def _span(line: _Line) -> tuple[float, float]:
    """t (m) of a lane's edges at the middle of its box, lower first."""
    side, middle = (1 if line.lane > 0 else -1), np.array([_middle(line)])
    for section in line.road.sections:
        if section.start <= middle[0] < section.end:
            edges = line.road.edges(section, side, middle)[:, 0]
            lanes = section.left if side > 0 else section.right
            for number, lane in enumerate(lanes):
                if lane.id == line.lane:
                    return float(edges[number : number + 2].min()), float(edges[number : number + 2].max())
    return 0.0, 0.0


def _middle(line: _Line) -> float:
    """s of the middle of a box: half a length before its line, or half of what road there is."""
    if line.lane < 0:
        return line.s - 0.5 * min(BOX_LENGTH_M, line.s)
    return line.s + 0.5 * min(BOX_LENGTH_M, line.road.length - line.s)


def _box(line: _Line, low: float, high: float) -> Box:
    s, t = _middle(line), 0.5 * (low + high)
    x, y, z, heading = line.road.reference(np.array([s]))[0].tolist()
    yaw = -math.degrees(heading) + (180.0 if line.lane > 0 else 0.0)
    return Box(
        x - t * math.sin(heading),
        -(y + t * math.cos(heading)),
        z,
        (yaw + 180.0) % 360.0 - 180.0,
        abs(line.s - s),
        0.5 * LANE_SHARE * (high - low),
    )
