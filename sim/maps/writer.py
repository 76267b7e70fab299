"""Writes OpenDRIVE 1.4: chains of roads with changing cross-sections, junctions that join their ends, and signals.

OpenDRIVE's frame: x east, y north, radians; traffic keeps to the right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from sim.maps import signal_writer
from sim.maps.curves import Curve, biarc
from sim.maps.profiles import EDGE_WIDTH, LANE_WIDTH, Profile, Taper, center_mark, constant, transition
from sim.maps.signal_writer import Approach
from sim.maps.signals import SPEED_LIMIT
from sim.maps.trigonometry import cosine, sine

TAPER_LENGTH = 60.0
CONNECTING_KMH = 40.0
HILL_ENDS = 18.0
LIMIT_SIGN = 12.0  # m behind the junction
STRAIGHT_ANGLE = math.radians(35)


@dataclass(frozen=True)
class Leg:
    """One road of a chain: `length` metres, turning by `turn` degrees (left positive) on the way.

    `hill` metres up and down again, with `HILL_ENDS` metres level at both ends. `climb` metres up (down if negative)
    from its start to its end, level at both. `shape`: lines and arcs (length, turn) in place of the one that `length`
    and `turn` give.
    """

    name: str
    length: float
    turn: float
    profile: Profile
    speed_kmh: float = 60.0
    hill: float = 0.0
    climb: float = 0.0
    shape: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class _Section:
    start: float
    left: tuple[Taper, ...]
    right: tuple[Taper, ...]
    center: tuple[str, str]

    def ids(self, side: int) -> dict[str, int]:
        """Lane id of each strip on one side."""
        return {taper.slot.name: side * (n + 1) for n, taper in enumerate(self.left if side > 0 else self.right)}


@dataclass
class _Road:
    id: int
    name: str
    curves: tuple[Curve, ...]
    sections: list[_Section]
    speed_kmh: float
    profile: Profile | None = None
    junction: int = -1
    hill: float = 0.0
    height: float = 0.0
    climb: float = 0.0
    predecessor: str = ""
    successor: str = ""
    lane_links: dict[tuple[int, int], tuple[int | None, int | None]] = field(default_factory=dict)
    objects: list[str] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)

    @property
    def length(self) -> float:
        return sum(curve.length for curve in self.curves)


@dataclass(frozen=True)
class _Arm:
    """A chain's end at the junction, seen by a driver on it: lanes are numbered from the innermost (left) one."""

    road: _Road
    contact: str
    x: float
    y: float
    outward: float  # heading that leads away from the junction

    @property
    def height(self) -> float:
        return self.road.height + (self.road.climb if self.contact == "end" else 0.0)

    @property
    def section(self) -> _Section:
        return self.road.sections[0 if self.contact == "start" else -1]

    def strips(self, inbound: bool) -> tuple[Taper, ...]:
        return self.section.left if (self.contact == "start") == inbound else self.section.right

    def side(self, inbound: bool) -> int:
        return 1 if (self.contact == "start") == inbound else -1

    def lanes(self, inbound: bool) -> list[str]:
        return [taper.slot.name for taper in self.strips(inbound) if taper.slot.kind == "driving"]

    @property
    def approach(self) -> Approach:
        """The lanes that lead into the junction."""
        strips, side = self.strips(True), self.side(True)
        lanes = tuple(side * (n + 1) for n, taper in enumerate(strips) if taper.slot.kind == "driving")
        return Approach(side, self.road.length, sum(taper.slot.width for taper in strips), lanes)

    def inner_edge(self, inbound: bool, name: str) -> tuple[float, float, float]:
        """Pose (x, y, travel heading) of the edge of lane `name` that is nearer to the road's centre."""
        offset = 0.0
        for taper in self.strips(inbound):
            if taper.slot.name == name:
                break
            offset += taper.slot.width
        # Right-hand traffic: leaving, the lanes lie right of the outward axis; arriving, left of it.
        lateral = offset if inbound else -offset
        x = self.x - lateral * sine(self.outward)
        y = self.y + lateral * cosine(self.outward)
        return x, y, self.outward + (math.pi if inbound else 0.0)


