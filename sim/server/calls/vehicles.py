"""Calls to vehicles: controls, physics, lights, telemetry."""

from __future__ import annotations

import math
from typing import Any

from sim.server.ackermann import (
    AckermannControl,
    AckermannController,
    AckermannSettings,
    read_ackermann,
    read_ackermann_settings,
)
from sim.server.actors import Actor, VehicleControl
from sim.server.bodies import WHEELS
from sim.server.context import Context
from sim.server.errors import CallError
from sim.server.powertrain import data_of, read_control
from sim.server.registry import call
from sim.server.telemetry import telemetry
from sim.server.wire import integer, items, number


@call("apply_control_to_vehicle", takes=(integer, items), void=True)
def apply_control_to_vehicle(context: Context, actor_id: int, control: list[Any]) -> None:
    throttle, steer, brake, hand_brake, reverse, manual, gear = items(control, 7)
    context.world.vehicle(actor_id).shown_wheels.clear()
    context.world.control_vehicle(
        context.world.vehicle(actor_id),
        VehicleControl(
            number(throttle), number(steer), number(brake), bool(hand_brake), bool(reverse), bool(manual),
            max(-1, min(16, integer(gear))),
        ),
    )  # fmt: skip


@call("get_physics_control", takes=(integer,))
def get_physics_control(context: Context, actor_id: int) -> list[Any]:
    actor = context.world.vehicle(actor_id)
    assert actor.physics is not None
    return actor.physics.packed(actor.description.blueprint, actor.pose, _tire_frictions(context, actor))


def _tire_frictions(context: Context, actor: Actor) -> list[float]:
    """Each wheel's tyre friction as CARLA shows it: a friction trigger's while the wheel is inside one."""
    assert actor.physics is not None
    zones = context.world.friction_zones.friction(actor.id)
    return [own.tire_friction if zone is None else zone for own, zone in zip(actor.physics.wheels, zones, strict=True)]


@call("apply_physics_control", takes=(integer, read_control), void=True)
def apply_physics_control(context: Context, actor_id: int, control: Any) -> None:
    context.world.set_physics(context.world.vehicle(actor_id), control)


@call("get_vehicle_light_states")
def get_vehicle_light_states(context: Context) -> list[list[int]]:
    return [[actor.id, actor.lights] for actor in context.world.actors.values() if actor.is_vehicle]


@call("get_vehicle_light_state", takes=(integer,))
def get_vehicle_light_state(context: Context, actor_id: int) -> list[int]:
    return [context.world.vehicle(actor_id).lights]


@call("set_vehicle_light_state", takes=(integer, items), void=True)
def set_vehicle_light_state(context: Context, actor_id: int, flags: list[Any]) -> None:
    context.world.vehicle(actor_id).lights = integer(items(flags, 1)[0]) & 0xFFFFFFFF


@call("get_wheel_steer_angle", takes=(integer, integer))
def get_wheel_steer_angle(context: Context, actor_id: int, location: int) -> float:
    actor, wheel = _wheel(context, actor_id, location)
    shown = actor.shown_wheels.get(wheel)
    if shown is not None and shown[0] is not None:
        return shown[0]
    assert actor.row is not None
    return math.degrees(float(context.world.table.wheels[actor.row, wheel]["angle"]))


@call("set_wheel_steer_direction", takes=(integer, integer, number), void=True)
def set_wheel_steer_direction(context: Context, actor_id: int, location: int, angle: float) -> None:
    """Turns the wheel for the eye alone, as in CARLA; a later control of the vehicle shows its own angle again."""
    actor, wheel = _wheel(context, actor_id, location)
    actor.shown_wheels[wheel] = (angle, actor.shown_wheels.get(wheel, (None, 0.0))[1])


@call("set_wheel_pitch_angle", takes=(integer, integer, number), void=True)
def set_wheel_pitch_angle(context: Context, actor_id: int, location: int, angle: float) -> None:
    actor, wheel = _wheel(context, actor_id, location)
    actor.shown_wheels[wheel] = (actor.shown_wheels.get(wheel, (None, 0.0))[0], angle)


@call("get_wheel_pitch_angle", takes=(integer, integer))
def get_wheel_pitch_angle(context: Context, actor_id: int, location: int) -> float:
    actor, wheel = _wheel(context, actor_id, location)
    return actor.shown_wheels.get(wheel, (None, 0.0))[1]


def _wheel(context: Context, actor_id: int, location: int) -> tuple[Actor, int]:
    """A vehicle and the row of a wheel by `carla.VehicleWheelLocation`: a two-wheeler's are 0 (front) and 1 (back)."""
    actor = context.world.vehicle(actor_id)
    two = data_of(actor.description.blueprint).track == 0.0
    count = 2 if two else WHEELS
    if not 0 <= location < count:
        raise CallError(f"vehicle {actor_id} has no wheel {location}: it has {count}")
    return actor, 2 * location if two else location


@call("get_telemetry_data", takes=(integer,))
def get_telemetry_data(context: Context, actor_id: int) -> list[Any]:
    actor = context.world.vehicle(actor_id)
    return telemetry(actor, context.world.table, _tire_frictions(context, actor))


@call("apply_ackermann_control_to_vehicle", takes=(integer, read_ackermann), void=True)
def apply_ackermann_control_to_vehicle(context: Context, actor_id: int, control: AckermannControl) -> None:
    context.world.control_by_ackermann(context.world.vehicle(actor_id), control)


@call("get_ackermann_controller_settings", takes=(integer,))
def get_ackermann_controller_settings(context: Context, actor_id: int) -> list[float]:
    controller = context.world.vehicle(actor_id).ackermann
    return (AckermannSettings() if controller is None else controller.settings).packed()


@call("apply_ackermann_controller_settings", takes=(integer, read_ackermann_settings), void=True)
def apply_ackermann_controller_settings(context: Context, actor_id: int, settings: AckermannSettings) -> None:
    actor = context.world.vehicle(actor_id)
    if actor.ackermann is None:
        actor.ackermann = AckermannController()
    actor.ackermann.settings = settings
