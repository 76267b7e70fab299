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


Triple = tuple[float, float, float]


class View(NamedTuple):
    """A camera: world position (3,), rotation (3, 3) with columns forward, right, up, and focal length in pixels."""

    position: np.ndarray
    rotation: np.ndarray
    focal: float


class Air(NamedTuple):
    """Sky and weather as the kernels take them; colours are RGB in 0..255. See `sim.render.weather.Atmosphere`.

    Scalars only, so that they stay in registers: an array here would be read again after every stored pixel.
    """

    zenith: Triple
    horizon: Triple
    fog: Triple
    glare: Triple
    cloud: Triple
    sun: Triple
    extinction: float
    fog_start: float
    clouds: float
    wet: float
    puddles: float
    rain: float


def noise_texture() -> np.ndarray:
    """Two tileable 256 x 256 noises in -1..1, float32 (131072,): fine grain, then patches about eight texels wide."""
    grain = np.random.default_rng(20).integers(-127, 128, (256, 256)).astype(np.float64) / 127.0
    patches = grain
    for _ in range(24):  # each pass is a binomial blur; together a Gaussian of 3.5 texels
        for axis in (0, 1):
            patches = 0.25 * np.roll(patches, 1, axis) + 0.5 * patches + 0.25 * np.roll(patches, -1, axis)
    patches = patches / np.abs(patches).max()
    return np.concatenate([grain.ravel(), patches.ravel()]).astype(np.float32)


TEXTURE = np.zeros((8, 7))
"""What the shader does to a material (row): brightness shares of fine grain and of soft patches, their texels per
metre, and whether it takes shadows, gets wet, and stands upright (texture runs up the wall).

A table and not constants in the kernels: numba's disk cache would not notice if constants of another file changed.
"""
TEXTURE[ASPHALT] = 0.07, 0.10, 14.0, 2.0, 1, 1, 0
TEXTURE[PAVED] = 0.06, 0.07, 9.0, 3.0, 1, 1, 0
TEXTURE[GRASS] = 0.16, 0.28, 9.0, 1.7, 1, 0, 0
TEXTURE[FOLIAGE] = 0.28, 0.25, 5.0, 5.0, 0, 0, 1
TEXTURE[WALL] = 0.05, 0.06, 6.0, 1.5, 0, 0, 1
TEXTURE[MARKING] = 0.06, 0.14, 14.0, 6.0, 1, 1, 0


@njit(inline="always")
def _texel(noise, layer, a, b):  # type: ignore[no-untyped-def]
    """Noise at texel coordinates (a, b); 32-bit arithmetic because wider conversions do not vectorise."""
    row, column = np.int32(math.floor(a)) & np.int32(255), np.int32(math.floor(b)) & np.int32(255)
    return noise[np.uint32(layer * 65536 + row * 256 + column)]


@njit(inline="always")
def _sky(dx, dy, dz, air, noise):  # type: ignore[no-untyped-def]
    """Display RGB of the sky in the unit direction d (world frame)."""
    rise = max(dz, 0.0)
    height = rise * (2.0 - rise)
    height = height * (2.0 - height)
    slope = 1.0 / max(rise, 0.01)
    a, b = dx * slope, dy * slope
    value = 0.6 * _texel(noise, 1, a * 5.0, b * 5.0) + 0.4 * _texel(noise, 1, 90.0 + a * 13.0, b * 13.0)
    cover = min(1.0, max(rise - 0.01, 0.0) * 6.0) * (0.7 if air.clouds > 0.0 else 0.0)
    cloud = min(max((value + 1.6 * air.clouds - 0.75) * 1.6, 0.0), 1.0) * cover
    near_sun = max(dx * air.sun[0] + dy * air.sun[1] + dz * air.sun[2], 0.0)
    square = near_sun * near_sun
    power6 = square * square * square
    power12 = power6 * power6
    power24 = power12 * power12
    glare = 0.35 * power24 * power24 + 0.12 * power6 + (1.0 if near_sun > 0.9993 else 0.0)
    glare = min(glare, 1.0) * (1.0 - 0.8 * air.clouds) * (1.0 - cloud)
    low = min(1.0, air.extinction * 60.0)
    fogged = low + (min(1.0, air.extinction * 14.0) - low) * height
    r = air.horizon[0] + (air.zenith[0] - air.horizon[0]) * height
    g = air.horizon[1] + (air.zenith[1] - air.horizon[1]) * height
    b = air.horizon[2] + (air.zenith[2] - air.horizon[2]) * height
    r += (air.cloud[0] - r) * cloud + air.glare[0] * glare
    g += (air.cloud[1] - g) * cloud + air.glare[1] * glare
    b += (air.cloud[2] - b) * cloud + air.glare[2] * glare
    return r + (air.fog[0] - r) * fogged, g + (air.fog[1] - g) * fogged, b + (air.fog[2] - b) * fogged