class TownWriter:
    """Collects chains and junctions, then `text()` gives the OpenDRIVE map.

    `taper_length` (m): how long one leg's cross-section takes to become the next one's. `turn_kmh`: the limit on
    connecting roads that turn, while those that go straight on have their street's; 40 km/h on all of them if None.
    """

    def __init__(self, name: str, taper_length: float = TAPER_LENGTH, turn_kmh: float | None = None) -> None:
        self._name = name
        self._taper_length = taper_length
        self._turn_kmh = turn_kmh
        self._roads: list[_Road] = []
        self._arms: dict[int, list[_Arm]] = {}
        self._connections: dict[int, list[str]] = {}
        self._ends: list[tuple[float, float, float]] = []
        self._signals = 0
        self._controllers: list[str] = []
        self._controlled: dict[int, list[str]] = {}

    def chain(
        self,
        start: tuple[float, float, float],
        legs: Sequence[Leg],
        first: int | None,
        last: int | None,
        height: float = 0.0,
    ) -> None:
        """Roads end to end from pose `start`, `height` m up; `first`/`last` name the junctions at its ends.

        Without a junction (None) it is a dead end.
        """
        x, y, heading = start
        before: Profile | None = None
        chain: list[_Road] = []
        for leg in legs:
            curves, (end_x, end_y, end_heading) = _curves((x, y, heading), leg.shape or ((leg.length, leg.turn),))
            sections = _sections(before, leg.profile, self._taper_length)
            road = _Road(
                len(self._roads) + 1, leg.name, curves, sections, leg.speed_kmh, leg.profile, -1, leg.hill, height,
                leg.climb,
            )  # fmt: skip
            height += leg.climb
            self._roads.append(road)
            chain.append(road)
            x, y, heading = end_x, end_y, end_heading
            before = leg.profile
        for previous, following in pairwise(chain):
            previous.successor = f'elementType="road" elementId="{following.id}" contactPoint="start"'
            following.predecessor = f'elementType="road" elementId="{previous.id}" contactPoint="end"'
        _link_sections(chain)
        if first is not None:
            chain[0].predecessor = f'elementType="junction" elementId="{first}"'
            self._arms.setdefault(first, []).append(_Arm(chain[0], "start", *start))
        if last is not None:
            chain[-1].successor = f'elementType="junction" elementId="{last}"'
            self._arms.setdefault(last, []).append(_Arm(chain[-1], "end", x, y, heading + math.pi))
        self._ends.append((x, y, heading))

    def end_of_last_chain(self) -> tuple[float, float, float]:
        """Pose (x, y, heading) where the newest chain ended; layouts use it to check that loops close."""
        return self._ends[-1]

    def fork(self, junction: int, ways: Sequence[tuple[str, int, str, int]]) -> None:
        """Connecting roads of a motorway's exit or entry, without crossings.

        Each way: (street that leads in, its lane, street that leads out, its lane), lanes counted from the left.
        """
        arms = self._arms[junction]
        for street_in, lane_in, street_out, lane_out in ways:
            source = next(arm for arm in arms if arm.road.name == street_in and arm.lanes(True))
            target = next(arm for arm in arms if arm.road.name == street_out and arm.lanes(False))
            lanes_in, lanes_out = source.lanes(True), target.lanes(False)
            outermost = lane_in == len(lanes_in) - 1 and lane_out == len(lanes_out) - 1
            # Whoever drives at 100 km/h needs lines all along.
            line = ("none", "standard") if outermost else ("broken", "white")
            edge = ("solid", "yellow") if lane_in == lane_out == 0 else ("none", "standard")
            lanes = lanes_in[lane_in], lanes_out[lane_out]
            self._connect_lanes(junction, source, target, *lanes, outermost, line, edge)

    def connect(self, junction: int, uncrossed: tuple[str, ...] = ()) -> None:
        """Connecting roads between all arms of `junction`: left, straight and right, one road per lane pair.

        Every arm gets a zebra crossing, but those of the streets `uncrossed`.
        """
        arms = self._arms[junction]
        for incoming in arms:
            turns_right = any(_turn(incoming, arm) < -STRAIGHT_ANGLE for arm in arms if arm is not incoming)
            served = set()
            for outgoing in arms:
                if incoming is not outgoing:
                    for lane_in, lane_out, outermost in _lane_pairs(incoming, outgoing, not turns_right):
                        self._connect_lanes(junction, incoming, outgoing, lane_in, lane_out, outermost)
                        served.add(lane_in)
            for lane_in in incoming.lanes(True):
                ways = [arm for arm in arms if arm is not incoming and arm.lanes(False)]
                if lane_in not in served and ways:
                    # Where a street goes on with fewer lanes and nothing turns off, its surplus lanes merge.
                    onward = min(ways, key=lambda arm: abs(_turn(incoming, arm)))
                    lanes = onward.lanes(False)
                    lane_out = lanes[min(incoming.lanes(True).index(lane_in), len(lanes) - 1)]
                    self._connect_lanes(junction, incoming, onward, lane_in, lane_out, False)
        for arm in arms:
            if arm.road.name not in uncrossed:
                _add_crosswalk(arm)

    def lights(self, junction: int) -> None:
        """A traffic light for every arm of `junction` that leads into it, each with a controller of its own."""
        for arm in self._arms[junction]:
            if arm.approach.lanes:
                signal = self._next_signal()
                arm.road.signals += signal_writer.light(signal, arm.approach)
                controller = 10000 + signal
                order = len(self._controlled.setdefault(junction, []))
                self._controllers.append(signal_writer.controller(controller, order, [signal]))
                self._controlled[junction].append(f'<controller id="{controller}" type="0" sequence="{order}"/>')

    def signs(self, junction: int, street: str, name: str, kind: str) -> None:
        """A sign of type `kind` where the arm of `junction` called `street` ends, which should have no crossing."""
        for arm in self._arms[junction]:
            if arm.road.name == street:
                sign = signal_writer.sign(self._next_signal(), name, kind, -1, arm.approach, signal_writer.SIGN_LINE)
                arm.road.signals.append(sign)

    def limit_signs(self, behind: float = LIMIT_SIGN) -> None:
        """The limit of every street, shown to who enters it from a junction, and where it changes on a one-way road.

        `behind` (m): how far from the junction, where the street is long enough. Beside ramps there is room only later.
        """
        for arms in self._arms.values():
            for arm in arms:
                if arm.road.length >= 2 * LIMIT_SIGN and arm.lanes(False):
                    away = behind if arm.road.length >= 2 * behind else LIMIT_SIGN
                    self._limit_sign(arm.road, arm.strips(False), arm.side(False), arm.road.length - away)
        for before, road in pairwise(self._roads):
            follows = f'elementId="{before.id}" contactPoint="end"' in road.predecessor and road.junction == -1
            one_way = road.profile is not None and not road.profile.left
            if follows and one_way and road.speed_kmh != before.speed_kmh:
                self._limit_sign(road, road.sections[0].right, -1, road.length - 1.0)

    def _limit_sign(self, road: _Road, strips: tuple[Taper, ...], side: int, from_end: float) -> None:
        lanes = tuple(side * (n + 1) for n, taper in enumerate(strips) if taper.slot.kind == "driving")
        approach = Approach(side, road.length, sum(taper.slot.width for taper in strips), lanes)
        limit = round(road.speed_kmh)
        sign = signal_writer.sign(self._next_signal(), f"Limit{limit}", SPEED_LIMIT, limit, approach, from_end)
        road.signals.append(sign)

    def _next_signal(self) -> int:
        self._signals += 1
        return 5000 + self._signals

    def _connect_lanes(
        self,
        junction: int,
        incoming: _Arm,
        outgoing: _Arm,
        lane_in: str,
        lane_out: str,
        outermost: bool,
        line: tuple[str, str] = ("none", "standard"),
        edge: tuple[str, str] = ("none", "standard"),
    ) -> None:
        """One connecting road; `line` is painted right of a lane that is not the `outermost`, `edge` left of it."""
        curves = biarc(incoming.inner_edge(True, lane_in), outgoing.inner_edge(False, lane_out))
        before = {taper.slot.name: taper.slot for taper in incoming.strips(True)}
        after = {taper.slot.name: taper.slot for taper in outgoing.strips(False)}
        lane = before[lane_in]
        mark = ("solid", "white") if outermost else line
        strips = [Taper(type(lane)("driving0", "driving", LANE_WIDTH, mark), LANE_WIDTH, LANE_WIDTH)]
        names = [(lane_in, lane_out)]
        if outermost:
            for name in ("parking", "shoulder", "sidewalk"):
                slot = before.get(name) or after.get(name)
                if slot is not None:
                    ends = [table[name].width if name in table else 0.0 for table in (before, after)]
                    strips.append(Taper(slot, *ends))
                    names.append((name if name in before else "", name if name in after else ""))
        section = _Section(0.0, (), tuple(strips), edge)
        speed = CONNECTING_KMH
        if self._turn_kmh is not None:
            turns = abs(_turn(incoming, outgoing)) > STRAIGHT_ANGLE
            speed = self._turn_kmh if turns else min(incoming.road.speed_kmh, outgoing.road.speed_kmh)
        road = _Road(len(self._roads) + 1, "", curves, [section], speed, junction=junction, height=incoming.height)
        road.predecessor = f'elementType="road" elementId="{incoming.road.id}" contactPoint="{incoming.contact}"'
        road.successor = f'elementType="road" elementId="{outgoing.road.id}" contactPoint="{outgoing.contact}"'
        in_ids = incoming.section.ids(incoming.side(True))
        out_ids = outgoing.section.ids(outgoing.side(False))
        links = []
        for number, (source, target) in enumerate(names):
            road.lane_links[0, -(number + 1)] = (in_ids.get(source), out_ids.get(target))
            if source and target:
                links.append(f'<laneLink from="{in_ids[source]}" to="{-(number + 1)}"/>')
        self._roads.append(road)
        connections = self._connections.setdefault(junction, [])
        connections.append(
            f'<connection id="{len(connections)}" incomingRoad="{incoming.road.id}" connectingRoad="{road.id}" '
            f'contactPoint="start">{"".join(links)}</connection>'
        )

    def text(self) -> str:
        """The map as OpenDRIVE 1.4 XML."""
        lines = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            "<OpenDRIVE>",
            f'<header revMajor="1" revMinor="4" name="{self._name}" version="1" vendor="Pilotage">',
            "<geoReference><![CDATA[+proj=tmerc +lat_0=42 +lon_0=2 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m]]>"
            "</geoReference>",
            "</header>",
        ]
        for road in self._roads:
            lines.extend(_road_xml(road))
        lines.extend(self._controllers)
        for junction, connections in self._connections.items():
            lines.append(f'<junction id="{junction}" name="junction{junction}">')
            lines.extend(connections)
            lines.extend(self._controlled.get(junction, []))
            lines.append("</junction>")
        lines.append("</OpenDRIVE>")
        return "\n".join(lines) + "\n"


