"""What a vehicle's gauges show: engine, gear, and each wheel's load, slip and forces."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.server.actors import Actor
from sim.server.bodies import WHEELS, BodyTable
from sim.server.vehicle_physics import CONTROLLED_SLIP


def telemetry(actor: Actor, table: BodyTable, friction: list[float]) -> list[Any]:
    """Wire form of VehicleTelemetryData: speed (m/s), steer, throttle, brake, engine 1/min, gear, air drag (N), wheels.

    A wheel's: CARLA's tyre friction, slip across (rad) and along (-), rotation (rad/s), load (N) and its share of the
    load at rest, torque (N m), forces along and across (N) and their shares of the load at rest. PhysX reports the
    same; loads and forces are those of the newest substep.
    """
    assert actor.row is not None
    assert actor.physics is not None
    row, wheels = table.rows[actor.row], table.wheels[actor.row]
    yaw, spin = math.radians(row["yaw"]), math.radians(row["wz"])
    c, s = math.cos(yaw), math.sin(yaw)
    u, v = c * row["vx"] + s * row["vy"], -s * row["vx"] + c * row["vy"]
    out = []
    for k in range(WHEELS):
        out.append([friction[k], *_wheel(wheels[k], u - spin * wheels[k]["y"], v + spin * wheels[k]["x"])])
    speed = math.sqrt(row["vx"] ** 2 + row["vy"] ** 2 + row["vz"] ** 2)
    control = actor.vehicle_control
    drag = float(row["air_drag"] * u * u)
    return [
        speed, control.steer, control.throttle, control.brake, float(row["rpm"]), int(row["gear"]), drag, out
    ]  # fmt: skip


def _wheel(wheel: np.void, u: float, v: float) -> list[float]:
    c, s = math.cos(wheel["angle"]), math.sin(wheel["angle"])
    along, across = u * c + v * s, -u * s + v * c
    load, rest = float(wheel["load"]), max(float(wheel["rest_load"]), 1.0)
    slip_angle = math.atan2(across, max(abs(along), 0.5)) if abs(along) + abs(across) > 1e-3 else 0.0
    slip, omega = -1.0 if along >= 0.0 else 1.0, 0.0
    if not wheel["locked"]:
        # Inverse of the tyre curve along the wheel: the slip that gives the force.
        grip = float(wheel["friction"]) * load
        share = min(0.999, max(-0.999, float(wheel["along"]) / grip)) if grip > 1.0 else 0.0
        stiffness = max(float(wheel["slip_stiffness"]) * load, 1.0)
        slip = min(CONTROLLED_SLIP, max(-CONTROLLED_SLIP, math.atanh(share) * grip / stiffness)) if grip > 1.0 else 0.0
        omega = along / float(wheel["radius"]) * (1.0 + math.copysign(1.0, along) * slip)
    forces = float(wheel["along"]), float(wheel["across"])
    return [
        slip_angle, slip, omega, load, load / rest, float(wheel["torque"]), *forces, forces[0] / rest, forces[1] / rest
    ]  # fmt: skip
