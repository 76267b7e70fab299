"""The ground that bodies stand on: height and slope under any point of a town, with bridges above one another.

A grid over the roads' triangles; each cell lists the triangles that touch it, highest first, so that a lookup on a
level street ends at the first hit. Around the roads lies level open ground (see `sim.maps.terrain`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numba import njit

from sim.render.mesh import Mesh

CELL_M = 2.0
MAX_CELLS = 4_000_000
MAX_ENTRIES = 8_000_000  # of triangles in cells: huge triangles get a coarser grid
STEP_M = 0.4  # how much higher than its foot a body finds ground
MIN_UP = 0.3  # steeper triangles are kerbs and walls, which carry nothing
# Neighbouring lanes meet with gaps of millimetres: triangles reach this share of their height further.
SEAM = 0.005

# Columns of the triangle table: a corner's x, y, z; rows of the matrix from offsets (dx, dy) to barycentric
# coordinates of the other two corners; slopes dz/dx, dz/dy; the highest z.
COLUMNS = 10
# Columns of the grid's description: x and y of its corner, size of a cell, cells along x and y, open ground's height.
GRID = 6


@njit(cache=True, nogil=True)
def surface(
    grid: np.ndarray, starts: np.ndarray, index: np.ndarray, planes: np.ndarray, x: float, y: float, top: float
) -> tuple[float, float, float]:
    """Height (m) and slopes dz/dx, dz/dy of the highest surface at (x, y) that is not above `top`.

    Open ground where no road is, or all are higher.
    """
    height, slope_x, slope_y = grid[5], 0.0, 0.0
    i, j = int(np.floor((x - grid[0]) / grid[2])), int(np.floor((y - grid[1]) / grid[2]))
    if i < 0 or j < 0 or i >= grid[3] or j >= grid[4]:
        return height, slope_x, slope_y
    cell = i * int(grid[4]) + j
    for k in range(starts[cell], starts[cell + 1]):
        p = planes[index[k]]
        if p[9] <= height:
            break
        dx, dy = x - p[0], y - p[1]
        b = p[3] * dx + p[4] * dy
        c = p[5] * dx + p[6] * dy
        if b < -SEAM or c < -SEAM or b + c > 1.0 + SEAM:
            continue
        z = p[2] + p[7] * dx + p[8] * dy
        if height < z <= top:
            height, slope_x, slope_y = z, p[7], p[8]
    return height, slope_x, slope_y


@njit(cache=True, nogil=True)
def _surfaces(
    grid: np.ndarray, starts: np.ndarray, index: np.ndarray, planes: np.ndarray, points: np.ndarray, out: np.ndarray
) -> None:
    for n in range(len(points)):
        x, y, z = points[n]
        out[n, 0], out[n, 1], out[n, 2] = surface(grid, starts, index, planes, x, y, z)


@dataclass(frozen=True)
class Ground:
    """A town's ground in CARLA's frame (m).

    grid    float64 (GRID,)               starts  int64 (cells + 1,), of each cell's part of `index`
    index   int32 (K,), rows of `planes`  planes  float64 (T, COLUMNS)
    """

    grid: np.ndarray
    starts: np.ndarray
    index: np.ndarray
    planes: np.ndarray

    @property
    def open_height(self) -> float:
        """Height of the open ground around the roads."""
        return float(self.grid[5])

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What `surface` takes."""
        return self.grid, self.starts, self.index, self.planes

    def height(self, x: float, y: float, z: float = np.inf, step: float = STEP_M) -> float:
        """Height of the ground under a body whose foot is at `z`: the highest surface not above z + step.

        Without `z` the highest surface of all.
        """
        return float(surface(self.grid, self.starts, self.index, self.planes, x, y, z + step)[0])

    def normal(self, x: float, y: float, z: float = np.inf, step: float = STEP_M) -> tuple[float, float, float]:
        """Unit normal, upwards, of the surface that `height` finds."""
        _, a, b = surface(self.grid, self.starts, self.index, self.planes, x, y, z + step)
        length = float(np.sqrt(a * a + b * b + 1.0))
        return -a / length, -b / length, 1.0 / length

    def heights(self, points: np.ndarray, step: float = STEP_M) -> np.ndarray:
        """`height` of many points: (N, 3) x, y, z -> (N,)."""
        tops = np.array(points, np.float64).reshape(-1, 3)
        tops[:, 2] += step
        out = np.empty((len(tops), 3))
        _surfaces(self.grid, self.starts, self.index, self.planes, tops, out)
        return out[:, 0]


