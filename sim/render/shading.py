"""From the visibility buffer to pictures: texture, shadows, wetness, fog, and the label images.

Light was applied per triangle in the visibility pass (flat shading); here each pixel gets what varies within a
triangle. A pixel whose four samples see one triangle is shaded once, others once per distinct triangle.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from sim.labels import Label
from sim.render.raster import ASPHALT, FOLIAGE, GRASS, LAMP, LIT_WINDOW, MARKING, PAVED, PLAIN, WALL, WINDOW
from sim.render.sky import paint_sky

FAR = 1000.0
"""Depth (m) of the sky, and the largest depth that CARLA's depth image can say."""

SKY_TAG = 11
FIRST_VEHICLE, LAST_VEHICLE = int(Label.CAR), int(Label.BICYCLE)


Triple = tuple[float, float, float]


class View(NamedTuple):
    """A camera: world position (3,), rotation (3, 3) with columns forward, right, up, and focal length in pixels."""

    position: np.ndarray
    rotation: np.ndarray
    focal: float


class Air(NamedTuple):
    """Sky and weather as the kernels take them; colours are RGB in 0..255. See `sim.render.weather.Atmosphere`.

    Scalars only, so that they stay in registers: an array here would be read again after every stored pixel.
    `direct` is the sun's share of the light on level ground; `drift` how far clouds have moved, in their texels.
    """

    zenith: Triple
    horizon: Triple
    fog: Triple
    glare: Triple
    cloud: Triple
    sun: Triple
    direct: Triple
    disc: float
    halo: float
    wash: float
    extinction: float
    fog_start: float
    fog_fall: float
    fog_ceiling: float
    clouds: float
    drift: tuple[float, float]
    wet: float
    puddles: float


NOISE_SIDE = 512


