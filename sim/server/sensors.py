"""The sensors that stream: which model stands behind which blueprint, and the ones that need neither light nor rays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from sim.sensors.errors import ImpossibleSensor
from sim.sensors.gnss import Gnss, PositionNoise, georeference
from sim.sensors.inertial import Inertial, InertialNoise, acceleration_from_positions, acceleration_of_body
from sim.sensors.schedule import Schedule
from sim.server import wire
from sim.server.actors import Actor
from sim.server.cameras import PICTURES, Camera, DvsCamera, FlowCamera
from sim.server.cosmos import CosmosCamera
from sim.server.errors import CallError
from sim.server.moment import Contact, Moment, carrier
from sim.server.ray_sensors import LidarSensor, ObstacleSensor, RadarSensor, SemanticLidarSensor
from sim.server.scene import Scene
from sim.server.static_actors import static_actor
from sim.server.v2x import CustomV2xSensor, V2xSensor

__all__ = ["Contact", "Moment", "Schedule", "Sensor", "make_sensor"]

COLLISION, GNSS, IMU = 0, 4, 5


class Sensor(Protocol):
    """A streaming sensor. `sensor_tick` 0 means every tick."""

    actor: Actor
    sensor_tick: float

    def prepare(self, scene: Scene) -> None:
        """Build what the sensor needs; called once, when it is spawned."""
        ...

    def messages(self, moment: Moment) -> Sequence[wire.Message]:
        """Stream messages that the sensor sends for this tick."""
        ...


class CollisionSensor:
    """One message per contact of its parent."""

    sensor_tick = 0.0

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    def prepare(self, scene: Scene) -> None:
        pass

    def messages(self, moment: Moment) -> list[bytes]:
        parent = self.actor.parent
        found = [contact for contact in moment.contacts if contact.actor is parent]
        if not found:
            return []
        header = wire.stream_header(COLLISION, moment.frame, moment.elapsed_s, self.actor.pose)
        out = []
        for contact in found:
            other = contact.other.packed(moment.stream_port) if contact.other else static_actor(contact.tag)
            mine = contact.actor.packed(moment.stream_port)
            out.append(wire.stream_message(header, wire.pack([mine, other, list(contact.impulse)])))
        return out


class ImuSensor:
    """Accelerometer, gyroscope and compass where the sensor sits."""

    def __init__(self, actor: Actor, random: np.random.Generator) -> None:
        self.actor = actor
        self.sensor_tick = actor.description.number("sensor_tick")
        noise = InertialNoise(
            accelerometer=_axes(actor, "noise_accel_stddev_"),
            gyroscope=_axes(actor, "noise_gyro_stddev_"),
            gyroscope_bias=_axes(actor, "noise_gyro_bias_"),
        )
        self._inertial = Inertial(noise, random)

    def prepare(self, scene: Scene) -> None:
        pass

    def messages(self, moment: Moment) -> list[bytes]:
        pose, body = self.actor.pose, carrier(self.actor)
        motion = np.array(moment.motion[body.id]) if body is not None and body.id in moment.motion else np.zeros(15)
        turn_rate = np.radians(motion[9:12])
        track = [motions.get(self.actor.id) for _, motions in moment.past]
        if len(track) == 2 and track[0] is not None and track[1] is not None:
            positions = (pose[:3], track[0][:3], track[1][:3])
            acceleration = acceleration_from_positions(positions, [step for step, _ in moment.past])
        else:
            acceleration = acceleration_of_body(motion[12:15], turn_rate, np.array(pose[:3]) - motion[:3])
        felt, rate, compass = self._inertial.measure(pose, acceleration, turn_rate.tolist(), moment.imu_gravity)
        header = wire.stream_header(IMU, moment.frame, moment.elapsed_s, pose)
        return [wire.stream_message(header, wire.pack([felt, rate, compass]))]


class GnssSensor:
    """Latitude, longitude and altitude around the map's geographic reference."""

    def __init__(self, actor: Actor, random: np.random.Generator) -> None:
        self.actor = actor
        self.sensor_tick = actor.description.number("sensor_tick")
        noise = PositionNoise(bias=_position(actor, "bias"), stddev=_position(actor, "stddev"))
        self._gnss = Gnss(noise, random)

    def prepare(self, scene: Scene) -> None:
        pass

    def messages(self, moment: Moment) -> list[bytes]:
        pose = self.actor.pose
        fix = self._gnss.fix((pose.x, pose.y, pose.z), georeference(moment.opendrive))
        header = wire.stream_header(GNSS, moment.frame, moment.elapsed_s, pose)
        return [wire.stream_message(header, wire.pack(fix))]


def _axes(actor: Actor, prefix: str) -> tuple[float, float, float]:
    number = actor.description.number
    return number(prefix + "x"), number(prefix + "y"), number(prefix + "z")


def _position(actor: Actor, kind: str) -> tuple[float, float, float]:
    number = actor.description.number
    return number(f"noise_lat_{kind}"), number(f"noise_lon_{kind}"), number(f"noise_alt_{kind}")


_MAKERS: dict[str, Callable[[Actor, np.random.Generator], Sensor]] = {
    **{identifier: lambda actor, _: Camera(actor) for identifier in PICTURES},
    "sensor.camera.optical_flow": lambda actor, _: FlowCamera(actor),
    "sensor.camera.dvs": DvsCamera,
    "sensor.camera.cosmos_visualization": lambda actor, _: CosmosCamera(actor),
    "sensor.lidar.ray_cast": LidarSensor,
    "sensor.lidar.ray_cast_semantic": lambda actor, _: SemanticLidarSensor(actor),
    "sensor.other.radar": RadarSensor,
    "sensor.other.obstacle": lambda actor, _: ObstacleSensor(actor),
    "sensor.other.collision": lambda actor, _: CollisionSensor(actor),
    "sensor.other.imu": ImuSensor,
    "sensor.other.gnss": GnssSensor,
    "sensor.other.v2x": V2xSensor,
    "sensor.other.v2x_custom": CustomV2xSensor,
}


def make_sensor(actor: Actor, seed: int, number: int) -> Sensor | None:
    """The sensor behind a sensor actor; None for one that works in the client (lane invasion). Raises CallError.

    Noise follows the world's seed and the actor's `number` within its episode; or, as in CARLA, the sensor's own
    `noise_seed` and nothing else, if that is not zero.
    """
    maker = _MAKERS.get(actor.description.blueprint.id)
    if maker is None:
        return None
    noise_seed = int(actor.description.number("noise_seed")) if "noise_seed" in actor.description.values else 0
    seeds = [noise_seed & 0xFFFFFFFF] if noise_seed else [seed & 0xFFFFFFFF, number, 0]
    random = np.random.default_rng(seeds)
    try:
        return maker(actor, random)
    except ImpossibleSensor as error:
        raise CallError(str(error)) from error