def build_ground(meshes: Iterable[Mesh], open_height: float) -> Ground:
    """The ground made of all triangles of `meshes` that one can stand on; paint on them does not count."""
    corners = [mesh.vertices[mesh.triangles[mesh.layers == 0]].astype(np.float64) for mesh in meshes]
    triangles = np.concatenate([np.zeros((0, 3, 3)), *corners])
    first, second = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    normal = np.cross(first, second)
    area = np.linalg.norm(normal, axis=1)
    keep = np.abs(normal[:, 2]) > np.maximum(MIN_UP * area, 1e-6)
    triangles, first, second, normal = triangles[keep], first[keep], second[keep], normal[keep]
    planes = np.empty((len(triangles), COLUMNS))
    planes[:, 0:3] = triangles[:, 0]
    planes[:, 3], planes[:, 4] = second[:, 1] / normal[:, 2], -second[:, 0] / normal[:, 2]
    planes[:, 5], planes[:, 6] = -first[:, 1] / normal[:, 2], first[:, 0] / normal[:, 2]
    planes[:, 7], planes[:, 8] = -normal[:, 0] / normal[:, 2], -normal[:, 1] / normal[:, 2]
    planes[:, 9] = triangles[:, :, 2].max(axis=1)
    return _grid(triangles, planes, open_height)


def _grid(triangles: np.ndarray, planes: np.ndarray, open_height: float) -> Ground:
    if len(triangles) == 0:
        grid = np.array([0.0, 0.0, CELL_M, 0.0, 0.0, open_height])
        return Ground(grid, np.zeros(1, np.int64), np.zeros(0, np.int32), planes)
    plan = triangles[:, :, :2]
    margin = 0.05
    low, high = plan.min(axis=1) - margin, plan.max(axis=1) + margin
    origin, extent = low.min(axis=0), (high.max(axis=0) - low.min(axis=0))
    cell = max(CELL_M, float(np.sqrt(extent[0] * extent[1] / MAX_CELLS)))
    while True:
        counts = np.floor(extent / cell).astype(np.int64) + 1
        begin = np.floor((low - origin) / cell).astype(np.int64)
        end = np.floor((high - origin) / cell).astype(np.int64)
        span = end - begin + 1
        entries = span[:, 0] * span[:, 1]
        if entries.sum() <= max(MAX_ENTRIES, 4 * len(triangles)):
            break
        cell *= 2.0
    triangle = np.repeat(np.arange(len(triangles)), entries)
    within = np.arange(len(triangle)) - np.repeat(np.cumsum(entries) - entries, entries)
    i = begin[triangle, 0] + within // span[triangle, 1]
    j = begin[triangle, 1] + within % span[triangle, 1]
    near = _touches(planes, cell, origin, triangle, i, j)
    triangle, cells = triangle[near], (i * counts[1] + j)[near]
    order = np.lexsort((triangle, -planes[triangle, 9], cells))
    starts = np.zeros(counts[0] * counts[1] + 1, np.int64)
    np.cumsum(np.bincount(cells, minlength=len(starts) - 1), out=starts[1:])
    grid = np.array([origin[0], origin[1], cell, counts[0], counts[1], open_height])
    return Ground(grid, starts, triangle[order].astype(np.int32), planes)


def _touches(
    planes: np.ndarray, cell: float, origin: np.ndarray, triangle: np.ndarray, i: np.ndarray, j: np.ndarray
) -> np.ndarray:
    """Whether triangles may reach into cells: none of their three edges has the whole cell outside."""
    p = planes[triangle]
    x, y = origin[0] + (i + 0.5) * cell - p[:, 0], origin[1] + (j + 0.5) * cell - p[:, 1]
    half = 0.5 * cell
    b, reach_b = p[:, 3] * x + p[:, 4] * y, half * (np.abs(p[:, 3]) + np.abs(p[:, 4]))
    c, reach_c = p[:, 5] * x + p[:, 6] * y, half * (np.abs(p[:, 5]) + np.abs(p[:, 6]))
    reach_a = half * (np.abs(p[:, 3] + p[:, 5]) + np.abs(p[:, 4] + p[:, 6]))
    return (b + reach_b >= -SEAM) & (c + reach_c >= -SEAM) & (b + c - reach_a <= 1.0 + SEAM)