def noise_texture() -> np.ndarray:
    """Two tileable 512 x 512 noises in -1..1, float32 (524288,): fine grain, then patches about twenty texels wide."""
    random = np.random.default_rng(20)
    white = random.integers(-127, 128, (NOISE_SIDE, NOISE_SIDE)).astype(np.float64) / 127.0
    grain = 0.5 * white + 0.25 * np.roll(white, 1, 0) + 0.25 * np.roll(white, 1, 1)
    # Patches: a coarse lattice of the same kind, blurred where it is small and then interpolated.
    coarse = random.integers(-127, 128, (64, 64)).astype(np.float64) / 127.0
    for _ in range(2):
        for axis in (0, 1):
            coarse = 0.25 * np.roll(coarse, 1, axis) + 0.5 * coarse + 0.25 * np.roll(coarse, -1, axis)
    whole, rest = np.divmod(np.arange(NOISE_SIDE), NOISE_SIDE // 64)
    t = rest / (NOISE_SIDE / 64.0)
    t = t * t * (3.0 - 2.0 * t)
    rows = coarse[whole] + (coarse[(whole + 1) % 64] - coarse[whole]) * t[:, None]
    patches = rows[:, whole] + (rows[:, (whole + 1) % 64] - rows[:, whole]) * t
    patches = patches / np.abs(patches).max()
    return np.concatenate([grain.ravel(), patches.ravel()]).astype(np.float32)


MATERIALS = 10
TEXTURE = np.zeros((MATERIALS, 8), np.float32)
"""What the shader does to a material (row): brightness shares of fine grain and of soft patches, their texels per
metre, and whether it takes shadows, gets wet, stands upright (texture runs up the wall), and how much it mirrors.

A table and not constants in the kernels: numba's disk cache would not notice if constants of another file changed.
"""
TEXTURE[PLAIN] = 0, 0, 1, 1, 0, 0, 0, 0
TEXTURE[ASPHALT] = 0.07, 0.06, 44.0, 11.0, 1, 1, 0, 0
TEXTURE[PAVED] = 0.05, 0.05, 30.0, 16.0, 1, 1, 0, 0
TEXTURE[GRASS] = 0.16, 0.16, 26.0, 14.0, 1, 0, 0, 0
TEXTURE[FOLIAGE] = 0.26, 0.24, 18.0, 32.0, 0, 0, 1, 0
TEXTURE[WALL] = 0.04, 0.05, 18.0, 11.0, 0, 0, 1, 0
TEXTURE[MARKING] = 0.04, 0.10, 44.0, 40.0, 1, 1, 0, 0
TEXTURE[WINDOW] = 0, 0, 1, 1, 0, 0, 1, 0.42
TEXTURE[LIT_WINDOW] = 0, 0, 1, 1, 0, 0, 1, 0.42

MOVABLE_SHADE = np.float32(0.75)
"""How much of a shadow on the ground below darkens an actor that stands in it."""


@njit(inline="always")
def _fog(x):  # type: ignore[no-untyped-def]
    """1 - exp(-x) to within 0.012, several times cheaper."""
    series = x * (np.float32(0.16666667) + x * np.float32(0.041666668))
    series = np.float32(1.0) + x * (np.float32(1.0) + x * (np.float32(0.5) + series))
    return np.float32(1.0) - np.float32(1.0) / series


@njit(inline="always")
def _thin(x):  # type: ignore[no-untyped-def]
    """About exp(-x) for x >= 0: the fog's density at x scale heights above the ground."""
    return np.float32(1.0) / (np.float32(1.0) + x * (np.float32(1.0) + x * np.float32(0.6)))


@njit(cache=True, nogil=True, error_model="numpy")
def _light(  # type: ignore[no-untyped-def]
    n, y, z, inverse, sunless, contact, looks, red, green, blue, glow, turn, position, focal, air, noise, ground,
    origin, pixel, mirror_rows, mirror_row, work, index, bounce, polished, lamplit,
):  # fmt: skip
    """Texture, shadow, wetness and fog of n surface samples, in place on their lit colours red, green, blue.

    All float32; y, z image slopes, inverse depth, sunless and contact (S,) hidden shares of the sun and of all light by
    actors, looks (8, S) columns of `TEXTURE`, glow (3, S) lamp light, work (10, S), index int32 (S,). Each loop writes
    one array and reads few, which is what lets the compiler vectorise it.
    """
    one, zero, half = np.float32(1.0), np.float32(0.0), np.float32(0.5)
    grains, patches, fines, softs = looks[0], looks[1], looks[2], looks[3]
    takes_shadow, gets_wet, uprights, mirrors = looks[4], looks[5], looks[6], looks[7]
    px, py, pz, value, patch, grain = work[0], work[1], work[2], work[3], work[4], work[5]
    hidden, open_sky, across, down = work[6], work[7], work[8], work[9]
    for i in range(n):
        px[i] = position[0] + (turn[0] + turn[1] * y[i] + turn[2] * z[i]) / inverse[i]
    for i in range(n):
        py[i] = position[1] + (turn[3] + turn[4] * y[i] + turn[5] * z[i]) / inverse[i]
    for i in range(n):
        pz[i] = position[2] + (turn[6] + turn[7] * y[i] + turn[8] * z[i]) / inverse[i]

    # Texture: patches, then grain; along the ground or up a wall. Finer than a pixel it would only flicker: it fades.
    for i in range(n):
        a = (px[i] + uprights[i] * py[i]) * softs[i]
        b = (py[i] + uprights[i] * (pz[i] + np.float32(0.3) * px[i] - np.float32(1.3) * py[i])) * softs[i]
        row, column = np.int32(math.floor(a)), np.int32(math.floor(b))
        index[i] = ((row & np.int32(511)) << np.int32(9)) | (column & np.int32(511))
    for i in range(n):
        patch[i] = noise[np.uint32(index[i]) + np.uint32(262144)]
    for i in range(n):
        a = (px[i] + uprights[i] * py[i]) * fines[i]
        b = (py[i] + uprights[i] * (pz[i] + np.float32(0.3) * px[i] - np.float32(1.3) * py[i])) * fines[i]
        row, column = np.int32(math.floor(a)), np.int32(math.floor(b))
        index[i] = ((row & np.int32(511)) << np.int32(9)) | (column & np.int32(511))
    for i in range(n):
        grain[i] = noise[np.uint32(index[i])]
    sharp = np.float32(1.6) * focal
    for i in range(n):
        # A pixel covers depth / f across and about depth^2 / (1.6 m f) along the road.
        size = sharp * inverse[i] * (inverse[i] + uprights[i])
        fine, soft = min(one, size / fines[i]), min(one, size * np.float32(14.0) / softs[i])
        value[i] = one + patches[i] * soft * patch[i] + grains[i] * fine * grain[i]

    # Shadows of what stands in town, and the sky that it hides; between four texels of the map.
    per_metre = np.float32(origin[2])
    rows, columns = ground.shape[0], ground.shape[1]
    right, bottom = np.float32(columns - 2), np.float32(rows - 2)
    west, north = np.float32(origin[0]), np.float32(origin[1])
    for i in range(n):
        across[i] = min(max((px[i] - west) * per_metre, zero), right)
    for i in range(n):
        down[i] = min(max((py[i] - north) * per_metre, zero), bottom)
    for i in range(n):
        index[i] = np.int32(down[i]) * np.int32(columns) + np.int32(across[i])
    flat = ground.ravel()
    for i in range(n):
        at = np.uint32(index[i])
        v00 = np.int32(flat[at])
        sun, sky = np.float32(v00 & np.int32(254)), np.float32(v00 >> np.int32(8))
        if v00 & np.int32(1) == np.int32(0):
            v01 = np.int32(flat[at + np.uint32(1)])
            v10, v11 = np.int32(flat[at + np.uint32(columns)]), np.int32(flat[at + np.uint32(columns + 1)])
            s, t = down[i] - np.float32(np.int32(down[i])), across[i] - np.float32(np.int32(across[i]))
            sun01, sky01 = np.float32(v01 & np.int32(254)), np.float32(v01 >> np.int32(8))
            sun10, sky10 = np.float32(v10 & np.int32(254)), np.float32(v10 >> np.int32(8))
            sun11, sky11 = np.float32(v11 & np.int32(254)), np.float32(v11 >> np.int32(8))
            upper, lower = sun + t * (sun01 - sun), sun10 + t * (sun11 - sun10)
            sun = upper + s * (lower - upper)
            upper, lower = sky + t * (sky01 - sky), sky10 + t * (sky11 - sky10)
            sky = upper + s * (lower - upper)
        hidden[i] = sun * np.float32(1.0 / 254.0)
        open_sky[i] = sky * np.float32(0.6 / 255.0)
    for i in range(n):
        hidden[i] = takes_shadow[i] * (one - (one - hidden[i]) * (one - sunless[i]))
    for i in range(n):
        open_sky[i] = (one - takes_shadow[i] * open_sky[i]) * (one - takes_shadow[i] * contact[i])
    for k in range(3):
        out = red if k == 0 else (green if k == 1 else blue)
        direct = np.float32(air.direct[k])
        if lamplit:
            lamp = glow[k]
            for i in range(n):
                out[i] *= value[i] * ((one - direct) * open_sky[i] + direct * (one - hidden[i]) + lamp[i])
        else:
            for i in range(n):
                out[i] *= value[i] * ((one - direct) * open_sky[i] + direct * (one - hidden[i]))

    if polished:
        # Upright panes mirror the sky at their own height above the horizon, and the dark street below it.
        for i in range(n):
            rise = (turn[6] + turn[7] * y[i] + turn[8] * z[i]) / math.sqrt(one + y[i] * y[i] + z[i] * z[i])
            rise = bounce[i] if bounce[i] < np.float32(1.5) else rise
            down[i] = min(max(rise * np.float32(1.6) + np.float32(0.25), zero), one)
        for k in range(3):
            out = red if k == 0 else (green if k == 1 else blue)
            low, high = np.float32(0.55 * air.horizon[k]), np.float32(0.35 * air.horizon[k] + 0.6 * air.zenith[k])
            for i in range(n):
                out[i] += mirrors[i] * (low + (high - low) * down[i] - half * out[i])

    if air.wet > 0.0:
        wetness, deposits = np.float32(air.wet), np.float32(1.9 * air.puddles - 1.25)
        for i in range(n):
            # Puddles gather in the hollows that the patches stand for; their borders are soft.
            puddle = min(max((patch[i] + deposits) * np.float32(3.0), zero), one)
            wet = gets_wet[i] * wetness
            dz = turn[6] + turn[7] * y[i] + turn[8] * z[i]
            grazing = one + min(dz / math.sqrt(one + y[i] * y[i] + z[i] * z[i]), zero)
            g2 = grazing * grazing
            strength = (
                np.float32(0.04) + np.float32(0.50) * g2 * g2 + puddle * (np.float32(0.10) + np.float32(0.30) * g2)
            )
            across[i] = wet * min(strength, np.float32(0.85))
            patch[i] = (one - np.float32(0.40) * wet) * (one - across[i])
        across_row = mirror_rows.shape[2]
        last_row = np.float32(mirror_rows.shape[0] - 1)
        for i in range(n):
            level = min(max(mirror_row[np.uint32(pixel[i])], zero), last_row)
            index[i] = np.int32(level) * np.int32(3 * across_row) + np.int32(pixel[i])
        seen = mirror_rows.ravel()
        for i in range(n):
            red[i] = red[i] * patch[i] + across[i] * seen[np.uint32(index[i])]
        for i in range(n):
            green[i] = green[i] * patch[i] + across[i] * seen[np.uint32(index[i]) + np.uint32(across_row)]
        for i in range(n):
            blue[i] = blue[i] * patch[i] + across[i] * seen[np.uint32(index[i]) + np.uint32(2 * across_row)]

    # Fog: thinner with height; its density along the ray by Simpson's rule.
    extinction, start, fall = np.float32(air.extinction), np.float32(air.fog_start), np.float32(air.fog_fall)
    eye = max(position[2], zero) * fall
    here = _thin(eye)
    for i in range(n):
        there = max(pz[i], zero) * fall
        density = (here + np.float32(4.0) * _thin(half * (eye + there)) + _thin(there)) * np.float32(1.0 / 6.0)
        way = max(math.sqrt(one + y[i] * y[i] + z[i] * z[i]) / inverse[i] - start, zero)
        value[i] = _fog(extinction * way * density)
    fr, fg, fb = np.float32(air.fog[0]), np.float32(air.fog[1]), np.float32(air.fog[2])
    for i in range(n):
        red[i] += (fr - red[i]) * value[i]
    for i in range(n):
        green[i] += (fg - green[i]) * value[i]
    for i in range(n):
        blue[i] += (fb - blue[i]) * value[i]


@njit(cache=True, nogil=True, error_model="numpy")
def resolve(  # type: ignore[no-untyped-def]
    depth, ids, lit, marks, faces, first_movable, shadow, glow, view, air, noise, clouds, texture,
    ground, origin, out,
):  # fmt: skip
    """Shade a visibility buffer (2H, 2W) with four samples a pixel, or (H, W) with one, into BGRA words, uint32 (H, W).

    Triangles from `first_movable` on are actors'. `shadow` float32 (H, W, 2), or
    (0, 0, 2): what actors hide of the sun and of all light. `glow` float32 (H, W, 3), or (0, 0, 3): RGB light of lamps
    in units of the sky's. `ground` and `origin` (west, north, texels per metre) are a `ShadowMap`.

    Row by row: list what to shade (a pixel whose samples see one triangle once, others once per triangle), shade the
    list, weigh it into pixels.
    """
    height, width = out.shape[0], out.shape[1]
    samples = ids.shape[1] // width
    turn = (
        np.float32(view.rotation[0, 0]), np.float32(view.rotation[0, 1]), np.float32(view.rotation[0, 2]),
        np.float32(view.rotation[1, 0]), np.float32(view.rotation[1, 1]), np.float32(view.rotation[1, 2]),
        np.float32(view.rotation[2, 0]), np.float32(view.rotation[2, 1]), np.float32(view.rotation[2, 2]),
    )  # fmt: skip
    position = (np.float32(view.position[0]), np.float32(view.position[1]), np.float32(view.position[2]))
    focal = np.float32(view.focal)
    step = 1.0 / view.focal
    room = 4 * width
    centres, quarter = np.empty(width, np.float32), np.float32(0.25 * step)
    for column in range(width):
        centres[column] = (column + 0.5 - 0.5 * width) * step
    y, z, inverse = np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.float32)
    sunless, contact = np.zeros(room, np.float32), np.zeros(room, np.float32)
    red, green, blue = np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.float32)
    looks, work = np.empty((8, room), np.float32), np.empty((10, room), np.float32)
    lamps = np.zeros((3, room), np.float32)
    index, bounce = np.empty(room, np.int32), np.empty(room, np.float32)
    pixel, weight = np.empty(room, np.int32), np.empty(room, np.float32)
    seen, kinds, polish = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.float32)
    # The looks of materials, then the same for actors, which a shadow on the ground darkens, too.
    table = np.empty((8, 2 * MATERIALS), np.float32)
    for kind in range(MATERIALS):
        for j in range(8):
            table[j, kind] = table[j, kind + MATERIALS] = texture[kind, j]
        table[4, kind + MATERIALS] = MOVABLE_SHADE
    sky_y, sky_z = np.empty(room, np.float32), np.empty(room, np.float32)
    sky_pixel, sky_weight = np.empty(room, np.int32), np.empty(room, np.float32)
    sum_r, sum_g, sum_b = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    lamplit, shaded = glow.shape[0] > 0, shadow.shape[0] > 0
    wet = air.wet > 0.0
    # What is above the horizon, smeared downwards, is what a wet road mirrors below it.
    mirror_rows = np.zeros((height + 1 if wet else 1, 3, width), np.float32)
    for k in range(3):
        mirror_rows[-1, k] = air.zenith[k]
    mirror_row = np.zeros(width, np.float32)
    smear = np.float32(min(0.9, 1.0 - 6.0 / (6.0 + 0.03 * height)))
    for row in range(height):
        first, last = samples * row, samples * row + samples - 1
        upper_ids, lower_ids, upper_depth, lower_depth = ids[first], ids[last], depth[first], depth[last]
        middle = np.float32((0.5 * height - row - 0.5) * step)
        sum_r[:] = np.float32(0.0)
        sum_g[:] = np.float32(0.0)
        sum_b[:] = np.float32(0.0)
        n, m = np.uint64(0), np.uint64(0)
        top = np.int32(-1)
        for column in range(width):
            left = np.uint64(samples * column)
            right = np.uint64(samples * column + samples - 1)
            i0, i1, i2, i3 = upper_ids[left], upper_ids[right], lower_ids[left], lower_ids[right]
            centre = centres[column]
            if i0 == i1 and i0 == i2 and i0 == i3:
                if i0 < 0:
                    sky_y[m], sky_z[m] = centre, middle
                    sky_pixel[m], sky_weight[m] = column, np.float32(1.0)
                    m += np.uint64(1)
                else:
                    y[n], z[n] = centre, middle
                    # Inverse depth is linear in the image: the mean of four samples is its value at the pixel's centre.
                    nearness = upper_depth[left] + upper_depth[right] + lower_depth[left] + lower_depth[right]
                    inverse[n] = np.float32(0.25) * nearness
                    seen[n], pixel[n], weight[n] = i0, column, np.float32(1.0)
                    top = max(top, i0)
                    n += np.uint64(1)
                continue
            for k in range(4):
                triangle = i0 if k == 0 else (i1 if k == 1 else (i2 if k == 2 else i3))
                # Listed already, with the first sample that saw it?
                if (k > 0 and triangle == i0) or (k > 1 and triangle == i1) or (k > 2 and triangle == i2):
                    continue
                share = np.float32(0.25) if i0 == triangle else np.float32(0.0)
                share += np.float32(0.25) if i1 == triangle else np.float32(0.0)
                share += np.float32(0.25) if i2 == triangle else np.float32(0.0)
                share += np.float32(0.25) if i3 == triangle else np.float32(0.0)
                slope_y = centre + (quarter if k & 1 else -quarter)
                slope_z = middle + (-quarter if k & 2 else quarter)
                if triangle < 0:
                    sky_y[m], sky_z[m] = slope_y, slope_z
                    sky_pixel[m], sky_weight[m] = column, share
                    m += np.uint64(1)
                else:
                    y[n], z[n] = slope_y, slope_z
                    depths = upper_depth if k < 2 else lower_depth
                    inverse[n] = depths[right if k & 1 else left]
                    seen[n], pixel[n], weight[n] = triangle, column, share
                    top = max(top, triangle)
                    n += np.uint64(1)
        for i in range(n):
            inverse[i] /= lit[np.uint32(seen[i]), 3]
        for i in range(n):
            red[i] = lit[np.uint32(seen[i]), 0]
        for i in range(n):
            green[i] = lit[np.uint32(seen[i]), 1]
        for i in range(n):
            blue[i] = lit[np.uint32(seen[i]), 2]
        for i in range(n):
            kinds[i] = marks[np.uint32(seen[i]), 0]
        if shaded:
            for i in range(n):
                sunless[i] = shadow[row, np.uint32(pixel[i]), 0]
            for i in range(n):
                contact[i] = shadow[row, np.uint32(pixel[i]), 1]
        if lamplit:
            for i in range(n):
                # `glow` holds for what sample 0 sees; another triangle takes that of a neighbour which sees it.
                column, beside = pixel[i], pixel[i]
                if upper_ids[np.uint32(samples * column)] != seen[i]:
                    if column + 1 < width and upper_ids[np.uint32(samples * (column + 1))] == seen[i]:
                        beside = column + 1
                    elif column > 0 and upper_ids[np.uint32(samples * (column - 1))] == seen[i]:
                        beside = column - 1
                shines = kinds[i] in (LAMP, LIT_WINDOW)
                for j in range(3):
                    lamps[j, i] = np.float32(0.0) if shines else glow[row, beside, j]
        for i in range(n):
            bounce[i] = np.float32(2.0)
        for i in range(n):
            polish[i] = np.float32(0.0)
        polished = top >= first_movable
        if polished:
            for i in range(n):
                if seen[i] >= first_movable:
                    sunless[i], contact[i] = np.float32(0.0), np.float32(0.0)
                    tag, plain = marks[np.uint32(seen[i]), 1], kinds[i] == PLAIN
                    kinds[i] += np.int32(MATERIALS)
                    if plain and FIRST_VEHICLE <= tag <= LAST_VEHICLE:
                        bounce[i], polish[i] = _polished(faces[np.uint32(seen[i])], y[i], z[i], turn)
        # Neighbours mostly are of one material: fill whole runs.
        start = np.uint64(0)
        while start < n:
            material, stop = np.uint32(kinds[start]), start + np.uint64(1)
            while stop < n and np.uint32(kinds[stop]) == material:
                stop += np.uint64(1)
            for j in range(8):
                look, value = looks[j], table[j, material]
                for i in range(start, stop):
                    look[i] = value
            polished |= table[7, material] > 0.0
            start = stop
        if polished:
            mirrors = looks[7]
            for i in range(n):
                mirrors[i] += polish[i]
        if n > 0:
            if wet:
                _mirrored(row, turn, step, height, mirror_row)
            _light(
                n, y, z, inverse, sunless, contact, looks, red, green, blue, lamps, turn, position, focal, air, noise,
                ground, origin, pixel, mirror_rows, mirror_row, work, index, bounce, polished, lamplit,
            )  # fmt: skip
            for i in range(n):
                sum_r[np.uint32(pixel[i])] += weight[i] * red[i]
            for i in range(n):
                sum_g[np.uint32(pixel[i])] += weight[i] * green[i]
            for i in range(n):
                sum_b[np.uint32(pixel[i])] += weight[i] * blue[i]
        if m > 0:
            paint_sky(m, sky_y, sky_z, turn, air, clouds, work, red, green, blue)
            for i in range(m):
                sum_r[np.uint32(sky_pixel[i])] += sky_weight[i] * red[i]
            for i in range(m):
                sum_g[np.uint32(sky_pixel[i])] += sky_weight[i] * green[i]
            for i in range(m):
                sum_b[np.uint32(sky_pixel[i])] += sky_weight[i] * blue[i]
        if wet:
            above, mirror = mirror_rows[row - 1 if row > 0 else 0], mirror_rows[row]
            keep = smear if row > 0 else np.float32(0.0)
            for i in range(width):
                mirror[0, i] = sum_r[i] + keep * (above[0, i] - sum_r[i])
            for i in range(width):
                mirror[1, i] = sum_g[i] + keep * (above[1, i] - sum_g[i])
            for i in range(width):
                mirror[2, i] = sum_b[i] + keep * (above[2, i] - sum_b[i])
        out_row = out[row]
        most, none, half = np.float32(255.0), np.float32(0.0), np.float32(0.499)
        for i in range(width):
            r = np.uint32(np.int32(min(max(sum_r[i], none), most) + half))
            g = np.uint32(np.int32(min(max(sum_g[i], none), most) + half))
            b = np.uint32(np.int32(min(max(sum_b[i], none), most) + half))
            out_row[i] = b | (g << np.uint32(8)) | (r << np.uint32(16)) | np.uint32(0xFF000000)


