"""A bounding volume hierarchy over boxes: built by the surface area heuristic, deterministic, compiled by Numba.

Nodes are rows of two arrays. `bounds` float32 (N, 6) holds low x, y, z and high x, y, z. `kids` int32 (N, 2) holds
(first, count): a leaf over items first .. first + count - 1 of the built order, or, with count -1, an inner node whose
children are nodes first and first + 1. Node 0 is the root.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

LEAF_ITEMS = 2
BINS = 12
BALANCE_DEPTH = 40
"""Below this depth nodes are halved by count, so that no tree is deeper than STACK whatever it is built over."""

STACK = 72


class Tree(NamedTuple):
    """`bounds` and `kids` as in the module's description; `order` int32: which item stands at each place of a leaf."""

    bounds: np.ndarray
    kids: np.ndarray
    order: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def _build(low, high, bounds, kids, order):  # type: ignore[no-untyped-def]
    """Fill the arrays of a tree over boxes; returns the number of nodes."""
    stack = np.empty((2 * 128, 2), np.int32)
    bin_low, bin_high = np.empty((BINS, 3), np.float32), np.empty((BINS, 3), np.float32)
    bin_count = np.empty(BINS, np.int64)
    right_area = np.empty(BINS)
    kids[0, 0], kids[0, 1] = 0, order.size
    stack[0, 0], stack[0, 1] = 0, 0
    waiting, used = 1, 1
    center_low, center_high = np.empty(3), np.empty(3)
    while waiting > 0:
        waiting -= 1
        node, depth = stack[waiting, 0], stack[waiting, 1]
        first, count = kids[node, 0], kids[node, 1]
        for k in range(3):
            bounds[node, k], bounds[node, 3 + k] = np.inf, -np.inf
            center_low[k], center_high[k] = np.inf, -np.inf
        for i in range(first, first + count):
            item = order[i]
            for k in range(3):
                bounds[node, k] = min(bounds[node, k], low[item, k])
                bounds[node, 3 + k] = max(bounds[node, 3 + k], high[item, k])
                center = 0.5 * (low[item, k] + high[item, k])
                center_low[k] = min(center_low[k], center)
                center_high[k] = max(center_high[k], center)
        if count <= LEAF_ITEMS:
            continue
        best_cost, best_axis, best_bin = np.inf, -1, -1
        if depth < BALANCE_DEPTH:
            for axis in range(3):
                span = center_high[axis] - center_low[axis]
                if not span > 0.0:
                    continue
                scale = BINS / span
                bin_low[:], bin_high[:], bin_count[:] = np.inf, -np.inf, 0
                for i in range(first, first + count):
                    item = order[i]
                    center = 0.5 * (low[item, axis] + high[item, axis])
                    b = min(int((center - center_low[axis]) * scale), BINS - 1)
                    bin_count[b] += 1
                    for k in range(3):
                        bin_low[b, k] = min(bin_low[b, k], low[item, k])
                        bin_high[b, k] = max(bin_high[b, k], high[item, k])
                ax, ay, az, cx, cy, cz = np.inf, np.inf, np.inf, -np.inf, -np.inf, -np.inf
                members = 0
                for b in range(BINS - 1, 0, -1):
                    members += bin_count[b]
                    ax, ay, az = min(ax, bin_low[b, 0]), min(ay, bin_low[b, 1]), min(az, bin_low[b, 2])
                    cx, cy, cz = max(cx, bin_high[b, 0]), max(cy, bin_high[b, 1]), max(cz, bin_high[b, 2])
                    area = (cx - ax) * (cy - ay) + (cy - ay) * (cz - az) + (cz - az) * (cx - ax)
                    right_area[b] = members * area if members > 0 else np.inf
                ax, ay, az, cx, cy, cz = np.inf, np.inf, np.inf, -np.inf, -np.inf, -np.inf
                members = 0
                for b in range(BINS - 1):
                    members += bin_count[b]
                    ax, ay, az = min(ax, bin_low[b, 0]), min(ay, bin_low[b, 1]), min(az, bin_low[b, 2])
                    cx, cy, cz = max(cx, bin_high[b, 0]), max(cy, bin_high[b, 1]), max(cz, bin_high[b, 2])
                    if members == 0:
                        continue
                    area = (cx - ax) * (cy - ay) + (cy - ay) * (cz - az) + (cz - az) * (cx - ax)
                    cost = members * area + right_area[b + 1]
                    if cost < best_cost:
                        best_cost, best_axis, best_bin = cost, axis, b
        middle = first + count // 2
        if best_axis >= 0:
            scale = BINS / (center_high[best_axis] - center_low[best_axis])
            i, j = first, first + count - 1
            while i <= j:
                item = order[i]
                center = 0.5 * (low[item, best_axis] + high[item, best_axis])
                if min(int((center - center_low[best_axis]) * scale), BINS - 1) <= best_bin:
                    i += 1
                else:
                    order[i], order[j] = order[j], item
                    j -= 1
            middle = i
        kids[node, 0], kids[node, 1] = used, -1
        kids[used, 0], kids[used, 1] = first, middle - first
        kids[used + 1, 0], kids[used + 1, 1] = middle, first + count - middle
        for child in range(2):
            stack[waiting, 0], stack[waiting, 1] = used + child, depth + 1
            waiting += 1
        used += 2
    return used


def build(low: np.ndarray, high: np.ndarray) -> Tree:
    """A tree over boxes given by their float32 (N, 3) corners; without boxes, an empty leaf."""
    count = len(low)
    if count == 0:
        bounds = np.zeros((1, 6), np.float32)
        return Tree(bounds, np.zeros((1, 2), np.int32), np.zeros(0, np.int32))
    bounds, kids = np.empty((2 * count, 6), np.float32), np.empty((2 * count, 2), np.int32)
    order = np.arange(count, dtype=np.int32)
    used = _build(
        np.ascontiguousarray(low, dtype=np.float32), np.ascontiguousarray(high, dtype=np.float32), bounds, kids, order
    )
    return Tree(bounds[:used].copy(), kids[:used].copy(), order)