def _curves(
    start: tuple[float, float, float], shape: Sequence[tuple[float, float]]
) -> tuple[tuple[Curve, ...], tuple[float, float, float]]:
    """Lines and arcs end to end, and the pose where they end."""
    curves, (x, y, heading), s = [], start, 0.0
    for length, turn in shape:
        parameters = (math.radians(turn) / length,) if turn else ()
        curve = Curve("arc" if turn else "line", s, x, y, heading, length, parameters)
        curves.append(curve)
        x, y, heading = (float(value) for value in curve.evaluate(np.array([length]))[0])
        s += length
    return tuple(curves), (x, y, heading)


def _sections(before: Profile | None, profile: Profile, taper_length: float) -> list[_Section]:
    full = _Section(0.0, constant(profile, 1), constant(profile, -1), center_mark(profile))
    if before is None or before == profile:
        return [full]
    wider = profile if profile.median >= before.median else before
    taper = _Section(0.0, transition(before, profile, 1), transition(before, profile, -1), center_mark(wider))
    return [taper, _Section(taper_length, full.left, full.right, full.center)]


def _link_sections(chain: list[_Road]) -> None:
    places = [(road, number) for road in chain for number in range(len(road.sections))]
    for position, (road, number) in enumerate(places):
        for side in (1, -1):
            neighbours = []
            for step in (-1, 1):
                other = position + step
                inside = 0 <= other < len(places)
                neighbours.append(places[other][0].sections[places[other][1]].ids(side) if inside else {})
            for name, lane_id in road.sections[number].ids(side).items():
                road.lane_links[number, lane_id] = (neighbours[0].get(name), neighbours[1].get(name))


