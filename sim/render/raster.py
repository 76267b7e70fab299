"""The visibility pass: which triangle each sample of the image sees, and at what inverse depth.

Camera frame: x forward, y right, z up (m). A sample at image coordinates (u, v) looks along
(1, (u - cx) / f, -(v - cy) / f), so a triangle on the plane n.p = d has inverse depth n.(1, ., .) / d: linear in u and
v, and exact however the triangle is clipped.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

NEAR = 0.1
"""Near plane (m)."""

DECAL_BIAS = 0.002
"""Relative inverse-depth gain per decal layer.

Moving a point along its view ray by a share e of its distance lifts it off the ground by e times the camera's height,
whatever the distance: 3 mm at 1.5 m. So decals win at the horizon and do not float near by.
"""

NOBODY = 0xFFFFFFFF
"""A sample that sees the sky: inverse depth 0, triangle -1. A sample is an int64: the bits of its inverse depth as
float32, which for positive numbers are in the order of the numbers, over the number of its triangle. So nearer is
larger, and one array holds both: loops over one array are vectorised without a check whether two overlap."""

SHORT = 16
"""Samples of a triangle's row that are filled in one go; a buffer of samples ends in as many more that nobody sees."""

PLAIN, ASPHALT, PAVED, GRASS, FOLIAGE, WALL, MARKING, LAMP, WINDOW, LIT_WINDOW = range(10)
"""Materials: how the shader textures a triangle, and (ASPHALT, PAVED, GRASS, MARKING) which ones receive shadows.
WINDOW mirrors the sky; somebody is at home behind a LIT_WINDOW at night."""

LAMPLIGHT_INDOORS = (226.0, 170.0, 96.0)
"""What a LIT_WINDOW adds at night, display RGB."""


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(  # type: ignore[no-untyped-def]
    ua, va, ub, vb, slope, upper_slope, lower_slope, first, last, a, b, c, triangle, samples, width
):
    """Fill rows first to last of one screen triangle with inverse depth a*u + b*v + c where it is nearer than what is
    there; returns whether it was anywhere.

    Corners a, b, c from the top down with the slopes of the edges ac, ab and bc. Samples sit at half-integer
    coordinates; an edge's crossing is computed from its upper to its lower end, so triangles that share the edge
    neither overlap nor leave a gap.
    """
    wins, edge = np.int64(0), width + 0.0
    for row in range(first, last):
        v = row + 0.5
        left = ua + (v - va) * slope
        right = ua + (v - va) * upper_slope if v < vb else ub + (v - vb) * lower_slope
        low, high = right if right < left else left, left if right < left else right
        start = math.ceil(min(max(low, 0.0), edge) - 0.5)
        stop = math.ceil(max(min(high, edge), 0.0) - 0.5)
        base = b * v + c + a * (start + 0.5)
        at, n = row * width + start, np.int32(stop - start)
        if n <= SHORT:
            # A fixed number of samples, most of them masked: cheaper than a branch that nobody can predict.
            for i in range(np.int32(SHORT)):
                to = np.uint64(at) + np.uint64(i)
                old = samples[to]
                inverse = np.float32(base + a * np.float64(np.int32(i)))
                new = (np.int64(inverse.view(np.int32)) << np.int64(32)) | triangle
                nearer = (new > (old | NOBODY)) & (np.int32(i) < n)
                samples[to] = new if nearer else old
                wins |= np.int64(nearer)
            continue
        line = samples[at : row * width + stop]
        for i in range(n):
            old = line[i]
            inverse = np.float32(base + a * np.float64(np.int32(i)))
            new = (np.int64(inverse.view(np.int32)) << np.int64(32)) | triangle
            nearer = new > (old | NOBODY)
            line[i] = new if nearer else old
            wins |= np.int64(nearer)
    return wins != 0


@njit(cache=True, nogil=True, error_model="numpy")
def _transform(xs, ys, zs, m0, m1, m2, m3, out):  # type: ignore[no-untyped-def]
    """One coordinate of many corners in the camera's frame, float64; plain enough for the compiler to vectorise."""
    for i in range(xs.size):
        out[i] = m0 * float(xs[i]) + m1 * float(ys[i]) + m2 * float(zs[i]) + m3


