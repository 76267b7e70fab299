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


TEXTURE = np.zeros((10, 7), np.float32)
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
    row, column = np.int32(math.floor(a)) & np.int32(255), np.int32(math.floor(b)) & np.int32(255)
    return noise[np.uint32(layer * 65536 + row * 256 + column)]


@njit(inline="always")
def _sky(dx, dy, dz, air, noise):  # type: ignore[no-untyped-def]
    """Display RGB of the sky in the unit direction d (world frame)."""
    rise = max(dz, 0.0)
    height = rise * (2.0 - rise)
    height = height * (2.0 - height)
    cloud = 0.0
    if air.clouds > 0.06:
        slope = 1.0 / max(rise, 0.01)
        a, b = dx * slope, dy * slope
        value = 0.6 * _texel(noise, 1, a * 5.0, b * 5.0) + 0.4 * _texel(noise, 1, 90.0 + a * 13.0, b * 13.0)
        cover = min(1.0, max(rise - 0.01, 0.0) * 6.0) * 0.7
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
def _noise_index(y, z, inverse, texels, upright, turn, position):  # type: ignore[no-untyped-def]
    """Index into a noise layer of the surface point seen at image slopes (y, z); runs along the ground or up a wall."""
    depth = np.float32(1.0) / inverse
    px = position[0] + depth * (turn[0] + turn[1] * y + turn[2] * z)
    py = position[1] + depth * (turn[3] + turn[4] * y + turn[5] * z)
    pz = position[2] + depth * (turn[6] + turn[7] * y + turn[8] * z)
    a = px + upright * py
    b = py + upright * (pz + np.float32(0.3) * px - np.float32(1.3) * py)
    row, column = np.int32(math.floor(a * texels)), np.int32(math.floor(b * texels))
    return ((row & np.int32(255)) << np.int32(8)) | (column & np.int32(255))


@njit(inline="always")
def _fog(distance, extinction, start):  # type: ignore[no-untyped-def]
    """Share of the fog's colour at a distance (m): 1 - exp(-x) to within 0.012, several times cheaper."""
    x = extinction * max(distance - start, np.float32(0.0))
    series = x * (np.float32(0.16666667) + x * np.float32(0.041666668))
    series = np.float32(1.0) + x * (np.float32(1.0) + x * (np.float32(0.5) + series))
    return np.float32(1.0) - np.float32(1.0) / series


