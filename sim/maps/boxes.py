"""Collision boxes of what stands in a town and never moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.labels import Label


@dataclass(frozen=True)
class StaticBoxes:
    """Upright boxes in CARLA's frame.

    center  float64 (N, 3) m       extent  float64 (N, 3) half sizes, m
    yaw     float64 (N,) degrees   tag     uint8 (N,) semantic tag
    """

    center: np.ndarray
    extent: np.ndarray
    yaw: np.ndarray
    tag: np.ndarray

    def __len__(self) -> int:
        return len(self.yaw)


class BoxList:
    """Collects collision boxes given by the foot, full size and yaw of what they cover."""

    def __init__(self) -> None:
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, foot: np.ndarray, size: np.ndarray, yaw: np.ndarray, tag: Label) -> None:
        """Boxes from the middle of their floor (N, 3) and full size (N, 3) in m, yaw (N,) in degrees."""
        center = foot + np.array([0.0, 0.0, 0.5]) * size
        self._parts.append((center, 0.5 * size, np.asarray(yaw, float), np.full(len(foot), tag, np.uint8)))

    def build(self) -> StaticBoxes:
        empty = (np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.uint8))
        center, extent, yaw, tag = (np.concatenate(column) for column in zip(empty, *self._parts))
        return StaticBoxes(center, extent, (yaw + 180.0) % 360.0 - 180.0, tag)
