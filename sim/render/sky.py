"""The sky, row by row: gradient, sun or moon with their glow, clouds that have a shape, and stars."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sim.render.tile import BLUE, GREEN, RED, TILE, WORK, Y, Z

ALL = np.uint64(TILE)
CLOUD_SIDE = 256
CLOUD_SCALE = 52.0
"""Texels of the cloud texture per unit of horizontal way at unit height: the pattern repeats after five heights."""

DISC = np.float32(0.9993)
"""Cosine of the radius of the sun's disc: 2.1 degrees, larger than life, as cameras' glare makes it."""

STARS = 420
FEWEST_CLOUDS = 0.055
"""Share of the sky: with less there are none, as under CARLA's clear presets. Such a sky stands still, too."""


def cloud_texture() -> np.ndarray:
    """Tileable clouds, float32 (65536,): value noise of five octaves, each texel replaced by its rank in 0..1, so that
    the share of texels above 1 - c is c."""
    random = np.random.default_rng(7)
    total = np.zeros((CLOUD_SIDE, CLOUD_SIDE))
    place = np.arange(CLOUD_SIDE)
    for octave in range(5):
        cells = 6 << octave
        lattice = random.integers(0, 1 << 16, (cells, cells)).astype(float) / (1 << 16)
        whole, rest = np.divmod(place * cells, CLOUD_SIDE)
        t = rest / CLOUD_SIDE
        t = t * t * (3.0 - 2.0 * t)
        after = (whole + 1) % cells
        rows = lattice[whole] + (lattice[after] - lattice[whole]) * t[:, None]
        total += (rows[:, whole] + (rows[:, after] - rows[:, whole]) * t) * 0.5**octave
    ranks = np.empty(total.size)
    ranks[np.argsort(total.ravel(), kind="stable")] = np.arange(total.size) / total.size
    return ranks.astype(np.float32)


def star_directions() -> np.ndarray:
    """Unit vectors towards stars above the horizon and their brightness, float64 (STARS, 4)."""
    random = np.random.default_rng(11)
    points = random.integers(-1000, 1001, (6 * STARS, 3)) / 1000.0
    points[:, 2] = np.abs(points[:, 2])
    length = np.sqrt((points * points).sum(axis=1))
    points = points[(length > 0.2) & (length < 1.0)][:STARS]
    points /= np.sqrt((points * points).sum(axis=1))[:, None]
    faint = random.integers(0, 1000, len(points)) / 1000.0
    return np.column_stack([points, 30.0 + 150.0 * faint * faint * faint])


@njit(inline="always")
def _cloud(clouds, a, b):  # type: ignore[no-untyped-def]
    """The cloud texture at texel coordinates (a, b), interpolated."""
    row, column = math.floor(a), math.floor(b)
    s, t = np.float32(a - row), np.float32(b - column)
    r0, c0 = np.int32(row) & np.int32(255), np.int32(column) & np.int32(255)
    r1, c1 = (r0 + np.int32(1)) & np.int32(255), (c0 + np.int32(1)) & np.int32(255)
    r0, r1 = r0 << np.int32(8), r1 << np.int32(8)
    upper = clouds[np.uint32(r0 | c0)] * (np.float32(1.0) - t) + clouds[np.uint32(r0 | c1)] * t
    lower = clouds[np.uint32(r1 | c0)] * (np.float32(1.0) - t) + clouds[np.uint32(r1 | c1)] * t
    return upper * (np.float32(1.0) - s) + lower * s


