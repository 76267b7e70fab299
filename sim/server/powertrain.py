"""A vehicle's physics control, as CARLA's clients read and write it, and what it means to the dynamics."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim.geometry import Pose, rotation_matrix
from sim.server.blueprints import Blueprint
from sim.server.bodies import STEER_SAMPLES, STEER_STEP_KMH
from sim.server.errors import BadArguments, CallError
from sim.server.wire import integer, items, number, vector

# CARLA's default tyre friction of 3.5 stands for dry asphalt.
DRY_ASPHALT_MU = 0.9
DEFAULT_TIRE_FRICTION = 3.5
EFFICIENCY = 0.85
AIR_DENSITY = 1.225
ENGINE_BRAKING = 0.35  # m/s^2 with the throttle closed
WHEELBASE_SHARE, TRACK_SHARE = 0.6, 0.8  # of the vehicle's length and width


@dataclass(frozen=True)
class Wheel:
    """One wheel's parameters: angles in degrees, radius in cm, torques in N m, as on the wire."""

    tire_friction: float
    damping_rate: float
    max_steer_angle: float
    radius: float
    max_brake_torque: float
    max_handbrake_torque: float
    lat_stiff_max_load: float
    lat_stiff_value: float
    long_stiff_value: float


@dataclass(frozen=True)
class PhysicsControl:
    """CARLA's VehiclePhysicsControl; wheels in the order front left, front right, rear left, rear right."""

    torque_curve: tuple[tuple[float, float], ...]
    max_rpm: float
    moi: float
    damping: tuple[float, float, float]
    use_gear_autobox: bool
    gear_switch_time: float
    clutch_strength: float
    final_ratio: float
    forward_gears: tuple[tuple[float, float, float], ...]
    mass: float
    drag_coefficient: float
    center_of_mass: tuple[float, float, float]
    steering_curve: tuple[tuple[float, float], ...]
    wheels: tuple[Wheel, ...]
    use_sweep_wheel_collision: bool = False

    def packed(self, blueprint: Blueprint, pose: Pose) -> list[Any]:
        """Wire form, with the wheels' positions (cm, world) of a vehicle at `pose`."""
        wheels = [
            [*_wheel_values(wheel), position]
            for wheel, position in zip(self.wheels, wheel_positions(blueprint, pose), strict=False)
        ]
        return [
            [list(point) for point in self.torque_curve],
            self.max_rpm,
            self.moi,
            *self.damping,
            self.use_gear_autobox,
            self.gear_switch_time,
            self.clutch_strength,
            self.final_ratio,
            [list(gear) for gear in self.forward_gears],
            self.mass,
            self.drag_coefficient,
            list(self.center_of_mass),
            [list(point) for point in self.steering_curve],
            wheels,
            self.use_sweep_wheel_collision,
        ]


def _wheel_values(wheel: Wheel) -> list[float]:
    return [
        wheel.tire_friction,
        wheel.damping_rate,
        wheel.max_steer_angle,
        wheel.radius,
        wheel.max_brake_torque,
        wheel.max_handbrake_torque,
        wheel.lat_stiff_max_load,
        wheel.lat_stiff_value,
        wheel.long_stiff_value,
    ]


def wheel_positions(blueprint: Blueprint, pose: Pose) -> list[list[float]]:
    """World positions (cm) of the wheels' centres: front left, front right, rear left, rear right, or front, rear."""
    assert blueprint.chassis is not None
    along, across = WHEELBASE_SHARE * blueprint.extent[0], TRACK_SHARE * blueprint.extent[1]
    sides = (-across, across) if blueprint.chassis.wheels == 4 else (0.0,)
    local = [(x, y, blueprint.chassis.wheel_radius_m) for x in (along, -along) for y in sides]
    turned = np.asarray(local) @ rotation_matrix(pose.pitch, pose.yaw, pose.roll).T
    return (100.0 * (turned + np.array(pose[:3]))).tolist()


def default_control(blueprint: Blueprint) -> PhysicsControl:
    """The physics control that a freshly spawned vehicle has."""
    chassis = blueprint.chassis
    assert chassis is not None
    front = Wheel(
        DEFAULT_TIRE_FRICTION,
        0.25,
        70.0,
        100.0 * chassis.wheel_radius_m,
        chassis.brake_torque_nm,
        0.0,
        2.0,
        17.0,
        1000.0,
    )
    rear = replace(front, max_steer_angle=0.0, max_handbrake_torque=2.0 * chassis.brake_torque_nm)
    axle = chassis.wheels // 2
    peak = chassis.peak_torque_nm
    return PhysicsControl(
        torque_curve=((0.0, 0.8 * peak), (0.4 * chassis.max_rpm, peak), (chassis.max_rpm, 0.8 * peak)),
        max_rpm=chassis.max_rpm,
        moi=1.0,
        damping=(0.15, 2.0, 0.35),
        use_gear_autobox=True,
        gear_switch_time=0.5 if len(chassis.gears) > 1 else 0.0,
        clutch_strength=10.0,
        final_ratio=chassis.final_ratio,
        forward_gears=tuple((ratio, 0.5, 0.65) for ratio in chassis.gears),
        mass=chassis.mass_kg,
        drag_coefficient=chassis.drag,
        center_of_mass=(0.0, 0.0, chassis.cog_height_m),
        steering_curve=((0.0, 1.0), (20.0, 0.9), (60.0, 0.8), (120.0, 0.7)),
        wheels=(front,) * axle + (rear,) * axle,
    )


