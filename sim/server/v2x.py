"""V2X sensors: vehicles tell each other where they are, or what a client wants them to say.

A message that is sent at one tick is heard at the next. As in CARLA a sender needs a carrier, and somebody who listens
to its own sensor.
"""

from __future__ import annotations

import math

import numpy as np

from sim.geometry import product, rotation_matrix
from sim.sensors.awareness import (
    EMERGENCY_ROLE,
    PUBLIC_TRANSPORT_ROLE,
    SPECIAL_VEHICLE,
    STATION_TYPES,
    Trigger,
    VehicleState,
    awareness_message,
    custom_message,
    with_power,
)
from sim.sensors.gnss import geolocation, georeference
from sim.sensors.inertial import acceleration_from_positions, compass
from sim.sensors.radio import Path, Radio, received_power
from sim.server import wire
from sim.server.actors import Actor
from sim.server.ether import Ether, Transmission
from sim.server.moment import Moment, carrier
from sim.server.scene import Scene

CAM_TYPE, CUSTOM_TYPE = 20, 21
ANTENNA_M = 0.02
"""Height of an antenna above its vehicle's roof, as CARLA places it."""


class _Receiver:
    """A radio on an actor."""

    kind = CAM_TYPE

    def __init__(self, actor: Actor, random: np.random.Generator) -> None:
        self.actor = actor
        self.sensor_tick = actor.description.number("sensor_tick")
        self.random = random
        number, values = actor.description.number, actor.description.values
        self.radio = Radio(
            transmit_power=number("transmit_power"),
            sensitivity=number("receiver_sensitivity"),
            frequency_ghz=number("frequency_ghz"),
            antenna_gain=number("combined_antenna_gain"),
            path_loss_exponent=number("path_loss_exponent"),
            reference_distance=number("d_ref"),
            filter_distance=number("filter_distance"),
            etsi_fading=actor.description.flag("use_etsi_fading"),
            fading_stddev=number("custom_fading_stddev"),
            scenario=values["scenario"],
            winner=values["path_loss_model"] == "winner",
        )

    def prepare(self, scene: Scene) -> None:
        scene.rays()

    def receive(self, moment: Moment) -> list[bytes]:
        """One stream message with everything that arrived, if anything did."""
        here = carrier(self.actor) or self.actor
        records = []
        for message in moment.ether.heard(self.kind, moment.frame - 1):
            sender = moment.actors.get(message.sender)
            if message.sensor == self.actor.id or sender is None or sender is here:
                continue
            path = _path(moment, here, sender, self.radio.filter_distance)
            power = received_power(self.radio, message.power, path, self.random) if path is not None else None
            if power is not None:
                records.append(with_power(message.record, power))
        if not records:
            return []
        header = wire.stream_header(self.kind, moment.frame, moment.elapsed_s, self.actor.pose)
        return [wire.stream_message(header, *records)]


def _antenna(actor: Actor) -> np.ndarray:
    box = actor.description
    return np.array((actor.pose.x, actor.pose.y, actor.pose.z + box.center[2] + box.extent[2] + ANTENNA_M))


def _path(moment: Moment, here: Actor, sender: Actor, farthest: float) -> Path | None:
    """The way between two actors' antennas; None when it is longer than `farthest` (m)."""
    start, end = _antenna(here), _antenna(sender)
    distance = math.dist(start, end)
    if not 0.0 < distance < farthest:
        return None
    ground = min(here.pose.z, sender.pose.z)
    building, obstacles = False, {}
    for _, _, actor_id, _ in moment.scene.rays().crossings(start, (end - start) / distance, distance, moment.placed):
        other = moment.actors.get(actor_id)
        if other is here or other is sender or (other is not None and other.is_walker):
            continue
        if other is None or not other.is_vehicle:
            building = True
            break
        top = _antenna(other)
        obstacles[actor_id] = (math.dist(start[:2], top[:2]), math.dist(end[:2], top[:2]), float(top[2]) - ground)
    return Path(distance, (float(start[2]) - ground, float(end[2]) - ground), building, tuple(obstacles.values()))


