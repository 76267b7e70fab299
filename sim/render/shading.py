"""From the visibility buffer to pictures: texture, shadows, wetness, fog, sky, and the label images.

Light was applied per triangle in the visibility pass (flat shading); here each pixel gets what varies within a
triangle. A pixel whose four samples see one triangle is shaded once, others once per distinct triangle.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from sim.render.raster import ASPHALT, FOLIAGE, GRASS, MARKING, PAVED, WALL

FAR = 1000.0
"""Depth (m) of the sky, and the largest depth that CARLA's depth image can say."""

SKY_TAG = 11


class View(NamedTuple):
    """A camera: world position (3,), rotation (3, 3) with columns forward, right, up, and focal length in pixels."""

    position: np.ndarray
    rotation: np.ndarray
    focal: float


class Air(NamedTuple):
    """Sky and weather as the kernels take them: `palette` (4, 3) is zenith, horizon, fog and sun colour in 0..255."""

    palette: np.ndarray
    sun: np.ndarray
    extinction: float
    fog_start: float
    clouds: float
    wet: float
    puddles: float
    rain: float


def noise_texture() -> np.ndarray:
    """Tileable noise float32 (2, 256, 256) in -1..1: fine grain and soft patches about eight texels wide."""
    grain = np.random.default_rng(20).integers(-127, 128, (256, 256)).astype(np.float64) / 127.0
    patches = grain
    for axis in (0, 1):
        for shift in (1, 2, 4, 4):
            patches = (np.roll(patches, shift, axis) + patches + np.roll(patches, -shift, axis)) / 3.0
    patches = patches / np.abs(patches).max()
    return np.stack([grain, patches]).astype(np.float32)


TEXTURE = np.zeros((8, 7))
"""What the shader does to a material (row): brightness shares of fine grain and of soft patches, their texels per metre,
and whether it takes shadows, gets wet, and stands upright (texture runs up the wall).

A table and not constants in the kernels: numba's disk cache would not notice if constants of another file changed.
"""
TEXTURE[ASPHALT] = 0.07, 0.10, 14.0, 2.0, 1, 1, 0
TEXTURE[PAVED] = 0.06, 0.07, 9.0, 3.0, 1, 1, 0
TEXTURE[GRASS] = 0.16, 0.28, 9.0, 1.7, 1, 0, 0
TEXTURE[FOLIAGE] = 0.28, 0.25, 5.0, 5.0, 0, 0, 1
TEXTURE[WALL] = 0.05, 0.06, 6.0, 1.5, 0, 0, 1
TEXTURE[MARKING] = 0.06, 0.14, 14.0, 6.0, 1, 1, 0


@njit(cache=True, nogil=True, error_model="numpy")
def _patch(noise, layer, a, b):  # type: ignore[no-untyped-def]
    return noise[layer, math.floor(a) & 255, math.floor(b) & 255]


