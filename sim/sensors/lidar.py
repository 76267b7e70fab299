"""Rotating LiDARs: which rays a tick shoots, and what comes back of them.

Model and parameters are those of CARLA 0.9.16 (RayCastSemanticLidar.cpp, RayCastLidar.cpp): every channel shoots
`points_per_second * dt / channels` rays, spread evenly over the angle that the head turns in dt; all rays of a tick see
the same instant. The random sequence is this server's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit

from sim.geometry import Pose, product, rotation_matrix
from sim.render.rays import Hits
from sim.sensors.errors import require

Cast = Callable[[np.ndarray, np.ndarray, "float | np.ndarray"], Hits]
"""Origin (3,), directions (N, 3) and farthest distance, in the world, to what the rays meet first."""

MAX_CHANNELS = 4096
MAX_RAYS = 1 << 21

SEMANTIC_POINT = np.dtype(
    [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("cos_incidence", "<f4"), ("actor", "<u4"), ("tag", "<u4")]
)


@dataclass(frozen=True)
class Sweep:
    """The scan pattern: channels from `upper_fov` down to `lower_fov` (degrees), turning at `rotation_hz` within
    `horizontal_fov` (degrees) around the sensor's x axis. Raises ImpossibleSensor."""

    channels: int
    range_m: float
    points_per_second: float
    rotation_hz: float
    upper_fov: float
    lower_fov: float
    horizontal_fov: float

    def __post_init__(self) -> None:
        require(
            1 <= self.channels <= MAX_CHANNELS, f"lidar: channels={self.channels} is not within 1 to {MAX_CHANNELS}"
        )
        require(0.0 < self.range_m < math.inf, f"lidar: range={self.range_m} is not a positive distance")
        require(
            0.0 <= self.points_per_second <= 1e8, f"lidar: points_per_second={self.points_per_second} is out of range"
        )
        require(0.0 <= self.rotation_hz < math.inf, f"lidar: rotation_frequency={self.rotation_hz} is negative")
        require(
            0.0 < self.horizontal_fov <= 360.0, f"lidar: horizontal_fov={self.horizontal_fov} is not within 0 to 360"
        )
        for name, value in (("upper_fov", self.upper_fov), ("lower_fov", self.lower_fov)):
            require(-90.0 <= value <= 90.0, f"lidar: {name}={value} is not within -90 to 90")


@dataclass(frozen=True)
class Losses:
    """What a return loses on its way. Raises ImpossibleSensor.

    attenuation        intensity is exp(-attenuation * distance)
    general_rate       share of rays that are not shot
    intensity_limit    returns brighter than this are never lost to darkness
    zero_intensity     share of returns of intensity zero that are lost; linear up to the limit
    noise_stddev       along the ray, m
    """

    attenuation: float
    general_rate: float
    intensity_limit: float
    zero_intensity: float
    noise_stddev: float

    def __post_init__(self) -> None:
        require(self.noise_stddev >= 0.0, f"lidar: noise_stddev={self.noise_stddev} is negative")
        require(math.isfinite(self.attenuation), "lidar: atmosphere_attenuation_rate is not a finite number")


@dataclass(frozen=True)
class Scan:
    """One tick's measurement.

    angle   where the head ended, radians from the start of its field
    counts  uint32 (channels,), points of each channel
    points  channel by channel: float32 (N, 4) x, y, z, intensity in the sensor's frame, or SEMANTIC_POINT (N,)
    """

    angle: float
    counts: np.ndarray
    points: np.ndarray

    def body(self) -> list[bytes]:
        """The measurement as CARLA's stream carries it: angle, channels, counts, points."""
        head = np.float32(self.angle).tobytes() + np.uint32(len(self.counts)).tobytes()
        return [head, self.counts.astype("<u4").tobytes(), self.points.tobytes()]