@njit(cache=True, nogil=True, error_model="numpy")
def _light(n, y, z, inverse, shadow, looks, red, green, blue, turn, position, air, noise, work, index):  # type: ignore[no-untyped-def]
    """Texture, shadow, wetness and fog of n surface samples, in place on their lit colours red, green, blue.

    All float32; y, z image slopes, inverse depth, shadow (S,), looks (7, S) columns of `TEXTURE`, work (4, S), index
    int32 (S,). Each loop writes one array and reads few, which is what lets the compiler vectorise it.
    """
    one = np.float32(1.0)
    grains, patches, fines, softs = looks[0], looks[1], looks[2], looks[3]
    takes_shadow, gets_wet, uprights = looks[4], looks[5], looks[6]
    patch, grain, value, fog = work[0], work[1], work[2], work[3]
    for i in range(n):
        index[i] = _noise_index(y[i], z[i], inverse[i], softs[i], uprights[i], turn, position)
    for i in range(n):
        patch[i] = noise[np.uint32(index[i]) + np.uint32(65536)]
    for i in range(n):
        index[i] = _noise_index(y[i], z[i], inverse[i], fines[i], uprights[i], turn, position)
    for i in range(n):
        grain[i] = noise[np.uint32(index[i])]
    for i in range(n):
        # Grain finer than a pixel would only flicker: it fades with distance.
        near = min(one, np.float32(7.0) * inverse[i])
        value[i] = (
            one + patches[i] * min(one, np.float32(50.0) * inverse[i]) * patch[i] + grains[i] * near * near * grain[i]
        )
    for i in range(n):
        value[i] *= one + takes_shadow[i] * (shadow[i] - one)
    extinction, start = np.float32(air.extinction), np.float32(air.fog_start)
    if air.wet > 0.0:
        mirror = grain
        for i in range(n):
            puddle = min(max((patch[i] + np.float32(1.5 * air.puddles - 1.0)) * np.float32(2.0), np.float32(0.0)), one)
            wet = gets_wet[i] * np.float32(air.wet) * (np.float32(0.65) + np.float32(0.35) * puddle)
            dz = turn[6] + turn[7] * y[i] + turn[8] * z[i]
            grazing = one + min(dz / math.sqrt(one + y[i] * y[i] + z[i] * z[i]), np.float32(0.0))
            strength = np.float32(0.35) * (one + puddle) * grazing * grazing * grazing * grazing * grazing
            mirror[i] = wet * (np.float32(0.03) + strength) * (np.float32(0.35) + np.float32(0.65) * shadow[i])
            patch[i] = (one - np.float32(0.42) * wet) * (one - mirror[i])
        for i in range(n):
            value[i] *= patch[i]
        hr, hg, hb = np.float32(air.horizon[0]), np.float32(air.horizon[1]), np.float32(air.horizon[2])
        for i in range(n):
            red[i] = red[i] * value[i] + hr * mirror[i]
        for i in range(n):
            green[i] = green[i] * value[i] + hg * mirror[i]
        for i in range(n):
            blue[i] = blue[i] * value[i] + hb * mirror[i]
    else:
        for i in range(n):
            red[i] *= value[i]
        for i in range(n):
            green[i] *= value[i]
        for i in range(n):
            blue[i] *= value[i]
    for i in range(n):
        fog[i] = _fog(math.sqrt(one + y[i] * y[i] + z[i] * z[i]) / inverse[i], extinction, start)
    fr, fg, fb = np.float32(air.fog[0]), np.float32(air.fog[1]), np.float32(air.fog[2])
    for i in range(n):
        red[i] += (fr - red[i]) * fog[i]
    for i in range(n):
        green[i] += (fg - green[i]) * fog[i]
    for i in range(n):
        blue[i] += (fb - blue[i]) * fog[i]


