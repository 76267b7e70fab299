"""Cuts segments where they meet, so that they touch in end points only. Coordinates are whole numbers.

Snap rounding (Hobby, "Practical segment intersection with finite precision output", 1999) by iteration: crossings are
rounded to whole coordinates, a segment that passes within `NEAR` of a point is led through it, until nothing changes.
"""

from __future__ import annotations

import numpy as np
from numba import njit

NEAR = 0.75
MAX_ROUNDS = 12


def arrange(points: np.ndarray, segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points int64 (P, 2) and segments int64 (S, 2) between them, cut; both sorted and unique.

    After `MAX_ROUNDS` a few crossings may be left where very many segments meet in a very small place.
    """
    points, segments = _unique(points, segments)
    for _ in range(MAX_ROUNDS):
        # Sweeping in order of the left end keeps pairs that are far apart from being looked at.
        crossings = _crossings(points, _by_left_end(points, segments))
        if len(crossings):
            points, segments = _unique(np.concatenate([points, crossings]), segments)
        pieces = _pieces(points, segments)
        if len(crossings) == 0 and len(pieces) == len(segments):
            return points, segments
        points, segments = _unique(points, pieces)
    return points, segments


def _unique(points: np.ndarray, segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ordered, place = np.unique(points, axis=0, return_inverse=True)
    ends = np.sort(place.reshape(-1)[segments], axis=1)
    return ordered, np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0).reshape(-1, 2)


def _by_left_end(points: np.ndarray, segments: np.ndarray) -> np.ndarray:
    left = points[segments, 0].min(axis=1) if len(segments) else np.zeros(0)
    return np.ascontiguousarray(segments[np.argsort(left, kind="stable")])


@njit(cache=True, nogil=True)
def _turn(ax: int, ay: int, bx: int, by: int, cx: int, cy: int) -> int:
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)


@njit(cache=True, nogil=True)
def _crossings(points: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Rounded points int64 (K, 2) where the insides of two segments cross; segments sorted by their left end."""
    found = np.empty((64, 2), np.int64)
    count = 0
    for i in range(len(segments)):
        ax, ay = points[segments[i, 0], 0], points[segments[i, 0], 1]
        bx, by = points[segments[i, 1], 0], points[segments[i, 1], 1]
        right, low, high = max(ax, bx), min(ay, by), max(ay, by)
        for j in range(i + 1, len(segments)):
            cx, cy = points[segments[j, 0], 0], points[segments[j, 0], 1]
            dx, dy = points[segments[j, 1], 0], points[segments[j, 1], 1]
            if min(cx, dx) > right:
                break
            if min(cy, dy) > high or max(cy, dy) < low:
                continue
            first, second = _turn(ax, ay, bx, by, cx, cy), _turn(ax, ay, bx, by, dx, dy)
            if first == 0 or second == 0 or (first > 0) == (second > 0):
                continue
            third, fourth = _turn(cx, cy, dx, dy, ax, ay), _turn(cx, cy, dx, dy, bx, by)
            if third == 0 or fourth == 0 or (third > 0) == (fourth > 0):
                continue
            share = third / (third - fourth)
            if count == len(found):
                larger = np.empty((2 * count, 2), np.int64)
                larger[:count] = found
                found = larger
            found[count, 0] = round(ax + share * (bx - ax))
            found[count, 1] = round(ay + share * (by - ay))
            count += 1
    return found[:count]


@njit(cache=True, nogil=True)
def _pieces(points: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Segments int64 (K, 2) cut at every one of the points (sorted by x) that they pass nearer than NEAR."""
    out = np.empty((2 * len(segments) + 64, 2), np.int64)
    count = 0
    across = points[:, 0].copy()
    shares = np.empty(len(points))
    inside = np.empty(len(points), np.int64)
    for i in range(len(segments)):
        a, b = segments[i, 0], segments[i, 1]
        ax, ay, bx, by = points[a, 0], points[a, 1], points[b, 0], points[b, 1]
        dx, dy = bx - ax, by - ay
        length = (dx * dx + dy * dy) ** 0.5
        low, high = min(ay, by) - 1, max(ay, by) + 1
        held = 0
        for k in range(
            np.searchsorted(across, min(ax, bx) - 1), np.searchsorted(across, max(ax, bx) + 1, side="right")
        ):
            y = points[k, 1]
            if y < low or y > high or k in (a, b):
                continue
            px, py = points[k, 0] - ax, y - ay
            along = (px * dx + py * dy) / (length * length)
            if 0.0 < along < 1.0 and abs(px * dy - py * dx) < NEAR * length:
                shares[held], inside[held] = along, k
                held += 1
        if count + held + 1 > len(out):
            larger = np.empty((2 * len(out) + held + 1, 2), np.int64)
            larger[:count] = out[:count]
            out = larger
        start, last = a, -1.0
        for place in np.argsort(shares[:held]):
            # Of two points beside the same place the way leads through one, or it would run back and forth.
            if shares[place] - last < 1e-9:
                continue
            last = shares[place]
            out[count, 0], out[count, 1] = start, inside[place]
            start = inside[place]
            count += 1
        out[count, 0], out[count, 1] = start, b
        count += 1
    return out[:count]
