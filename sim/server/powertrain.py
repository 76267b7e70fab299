"""A vehicle's physics control, as CARLA's clients read and write it, and what it means to the dynamics."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim.geometry import Pose, product, rotation_matrix
from sim.server.blueprints import Blueprint
from sim.server.bodies import MAX_GEARS, STEER_SAMPLES, STEER_STEP_KMH, TORQUE_SAMPLES, WHEELS, BodyTable
from sim.server.drive_line import RPM
from sim.server.errors import BadArguments, CallError
from sim.server.vehicle_data import VehicleData, vehicle_data
from sim.server.vehicle_physics import CONTROLLED_SLIP, GRAVITY
from sim.server.wire import integer, items, number, vector

# CARLA's default tyre friction stands for dry asphalt and a good road tyre, which grips a little more along than
# across. The scale saturates: half of it still grips well, as a tyre on wet asphalt does.
DEFAULT_TIRE_FRICTION = 3.5
FRICTION_SCALE = 2.0
DRY_ALONG, DRY_ACROSS = 1.20, 1.05
# Road cars slide over the front wheels first: these grip and steer a little less.
FRONT_GRIP, REAR_STIFFNESS = 0.93, 1.15
AIR_DENSITY = 1.225
ENGINE_INERTIA = 0.0005  # kg m^2 per N m of peak torque
# Share of the peak torque that friction takes at the highest speed: at full throttle (what data sheets' torque does
# not have), coasting with the clutch engaged, and disengaged.
ENGINE_FRICTION = (0.02, 0.2, 0.3)
BRAKE_MARGIN = 1.25  # of the brakes over what dry asphalt takes
HAND_BRAKE_MARGIN = 1.5  # of the hand brake over what locks an unloaded rear wheel
# CARLA's longitudinal stiffness of 1000 stands for this slip stiffness per load.
SLIP_STIFFNESS, DEFAULT_LONG_STIFFNESS = 15.0, 1000.0
LATERAL_STIFFNESS, LATERAL_MAX_LOAD = 17.0, 2.0  # PhysX's defaults: per rad and rest load; in rest loads


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

    def packed(self, blueprint: Blueprint, pose: Pose, tire_frictions: list[float] | None = None) -> list[Any]:
        """Wire form, with the wheels' positions (cm, world) of a vehicle at `pose`, and other tyre frictions."""
        wheels = [
            [*_wheel_values(wheel), position]
            for wheel, position in zip(self.wheels, wheel_positions(blueprint, pose), strict=True)
        ]
        for wheel, friction in zip(wheels, tire_frictions or [], strict=False):
            wheel[0] = friction
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


def data_of(blueprint: Blueprint) -> VehicleData:
    """The data of a vehicle's model."""
    return vehicle_data(blueprint.id, blueprint.kind)


def wheel_places(data: VehicleData) -> list[tuple[float, float]]:
    """x, y (m, body frame) of front left, front right, rear left and rear right."""
    along, across = 0.5 * data.wheelbase, 0.5 * data.track
    return [(along, -across), (along, across), (-along, -across), (-along, across)]


def wheel_positions(blueprint: Blueprint, pose: Pose) -> list[list[float]]:
    """World positions (cm) of the wheels' centres: front left, front right, rear left, rear right."""
    data = data_of(blueprint)
    local = [(x, y, data.wheel_radius) for x, y in wheel_places(data)]
    turned = product(np.asarray(local), rotation_matrix(pose.pitch, pose.yaw, pose.roll).T)
    return (100.0 * (turned + np.array(pose[:3]))).tolist()


MAX_ANGLE = 1.4  # rad; no wheel turns further


def steer_wheels(table: BodyTable, index: int, angle: float) -> None:
    """Turn the wheels of row `index` as the physics does for an inner wheel at `angle` (rad)."""
    row = table.rows[index]
    base = float(row["front"] + row["rear"])
    tangent = math.tan(min(MAX_ANGLE, max(-MAX_ANGLE, angle)))
    middle = tangent / (1.0 + abs(tangent) * float(row["half_track"]) / base)
    row["wheel_angle"] = angle
    for wheel in table.wheels[index]:
        turns = wheel["max_steer"] > 0.0
        wheel["angle"] = math.atan(middle / (1.0 - middle * float(wheel["y"]) / base)) if turns else 0.0


