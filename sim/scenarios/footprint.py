"""Footprints of boxes on the road: oriented rectangles, their overlap, and where they lie in a corridor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.scenarios.corridor import Corridor


@dataclass(frozen=True)
class Footprint:
    """An oriented rectangle. Map frame: centre x, y (m), yaw (degrees), half length and half width (m)."""

    x: float
    y: float
    yaw: float
    half_length: float
    half_width: float

    def corners(self) -> np.ndarray:
        """Map points (4, 2): front right, front left, rear left, rear right."""
        c, s = math.cos(math.radians(self.yaw)), math.sin(math.radians(self.yaw))
        along = np.array([c, s]) * self.half_length
        across = np.array([-s, c]) * self.half_width
        centre = np.array([self.x, self.y])
        return np.stack([centre + along + across, centre + along - across, centre - along - across,
                         centre - along + across])  # fmt: skip

    def overlaps(self, other: Footprint, margin: float = 0.0) -> bool:
        """Whether the rectangles come nearer than `margin` (m) along every separating axis."""
        mine, others = self.corners(), other.corners()
        for yaw in (self.yaw, self.yaw + 90.0, other.yaw, other.yaw + 90.0):
            axis = np.array([math.cos(math.radians(yaw)), math.sin(math.radians(yaw))])
            a, b = (np.sum(corners * axis, axis=1) for corners in (mine, others))
            if a.min() > b.max() + margin or b.min() > a.max() + margin:
                return False
        return True


@dataclass(frozen=True)
class Extent:
    """Range of a footprint in a corridor's frame (m)."""

    s_min: float
    s_max: float
    d_min: float
    d_max: float


def extent_in(corridor: Corridor, footprint: Footprint) -> Extent:
    """Bounds of a footprint's corners in `corridor`."""
    frenet = corridor.frenet(footprint.corners())
    low, high = frenet.min(axis=0), frenet.max(axis=0)
    return Extent(float(low[0]), float(high[0]), float(low[1]), float(high[1]))