@njit(nogil=True, error_model="numpy", _nrt=False)
def paint_sky(t, turn, air, clouds):  # type: ignore[no-untyped-def]
    """Display RGB of the sky at the image slopes of the tile `t`, float32; see `sim.render.tile`."""
    one, zero = np.float32(1.0), np.float32(0.0)
    dx, dy, dz, height, density, glare, near, tone = WORK[:8]
    for i in range(ALL):
        t[tone + i] = one / math.sqrt(one + t[Y + i] * t[Y + i] + t[Z + i] * t[Z + i])
    for i in range(ALL):
        t[dx + i] = (turn[0] + turn[1] * t[Y + i] + turn[2] * t[Z + i]) * t[tone + i]
    for i in range(ALL):
        t[dy + i] = (turn[3] + turn[4] * t[Y + i] + turn[5] * t[Z + i]) * t[tone + i]
    for i in range(ALL):
        t[dz + i] = (turn[6] + turn[7] * t[Y + i] + turn[8] * t[Z + i]) * t[tone + i]
    for i in range(ALL):
        rise = one - min(max(t[dz + i], zero), one)
        t[height + i] = one - rise * rise * rise * rise
    sx, sy, sz = np.float32(air.sun[0]), np.float32(air.sun[1]), np.float32(air.sun[2])
    for i in range(ALL):
        t[near + i] = max(t[dx + i] * sx + t[dy + i] * sy + t[dz + i] * sz, zero)
    cover = np.float32(air.clouds)
    if cover > np.float32(FEWEST_CLOUDS):
        u, v = np.float32(air.drift[0]), np.float32(air.drift[1])
        # From scattered heaps to a closed deck: the fuller the sky, the softer the edges.
        steep = np.float32(5.0) - np.float32(3.4) * cover
        for i in range(ALL):
            rise = max(t[dz + i], zero)
            slope = np.float32(CLOUD_SCALE) / (rise + np.float32(0.10))
            value = _cloud(clouds, t[dx + i] * slope + u, t[dy + i] * slope + v)
            t[tone + i] = value
            seen = min(max(value - one + np.float32(1.12) * cover, zero) * steep, one)
            t[density + i] = seen * min(one, rise * np.float32(9.0))
    else:
        for i in range(ALL):
            t[density + i] = zero
            t[tone + i] = zero
    veil = one - np.float32(0.85) * cover * cover
    disc, halo, wash = np.float32(air.disc), np.float32(air.halo), np.float32(air.wash)
    for i in range(ALL):
        p2 = t[near + i] * t[near + i]
        p4 = p2 * p2
        p8 = p4 * p4
        p32 = p8 * p8 * p8 * p8
        sharp = min(max((t[near + i] - DISC) * np.float32(6000.0), zero), one)
        open_sky = (one - t[density + i]) * veil
        glow = (halo * (np.float32(0.5) * p32 * p32 * p32 + np.float32(0.22) * p32) + disc * sharp) * open_sky
        t[glare + i] = min(glow + wash * p4 * (one - t[height + i]) * veil, one)
    for i in range(ALL):
        # Sunlit edges, darker cores; near the sun thin cloud shines.
        thick = t[density + i] * (np.float32(0.03) + np.float32(0.24) * t[tone + i] * t[tone + i])
        shine = np.float32(0.25) * t[near + i] * t[near + i] * (one - t[density + i]) * veil
        t[tone + i] = one - thick + shine
    low = np.float32(min(1.0, air.extinction * 60.0))
    high = np.float32(min(1.0, air.extinction * air.fog_ceiling))
    for i in range(ALL):
        t[dz + i] = low + (high - low) * t[height + i]
    for channel in range(3):
        out = RED if channel == 0 else (GREEN if channel == 1 else BLUE)
        bottom, top = np.float32(air.horizon[channel]), np.float32(air.zenith[channel])
        cloud, shine, fog = (
            np.float32(air.cloud[channel]), np.float32(air.glare[channel]), np.float32(air.fog[channel]),
        )  # fmt: skip
        for i in range(ALL):
            colour = bottom + (top - bottom) * t[height + i]
            colour += (cloud * t[tone + i] - colour) * t[density + i]
            colour += (shine - colour) * t[glare + i]
            t[out + i] = colour + (fog - colour) * t[dz + i]


@njit(cache=True, nogil=True, error_model="numpy")
def draw_stars(ids, stars, view, strength, out):  # type: ignore[no-untyped-def]
    """Add stars (N, 4: direction, brightness) to sky pixels of a BGRA frame (H, W, 4)."""
    height, width = out.shape[0], out.shape[1]
    across, down = ids.shape[1] // width, ids.shape[0] // height
    turn = view.rotation
    for n in range(stars.shape[0]):
        x = turn[0, 0] * stars[n, 0] + turn[1, 0] * stars[n, 1] + turn[2, 0] * stars[n, 2]
        if x < 0.05:
            continue
        y = turn[0, 1] * stars[n, 0] + turn[1, 1] * stars[n, 1] + turn[2, 1] * stars[n, 2]
        z = turn[0, 2] * stars[n, 0] + turn[1, 2] * stars[n, 1] + turn[2, 2] * stars[n, 2]
        u, v = 0.5 * width + view.focal * y / x, 0.5 * height - view.focal * z / x
        if not (0.0 <= u < width and 0.0 <= v < height):
            continue
        column, row = int(u), int(v)
        if ids[row * down, column * across] >= 0 or ids[(row + 1) * down - 1, (column + 1) * across - 1] >= 0:
            continue
        light = stars[n, 3] * strength * min(1.0, 4.0 * stars[n, 2])
        for k in range(3):
            out[row, column, k] = np.uint8(min(255.0, out[row, column, k] + light))