def read_control(value: object) -> PhysicsControl:
    """A client's physics control. Raises BadArguments for a wrong shape, CallError for impossible values."""
    parts = items(value, 17)
    wheels = []
    for entry in items(parts[15]):
        wheels.append(Wheel(*(number(part) for part in items(entry, 10)[:9])))
    control = PhysicsControl(
        torque_curve=tuple(_point(point) for point in items(parts[0])),
        max_rpm=number(parts[1]),
        moi=number(parts[2]),
        damping=(number(parts[3]), number(parts[4]), number(parts[5])),
        use_gear_autobox=bool(parts[6]),
        gear_switch_time=number(parts[7]),
        clutch_strength=number(parts[8]),
        final_ratio=number(parts[9]),
        forward_gears=tuple(vector(gear) for gear in items(parts[10])),
        mass=number(parts[11]),
        drag_coefficient=number(parts[12]),
        center_of_mass=vector(parts[13]),
        steering_curve=tuple(_point(point) for point in items(parts[14])),
        wheels=tuple(wheels),
        use_sweep_wheel_collision=bool(integer(parts[16])),
    )
    if control.mass <= 0.0 or any(wheel.radius <= 0.0 for wheel in wheels):
        raise CallError("physics control: mass and wheel radii must be positive")
    return control


def _point(value: object) -> tuple[float, float]:
    x, y = items(value, 2)
    return number(x), number(y)


def apply_control(control: PhysicsControl, blueprint: Blueprint, row: np.void, steer_curve: np.ndarray) -> None:
    """Write a physics control's meaning into a row of the body table and its steering curve (STEER_SAMPLES,).

    Raises CallError when it has not one wheel per wheel of the blueprint.
    """
    chassis = blueprint.chassis
    if chassis is None:
        raise BadArguments(f"{blueprint.id} has no physics control")
    if len(control.wheels) != chassis.wheels:
        raise CallError(
            f"physics control of {blueprint.id}: {len(control.wheels)} wheels given, it has {chassis.wheels}"
        )
    half_x, half_y, half_z = blueprint.extent
    mass = control.mass
    row["mass"] = mass
    row["inertia"] = 0.8 * mass * ((2 * half_x) ** 2 + (2 * half_y) ** 2) / 12.0
    row["front"] = row["rear"] = WHEELBASE_SHARE * half_x
    row["cog_height"] = max(0.0, control.center_of_mass[2])
    row["max_steer"] = math.radians(max(abs(wheel.max_steer_angle) for wheel in control.wheels))
    radius = sum(wheel.radius for wheel in control.wheels) / len(control.wheels) / 100.0
    peak = max((torque for _, torque in control.torque_curve), default=0.0)
    first = control.forward_gears[0][0] if control.forward_gears else 1.0
    row["drive_force"] = EFFICIENCY * peak * first * control.final_ratio / radius
    power = max((torque * min(rpm, control.max_rpm) for rpm, torque in control.torque_curve), default=0.0)
    row["drive_power"] = EFFICIENCY * power * 2.0 * math.pi / 60.0
    row["engine_drag"] = ENGINE_BRAKING * mass if chassis.max_rpm > 1000.0 else 0.0
    row["brake_force"] = sum(wheel.max_brake_torque / (wheel.radius / 100.0) for wheel in control.wheels)
    row["hand_force"] = sum(wheel.max_handbrake_torque / (wheel.radius / 100.0) for wheel in control.wheels)
    area = 0.85 * (2 * half_y) * (2 * half_z)
    row["air_drag"] = 0.5 * AIR_DENSITY * control.drag_coefficient * area
    friction = sum(wheel.tire_friction for wheel in control.wheels) / len(control.wheels)
    row["mu"] = DRY_ASPHALT_MU * friction / DEFAULT_TIRE_FRICTION
    axle = len(control.wheels) // 2
    row["stiffness_front"] = sum(wheel.lat_stiff_value for wheel in control.wheels[:axle]) / axle
    # A little more grip at the rear: road cars understeer.
    row["stiffness_rear"] = 1.15 * sum(wheel.lat_stiff_value for wheel in control.wheels[axle:]) / axle
    if control.steering_curve:
        speeds = np.arange(STEER_SAMPLES) * STEER_STEP_KMH
        points = sorted(control.steering_curve)
        steer_curve[:] = np.interp(speeds, [p[0] for p in points], [p[1] for p in points])


def gear(control: PhysicsControl, speed_ms: float) -> int:
    """The gear that an automatic gearbox has chosen at a speed, from 1."""
    radius = control.wheels[0].radius / 100.0
    for index, (ratio, _, up) in enumerate(control.forward_gears):
        rpm = speed_ms / radius * ratio * control.final_ratio * 60.0 / (2.0 * math.pi)
        if rpm < up * control.max_rpm:
            return index + 1
    return max(1, len(control.forward_gears))


def engine_rpm(control: PhysicsControl, speed_ms: float) -> float:
    """Engine speed in the gear of `gear`, at least idle."""
    if not control.forward_gears:
        return 0.0
    ratio = control.forward_gears[gear(control, speed_ms) - 1][0]
    radius = control.wheels[0].radius / 100.0
    return max(0.13 * control.max_rpm, speed_ms / radius * ratio * control.final_ratio * 60.0 / (2.0 * math.pi))
