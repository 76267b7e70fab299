"""Painted lines and zebra crossings as decals (layer 1) on the lane surfaces."""

from __future__ import annotations

import numpy as np

from sim.geometry import length
from sim.labels import Label
from sim.maps.network import Lane, LaneSection, Road, RoadMark, to_carla
from sim.maps.surface import KERB, offset_points, section_samples, strip
from sim.render.mesh import Mesh

DASH_LENGTH = 3.0
DASH_PERIOD = 9.0
DOUBLE_GAP = 0.18
LAYER = 1
END_ZONE = 12.0
CROSSWALK_GAP = 1.0

BOTTS_DIAMETER, BOTTS_PERIOD = 0.12, 1.8
# No map needs more; a hostile one could ask for a dash every millimetre.
LEAST_PERIOD, MAX_DASHES = 0.5, 4000

_COLORS = {
    "yellow": (222, 178, 44),
    "red": (190, 60, 50),
    "blue": (60, 90, 190),
    "green": (60, 150, 80),
    "orange": (226, 128, 40),
    "violet": (132, 84, 168),
    "black": (40, 40, 42),
}
_UNPAINTED = ("none", "edge", "grass", "custom")
_WHITE = (232, 232, 228)


def mark_meshes(road: Road) -> list[Mesh]:
    """All painted lines of a road; each lies on the outer edge of its lane (centre lane: the reference line)."""
    meshes = []
    paint = painted_span(road)
    for section in road.sections:
        samples = section_samples(road, section)
        if section.center is not None:
            meshes += _lane_marks(road, section, section.center, 1, 0, samples, paint)
        for side, lanes in ((1, section.left), (-1, section.right)):
            for number, lane in enumerate(lanes):
                meshes += _lane_marks(road, section, lane, side, number + 1, samples, paint)
    return meshes


def painted_span(road: Road) -> tuple[float, float]:
    """Where (m along the road) lines are painted: they stop short of a zebra crossing at an end of the road."""
    first, last = 0.0, road.length
    for crosswalk in road.crosswalks:
        if crosswalk.end < END_ZONE:
            first = max(first, crosswalk.end + CROSSWALK_GAP)
        elif crosswalk.start > road.length - END_ZONE:
            last = min(last, crosswalk.start - CROSSWALK_GAP)
    return first, last


def _lane_marks(
    road: Road,
    section: LaneSection,
    lane: Lane,
    side: int,
    edge: int,
    samples: np.ndarray,
    paint: tuple[float, float],
) -> list[Mesh]:
    meshes = []
    for number, mark in enumerate(lane.marks):
        end = lane.marks[number + 1].s if number + 1 < len(lane.marks) else section.end
        start, end = max(mark.s, section.start, paint[0]), min(end, paint[1])
        if end - start < 0.1:
            continue
        place = (road, section, lane, side, edge, samples)
        if mark.lines and mark.kind != "none":
            meshes += _described(place, mark, (start, end))
            continue
        if mark.kind in _UNPAINTED:
            continue
        color = _COLORS.get(mark.color, _WHITE)
        words = ["dots"] if mark.kind == "botts dots" else mark.kind.split()
        for line, word in enumerate(words):
            # Of a double mark the first word is the line nearer to the road's centre.
            shift = side * DOUBLE_GAP * (line - (len(words) - 1) / 2) * 1.5
            if word == "broken":
                meshes.append(_dashes(road, section, side, edge, (start, end), shift, mark.width, color))
            elif word == "dots":
                dots = (BOTTS_DIAMETER, BOTTS_PERIOD, start)
                meshes.append(_dashes(road, section, side, edge, (start, end), shift, BOTTS_DIAMETER, color, dots))
            else:
                # A kerb between lanes of one height is a row of stones.
                paint_color, tag = (KERB, Label.SIDEWALKS) if word == "curb" else (color, Label.ROAD_LINES)
                meshes.append(_solid(place, (start, end), shift, mark.width, paint_color, tag))
    return meshes


_Place = tuple[Road, LaneSection, Lane, int, int, np.ndarray]


