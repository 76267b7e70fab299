"""The walkable surfaces of a road network as convex facets: sidewalks, crosswalks, carriageways and medians.

CARLA's frame (x, y, z up; m). Facets overlap; `sim.navigation.mesh` decides what counts where they do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from sim.geometry import arctan2
from sim.labels import Label
from sim.maps.junctions import junction_meshes
from sim.maps.network import Crosswalk, Lane, LaneSection, Road, RoadNetwork
from sim.maps.surface import lane_surface, offset_points, section_samples

CURVE_ERROR = 0.06
MAX_LENGTH = 16.0
KERB_MARGIN = 0.3
"""m that walkers keep from a sidewalk's edges: the radius of CARLA's walkers in the client's crowd."""

CROSSWALK_REACH = 1.5
"""m that crosswalks go on beyond both ends, because maps end them at the kerb or shortly before it."""

WELD = 0.2
"""m: corners nearer to each other than this become one, which closes the seams between roads of foreign maps."""


class Area(IntEnum):
    """Kinds of ground, with the numbers that CARLA's client knows (LibCarla, nav/Navigation.h, `CARLA_AREA_*`)."""

    SIDEWALK = 1
    CROSSWALK = 2
    ROAD = 3
    GRASS = 4


@dataclass(frozen=True)
class Facets:
    """Convex polygons with up to eight corners.

    corners  float64 (N, 8, 3), counter-clockwise seen in the plane x right and y up; the last one is repeated
    counts   int64 (N,) corners in use      areas  uint8 (N,) `Area`
    """

    corners: np.ndarray
    counts: np.ndarray
    areas: np.ndarray


def walkable_facets(network: RoadNetwork) -> Facets:
    """All facets of a network, sidewalks and carriageways first, their corners welded together."""
    quads: list[tuple[np.ndarray, Area]] = []
    level = {key.removeprefix("Junction_"): mesh for key, mesh in junction_meshes(network)}
    for road in network.roads:
        for section in road.sections:
            # The asphalt of a level junction is one surface already.
            quads += _section_quads(road, section, asphalt=road.junction not in level)
    polygons = [(quad, area) for strip, area in quads for quad in strip]
    for mesh in level.values():
        polygons += [(triangle, Area.ROAD) for triangle in mesh.vertices.astype(np.float64)[mesh.triangles]]
    polygons += [
        (piece, Area.CROSSWALK)
        for road in network.roads
        for crosswalk in road.crosswalks
        for piece in _crosswalk_pieces(crosswalk)
    ]
    return _welded(polygons)


def _section_quads(road: Road, section: LaneSection, asphalt: bool) -> list[tuple[np.ndarray, Area]]:
    """Strips of quads (K, 4, 3) along one section."""
    samples = section_samples(road, section)
    if len(samples) < 2:
        return []
    strips: list[tuple[np.ndarray, np.ndarray, float, Area]] = []
    for side, lanes in ((1, section.left), (-1, section.right)):
        if lanes:
            strips += _strips(lanes, road.edges(section, side, samples), side)
    strips = [strip for strip in strips if asphalt or strip[3] != Area.ROAD or strip[2] > 0.0]
    if not strips:
        return []
    reference = road.reference(samples)
    lines = [(offset_points(reference, a, h), offset_points(reference, b, h)) for a, b, h, _ in strips]
    kept = _kept(samples, np.concatenate([line for pair in lines for line in pair], axis=1))
    result = []
    for (first, second), (_, _, _, area) in zip(lines, strips):
        a, b = first[kept], second[kept]
        quads = np.stack([a[:-1], a[1:], b[1:], b[:-1]], axis=1)
        result.append((quads, area))
    return result


def _strips(lanes: tuple[Lane, ...], edges: np.ndarray, side: int) -> list[tuple[np.ndarray, np.ndarray, float, Area]]:
    """(edge, edge, height, area) of the walkable strips on one side; neighbouring asphalt lanes are one strip."""
    strips: list[tuple[np.ndarray, np.ndarray, float, Area]] = []
    asphalt_ends_at = -1
    for number, lane in enumerate(lanes):
        inner, outer = edges[number], edges[number + 1]
        width = np.abs(outer - inner)
        if width.max() < 0.05:
            continue
        tag = lane_surface(lane)[1]
        if lane.kind == "sidewalk":
            margin = side * np.where(width > 3.0 * KERB_MARGIN, KERB_MARGIN, width / 3.0)
            # The kerb belongs to the road, so that who may cross a road can step down anywhere.
            strips.append((inner, inner + margin, lane.height, Area.ROAD))
            strips.append((inner + margin, outer - margin, lane.height, Area.SIDEWALK))
        elif tag == Label.ROADS:
            if asphalt_ends_at == number and strips[-1][2] == lane.height:
                strips[-1] = (strips[-1][0], outer, lane.height, Area.ROAD)
            else:
                strips.append((inner, outer, lane.height, Area.ROAD))
            asphalt_ends_at = number + 1
        elif lane.kind in ("median", "border"):
            strips.append((inner, outer, lane.height, Area.GRASS))
    return strips


