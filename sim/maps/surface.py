"""Meshes the lanes of a road network: surfaces by lane type, and kerbs."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from sim.labels import Label
from sim.maps.network import Lane, LaneSection, Road, evaluate_cubics, to_carla
from sim.render.mesh import Mesh

MAX_STEP = 10.0
TAPER_STEP = 6.0
SAGITTA = 0.04
HEIGHT_SAGITTA = 0.01

ASPHALT = (74, 74, 78)
KERB = (172, 170, 164)
_SURFACES: dict[str, tuple[tuple[int, int, int], Label]] = {
    "driving": (ASPHALT, Label.ROADS),
    "stop": (ASPHALT, Label.ROADS),
    "entry": (ASPHALT, Label.ROADS),
    "exit": (ASPHALT, Label.ROADS),
    "onRamp": (ASPHALT, Label.ROADS),
    "offRamp": (ASPHALT, Label.ROADS),
    "bidirectional": (ASPHALT, Label.ROADS),
    "restricted": (ASPHALT, Label.ROADS),
    "special1": (ASPHALT, Label.ROADS),
    "shoulder": ((86, 85, 86), Label.ROADS),
    "border": ((112, 110, 106), Label.GROUND),
    "parking": ((82, 80, 84), Label.ROADS),
    "biking": ((120, 78, 70), Label.ROADS),
    "median": ((116, 114, 108), Label.GROUND),
    "sidewalk": ((152, 149, 143), Label.SIDEWALKS),
    "walking": ((152, 149, 143), Label.SIDEWALKS),
    "curb": (KERB, Label.SIDEWALKS),
    "special2": (ASPHALT, Label.ROADS),
    "special3": (ASPHALT, Label.ROADS),
    "mwyEntry": (ASPHALT, Label.ROADS),
    "mwyExit": (ASPHALT, Label.ROADS),
    "connectingRamp": (ASPHALT, Label.ROADS),
    "slipLane": (ASPHALT, Label.ROADS),
    "shared": (ASPHALT, Label.ROADS),
    "roadWorks": (ASPHALT, Label.ROADS),
    "bus": (ASPHALT, Label.ROADS),
    "taxi": (ASPHALT, Label.ROADS),
    "HOV": (ASPHALT, Label.ROADS),
    "tram": ((104, 100, 94), Label.RAIL_TRACK),
    "rail": ((104, 98, 90), Label.RAIL_TRACK),
}
_GRASS = ((92, 122, 66), Label.TERRAIN)


def section_samples(road: Road, section: LaneSection) -> np.ndarray:
    """Stations (m along the road) at which a section is cut into quads.

    Straight lanes of constant width get quads of at most `MAX_STEP`; on curves the chord stays within `SAGITTA` of the
    arc, and where a width or the elevation bends the step is `TAPER_STEP`.
    """
    lanes = section.left + section.right
    cuts = {section.start, section.end}
    cuts.update(curve.s for curve in road.curves)
    for records in (road.offsets, road.elevation, *(lane.widths for lane in lanes)):
        cuts.update(records[:, 0].tolist())
    bounds = np.array(sorted(cut for cut in cuts if section.start <= cut <= section.end))
    half_width = max((float(np.abs(road.edges(section, side, bounds)).max()) for side in (1, -1)), default=0.0)
    pieces = []
    for start, end in pairwise(bounds):
        if end - start < 1e-6:
            continue
        middle = 0.5 * (start + end)
        curve = max((c for c in road.curves if c.s <= middle), key=lambda c: c.s, default=road.curves[0])
        step = MAX_STEP
        curvature = curve.max_curvature
        if curvature > 1e-6:
            # The outermost edge bends on a radius larger by half the road's width.
            step = min(step, math.sqrt(8 * SAGITTA * (1 / curvature + half_width)) / (1 + half_width * curvature))
        bend = _curvature(road.elevation, start, end)
        if bend > 1e-9:
            step = min(step, math.sqrt(8 * HEIGHT_SAGITTA / bend))
        if any(_bends(records, middle) for records in (road.offsets, road.elevation, *(ln.widths for ln in lanes))):
            step = min(step, TAPER_STEP)
        count = max(1, math.ceil((end - start) / max(step, 0.5)))
        pieces.append(np.linspace(start, end, count, endpoint=False))
    return np.append(np.concatenate(pieces), bounds[-1]) if pieces else bounds


def _curvature(records: np.ndarray, start: float, end: float) -> float:
    """Greatest second derivative (1/m) of a profile between two stations (m) of one of its records."""
    active = records[records[:, 0] <= 0.5 * (start + end) + 1e-9]
    if len(active) == 0:
        return 0.0
    first, _, _, c, d = active[-1]
    return float(max(abs(2 * c + 6 * d * (s - first)) for s in (start, end)))


def _bends(records: np.ndarray, s: float) -> bool:
    active = records[records[:, 0] <= s + 1e-9]
    return len(active) > 0 and bool(np.any(np.abs(active[-1, 3:]) > 1e-12))


def offset_points(reference: np.ndarray, t: np.ndarray, height: float | np.ndarray = 0.0) -> np.ndarray:
    """Points (N, 3) in CARLA's frame, `t` metres left of `reference` (N, 4) and `height` metres above it."""
    x, y, z, heading = reference.T
    return to_carla(x - t * np.sin(heading), y + t * np.cos(heading), z + height)