def _turn(incoming: _Arm, outgoing: _Arm) -> float:
    """Angle (rad, left positive) by which a driver turns from one arm into another."""
    return (outgoing.outward - incoming.outward - math.pi + math.pi) % (2 * math.pi) - math.pi


def _lane_pairs(incoming: _Arm, outgoing: _Arm, straight_is_outermost: bool) -> list[tuple[str, str, bool]]:
    """(lane in, lane out, is the outermost one) of all movements between two arms."""
    sources, targets = incoming.lanes(True), outgoing.lanes(False)
    if not sources or not targets:
        return []
    turn = _turn(incoming, outgoing)
    if turn > STRAIGHT_ANGLE:
        count = 2 if len(sources) >= 3 and len(targets) >= 2 else 1
        return [(sources[n], targets[n], False) for n in range(count)]
    if turn < -STRAIGHT_ANGLE:
        return [(sources[-1], targets[-1], True)]
    extra = len(sources) - len(targets)
    # Surplus lanes turn: the innermost to the left, then the outermost to the right.
    first = (extra + 1) // 2 if extra > 0 else 0
    count = min(len(sources), len(targets))
    return [(sources[first + n], targets[n], straight_is_outermost and n == count - 1) for n in range(count)]


def _add_crosswalk(arm: _Arm) -> None:
    """A zebra crossing 4 m wide over all driving lanes, 3 m from the junction."""
    extent = dict.fromkeys((1, -1), 0.0)
    for side, strips in ((1, arm.section.left), (-1, arm.section.right)):
        extent[side] = sum(taper.slot.width for taper in strips if taper.slot.kind != "sidewalk")
    s = 5.0 if arm.contact == "start" else arm.road.length - 5.0
    corners = [(-2.0, -extent[-1]), (2.0, -extent[-1]), (2.0, extent[1]), (-2.0, extent[1]), (-2.0, -extent[-1])]
    outline = "".join(f'<cornerLocal u="{u!r}" v="{v!r}" z="0" height="0"/>' for u, v in corners)
    number = len(arm.road.objects)
    arm.road.objects.append(
        f'<object id="{arm.road.id * 10 + number}" name="crosswalk" type="crosswalk" s="{s!r}" t="0" zOffset="0" '
        f'orientation="none" hdg="0" pitch="0" roll="0" length="4" width="{extent[1] + extent[-1]!r}">'
        f"<outline>{outline}</outline></object>"
    )


