"""Texture, shadow, lamplight, reflections, wetness and fog of a tile of surface samples.

Elementwise loops over the rows of a `sim.render.tile`. A stage that would change nothing in the tile is left out: it
multiplies by one or adds zero.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sim.render.tile import (
    BIAS,
    BLUE,
    BOUNCE,
    CONTACT,
    FINE,
    GETS_WET,
    GRAIN,
    GREEN,
    INDEX,
    INVERSE,
    LAMP_RED,
    MIRROR,
    PATCH,
    PIXEL,
    RED,
    ROOM,
    SOFT,
    SUNLESS,
    TAKES_SHADOW,
    TEXEL,
    TILE,
    UPRIGHT,
    WORK,
    Y,
    Z,
)

ALL = np.uint64(TILE)
ACROSS_ROWS = np.uint64(ROOM)


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


@njit(inline="always")
def _place(t, turn, position, px, py, pz):  # type: ignore[no-untyped-def]
    """World coordinates of the samples (m)."""
    for i in range(ALL):
        t[INVERSE + i] /= t[BIAS + i]
    for i in range(ALL):
        t[px + i] = position[0] + (turn[0] + turn[1] * t[Y + i] + turn[2] * t[Z + i]) / t[INVERSE + i]
    for i in range(ALL):
        t[py + i] = position[1] + (turn[3] + turn[4] * t[Y + i] + turn[5] * t[Z + i]) / t[INVERSE + i]
    for i in range(ALL):
        t[pz + i] = position[2] + (turn[6] + turn[7] * t[Y + i] + turn[8] * t[Z + i]) / t[INVERSE + i]


@njit(inline="always")
def _texel(t, k, px, py, pz, per_metre):  # type: ignore[no-untyped-def]
    """Where in the noise the samples are: along the ground or up a wall."""
    for i in range(ALL):
        x, y, z, upright = t[px + i], t[py + i], t[pz + i], t[UPRIGHT + i]
        a = (x + upright * y) * t[per_metre + i]
        b = (y + upright * (z + np.float32(0.3) * x - np.float32(1.3) * y)) * t[per_metre + i]
        row, column = np.int32(math.floor(a)), np.int32(math.floor(b))
        k[INDEX + i] = ((row & np.int32(511)) << np.int32(9)) | (column & np.int32(511))


@njit(inline="always")
def _texture(t, k, noise, focal, px, py, pz, value, patch, grain):  # type: ignore[no-untyped-def]
    """Brightness by patches and grain. Finer than a pixel it would only flicker: it fades."""
    one = np.float32(1.0)
    _texel(t, k, px, py, pz, SOFT)
    for i in range(ALL):
        t[patch + i] = noise[np.uint32(k[INDEX + i]) + np.uint32(262144)]
    _texel(t, k, px, py, pz, FINE)
    for i in range(ALL):
        t[grain + i] = noise[np.uint32(k[INDEX + i])]
    sharp = np.float32(1.6) * focal
    for i in range(ALL):
        # A pixel covers depth / f across and about depth^2 / (1.6 m f) along the road.
        size = sharp * t[INVERSE + i] * (t[INVERSE + i] + t[UPRIGHT + i])
        fine, soft = min(one, size / t[FINE + i]), min(one, size * np.float32(14.0) / t[SOFT + i])
        t[value + i] = one + t[PATCH + i] * soft * t[patch + i] + t[GRAIN + i] * fine * t[grain + i]


@njit(inline="always")
def _shade(t, k, ground, plan, px, py, across, down, hidden, open_sky):  # type: ignore[no-untyped-def]
    """Shares of the sun and of the sky that what stands in town hides from the ground: between four texels."""
    zero = np.float32(0.0)
    west, north, per_metre, rows, columns = plan
    right, bottom = np.float32(columns - 2), np.float32(rows - 2)
    for i in range(ALL):
        t[across + i] = min(max((t[px + i] - west) * per_metre, zero), right)
    for i in range(ALL):
        t[down + i] = min(max((t[py + i] - north) * per_metre, zero), bottom)
    for i in range(ALL):
        k[INDEX + i] = np.int32(t[down + i]) * np.int32(columns) + np.int32(t[across + i])
    even = np.int32(1)
    for i in range(ALL):
        texel = np.int32(ground[np.uint32(k[INDEX + i])])
        k[TEXEL + i] = texel
        even &= texel
    for i in range(ALL):
        t[hidden + i] = np.float32(k[TEXEL + i] & np.int32(254)) * np.float32(1.0 / 254.0)
    for i in range(ALL):
        t[open_sky + i] = np.float32(k[TEXEL + i] >> np.int32(8)) * np.float32(0.6 / 255.0)
    if even == np.int32(1):
        return
    for i in range(ALL):
        v00 = k[TEXEL + i]
        if v00 & np.int32(1) == np.int32(0):
            at = np.uint32(k[INDEX + i])
            v01 = np.int32(ground[at + np.uint32(1)])
            v10, v11 = np.int32(ground[at + np.uint32(columns)]), np.int32(ground[at + np.uint32(columns + 1)])
            s = t[down + i] - np.float32(np.int32(t[down + i]))
            r = t[across + i] - np.float32(np.int32(t[across + i]))
            sun, sky = np.float32(v00 & np.int32(254)), np.float32(v00 >> np.int32(8))
            sun01, sky01 = np.float32(v01 & np.int32(254)), np.float32(v01 >> np.int32(8))
            sun10, sky10 = np.float32(v10 & np.int32(254)), np.float32(v10 >> np.int32(8))
            sun11, sky11 = np.float32(v11 & np.int32(254)), np.float32(v11 >> np.int32(8))
            upper, lower = sun + r * (sun01 - sun), sun10 + r * (sun11 - sun10)
            t[hidden + i] = (upper + s * (lower - upper)) * np.float32(1.0 / 254.0)
            upper, lower = sky + r * (sky01 - sky), sky10 + r * (sky11 - sky10)
            t[open_sky + i] = (upper + s * (lower - upper)) * np.float32(0.6 / 255.0)


@njit(inline="always")
def _illuminate(t, air, shadowed, darkened, lamplit, value, hidden, open_sky):  # type: ignore[no-untyped-def]
    """Brightness times what sun, sky and lamps give, onto the colours."""
    one = np.float32(1.0)
    if shadowed:
        if darkened:
            for i in range(ALL):
                open_sun = (one - t[hidden + i]) * (one - t[SUNLESS + i])
                t[hidden + i] = t[TAKES_SHADOW + i] * (one - open_sun)
            for i in range(ALL):
                contact = one - t[TAKES_SHADOW + i] * t[CONTACT + i]
                t[open_sky + i] = (one - t[TAKES_SHADOW + i] * t[open_sky + i]) * contact
        else:
            for i in range(ALL):
                t[hidden + i] = t[TAKES_SHADOW + i] * (one - (one - t[hidden + i]))
            for i in range(ALL):
                t[open_sky + i] = one - t[TAKES_SHADOW + i] * t[open_sky + i]
    else:
        for i in range(ALL):
            t[hidden + i] = np.float32(0.0)
        for i in range(ALL):
            t[open_sky + i] = one
    for channel in range(3):
        out = RED if channel == 0 else (GREEN if channel == 1 else BLUE)
        direct = np.float32(air.direct[channel])
        if lamplit:
            lamp = LAMP_RED + np.uint64(channel) * ACROSS_ROWS
            for i in range(ALL):
                light = (one - direct) * t[open_sky + i] + direct * (one - t[hidden + i]) + t[lamp + i]
                t[out + i] *= t[value + i] * light
        else:
            for i in range(ALL):
                t[out + i] *= t[value + i] * ((one - direct) * t[open_sky + i] + direct * (one - t[hidden + i]))


@njit(inline="always")
def _mirror_sky(t, turn, air, down):  # type: ignore[no-untyped-def]
    """Upright panes mirror the sky at their own height above the horizon, and the dark street below it."""
    one, zero, half = np.float32(1.0), np.float32(0.0), np.float32(0.5)
    for i in range(ALL):
        y, z = t[Y + i], t[Z + i]
        rise = (turn[6] + turn[7] * y + turn[8] * z) / math.sqrt(one + y * y + z * z)
        rise = t[BOUNCE + i] if t[BOUNCE + i] < np.float32(1.5) else rise
        t[down + i] = min(max(rise * np.float32(1.6) + np.float32(0.25), zero), one)
    for channel in range(3):
        out = RED if channel == 0 else (GREEN if channel == 1 else BLUE)
        low = np.float32(0.55 * air.horizon[channel])
        high = np.float32(0.35 * air.horizon[channel] + 0.6 * air.zenith[channel])
        for i in range(ALL):
            t[out + i] += t[MIRROR + i] * (low + (high - low) * t[down + i] - half * t[out + i])


@njit(inline="always")
def _wet(t, k, turn, air, mirrored, mirror_row, columns, levels, patch, across):  # type: ignore[no-untyped-def]
    """Wet ground is darker and mirrors what stands above it, in puddles more; uses `patch` up."""
    one, zero = np.float32(1.0), np.float32(0.0)
    wetness, deposits = np.float32(air.wet), np.float32(1.9 * air.puddles - 1.25)
    for i in range(ALL):
        # Puddles gather in the hollows that the patches stand for; their borders are soft.
        y, z = t[Y + i], t[Z + i]
        puddle = min(max((t[patch + i] + deposits) * np.float32(3.0), zero), one)
        wet = t[GETS_WET + i] * wetness
        dz = turn[6] + turn[7] * y + turn[8] * z
        grazing = one + min(dz / math.sqrt(one + y * y + z * z), zero)
        g2 = grazing * grazing
        strength = np.float32(0.04) + np.float32(0.50) * g2 * g2 + puddle * (np.float32(0.10) + np.float32(0.30) * g2)
        share = wet * min(strength, np.float32(0.85))
        t[across + i] = share
        t[patch + i] = (one - np.float32(0.40) * wet) * (one - share)
    last_row = np.float32(levels - 1)
    for i in range(ALL):
        level = min(max(mirror_row[np.uint32(k[PIXEL + i])], zero), last_row)
        k[INDEX + i] = np.int32(level) * np.int32(3 * columns) + k[PIXEL + i]
    for channel in range(3):
        out = RED if channel == 0 else (GREEN if channel == 1 else BLUE)
        skip = np.uint32(channel * columns)
        for i in range(ALL):
            t[out + i] = t[out + i] * t[patch + i] + t[across + i] * mirrored[np.uint32(k[INDEX + i]) + skip]


@njit(inline="always")
def _veil(t, position, air, pz, value):  # type: ignore[no-untyped-def]
    """Fog: thinner with height; its density along the ray by Simpson's rule."""
    one, zero, half = np.float32(1.0), np.float32(0.0), np.float32(0.5)
    extinction, start, fall = np.float32(air.extinction), np.float32(air.fog_start), np.float32(air.fog_fall)
    eye = max(position[2], zero) * fall
    here = _thin(eye)
    for i in range(ALL):
        y, z = t[Y + i], t[Z + i]
        there = max(t[pz + i], zero) * fall
        density = (here + np.float32(4.0) * _thin(half * (eye + there)) + _thin(there)) * np.float32(1.0 / 6.0)
        way = max(math.sqrt(one + y * y + z * z) / t[INVERSE + i] - start, zero)
        t[value + i] = _fog(extinction * way * density)
    for channel in range(3):
        out = RED if channel == 0 else (GREEN if channel == 1 else BLUE)
        fog = np.float32(air.fog[channel])
        for i in range(ALL):
            t[out + i] += (fog - t[out + i]) * t[value + i]