def default_control(blueprint: Blueprint) -> PhysicsControl:
    """The physics control that a freshly spawned vehicle has.

    Two-wheelers have four wheels too, in two pairs without track, as CARLA's have.
    """
    data = data_of(blueprint)
    engine = data.engine
    brake = BRAKE_MARGIN * DRY_ALONG * data.grip * data.mass * GRAVITY * data.wheel_radius / WHEELS

    def friction(share: float) -> float:
        return round(share * engine.torque_nm * RPM / engine.max_rpm, 5)

    front = Wheel(
        tire_friction=DEFAULT_TIRE_FRICTION,
        damping_rate=0.25,
        max_steer_angle=data.max_steer_deg,
        radius=100.0 * data.wheel_radius,
        max_brake_torque=round(brake, 1),
        max_handbrake_torque=0.0,
        lat_stiff_max_load=LATERAL_MAX_LOAD,
        lat_stiff_value=LATERAL_STIFFNESS,
        long_stiff_value=DEFAULT_LONG_STIFFNESS,
    )
    rear = replace(front, max_steer_angle=0.0, max_handbrake_torque=round(HAND_BRAKE_MARGIN * brake, 1))
    return PhysicsControl(
        torque_curve=engine.curve(),
        max_rpm=engine.max_rpm,
        moi=round(ENGINE_INERTIA * engine.torque_nm, 5),
        damping=(friction(ENGINE_FRICTION[0]), friction(ENGINE_FRICTION[1]), friction(ENGINE_FRICTION[2])),
        use_gear_autobox=True,
        gear_switch_time=data.gearbox.switch_s,
        clutch_strength=10.0,
        final_ratio=data.final_ratio,
        forward_gears=tuple((ratio, 0.3, 0.65) for ratio in data.gearbox.ratios),
        mass=data.mass,
        drag_coefficient=data.drag,
        center_of_mass=(round((data.front_weight - 0.5) * data.wheelbase, 4), 0.0, data.cog_height),
        steering_curve=((0.0, 1.0), (20.0, 0.9), (60.0, 0.8), (120.0, 0.7)),
        wheels=(front, front, rear, rear),
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
    if control.max_rpm <= 0.0 or control.final_ratio < 0.0 or any(gear[0] <= 0.0 for gear in control.forward_gears):
        raise CallError("physics control: max_rpm and gear ratios must be positive")
    if len(control.forward_gears) > MAX_GEARS:
        raise CallError(f"physics control: {len(control.forward_gears)} gears given, at most {MAX_GEARS} are supported")
    return control


def _point(value: object) -> tuple[float, float]:
    x, y = items(value, 2)
    return number(x), number(y)


def apply_control(control: PhysicsControl, blueprint: Blueprint, table: BodyTable, index: int) -> None:
    """Write a physics control's meaning into row `index` of the body table.

    Raises CallError when it has not one wheel per wheel of the blueprint.
    """
    if blueprint.wheels == 0:
        raise BadArguments(f"{blueprint.id} has no physics control")
    if len(control.wheels) != WHEELS:
        raise CallError(f"physics control of {blueprint.id}: {len(control.wheels)} wheels given, it has {WHEELS}")
    data = data_of(blueprint)
    row = table.rows[index]
    half_x, half_y, _ = blueprint.extent
    mass = control.mass
    com_x = min(0.45, max(-0.45, control.center_of_mass[0] / data.wheelbase)) * data.wheelbase
    row["mass"] = mass
    row["inertia"] = 0.8 * mass * ((2 * half_x) ** 2 + (2 * half_y) ** 2) / 12.0
    row["com_x"] = com_x
    row["front"], row["rear"] = 0.5 * data.wheelbase - com_x, 0.5 * data.wheelbase + com_x
    row["cog_height"] = max(0.05, control.center_of_mass[2])
    row["half_track"] = 0.5 * data.track
    row["leans"] = data.track == 0.0
    row["max_steer"] = math.radians(min(80.0, max(abs(wheel.max_steer_angle) for wheel in control.wheels)))
    row["max_rpm"] = control.max_rpm
    row["idle_rpm"] = min(data.engine.idle_rpm, 0.5 * control.max_rpm)
    row["engine_inertia"] = max(0.0, control.moi)
    row["damping_full"], row["damping_coasting"] = (max(0.0, rate) for rate in control.damping[:2])
    row["efficiency"] = data.efficiency
    row["final_ratio"] = control.final_ratio
    row["switch_time"] = max(0.0, control.gear_switch_time)
    row["front_drive"] = data.front_drive
    row["autobox"] = control.use_gear_autobox
    row["gears"] = len(control.forward_gears)
    row["air_drag"] = 0.5 * AIR_DENSITY * max(0.0, control.drag_coefficient) * data.frontal_area
    curves = table.curves
    for k, gear in enumerate(control.forward_gears):
        curves.gears[index, k] = gear
    curves.torque[index] = _sampled(control.torque_curve, np.linspace(0.0, control.max_rpm, TORQUE_SAMPLES), 0.0)
    curves.steer[index] = _sampled(control.steering_curve, np.arange(STEER_SAMPLES) * STEER_STEP_KMH, 1.0)
    for k, (wheel, (x, y)) in enumerate(zip(control.wheels, wheel_places(data), strict=True)):
        _apply_wheel(wheel, table.wheels[index, k], k, data)
        table.wheels[index, k]["x"], table.wheels[index, k]["y"] = x, y
        share = (row["rear"] if k < 2 else row["front"]) / data.wheelbase
        rest = 0.5 * mass * GRAVITY * float(share)
        table.wheels[index, k]["rest_load"] = table.wheels[index, k]["load"] = rest
        stiffness = wheel.lat_stiff_value * (1.0 if k < 2 else REAR_STIFFNESS)
        table.wheels[index, k]["stiffness"] = max(0.0, stiffness) * rest


def _apply_wheel(wheel: Wheel, out: np.void, position: int, data: VehicleData) -> None:
    front = position < 2
    out["radius"] = wheel.radius / 100.0
    out["slip_stiffness"] = SLIP_STIFFNESS * max(0.0, wheel.long_stiff_value) / DEFAULT_LONG_STIFFNESS
    set_friction(out, wheel.tire_friction, front, data)
    out["max_steer"] = math.radians(abs(wheel.max_steer_angle))
    out["brake_torque"], out["hand_torque"] = max(0.0, wheel.max_brake_torque), max(0.0, wheel.max_handbrake_torque)
    out["drive_share"] = 0.5 * (data.front_drive if front else 1.0 - data.front_drive)
    out["stiffness_load"] = max(0.1, wheel.lat_stiff_max_load)


def set_friction(out: np.void, tire_friction: float, front: bool, data: VehicleData) -> None:
    """Write what CARLA's tyre friction means into a row of wheels whose slip stiffness is set."""
    scale = max(0.0, tire_friction) / FRICTION_SCALE
    share = (1.0 - math.exp(-scale)) / (1.0 - math.exp(-DEFAULT_TIRE_FRICTION / FRICTION_SCALE))
    grip = share * data.grip
    out["friction"], out["friction_across"] = DRY_ALONG * grip, DRY_ACROSS * grip * (FRONT_GRIP if front else 1.0)
    out["slip_share"] = math.tanh(out["slip_stiffness"] * CONTROLLED_SLIP / out["friction"]) if grip > 0.0 else 0.0


def _sampled(points: tuple[tuple[float, float], ...], at: np.ndarray, empty: float) -> np.ndarray:
    """A curve's values (linear, constant beyond its ends) at `at`; `empty` everywhere when it has no points."""
    if not points:
        return np.full(len(at), empty)
    ordered = sorted(points)
    return np.interp(at, [x for x, _ in ordered], [y for _, y in ordered])