@njit(cache=True, nogil=True, error_model="numpy")
def _beyond(depth0, depth1, depth2, off0, off1, off2, slope, outside):  # type: ignore[no-untyped-def]
    """Mark triangles with all corners beyond one of a pair of the frustum's planes, |off| = slope * depth."""
    for i in range(outside.size):
        reach0, reach1, reach2 = slope * depth0[i], slope * depth1[i], slope * depth2[i]
        over = (off0[i] > reach0) & (off1[i] > reach1) & (off2[i] > reach2)
        under = (off0[i] < -reach0) & (off1[i] < -reach1) & (off2[i] < -reach2)
        outside[i] |= np.uint8(over | under)


@njit(cache=True, nogil=True, error_model="numpy")
def _project(depth, off, scale, middle, out):  # type: ignore[no-untyped-def]
    """Image coordinate middle + scale * off / depth of many corners; nonsense behind the camera."""
    for i in range(depth.size):
        out[i] = middle + off[i] * (scale / depth[i])


@njit(cache=True, nogil=True, error_model="numpy")
def _between(depth0, depth1, depth2, at0, at1, at2, outside):  # type: ignore[no-untyped-def]
    """Mark triangles before the near plane that lie between two neighbouring rows, or columns, of samples: most of a
    far town."""
    for i in range(outside.size):
        ahead = (depth0[i] >= NEAR) & (depth1[i] >= NEAR) & (depth2[i] >= NEAR)
        low, high = min(at0[i], at1[i], at2[i]), max(at0[i], at1[i], at2[i])
        outside[i] |= np.uint8(ahead & (np.ceil(low - 0.5) >= np.ceil(high - 0.5)))


@njit(cache=True, nogil=True, error_model="numpy")
def _runs(starts, counts, radii, centers, matrices, focal, side, rise, runs):  # type: ignore[no-untyped-def]
    """List in `runs` (instance, first triangle, end) what may be seen of the instances; returns how many runs.

    Neighbouring groups under one matrix become one run: fewer and longer loops.
    """
    side_norm, rise_norm = math.sqrt(1.0 + side * side), math.sqrt(1.0 + rise * rise)
    shared = matrices.shape[0] == 1
    found = 0
    for instance in range(starts.size):
        m = matrices[0 if shared else instance]
        r = radii[instance]
        cx, cy, cz = centers[instance, 0], centers[instance, 1], centers[instance, 2]
        ox = m[0, 0] * cx + m[0, 1] * cy + m[0, 2] * cz + m[0, 3]
        if ox + r < NEAR:
            continue
        oy = m[1, 0] * cx + m[1, 1] * cy + m[1, 2] * cz + m[1, 3]
        oz = m[2, 0] * cx + m[2, 1] * cy + m[2, 2] * cz + m[2, 3]
        if abs(oy) - side * ox > r * side_norm or abs(oz) - rise * ox > r * rise_norm:
            continue
        # An instance smaller than a tenth of a sample cannot be seen, only cost time.
        if ox > r and 2.0 * r * focal < 0.1 * ox:
            continue
        first, end = starts[instance], starts[instance] + counts[instance]
        if shared and found > 0 and runs[found - 1, 2] == first:
            runs[found - 1, 2] = end
            continue
        runs[found, 0], runs[found, 1], runs[found, 2] = instance, first, end
        found += 1
    return found


BLOCK = 256
"""Triangles that are transformed together; their nine float64 coordinates (18 KiB) stay in the first-level cache."""

PLANES = 32
"""Rows of `BLOCK` numbers about the triangles that are set up together, one after the other in one array: loops over
constant distances in one array are vectorised, those over as many arrays are not."""


