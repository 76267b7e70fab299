"""The ego vehicle: a light fleet car with limited brakes, and the controllers that carry out manoeuvres."""

from __future__ import annotations

import math
from dataclasses import dataclass

import carla
import numpy as np

from sim.client import Session
from sim.scenarios.corridor import Corridor

BLUEPRINT = "vehicle.audi.a2"
FULL_BRAKING = 5.0  # m/s^2 with the pedal down
COASTING = 0.5  # m/s^2 of rolling resistance and engine drag at the speeds in question
MAX_STEER_DEG = 35.0
STANDSTILL = 0.1  # m/s
# Steering: share of the feed-forward that the tyres' slip adds (rad per m/s^2), preview for the car's lag (s), and
# feedback on lateral error (rad/m), heading error (rad/rad) and yaw rate error (rad per rad/s).
UNDERSTEER, PREVIEW_S = 0.0011, 0.14
GAIN_LATERAL, GAIN_HEADING, GAIN_YAW_RATE = 0.045, 0.42, 0.06
GAIN_SPEED, THROTTLE_BIAS = 0.35, 0.1


@dataclass(frozen=True)
class EgoState:
    """Where the ego is. Map frame: x, y, z (m), yaw (degrees); corridor frame: s, d (m), heading (rad, to the lane);
    speed (m/s), yaw_rate (rad/s), velocity (vx, vy in m/s)."""

    x: float
    y: float
    z: float
    yaw: float
    s: float
    d: float
    heading: float
    speed: float
    yaw_rate: float
    velocity: tuple[float, float]


@dataclass(frozen=True)
class LateralPlan:
    """A minimum-jerk move from lateral position `start` to `end` (m) within `duration` seconds."""

    start: float
    end: float
    duration: float

    def at(self, t: float) -> tuple[float, float, float]:
        """d (m), d' (m/s) and d'' (m/s^2) after `t` seconds, by 10 u^3 - 15 u^4 + 6 u^5 (Flash and Hogan, 1985)."""
        u = min(1.0, max(0.0, t / self.duration)) if self.duration > 0.0 else 1.0
        move = self.end - self.start
        position = self.start + move * u**3 * (10.0 - 15.0 * u + 6.0 * u * u)
        if u in (0.0, 1.0):
            return position, 0.0, 0.0
        rate = move / self.duration * 30.0 * u * u * (1.0 - u) ** 2
        return position, rate, move / self.duration**2 * 60.0 * u * (1.0 - u) * (1.0 - 2.0 * u)


class Ego:
    """Drives one vehicle in a corridor: call `drive` before each tick, `read` after it."""

    def __init__(self, session: Session, corridor: Corridor, s: float, speed: float) -> None:
        x, y, z, yaw = corridor.pose(s)
        where = carla.Transform(carla.Location(x, y, z + 0.05), carla.Rotation(yaw=yaw))
        self._session = session
        self._corridor = corridor
        attributes = {"role_name": "hero", "color": "230,230,230"}
        self.actor = session.spawn(BLUEPRINT, where, attributes)
        with session.guard():
            self.wheelbase = _tune(self.actor)
            box = self.actor.bounding_box
            heading = math.radians(yaw)
            self.actor.set_target_velocity(carla.Vector3D(speed * math.cos(heading), speed * math.sin(heading), 0.0))
        self.half_length, self.half_width = box.extent.x, box.extent.y
        self.box_center = box.location.x

    def read(self) -> EgoState:
        """The state that the newest tick shows."""
        with self._session.guard():
            transform, velocity = self.actor.get_transform(), self.actor.get_velocity()
            spin = self.actor.get_angular_velocity()
        at = transform.location
        ((s, d),) = self._corridor.frenet(np.array([[at.x, at.y]])).tolist()
        heading = math.radians((transform.rotation.yaw - self._corridor.heading(s) + 180.0) % 360.0 - 180.0)
        return EgoState(
            at.x,
            at.y,
            at.z,
            transform.rotation.yaw,
            s,
            d,
            heading,
            math.hypot(velocity.x, velocity.y),
            math.radians(spin.z),
            (velocity.x, velocity.y),
        )

    def drive(self, state: EgoState, plan: LateralPlan, t: float, target_speed: float | None, brake: float) -> None:
        """Set wheel and pedals for the next tick: follow `plan`, which began `t` seconds ago, and hold
        `target_speed` (m/s), or press the brake pedal (0 to 1) where it is None."""
        control = carla.VehicleControl()
        control.steer = self._steer(state, plan, t)
        if target_speed is None:
            control.brake = brake
        else:
            error = target_speed - state.speed
            if error > -0.8:
                control.throttle = min(0.9, max(0.0, THROTTLE_BIAS + GAIN_SPEED * error))
            else:
                control.brake = min(0.5, 0.12 * -error)
        with self._session.guard():
            self.actor.apply_control(control)

    def _steer(self, state: EgoState, plan: LateralPlan, t: float) -> float:
        speed = max(state.speed, 2.0)
        _, _, ahead = plan.at(t + PREVIEW_S)
        wanted, rate, sideways = plan.at(t)
        # A bend of the road asks for as much wheel as the same acceleration across a straight one.
        ahead += speed**2 * self._corridor.curvature(state.s + PREVIEW_S * speed)
        turning = speed * self._corridor.curvature(state.s)
        feedforward = self.wheelbase * ahead / speed**2 + UNDERSTEER * ahead
        heading = math.atan2(rate, speed)
        feedback = (
            GAIN_LATERAL * (wanted - state.d)
            + GAIN_HEADING * (heading - state.heading)
            + GAIN_YAW_RATE * (sideways / speed + turning - state.yaw_rate)
        )
        # The quicker the car, the less wheel a given correction needs; creeping, the gains would saturate.
        scale = min(1.5, 12.0 / speed)
        return min(1.0, max(-1.0, (feedforward + scale * feedback) / math.radians(MAX_STEER_DEG)))


def _tune(actor: carla.Vehicle) -> float:
    """Limit the brakes, straighten the steering curve; returns the wheelbase (m)."""
    physics = actor.get_physics_control()
    wheels = physics.wheels
    torque = (FULL_BRAKING - COASTING) * physics.mass / len(wheels)
    for wheel in wheels:
        wheel.max_brake_torque = torque * wheel.radius / 100.0
        if wheel.max_steer_angle > 0.0:
            wheel.max_steer_angle = MAX_STEER_DEG
    physics.wheels = wheels
    physics.steering_curve = [carla.Vector2D(0.0, 1.0), carla.Vector2D(200.0, 1.0)]
    actor.apply_physics_control(physics)
    front, rear = wheels[0].position, wheels[-2].position
    return float(math.hypot(front.x - rear.x, front.y - rear.y)) / 100.0
