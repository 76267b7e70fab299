"""Short ways to put a sensor into the world and to read what it sends."""

from __future__ import annotations

import queue
from typing import Any

import carla
import numpy as np

SEMANTIC_POINT = np.dtype([("x", "f4"), ("y", "f4"), ("z", "f4"), ("cos", "f4"), ("actor", "u4"), ("tag", "u4")])
DVS_EVENT = np.dtype([("x", "u2"), ("y", "u2"), ("t", "i8"), ("pol", "?")])


class Probe:
    """A listening sensor and its data in order of arrival."""

    def __init__(self, actor: carla.Sensor) -> None:
        self.actor = actor
        self.data: queue.Queue[Any] = queue.Queue()
        actor.listen(self.data.put)

    def next(self) -> Any:
        return self.data.get(timeout=5.0)

    def of_frame(self, frame: int) -> Any:
        while True:
            data = self.next()
            if data.frame == frame:
                return data

    def stop(self) -> None:
        self.actor.stop()


def attach(
    world: carla.World,
    kind: str,
    parent: carla.Actor | None = None,
    at: tuple[float, ...] | carla.Transform = (0.0, 0.0, 0.0),
    **attributes: object,
) -> Probe:
    """Spawn a sensor at a transform, or at x, y, z and perhaps pitch, yaw, roll, and listen to it."""
    blueprint = world.get_blueprint_library().find(f"sensor.{kind}")
    for name, value in attributes.items():
        blueprint.set_attribute(name, str(value))
    if not isinstance(at, carla.Transform):
        at = carla.Transform(carla.Location(*at[:3]), carla.Rotation(*at[3:]))
    return Probe(world.spawn_actor(blueprint, at, attach_to=parent))


def content(data: carla.SensorData) -> bytes:
    """What a sensor measured, to be compared bit by bit."""
    if isinstance(data, carla.IMUMeasurement):
        felt, rate = data.accelerometer, data.gyroscope
        return np.array([felt.x, felt.y, felt.z, rate.x, rate.y, rate.z, data.compass]).tobytes()
    if isinstance(data, carla.GnssMeasurement):
        return np.array([data.latitude, data.longitude, data.altitude]).tobytes()
    if isinstance(data, carla.ObstacleDetectionEvent):
        return repr((data.other_actor.type_id, data.distance)).encode()
    return bytes(data.raw_data)


def points(measurement: carla.LidarMeasurement) -> np.ndarray:
    """float32 (N, 4) x, y, z, intensity."""
    return np.frombuffer(measurement.raw_data, np.float32).reshape(-1, 4)


def semantic_points(measurement: carla.SemanticLidarMeasurement) -> np.ndarray:
    return np.frombuffer(measurement.raw_data, SEMANTIC_POINT)


def xyz(measurement: carla.SemanticLidarMeasurement) -> np.ndarray:
    data = semantic_points(measurement)
    return np.stack([data["x"], data["y"], data["z"]], axis=1).astype(float)


def pixels(image: carla.Image) -> np.ndarray:
    """uint8 (H, W, 4) BGRA."""
    return np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4)


def metres(image: carla.Image) -> np.ndarray:
    """Depth (H, W) of a depth image."""
    code = pixels(image).astype(np.float64)
    return (code[..., 2] + 256.0 * code[..., 1] + 65536.0 * code[..., 0]) / (2**24 - 1) * 1000.0


def flow(image: carla.OpticalFlowImage) -> np.ndarray:
    """Motion (H, W, 2) in pixels, x right and y down."""
    raw = np.frombuffer(image.raw_data, np.float32).reshape(image.height, image.width, 2)
    return raw * (0.5 * image.width, -0.5 * image.height)


def matrix(transform: carla.Transform) -> np.ndarray:
    return np.array(transform.get_matrix())
