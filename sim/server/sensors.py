"""Sensors: what each sees of a tick, as the payload of a stream message."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sim.geometry import Pose, rotation_matrix
from sim.server import wire
from sim.server.actors import Actor
from sim.server.errors import CallError
from sim.server.scene import Scene
from sim.server.vehicle_physics import GRAVITY

COLLISION, DEPTH, GNSS, IMU, RGB, SEMANTIC, INSTANCE = 0, 1, 4, 5, 13, 14, 15
DEPTH_RANGE_M = 1000.0
MAX_SIDE_PX, MAX_PIXELS = 8192, 4096 * 4096
EARTH_RADIUS_M = 6378137.0


@dataclass(frozen=True)
class Contact:
    """Impulse (N s, world) on `actor` from `other`, summed over a tick; `other` None is the town itself."""

    actor: Actor
    other: Actor | None
    impulse: tuple[float, float, float]


@dataclass(frozen=True)
class Moment:
    """What a sensor may look at: one tick of the world."""

    frame: int
    elapsed_s: float
    actors: Mapping[int, Actor]
    contacts: list[Contact]
    motion: Mapping[int, tuple[float, ...]]
    scene: Scene
    stream_port: int


class Sensor(Protocol):
    """A streaming sensor. `sensor_tick` 0 means every tick."""

    actor: Actor
    sensor_tick: float

    def messages(self, moment: Moment) -> list[bytes]:
        """Stream messages that the sensor sends for this tick."""
        ...


class Schedule:
    """When a sensor is due: at its first listened-to tick, then every `sensor_tick` seconds without drift."""

    def __init__(self, sensor_tick: float) -> None:
        self._period = sensor_tick
        self._next: float | None = None

    def restart(self) -> None:
        """The next tick is the first again."""
        self._next = None

    def due(self, elapsed_s: float) -> bool:
        """Whether to emit now; call once per tick while someone listens."""
        if self._period <= 0.0:
            return True
        # Sums of 0.05 fall short of multiples of the period by rounding: a millisecond of tolerance.
        if self._next is not None and elapsed_s < self._next - 1e-3:
            return False
        self._next = elapsed_s + self._period if self._next is None else self._next + self._period
        if self._next <= elapsed_s:
            self._next = elapsed_s + self._period
        return True


class Camera:
    """RGB, depth, semantic or instance camera: pinhole, x forward, horizontal field of view."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.sensor_tick = actor.description.number("sensor_tick")
        self.width = int(actor.description.number("image_size_x"))
        self.height = int(actor.description.number("image_size_y"))
        self.fov = actor.description.number("fov")
        sides = (self.width, self.height)
        if min(sides) < 1 or max(sides) > MAX_SIDE_PX or self.width * self.height > MAX_PIXELS:
            raise CallError(f"camera: image size {self.width}x{self.height} is out of range")
        if not 1.0 <= self.fov <= 179.0:
            raise CallError(f"camera: fov {self.fov} is not within 1 to 179 degrees")
        name = actor.description.blueprint.id.rsplit(".", 1)[1]
        self.output = {"rgb": "rgb", "depth": "depth", "semantic_segmentation": "semantic"}.get(name, "instance")
        self._type = {"rgb": RGB, "depth": DEPTH, "semantic": SEMANTIC, "instance": INSTANCE}[self.output]

    def messages(self, moment: Moment) -> list[bytes]:
        frame = moment.scene.picture(self.actor, self.width, self.height, self.fov, self.output, moment)
        if frame is None:
            return []
        header = wire.stream_header(self._type, moment.frame, moment.elapsed_s, self.actor.pose)
        image = wire.image_header(self.width, self.height, self.fov)
        return [wire.stream_message(header, image, np.ascontiguousarray(frame).data.cast("B"))]


def encode_depth(depth: np.ndarray) -> np.ndarray:
    """BGRA uint8 (H, W, 4) of depth in metres (H, W): R + 256 G + 65536 B, of 2^24 - 1 at 1000 m."""
    clipped = np.clip(np.nan_to_num(depth.astype(np.float64), posinf=DEPTH_RANGE_M), 0.0, DEPTH_RANGE_M)
    code = np.rint(clipped / DEPTH_RANGE_M * (2**24 - 1)).astype(np.uint32)
    out = np.empty((*depth.shape, 4), np.uint8)
    out[..., 2], out[..., 1], out[..., 0] = code & 255, (code >> 8) & 255, code >> 16
    out[..., 3] = 255
    return out


def encode_semantic(tags: np.ndarray) -> np.ndarray:
    """BGRA uint8 (H, W, 4) with the tag (H, W) in red."""
    out = np.zeros((*tags.shape, 4), np.uint8)
    out[..., 2], out[..., 3] = tags, 255
    return out


