"""Falling rain: drops in a box around the camera, drawn as the streaks that they leave during an exposure.

Drops fall in the world and in simulation time: a moving camera flies through them, wind slants them, and what stands
nearer than a drop hides it.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

BOX_M = 12.0
DROPS = 1700
"""Drops in the box at precipitation 100: far fewer than in nature, each wider, so that single streaks are seen."""

FALL_MPS = 8.0
EXPOSURE_S = 0.032
WIDTH_M = 0.011
WIND_SHARE = 0.35
"""Share of the wind's speed that a drop has taken up: at full wind rain falls at 33 degrees."""


def drop_table() -> np.ndarray:
    """Where drops are at time 0, in units of the box, float64 (DROPS, 3)."""
    return np.random.default_rng(5).integers(0, 1 << 20, (DROPS, 3)) / float(1 << 20)


@njit(cache=True, nogil=True, error_model="numpy")
def draw_rain(depth, drops, rain, velocity, seconds, tone, view, out):  # type: ignore[no-untyped-def]
    """Blend streaks into a BGRA frame (H, W, 4); `depth` is the inverse depth of its visibility buffer.

    `rain` 0..1, `velocity` (3,) of drops (m/s), `tone` RGB of a streak in 0..255.
    """
    height, width = out.shape[0], out.shape[1]
    across, down = depth.shape[1] // width, depth.shape[0] // height
    turn, eye, focal = view.rotation, view.position, view.focal
    half = 0.5 * BOX_M
    for n in range(int(rain * drops.shape[0])):
        a = (drops[n, 0] * BOX_M + velocity[0] * seconds - eye[0] + half) % BOX_M - half
        b = (drops[n, 1] * BOX_M + velocity[1] * seconds - eye[1] + half) % BOX_M - half
        c = (drops[n, 2] * BOX_M + velocity[2] * seconds - eye[2] + half) % BOX_M - half
        x = turn[0, 0] * a + turn[1, 0] * b + turn[2, 0] * c
        if x < 0.7:
            continue
        y = turn[0, 1] * a + turn[1, 1] * b + turn[2, 1] * c
        z = turn[0, 2] * a + turn[1, 2] * b + turn[2, 2] * c
        u, v = 0.5 * width + focal * y / x, 0.5 * height - focal * z / x
        a, b, c = a - velocity[0] * EXPOSURE_S, b - velocity[1] * EXPOSURE_S, c - velocity[2] * EXPOSURE_S
        far = turn[0, 0] * a + turn[1, 0] * b + turn[2, 0] * c
        if far < 0.7:
            continue
        y = turn[0, 1] * a + turn[1, 1] * b + turn[2, 1] * c
        z = turn[0, 2] * a + turn[1, 2] * b + turn[2, 2] * c
        u2, v2 = 0.5 * width + focal * y / far, 0.5 * height - focal * z / far
        if max(u, u2) < 0.0 or min(u, u2) > width or max(v, v2) < 0.0 or min(v, v2) > height:
            continue
        long_way = max(abs(u2 - u), abs(v2 - v))
        steps = math.ceil(long_way)
        if steps < 1 or steps > 4 * height:
            continue
        wide = WIDTH_M * focal / x
        strength = min(wide, 1.0) * 0.42 * (1.0 - math.hypot(x, y) / 9.0 if math.hypot(x, y) < 8.0 else 0.1)
        radius = max(0.5, 0.5 * wide)
        upright = abs(v2 - v) >= abs(u2 - u)
        inverse = 1.0 / x
        for i in range(steps):
            w = (i + 0.5) / steps
            # Thin at both ends.
            alpha = strength * 4.0 * w * (1.0 - w)
            pu, pv = u + w * (u2 - u), v + w * (v2 - v)
            middle = pu if upright else pv
            first = math.floor(middle - radius)
            for j in range(first, math.floor(middle + radius) + 1):
                column, row = (j, math.floor(pv)) if upright else (math.floor(pu), j)
                if not (0 <= column < width and 0 <= row < height) or depth[row * down, column * across] > inverse:
                    continue
                cover = min(1.0, max(0.0, min(middle + radius, j + 1.0) - max(middle - radius, j + 0.0)))
                for k in range(3):
                    old = float(out[row, column, k])
                    out[row, column, k] = np.uint8(old + alpha * cover * (tone[2 - k] - old) + 0.5)
