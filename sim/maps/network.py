"""Reads OpenDRIVE 1.4 into a road network: what lanes there are, where their edges run and what is painted on them.

OpenDRIVE's frame: x east, y north, t to the left of the reference line, radians. `to_carla` flips y, as CARLA does.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import numpy as np

from sim.errors import PilotageError
from sim.geometry import product
from sim.maps.curves import KINDS, Curve, evaluate_curves

MAX_EXTENT = 60.0e3
MAX_TOTAL_LENGTH = 2.0e6
MAX_HALF_WIDTH = 500.0
MAX_LANE_LENGTH = 2.0e7
MAX_OUTLINE = 500.0
MAX_MARK_LINES = 12
MAX_MARK_WIDTH = 5.0


class InvalidOpenDrive(PilotageError, ValueError):
    """The text is not an OpenDRIVE map that can be read; the message names the element and what is wrong with it."""


@dataclass(frozen=True)
class MarkLine:
    """One line of a mark: `length` m painted, then `space` m bare, `t` m left of the lane's edge, from `s` m on.

    A length of 0 is a line without gaps; of a line that does not repeat, `space` is -1. `color` "" is the mark's.
    """

    length: float
    space: float
    t: float
    s: float
    width: float
    color: str


@dataclass(frozen=True)
class RoadMark:
    """Paint on a lane's outer edge from `s` (m, absolute on the road) on; `kind` as in OpenDRIVE.

    `lines` are those that the map describes one by one; without any the kind says what is painted.
    """

    s: float
    kind: str
    color: str
    width: float
    lines: tuple[MarkLine, ...] = ()


@dataclass(frozen=True)
class Lane:
    """A lane of a section. `widths` (K, 5): absolute start s, a, b, c, d (`is_border`: of t instead)."""

    id: int
    kind: str
    widths: np.ndarray
    is_border: bool
    marks: tuple[RoadMark, ...]
    height: float
    surface: str
    predecessor: int | None
    successor: int | None


@dataclass(frozen=True)
class LaneSection:
    """Lanes between `start` and `end` (m along the road); `left` and `right` are ordered from the centre outwards."""

    start: float
    end: float
    left: tuple[Lane, ...]
    right: tuple[Lane, ...]
    center: Lane | None


@dataclass(frozen=True)
class Crosswalk:
    """A zebra crossing: `outline` (N, 2) x, y in OpenDRIVE's frame, `height` z, from `start` to `end` along s (m)."""

    outline: np.ndarray
    height: float
    start: float
    end: float


@dataclass(frozen=True)
class RoadArrow:
    """A turn arrow that a map itself paints: its middle at `s`, `t` (m), its size (m, 0 where not given) and its names.

    `turned` is its heading (rad) against the road's.
    """

    s: float
    t: float
    turned: float
    length: float
    width: float
    words: str


@dataclass(frozen=True)
class Road:
    """A road. `offsets` (laneOffset) and `elevation` are (K, 5) records of start s, a, b, c, d.

    `predecessor` and `successor` name the road or junction at its ends as (type, id, contact point), "" if not linked.
    `speeds` (K, 2): the limit in km/h from s (m) on; empty when the map gives none. `arrows`: the map's own.
    """

    id: str
    name: str
    junction: str | None
    predecessor: tuple[str, str, str]
    successor: tuple[str, str, str]
    length: float
    curves: tuple[Curve, ...]
    offsets: np.ndarray
    elevation: np.ndarray
    sections: tuple[LaneSection, ...]
    crosswalks: tuple[Crosswalk, ...]
    speeds: np.ndarray
    arrows: tuple[RoadArrow, ...] = ()

    def reference(self, s: np.ndarray) -> np.ndarray:
        """Reference line at `s` (N,): (N, 4) x, y, z, heading (rad)."""
        plane = evaluate_curves(self.curves, s)
        height = evaluate_cubics(self.elevation, s)
        return np.stack([plane[:, 0], plane[:, 1], height, plane[:, 2]], axis=1)

    def edges(self, section: LaneSection, side: int, s: np.ndarray) -> np.ndarray:
        """t (m) of lane edges on `side` (+1 left, -1 right) at `s` (N,), from the centre outwards: (lanes + 1, N)."""
        lanes = section.left if side > 0 else section.right
        inner = evaluate_cubics(self.offsets, s)
        rows = [inner]
        for lane in lanes:
            value = evaluate_cubics(lane.widths, s)
            rows.append(value if lane.is_border else rows[-1] + side * np.maximum(value, 0.0))
        return np.stack(rows)


