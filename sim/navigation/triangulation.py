"""Constrained Delaunay triangulation of points in a square, with whole-number coordinates and exact tests.

Points are inserted one by one with Lawson's flips; segments are then forced in by flipping the edges that cross them
(Sloan, "A fast algorithm for generating constrained Delaunay triangulations", Computers & Structures 47(3), 1993).
Coordinates below 2^15 keep the in-circle test within 64-bit integers.
"""

from __future__ import annotations

import numpy as np
from numba import njit

MAX_COORDINATE = 1 << 15


def triangulate(points: np.ndarray, segments: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangles that fill the square [0, size]^2 and have all `segments` among their edges.

    points int64 (P, 2) unique, within the square; segments int64 (S, 2) that meet in their ends only. Returns points
    (P + corners, 2), triangles int32 (T, 3) counter-clockwise, and neighbours int32 (T, 3): the triangle across the
    edge from corner k to k + 1, or -1.
    """
    if not 0 < size < MAX_COORDINATE:
        raise ValueError(f"size {size} is not within 1 to {MAX_COORDINATE - 1}")
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.int64)
    is_corner = np.isin(points[:, 0], (0, size)) & np.isin(points[:, 1], (0, size))
    place = np.empty(len(points), np.int64)
    place[~is_corner] = 4 + np.arange(np.count_nonzero(~is_corner))
    for number in np.flatnonzero(is_corner):
        place[number] = np.flatnonzero((corners == points[number]).all(axis=1))[0]
    everything = np.concatenate([corners, points[~is_corner]])
    triangles, neighbours = _triangulate(everything, place[segments].reshape(-1, 2))
    return everything, triangles, neighbours


@njit(cache=True, nogil=True)
def _turn(p, a, b, c):  # type: ignore[no-untyped-def]
    return (p[b, 0] - p[a, 0]) * (p[c, 1] - p[a, 1]) - (p[b, 1] - p[a, 1]) * (p[c, 0] - p[a, 0])


@njit(cache=True, nogil=True)
def _in_circle(p, a, b, c, d):  # type: ignore[no-untyped-def]
    """Whether d lies strictly inside the circle through a, b, c (counter-clockwise)."""
    ax, ay = p[a, 0] - p[d, 0], p[a, 1] - p[d, 1]
    bx, by = p[b, 0] - p[d, 0], p[b, 1] - p[d, 1]
    cx, cy = p[c, 0] - p[d, 0], p[c, 1] - p[d, 1]
    aa, bb, cc = ax * ax + ay * ay, bx * bx + by * by, cx * cx + cy * cy
    return ax * (by * cc - bb * cy) - ay * (bx * cc - bb * cx) + aa * (bx * cy - by * cx) > 0


@njit(cache=True, nogil=True)
def _replace(adjacent, t, old, new):  # type: ignore[no-untyped-def]
    if t >= 0:
        for k in range(3):
            if adjacent[t, k] == old:
                adjacent[t, k] = new
                return


@njit(cache=True, nogil=True)
def _edge_of(tri, t, a):  # type: ignore[no-untyped-def]
    """Which corner of t is a."""
    if tri[t, 0] == a:
        return 0
    return 1 if tri[t, 1] == a else 2


@njit(cache=True, nogil=True)
def _flip(tri, adjacent, home, t, k):  # type: ignore[no-untyped-def]
    """Turn the edge from corner k of t: t = (a, b, c) and its neighbour (b, a, d) become (a, d, c) and (d, b, c)."""
    u = adjacent[t, k]
    a, b, c = tri[t, k], tri[t, (k + 1) % 3], tri[t, (k + 2) % 3]
    j = _edge_of(tri, u, b)
    d = tri[u, (j + 2) % 3]
    bc, ca = adjacent[t, (k + 1) % 3], adjacent[t, (k + 2) % 3]
    ad, db = adjacent[u, (j + 1) % 3], adjacent[u, (j + 2) % 3]
    tri[t, 0], tri[t, 1], tri[t, 2] = a, d, c
    adjacent[t, 0], adjacent[t, 1], adjacent[t, 2] = ad, u, ca
    tri[u, 0], tri[u, 1], tri[u, 2] = d, b, c
    adjacent[u, 0], adjacent[u, 1], adjacent[u, 2] = db, bc, t
    _replace(adjacent, ad, u, t)
    _replace(adjacent, bc, t, u)
    home[a], home[d], home[c], home[b] = t, t, t, u
    return u


@njit(cache=True, nogil=True)
def _legalise(p, tri, adjacent, home, stack, waiting, apex):  # type: ignore[no-untyped-def]
    """Flip edges opposite to `apex` until its surroundings are Delaunay; the stack holds triangles that have it."""
    while waiting > 0:
        waiting -= 1
        t = stack[waiting]
        k = (_edge_of(tri, t, apex) + 1) % 3
        u = adjacent[t, k]
        if u < 0:
            continue
        j = _edge_of(tri, u, tri[t, (k + 1) % 3])
        if _in_circle(p, tri[t, 0], tri[t, 1], tri[t, 2], tri[u, (j + 2) % 3]):
            second = _flip(tri, adjacent, home, t, k)
            stack[waiting], stack[waiting + 1] = t, second
            waiting += 2


@njit(cache=True, nogil=True)
def _locate(p, tri, adjacent, start, q):  # type: ignore[no-untyped-def]
    """A triangle that contains point q, walked to from `start`."""
    t = start
    for step in range(4 * len(tri)):
        moved = False
        for i in range(3):
            k = (i + step) % 3
            if _turn(p, tri[t, k], tri[t, (k + 1) % 3], q) < 0:
                t = adjacent[t, k]
                moved = True
                break
        if not moved:
            return t
    return t


@njit(cache=True, nogil=True)
def _insert(p, tri, adjacent, home, count, stack, start, q):  # type: ignore[no-untyped-def]
    """Insert point q; returns the new number of triangles."""
    t = _locate(p, tri, adjacent, start, q)
    edge = -1
    for k in range(3):
        if _turn(p, tri[t, k], tri[t, (k + 1) % 3], q) == 0:
            edge = k
    if edge < 0:
        a, b, c = tri[t, 0], tri[t, 1], tri[t, 2]
        ab, bc, ca = adjacent[t, 0], adjacent[t, 1], adjacent[t, 2]
        u, v = count, count + 1
        tri[t, 0], tri[t, 1], tri[t, 2] = a, b, q
        adjacent[t, 0], adjacent[t, 1], adjacent[t, 2] = ab, u, v
        tri[u, 0], tri[u, 1], tri[u, 2] = b, c, q
        adjacent[u, 0], adjacent[u, 1], adjacent[u, 2] = bc, v, t
        tri[v, 0], tri[v, 1], tri[v, 2] = c, a, q
        adjacent[v, 0], adjacent[v, 1], adjacent[v, 2] = ca, t, u
        _replace(adjacent, bc, t, u)
        _replace(adjacent, ca, t, v)
        home[a], home[b], home[c], home[q] = t, u, v, t
        stack[0], stack[1], stack[2] = t, u, v
        _legalise(p, tri, adjacent, home, stack, 3, q)
        return count + 2
    # On the edge from a to b: its one or two triangles are halved.
    a, b, c = tri[t, edge], tri[t, (edge + 1) % 3], tri[t, (edge + 2) % 3]
    other = adjacent[t, edge]
    bc, ca = adjacent[t, (edge + 1) % 3], adjacent[t, (edge + 2) % 3]
    u = count
    tri[t, 0], tri[t, 1], tri[t, 2] = a, q, c
    tri[u, 0], tri[u, 1], tri[u, 2] = q, b, c
    adjacent[t, 0], adjacent[t, 1], adjacent[t, 2] = other, u, ca
    adjacent[u, 0], adjacent[u, 1], adjacent[u, 2] = other, bc, t
    _replace(adjacent, bc, t, u)
    home[a], home[b], home[c], home[q] = t, u, u, t
    stack[0], stack[1] = t, u
    waiting = 2
    count += 1
    if other >= 0:
        j = _edge_of(tri, other, b)
        d = tri[other, (j + 2) % 3]
        ad, db = adjacent[other, (j + 1) % 3], adjacent[other, (j + 2) % 3]
        v = count
        tri[other, 0], tri[other, 1], tri[other, 2] = b, q, d
        tri[v, 0], tri[v, 1], tri[v, 2] = q, a, d
        adjacent[other, 0], adjacent[other, 1], adjacent[other, 2] = u, v, db
        adjacent[v, 0], adjacent[v, 1], adjacent[v, 2] = t, ad, other
        adjacent[t, 0], adjacent[u, 0] = v, other
        _replace(adjacent, ad, other, v)
        home[d], home[b], home[a] = v, other, v
        stack[2], stack[3] = other, v
        waiting = 4
        count += 1
    _legalise(p, tri, adjacent, home, stack, waiting, q)
    return count


@njit(cache=True, nogil=True)
def _around(tri, adjacent, home, a, b):  # type: ignore[no-untyped-def]
    """(triangle, corner) of the edge that starts in a and ends in b, or (-1, 0)."""
    start = home[a]
    t = start
    while True:  # counter-clockwise
        k = _edge_of(tri, t, a)
        if tri[t, (k + 1) % 3] == b:
            return t, k
        t = adjacent[t, (k + 2) % 3]
        if t == start:
            return -1, 0
        if t < 0:
            break
    t = start
    while True:  # clockwise from the start
        k = _edge_of(tri, t, a)
        t = adjacent[t, k]
        if t < 0:
            return -1, 0
        k = _edge_of(tri, t, a)
        if tri[t, (k + 1) % 3] == b:
            return t, k


@njit(cache=True, nogil=True)
def _has_edge(tri, adjacent, home, a, b):  # type: ignore[no-untyped-def]
    t, _ = _around(tri, adjacent, home, a, b)
    if t >= 0:
        return True
    t, _ = _around(tri, adjacent, home, b, a)
    return t >= 0


@njit(cache=True, nogil=True)
def _first_crossed(p, tri, adjacent, home, a, b):  # type: ignore[no-untyped-def]
    """(triangle at a, corner) of the edge opposite to a through which the way from a to b leaves, or (-1, 0)."""
    start = home[a]
    for direction in range(2):
        t = start
        while t >= 0:
            k = _edge_of(tri, t, a)
            c, d = tri[t, (k + 1) % 3], tri[t, (k + 2) % 3]
            if _turn(p, a, b, c) < 0 and _turn(p, a, b, d) > 0 and _turn(p, c, d, b) < 0:
                return t, (k + 1) % 3
            t = adjacent[t, (k + 2) % 3] if direction == 0 else adjacent[t, k]
            if t == start:
                return -1, 0
    return -1, 0


@njit(cache=True, nogil=True)
def _force(p, tri, adjacent, home, queue, a, b):  # type: ignore[no-untyped-def]
    """Make a-b an edge by flipping those that cross it; gives up where another point lies on the way."""
    if _has_edge(tri, adjacent, home, a, b):
        return
    t, k = _first_crossed(p, tri, adjacent, home, a, b)
    waiting = 0
    while t >= 0:
        c, d = tri[t, k], tri[t, (k + 1) % 3]
        if waiting == len(queue):
            return
        queue[waiting, 0], queue[waiting, 1] = c, d
        waiting += 1
        u = adjacent[t, k]
        if u < 0:
            return
        j = _edge_of(tri, u, d)
        apex = tri[u, (j + 2) % 3]
        if apex == b:
            break
        side = _turn(p, a, b, apex)
        if side == 0:
            return
        # The next edge leads from d's side to c's side of the way.
        t, k = u, (j + 2) % 3 if side < 0 else (j + 1) % 3
    head = 0
    patience = 8 * waiting + 64
    while waiting > 0 and patience > 0:
        patience -= 1
        c, d = queue[head, 0], queue[head, 1]
        head = (head + 1) % len(queue)
        waiting -= 1
        t, k = _around(tri, adjacent, home, c, d)
        if t < 0:
            t, k = _around(tri, adjacent, home, d, c)
        if t < 0 or adjacent[t, k] < 0:
            continue
        e, f, g = tri[t, k], tri[t, (k + 1) % 3], tri[t, (k + 2) % 3]
        u = adjacent[t, k]
        j = _edge_of(tri, u, f)
        h = tri[u, (j + 2) % 3]
        back = False
        if _turn(p, e, h, g) > 0 and _turn(p, h, f, g) > 0:
            _flip(tri, adjacent, home, t, k)
            if g != a and g != b and h != a and h != b:
                back = (_turn(p, a, b, g) > 0) != (_turn(p, a, b, h) > 0)
                c, d = g, h
        else:
            back = True
        if back:
            tail = (head + waiting) % len(queue)
            queue[tail, 0], queue[tail, 1] = c, d
            waiting += 1


@njit(cache=True, nogil=True)
def _triangulate(p, segments):  # type: ignore[no-untyped-def]
    capacity = 2 * len(p) + 8
    tri, adjacent = np.empty((capacity, 3), np.int32), np.full((capacity, 3), -1, np.int32)
    home = np.zeros(len(p), np.int64)
    stack = np.empty(capacity + 8, np.int64)
    tri[0, 0], tri[0, 1], tri[0, 2] = 0, 1, 2
    tri[1, 0], tri[1, 1], tri[1, 2] = 0, 2, 3
    adjacent[0, 2], adjacent[1, 0] = 1, 0
    home[3] = 1
    count = 2
    for q in range(4, len(p)):
        count = _insert(p, tri, adjacent, home, count, stack, count - 1, q)
    queue = np.empty((capacity, 2), np.int64)
    for s in range(len(segments)):
        _force(p, tri, adjacent, home, queue, segments[s, 0], segments[s, 1])
    return tri[:count].copy(), adjacent[:count].copy()