def _described(place: _Place, mark: RoadMark, span: tuple[float, float]) -> list[Mesh]:
    """The lines that a map describes one by one."""
    road, section, _, side, edge, _ = place
    meshes = []
    for line in mark.lines:
        color = _COLORS.get(line.color or mark.color, _WHITE)
        start = max(span[0], mark.s + line.s)
        end = min(span[1], start + line.length) if line.space < 0.0 and line.length else span[1]
        if end - start < 0.02:
            continue
        if line.length > 0.0 and line.space > 0.0:
            dashes = (line.length, line.length + line.space, mark.s + line.s)
            meshes.append(_dashes(road, section, side, edge, (start, end), line.t, line.width, color, dashes))
        else:
            meshes.append(_solid(place, (start, end), line.t, line.width, color, Label.ROAD_LINES))
    return meshes


def _solid(
    place: _Place, span: tuple[float, float], shift: float, width: float, color: tuple[int, int, int], tag: Label
) -> Mesh:
    road, section, lane, side, edge, samples = place
    s = np.unique(np.concatenate([[span[0]], samples[(samples > span[0]) & (samples < span[1])], [span[1]]]))
    reference = road.reference(s)
    t = road.edges(section, side, s)[edge] + shift
    left, right = (offset_points(reference, t + half, lane.height) for half in (0.5 * width, -0.5 * width))
    return strip(left, right, color, tag, LAYER)


def _dashes(
    road: Road,
    section: LaneSection,
    side: int,
    edge: int,
    span: tuple[float, float],
    shift: float,
    width: float,
    color: tuple[int, int, int],
    dashes: tuple[float, float, float] = (DASH_LENGTH, DASH_PERIOD, 0.0),
) -> Mesh:
    """Dashes of a length (m) every so many metres, one of them beginning at the third number along the road."""
    length, period, origin = dashes
    period = max(period, LEAST_PERIOD, (span[1] - span[0]) / MAX_DASHES)
    begin = np.ceil((span[0] - origin) / period) * period + origin
    first = np.arange(begin, span[1] - 0.5 * length, period)
    if len(first) == 0:
        return Mesh.concat([])
    s = np.stack([first, np.minimum(first + length, span[1])], axis=1).reshape(-1)
    reference = road.reference(s)
    t = road.edges(section, side, s)[edge] + shift
    left, right = offset_points(reference, t + width / 2), offset_points(reference, t - width / 2)
    corners = np.stack([left[0::2], left[1::2], right[1::2], right[0::2]], axis=1)
    triangles = (np.arange(len(first))[:, None, None] * 4) + np.array([[0, 1, 2], [0, 2, 3]])
    return Mesh.build(corners, triangles, color, Label.ROAD_LINES, LAYER)


def crosswalk_meshes(road: Road) -> list[Mesh]:
    """Zebra stripes (0.5 m on, 0.6 m off) along the longer axis of four-cornered crosswalks."""
    meshes = []
    for crosswalk in road.crosswalks:
        if len(crosswalk.outline) != 4:
            continue
        a, b, c, d = crosswalk.outline
        if length(b - a) > length(c - b):
            a, b, c, d = b, c, d, a
        span = length(d - a)
        count = int((span + 0.6) // 1.1)
        if count == 0:
            continue
        margin = (span - (count * 1.1 - 0.6)) / 2
        starts = (margin + 1.1 * np.arange(count)) / span
        ends = starts + 0.5 / span
        near = [a + (d - a) * f[:, None] for f in (starts, ends)]
        far = [b + (c - b) * f[:, None] for f in (starts, ends)]
        corners = np.stack([near[0], near[1], far[1], far[0]], axis=1)
        flat = to_carla(corners[..., 0], corners[..., 1], np.full(corners.shape[:2], crosswalk.height))
        triangles = (np.arange(count)[:, None, None] * 4) + np.array([[0, 1, 2], [0, 2, 3]])
        meshes.append(Mesh.build(flat, triangles, _WHITE, Label.ROAD_LINES, LAYER))
    return meshes
