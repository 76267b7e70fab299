"""From facets to the convex polygons of one tile: cut, triangulated, sorted out by ground and storey, and merged."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from sim.navigation.arrangement import arrange
from sim.navigation.triangulation import triangulate
from sim.navigation.walkable import Area, Facets

UNITS = 64
"""Whole-number steps per metre: corners are exact to 1.6 cm."""

CLIMB = 0.4
"""m: a step that walkers take; kerbs are less, storeys are more."""

STOREY = 1.0
"""m: surfaces nearer to each other than this are one ground."""

MAX_CORNERS = 6
MAX_SPAN = 24.0
"""m: Detour's search takes the middle of an edge for the way across it, which is poor for long ones."""

PASSES = 2
_FLAT = 0.004
_LEVEL = 0.03


@dataclass(frozen=True)
class Polygons:
    """Convex polygons of one tile, counter-clockwise seen in the plane x right and y up.

    corners     int32 (N, 6) indices into `points`        counts  int32 (N,) corners in use
    points      float64 (V, 3) m, relative to the tile's corner in x and y
    neighbours  int32 (N, 6): polygon across the edge from corner k to k + 1, or -1
    sides       int8 (N, 6): 0 to 3 where the edge lies on the tile's +x, +y, -x or -y border, else -1
    areas       uint8 (N,) `Area`
    """

    corners: np.ndarray
    counts: np.ndarray
    points: np.ndarray
    neighbours: np.ndarray
    sides: np.ndarray
    areas: np.ndarray

    def __len__(self) -> int:
        return len(self.counts)


def tile_polygons(facets: Facets, corner: tuple[float, float], size: float) -> Polygons:
    """Polygons of the square tile of `size` m whose lowest x and y are `corner`."""
    extent = round(size * UNITS)
    local = facets.corners - np.array([corner[0], corner[1], 0.0])
    ends = _clipped_edges(local[..., :2] * UNITS, facets.counts, extent)
    points, segments = arrange(ends.reshape(-1, 2), np.arange(2 * len(ends)).reshape(-1, 2))
    points, triangles, across = triangulate(points, segments, extent)
    places = points / UNITS
    owner, area, solid = _storeys(places, triangles, local, facets.counts, facets.areas)
    heights = _heights(places, triangles[owner], local, facets.counts, solid)
    return _merged(points, heights, triangles, across, owner, area, extent)


@njit(cache=True, nogil=True)
def _clipped_edges(corners: np.ndarray, counts: np.ndarray, extent: int) -> np.ndarray:
    """Edges int64 (K, 2, 2) of polygons (N, 8, 2) cut by the square [0, extent]^2 (Sutherland and Hodgman 1974)."""
    out = np.empty((16 * len(corners) + 1, 2, 2), np.int64)
    held = 0
    ring, other = np.empty((16, 2)), np.empty((16, 2))
    for i in range(len(corners)):
        count = counts[i]
        ring[:count] = corners[i, :count]
        for border in range(4):
            axis = border % 2
            sign, limit = (1.0, float(extent)) if border < 2 else (-1.0, 0.0)
            kept = 0
            for k in range(count):
                a, b = ring[k], ring[(k + 1) % count]
                da, db = sign * (limit - a[axis]), sign * (limit - b[axis])
                if da >= 0.0:
                    other[kept] = a
                    kept += 1
                if (da > 0.0 and db < 0.0) or (da < 0.0 and db > 0.0):
                    share = da / (da - db)
                    other[kept] = a + share * (b - a)
                    other[kept, axis] = limit
                    kept += 1
            ring, other = other, ring
            count = kept
            if count == 0:
                break
        for k in range(count):
            for end in range(2):
                for axis in range(2):
                    out[held, end, axis] = round(ring[(k + end) % count, axis])
            held += 1
    return out[:held].copy()


@njit(cache=True, nogil=True)
def _height(facet: np.ndarray, count: int, x: float, y: float) -> float:
    """z of a facet over (x, y): of the triangle of its fan that contains the point, or that it is nearest to."""
    best, height = -np.inf, facet[0, 2]
    ax, ay, az = facet[0, 0], facet[0, 1], facet[0, 2]
    for k in range(1, count - 1):
        bx, by, bz = facet[k, 0] - ax, facet[k, 1] - ay, facet[k, 2] - az
        cx, cy, cz = facet[k + 1, 0] - ax, facet[k + 1, 1] - ay, facet[k + 1, 2] - az
        area = bx * cy - by * cx
        if area < 1e-6:
            continue
        u = ((x - ax) * cy - (y - ay) * cx) / area
        v = (bx * (y - ay) - by * (x - ax)) / area
        inside = min(u, v, 1.0 - u - v)
        if inside > best:
            best, height = inside, az + u * bz + v * cz
    return height


