"""Street lamps at night: pools of light on what they shine on, and the lamps themselves, added to a finished frame.

Not a lighting model: a pixel is brightened by what the lamps add to the night sky's light at its place in the world, as
if all surfaces faced the lamps and nothing stood between. That is cheap, as it needs the frame's depth alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from sim.geometry import Pose, rotation_matrix
from sim.render import overlay
from sim.render.weather import Atmosphere

REACH_M = 26.0
SIGHT_M = 250.0
"""Pools of lamps further away than this are left out: they cover a few pixels only."""

POOL_STRENGTH = 2.6
"""How much brighter than the night sky alone a lamp of REFERENCE_LUMENS makes the road below it."""

REFERENCE_LUMENS, REFERENCE_HEIGHT_M = 10_000.0, 7.8
BULB_M = 0.45
MAX_OPTICAL_DEPTH = 4.0
"""Bulbs are seen through this much fog: a lamp is brighter than the fog by more than the road is."""


@dataclass(frozen=True)
class Lamps:
    """N burning lamps: place float64 (N, 3) m, lumens float64 (N,), color uint8 (N, 3) RGB."""

    place: np.ndarray
    lumens: np.ndarray
    color: np.ndarray

    def __len__(self) -> int:
        return len(self.lumens)


@njit(cache=True, nogil=True)
def _pools(gain, depth, eye, axes, focal, place, strength, reach):  # type: ignore[no-untyped-def]
    """Add each lamp's light to gain (H, W, 3): `strength` (N, 3) at REFERENCE_HEIGHT_M below a lamp."""
    height, width = depth.shape
    cu, cv = width / 2.0, height / 2.0
    for i in range(len(place)):
        relative = place[i] - eye
        x = relative[0] * axes[0, 0] + relative[1] * axes[1, 0] + relative[2] * axes[2, 0]
        y = relative[0] * axes[0, 1] + relative[1] * axes[1, 1] + relative[2] * axes[2, 1]
        z = relative[0] * axes[0, 2] + relative[1] * axes[1, 2] + relative[2] * axes[2, 2]
        if x < -reach or x > SIGHT_M:
            continue
        # The picture of a sphere around the lamp; all of the frame when the camera is near or inside it.
        top, bottom, left, right = 0, height, 0, width
        if x > 1.5 * reach:
            nearest = x - reach
            left = max(0, math.floor(cu + focal * min((y - reach) / nearest, (y - reach) / (x + reach))))
            right = min(width, math.ceil(cu + focal * max((y + reach) / nearest, (y + reach) / (x + reach))))
            top = max(0, math.floor(cv - focal * max((z + reach) / nearest, (z + reach) / (x + reach))))
            bottom = min(height, math.ceil(cv - focal * min((z - reach) / nearest, (z - reach) / (x + reach))))
        for row in range(top, bottom):
            up = -(row + 0.5 - cv) / focal
            for column in range(left, right):
                d = depth[row, column]
                if abs(d - x) > reach:
                    continue
                side = (column + 0.5 - cu) / focal
                dx, dy, dz = d - x, d * side - y, d * up - z
                distance = dx * dx + dy * dy + dz * dz
                if distance > reach * reach:
                    continue
                # How far below the lamp: it shines down.
                below = -(dx * axes[2, 0] + dy * axes[2, 1] + dz * axes[2, 2])
                if below <= 0.0:
                    continue
                distance = max(distance, 1.0)
                edge = 1.0 - distance / (reach * reach)
                share = below / math.sqrt(distance) * edge * edge * REFERENCE_HEIGHT_M * REFERENCE_HEIGHT_M / distance
                share = min(share, 2.0)
                gain[row, column, 0] += share * strength[i, 0]
                gain[row, column, 1] += share * strength[i, 1]
                gain[row, column, 2] += share * strength[i, 2]


def illuminate(bgra: np.ndarray, depth: np.ndarray, pose: Pose, fov: float, lamps: Lamps, air: Atmosphere) -> None:
    """Add burning lamps to a frame (H, W, 4) with its depth (H, W, m); by day nothing happens."""
    if not len(lamps) or air.night <= 0.0:
        return
    focal = bgra.shape[1] / (2.0 * math.tan(math.radians(fov) / 2.0))
    axes = rotation_matrix(pose.pitch, pose.yaw, pose.roll)
    eye = np.array(pose[:3])
    near = np.linalg.norm(lamps.place - eye, axis=1) < SIGHT_M + REACH_M
    strength = POOL_STRENGTH * float(air.night) * lamps.lumens[near] / REFERENCE_LUMENS
    gain = np.zeros((*depth.shape, 3), np.float32)
    tint = lamps.color[near, ::-1] / 255.0
    _pools(gain, depth, eye, axes, focal, lamps.place[near], strength[:, None] * tint, REACH_M)
    if air.extinction > 0.0:
        gain *= np.exp(-air.extinction * np.maximum(depth - air.fog_start, 0.0))[..., None]
    bgra[..., :3] = np.minimum(bgra[..., :3] * (1.0 + gain) + 0.5, 255.0).astype(np.uint8)
    # Fog swallows the far ones.
    seen = air.extinction * np.linalg.norm(lamps.place - eye, axis=1) < MAX_OPTICAL_DEPTH
    place, count = lamps.place[seen], int(seen.sum())
    glow = ((lamps.color[seen].astype(float) + 255.0) / 2.0).astype(np.uint8)
    bulbs = overlay.Strokes(place, place, np.full(count, BULB_M), np.zeros(count, np.bool_), glow)
    overlay.draw(bgra, depth, pose, fov, bulbs)


def warm_up() -> None:
    """Compile the kernel, or load it from Numba's cache."""
    one = np.zeros((1, 3))
    _pools(np.zeros((1, 1, 3), np.float32), np.ones((1, 1), np.float32), np.zeros(3), np.eye(3), 1.0, one, one, 1.0)