def _kept(s: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Indices of the samples that keep linear interpolation of `values` (N, K) over s within CURVE_ERROR of all."""
    keep = np.zeros(len(s), bool)
    keep[[0, -1]] = True
    stack = [(0, len(s) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        inside = slice(first + 1, last)
        share = ((s[inside] - s[first]) / (s[last] - s[first]))[:, None]
        error = np.abs(values[first] + share * (values[last] - values[first]) - values[inside]).max(axis=1)
        worst = int(np.argmax(error))
        if error[worst] <= CURVE_ERROR:
            if s[last] - s[first] <= MAX_LENGTH:
                continue
            worst = (last - first) // 2 - 1
        middle = first + 1 + worst
        keep[middle] = True
        stack += [(first, middle), (middle, last)]
    return np.flatnonzero(keep)


def _crosswalk_pieces(crosswalk: Crosswalk) -> list[np.ndarray]:
    """Convex pieces (K, 3) of a crosswalk, drawn out along its length; its outline is taken to be convex."""
    outline = crosswalk.outline * np.array([1.0, -1.0])
    if len(outline) < 3:
        return []
    middle = 0.5 * (outline.min(axis=0) + outline.max(axis=0))
    offset = outline - outline.mean(axis=0)
    # Principal axes in closed form: LAPACK's last bits depend on the processor.
    xx, xy, yy = (float(np.sum(offset[:, i] * offset[:, j])) for i, j in ((0, 0), (0, 1), (1, 1)))
    middle_spread, half_gap = 0.5 * (xx + yy), math.hypot(0.5 * (xx - yy), xy)
    if middle_spread + half_gap < 1e-6:
        return []
    turn = 0.5 * math.atan2(2.0 * xy, xx - yy)
    axis = np.array([math.cos(turn), math.sin(turn)])
    across = np.array([-axis[1], axis[0]])
    stretched = outline + np.sign(np.sum(offset * axis, axis=1))[:, None] * CROSSWALK_REACH * axis
    # Nearly square: no telling which way people cross.
    if middle_spread - half_gap > 0.7 * (middle_spread + half_gap):
        stretched += np.sign(np.sum(offset * across, axis=1))[:, None] * CROSSWALK_REACH * across
    around = stretched - middle
    order = np.argsort(arctan2(around[:, 1], around[:, 0]), kind="stable")
    ring = np.column_stack([stretched[order], np.full(len(order), crosswalk.height)])
    if len(ring) <= 8:
        return [ring]
    return [ring[[0, k, k + 1]] for k in range(1, len(ring) - 1)]


def _welded(polygons: list[tuple[np.ndarray, Area]]) -> Facets:
    """Facets from polygons (K <= 8, 3), with near corners moved together and without what has no area."""
    if not polygons:
        return Facets(np.zeros((0, 8, 3)), np.zeros(0, np.int64), np.zeros(0, np.uint8))
    counts = np.array([len(polygon) for polygon, _ in polygons])
    corners = np.stack([polygon[np.minimum(np.arange(8), len(polygon) - 1)] for polygon, _ in polygons])
    areas = np.array([area for _, area in polygons], np.uint8)
    # Crosswalks overlap what they lead to and need no welding.
    joined = np.flatnonzero(areas != Area.CROSSWALK)
    points = corners[joined].reshape(-1, 3)
    # A kerb's step is no distance; a bridge's height is.
    tree = cKDTree(points * np.array([1.0, 1.0, 0.4]))
    pairs = tree.query_pairs(WELD, output_type="ndarray")
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    _, group = connected_components(links, directed=False)
    first = np.full(group.max() + 1, len(points))
    np.minimum.at(first, group, np.arange(len(points)))
    points[:, :2] = points[first[group], :2]
    corners[joined] = points.reshape(-1, 8, 3)
    turning = _signed_area(corners)
    corners[turning < 0] = _reversed(corners[turning < 0], counts[turning < 0])
    large = np.abs(turning) > 0.01
    return Facets(corners[large], counts[large], areas[large])


def _signed_area(corners: np.ndarray) -> np.ndarray:
    following = np.roll(corners, -1, axis=1)
    return 0.5 * np.sum(corners[..., 0] * following[..., 1] - following[..., 0] * corners[..., 1], axis=1)


def _reversed(corners: np.ndarray, counts: np.ndarray) -> np.ndarray:
    index = np.maximum(counts[:, None] - 1 - np.arange(8)[None], 0)
    return np.take_along_axis(corners, index[..., None], axis=1)