@njit(inline="always")
def _textured(color, ray, length, inverse, shadow, origin, air, noise, look):  # type: ignore[no-untyped-def]
    """Add grain, shadow and wetness to the lit colour of a surface seen along `ray`; `look` is a row of `TEXTURE`."""
    r, g, b = color
    dx, dy, dz = ray
    px, py, pz = origin
    grain, patches, fine, soft, takes_shadow, gets_wet, upright = look
    depth = 1.0 / inverse
    a, c = px + depth * dx, py + depth * dy
    # Texture runs along the ground, or up a wall.
    a, c = a + upright * c, c + upright * (pz + depth * dz + 0.3 * a - 1.3 * c)
    patch = _texel(noise, 1, a * soft, c * soft)
    # Grain finer than a pixel would only flicker: it fades with distance.
    near = min(1.0, 7.0 * inverse)
    value = 1.0 + patches * min(1.0, 50.0 * inverse) * patch
    value += grain * near * near * _texel(noise, 0, a * fine, c * fine)
    value *= 1.0 + takes_shadow * (shadow - 1.0)
    if gets_wet * air.wet > 0.0:
        puddle = min(max((patch + 1.5 * air.puddles - 1.0) * 2.0, 0.0), 1.0)
        wet = gets_wet * air.wet * (0.65 + 0.35 * puddle)
        grazing = 1.0 + min(dz / length, 0.0)
        square = grazing * grazing
        mirror = wet * (0.03 + (0.35 + 0.35 * puddle) * square * square * grazing) * (0.35 + 0.65 * shadow)
        value *= (1.0 - 0.42 * wet) * (1.0 - mirror)
        return (
            r * value + air.horizon[0] * mirror,
            g * value + air.horizon[1] * mirror,
            b * value + air.horizon[2] * mirror,
        )
    return r * value, g * value, b * value


@njit(inline="always")
def _hazy(r, g, b, distance, air):  # type: ignore[no-untyped-def]
    """Blend a colour towards the fog's by its distance (m); exp(-x) to within 0.012, several times cheaper."""
    x = air.extinction * max(distance - air.fog_start, 0.0)
    fog = 1.0 - 1.0 / (1.0 + x * (1.0 + x * (0.5 + x * (0.16666667 + x * 0.04166667))))
    return r + (air.fog[0] - r) * fog, g + (air.fog[1] - g) * fog, b + (air.fog[2] - b) * fog