@njit(inline="always")
def _polished(face, y, z, turn):  # type: ignore[no-untyped-def]
    """Where paint or glass with a normal in the camera's frame mirrors from, seen at image slopes (y, z): the rise of
    the mirrored ray, and its share: a little from the front, much at a grazing angle."""
    length = math.sqrt(1.0 + y * y + z * z)
    facing = min(max(-(face[0] + face[1] * y + face[2] * z) / length, 0.0), 1.0)
    up = turn[6] * face[0] + turn[7] * face[1] + turn[8] * face[2]
    graze = (1.0 - facing) * (1.0 - facing)
    rise = (turn[6] + turn[7] * y + turn[8] * z) / length + 2.0 * facing * up
    return np.float32(rise), np.float32(0.05 + 0.5 * graze * graze)


@njit(inline="always")
def _mirrored(row, turn, step, height, mirror_row):  # type: ignore[no-untyped-def]
    """For each column the row as far above the horizon as `row` is below it; the image's first row if there is none;
    for a camera that sees no horizon the row after the last, which holds the sky above it."""
    width = mirror_row.size
    up, side, ahead = turn[8], turn[7], turn[6]
    for i in range(width):
        mirror_row[i] = height
        if abs(up) > 0.1:
            slope_y = (i + 0.5 - 0.5 * width) * step
            horizon = 0.5 * height - 0.5 + (ahead + side * slope_y) / (up * step)
            if horizon > 1.0 and row > 0:
                mirror_row[i] = min(max(2.0 * horizon - row, 0.0), row - 1.0)


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