@njit(cache=True, nogil=True, error_model="numpy")
def _sky(dx, dy, dz, air, noise):  # type: ignore[no-untyped-def]
    """Display RGB of the sky in direction d (world frame, any length)."""
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    rise = max(dz / length, 0.0)
    t = rise * (2.0 - rise)
    t = t * (2.0 - t)
    cloud = 0.0
    if air.clouds > 0.0 and rise > 0.01:
        a, b = dx / dz, dy / dz
        value = 0.6 * _patch(noise, 1, a * 5.0, b * 5.0) + 0.4 * _patch(noise, 1, 90.0 + a * 13.0, b * 13.0)
        cloud = min(max((value + 1.6 * air.clouds - 0.75) * 1.6, 0.0), 1.0) * min(1.0, (rise - 0.01) * 6.0) * 0.7
    glow = (dx * air.sun[0] + dy * air.sun[1] + dz * air.sun[2]) / length
    glow = max(glow, 0.0)
    halo = (glow**48) * 0.35 + (glow**6) * 0.12
    disc = 1.0 if glow > 0.9993 else 0.0
    clear = (1.0 - 0.8 * air.clouds) * (1.0 - cloud)
    fogged = min(1.0, air.extinction * 60.0) * (1.0 - t) + min(1.0, air.extinction * 14.0) * t
    out = (0.0, 0.0, 0.0)
    r = air.palette[1, 0] + (air.palette[0, 0] - air.palette[1, 0]) * t
    g = air.palette[1, 1] + (air.palette[0, 1] - air.palette[1, 1]) * t
    b_ = air.palette[1, 2] + (air.palette[0, 2] - air.palette[1, 2]) * t
    bright = 0.5 * (air.palette[1, 0] + air.palette[1, 1] + air.palette[1, 2]) / 3.0 + 0.5 * air.palette[1, 2]
    bright = min(bright * 1.08, 250.0)
    r += (bright - r) * cloud
    g += (bright - g) * cloud
    b_ += (bright - b_) * cloud
    shine = min(halo + disc, 1.0) * clear
    r += air.palette[3, 0] * shine
    g += air.palette[3, 1] * shine
    b_ += air.palette[3, 2] * shine
    out = (
        r + (air.palette[2, 0] - r) * fogged,
        g + (air.palette[2, 1] - g) * fogged,
        b_ + (air.palette[2, 2] - b_) * fogged,
    )
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _surface(dx, dy, dz, inverse, triangle, shadow, lit, marks, position, air, noise, texture):  # type: ignore[no-untyped-def]
    """Display RGB of a triangle seen along d (world frame, forward component 1) at an inverse depth."""
    inverse = inverse / lit[triangle, 3]
    depth = 1.0 / inverse
    material = marks[triangle, 0]
    r, g, b = float(lit[triangle, 0]), float(lit[triangle, 1]), float(lit[triangle, 2])
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    if texture[material, 0] > 0.0:
        px, py, pz = position[0] + depth * dx, position[1] + depth * dy, position[2] + depth * dz
        if texture[material, 6] > 0.0:
            px, py = px + py, pz + 0.3 * (px - py)
        fine, soft = texture[material, 2], texture[material, 3]
        near = min(1.0, 7.0 * inverse)
        patch = _patch(noise, 1, px * soft, py * soft)
        value = (
            1.0
            + texture[material, 0] * near * near * _patch(noise, 0, px * fine, py * fine)
            + texture[material, 1] * min(1.0, 50.0 * inverse) * patch
        )
        if texture[material, 4] > 0.0:
            value *= shadow
        r, g, b = r * value, g * value, b * value
        if air.wet > 0.0 and texture[material, 5] > 0.0:
            puddle = min(max((patch + 1.5 * air.puddles - 1.0) * 4.0, 0.0), 1.0)
            wet = air.wet * (0.65 + 0.35 * puddle)
            grazing = 1.0 + min(dz / length, 0.0)
            square = grazing * grazing
            mirror = wet * (0.03 + (0.35 + 0.35 * puddle) * square * square * grazing) * (0.35 + 0.65 * shadow)
            dark = 1.0 - 0.42 * wet
            r = r * dark * (1.0 - mirror) + air.palette[1, 0] * mirror
            g = g * dark * (1.0 - mirror) + air.palette[1, 1] * mirror
            b = b * dark * (1.0 - mirror) + air.palette[1, 2] * mirror
    fog = 1.0 - math.exp(-air.extinction * max(depth * length - air.fog_start, 0.0))
    return (
        r + (air.palette[2, 0] - r) * fog,
        g + (air.palette[2, 1] - g) * fog,
        b + (air.palette[2, 2] - b) * fog,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def resolve(depth, ids, lit, marks, shadow, view, air, noise, texture, frame, out):  # type: ignore[no-untyped-def]
    """Shade the 2x2-supersampled visibility buffer (2H, 2W) into BGRA uint8 (H, W, 4).

    `shadow` float32 (H, W) multiplies the brightness of ground; `frame` moves the rain.
    """
    height, width = out.shape[0], out.shape[1]
    turn, position = view.rotation, view.position
    step = 1.0 / view.focal
    for row in range(height):
        upper, lower = 2 * row, 2 * row + 1
        for column in range(width):
            left, right = 2 * column, 2 * column + 1
            y = (column + 0.5 - 0.5 * width) * step
            z = (0.5 * height - row - 0.5) * step
            i0, i1, i2, i3 = ids[upper, left], ids[upper, right], ids[lower, left], ids[lower, right]
            r, g, b = 0.0, 0.0, 0.0
            if i0 == i1 and i0 == i2 and i0 == i3:
                dx = turn[0, 0] + turn[0, 1] * y + turn[0, 2] * z
                dy = turn[1, 0] + turn[1, 1] * y + turn[1, 2] * z
                dz = turn[2, 0] + turn[2, 1] * y + turn[2, 2] * z
                if i0 < 0:
                    r, g, b = _sky(dx, dy, dz, air, noise)
                else:
                    # Inverse depth is linear in the image: the mean of the samples is its value at the centre.
                    inverse = 0.25 * (
                        float(depth[upper, left])
                        + float(depth[upper, right])
                        + float(depth[lower, left])
                        + float(depth[lower, right])
                    )
                    r, g, b = _surface(
                        dx, dy, dz, inverse, i0, shadow[row, column], lit, marks, position, air, noise, texture
                    )
            else:
                for k in range(4):
                    ky, kx = upper + (k >> 1), left + (k & 1)
                    triangle = ids[ky, kx]
                    weight = 0.25
                    seen = False
                    for j in range(4):
                        if j != k and ids[upper + (j >> 1), left + (j & 1)] == triangle:
                            if j < k:
                                seen = True
                            weight += 0.25
                    if seen:
                        continue
                    sy = y + (0.25 if k & 1 else -0.25) * step
                    sz = z - (0.25 if k >> 1 else -0.25) * step
                    dx = turn[0, 0] + turn[0, 1] * sy + turn[0, 2] * sz
                    dy = turn[1, 0] + turn[1, 1] * sy + turn[1, 2] * sz
                    dz = turn[2, 0] + turn[2, 1] * sy + turn[2, 2] * sz
                    if triangle < 0:
                        pr, pg, pb = _sky(dx, dy, dz, air, noise)
                    else:
                        pr, pg, pb = _surface(
                            dx, dy, dz, float(depth[ky, kx]), triangle, shadow[row, column],
                            lit, marks, position, air, noise, texture,
                        )  # fmt: skip
                    r += weight * pr
                    g += weight * pg
                    b += weight * pb
            if air.rain > 0.0:
                grey = 0.35 * r + 0.5 * g + 0.15 * b
                fade = 0.3 * air.rain
                r, g, b = r + (grey - r) * fade, g + (grey - g) * fade, b + (grey - b) * fade
                # One falling streak per column: its phase is a hash of column and frame.
                key = (column * 2654435761 + frame * 40503 * 65537 + (column ^ frame) * 97) & 0xFFFFFFFF
                key = (key ^ (key >> 15)) * 2246822519 & 0xFFFFFFFF
                phase = (row + (key >> 8)) % height
                if (key & 3) == 0 and phase < height // 14 + 2:
                    r, g, b = r + 26.0 * air.rain, g + 27.0 * air.rain, b + 28.0 * air.rain
            out[row, column, 0] = np.uint8(min(max(b, 0.0), 255.0) + 0.499)
            out[row, column, 1] = np.uint8(min(max(g, 0.0), 255.0) + 0.499)
            out[row, column, 2] = np.uint8(min(max(r, 0.0), 255.0) + 0.499)
            out[row, column, 3] = 255


@njit(cache=True, nogil=True, error_model="numpy")
def cast_shadows(depth, ids, lit, marks, texture, boxes, sun, direct, view, shadow):  # type: ignore[no-untyped-def]
    """Darken ground under and beside actors in `shadow` float32 (H, W), given the (2H, 2W) visibility buffer.

    boxes (N, 8): footprint centre x, y, ground z, cos yaw, sin yaw, half length, half width, height. The shadow is the
    footprint swept away from the sun with a soft edge, plus a contact shadow; `direct` is the sun's share of the light.
    """
    height, width = shadow.shape
    turn, position, focal = view.rotation, view.position, view.focal
    flat = math.hypot(sun[0], sun[1])
    for n in range(boxes.shape[0]):
        bx, by, ground, cos, sin = boxes[n, 0], boxes[n, 1], boxes[n, 2], boxes[n, 3], boxes[n, 4]
        hx, hy, tall = boxes[n, 5], boxes[n, 6], boxes[n, 7]
        reach = min(tall * flat / max(sun[2], 0.2), 5.0) if sun[2] > 0.0 and direct > 0.0 else 0.0
        ex = sun[0] / flat * reach if flat > 0.0 else 0.0
        ey = sun[1] / flat * reach if flat > 0.0 else 0.0
        # Screen bounds of the shadow's world box; an actor beside the camera may cross the near plane: then all rows.
        radius = math.hypot(hx, hy) + 0.7
        low_x, high_x = min(bx, bx - ex) - radius, max(bx, bx - ex) + radius
        low_y, high_y = min(by, by - ey) - radius, max(by, by - ey) + radius
        u0, u1, v0, v1 = 1e9, -1e9, 1e9, -1e9
        behind = 0
        for corner in range(4):
            wx = (high_x if corner & 1 else low_x) - position[0]
            wy = (high_y if corner & 2 else low_y) - position[1]
            wz = ground - position[2]
            x = turn[0, 0] * wx + turn[1, 0] * wy + turn[2, 0] * wz
            y = turn[0, 1] * wx + turn[1, 1] * wy + turn[2, 1] * wz
            z = turn[0, 2] * wx + turn[1, 2] * wy + turn[2, 2] * wz
            if x < 0.1:
                behind += 1
                continue
            u, v = 0.5 * width + focal * y / x, 0.5 * height - focal * z / x
            u0, u1, v0, v1 = min(u0, u), max(u1, u), min(v0, v), max(v1, v)
        if behind == 4:
            continue
        if behind > 0:
            u0, u1, v0, v1 = 0.0, width + 0.0, 0.0, height + 0.0
        if u1 - u0 < 2.0:
            continue
        rows = range(int(max(math.floor(v0) - 1.0, 0.0)), int(min(math.ceil(v1) + 2.0, height + 0.0)))
        for row in rows:
            for column in range(int(max(math.floor(u0), 0.0)), int(min(math.ceil(u1) + 1.0, width + 0.0))):
                triangle = ids[2 * row, 2 * column]
                if triangle < 0:
                    continue
                material = marks[triangle, 0]
                if texture[material, 4] == 0.0:
                    continue
                distance = lit[triangle, 3] / depth[2 * row, 2 * column]
                y = (column + 0.25 - 0.5 * width) / focal
                z = (0.5 * height - row - 0.25) / focal
                gz = position[2] + distance * (turn[2, 0] + turn[2, 1] * y + turn[2, 2] * z)
                if abs(gz - ground) > 0.6:
                    continue
                gx = position[0] + distance * (turn[0, 0] + turn[0, 1] * y + turn[0, 2] * z) - bx
                gy = position[1] + distance * (turn[1, 0] + turn[1, 1] * y + turn[1, 2] * z) - by
                nearest = 1e9
                contact = 1e9
                for step in range(5):
                    wx, wy = gx + 0.25 * step * ex, gy + 0.25 * step * ey
                    qx = max(abs(cos * wx + sin * wy) - hx, 0.0)
                    qy = max(abs(cos * wy - sin * wx) - hy, 0.0)
                    gap = qx * qx + qy * qy
                    nearest = min(nearest, gap)
                    if step == 0:
                        contact = gap
                dark = direct * 0.85 * max(0.0, 1.0 - math.sqrt(nearest) / 0.3)
                dark = max(dark, 0.62 * max(0.0, 1.0 - math.sqrt(contact) / 0.5))
                shadow[row, column] = min(shadow[row, column], np.float32(1.0 - dark))


@njit(cache=True, nogil=True, error_model="numpy")
def label(depth, ids, lit, marks, owners, metres, tags, actors):  # type: ignore[no-untyped-def]
    """Depth float32 (m along the camera axis, `FAR` at most), tag uint8 and actor uint32 images, each (H, W)."""
    height, width = ids.shape
    for row in range(height):
        for column in range(width):
            triangle = ids[row, column]
            if triangle < 0:
                metres[row, column] = FAR
                tags[row, column] = SKY_TAG
                actors[row, column] = 0
            else:
                metres[row, column] = min(lit[triangle, 3] / depth[row, column], FAR)
                tags[row, column] = marks[triangle, 1]
                actors[row, column] = owners[triangle]