@dataclass(frozen=True)
class RoadNetwork:
    """All roads of a map, in file order."""

    roads: tuple[Road, ...]


def evaluate_cubics(records: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Piecewise cubics a + b ds + c ds^2 + d ds^3 at `s` (N,); `records` (K, 5) start s, a, b, c, d; zero if none."""
    s = np.asarray(s, np.float64)
    if len(records) == 0:
        return np.zeros(len(s))
    start, a, b, c, d = records[np.maximum(np.searchsorted(records[:, 0], s + 1e-9, side="right") - 1, 0)].T
    ds = s - start
    return a + ds * (b + ds * (c + ds * d))


def to_carla(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Points (..., 3) in CARLA's left-handed frame of points in OpenDRIVE's right-handed one."""
    return np.stack([x, -y, z], axis=-1)


def parse_network(text: str) -> RoadNetwork:
    """Reads OpenDRIVE XML. Raises InvalidOpenDrive for broken XML, missing attributes and unknown geometry."""
    return read_network(parse_xml(text))


def parse_xml(text: str) -> ElementTree.Element:
    """The root element of OpenDRIVE text. Raises InvalidOpenDrive."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InvalidOpenDrive("OpenDRIVE text declares a DOCTYPE or ENTITY, which no map needs; remove it")
    try:
        root = ElementTree.fromstring(text.encode())
    except ElementTree.ParseError as error:
        raise InvalidOpenDrive(f"not well-formed XML: {error}") from error
    # Some makers write a default namespace, which no name of an element depends on.
    for element in root.iter():
        element.tag = element.tag.rsplit("}", 1)[-1]
    if root.tag != "OpenDRIVE":
        raise InvalidOpenDrive(f"the root element is <{root.tag}>, expected <OpenDRIVE>")
    return root


def read_network(root: ElementTree.Element) -> RoadNetwork:
    """The roads of an <OpenDRIVE> element. Raises InvalidOpenDrive."""
    roads = tuple(_road(element) for element in root.iter("road"))
    if not roads:
        raise InvalidOpenDrive("the map has no <road>")
    _check_size(roads)
    return RoadNetwork(roads)


def _check_size(roads: tuple[Road, ...]) -> None:
    """Refuse what would take more memory than there is: a hostile or broken file, never a town."""
    total = sum(max(road.length, *(curve.length for curve in road.curves)) for road in roads)
    if total > MAX_TOTAL_LENGTH:
        raise InvalidOpenDrive(f"its roads are {total / 1000:.0f} km long, more than {MAX_TOTAL_LENGTH / 1000:g} km")
    points = np.concatenate([road.reference(np.linspace(0.0, road.length, 33))[:, :2] for road in roads])
    if not np.ptp(points, axis=0).max() <= MAX_EXTENT:
        raise InvalidOpenDrive(f"its roads lie more than {MAX_EXTENT / 1000:g} km apart")
    lanes = sum(
        (section.end - section.start) * (len(section.left) + len(section.right))
        for road in roads
        for section in road.sections
    )
    if lanes > MAX_LANE_LENGTH:
        raise InvalidOpenDrive(f"its lanes are {lanes / 1000:.0f} km long, more than {MAX_LANE_LENGTH / 1000:g} km")
    for road in roads:
        for section in road.sections:
            s = np.linspace(section.start, section.end, 5)
            reach = max(float(np.abs(road.edges(section, side, s)).max()) for side in (1, -1))
            if not reach <= MAX_HALF_WIDTH:
                raise InvalidOpenDrive(
                    f"road {road.id!r} reaches {reach:.0f} m to one side of its reference line, more than "
                    f"{MAX_HALF_WIDTH:g} m: check the widths of its lanes and its laneOffset"
                )


def number_of(element: ElementTree.Element, name: str, default: float | None = None) -> float:
    """A finite numeric attribute. Raises InvalidOpenDrive."""
    raw = element.get(name)
    if raw is None:
        if default is None:
            raise InvalidOpenDrive(f"<{element.tag}> lacks the attribute '{name}'")
        return default
    try:
        value = float(raw)
    except ValueError:
        raise InvalidOpenDrive(f"<{element.tag} {name}={raw!r}> is not a number") from None
    if not np.isfinite(value):
        raise InvalidOpenDrive(f"<{element.tag} {name}={raw!r}> is not finite")
    return value


def _road(element: ElementTree.Element) -> Road:
    road_id = element.get("id", "")
    curves = tuple(_curve(record) for record in element.findall("planView/geometry"))
    if not curves:
        raise InvalidOpenDrive(f"road {road_id!r} has no planView geometry")
    length = number_of(element, "length")
    section_elements = element.findall("lanes/laneSection")
    starts = [min(length, max(0.0, number_of(section, "s"))) for section in section_elements]
    ends = [*starts[1:], length]
    sections = tuple(
        _section(section, start, end) for section, start, end in zip(section_elements, starts, ends) if end > start
    )
    junction = element.get("junction", "-1")
    road = Road(
        id=road_id,
        name=element.get("name", ""),
        junction=None if junction == "-1" else junction,
        predecessor=_link(element, "predecessor"),
        successor=_link(element, "successor"),
        length=length,
        curves=tuple(sorted(curves, key=lambda curve: curve.s)),
        offsets=_cubics(element.findall("lanes/laneOffset"), "s", 0.0),
        elevation=_cubics(element.findall("elevationProfile/elevation"), "s", 0.0),
        sections=sections,
        crosswalks=(),
        speeds=_speeds(element),
        arrows=tuple(_arrow(item) for item in element.findall("objects/object") if "arrow" in _words(item)),
    )
    crosswalks = tuple(
        _crosswalk(road, item) for item in element.findall("objects/object") if item.get("type") == "crosswalk"
    )
    return Road(**{**vars(road), "crosswalks": crosswalks})


def _words(item: ElementTree.Element) -> str:
    """Name, type and subtype of an object: makers of maps say in either what it is."""
    return " ".join(item.get(key, "").lower() for key in ("name", "type", "subtype"))


def _arrow(item: ElementTree.Element) -> RoadArrow:
    s, t, turned, length, width = (number_of(item, name, 0.0) for name in ("s", "t", "hdg", "length", "width"))
    return RoadArrow(s, t, turned, length, width, _words(item))


_KMH = {"": 3.6, "m/s": 3.6, "km/h": 1.0, "mph": 1.609344}


def in_kmh(value: float, unit: str) -> float:
    """A speed in km/h; OpenDRIVE's default unit is m/s. Raises InvalidOpenDrive for an unknown unit."""
    if unit not in _KMH:
        raise InvalidOpenDrive(f"the speed unit {unit!r} is none of {list(_KMH)}")
    return value * _KMH[unit]


def _speeds(element: ElementTree.Element) -> np.ndarray:
    rows = []
    for record in element.findall("type"):
        speed = record.find("speed")
        # "no limit" and "undefined" are words in place of a number.
        if speed is not None and speed.get("max", "").replace(".", "", 1).isdigit():
            rows.append([number_of(record, "s", 0.0), in_kmh(number_of(speed, "max"), speed.get("unit", ""))])
    rows.sort(key=lambda row: row[0])
    return np.array(rows, np.float64).reshape(-1, 2)


def _link(element: ElementTree.Element, name: str) -> tuple[str, str, str]:
    link = element.find(f"link/{name}")
    if link is None:
        return "", "", ""
    return link.get("elementType", ""), link.get("elementId", ""), link.get("contactPoint", "")


def _curve(record: ElementTree.Element) -> Curve:
    shape = next((child for child in record if child.tag in KINDS), None)
    if shape is None:
        found = [child.tag for child in record]
        raise InvalidOpenDrive(f"<geometry> holds {found}, expected one of {list(KINDS)}")
    length = number_of(record, "length")
    names: tuple[str, ...] = {
        "line": (),
        "arc": ("curvature",),
        "spiral": ("curvStart", "curvEnd"),
        "poly3": ("a", "b", "c", "d"),
        "paramPoly3": ("aU", "bU", "cU", "dU", "aV", "bV", "cV", "dV"),
    }[shape.tag]
    parameters = tuple(number_of(shape, name) for name in names)
    if shape.tag == "paramPoly3":
        parameters += (length if shape.get("pRange") == "arcLength" else 1.0,)
    x, y, heading = (number_of(record, name) for name in ("x", "y", "hdg"))
    return Curve(shape.tag, number_of(record, "s"), x, y, heading, length, parameters)


def _cubics(records: list[ElementTree.Element], start: str, base: float) -> np.ndarray:
    rows = [[base + number_of(r, start), *(number_of(r, name, 0.0) for name in "abcd")] for r in records]
    rows.sort(key=lambda row: row[0])
    return np.array(rows, np.float64).reshape(-1, 5)


def _section(element: ElementTree.Element, start: float, end: float) -> LaneSection:
    lanes = {side: [_lane(lane, start) for lane in element.findall(f"{side}/lane")] for side in ("left", "right")}
    center = element.find("center/lane")
    return LaneSection(
        start=start,
        end=end,
        left=tuple(sorted(lanes["left"], key=lambda lane: lane.id)),
        right=tuple(sorted(lanes["right"], key=lambda lane: -lane.id)),
        center=None if center is None else _lane(center, start),
    )


def _lane(element: ElementTree.Element, start: float) -> Lane:
    kind = element.get("type", "none")
    width_records = element.findall("width")
    border_records = element.findall("border") if not width_records else []
    marks = tuple(
        RoadMark(
            start + number_of(mark, "sOffset", 0.0),
            mark.get("type", "none"),
            mark.get("color", "standard"),
            number_of(mark, "width", 0.15) or 0.15,
            _mark_lines(mark),
        )
        for mark in element.findall("roadMark")
    )
    height = element.find("height")
    material = element.find("material")
    links = [element.find(f"link/{name}") for name in ("predecessor", "successor")]
    predecessor, successor = (None if link is None else int(number_of(link, "id")) for link in links)
    return Lane(
        id=int(number_of(element, "id")),
        kind=kind,
        widths=_cubics(width_records or border_records, "sOffset", start),
        is_border=bool(border_records),
        marks=tuple(sorted(marks, key=lambda mark: mark.s)),
        # Maps rarely write heights; a sidewalk without one gets the usual kerb of 15 cm.
        height=number_of(height, "outer", number_of(height, "inner", 0.0))
        if height is not None
        else (0.15 if kind == "sidewalk" else 0.0),
        surface="" if material is None else material.get("surface", ""),
        predecessor=predecessor,
        successor=successor,
    )


def _mark_lines(mark: ElementTree.Element) -> tuple[MarkLine, ...]:
    """Lines of <type> and <explicit>, MAX_MARK_LINES at most."""
    lines = []
    usual = number_of(mark, "width", 0.15) or 0.15
    for group in ("type", "explicit"):
        for line in mark.findall(f"{group}/line")[:MAX_MARK_LINES]:
            space = -1.0 if group == "explicit" else max(0.0, number_of(line, "space", 0.0))
            length, t = max(0.0, number_of(line, "length", 0.0)), number_of(line, "tOffset", 0.0)
            width = min(number_of(line, "width", usual) or usual, MAX_MARK_WIDTH)
            start = number_of(line, "sOffset", 0.0)
            if abs(t) <= MAX_MARK_WIDTH and width > 0.0:
                lines.append(MarkLine(length, space, t, start, width, line.get("color", "")))
    return tuple(lines[:MAX_MARK_LINES])


def _crosswalk(road: Road, element: ElementTree.Element) -> Crosswalk:
    s, t, turned = number_of(element, "s"), number_of(element, "t"), number_of(element, "hdg", 0.0)
    x, y, height, road_heading = road.reference(np.array([s]))[0].tolist()
    heading = road_heading + turned
    origin = np.array([x - t * np.sin(road_heading), y + t * np.cos(road_heading)])
    corners = np.array(
        [[number_of(corner, "u"), number_of(corner, "v")] for corner in element.findall("outline/cornerLocal")]
    ).reshape(-1, 2)
    if corners.size and not np.abs(corners).max() <= MAX_OUTLINE:
        raise InvalidOpenDrive(f"a crosswalk of road {road.id!r} has corners over {MAX_OUTLINE:g} m from its place")
    if len(corners) > 1 and np.allclose(corners[0], corners[-1]):
        corners = corners[:-1]
    turn = np.array([[np.cos(heading), -np.sin(heading)], [np.sin(heading), np.cos(heading)]])
    along = s + np.sum(corners * np.array([np.cos(turned), -np.sin(turned)]), axis=1)
    span = (float(along.min()), float(along.max())) if len(along) else (s, s)
    return Crosswalk(product(corners, turn.T) + origin, height + number_of(element, "zOffset", 0.0), *span)