def encode_instance(tags: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """BGRA uint8 (H, W, 4): tag in red, the actor id's low byte in green, its high byte in blue."""
    out = encode_semantic(tags)
    out[..., 1], out[..., 0] = ids & 255, (ids >> 8) & 255
    return out


class CollisionSensor:
    """One message per contact of its parent."""

    sensor_tick = 0.0

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    def messages(self, moment: Moment) -> list[bytes]:
        parent = self.actor.parent
        found = [contact for contact in moment.contacts if contact.actor is parent]
        if not found:
            return []
        header = wire.stream_header(COLLISION, moment.frame, moment.elapsed_s, self.actor.pose)
        out = []
        for contact in found:
            other = contact.other.packed(moment.stream_port) if contact.other is not None else _TOWN_ACTOR
            mine = contact.actor.packed(moment.stream_port)
            out.append(wire.stream_message(header, wire.pack([mine, other, list(contact.impulse)])))
        return out


# What a collision with a building or a pole names: an actor of the town, which CARLA calls static.*.
_TOWN_ACTOR = [
    0,
    0,
    [0, "static.unknown", []],
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], 0],
    bytes([20]),
    b"",
]


class Imu:
    """Accelerometer with gravity (m/s^2), gyroscope (rad/s) and compass (rad, 0 = north = -y)."""

    def __init__(self, actor: Actor, seed: int) -> None:
        self.actor = actor
        self.sensor_tick = actor.description.number("sensor_tick")
        number = actor.description.number
        self._accel = np.array([number(f"noise_accel_stddev_{axis}") for axis in "xyz"])
        self._gyro = np.array([number(f"noise_gyro_stddev_{axis}") for axis in "xyz"])
        self._bias = np.array([number(f"noise_gyro_bias_{axis}") for axis in "xyz"])
        self._random = np.random.default_rng([seed, actor.id, int(number("noise_seed"))])

    def messages(self, moment: Moment) -> list[bytes]:
        pose = self.actor.pose
        axes = rotation_matrix(pose.pitch, pose.yaw, pose.roll)
        motion = _carrier_motion(self.actor, moment)
        accel = axes.T @ (np.array(motion[12:15]) + np.array((0.0, 0.0, GRAVITY)))
        gyro = axes.T @ np.radians(motion[9:12])
        accel = accel + self._random.normal(size=3) * self._accel
        gyro = gyro + self._bias + self._random.normal(size=3) * self._gyro
        compass = (math.radians(pose.yaw) + math.pi / 2.0) % (2.0 * math.pi)
        header = wire.stream_header(IMU, moment.frame, moment.elapsed_s, pose)
        return [wire.stream_message(header, wire.pack([accel.tolist(), gyro.tolist(), compass]))]


class Gnss:
    """Latitude, longitude (degrees) and altitude (m) around (0, 0), by the spherical Mercator projection."""

    def __init__(self, actor: Actor, seed: int) -> None:
        self.actor = actor
        self.sensor_tick = actor.description.number("sensor_tick")
        number = actor.description.number
        self._bias = np.array([number(f"noise_{axis}_bias") for axis in ("lat", "lon", "alt")])
        self._sigma = np.array([number(f"noise_{axis}_stddev") for axis in ("lat", "lon", "alt")])
        self._random = np.random.default_rng([seed, actor.id, int(number("noise_seed"))])

    def messages(self, moment: Moment) -> list[bytes]:
        pose: Pose = self.actor.pose
        north, east = -pose.y, pose.x
        latitude = 2.0 * math.atan(math.exp(north / EARTH_RADIUS_M)) - math.pi / 2.0
        fix = np.array([math.degrees(latitude), math.degrees(east / EARTH_RADIUS_M), pose.z])
        fix = fix + self._bias + self._random.normal(size=3) * self._sigma
        header = wire.stream_header(GNSS, moment.frame, moment.elapsed_s, pose)
        return [wire.stream_message(header, wire.pack(fix.tolist()))]


def _carrier_motion(actor: Actor, moment: Moment) -> tuple[float, ...]:
    carrier: Actor | None = actor
    while carrier is not None:
        if carrier.row is not None and carrier.id in moment.motion:
            return moment.motion[carrier.id]
        carrier = carrier.parent
    return (0.0,) * 15


def make_sensor(actor: Actor, seed: int) -> Sensor | None:
    """The sensor behind a sensor actor; None for one that works in the client. Raises CallError."""
    identifier = actor.description.blueprint.id
    if identifier.startswith("sensor.camera."):
        return Camera(actor)
    if identifier == "sensor.other.collision":
        return CollisionSensor(actor)
    if identifier == "sensor.other.imu":
        return Imu(actor, seed)
    if identifier == "sensor.other.gnss":
        return Gnss(actor, seed)
    return None
