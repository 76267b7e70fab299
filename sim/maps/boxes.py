"""Collision boxes of what stands in a town and never moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
