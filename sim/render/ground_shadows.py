"""Shadows that buildings, trees and poles throw on the ground, and how much of the sky they hide from it.

A map of the town from above, made once per direction of the sun. Sheared along the sun's rays, the highest thing over a
place on the ground lies straight above it: what is higher than the ground there shades it. The open sky is sampled the
same way from sixteen directions.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np
from numba import njit

from sim.render.mesh import Mesh
from sim.render.raster import ASPHALT, GRASS, MARKING, PAVED, PLAIN, WINDOW

TEXEL_M = 0.25
MAX_SIDE = 3072
"""Texels along a side; larger towns get larger texels."""

SKY_COARSER = 4
LIFT_M = 0.35
"""What is lower than this above the ground throws no shadow: kerbs and the ground's own steps."""

THIN_FROM_PER_METRE = 0.9
"""Coarser maps leave out what is thinner than a texel: its shadow would be far too wide."""

MOST_TEXELS = 200_000_000
"""Work on one map: real towns need a hundredth; of a map with thousands of giant things the rest throws no shadow."""

MAX_SLANT = 7.0
"""Shadows are no longer than this many heights; the sun's light is faint when they would be."""

NOTHING = np.float32(-1e9)
AZIMUTH_STEP, ALTITUDE_STEP = 3.0, 1.5
"""Degrees: maps are made for directions of this grid, so that a moving sun does not ask for a new one each frame."""


@dataclass(frozen=True)
class ShadowMap:
    """texels uint16 (rows, columns): hidden share of the sun in the low byte, of the sky in the high one, 0..255; the
    lowest bit says that the neighbours to the right and below are as good as equal.

    Texel (i, j) stands for the place (west + j / per_metre, north + i / per_metre) in x and y.
    """

    texels: np.ndarray
    west: float
    north: float
    per_metre: float


@njit(cache=True, nogil=True, error_model="numpy")
def _tops(soup, rows, west, north, per_metre, shear_x, shear_y, thin, tops):  # type: ignore[no-untyped-def]
    """Highest z (m) per texel of the triangles `rows` of soup (T, 9), displaced by -z shear; `thin` ones count, too."""
    height, width = tops.shape
    u, v, z = np.empty(3), np.empty(3), np.empty(3)
    spent = 0
    for n in range(rows.size):
        if spent > MOST_TEXELS:
            break
        t = rows[n]
        for k in range(3):
            z[k] = soup[t, 3 * k + 2]
            u[k] = (soup[t, 3 * k] - z[k] * shear_x - west) * per_metre
            v[k] = (soup[t, 3 * k + 1] - z[k] * shear_y - north) * per_metre
        left, right = min(u[0], u[1], u[2]), max(u[0], u[1], u[2])
        top, bottom = min(v[0], v[1], v[2]), max(v[0], v[1], v[2])
        if right < 0.0 or bottom < 0.0 or left > width - 1.0 or top > height - 1.0:
            continue
        area = (u[1] - u[0]) * (v[2] - v[0]) - (u[2] - u[0]) * (v[1] - v[0])
        extent = max(right - left, bottom - top)
        if abs(area) < 1.2 * extent:
            # Thinner than a texel (a pole, a wall seen from its end): its edges, a texel wide.
            if not thin or extent > 4096.0:
                continue
            for k in range(3):
                j = 0 if k == 2 else k + 1
                steps = math.ceil(max(abs(u[j] - u[k]), abs(v[j] - v[k]))) + 1
                spent += steps
                for i in range(steps + 1):
                    w = i / steps
                    row = math.floor(v[k] + w * (v[j] - v[k]) + 0.5)
                    column = math.floor(u[k] + w * (u[j] - u[k]) + 0.5)
                    if 0 <= row < height and 0 <= column < width:
                        tops[row, column] = max(tops[row, column], np.float32(z[k] + w * (z[j] - z[k])))
            continue
        a = ((z[1] - z[0]) * (v[2] - v[0]) - (z[2] - z[0]) * (v[1] - v[0])) / area
        b = ((z[2] - z[0]) * (u[1] - u[0]) - (z[1] - z[0]) * (u[2] - u[0])) / area
        first, last = max(0, math.ceil(top)), min(height - 1, math.floor(bottom))
        for row in range(first, last + 1):
            low, high = -1e18, 1e18
            for k in range(3):
                j = 0 if k == 2 else k + 1
                du, dv = u[j] - u[k], v[j] - v[k]
                if area < 0.0:
                    du, dv = -du, -dv
                # Inside where du (row - v) - dv (column - u) >= 0.
                rest = du * (row - v[k]) + dv * u[k]
                if dv > 0.0:
                    high = min(high, rest / dv)
                elif dv < 0.0:
                    low = max(low, rest / dv)
                elif rest < 0.0:
                    high = -1e18
            start, stop = math.ceil(max(low, 0.0)), math.floor(min(high, width - 1.0))
            spent += max(stop - start, 0) + 1
            base = z[0] + b * (row - v[0]) - a * u[0]
            for column in range(start, stop + 1):
                tops[row, column] = max(tops[row, column], np.float32(base + a * column))


