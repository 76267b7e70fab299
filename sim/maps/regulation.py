"""Where traffic lights and signs work: a box of lane in front of every stop line, and limits along the lanes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sim.maps.lane_boxes import Box, is_driving, lane_span, span_box
from sim.maps.limits import LimitMap, limit_map
from sim.maps.network import Road, RoadNetwork, parse_xml, read_network
from sim.maps.priority import Watch, watches
from sim.maps.signals import SPEED_LIMIT, STOP, TRAFFIC_LIGHT, YIELD, Application, Signal, SignalPlan, parse_signals

ACTOR_KINDS = (TRAFFIC_LIGHT, STOP, YIELD, SPEED_LIMIT)
# A car at 40 km/h that brakes fully when its bumper enters stops at the end of the box.
BOX_LENGTH_M = 6.0
BOX_HEIGHT_M = 2.0
CROSSWALK_ZONE_M = 12.0
CROSSWALK_GAP_M = 1.0


@dataclass(frozen=True)
class Zone:
    """One approach on which a signal works.

    box       over all its lanes, `BOX_LENGTH_M` long, ending at the stop line (a sign's place)
    lanes     the same, lane by lane
    road      id of the road; `junction` that of the junction behind the stop line, "" when there is none
    watches   what has priority over whom a stop or yield sign holds
    """

    signal: str
    road: str
    box: Box
    lanes: tuple[Box, ...]
    junction: str
    watches: tuple[Watch, ...] = ()


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
    signs = {signal.id for signal in plan.signals if signal.type in (STOP, YIELD)}
    yielding: dict[str, set[str]] = {}
    for zone in zones:
        if zone.signal in signs:
            yielding.setdefault(zone.junction, set()).add(zone.road)
    return tuple(
        replace(zone, watches=watches(network, zone.junction, zone.road, frozenset(yielding[zone.junction])))
        if zone.signal in signs and zone.junction
        else zone
        for zone in zones
    )


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
        if is_driving(road, lane, s):
            line = _Line(road, lane, s) if road.junction is None else _before(road, lane, roads)
            if line is not None:
                lines.append(line)
    return lines


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
    return _Line(incoming, source, s) if is_driving(incoming, source, s) else None


def _zone(signal: Signal, lines: list[_Line]) -> Zone:
    spans = [lane_span(line.road, line.lane, line.s) or (0.0, 0.0) for line in lines]
    whole = (min(span[0] for span in spans), max(span[1] for span in spans))
    first = lines[0]
    ahead = first.road.successor if first.lane < 0 else first.road.predecessor
    return Zone(
        signal=signal.id,
        road=first.road.id,
        box=_box(first, whole),
        lanes=tuple(_box(line, span) for line, span in zip(lines, spans)),
        junction=ahead[1] if ahead[0] == "junction" else "",
    )


def _box(line: _Line, span: tuple[float, float]) -> Box:
    forward = line.lane < 0
    begin = max(line.s - BOX_LENGTH_M, 0.0) if forward else min(line.s + BOX_LENGTH_M, line.road.length)
    return span_box(line.road, forward, span, begin, line.s)
