"""Lines and text drawn over a finished frame: what clients sketch into the world to see what they think.

A stroke is a band around a segment of the world that always faces the camera. It hides behind whatever is nearer than
it, which the frame's depth tells; strokes do not hide each other by depth, later ones are drawn over earlier ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit

from sim.geometry import Pose, product, rotation_matrix

NEAR_M = 0.1
# A line drawn exactly on the ground must win against the ground.
DEPTH_TOLERANCE, DEPTH_TOLERANCE_M = 0.002, 0.03
TEXT_HEIGHT_PX = 14
# Strokes that cover the frame this many times over are enough: the rest is left out, and a frame takes bounded time.
MAX_COVER = 100


@dataclass(frozen=True)
class Strokes:
    """N segments of the world (m).

    begin, end  float64 (N, 3); a stroke whose ends are one point is a square
    width       float64 (N,): in metres, or in pixels where `pixels` (bool, N) says so
    color       uint8 (N, 3) RGB
    """

    begin: np.ndarray
    end: np.ndarray
    width: np.ndarray
    pixels: np.ndarray
    color: np.ndarray

    def __len__(self) -> int:
        return len(self.width)


@dataclass(frozen=True)
class Label:
    """Text whose top left corner appears where a point of the world does."""

    at: tuple[float, float, float]
    text: str
    color: tuple[int, int, int]
    shadow: bool = False


@njit(cache=True, nogil=True)
def _pixel(value, count):  # type: ignore[no-untyped-def]
    """Floor of a coordinate, held to 0..count first: as an integer a huge one would wrap around. NaN becomes 0."""
    if not value > 0.0:
        return 0
    return count if value >= count else math.floor(value)


@njit(cache=True, nogil=True)
def _band(bgra, depth, tested, ua, va, ia, ra, ub, vb, ib, rb, blue, green, red):  # type: ignore[no-untyped-def]
    """A band from (ua, va) to (ub, vb) px with inverse depths ia, ib (1/m) and half widths ra, rb (px).

    Inverse depth and half width are linear in image coordinates; edges are smoothed over one pixel. Returns how many
    pixels were looked at.
    """
    looked = 0
    height, width = bgra.shape[0], bgra.shape[1]
    du, dv = ub - ua, vb - va
    length = math.hypot(du, dv)
    if length > 1e-9:
        du, dv = du / length, dv / length
    else:
        du, dv, length = 1.0, 0.0, 0.0
    radius = max(ra, rb) + 0.5
    first = _pixel(min(va, vb) - radius - 0.5, height)
    beyond = min(height, _pixel(max(va, vb) + radius + 1.0, height) + 1)
    for row in range(first, beyond):
        y = row + 0.5 - va
        low, high = -ua, width - ua
        # |x dv - y du| <= radius, and -radius <= x du + y dv <= length + radius
        if abs(dv) > 1e-9:
            p, q = (y * du - radius) / dv, (y * du + radius) / dv
            low, high = max(low, min(p, q)), min(high, max(p, q))
        elif abs(y * du) > radius:
            continue
        if abs(du) > 1e-9:
            p, q = (-radius - y * dv) / du, (length + radius - y * dv) / du
            low, high = max(low, min(p, q)), min(high, max(p, q))
        elif not -radius <= y * dv <= length + radius:
            continue
        start, stop = _pixel(low + ua, width), min(width, _pixel(high + ua + 1.0, width) + 1)
        looked += max(0, stop - start)
        for column in range(start, stop):
            x = column + 0.5 - ua
            along = x * du + y * dv
            share = min(1.0, max(0.0, along / length)) if length > 0.0 else 0.0
            half = ra + share * (rb - ra)
            cover = half + 0.5 - abs(x * dv - y * du)
            if length > 0.0:
                cover = min(cover, half + 0.5 + along, half + 0.5 + length - along)
            else:
                cover = min(cover, half + 0.5 - abs(along))
            if cover <= 0.0:
                continue
            if tested:
                inverse = ia + share * (ib - ia)
                behind = depth[row, column]
                if behind < 1000.0 and inverse * (behind * (1.0 + DEPTH_TOLERANCE) + DEPTH_TOLERANCE_M) < 1.0:
                    continue
            cover = min(1.0, cover)
            was_blue, was_green, was_red = bgra[row, column, 0], bgra[row, column, 1], bgra[row, column, 2]
            bgra[row, column, 0] = int(was_blue + cover * (blue - was_blue) + 0.5)
            bgra[row, column, 1] = int(was_green + cover * (green - was_green) + 0.5)
            bgra[row, column, 2] = int(was_red + cover * (red - was_red) + 0.5)
    return looked


@njit(cache=True, nogil=True)
def _sketch(bgra, depth, tested, focal, begin, end, widths, pixels, colors):  # type: ignore[no-untyped-def]
    """Strokes in camera coordinates (x forward, y right, z up)."""
    budget = MAX_COVER * bgra.shape[0] * bgra.shape[1]
    cu, cv = bgra.shape[1] / 2.0, bgra.shape[0] / 2.0
    for i in range(len(widths)):
        ax, ay, az = begin[i, 0], begin[i, 1], begin[i, 2]
        bx, by, bz = end[i, 0], end[i, 1], end[i, 2]
        if ax < NEAR_M and bx < NEAR_M:
            continue
        if ax < NEAR_M:
            t = (NEAR_M - ax) / (bx - ax)
            ax, ay, az = NEAR_M, ay + t * (by - ay), az + t * (bz - az)
        elif bx < NEAR_M:
            t = (NEAR_M - bx) / (ax - bx)
            bx, by, bz = NEAR_M, by + t * (ay - by), bz + t * (az - bz)
        scale_a = 1.0 if pixels[i] else focal / ax
        scale_b = 1.0 if pixels[i] else focal / bx
        # A line never gets thinner than a pixel.
        ra, rb = max(0.5, 0.5 * widths[i] * scale_a), max(0.5, 0.5 * widths[i] * scale_b)
        budget -= _band(
            bgra, depth, tested, cu + focal * ay / ax, cv - focal * az / ax, 1.0 / ax, ra,
            cu + focal * by / bx, cv - focal * bz / bx, 1.0 / bx, rb, colors[i, 2], colors[i, 1], colors[i, 0],
        )  # fmt: skip
        if budget < 0:
            break


def draw(bgra: np.ndarray, depth: np.ndarray | None, pose: Pose, fov: float, strokes: Strokes) -> None:
    """Draw strokes into a frame (H, W, 4) of a camera at `pose` with horizontal `fov` (degrees).

    `depth` (H, W) is the frame's, in metres along the camera's axis; None draws over everything.
    """
    if not len(strokes):
        return
    width = bgra.shape[1]
    focal = width / (2.0 * math.tan(math.radians(fov) / 2.0))
    axes = rotation_matrix(pose.pitch, pose.yaw, pose.roll)
    place = np.array(pose[:3])
    tested = depth is not None
    seen = depth if depth is not None else np.zeros((1, 1), np.float32)
    begin, end = (np.ascontiguousarray(product(points - place, axes)) for points in (strokes.begin, strokes.end))
    _sketch(bgra, seen, tested, focal, begin, end, strokes.width, strokes.pixels, strokes.color.astype(np.float64))


def write(bgra: np.ndarray, pose: Pose, fov: float, labels: list[Label]) -> None:
    """Write labels into a frame, over everything; those whose place lies outside of the frame are left out."""
    height, width = bgra.shape[:2]
    focal = width / (2.0 * math.tan(math.radians(fov) / 2.0))
    axes = rotation_matrix(pose.pitch, pose.yaw, pose.roll)
    for label in labels:
        x, y, z = product(np.array(label.at) - np.array(pose[:3]), axes)
        if x < NEAR_M:
            continue
        u, v = width / 2.0 + focal * y / x, height / 2.0 - focal * z / x
        if not (0.0 <= u < width and 0.0 <= v < height):
            continue
        if label.shadow:
            _stamp(bgra, label.text, int(u) + 1, int(v) + 1, (0, 0, 0))
        _stamp(bgra, label.text, int(u), int(v), label.color)


def _stamp(bgra: np.ndarray, text: str, left: int, top: int, color: tuple[int, int, int]) -> None:
    mask = _mask(text)
    mask = mask[: bgra.shape[0] - top, : bgra.shape[1] - left]
    window = bgra[top : top + mask.shape[0], left : left + mask.shape[1], :3]
    window[:] = np.rint(window + mask[..., None] * (np.array(color[::-1], np.float32) - window)).astype(np.uint8)


@lru_cache(maxsize=256)
def _mask(text: str) -> np.ndarray:
    """Coverage 0..1 (H, W) of a text in Pillow's built-in font."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(TEXT_HEIGHT_PX)
    _, _, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox((0, 0), text, font)
    image = Image.new("L", (max(1, math.ceil(right)), max(1, math.ceil(bottom))))
    ImageDraw.Draw(image).multiline_text((0, 0), text, 255, font)
    return np.asarray(image, np.float32) / 255.0


def warm_up() -> None:
    """Compile the kernel, or load it from Numba's cache."""
    one = np.array([[1.0, 0.0, 0.0]])
    strokes = Strokes(one, one, np.ones(1), np.zeros(1, np.bool_), np.zeros((1, 3), np.uint8))
    draw(np.zeros((2, 2, 4), np.uint8), np.ones((2, 2), np.float32), Pose(0.0, 0.0, 0.0), 90.0, strokes)