@njit(cache=True, nogil=True, error_model="numpy")
def _hide(ground, tops, shear_x, shear_y, per_metre, weight, hidden):  # type: ignore[no-untyped-def]
    """Add `weight` to hidden (H, W) where what is sheared over the ground is higher than it."""
    height, width = ground.shape
    for row in range(height):
        for column in range(width):
            z = ground[row, column]
            if z == NOTHING:
                continue
            i = math.floor(row - z * shear_y * per_metre + 0.5)
            j = math.floor(column - z * shear_x * per_metre + 0.5)
            if 0 <= i < height and 0 <= j < width and tops[i, j] > z + np.float32(LIFT_M):
                hidden[row, column] += weight


@njit(cache=True, nogil=True, error_model="numpy")
def _soften(image, line):  # type: ignore[no-untyped-def]
    """Blur (H, W) in place by 1 4 6 4 1 along both axes; `line` (max(H, W) + 4,) is room to work in."""
    height, width = image.shape
    for row in range(height):
        for i in range(width):
            line[i + 2] = image[row, i]
        line[0] = line[1] = line[width + 2] = line[width + 3] = 0.0
        for i in range(width):
            total = line[i] + line[i + 4] + 4.0 * (line[i + 1] + line[i + 3]) + 6.0 * line[i + 2]
            image[row, i] = np.float32(total * 0.0625)
    before, last = np.zeros(width, np.float32), np.zeros(width, np.float32)
    for row in range(height):
        for i in range(width):
            here = image[row, i]
            after = image[row + 1, i] if row + 1 < height else np.float32(0.0)
            later = image[row + 2, i] if row + 2 < height else np.float32(0.0)
            image[row, i] = np.float32(0.0625) * (
                before[i] + later + np.float32(4.0) * (last[i] + after) + np.float32(6.0) * here
            )
            before[i], last[i] = last[i], here


@njit(cache=True, nogil=True, error_model="numpy")
def _mark_even(texels):  # type: ignore[no-untyped-def]
    """Set the lowest bit of texels (H, W) where interpolation would give the texel itself to within a percent."""
    height, width = texels.shape
    for row in range(height):
        below = min(row + 1, height - 1)
        for column in range(width):
            right = min(column + 1, width - 1)
            here = np.int32(texels[row, column])
            even = True
            for other in (texels[row, right], texels[below, column], texels[below, right]):
                sun = (np.int32(other) & np.int32(254)) - (here & np.int32(254))
                sky = (np.int32(other) >> np.int32(8)) - (here >> np.int32(8))
                if abs(sun) > 2 or abs(sky) > 3:
                    even = False
            texels[row, column] = np.uint16((here & np.int32(0xFFFE)) | (1 if even else 0))


