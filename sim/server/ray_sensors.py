"""Sensors that cast rays: LiDAR, semantic LiDAR, radar and obstacle detection, as stream messages."""

from __future__ import annotations

import math

import numpy as np

from sim.geometry import rotation_matrix
from sim.sensors.errors import require
from sim.sensors.lidar import Lidar, Losses, SemanticLidar, Sweep
from sim.sensors.radar import Beam, Radar
from sim.server import wire
from sim.server.actors import Actor
from sim.server.moment import Moment, carrier
from sim.server.scene import Scene
from sim.server.static_actors import static_actor

OBSTACLE, RADAR, LIDAR_SEMANTIC, LIDAR = 7, 9, 10, 11


def _sweep(actor: Actor) -> Sweep:
    number = actor.description.number
    return Sweep(
        channels=int(number("channels")),
        range_m=number("range"),
        points_per_second=number("points_per_second"),
        rotation_hz=number("rotation_frequency"),
        upper_fov=number("upper_fov"),
        lower_fov=number("lower_fov"),
        horizontal_fov=number("horizontal_fov"),
    )


class _Caster:
    """What sensors that cast rays have in common."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.sensor_tick = actor.description.number("sensor_tick")

    def prepare(self, scene: Scene) -> None:
        """Build what rays need, so that the first measurement does not wait for it."""
        scene.rays()

    def message(self, kind: int, moment: Moment, *body: bytes) -> bytes:
        """A stream message of one measurement."""
        header = wire.stream_header(kind, moment.frame, moment.elapsed_s, self.actor.pose)
        return wire.stream_message(header, *body)


class LidarSensor(_Caster):
    """`sensor.lidar.ray_cast`."""

    def __init__(self, actor: Actor, random: np.random.Generator) -> None:
        super().__init__(actor)
        number = actor.description.number
        losses = Losses(
            attenuation=number("atmosphere_attenuation_rate"),
            general_rate=number("dropoff_general_rate"),
            intensity_limit=number("dropoff_intensity_limit"),
            zero_intensity=number("dropoff_zero_intensity"),
            noise_stddev=number("noise_stddev"),
        )
        self._lidar = Lidar(_sweep(actor), losses, random)

    def messages(self, moment: Moment) -> list[bytes]:
        scan = self._lidar.scan(self.actor.pose, moment.delta_s, moment.cast_from(self.actor))
        return [self.message(LIDAR, moment, *scan.body())]


class SemanticLidarSensor(_Caster):
    """`sensor.lidar.ray_cast_semantic`."""

    def __init__(self, actor: Actor) -> None:
        super().__init__(actor)
        self._lidar = SemanticLidar(_sweep(actor))

    def messages(self, moment: Moment) -> list[bytes]:
        scan = self._lidar.scan(self.actor.pose, moment.delta_s, moment.cast_from(self.actor))
        return [self.message(LIDAR_SEMANTIC, moment, *scan.body())]


class RadarSensor(_Caster):
    """`sensor.other.radar`."""

    def __init__(self, actor: Actor, random: np.random.Generator) -> None:
        super().__init__(actor)
        number = actor.description.number
        beam = Beam(
            horizontal_fov=number("horizontal_fov"),
            vertical_fov=number("vertical_fov"),
            range_m=number("range"),
            points_per_second=number("points_per_second"),
        )
        self._radar = Radar(beam, random)

    def messages(self, moment: Moment) -> list[bytes]:
        def velocity_of(actor_id: int) -> tuple[float, float, float]:
            motion = moment.motion.get(actor_id)
            return (motion[6], motion[7], motion[8]) if motion is not None else (0.0, 0.0, 0.0)

        cast = moment.cast_from(self.actor)
        own = moment.velocity(self.actor)
        found = self._radar.detect(self.actor.pose, own, moment.delta_s, cast, velocity_of)
        return [self.message(RADAR, moment, found.tobytes())]


class ObstacleSensor(_Caster):
    """`sensor.other.obstacle`: a ball pushed forwards; one message a tick while it touches something.

    Its carrier is passed through. As in CARLA's ObstacleDetectionSensor.cpp the event's `actor` is the sensor.
    """

    def __init__(self, actor: Actor) -> None:
        super().__init__(actor)
        self._distance = actor.description.number("distance")
        self._radius = actor.description.number("hit_radius")
        self._only_dynamics = actor.description.flag("only_dynamics")
        require(0.0 <= self._distance < math.inf, f"obstacle: distance={self._distance} is negative")
        require(0.0 <= self._radius < math.inf, f"obstacle: hit_radius={self._radius} is negative")

    def messages(self, moment: Moment) -> list[bytes]:
        from sim.render.sweeps import sweep

        pose, body, placed = self.actor.pose, carrier(self.actor), moment.placed
        if self._only_dynamics:
            # The heads of traffic lights belong to actors, but never move.
            moving = [movable for movable in moment.movables if moment.actors[movable.actor_id].row is not None]
            placed = moment.scene.rays().place(moving)
        forward = rotation_matrix(pose.pitch, pose.yaw, pose.roll)[:, 0]
        touch = sweep(
            moment.scene.rays(),
            np.array(pose[:3]),
            forward,
            self._distance,
            self._radius,
            placed,
            hidden=body.id if body is not None else 0,
            static=not self._only_dynamics,
        )
        if touch is None:
            return []
        other = moment.actors[touch.actor].packed(moment.stream_port) if touch.actor else static_actor(touch.tag)
        mine = self.actor.packed(moment.stream_port)
        return [self.message(OBSTACLE, moment, wire.pack([mine, other, touch.distance]))]
