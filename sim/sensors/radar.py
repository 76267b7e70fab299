"""A radar: random rays within a cone, each with the speed at which what it meets goes away.

Source: CARLA's Radar.cpp. A ray's end lies in the ellipse of the two fields of view at `range`, its radius and angle
uniform; velocity is that of the target minus the radar's own, along the ray: an approaching target has a negative one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit

from sim.geometry import Pose, product, rotation_matrix
from sim.sensors.errors import require
from sim.sensors.lidar import MAX_RAYS, Cast


@dataclass(frozen=True)
class Beam:
    """Fields of view in degrees. Raises ImpossibleSensor."""

    horizontal_fov: float
    vertical_fov: float
    range_m: float
    points_per_second: float

    def __post_init__(self) -> None:
        for name, value in (("horizontal_fov", self.horizontal_fov), ("vertical_fov", self.vertical_fov)):
            require(0.0 <= value < 180.0, f"radar: {name}={value} is not within 0 to 180")
        require(0.0 < self.range_m < math.inf, f"radar: range={self.range_m} is not a positive distance")
        require(
            0.0 <= self.points_per_second <= 1e8, f"radar: points_per_second={self.points_per_second} is out of range"
        )


@njit(cache=True, nogil=True, error_model="numpy")
def _rays(uniform, wide, high, reach, ways, angles):  # type: ignore[no-untyped-def]
    """Rays of length up to the ellipse (wide, high) at `reach`, with their azimuth and altitude (rad)."""
    for k in range(len(uniform)):
        radius, turn = uniform[k, 0], 2.0 * math.pi * uniform[k, 1]
        x, y, z = reach, wide * radius * math.cos(turn), high * radius * math.sin(turn)
        ways[k, 0], ways[k, 1], ways[k, 2] = x, y, z
        angles[k, 0] = math.atan2(y, x)
        angles[k, 1] = math.atan2(z, math.sqrt(x * x + y * y))


class Radar:
    """`sensor.other.radar`."""

    def __init__(self, beam: Beam, random: np.random.Generator) -> None:
        self._beam = beam
        self._random = random

    def detect(
        self,
        pose: Pose,
        velocity: np.ndarray,
        delta_s: float,
        cast: Cast,
        velocity_of: Callable[[int], tuple[float, float, float]],
    ) -> np.ndarray:
        """Detections float32 (N, 4): velocity (m/s), azimuth, altitude (rad), depth (m), in the order of the rays.

        `velocity` (3,) is the radar's own and `velocity_of` gives an actor's, both in the world.
        """
        beam = self._beam
        count = min(int(beam.points_per_second * delta_s), MAX_RAYS)
        ways, angles = np.empty((count, 3)), np.empty((count, 2))
        wide = math.tan(math.radians(beam.horizontal_fov) / 2.0) * beam.range_m
        high = math.tan(math.radians(beam.vertical_fov) / 2.0) * beam.range_m
        _rays(self._random.random((count, 2)), wide, high, beam.range_m, ways, angles)
        axes = rotation_matrix(pose.pitch, pose.yaw, pose.roll)
        lengths = np.sqrt((ways * ways).sum(axis=1))
        world = product(ways, axes.T) / lengths[:, None]
        hits = cast(np.array(pose[:3]), world, lengths)
        met = hits.triangle >= 0
        actors = hits.actor[met]
        targets = np.zeros((len(actors), 3))
        for actor in np.unique(actors).tolist():
            if actor:
                targets[actors == actor] = velocity_of(actor)
        out = np.empty((len(actors), 4), np.float32)
        out[:, 0] = ((targets - velocity) * world[met]).sum(axis=1)
        out[:, 1:3] = angles[met]
        out[:, 3] = hits.distance[met]
        return out