class GroundShadows:
    """The shadow maps of one static mesh, made when they are first asked for; for any number of threads."""

    KEPT = 2

    def __init__(self, soup: np.ndarray, materials: np.ndarray) -> None:
        """`soup` float32 (T, 9) corners in the world (m), `materials` uint8 (T,); see `sim.render.scene.Packed`."""
        self._soup = soup
        on_ground = np.isin(materials, (ASPHALT, PAVED, GRASS))
        self._ground = np.flatnonzero(on_ground)
        self._casters = np.flatnonzero(~on_ground & (materials != MARKING) & (materials < WINDOW))
        corners = soup.reshape(-1, 3, 3)[self._casters]
        self._maps: dict[tuple[int, int] | None, ShadowMap] = {}
        self._sky: np.ndarray | None = None
        self._making = threading.Lock()
        if len(corners):
            low, high = corners[:, :, :2].min(axis=(0, 1)), corners[:, :, :2].max(axis=(0, 1))
            low, high = low - 40.0, high + 40.0
            texel = max(TEXEL_M, float((high - low).max()) / MAX_SIDE)
            # Texels on a fixed grid, so that a map does not move when a distant thing is added.
            self._west, self._north = (float(math.floor(edge / texel) * texel) for edge in low)
            columns, rows = (math.ceil(float(size) / texel) + 2 for size in high - low)
            self._shape = (rows + -rows % SKY_COARSER, columns + -columns % SKY_COARSER)
            self._per_metre = 1.0 / texel
        else:
            self._west = self._north = 0.0
            self._shape, self._per_metre = (2, 2), 1.0

    def under(self, azimuth: float, altitude: float) -> ShadowMap:
        """The map for a sun at azimuth and altitude (degrees, CARLA's); below the horizon only the sky is hidden."""
        key = None
        if altitude > 0.0:
            key = (round(azimuth / AZIMUTH_STEP) % round(360.0 / AZIMUTH_STEP), round(altitude / ALTITUDE_STEP))
        with self._making:
            if key not in self._maps:
                while len(self._maps) >= self.KEPT:
                    self._maps.pop(next(iter(self._maps)))
                self._maps[key] = self._make(key)
            return self._maps[key]

    def _make(self, key: tuple[int, int] | None) -> ShadowMap:
        shape = self._shape
        texels = np.zeros(shape, np.uint16)
        if len(self._casters):
            heights = np.full(shape, NOTHING, np.float32)
            _tops(self._soup, self._ground, self._west, self._north, self._per_metre, 0.0, 0.0, False, heights)
            if self._sky is None:
                self._sky = self._hidden_sky(heights)
            texels += self._sky.astype(np.uint16) << np.uint16(8)
            if key is not None:
                azimuth, altitude = math.radians(key[0] * AZIMUTH_STEP), math.radians(key[1] * ALTITUDE_STEP)
                slant = min(math.cos(altitude) / max(math.sin(altitude), 1e-3), MAX_SLANT)
                hidden = np.zeros(shape, np.float32)
                self._shade(heights, self._per_metre, slant, azimuth, 255.0, hidden)
                _soften(hidden, np.empty(max(shape) + 4))
                texels += hidden.astype(np.uint16)
            texels[[0, -1]] = 0
            texels[:, [0, -1]] = 0
        _mark_even(texels)
        return ShadowMap(texels, self._west, self._north, self._per_metre)

    def _shade(
        self, ground: np.ndarray, per_metre: float, slant: float, azimuth: float, weight: float, hidden: np.ndarray
    ) -> None:
        shear = (slant * math.cos(azimuth), slant * math.sin(azimuth))
        tops = np.full(ground.shape, NOTHING, np.float32)
        thin = per_metre > THIN_FROM_PER_METRE
        _tops(self._soup, self._casters, self._west, self._north, per_metre, *shear, thin, tops)
        _hide(ground, tops, *shear, per_metre, np.float32(weight), hidden)

    def _hidden_sky(self, heights: np.ndarray) -> np.ndarray:
        """Hidden share of the sky, uint8, at full resolution: eight directions at each of two angles."""
        ground = np.ascontiguousarray(heights[::SKY_COARSER, ::SKY_COARSER])
        hidden = np.zeros(ground.shape, np.float32)
        for turn in range(16):
            slant = 0.45 if turn % 2 else 1.5
            self._shade(
                ground, self._per_metre / SKY_COARSER, slant, math.radians(22.5 * turn + 10.0), 255.0 / 16.0, hidden
            )
        room = np.empty(max(ground.shape) + 4)
        _soften(hidden, room)
        _soften(hidden, room)
        fine = hidden.repeat(SKY_COARSER, axis=0).repeat(SKY_COARSER, axis=1)
        fine = np.ascontiguousarray(fine[: self._shape[0], : self._shape[1]])
        _soften(fine, np.empty(max(self._shape) + 4))
        return fine.astype(np.uint8)


_shared: list[tuple[Mesh, GroundShadows]] = []
_sharing = threading.Lock()
SHARED = 2


def shadows_of(static: Mesh, soup: np.ndarray, materials: np.ndarray) -> GroundShadows:
    """The shadows of a mesh, made once for all renderers of the process that draw it: maps take tens of megabytes."""
    with _sharing:
        for mesh, shadows in _shared:
            if mesh is static:
                return shadows
        shadows = GroundShadows(soup, materials)
        _shared.append((static, shadows))
        del _shared[:-SHARED]
        return shadows


def warm_up() -> None:
    """Compile the kernels, or load them from Numba's cache."""
    road = (-9.0, -9.0, 0.0, 9.0, -9.0, 0.0, 0.0, 9.0, 0.0)
    roof = (-3.0, -3.0, 4.0, 3.0, -3.0, 4.0, 0.0, 3.0, 4.0)
    GroundShadows(np.array([road, roof], np.float32), np.array([ASPHALT, PLAIN], np.uint8)).under(30.0, 45.0)
