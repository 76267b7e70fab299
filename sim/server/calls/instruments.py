"""Calls about sensors, other than listening to them, and about what the server's window shows."""

from __future__ import annotations

from typing import Any

from sim.server.context import Context
from sim.server.errors import CallError
from sim.server.registry import call
from sim.server.v2x import CustomV2xSensor
from sim.server.wire import integer, items, number, text

MAX_IGNORED = 4096


@call("set_ignored_vehicles", takes=(integer, items), void=True)
def set_ignored_vehicles(context: Context, sensor_id: int, vehicles: list[Any]) -> None:
    sensor = context.world.actor(sensor_id)
    if not sensor.description.blueprint.id.startswith("sensor."):
        raise CallError(f"actor {sensor_id} ({sensor.description.blueprint.id}) is not a sensor")
    if len(vehicles) > MAX_IGNORED:
        raise CallError(f"set_ignored_vehicles: more than {MAX_IGNORED} vehicles")
    sensor.ignored = frozenset(context.world.vehicle(integer(vehicle)).id for vehicle in vehicles)


@call("send", takes=(integer, text), void=True)
def send(context: Context, sensor_id: int, message: str) -> None:
    """A client's message goes on the air of custom V2X sensors."""
    sensor = context.world.sensor(sensor_id)
    if not isinstance(sensor, CustomV2xSensor):
        raise CallError(f"actor {sensor_id} is no sensor.other.v2x_custom: it cannot send messages")
    sensor.send(context.world.ether, context.world.frame, message)


@call("get_imui_gravity")
def get_imui_gravity(context: Context) -> float:
    return context.world.imu_gravity


@call("set_imui_gravity", takes=(number,), void=True)
def set_imui_gravity(context: Context, gravity: float) -> None:
    context.world.imu_gravity = gravity


@call("is_sensor_enabled_for_ros", takes=(integer,))
def is_sensor_enabled_for_ros(context: Context, stream_id: int) -> bool:
    """Never: `enable_sensor_for_ros` is refused."""
    return False


@call("show_vehicle_debug_telemetry", takes=(integer, bool), void=True)
def show_vehicle_debug_telemetry(context: Context, vehicle_id: int, shown: bool) -> None:
    vehicle = context.world.vehicle(vehicle_id)
    scene = context.world.scene
    if shown:
        scene.telemetry = vehicle  # of one vehicle at a time, as in CARLA
    elif scene.telemetry is vehicle:
        scene.telemetry = None
