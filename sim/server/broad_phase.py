"""Which bodies and immovable boxes may touch within a tick: a sweep along x, and a grid over what never moves."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from sim.server.bodies import Record

CELL_M = 16.0
MAX_CELLS = 1_000_000
# m/s that a body may gain within a tick (a crash, a push), on top of what it has.
MARGIN_MS = 10.0


class StaticGrid(NamedTuple):
    """Immovable boxes by place.

    boxes   float64 (N, STATIC_COLUMNS) as `collisions.static_table` makes them
    grid    float64 (5,): x and y of the corner, size of a cell, cells along x and y
    starts  int64 (cells + 1,), of each cell's part of `listed`     listed  int64 (K,), rows of `boxes`
    first   int64 (N, 2): the lowest cell that each box is in
    """

    boxes: np.ndarray
    grid: np.ndarray
    starts: np.ndarray
    listed: np.ndarray
    first: np.ndarray


def static_grid(boxes: np.ndarray) -> StaticGrid:
    """A grid over a table of immovable boxes; every box is in each cell that its bounding square touches."""
    if len(boxes) == 0:
        grid, none = np.array([0.0, 0.0, CELL_M, 0.0, 0.0]), np.zeros(0, np.int64)
        return StaticGrid(boxes, grid, np.zeros(1, np.int64), none, np.zeros((0, 2), np.int64))
    c, s = np.abs(np.cos(boxes[:, 6])), np.abs(np.sin(boxes[:, 6]))
    reach = np.stack([c * boxes[:, 3] + s * boxes[:, 4], s * boxes[:, 3] + c * boxes[:, 4]], axis=1)
    low, high = boxes[:, :2] - reach, boxes[:, :2] + reach
    origin = low.min(axis=0)
    extent = high.max(axis=0) - origin
    cell = max(CELL_M, float(np.sqrt(extent[0] * extent[1] / MAX_CELLS)))
    counts = np.floor(extent / cell).astype(np.int64) + 1
    begin, end = np.floor((low - origin) / cell).astype(np.int64), np.floor((high - origin) / cell).astype(np.int64)
    span = end - begin + 1
    entries = span[:, 0] * span[:, 1]
    box = np.repeat(np.arange(len(boxes)), entries)
    within = np.arange(len(box)) - np.repeat(np.cumsum(entries) - entries, entries)
    cells = (begin[box, 0] + within // span[box, 1]) * counts[1] + begin[box, 1] + within % span[box, 1]
    starts = np.zeros(counts[0] * counts[1] + 1, np.int64)
    np.cumsum(np.bincount(cells, minlength=len(starts) - 1), out=starts[1:])
    grid = np.array([origin[0], origin[1], cell, counts[0], counts[1]])
    return StaticGrid(boxes, grid, starts, box[np.lexsort((box, cells))], begin)


@njit(nogil=True)
def _reach(b: Record, dt: float) -> float:
    return math.hypot(b.hx, b.hy) + math.hypot(b.cx, b.cy) + (math.hypot(b.vx, b.vy) + MARGIN_MS) * dt


@njit(nogil=True)
def candidates(
    rows: np.ndarray,
    count: int,
    boxes: np.ndarray,
    grid: np.ndarray,
    starts: np.ndarray,
    listed: np.ndarray,
    first: np.ndarray,
    dt: float,
    pairs: np.ndarray,
) -> int:
    """Fill `pairs` (P, 2) with bodies that may touch within `dt`: (i, j), i < j, or (i, -1 - static index).

    Returns how many there are, which may exceed P: then the caller brings more room. Their order depends on the
    bodies alone.
    """
    total = 0
    reach = np.empty(count)
    low = np.empty(count)
    for i in range(count):
        b = rows[i]
        active = b.used != 0 and b.collide != 0
        reach[i] = _reach(b, dt) if active else -1.0
        low[i] = b.x - reach[i] if active else np.inf
    order = np.argsort(low)
    for n in range(count):
        i = order[n]
        if reach[i] < 0.0:
            break
        a = rows[i]
        for m in range(n + 1, count):
            j = order[m]
            if low[j] > a.x + reach[i]:
                break
            b = rows[j]
            near = reach[i] + reach[j]
            dx, dy = a.x - b.x, a.y - b.y
            if (a.simulate == 0 and b.simulate == 0) or dx * dx + dy * dy >= near * near:
                continue
            if total < len(pairs):
                pairs[total, 0], pairs[total, 1] = min(i, j), max(i, j)
            total += 1
        if a.simulate != 0 and len(boxes) > 0:
            total = _static_candidates(a, i, reach[i], boxes, grid, starts, listed, first, pairs, total)
    return total


@njit(nogil=True)
def _static_candidates(
    a: Record,
    i: int,
    reach: float,
    boxes: np.ndarray,
    grid: np.ndarray,
    starts: np.ndarray,
    listed: np.ndarray,
    first: np.ndarray,
    pairs: np.ndarray,
    total: int,
) -> int:
    x0, y0 = math.floor((a.x - reach - grid[0]) / grid[2]), math.floor((a.y - reach - grid[1]) / grid[2])
    x1, y1 = math.floor((a.x + reach - grid[0]) / grid[2]), math.floor((a.y + reach - grid[1]) / grid[2])
    across = int(grid[4])
    for gx in range(max(0, x0), min(int(grid[3]) - 1, x1) + 1):
        for gy in range(max(0, y0), min(across - 1, y1) + 1):
            cell = gx * across + gy
            for n in range(starts[cell], starts[cell + 1]):
                k = listed[n]
                near = reach + boxes[k, 7]
                dx, dy = a.x - boxes[k, 0], a.y - boxes[k, 1]
                if dx * dx + dy * dy >= near * near:
                    continue
                # A box in several cells counts in the first of them that this body looks into.
                if gx != max(0, x0, first[k, 0]) or gy != max(0, y0, first[k, 1]):
                    continue
                if total < len(pairs):
                    pairs[total, 0], pairs[total, 1] = i, -1 - k
                total += 1
    return total
