"""An inertial measurement unit: acceleration with gravity, turn rates and compass, with CARLA's noise parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.geometry import Pose, product, rotation_matrix

GRAVITY = 9.81
"""m/s^2, as CARLA's IMU adds it."""


@dataclass(frozen=True)
class InertialNoise:
    """Standard deviations (m/s^2, rad/s) and the gyroscope's bias (rad/s), per axis of the sensor."""

    accelerometer: tuple[float, float, float]
    gyroscope: tuple[float, float, float]
    gyroscope_bias: tuple[float, float, float]


def acceleration_from_positions(
    positions: Sequence[Sequence[float]], steps: Sequence[float]
) -> tuple[float, float, float]:
    """Second derivative of the parabola through three positions, newest first, that lie `steps` seconds apart.

    CARLA's InertialMeasurementUnit.cpp computes the same.
    """
    newest, middle, oldest = positions
    h1, h2 = steps
    x, y, z = (2.0 * ((a - b) / h1 - (b - c) / h2) / (h1 + h2) for a, b, c in zip(newest, middle, oldest, strict=True))
    return x, y, z


def acceleration_of_body(
    acceleration: np.ndarray, turn_rate: np.ndarray, offset: np.ndarray
) -> tuple[float, float, float]:
    """Acceleration of a point that a body carries at `offset` (m, world) while it turns at `turn_rate` (rad/s, world).

    The part of a changing turn rate is left out: this stands in until three positions are known.
    """
    x, y, z = (acceleration + np.cross(turn_rate, np.cross(turn_rate, offset))).tolist()
    return x, y, z


def compass(yaw: float) -> float:
    """Radians from north (-y) clockwise, in 0 to 2 pi, of a heading in degrees."""
    return (math.radians(yaw) + math.pi / 2.0) % (2.0 * math.pi)


class Inertial:
    """`sensor.other.imu`."""

    def __init__(self, noise: InertialNoise, random: np.random.Generator) -> None:
        self._noise = noise
        self._random = random

    def measure(
        self, pose: Pose, acceleration: Sequence[float], turn_rate: Sequence[float], gravity: float = GRAVITY
    ) -> tuple[list[float], list[float], float]:
        """Accelerometer (m/s^2) and gyroscope (rad/s) in the sensor's frame, compass (rad).

        `acceleration` (without gravity) and `turn_rate` (rad/s) are the sensor's own, in the world;
        `gravity` (m/s^2) is what the accelerometer feels at rest.
        """
        axes = rotation_matrix(pose.pitch, pose.yaw, pose.roll)
        felt, rate = product(np.array([np.add(acceleration, (0.0, 0.0, gravity)), turn_rate]), axes)
        felt = felt + self._random.normal(size=3) * self._noise.accelerometer
        rate = rate + self._noise.gyroscope_bias + self._random.normal(size=3) * self._noise.gyroscope
        return felt.tolist(), rate.tolist(), compass(pose.yaw)