def _road_xml(road: _Road) -> list[str]:
    length = road.length
    lines = [
        f'<road name="{road.name}" length="{length!r}" id="{road.id}" junction="{road.junction}">',
        "<link>",
        *([f"<predecessor {road.predecessor}/>"] if road.predecessor else []),
        *([f"<successor {road.successor}/>"] if road.successor else []),
        "</link>",
        f'<type s="0" type="town"><speed max="{road.speed_kmh:g}" unit="km/h"/></type>',
        "<planView>",
    ]
    for curve in road.curves:
        shape = f'<arc curvature="{curve.parameters[0]!r}"/>' if curve.kind == "arc" else "<line/>"
        lines.append(
            f'<geometry s="{curve.s!r}" x="{curve.x!r}" y="{curve.y!r}" hdg="{curve.heading!r}" '
            f'length="{curve.length!r}">{shape}</geometry>'
        )
    lines += ["</planView>", f"<elevationProfile>{_elevation_xml(road)}</elevationProfile>"]
    lines.append("<lanes>")
    for number, section in enumerate(road.sections):
        following = road.sections[number + 1].start if number + 1 < len(road.sections) else length
        lines.append(f'<laneSection s="{section.start!r}">')
        for name, side, strips in (("left", 1, section.left), ("right", -1, section.right)):
            if strips:
                lanes = [
                    _lane_xml(
                        side * (n + 1), taper, following - section.start, road.lane_links.get((number, side * (n + 1)))
                    )
                    for n, taper in enumerate(strips)
                ]
                body = "".join(reversed(lanes) if side > 0 else lanes)
                if name == "left":
                    lines.append(f"<left>{body}</left>")
                right = body if name == "right" else ""
            else:
                right = ""
            if name == "left":
                mark = _mark_xml(*section.center)
                lines.append(f'<center><lane id="0" type="none" level="false">{mark}</lane></center>')
            elif right:
                lines.append(f"<right>{right}</right>")
        lines.append("</laneSection>")
    lines.append("</lanes>")
    if road.objects:
        lines.append(f"<objects>{''.join(road.objects)}</objects>")
    if road.signals:
        lines.append(f"<signals>{''.join(road.signals)}</signals>")
    lines.append("</road>")
    return lines


