"""Rays against hierarchies of triangles, compiled: the nearest crossing, all crossings, the boxes on the way.

Arithmetic is in float64 on the float32 corners, without fast-math: same arguments give the same bits.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

DECAL_GAP_M = 0.01
"""Parallel surfaces closer than this are one painted surface, of which a ray meets the paint (the higher layer)."""

EDGE_SLACK = 1e-9
"""Barycentric tolerance: a ray through the edge that two triangles share must meet at least one of them."""


@njit(nogil=True, error_model="numpy", inline="always")
def _norm(x, y, z):  # type: ignore[no-untyped-def]
    return math.sqrt(x * x + y * y + z * z)


@njit(nogil=True, error_model="numpy", inline="always")
def _face(normal, ray, nx, ny, nz, dx, dy, dz):  # type: ignore[no-untyped-def]
    """Write a normal with unit length, turned against the ray; zero stays zero."""
    length = _norm(nx, ny, nz)
    if length == 0.0:
        normal[ray, :] = 0.0
        return
    if nx * dx + ny * dy + nz * dz > 0.0:
        length = -length
    normal[ray, 0], normal[ray, 1], normal[ray, 2] = nx / length, ny / length, nz / length


@njit(nogil=True, error_model="numpy", inline="always")
def _reciprocal(d):  # type: ignore[no-untyped-def]
    # Never infinite: zero times infinity would lose rays that run along a face of a box.
    return 1.0 / d if abs(d) > 1e-30 else 1e30


@njit(nogil=True, error_model="numpy", inline="always")
def _enter(bounds, node, ox, oy, oz, ix, iy, iz, limit):  # type: ignore[no-untyped-def]
    """Where a ray enters a node's box, or infinity when it misses it or enters beyond `limit`."""
    a, b = (bounds[node, 0] - ox) * ix, (bounds[node, 3] - ox) * ix
    near, far = (a, b) if a < b else (b, a)
    a, b = (bounds[node, 1] - oy) * iy, (bounds[node, 4] - oy) * iy
    if a > b:
        a, b = b, a
    near, far = max(near, a), min(far, b)
    a, b = (bounds[node, 2] - oz) * iz, (bounds[node, 5] - oz) * iz
    if a > b:
        a, b = b, a
    near, far = max(near, a), min(far, b)
    near = max(near, 0.0)
    # The far side is rounded outwards, or a flat box would be missed.
    return near if near <= far * (1.0 + 1e-12) + 1e-12 and near <= limit else np.inf


@njit(nogil=True, error_model="numpy", inline="always")
def _cross(soup, t, ox, oy, oz, dx, dy, dz):  # type: ignore[no-untyped-def]
    """Distance at which a ray crosses triangle t and its normal, not unit (Moeller and Trumbore 1997). Negative: no."""
    ax, ay, az = np.float64(soup[t, 0]), np.float64(soup[t, 1]), np.float64(soup[t, 2])
    ex, ey, ez = soup[t, 3] - ax, soup[t, 4] - ay, soup[t, 5] - az
    fx, fy, fz = soup[t, 6] - ax, soup[t, 7] - ay, soup[t, 8] - az
    nx, ny, nz = ey * fz - ez * fy, ez * fx - ex * fz, ex * fy - ey * fx
    px, py, pz = dy * fz - dz * fy, dz * fx - dx * fz, dx * fy - dy * fx
    det = ex * px + ey * py + ez * pz
    if det == 0.0:
        return -1.0, nx, ny, nz
    inverse = 1.0 / det
    sx, sy, sz = ox - ax, oy - ay, oz - az
    u = (sx * px + sy * py + sz * pz) * inverse
    if u < -EDGE_SLACK or u > 1.0 + EDGE_SLACK:
        return -1.0, nx, ny, nz
    qx, qy, qz = sy * ez - sz * ey, sz * ex - sx * ez, sx * ey - sy * ex
    v = (dx * qx + dy * qy + dz * qz) * inverse
    if v < -EDGE_SLACK or u + v > 1.0 + EDGE_SLACK:
        return -1.0, nx, ny, nz
    at = (fx * qx + fy * qy + fz * qz) * inverse
    return at, nx, ny, nz


