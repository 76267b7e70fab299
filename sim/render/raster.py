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

NARROW = 8
"""Samples from which on a row of a triangle pays for vector instructions."""

PLAIN, ASPHALT, PAVED, GRASS, FOLIAGE, WALL, MARKING, LAMP, WINDOW, LIT_WINDOW = range(10)
"""Materials: how the shader textures a triangle, and (ASPHALT, PAVED, GRASS, MARKING) which ones receive shadows.
WINDOW mirrors the sky; somebody is at home behind a LIT_WINDOW at night."""

LAMPLIGHT_INDOORS = (226.0, 170.0, 96.0)
"""What a LIT_WINDOW adds at night, display RGB."""


@njit(cache=True, nogil=True, error_model="numpy")
def fill(ua, va, ub, vb, uc, vc, a, b, c, triangle, depth, ids):  # type: ignore[no-untyped-def]
    """Fill one screen triangle with inverse depth a*u + b*v + c where it is nearer than what is there.

    Samples sit at half-integer coordinates; an edge's crossing is computed from its upper to its lower end, so
    triangles that share the edge neither overlap nor leave a gap.
    """
    height, width = depth.shape
    if vb < va:
        ua, va, ub, vb = ub, vb, ua, va
    if vc < va:
        ua, va, uc, vc = uc, vc, ua, va
    if vc < vb:
        ub, vb, uc, vc = uc, vc, ub, vb
    if vc < 0.5 or va > height - 0.5:
        return
    first = math.ceil(max(va, 0.0) - 0.5)
    last = math.ceil(min(vc, height + 0.0) - 0.5)
    if first >= last:
        return
    long_slope = (uc - ua) / (vc - va)
    upper_slope = (ub - ua) / (vb - va) if vb > va else 0.0
    lower_slope = (uc - ub) / (vc - vb) if vc > vb else 0.0
    for row in range(first, last):
        v = row + 0.5
        left = ua + (v - va) * long_slope
        right = ua + (v - va) * upper_slope if v < vb else ub + (v - vb) * lower_slope
        if right < left:
            left, right = right, left
        if right <= 0.5 or left > width - 0.5:
            continue
        start = math.ceil(max(left, 0.0) - 0.5)
        stop = math.ceil(min(right, width + 0.0) - 0.5)
        if start >= stop:
            continue
        base = b * v + c + a * (start + 0.5)
        if stop - start < NARROW:
            for i in range(stop - start):
                inverse = np.float32(base + a * i)
                if inverse > depth[np.uint32(row), np.uint32(start + i)]:
                    depth[np.uint32(row), np.uint32(start + i)] = inverse
                    ids[np.uint32(row), np.uint32(start + i)] = triangle
            continue
        depth_row = depth[row, start:stop]
        ids_row = ids[row, start:stop]
        for i in range(stop - start):
            inverse = np.float32(base + a * i)
            nearer = inverse > depth_row[i]
            depth_row[i] = inverse if nearer else depth_row[i]
            ids_row[i] = triangle if nearer else ids_row[i]


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
    depth,
    ids,
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
    light (5, 3): sun direction and up in the camera frame, sun, sky and ground light; light[5, 0] is the lamps' glow.
    Each triangle that may be visible gets a row of the frame's table: lit (., 4) float32 RGB and depth bias, marks
    (., 2) uint8 material and tag, owners (.,) uint32 actor, faces (., 3) float32 normal in the camera's frame.
    """
    height, width = depth.shape
    half_u, half_v = 0.5 * width, 0.5 * height
    side, rise = half_u / focal, half_v / focal
    sx, sy, sz = light[0, 0], light[0, 1], light[0, 2]
    px, py, pz = light[1, 0], light[1, 1], light[1, 2]
    poly = np.empty((4, 2))
    x, y, z = np.empty(3), np.empty(3), np.empty(3)
    xs, ys, zs = np.empty((3, BLOCK)), np.empty((3, BLOCK)), np.empty((3, BLOCK))
    outside = np.empty(BLOCK, np.uint8)
    runs = np.empty((starts.size, 3), np.int64)
    for run in range(_runs(starts, counts, radii, centers, matrices, focal, side, rise, runs)):
        instance = runs[run, 0]
        m = matrices[0 if matrices.shape[0] == 1 else instance]
        for block in range(runs[run, 1], runs[run, 2], BLOCK):
            end = min(block + BLOCK, runs[run, 2])
            n = end - block
            for k in range(3):
                p, q, s = corners[3 * k, block:end], corners[3 * k + 1, block:end], corners[3 * k + 2, block:end]
                _transform(p, q, s, m[0, 0], m[0, 1], m[0, 2], m[0, 3], xs[k])
                _transform(p, q, s, m[1, 0], m[1, 1], m[1, 2], m[1, 3], ys[k])
                _transform(p, q, s, m[2, 0], m[2, 1], m[2, 2], m[2, 3], zs[k])
            gone = outside[:n]
            for i in range(n):
                gone[i] = np.uint8((xs[0, i] < NEAR) & (xs[1, i] < NEAR) & (xs[2, i] < NEAR))
            _beyond(xs[0], xs[1], xs[2], ys[0], ys[1], ys[2], side, gone)
            _beyond(xs[0], xs[1], xs[2], zs[0], zs[1], zs[2], rise, gone)
            for i in range(n):
                if gone[i]:
                    continue
                x0, x1, x2 = xs[0, i], xs[1, i], xs[2, i]
                y0, y1, y2 = ys[0, i], ys[1, i], ys[2, i]
                z0, z1, z2 = zs[0, i], zs[1, i], zs[2, i]
                ahead = x0 >= NEAR and x1 >= NEAR and x2 >= NEAR
                u0, u1, u2, v0, v1, v2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
                if ahead:  # most triangles of a far town lie between the samples
                    k0, k1, k2 = focal / x0, focal / x1, focal / x2
                    v0, v1, v2 = half_v - z0 * k0, half_v - z1 * k1, half_v - z2 * k2
                    if math.ceil(min(v0, v1, v2) - 0.5) >= math.ceil(max(v0, v1, v2) - 0.5):
                        continue
                    u0, u1, u2 = half_u + y0 * k0, half_u + y1 * k1, half_u + y2 * k2
                    if math.ceil(min(u0, u1, u2) - 0.5) >= math.ceil(max(u0, u1, u2) - 0.5):
                        continue
                t = block + i
                ax, ay, az = x1 - x0, y1 - y0, z1 - z0
                bx, by, bz = x2 - x0, y2 - y0, z2 - z0
                nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
                norm = math.sqrt(nx * nx + ny * ny + nz * nz)
                if norm == 0.0:
                    continue
                nx, ny, nz = nx / norm, ny / norm, nz / norm
                d = nx * x0 + ny * y0 + nz * z0
                if abs(d) < 1e-9:
                    continue
                if d > 0.0:  # the normal that looks at the camera
                    nx, ny, nz, d = -nx, -ny, -nz, -d

                bias = 1.0 + DECAL_BIAS * looks[t, 2]
                scale = bias / d
                a = ny * scale / focal
                b = -nz * scale / focal
                c = nx * scale - a * half_u - b * half_v

                if ahead:
                    fill(u0, v0, u1, v1, u2, v2, a, b, c, count, depth, ids)
                else:
                    x[0], x[1], x[2], y[0], y[1], y[2], z[0], z[1], z[2] = x0, x1, x2, y0, y1, y2, z0, z1, z2
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
                    for e in range(2, found):
                        fill(
                            poly[0, 0], poly[0, 1], poly[e - 1, 0], poly[e - 1, 1], poly[e, 0], poly[e, 1],
                            a, b, c, count, depth, ids,
                        )  # fmt: skip

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
                lit[count, 3] = bias
                marks[count, 0] = material
                marks[count, 1] = looks[t, 1]
                owners[count] = actors[instance]
                faces[count, 0], faces[count, 1], faces[count, 2] = nx, ny, nz
                count += 1
    return count