@njit(cache=True, nogil=True, error_model="numpy")
def resolve(depth, ids, lit, marks, shadow, view, air, noise, texture, frame, out):  # type: ignore[no-untyped-def]
    """Shade the 2x2-supersampled visibility buffer (2H, 2W) into BGRA uint8 (H, W, 4).

    `shadow` float32 (H, W) multiplies the brightness of ground; `frame` moves the rain. Row by row: list what to shade
    (a pixel whose four samples see one triangle once, others once per triangle), shade the list, weigh it into pixels.
    """
    height, width = out.shape[0], out.shape[1]
    turn = (
        np.float32(view.rotation[0, 0]), np.float32(view.rotation[0, 1]), np.float32(view.rotation[0, 2]),
        np.float32(view.rotation[1, 0]), np.float32(view.rotation[1, 1]), np.float32(view.rotation[1, 2]),
        np.float32(view.rotation[2, 0]), np.float32(view.rotation[2, 1]), np.float32(view.rotation[2, 2]),
    )  # fmt: skip
    position = (np.float32(view.position[0]), np.float32(view.position[1]), np.float32(view.position[2]))
    step = 1.0 / view.focal
    room = 4 * width
    y, z, inverse = np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.float32)
    shade = np.empty(room, np.float32)
    red, green, blue = np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.float32)
    looks, work = np.empty((7, room), np.float32), np.empty((4, room), np.float32)
    index = np.empty(room, np.int32)
    pixel, weight = np.empty(room, np.int32), np.empty(room, np.float32)
    sums = np.empty((width, 3), np.float32)
    for row in range(height):
        upper_ids, lower_ids = ids[2 * row], ids[2 * row + 1]
        upper_depth, lower_depth = depth[2 * row], depth[2 * row + 1]
        shadow_row = shadow[row]
        middle = (0.5 * height - row - 0.5) * step
        sums[:] = np.float32(0.0)
        n = np.uint64(0)
        for column in range(width):
            left = np.uint64(2 * column)
            right = np.uint64(2 * column + 1)
            i0, i1, i2, i3 = upper_ids[left], upper_ids[right], lower_ids[left], lower_ids[right]
            centre = (column + 0.5 - 0.5 * width) * step
            uniform = i0 == i1 and i0 == i2 and i0 == i3
            for k in range(1 if uniform else 4):
                triangle, share = i0, 1.0
                slope_y, slope_z = centre, middle
                # Inverse depth is linear in the image: the mean of four samples is its value at the pixel's centre.
                nearness = upper_depth[left]
                if uniform:
                    nearness = np.float32(0.25) * (
                        nearness + upper_depth[right] + lower_depth[left] + lower_depth[right]
                    )
                else:
                    if k == 1:
                        triangle, nearness = i1, upper_depth[right]
                    elif k == 2:
                        triangle, nearness = i2, lower_depth[left]
                    elif k == 3:
                        triangle, nearness = i3, lower_depth[right]
                    # Listed already, with the first sample that saw it?
                    if (k > 0 and triangle == i0) or (k > 1 and triangle == i1) or (k > 2 and triangle == i2):
                        continue
                    share = 0.25 if i0 == triangle else 0.0
                    share += 0.25 if i1 == triangle else 0.0
                    share += 0.25 if i2 == triangle else 0.0
                    share += 0.25 if i3 == triangle else 0.0
                    slope_y += (0.25 if k & 1 else -0.25) * step
                    slope_z += (-0.25 if k & 2 else 0.25) * step
                if triangle < 0:
                    scale = 1.0 / math.sqrt(1.0 + slope_y * slope_y + slope_z * slope_z)
                    r, g, b = _sky(
                        (turn[0] + turn[1] * slope_y + turn[2] * slope_z) * scale,
                        (turn[3] + turn[4] * slope_y + turn[5] * slope_z) * scale,
                        (turn[6] + turn[7] * slope_y + turn[8] * slope_z) * scale,
                        air,
                        noise,
                    )
                    sums[column, 0] += share * r
                    sums[column, 1] += share * g
                    sums[column, 2] += share * b
                    continue
                seen = np.uint64(triangle)
                y[n], z[n] = slope_y, slope_z
                inverse[n] = nearness / lit[seen, 3]
                red[n], green[n], blue[n] = lit[seen, 0], lit[seen, 1], lit[seen, 2]
                shade[n] = shadow_row[column]
                kind = np.uint64(marks[seen, 0])
                for j in range(7):
                    looks[j, n] = texture[kind, j]
                pixel[n], weight[n] = column, share
                n += np.uint64(1)
        _light(n, y, z, inverse, shade, looks, red, green, blue, turn, position, air, noise, work, index)
        for i in range(n):
            at = np.uint32(pixel[i])
            sums[at, 0] += weight[i] * red[i]
            sums[at, 1] += weight[i] * green[i]
            sums[at, 2] += weight[i] * blue[i]
        if air.rain > 0.0:
            fade = np.float32(0.3 * air.rain)
            for i in range(width):
                grey = np.float32(0.35) * sums[i, 0] + np.float32(0.5) * sums[i, 1] + np.float32(0.15) * sums[i, 2]
                # One falling streak in a quarter of the columns, placed by a hash of column and frame.
                key = (i * 2654435761 + frame * 2654404609 + (i ^ frame) * 97) & 0xFFFFFFFF
                key = (key ^ (key >> 15)) * 2246822519 & 0xFFFFFFFF
                streak = 27.0 * air.rain if (key & 3) == 0 and (row + (key >> 8)) % height < height // 14 + 2 else 0.0
                for k in range(3):
                    sums[i, k] += (grey - sums[i, k]) * fade + np.float32(streak)
        out_row = out[row]
        for i in range(width):
            for k in range(3):
                level = min(max(sums[i, 2 - k], np.float32(0.0)), np.float32(255.0)) + np.float32(0.499)
                out_row[i, k] = np.uint8(np.int32(level))
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
                if not (low_x < gx + bx < high_x and low_y < gy + by < high_y):
                    continue
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


@njit(cache=True, nogil=True, error_model="numpy")
def face_normals(ids, faces, rotation, normals):  # type: ignore[no-untyped-def]
    """Normals float32 (H, W, 3) in the world, zero for the sky; `rotation` (3, 3) is the camera's."""
    height, width = ids.shape
    for row in range(height):
        for column in range(width):
            triangle = ids[row, column]
            for k in range(3):
                normals[row, column, k] = 0.0
                if triangle >= 0:
                    for axis in range(3):
                        normals[row, column, k] += rotation[k, axis] * faces[triangle, axis]