@njit(nogil=True, error_model="numpy")
def _nearest(bounds, kids, soup, looks, root, ox, oy, oz, dx, dy, dz, limit, nodes, enters):  # type: ignore[no-untyped-def]
    """First crossing up to `limit`: distance, triangle (-1: none) and its normal (not unit)."""
    ix, iy, iz = _reciprocal(dx), _reciprocal(dy), _reciprocal(dz)
    best, found = limit, -1
    bx, by, bz = 0.0, 0.0, 0.0
    slack = 0.0
    at = _enter(bounds, root, ox, oy, oz, ix, iy, iz, best)
    if at == np.inf:
        return best, found, bx, by, bz
    nodes[0], enters[0] = root, at
    waiting = 1
    while waiting > 0:
        waiting -= 1
        if enters[waiting] > best + slack:
            continue
        node = nodes[waiting]
        while kids[node, 1] < 0:
            left = kids[node, 0]
            a = _enter(bounds, left, ox, oy, oz, ix, iy, iz, best + slack)
            b = _enter(bounds, left + 1, ox, oy, oz, ix, iy, iz, best + slack)
            if a == np.inf and b == np.inf:
                node = -1
                break
            if a <= b:
                if b < np.inf:
                    nodes[waiting], enters[waiting] = left + 1, b
                    waiting += 1
                node = left
            else:
                if a < np.inf:
                    nodes[waiting], enters[waiting] = left, a
                    waiting += 1
                node = left + 1
        if node < 0:
            continue
        first = kids[node, 0]
        for t in range(first, first + kids[node, 1]):
            at, nx, ny, nz = _cross(soup, t, ox, oy, oz, dx, dy, dz)
            if at < 0.0 or at > best + slack or at > limit:
                continue
            nearer = at < best or found < 0
            if found >= 0 and looks[t, 1] != looks[found, 1]:
                # Paint and what it is painted on: parallel, and no gap between them.
                n = nx * nx + ny * ny + nz * nz
                dot = nx * bx + ny * by + nz * bz
                fall = nx * dx + ny * dy + nz * dz
                gap = (at - best) * fall
                if dot * dot > 0.999 * n * (bx * bx + by * by + bz * bz) and gap * gap <= DECAL_GAP_M**2 * n:
                    nearer = looks[t, 1] > looks[found, 1]
            if nearer:
                best, found = at, t
                bx, by, bz = nx, ny, nz
                n, fall = _norm(nx, ny, nz), abs(nx * dx + ny * dy + nz * dz)
                slack = DECAL_GAP_M * n / fall if fall > 0.0 else 0.0
                slack = min(slack, 0.01 * best)
    return best, found, bx, by, bz


@njit(nogil=True, error_model="numpy", inline="always")
def _pieces(table, i, ox, oy, oz):  # type: ignore[no-untyped-def]
    """The pieces that actor i shows from a place: first, and the one after the last; -1 if nobody has placed them."""
    px, py, pz = table.spheres[i, 0] - ox, table.spheres[i, 1] - oy, table.spheres[i, 2] - oz
    first, end = np.int64(i), np.int64(i) + 1
    if px * px + py * py + pz * pz < table.spheres[i, 3]:
        first = np.int64(table.details[i, 0])
        end = first + table.details[i, 1] if table.details[i, 1] >= 0 else np.int64(-1)
    return first, end


@njit(nogil=True, error_model="numpy", inline="always")
def _misses(hulls, p, ox, oy, oz, dx, dy, dz, square):  # type: ignore[no-untyped-def]
    """Whether a ray's line stays out of the ball around a piece; `square` is its direction's squared length."""
    hx, hy, hz = hulls[p, 0] - ox, hulls[p, 1] - oy, hulls[p, 2] - oz
    along = hx * dx + hy * dy + hz * dz
    return (hx * hx + hy * hy + hz * hz - hulls[p, 3]) * square > along * along