class V2xSensor(_Receiver):
    """`sensor.other.v2x`: sends cooperative awareness messages of its vehicle and receives those of others."""

    def __init__(self, actor: Actor, random: np.random.Generator) -> None:
        super().__init__(actor, random)
        number = actor.description.number
        self._trigger = Trigger(number("gen_cam_min"), number("gen_cam_max"), actor.description.flag("fixed_rate"))

    def messages(self, moment: Moment) -> list[bytes]:
        arrived = self.receive(moment)
        vehicle = carrier(self.actor)
        if vehicle is not None and vehicle.is_vehicle and vehicle.id in moment.motion:
            state = self._state(moment, vehicle)
            place = (vehicle.pose.x, vehicle.pose.y, vehicle.pose.z)
            if self._trigger.due(moment.elapsed_s, place, vehicle.pose.yaw, state.speed):
                record = awareness_message(state, moment.elapsed_s, self._trigger.low_frequency(moment.elapsed_s))
                sent = Transmission(self.actor.id, vehicle.id, self.radio.transmit_power, record)
                moment.ether.send(self.kind, moment.frame, sent)
        return arrived

    def _state(self, moment: Moment, vehicle: Actor) -> VehicleState:
        noise, pose = self._noise, vehicle.pose
        motion = np.array(moment.motion[vehicle.id])
        axes = rotation_matrix(pose.pitch, pose.yaw, pose.roll)
        track = [motions.get(vehicle.id) for _, motions in moment.past]
        acceleration = motion[12:15]
        if len(track) == 2 and track[0] is not None and track[1] is not None:
            steps = [step for step, _ in moment.past]
            acceleration = np.array(acceleration_from_positions((pose[:3], track[0][:3], track[1][:3]), steps))
        felt, velocity, rate = product(
            np.array([np.add(acceleration, (0.0, 0.0, moment.imu_gravity)), motion[6:9], np.radians(motion[9:12])]),
            axes,
        )
        latitude, longitude = geolocation(pose.x, pose.y, georeference(moment.opendrive))
        blueprint = vehicle.description.blueprint
        emergency = vehicle.description.values.get("special_type") == "emergency"
        station = SPECIAL_VEHICLE if emergency else STATION_TYPES.get(blueprint.semantic_tag, 0)
        role = {SPECIAL_VEHICLE: EMERGENCY_ROLE, 6: PUBLIC_TRANSPORT_ROLE, 11: PUBLIC_TRANSPORT_ROLE}.get(station, 0)
        extent = vehicle.description.extent
        return VehicleState(
            station_id=vehicle.id,
            station_type=station,
            role=role,
            latitude=noise(latitude, "lat"),
            longitude=noise(longitude, "lon"),
            altitude=noise(pose.z, "alt"),
            heading=noise(math.degrees(compass(pose.yaw)), "head") % 360.0,
            speed=float(velocity[0]) + self._normal("noise_vel_stddev_x"),
            length=2.0 * extent[0],
            width=2.0 * extent[1],
            acceleration=(
                float(felt[0]) + self._normal("noise_accel_stddev_x"),
                float(felt[1]) + self._normal("noise_accel_stddev_y"),
                float(felt[2]) + self._normal("noise_accel_stddev_z"),
            ),
            yaw_rate=noise(float(rate[2]), "yawrate"),
            lights=vehicle.lights,
        )

    def _normal(self, name: str) -> float:
        return float(self.random.normal(0.0, max(0.0, self.actor.description.number(name))))

    def _noise(self, value: float, name: str) -> float:
        return value + self.actor.description.number(f"noise_{name}_bias") + self._normal(f"noise_{name}_stddev")


class CustomV2xSensor(_Receiver):
    """`sensor.other.v2x_custom`: sends what clients tell it to, and receives what others of its kind send."""

    kind = CUSTOM_TYPE

    def messages(self, moment: Moment) -> list[bytes]:
        return self.receive(moment)

    def send(self, ether: Ether, frame: int, text: str) -> None:
        """Put a client's text on the air; others hear it at the next tick."""
        sender = carrier(self.actor) or self.actor
        record = custom_message(sender.id, text)
        ether.send(self.kind, frame, Transmission(self.actor.id, sender.id, self.radio.transmit_power, record))