class Head:
    """The turning head of a LiDAR; its angle goes on from tick to tick."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.angle = 0.0  # degrees
        step = (sweep.upper_fov - sweep.lower_fov) / max(sweep.channels - 1, 1)
        pitch = [math.radians(sweep.upper_fov - step * channel) for channel in range(sweep.channels)]
        self._flat = np.array([math.cos(angle) for angle in pitch])
        self._rise = np.array([math.sin(angle) for angle in pitch])

    def turn(self, delta_s: float) -> np.ndarray:
        """Unit directions (channels, rays, 3) in the sensor's frame of a tick's rays; the head has turned after it."""
        sweep = self.sweep
        # Half away from zero, as CARLA rounds.
        rays = math.floor(sweep.points_per_second * delta_s / sweep.channels + 0.5)
        rays = min(rays, MAX_RAYS // sweep.channels)
        turned = sweep.rotation_hz * sweep.horizontal_fov * delta_s
        out = np.empty((sweep.channels, rays, 3))
        half = sweep.horizontal_fov / 2.0
        yaw = [
            math.radians(math.fmod(self.angle + turned * ray / rays, sweep.horizontal_fov) - half)
            for ray in range(rays)
        ]
        out[:, :, 0] = self._flat[:, None] * np.array([math.cos(angle) for angle in yaw])
        out[:, :, 1] = self._flat[:, None] * np.array([math.sin(angle) for angle in yaw])
        out[:, :, 2] = self._rise[:, None]
        if rays > 0:
            self.angle = math.fmod(self.angle + turned, sweep.horizontal_fov)
        return out


@njit(cache=True, nogil=True, error_model="numpy")
def _returns(directions, distances, shot, attenuation, limit, alpha, beta, noise, uniform, counts, points):  # type: ignore[no-untyped-def]
    """Write the returns of the rays that were shot, channel by channel; returns how many there are.

    `shot` (channels, rays) bool; `distances`, `noise` (m) and `uniform` belong to the shot rays in order.
    """
    ray, total = 0, 0
    for channel in range(directions.shape[0]):
        kept = 0
        for k in range(directions.shape[1]):
            if not shot[channel, k]:
                continue
            distance = distances[ray]
            if distance < math.inf:
                intensity = math.exp(-attenuation * distance)
                if intensity > limit or uniform[ray] < alpha * intensity + beta:
                    seen = distance + noise[ray]
                    points[total, 0] = directions[channel, k, 0] * seen
                    points[total, 1] = directions[channel, k, 1] * seen
                    points[total, 2] = directions[channel, k, 2] * seen
                    points[total, 3] = intensity
                    total += 1
                    kept += 1
            ray += 1
        counts[channel] = kept
    return total


class Lidar:
    """`sensor.lidar.ray_cast`: points with intensity, of which some are lost."""

    def __init__(self, sweep: Sweep, losses: Losses, random: np.random.Generator) -> None:
        self._head = Head(sweep)
        self._losses = losses
        self._random = random

    def scan(self, pose: Pose, delta_s: float, cast: Cast) -> Scan:
        """The returns of one tick at a pose in the world."""
        directions, losses = self._head.turn(delta_s), self._losses
        channels, rays = directions.shape[:2]
        shot = np.ones((channels, rays), bool)
        if losses.general_rate > 0.0:
            shot = self._random.random((channels, rays)) >= losses.general_rate
        axes, origin = rotation_matrix(pose.pitch, pose.yaw, pose.roll), np.array(pose[:3])
        hits = cast(origin, product(directions[shot], axes.T), self._head.sweep.range_m)
        number = len(hits.distance)
        noise = np.zeros(number)
        if losses.noise_stddev > 0.0:
            noise = self._random.normal(0.0, losses.noise_stddev, number)
        limit = losses.intensity_limit
        alpha = losses.zero_intensity / limit if limit > 0.0 else 0.0
        counts, points = np.zeros(channels, np.uint32), np.empty((number, 4), np.float32)
        total = _returns(
            directions,
            hits.distance,
            shot,
            losses.attenuation,
            limit,
            alpha,
            1.0 - losses.zero_intensity,
            noise,
            self._random.random(number),
            counts,
            points,
        )
        return Scan(math.radians(self._head.angle), counts, points[:total])


class SemanticLidar:
    """`sensor.lidar.ray_cast_semantic`: points with the angle of incidence, the actor and the tag that was hit."""

    def __init__(self, sweep: Sweep) -> None:
        self._head = Head(sweep)

    def scan(self, pose: Pose, delta_s: float, cast: Cast) -> Scan:
        """All returns of one tick at a pose in the world."""
        directions = self._head.turn(delta_s)
        channels, rays = directions.shape[:2]
        local = directions.reshape(-1, 3)
        axes, origin = rotation_matrix(pose.pitch, pose.yaw, pose.roll), np.array(pose[:3])
        world = product(local, axes.T)
        hits = cast(origin, world, self._head.sweep.range_m)
        met = hits.triangle >= 0
        spots = local[met] * hits.distance[met, None]
        points = np.empty(len(spots), SEMANTIC_POINT)
        points["x"], points["y"], points["z"] = spots[:, 0], spots[:, 1], spots[:, 2]
        points["cos_incidence"] = -(world[met] * hits.normal[met]).sum(axis=1)
        points["actor"], points["tag"] = hits.actor[met], hits.tag[met]
        counts = met.reshape(channels, rays).sum(axis=1).astype(np.uint32)
        return Scan(math.radians(self._head.angle), counts, points)