@njit(cache=True, nogil=True, error_model="numpy")
def cast(  # type: ignore[no-untyped-def]
    static, table, rows, fresh, origins, directions, limits, hidden, nodes, enters, wanted, again,
    distance, normal, tag, actor, triangle,
):  # fmt: skip
    """Fill the columns of `Hits` for the rays `rows`; returns how many of them have to be cast again.

    Such a ray comes to actors that are near enough to show their detail, which nobody has placed yet: they are marked
    in `wanted`, bool (N,), the ray is written to `again`, and its columns hold what it meets of the static world.
    `fresh` is False for rays that are cast again. `hidden` is the actor that rays pass through; `nodes` and `enters`
    are two stacks.
    """
    models = table.models
    pending = 0
    for ray in rows:
        ox, oy, oz = origins[ray, 0], origins[ray, 1], origins[ray, 2]
        dx, dy, dz = directions[ray, 0], directions[ray, 1], directions[ray, 2]
        if fresh:
            best, found, nx, ny, nz = _nearest(
                static.bounds, static.kids, static.soup, static.looks, 0,
                ox, oy, oz, dx, dy, dz, limits[ray], nodes[0], enters[0],
            )  # fmt: skip
            tag[ray], actor[ray] = static.looks[found, 0] if found >= 0 else 0, 0
            triangle[ray] = static.source[found] if found >= 0 else -1
            distance[ray] = best if found >= 0 else np.inf
            _face(normal, ray, nx, ny, nz, dx, dy, dz)
        if len(table.actors) == 0:
            continue
        best = limits[ray] if triangle[ray] < 0 else distance[ray]
        mark, row, owner = tag[ray], triangle[ray], np.uint32(0)
        nx, ny, nz = 0.0, 0.0, 0.0
        met, complete = False, True
        ix, iy, iz = _reciprocal(dx), _reciprocal(dy), _reciprocal(dz)
        square = dx * dx + dy * dy + dz * dz
        waiting = 0
        if _enter(table.bounds, 0, ox, oy, oz, ix, iy, iz, best) < np.inf:
            nodes[1, 0] = 0
            waiting = 1
        while waiting > 0:
            waiting -= 1
            node = nodes[1, waiting]
            first, count = table.kids[node, 0], table.kids[node, 1]
            if count < 0:
                for child in range(first, first + 2):
                    if _enter(table.bounds, child, ox, oy, oz, ix, iy, iz, best) < np.inf:
                        nodes[1, waiting] = child
                        waiting += 1
                continue
            for k in range(first, first + count):
                i = table.order[k]
                if table.actors[i] == hidden or _enter(table.boxes, i, ox, oy, oz, ix, iy, iz, best) == np.inf:
                    continue
                piece, end = _pieces(table, i, ox, oy, oz)
                if end < 0:
                    wanted[i] = True
                    complete = False
                for p in range(piece, end):
                    if _misses(table.hulls, p, ox, oy, oz, dx, dy, dz, square):
                        continue
                    m = table.inverses[p]
                    at, hit, lx, ly, lz = _nearest(
                        models.bounds, models.kids, models.soup, models.looks, table.roots[p],
                        m[0, 0] * ox + m[0, 1] * oy + m[0, 2] * oz + m[0, 3],
                        m[1, 0] * ox + m[1, 1] * oy + m[1, 2] * oz + m[1, 3],
                        m[2, 0] * ox + m[2, 1] * oy + m[2, 2] * oz + m[2, 3],
                        m[0, 0] * dx + m[0, 1] * dy + m[0, 2] * dz,
                        m[1, 0] * dx + m[1, 1] * dy + m[1, 2] * dz,
                        m[2, 0] * dx + m[2, 1] * dy + m[2, 2] * dz,
                        best, nodes[0], enters[0],
                    )  # fmt: skip
                    if hit >= 0 and (at < best or row < 0):
                        best, mark, row, owner = at, models.looks[hit, 0], models.source[hit], table.actors[i]
                        nx = m[0, 0] * lx + m[1, 0] * ly + m[2, 0] * lz
                        ny = m[0, 1] * lx + m[1, 1] * ly + m[2, 1] * lz
                        nz = m[0, 2] * lx + m[1, 2] * ly + m[2, 2] * lz
                        met = True
        if not complete:
            again[pending] = ray
            pending += 1
        elif met:
            distance[ray], tag[ray], actor[ray], triangle[ray] = best, mark, owner, row
            _face(normal, ray, nx, ny, nz, dx, dy, dz)
    return pending