def strip(first: np.ndarray, second: np.ndarray, color: object, tag: int, layer: int = 0) -> Mesh:
    """Quads between two polylines (N, 3) of equal length; `color` (3,) or (N - 1, 3). Empty quads are left out."""
    count = len(first)
    index = np.arange(count - 1)
    quads = np.stack([index, index + 1, index + count + 1, index, index + count + 1, index + count], axis=1)
    triangles = quads.reshape(-1, 3)
    vertices = np.concatenate([first, second])
    colors = np.broadcast_to(np.asarray(color, np.uint8), (count - 1, 3)).repeat(2, axis=0)
    a, b, c = (vertices[triangles[:, n]] for n in range(3))
    keep = np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-4
    return Mesh.build(vertices, triangles[keep], colors[keep], tag, layer)


def lane_surface(lane: Lane) -> tuple[tuple[int, int, int], Label]:
    """Colour and semantic tag of a lane's surface."""
    if lane.surface == "grass" or (lane.kind == "median" and not lane.surface) or lane.kind not in _SURFACES:
        return _GRASS
    return _SURFACES[lane.kind]


def lane_meshes(road: Road, wider: float = 0.0) -> list[Mesh]:
    """Surfaces and kerbs of all lanes of one road; `wider` metres are added outside the outermost lanes."""
    meshes = []
    for section in road.sections:
        s = section_samples(road, section)
        reference = road.reference(s)
        for side, lanes in ((1, section.left), (-1, section.right)):
            if not lanes:
                continue
            edges = road.edges(section, side, s)
            edges[-1] += side * wider
            heights = [0.0, *(lane.height for lane in lanes), 0.0]
            for number, lane in enumerate(lanes):
                width = np.abs(edges[number + 1] - edges[number])
                if width.max() < 0.02:
                    continue
                color, tag = lane_surface(lane)
                inner = offset_points(reference, edges[number], lane.height)
                outer = offset_points(reference, edges[number + 1], lane.height)
                # Connecting roads overlap in the plane of the junction; there only one colour shows no seams.
                paved = ASPHALT if tag == Label.ROADS else color
                shades = _weathered(color, s, lane.id) if road.junction is None else np.asarray(paved)
                meshes.append(strip(inner, outer, shades, tag))
                for edge, beyond in ((edges[number], heights[number]), (edges[number + 1], heights[number + 2])):
                    if lane.height > beyond:
                        top = offset_points(reference, edge, lane.height)
                        foot = offset_points(reference, edge, beyond - (0.1 if beyond == 0.0 else 0.0))
                        meshes.append(strip(top, foot, KERB, tag))
    return meshes


def _weathered(color: tuple[int, int, int], s: np.ndarray, lane_id: int) -> np.ndarray:
    """A colour per quad that varies a little, so that a moving camera has something to see moving."""
    shade = np.round(2.5 * np.sin(s[:-1] * 0.71 + lane_id * 2.3) + 1.5 * np.sin(s[:-1] * 2.13 + lane_id)).astype(int)
    return np.clip(np.asarray(color)[None, :] + shade[:, None], 0, 255)


def road_extent(road: Road, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """t (m) of the road's outermost right and left edges at `s` (N,)."""
    low, high = np.zeros(len(s)), np.zeros(len(s))
    offset = evaluate_cubics(road.offsets, s)
    low, high = low + offset, high + offset
    for section in road.sections:
        inside = (s >= section.start - 1e-9) & (s <= section.end + 1e-9)
        if inside.any():
            high[inside] = road.edges(section, 1, s[inside])[-1]
            low[inside] = road.edges(section, -1, s[inside])[-1]
    return low, high