def _elevation_xml(road: _Road) -> str:
    flat = f'<elevation s="0" a="{road.height or 0!r}" b="0" c="0" d="0"/>'
    if road.climb:
        # Smoothstep: level at both ends, steepest in the middle.
        c, d = 3 * road.climb / road.length**2, -2 * road.climb / road.length**3
        return f'<elevation s="0" a="{road.height!r}" b="0" c="{c!r}" d="{d!r}"/>'
    if not road.hill:
        return flat
    # Smoothstep up to the middle, and down again.
    half = 0.5 * road.length - HILL_ENDS
    c, d = 3 * road.hill / half**2, -2 * road.hill / half**3
    return (
        f'{flat}<elevation s="{HILL_ENDS!r}" a="0" b="0" c="{c!r}" d="{d!r}"/>'
        f'<elevation s="{HILL_ENDS + half!r}" a="{road.hill!r}" b="0" c="{-c!r}" d="{-d!r}"/>'
        f'<elevation s="{road.length - HILL_ENDS!r}" a="0" b="0" c="0" d="0"/>'
    )


def _lane_xml(lane_id: int, taper: Taper, length: float, link: tuple[int | None, int | None] | None) -> str:
    predecessor, successor = link or (None, None)
    change = taper.end - taper.start
    # Smoothstep: the taper leaves and reaches its end widths without a kink.
    c, d = 3 * change / length**2, -2 * change / length**3
    slot = taper.slot
    links = (f'<predecessor id="{predecessor}"/>' if predecessor is not None else "") + (
        f'<successor id="{successor}"/>' if successor is not None else ""
    )
    height = f'<height sOffset="0" inner="{slot.height!r}" outer="{slot.height!r}"/>' if slot.height else ""
    return (
        f'<lane id="{lane_id}" type="{slot.kind}" level="false"><link>{links}</link>'
        f'<width sOffset="0" a="{taper.start!r}" b="0" c="{c!r}" d="{d!r}"/>'
        f"{_mark_xml(*(slot.mark or ('none', 'standard')))}"
        f'<material sOffset="0" surface="{slot.surface}" friction="1" roughness="0"/>{height}</lane>'
    )


def _mark_xml(kind: str, color: str) -> str:
    change = "both" if kind == "broken" else "none"
    return (
        f'<roadMark sOffset="0" type="{kind}" weight="standard" color="{color}" width="{EDGE_WIDTH!r}" '
        f'laneChange="{change}"/>'
    )