@njit(cache=True, nogil=True)
def _storeys(
    places: np.ndarray, triangles: np.ndarray, facets: np.ndarray, counts: np.ndarray, areas: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What lies over each triangle's middle: (triangle, area, facet that carries) per storey, in triangle order."""
    low, high = np.empty((len(facets), 2)), np.empty((len(facets), 2))
    for i in range(len(facets)):
        for axis in range(2):
            low[i, axis], high[i, axis] = facets[i, :, axis].min(), facets[i, :, axis].max()
    rank = np.array([0, 4, 3, 2, 1])  # by area: what wins where several lie in one storey
    owner, area = np.empty(len(triangles) + 16, np.int64), np.empty(len(triangles) + 16, np.uint8)
    solid = np.empty(len(triangles) + 16, np.int64)
    found = 0
    over, heights = np.empty(len(facets), np.int64), np.empty(len(facets))
    for t in range(len(triangles)):
        x = (places[triangles[t, 0], 0] + places[triangles[t, 1], 0] + places[triangles[t, 2], 0]) / 3.0
        y = (places[triangles[t, 0], 1] + places[triangles[t, 1], 1] + places[triangles[t, 2], 1]) / 3.0
        held = 0
        for i in range(len(facets)):
            if x < low[i, 0] or x > high[i, 0] or y < low[i, 1] or y > high[i, 1]:
                continue
            inside = True
            for k in range(counts[i]):
                a, b = facets[i, k], facets[i, (k + 1) % counts[i]]
                if (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) < 0.0:
                    inside = False
                    break
            if inside:
                over[held], heights[held] = i, _height(facets[i], counts[i], x, y)
                held += 1
        if held == 0:
            continue
        order = np.argsort(heights[:held], kind="mergesort")
        start = 0
        for n in range(1, held + 1):
            if n < held and heights[order[n]] - heights[order[n - 1]] < STOREY:
                continue
            best, carrier = over[order[start]], over[order[start]]
            for m in range(start, n):
                i = over[order[m]]
                if rank[areas[i]] > rank[areas[best]]:
                    best = i
                # Crosswalks are paint: the ground under them gives the height.
                weight = 0 if areas[i] == Area.CROSSWALK.value else rank[areas[i]]
                current = 0 if areas[carrier] == Area.CROSSWALK.value else rank[areas[carrier]]
                if weight > current or (weight == current and i < carrier):
                    carrier = i
            if found == len(owner):
                owner = np.concatenate((owner, np.empty_like(owner)))
                area = np.concatenate((area, np.empty_like(area)))
                solid = np.concatenate((solid, np.empty_like(solid)))
            owner[found], area[found], solid[found] = t, areas[best], carrier
            found += 1
            start = n
    return owner[:found].copy(), area[:found].copy(), solid[:found].copy()


@njit(cache=True, nogil=True)
def _heights(
    places: np.ndarray, corners: np.ndarray, facets: np.ndarray, counts: np.ndarray, solid: np.ndarray
) -> np.ndarray:
    """z (N, 3) of the corners (N, 3) of triangles that the facets `solid` (N,) carry."""
    out = np.empty((len(corners), 3))
    for i in range(len(corners)):
        for k in range(3):
            at = places[corners[i, k]]
            out[i, k] = _height(facets[solid[i]], counts[solid[i]], at[0], at[1])
    return out


@njit(cache=True, nogil=True)
def _linked(triangles: np.ndarray, across: np.ndarray, owner: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Per storey and edge the storey on the other side that is no more than a step higher or lower, or -1."""
    first = np.full(len(triangles) + 1, len(owner))
    for i in range(len(owner) - 1, -1, -1):
        first[owner[i]] = i
    out = np.full((len(owner), 3), -1, np.int32)
    for i in range(len(owner)):
        t = owner[i]
        for k in range(3):
            u = across[t, k]
            if u < 0:
                continue
            j = 0
            while triangles[u, j] != triangles[t, (k + 1) % 3]:
                j += 1
            best = CLIMB
            n = first[u]
            while n < len(owner) and owner[n] == u:
                gap = max(abs(heights[n, (j + 1) % 3] - heights[i, k]), abs(heights[n, j] - heights[i, (k + 1) % 3]))
                if gap < best:
                    best, out[i, k] = gap, n
                n += 1
    return out


@njit(cache=True, nogil=True)
def _root(parent: np.ndarray, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True)
def _keeps_convex(points: np.ndarray, a: int, b: int, c: int) -> bool:
    """Whether a way a, b, c turns left or goes straight on."""
    ux, uy = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1]
    vx, vy = points[c, 0] - points[b, 0], points[c, 1] - points[b, 1]
    turn = ux * vy - uy * vx
    return turn > 0 or (turn == 0 and ux * vx + uy * vy > 0)


@njit(cache=True, nogil=True)
def _merge(
    points: np.ndarray,
    corners: np.ndarray,
    counts: np.ndarray,
    heights: np.ndarray,
    links: np.ndarray,
    slopes: np.ndarray,
    areas: np.ndarray,
    candidates: np.ndarray,
) -> np.ndarray:
    """Join convex pairs across the `candidates` (polygon, edge's ends, polygon), in order; changes arrays in place.

    Returns the polygon into which each one went.
    """
    parent = np.arange(len(counts))
    ring, level, link = np.empty(12, np.int32), np.empty(12), np.empty(12, np.int32)
    for n in range(len(candidates)):
        a, b = candidates[n, 1], candidates[n, 2]
        i, j = _root(parent, candidates[n, 0]), _root(parent, candidates[n, 3])
        total = counts[i] + counts[j] - 2
        if i == j or total > MAX_CORNERS or areas[i] != areas[j]:
            continue
        if abs(slopes[i, 0] - slopes[j, 0]) > _FLAT or abs(slopes[i, 1] - slopes[j, 1]) > _FLAT:
            continue
        p, q = -1, -1
        for k in range(counts[i]):
            if corners[i, k] == a and corners[i, (k + 1) % counts[i]] == b:
                p = k
        for k in range(counts[j]):
            if corners[j, k] == b and corners[j, (k + 1) % counts[j]] == a:
                q = k
        if p < 0 or q < 0:
            continue
        if abs(heights[i, p] - heights[j, (q + 1) % counts[j]]) > _LEVEL:
            continue
        if abs(heights[i, (p + 1) % counts[i]] - heights[j, q]) > _LEVEL:
            continue
        low_x, low_y, high_x, high_y = points[a, 0], points[a, 1], points[a, 0], points[a, 1]
        for k in range(counts[i]):
            low_x, high_x = min(low_x, points[corners[i, k], 0]), max(high_x, points[corners[i, k], 0])
            low_y, high_y = min(low_y, points[corners[i, k], 1]), max(high_y, points[corners[i, k], 1])
        for k in range(counts[j]):
            low_x, high_x = min(low_x, points[corners[j, k], 0]), max(high_x, points[corners[j, k], 0])
            low_y, high_y = min(low_y, points[corners[j, k], 1]), max(high_y, points[corners[j, k], 1])
        if math.hypot(high_x - low_x, high_y - low_y) > MAX_SPAN * UNITS:
            continue
        before_a, after_b = corners[i, (p - 1) % counts[i]], corners[i, (p + 2) % counts[i]]
        after_a, before_b = corners[j, (q + 2) % counts[j]], corners[j, (q - 1) % counts[j]]
        if not _keeps_convex(points, before_a, a, after_a) or not _keeps_convex(points, before_b, b, after_b):
            continue
        held = 0
        for k in range(1, counts[i]):  # from b round to a
            at = (p + k) % counts[i]
            ring[held], level[held], link[held] = corners[i, at], heights[i, at], links[i, at]
            held += 1
        for k in range(1, counts[j]):  # from a round to b
            at = (q + k) % counts[j]
            ring[held], level[held], link[held] = corners[j, at], heights[j, at], links[j, at]
            held += 1
        counts[i] = total
        for k in range(total):
            corners[i, k], heights[i, k], links[i, k] = ring[k], level[k], link[k]
        parent[j] = i
    for i in range(len(parent)):
        parent[i] = _root(parent, i)
    return parent


@njit(cache=True, nogil=True)
def _straighten(
    points: np.ndarray, corners: np.ndarray, counts: np.ndarray, heights: np.ndarray, links: np.ndarray, extent: int
) -> None:
    """Take out corners on straight edges that are the same two polygons' on both sides of the corner."""
    for i in range(len(counts)):
        k = 0
        while k < counts[i] and counts[i] > 3:
            v, j = corners[i, k], links[i, k]
            straight = links[i, (k - 1) % counts[i]] == j and _is_straight(points, corners, counts, heights, i, k)
            # Borders of tiles stay as they are: the other tile does not know what is left out here.
            if straight and j < 0:
                straight = 0 < points[v, 0] < extent and 0 < points[v, 1] < extent
            m = -1
            if straight and j >= 0:
                for n in range(counts[j]):
                    if corners[j, n] == v and links[j, n] == i and links[j, (n - 1) % counts[j]] == i:
                        m = n
                straight = m >= 0 and counts[j] > 3 and _is_straight(points, corners, counts, heights, j, m)
            if not straight:
                k += 1
                continue
            _take_out(corners, counts, heights, links, i, k)
            if m >= 0:
                _take_out(corners, counts, heights, links, j, m)


@njit(cache=True, nogil=True)
def _is_straight(
    points: np.ndarray, corners: np.ndarray, counts: np.ndarray, heights: np.ndarray, i: int, k: int
) -> bool:
    before, after = (k - 1) % counts[i], (k + 1) % counts[i]
    a, v, b = corners[i, before], corners[i, k], corners[i, after]
    ux, uy = points[v, 0] - points[a, 0], points[v, 1] - points[a, 1]
    wx, wy = points[b, 0] - points[v, 0], points[b, 1] - points[v, 1]
    first, second = math.hypot(ux, uy), math.hypot(wx, wy)
    if ux * wy - uy * wx != 0 or first + second > MAX_SPAN * UNITS:
        return False
    share = first / (first + second)
    return abs(heights[i, before] + share * (heights[i, after] - heights[i, before]) - heights[i, k]) < _LEVEL


@njit(cache=True, nogil=True)
def _take_out(corners: np.ndarray, counts: np.ndarray, heights: np.ndarray, links: np.ndarray, i: int, k: int) -> None:
    for n in range(k, counts[i] - 1):
        corners[i, n], heights[i, n], links[i, n] = corners[i, n + 1], heights[i, n + 1], links[i, n + 1]
    counts[i] -= 1


def _merged(
    points: np.ndarray,
    heights: np.ndarray,
    triangles: np.ndarray,
    across: np.ndarray,
    owner: np.ndarray,
    areas: np.ndarray,
    extent: int,
) -> Polygons:
    count = len(owner)
    corners, levels = np.zeros((count, MAX_CORNERS), np.int32), np.zeros((count, MAX_CORNERS))
    links = np.full((count, MAX_CORNERS), -1, np.int32)
    corners[:, :3], levels[:, :3] = triangles[owner], heights
    links[:, :3] = _linked(triangles, across, owner, heights)
    counts = np.full(count, 3, np.int32)
    slopes = _slopes(points[triangles[owner]] / UNITS, heights)
    for _ in range(PASSES):
        candidates = _candidates(points, corners, counts, links)
        into = _merge(points, corners, counts, levels, links, slopes, areas, candidates)
        kept = np.flatnonzero(into == np.arange(len(into)))
        number = np.full(len(into) + 1, -1, np.int32)
        number[kept] = np.arange(len(kept))
        number[:-1] = number[into]
        corners, levels, counts = corners[kept], levels[kept], counts[kept]
        slopes, areas = slopes[kept], areas[kept]
        links = number[links[kept]]
        _straighten(points, corners, counts, levels, links, extent)
    used = np.arange(MAX_CORNERS)[None] < counts[:, None]
    following = np.where(np.arange(MAX_CORNERS)[None] + 1 < counts[:, None], np.arange(1, MAX_CORNERS + 1)[None], 0)
    start, end = points[corners], points[np.take_along_axis(corners, following, axis=1)]
    sides = np.full(corners.shape, -1, np.int8)
    for side, (axis, value) in enumerate(((0, extent), (1, extent), (0, 0), (1, 0))):
        sides[used & (start[..., axis] == value) & (end[..., axis] == value)] = side
    # One vertex per place and height: storeys and kerbs have their own.
    keys = np.stack([corners[used], np.round(levels[used] * 100.0).astype(np.int64)], axis=1)
    unique, place = np.unique(keys, axis=0, return_inverse=True)
    vertices = np.column_stack([points[unique[:, 0]] / UNITS, unique[:, 1] / 100.0])
    out = np.zeros(corners.shape, np.int32)
    out[used] = place.reshape(-1)
    links[~used] = -1
    return Polygons(out, counts, vertices, links, sides, areas)


def _candidates(points: np.ndarray, corners: np.ndarray, counts: np.ndarray, links: np.ndarray) -> np.ndarray:
    """(polygon, edge's ends, polygon) of all inner edges: the longest first, to be rid of long thin triangles."""
    used = np.arange(MAX_CORNERS)[None] < counts[:, None]
    storey, edge = np.nonzero(used & (links > np.arange(len(counts))[:, None]))
    a, b = corners[storey, edge], corners[storey, (edge + 1) % counts[storey]]
    length = np.hypot(*(points[a] - points[b]).T)
    order = np.argsort(-length, kind="stable")
    return np.stack([storey, a, b, links[storey, edge]], axis=1)[order].astype(np.int64)


def _slopes(corners: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Gradient (N, 2) of the planes through triangles (N, 3, 2) with heights (N, 3)."""
    ab, ac = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    hb, hc = heights[:, 1] - heights[:, 0], heights[:, 2] - heights[:, 0]
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    return np.stack([(hb * ac[:, 1] - hc * ab[:, 1]) / area, (hc * ab[:, 0] - hb * ac[:, 0]) / area], axis=1)