@njit(nogil=True, error_model="numpy")
def _all(index, root, ox, oy, oz, dx, dy, dz, limit, nodes, owner, count, at_out, about_out):  # type: ignore[no-untyped-def]
    """Append the crossings in one hierarchy to the `count` that are known; returns how many there are then."""
    ix, iy, iz = _reciprocal(dx), _reciprocal(dy), _reciprocal(dz)
    waiting = 1
    nodes[0] = root
    while waiting > 0:
        waiting -= 1
        node = nodes[waiting]
        if _enter(index.bounds, node, ox, oy, oz, ix, iy, iz, limit) == np.inf:
            continue
        first, items = index.kids[node, 0], index.kids[node, 1]
        if items < 0:
            nodes[waiting], nodes[waiting + 1] = first + 1, first
            waiting += 2
            continue
        for t in range(first, first + items):
            at, _, _, _ = _cross(index.soup, t, ox, oy, oz, dx, dy, dz)
            if 0.0 <= at <= limit:
                if count < len(at_out):
                    at_out[count] = at
                    about_out[count, 0], about_out[count, 1] = index.looks[t, 0], owner
                    about_out[count, 2] = index.source[t]
                count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def all_crossings(static, table, origin, direction, limit, nodes, wanted, at_out, about_out):  # type: ignore[no-untyped-def]
    """All crossings of one ray up to `limit`, unsorted: distance, and int64 tag, actor (0: none) and triangle.

    Returns how many there are, which may exceed the room, and whether all actors on the way had their detail placed;
    those that had not are left out and marked in `wanted`, as in `cast`.
    """
    ox, oy, oz = origin[0], origin[1], origin[2]
    dx, dy, dz = direction[0], direction[1], direction[2]
    count = _all(static, 0, ox, oy, oz, dx, dy, dz, limit, nodes[0], 0, 0, at_out, about_out)
    complete = True
    if len(table.actors) == 0:
        return count, complete
    ix, iy, iz = _reciprocal(dx), _reciprocal(dy), _reciprocal(dz)
    square = dx * dx + dy * dy + dz * dz
    waiting = 1
    nodes[1, 0] = 0
    while waiting > 0:
        waiting -= 1
        node = nodes[1, waiting]
        if _enter(table.bounds, node, ox, oy, oz, ix, iy, iz, limit) == np.inf:
            continue
        first, items = table.kids[node, 0], table.kids[node, 1]
        if items < 0:
            nodes[1, waiting], nodes[1, waiting + 1] = first + 1, first
            waiting += 2
            continue
        for k in range(first, first + items):
            i = table.order[k]
            if _enter(table.boxes, i, ox, oy, oz, ix, iy, iz, limit) == np.inf:
                continue
            piece, end = _pieces(table, i, ox, oy, oz)
            if end < 0:
                wanted[i] = True
                complete = False
            for p in range(piece, end):
                if _misses(table.hulls, p, ox, oy, oz, dx, dy, dz, square):
                    continue
                m = table.inverses[p]
                count = _all(
                    table.models, table.roots[p],
                    m[0, 0] * ox + m[0, 1] * oy + m[0, 2] * oz + m[0, 3],
                    m[1, 0] * ox + m[1, 1] * oy + m[1, 2] * oz + m[1, 3],
                    m[2, 0] * ox + m[2, 1] * oy + m[2, 2] * oz + m[2, 3],
                    m[0, 0] * dx + m[0, 1] * dy + m[0, 2] * dz,
                    m[1, 0] * dx + m[1, 1] * dy + m[1, 2] * dz,
                    m[2, 0] * dx + m[2, 1] * dy + m[2, 2] * dz,
                    limit, nodes[0], np.int64(table.actors[i]), count, at_out, about_out,
                )  # fmt: skip
    return count, complete


@njit(cache=True, nogil=True, error_model="numpy")
def near(bounds, kids, order, origin, direction, limit, nodes, out):  # type: ignore[no-untyped-def]
    """Items whose boxes a ray enters within `limit`, or that share a leaf with one; returns how many."""
    if len(order) == 0:
        return 0
    ox, oy, oz = origin[0], origin[1], origin[2]
    ix, iy, iz = _reciprocal(direction[0]), _reciprocal(direction[1]), _reciprocal(direction[2])
    count, waiting = 0, 1
    nodes[0] = 0
    while waiting > 0:
        waiting -= 1
        node = nodes[waiting]
        if _enter(bounds, node, ox, oy, oz, ix, iy, iz, limit) == np.inf:
            continue
        first, items = kids[node, 0], kids[node, 1]
        if items < 0:
            nodes[waiting], nodes[waiting + 1] = first + 1, first
            waiting += 2
            continue
        for k in range(first, first + items):
            out[count] = order[k]
            count += 1
    return count
