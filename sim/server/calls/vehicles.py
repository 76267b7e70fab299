"""Calls to vehicles: controls, physics, lights, telemetry."""

from __future__ import annotations

from typing import Any

from sim.server.actors import VehicleControl
from sim.server.context import Context
from sim.server.powertrain import engine_rpm, read_control
from sim.server.registry import call
from sim.server.wire import integer, items, number


@call("apply_control_to_vehicle", takes=(integer, items), void=True)
def apply_control_to_vehicle(context: Context, actor_id: int, control: list[Any]) -> None:
    throttle, steer, brake, hand_brake, reverse, manual, gear = items(control, 7)
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
    return actor.physics.packed(actor.description.blueprint, actor.pose)


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
def get_wheel_steer_angle(context: Context, actor_id: int, wheel: int) -> float:
    row = context.world.row(context.world.vehicle(actor_id))
    assert row is not None
    return float(row["wheel_angle"]) * 57.29577951308232 if wheel < 2 else 0.0


@call("get_telemetry_data", takes=(integer,))
def get_telemetry_data(context: Context, actor_id: int) -> list[Any]:
    actor = context.world.vehicle(actor_id)
    row = context.world.row(actor)
    assert row is not None
    assert actor.physics is not None
    speed = float((row["vx"] ** 2 + row["vy"] ** 2) ** 0.5)
    control = actor.vehicle_control
    rpm = engine_rpm(actor.physics, speed)
    wheels = [[w.tire_friction, 0.0, 0.0, speed / (w.radius / 100.0), *[0.0] * 7] for w in actor.physics.wheels]
    drag = float(row["air_drag"]) * speed * speed
    return [speed, control.steer, control.throttle, control.brake, rpm, control.gear, drag, wheels]