@njit(nogil=True, error_model="numpy", _nrt=False)
def light(  # type: ignore[no-untyped-def]
    t, k, turn, position, focal, air, noise, ground, plan, mirrored, mirror_row, columns, levels, textured, shadowed,
    darkened, polished, lamplit,
):  # fmt: skip
    """Light the tile `t` (ROWS * ROOM,) float32, beside it `k` (INT_ROWS * ROOM,) int32, in place.

    Flags say whether any sample has a texture or gets wet, takes shadows, may stand in an actor's shadow, mirrors, and
    whether lamps burn. `mirrored` float32 (levels * 3 * columns,) are the rows that wet ground mirrors, `mirror_row`
    (columns,) says which of them in each column. `ground` are the texels of a `ShadowMap` in a line, `plan` its west,
    north and texels per metre (float32), rows and columns.
    """
    px, py, pz, value, patch, grain, hidden, open_sky, across, down = WORK
    _place(t, turn, position, px, py, pz)
    if textured:
        _texture(t, k, noise, focal, px, py, pz, value, patch, grain)
    else:
        for i in range(ALL):
            t[value + i] = np.float32(1.0)
    if shadowed:
        _shade(t, k, ground, plan, px, py, across, down, hidden, open_sky)
    _illuminate(t, air, shadowed, darkened, lamplit, value, hidden, open_sky)
    if polished:
        _mirror_sky(t, turn, air, down)
    if textured and air.wet > 0.0:
        _wet(t, k, turn, air, mirrored, mirror_row, columns, levels, patch, across)
    _veil(t, position, air, pz, value)
