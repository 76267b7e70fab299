"""What surfaces are made of: how the shader textures each material, and the noise that it textures them with."""

from __future__ import annotations

import numpy as np

from sim.render.raster import ASPHALT, FOLIAGE, GRASS, LIT_WINDOW, MARKING, PAVED, PLAIN, WALL, WINDOW

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