@njit(cache=True, nogil=True, error_model="numpy")
def _set_up(count, focal, half_u, half_v, height, planes):  # type: ignore[no-untyped-def]
    """From corners (x 0..2, y 3..5, z 6..8, u 9..11, v 12..14) and depth bias (15) of triangles to their planes in the
    camera's frame (normal towards the camera 16..18, distance 19, 0 for what is no triangle or seen edge-on), inverse
    depth (20..22) and the edges and rows that `_fill` takes (23..31)."""
    x0, x1, x2 = np.uint64(0), np.uint64(BLOCK), np.uint64(2 * BLOCK)
    y0, y1, y2 = np.uint64(3 * BLOCK), np.uint64(4 * BLOCK), np.uint64(5 * BLOCK)
    z0, z1, z2 = np.uint64(6 * BLOCK), np.uint64(7 * BLOCK), np.uint64(8 * BLOCK)
    for i in range(np.uint64(count)):
        ox, oy, oz = planes[i + x0], planes[i + y0], planes[i + z0]
        ax, ay, az = planes[i + x1] - ox, planes[i + y1] - oy, planes[i + z1] - oz
        bx, by, bz = planes[i + x2] - ox, planes[i + y2] - oy, planes[i + z2] - oz
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        norm = math.sqrt(nx * nx + ny * ny + nz * nz)
        nx, ny, nz = nx / norm, ny / norm, nz / norm
        d = nx * ox + ny * oy + nz * oz
        away = d > 0.0
        nx, ny, nz, d = -nx if away else nx, -ny if away else ny, -nz if away else nz, -d if away else d
        scale = planes[i + np.uint64(15 * BLOCK)] / d
        a, b = ny * scale / focal, -nz * scale / focal
        planes[i + np.uint64(16 * BLOCK)] = nx
        planes[i + np.uint64(17 * BLOCK)] = ny
        planes[i + np.uint64(18 * BLOCK)] = nz
        planes[i + np.uint64(19 * BLOCK)] = d if d <= -1e-9 else 0.0
        planes[i + np.uint64(20 * BLOCK)] = a
        planes[i + np.uint64(21 * BLOCK)] = b
        planes[i + np.uint64(22 * BLOCK)] = nx * scale - a * half_u - b * half_v
    for i in range(np.uint64(count)):
        ua, ub, uc = (
            planes[i + np.uint64(9 * BLOCK)],
            planes[i + np.uint64(10 * BLOCK)],
            planes[i + np.uint64(11 * BLOCK)],
        )
        va, vb, vc = (
            planes[i + np.uint64(12 * BLOCK)],
            planes[i + np.uint64(13 * BLOCK)],
            planes[i + np.uint64(14 * BLOCK)],
        )
        swap = vb < va
        ua, va, ub, vb = ub if swap else ua, vb if swap else va, ua if swap else ub, va if swap else vb
        swap = vc < va
        ua, va, uc, vc = uc if swap else ua, vc if swap else va, ua if swap else uc, va if swap else vc
        swap = vc < vb
        ub, vb, uc, vc = uc if swap else ub, vc if swap else vb, ub if swap else uc, vb if swap else vc
        planes[i + np.uint64(23 * BLOCK)] = ua
        planes[i + np.uint64(24 * BLOCK)] = va
        planes[i + np.uint64(25 * BLOCK)] = ub
        planes[i + np.uint64(26 * BLOCK)] = vb
        planes[i + np.uint64(27 * BLOCK)] = (uc - ua) / (vc - va)
        planes[i + np.uint64(28 * BLOCK)] = (ub - ua) / (vb - va)
        planes[i + np.uint64(29 * BLOCK)] = (uc - ub) / (vc - vb)
        planes[i + np.uint64(30 * BLOCK)] = np.ceil(max(va, 0.0) - 0.5)
        planes[i + np.uint64(31 * BLOCK)] = np.ceil(min(vc, height) - 0.5)


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_clipped(at, focal, planes, triangle, samples, width, height):  # type: ignore[no-untyped-def]
    """Fill triangle `at` of `planes`, which crosses the near plane; returns whether it was nearest anywhere."""
    half_u, half_v = 0.5 * width, 0.5 * height
    x, y, z, poly = np.empty(3), np.empty(3), np.empty(3), np.empty((4, 2))
    for e in range(3):
        x[e], y[e], z[e] = planes[e * BLOCK + at], planes[(3 + e) * BLOCK + at], planes[(6 + e) * BLOCK + at]
    found = 0
    for e in range(3):
        f = 0 if e == 2 else e + 1
        if x[e] >= NEAR:
            poly[found, 0] = half_u + focal * y[e] / x[e]
            poly[found, 1] = half_v - focal * z[e] / x[e]
            found += 1
        if (x[e] >= NEAR) != (x[f] >= NEAR):
            # Always from the inner to the outer end: both neighbours of the edge get the same point.
            inner, outer = (e, f) if x[e] >= NEAR else (f, e)
            w = (x[inner] - NEAR) / (x[inner] - x[outer])
            poly[found, 0] = half_u + focal * (y[inner] + w * (y[outer] - y[inner])) / NEAR
            poly[found, 1] = half_v - focal * (z[inner] + w * (z[outer] - z[inner])) / NEAR
            found += 1
    won = False
    for e in range(2, found):
        ua, va, ub, vb, uc, vc = poly[0, 0], poly[0, 1], poly[e - 1, 0], poly[e - 1, 1], poly[e, 0], poly[e, 1]
        if vb < va:
            ua, va, ub, vb = ub, vb, ua, va
        if vc < va:
            ua, va, uc, vc = uc, vc, ua, va
        if vc < vb:
            ub, vb, uc, vc = uc, vc, ub, vb
        first, last = math.ceil(max(va, 0.0) - 0.5), math.ceil(min(vc, height + 0.0) - 0.5)
        won |= _fill(
            ua, va, ub, vb, (uc - ua) / (vc - va), (ub - ua) / (vb - va), (uc - ub) / (vc - vb), first, last,
            planes[20 * BLOCK + at], planes[21 * BLOCK + at], planes[22 * BLOCK + at], triangle, samples, width,
        )  # fmt: skip
    return won


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_block(  # type: ignore[no-untyped-def]
    waiting,
    chosen,
    actor,
    planes,
    colors,
    looks,
    light,
    focal,
    count,
    samples,
    width,
    height,
    lit,
    marks,
    owners,
    faces,
):
    """Set up and fill the first `waiting` triangles of `planes`, rows `chosen` of the mesh, and give those that were
    nearest somewhere a row of the frame's table; returns how many rows are used now. See `draw`."""
    _set_up(waiting, focal, 0.5 * width, 0.5 * height, height + 0.0, planes)
    sx, sy, sz = light[0, 0], light[0, 1], light[0, 2]
    px, py, pz = light[1, 0], light[1, 1], light[1, 2]
    for i in range(waiting):
        if planes[19 * BLOCK + i] == 0.0:
            continue
        if min(planes[i], planes[BLOCK + i], planes[2 * BLOCK + i]) >= NEAR:
            won = _fill(
                planes[23 * BLOCK + i], planes[24 * BLOCK + i], planes[25 * BLOCK + i], planes[26 * BLOCK + i],
                planes[27 * BLOCK + i], planes[28 * BLOCK + i], planes[29 * BLOCK + i],
                int(planes[30 * BLOCK + i]), int(planes[31 * BLOCK + i]),
                planes[20 * BLOCK + i], planes[21 * BLOCK + i], planes[22 * BLOCK + i], count, samples, width,
            )  # fmt: skip
        else:
            won = _fill_clipped(i, focal, planes, count, samples, width, height)
        if not won:
            continue
        t = chosen[i]
        nx, ny, nz = planes[16 * BLOCK + i], planes[17 * BLOCK + i], planes[18 * BLOCK + i]
        material = looks[t, 0]
        up = 0.5 + 0.5 * (nx * px + ny * py + nz * pz)
        facing = max(nx * sx + ny * sy + nz * sz, 0.0)
        glow = 0.0
        if material == LAMP:  # burning lamps shine against the sun
            glow = 1.0
        for k in range(3):
            strength = light[2, k] * facing + light[3, k] * up + light[4, k] * (1.0 - up)
            lit[count, k] = colors[t, k] * max(strength, glow)
        if material == LIT_WINDOW and light[5, 0] > 0.0:
            lit[count, 0] += light[5, 0] * LAMPLIGHT_INDOORS[0]
            lit[count, 1] += light[5, 0] * LAMPLIGHT_INDOORS[1]
            lit[count, 2] += light[5, 0] * LAMPLIGHT_INDOORS[2]
        lit[count, 3] = planes[15 * BLOCK + i]
        marks[count, 0] = material
        marks[count, 1] = looks[t, 1]
        owners[count] = actor[i]
        faces[count, 0], faces[count, 1], faces[count, 2] = nx, ny, nz
        count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def draw(  # type: ignore[no-untyped-def]
    corners,
    colors,
    looks,
    starts,
    counts,
    radii,
    centers,
    matrices,
    actors,
    light,
    focal,
    count,
    samples,
    width,
    height,
    lit,
    marks,
    owners,
    faces,
):
    """Draw instances of packed meshes; returns the number of frame triangles used so far.

    corners (9, T) float32: x, y, z of the three corners; colors (T, 3) uint8; looks (T, 3) uint8 material, tag, layer.
    Instance i is triangles starts[i] : starts[i] + counts[i] under matrices[i] (3, 4), mesh to camera frame, with
    bounding sphere centers[i], radii[i] in the mesh frame, belonging to actors[i]. One matrix alone holds for all
    instances, and then they all belong to one actor.
    samples int64 (height * width + SHORT,), row by row; see `NOBODY`.
    light (5, 3): sun direction and up in the camera frame, sun, sky and ground light; light[5, 0] is the lamps' glow.
    Each triangle that was nearest when it was drawn gets a row of the frame's table: lit (., 4) float32 RGB and depth
    bias, marks (., 2) uint8 material and tag, owners (.,) uint32 actor, faces (., 3) float32 normal in the camera's
    frame.
    """
    half_u, half_v = 0.5 * width, 0.5 * height
    side, rise = half_u / focal, half_v / focal
    # The three corners' x, y, z, u and v.
    xs, ys, zs = np.empty((3, BLOCK)), np.empty((3, BLOCK)), np.empty((3, BLOCK))
    us, vs = np.empty((3, BLOCK)), np.empty((3, BLOCK))
    outside = np.empty(BLOCK, np.uint8)
    kept = np.empty(BLOCK, np.int64)
    planes = np.empty(PLANES * BLOCK)
    chosen, actor, waiting = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.uint32), 0
    runs = np.empty((starts.size, 3), np.int64)
    for run in range(_runs(starts, counts, radii, centers, matrices, focal, side, rise, runs)):
        instance = runs[run, 0]
        m = matrices[0 if matrices.shape[0] == 1 else instance]
        for block in range(runs[run, 1], runs[run, 2], BLOCK):
            end = min(block + BLOCK, runs[run, 2])
            n = end - block
            gone = outside[:n]
            for k in range(3):
                p, q, s = corners[3 * k, block:end], corners[3 * k + 1, block:end], corners[3 * k + 2, block:end]
                x, y, z = xs[k, :n], ys[k, :n], zs[k, :n]
                _transform(p, q, s, m[0, 0], m[0, 1], m[0, 2], m[0, 3], x)
                _transform(p, q, s, m[1, 0], m[1, 1], m[1, 2], m[1, 3], y)
                _transform(p, q, s, m[2, 0], m[2, 1], m[2, 2], m[2, 3], z)
                _project(x, y, focal, half_u, us[k])
                _project(x, z, -focal, half_v, vs[k])
            for i in range(n):
                gone[i] = np.uint8((xs[0, i] < NEAR) & (xs[1, i] < NEAR) & (xs[2, i] < NEAR))
            _beyond(xs[0], xs[1], xs[2], ys[0], ys[1], ys[2], side, gone)
            _beyond(xs[0], xs[1], xs[2], zs[0], zs[1], zs[2], rise, gone)
            _between(xs[0], xs[1], xs[2], vs[0], vs[1], vs[2], gone)
            _between(xs[0], xs[1], xs[2], us[0], us[1], us[2], gone)
            found = 0
            for i in range(n):
                kept[found] = i
                found += int(gone[i] == 0)
            if waiting + found > BLOCK:
                count = _fill_block(
                    waiting, chosen, actor, planes, colors, looks, light, focal, count, samples, width, height,
                    lit, marks, owners, faces,
                )  # fmt: skip
                waiting = 0
            for j in range(found):
                i, to = kept[j], waiting + j
                for k in range(3):
                    planes[k * BLOCK + to] = xs[k, i]
                    planes[(3 + k) * BLOCK + to] = ys[k, i]
                    planes[(6 + k) * BLOCK + to] = zs[k, i]
                    planes[(9 + k) * BLOCK + to] = us[k, i]
                    planes[(12 + k) * BLOCK + to] = vs[k, i]
                planes[15 * BLOCK + to] = 1.0 + DECAL_BIAS * looks[block + i, 2]
                chosen[to], actor[to] = block + i, actors[instance]
            waiting += found
    return _fill_block(
        waiting,
        chosen,
        actor,
        planes,
        colors,
        looks,
        light,
        focal,
        count,
        samples,
        width,
        height,
        lit,
        marks,
        owners,
        faces,
    )