@njit(cache=True, nogil=True, error_model="numpy")
def resolve(depth, ids, lit, marks, shadow, view, air, noise, texture, frame, out):  # type: ignore[no-untyped-def]
    """Shade the 2x2-supersampled visibility buffer (2H, 2W) into BGRA uint8 (H, W, 4).

    `shadow` float32 (H, W) multiplies the brightness of ground; `frame` moves the rain. Runs of pixels that see one
    triangle (most of an image) go through branch-free loops that the compiler vectorises, edge pixels one by one.
    """
    height, width = out.shape[0], out.shape[1]
    turn = view.rotation
    fx, fy, fz = turn[0, 0], turn[1, 0], turn[2, 0]
    rx, ry, rz = turn[0, 1], turn[1, 1], turn[2, 1]
    ux, uy, uz = turn[0, 2], turn[1, 2], turn[2, 2]
    position = (view.position[0], view.position[1], view.position[2])
    step = 1.0 / view.focal
    red, green, blue = np.empty(width), np.empty(width), np.empty(width)
    inverses = np.empty(width)
    for row in range(height):
        upper_ids, lower_ids = ids[2 * row], ids[2 * row + 1]
        upper_depth, lower_depth = depth[2 * row], depth[2 * row + 1]
        z = (0.5 * height - row - 0.5) * step
        bx, by, bz = fx + ux * z, fy + uy * z, fz + uz * z
        square = 1.0 + z * z
        shadow_row = shadow[row]
        column = 0
        while column < width:
            first = upper_ids[2 * column]
            stop = column
            while (
                stop < width
                and upper_ids[2 * stop] == first
                and upper_ids[2 * stop + 1] == first
                and lower_ids[2 * stop] == first
                and lower_ids[2 * stop + 1] == first
            ):
                stop += 1
            if stop > column and first < 0:
                for i in range(column, stop):
                    y = (i + 0.5 - 0.5 * width) * step
                    scale = 1.0 / math.sqrt(square + y * y)
                    r, g, b = _sky((bx + rx * y) * scale, (by + ry * y) * scale, (bz + rz * y) * scale, air, noise)
                    red[i], green[i], blue[i] = r, g, b
            elif stop > column:
                color = (float(lit[first, 0]), float(lit[first, 1]), float(lit[first, 2]))
                # Inverse depth is linear in the image: the mean of four samples is its value at the pixel's centre.
                share = 0.25 / float(lit[first, 3])
                for i in range(column, stop):
                    inverses[i] = share * (
                        float(upper_depth[2 * i])
                        + float(upper_depth[2 * i + 1])
                        + float(lower_depth[2 * i])
                        + float(lower_depth[2 * i + 1])
                    )
                kind = marks[first, 0]
                look = (
                    texture[kind, 0], texture[kind, 1], texture[kind, 2], texture[kind, 3],
                    texture[kind, 4], texture[kind, 5], texture[kind, 6],
                )  # fmt: skip
                if look[0] == 0.0:
                    for i in range(column, stop):
                        y = (i + 0.5 - 0.5 * width) * step
                        distance = math.sqrt(square + y * y) / inverses[i]
                        r, g, b = _hazy(color[0], color[1], color[2], distance, air)
                        red[i], green[i], blue[i] = r, g, b
                else:
                    for i in range(column, stop):
                        y = (i + 0.5 - 0.5 * width) * step
                        length = math.sqrt(square + y * y)
                        ray = (bx + rx * y, by + ry * y, bz + rz * y)
                        r, g, b = _textured(
                            color, ray, length, inverses[i], float(shadow_row[i]), position, air, noise, look
                        )
                        r, g, b = _hazy(r, g, b, length / inverses[i], air)
                        red[i], green[i], blue[i] = r, g, b
            column = stop
            if column == width:
                break
            # An edge pixel, unless the next run starts here.
            i0, i1 = upper_ids[2 * column], upper_ids[2 * column + 1]
            i2, i3 = lower_ids[2 * column], lower_ids[2 * column + 1]
            if i0 == i1 and i0 == i2 and i0 == i3:
                continue
            sum_r, sum_g, sum_b = 0.0, 0.0, 0.0
            for k in range(4):
                triangle, inverse = i0, upper_depth[2 * column]
                if k == 1:
                    triangle, inverse = i1, upper_depth[2 * column + 1]
                elif k == 2:
                    triangle, inverse = i2, lower_depth[2 * column]
                elif k == 3:
                    triangle, inverse = i3, lower_depth[2 * column + 1]
                # Shaded already, with the first sample that saw it?
                if (k > 0 and triangle == i0) or (k > 1 and triangle == i1) or (k > 2 and triangle == i2):
                    continue
                weight = 0.25 if i0 == triangle else 0.0
                weight += 0.25 if i1 == triangle else 0.0
                weight += 0.25 if i2 == triangle else 0.0
                weight += 0.25 if i3 == triangle else 0.0
                y = (column + (0.75 if k & 1 else 0.25) - 0.5 * width) * step
                rise = z + (-0.25 if k & 2 else 0.25) * step
                dx, dy, dz = fx + rx * y + ux * rise, fy + ry * y + uy * rise, fz + rz * y + uz * rise
                length = math.sqrt(1.0 + y * y + rise * rise)
                if triangle < 0:
                    r, g, b = _sky(dx / length, dy / length, dz / length, air, noise)
                else:
                    inverse_k = float(inverse) / float(lit[triangle, 3])
                    r, g, b = float(lit[triangle, 0]), float(lit[triangle, 1]), float(lit[triangle, 2])
                    kind = marks[triangle, 0]
                    if texture[kind, 0] > 0.0:
                        edge_look = (
                            texture[kind, 0], texture[kind, 1], texture[kind, 2], texture[kind, 3],
                            texture[kind, 4], texture[kind, 5], texture[kind, 6],
                        )  # fmt: skip
                        shade = float(shadow_row[column])
                        r, g, b = _textured(
                            (r, g, b), (dx, dy, dz), length, inverse_k, shade, position, air, noise, edge_look
                        )
                    r, g, b = _hazy(r, g, b, length / inverse_k, air)
                sum_r += weight * r
                sum_g += weight * g
                sum_b += weight * b
            red[column], green[column], blue[column] = sum_r, sum_g, sum_b
            column += 1
        if air.rain > 0.0:
            fade = 0.3 * air.rain
            for i in range(width):
                grey = 0.35 * red[i] + 0.5 * green[i] + 0.15 * blue[i]
                # One falling streak in a quarter of the columns, placed by a hash of column and frame.
                key = (i * 2654435761 + frame * 2654404609 + (i ^ frame) * 97) & 0xFFFFFFFF
                key = (key ^ (key >> 15)) * 2246822519 & 0xFFFFFFFF
                streak = 27.0 * air.rain if (key & 3) == 0 and (row + (key >> 8)) % height < height // 14 + 2 else 0.0
                red[i] += (grey - red[i]) * fade + streak
                green[i] += (grey - green[i]) * fade + streak
                blue[i] += (grey - blue[i]) * fade + streak
        out_row = out[row]
        for i in range(width):
            out_row[i, 0] = np.uint8(np.int32(min(max(blue[i], 0.0), 255.0) + 0.499))
            out_row[i, 1] = np.uint8(np.int32(min(max(green[i], 0.0), 255.0) + 0.499))
            out_row[i, 2] = np.uint8(np.int32(min(max(red[i], 0.0), 255.0) + 0.499))
            out_row[i, 3] = 255


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
