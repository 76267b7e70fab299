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
        depth_row = depth[row, start:stop]
        ids_row = ids[row, start:stop]
        for i in range(stop - start):
            inverse = np.float32(base + a * i)
            nearer = inverse > depth_row[i]
            depth_row[i] = inverse if nearer else depth_row[i]
            ids_row[i] = triangle if nearer else ids_row[i]


@njit(cache=True, nogil=True, error_model="numpy")
def draw(  # type: ignore[no-untyped-def]
    soup,
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

    soup (T, 9) float32 corner coordinates; colors (T, 3) uint8; looks (T, 3) uint8 material, tag, layer.
    Instance i is triangles starts[i] : starts[i] + counts[i] under matrices[i] (3, 4), mesh to camera frame, with
    bounding sphere centers[i], radii[i] in the mesh frame, belonging to actors[i].
    light (5, 3): sun direction and up in the camera frame, sun, sky and ground light; light[5, 0] is the lamps' glow.
    Each triangle that may be visible gets a row of the frame's table: lit (., 4) float32 RGB and depth bias, marks
    (., 2) uint8 material and tag, owners (.,) uint32 actor, faces (., 3) float32 normal in the camera's frame.
    """
    height, width = depth.shape
    half_u, half_v = 0.5 * width, 0.5 * height
    side, rise = half_u / focal, half_v / focal
    side_norm, rise_norm = math.sqrt(1.0 + side * side), math.sqrt(1.0 + rise * rise)
    sx, sy, sz = light[0, 0], light[0, 1], light[0, 2]
    px, py, pz = light[1, 0], light[1, 1], light[1, 2]
    poly = np.empty((4, 2))
    x, y, z = np.empty(3), np.empty(3), np.empty(3)
    for instance in range(starts.size):
        m = matrices[instance]
        r = radii[instance]
        cx, cy, cz = centers[instance, 0], centers[instance, 1], centers[instance, 2]
        ox = m[0, 0] * cx + m[0, 1] * cy + m[0, 2] * cz + m[0, 3]
        oy = m[1, 0] * cx + m[1, 1] * cy + m[1, 2] * cz + m[1, 3]
        oz = m[2, 0] * cx + m[2, 1] * cy + m[2, 2] * cz + m[2, 3]
        if ox + r < NEAR or abs(oy) - side * ox > r * side_norm or abs(oz) - rise * ox > r * rise_norm:
            continue
        # An instance smaller than a tenth of a sample cannot be seen, only cost time.
        if ox > r and 2.0 * r * focal < 0.1 * ox:
            continue
        m00, m01, m02, m03 = m[0, 0], m[0, 1], m[0, 2], m[0, 3]
        m10, m11, m12, m13 = m[1, 0], m[1, 1], m[1, 2], m[1, 3]
        m20, m21, m22, m23 = m[2, 0], m[2, 1], m[2, 2], m[2, 3]
        for t in range(starts[instance], starts[instance] + counts[instance]):
            p, q, s = float(soup[t, 0]), float(soup[t, 1]), float(soup[t, 2])
            x0 = m00 * p + m01 * q + m02 * s + m03
            y0 = m10 * p + m11 * q + m12 * s + m13
            z0 = m20 * p + m21 * q + m22 * s + m23
            p, q, s = float(soup[t, 3]), float(soup[t, 4]), float(soup[t, 5])
            x1 = m00 * p + m01 * q + m02 * s + m03
            y1 = m10 * p + m11 * q + m12 * s + m13
            z1 = m20 * p + m21 * q + m22 * s + m23
            p, q, s = float(soup[t, 6]), float(soup[t, 7]), float(soup[t, 8])
            x2 = m00 * p + m01 * q + m02 * s + m03
            y2 = m10 * p + m11 * q + m12 * s + m13
            z2 = m20 * p + m21 * q + m22 * s + m23
            if x0 < NEAR and x1 < NEAR and x2 < NEAR:
                continue
            if y0 > side * x0 and y1 > side * x1 and y2 > side * x2:
                continue
            if y0 < -side * x0 and y1 < -side * x1 and y2 < -side * x2:
                continue
            if z0 > rise * x0 and z1 > rise * x1 and z2 > rise * x2:
                continue
            if z0 < -rise * x0 and z1 < -rise * x1 and z2 < -rise * x2:
                continue
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

            if x0 >= NEAR and x1 >= NEAR and x2 >= NEAR:
                k0, k1, k2 = focal / x0, focal / x1, focal / x2
                u0, v0 = half_u + y0 * k0, half_v - z0 * k0
                u1, v1 = half_u + y1 * k1, half_v - z1 * k1
                u2, v2 = half_u + y2 * k2, half_v - z2 * k2
                low, high = min(v0, v1, v2), max(v0, v1, v2)
                if math.ceil(low - 0.5) >= math.ceil(high - 0.5):
                    continue
                low, high = min(u0, u1, u2), max(u0, u1, u2)
                if math.ceil(low - 0.5) >= math.ceil(high - 0.5):
                    continue
                fill(u0, v0, u1, v1, u2, v2, a, b, c, count, depth, ids)
            else:
                x[0], x[1], x[2], y[0], y[1], y[2], z[0], z[1], z[2] = x0, x1, x2, y0, y1, y2, z0, z1, z2
                corners = 0
                for i in range(3):
                    j = 0 if i == 2 else i + 1
                    if x[i] >= NEAR:
                        poly[corners, 0] = half_u + focal * y[i] / x[i]
                        poly[corners, 1] = half_v - focal * z[i] / x[i]
                        corners += 1
                    if (x[i] >= NEAR) != (x[j] >= NEAR):
                        # Always from the inner to the outer end: both neighbours of the edge get the same point.
                        inner, outer = (i, j) if x[i] >= NEAR else (j, i)
                        w = (x[inner] - NEAR) / (x[inner] - x[outer])
                        poly[corners, 0] = half_u + focal * (y[inner] + w * (y[outer] - y[inner])) / NEAR
                        poly[corners, 1] = half_v - focal * (z[inner] + w * (z[outer] - z[inner])) / NEAR
                        corners += 1
                for i in range(2, corners):
                    fill(
                        poly[0, 0], poly[0, 1], poly[i - 1, 0], poly[i - 1, 1], poly[i, 0], poly[i, 1],
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
