"""The scene from above, the ego's heading up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from sim.tasks.recording import RecordedFrame

GROUND, ROAD = (38, 50, 42), (74, 78, 86)
EDGE, MIDDLE, DIVIDER = (226, 230, 236), (214, 170, 60), (170, 176, 186)
EGO, PERSON, VEHICLE = (64, 156, 255), (255, 176, 32), (232, 84, 84)
OUTLINE = (20, 22, 26)
# The ego stands this far down the picture: what matters lies ahead.
EGO_DOWN = 0.84
PERSON_RADIUS_M = 0.55
SHIFT = 5


def draw_birdseye(
    frame: RecordedFrame,
    polylines: Sequence[dict[str, Any]],
    width: int = 300,
    height: int = 240,
    metres: float = 46.0,
) -> np.ndarray:
    """RGB uint8 (height, width, 3), anti-aliased, `metres` from the lower to the upper edge.

    `polylines` from `EmergencyManeuver.map_polylines()`, ordered across the road. The ego is blue, persons amber discs,
    vehicles red.
    """
    view = _View(frame.ego, width, height, metres)
    image = np.full((height, width, 3), GROUND, np.uint8)
    lines = [view.pixels(line["points"]) for line in polylines]
    if len(lines) >= 2:
        _fill(image, np.concatenate([lines[0], lines[-1][::-1]]), ROAD)
    for number, (line, pixels) in enumerate(zip(polylines, lines, strict=True)):
        if line["kind"] == "edge":
            # An edge with road on both of its sides parts the directions.
            _line(image, pixels, MIDDLE if 0 < number < len(lines) - 1 else EDGE, 2)
        else:
            # Every other piece of the polyline is a dash.
            for start in range(0, len(pixels) - 1, 2):
                _line(image, pixels[start : start + 2], DIVIDER, 1)
    # Below the others, so that whom it hits stays in sight.
    _box(image, view, frame.ego, EGO)
    _windscreen(image, view, frame.ego)
    for actor in frame.actors:
        if actor["type"] == "person":
            centre = view.pixels([[actor["x"], actor["y"]]])[0]
            _disc(image, centre, view.scale * PERSON_RADIUS_M, PERSON)
        else:
            _box(image, view, actor, VEHICLE)
    return image


class _View:
    """From the map frame (x forward, y to the right of it, metres) to pixels with the ego's heading up."""

    def __init__(self, ego: dict[str, Any], width: int, height: int, metres: float) -> None:
        yaw = math.radians(ego["yaw"])
        self.origin = np.array([ego["x"], ego["y"]])
        self.scale = height / metres
        # Columns: to the ego's right, and to its back, as pixel rows run downwards.
        self.axes = np.array([[-math.sin(yaw), -math.cos(yaw)], [math.cos(yaw), -math.sin(yaw)]])
        self.centre = np.array([0.5 * width, EGO_DOWN * height])

    def pixels(self, points: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
        """(n, 2) map points as (n, 2) pixel columns and rows, float."""
        return (np.asarray(points, np.float64) - self.origin) @ self.axes * self.scale + self.centre


def _corners(box: dict[str, Any], ahead: Sequence[float], aside: Sequence[float]) -> np.ndarray:
    """Map points at shares of the half length and half width."""
    yaw = math.radians(box["yaw"])
    forward, right = np.array([math.cos(yaw), math.sin(yaw)]), np.array([-math.sin(yaw), math.cos(yaw)])
    length, width = box["extent"]
    points = [length * a * forward + width * s * right for a, s in zip(ahead, aside, strict=True)]
    return np.array([box["x"], box["y"]]) + np.array(points)


def _box(image: np.ndarray, view: _View, box: dict[str, Any], color: tuple[int, int, int]) -> None:
    pixels = view.pixels(_corners(box, (1, 1, -1, -1), (-1, 1, 1, -1)))
    _fill(image, pixels, color)
    _line(image, np.concatenate([pixels, pixels[:1]]), OUTLINE, 1)


def _windscreen(image: np.ndarray, view: _View, ego: dict[str, Any]) -> None:
    """Shows which end of the ego is its front."""
    _fill(image, view.pixels(_corners(ego, (0.45, 0.45, 0.1, 0.1), (-0.7, 0.7, 0.8, -0.8))), OUTLINE)


def _fixed(pixels: np.ndarray) -> np.ndarray:
    return np.round(pixels * (1 << SHIFT)).astype(np.int32)


def _fill(image: np.ndarray, pixels: np.ndarray, color: tuple[int, int, int]) -> None:
    cv2.fillPoly(image, [_fixed(pixels)], color, cv2.LINE_AA, SHIFT)


def _line(image: np.ndarray, pixels: np.ndarray, color: tuple[int, int, int], thickness: int) -> None:
    cv2.polylines(image, [_fixed(pixels)], False, color, thickness, cv2.LINE_AA, SHIFT)


def _disc(image: np.ndarray, centre: np.ndarray, radius: float, color: tuple[int, int, int]) -> None:
    column, row = (int(value) for value in _fixed(centre))
    size = max(3.0, radius)
    cv2.circle(image, (column, row), int(size * (1 << SHIFT)), color, -1, cv2.LINE_AA, SHIFT)
    cv2.circle(image, (column, row), int(size * (1 << SHIFT)), OUTLINE, 1, cv2.LINE_AA, SHIFT)
