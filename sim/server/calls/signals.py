"""Calls to traffic lights."""

from __future__ import annotations

from typing import Any

from sim.server.context import Context
from sim.server.registry import call
from sim.server.signals import GREEN, RED, YELLOW
from sim.server.wire import integer, number


@call("set_traffic_light_state", takes=(integer, integer), void=True)
def set_traffic_light_state(context: Context, actor_id: int, state: int) -> None:
    context.world.signals.set_state(actor_id, state)


@call("set_traffic_light_green_time", takes=(integer, number), void=True)
def set_traffic_light_green_time(context: Context, actor_id: int, seconds: float) -> None:
    context.world.signals.set_time(actor_id, GREEN, seconds)


@call("set_traffic_light_yellow_time", takes=(integer, number), void=True)
def set_traffic_light_yellow_time(context: Context, actor_id: int, seconds: float) -> None:
    context.world.signals.set_time(actor_id, YELLOW, seconds)


@call("set_traffic_light_red_time", takes=(integer, number), void=True)
def set_traffic_light_red_time(context: Context, actor_id: int, seconds: float) -> None:
    context.world.signals.set_time(actor_id, RED, seconds)


@call("freeze_traffic_light", takes=(integer, bool), void=True)
def freeze_traffic_light(context: Context, actor_id: int, frozen: bool) -> None:
    context.world.signals.freeze(actor_id, frozen)


@call("freeze_all_traffic_lights", takes=(bool,), void=True)
def freeze_all_traffic_lights(context: Context, frozen: bool) -> None:
    context.world.signals.freeze_all(frozen)


@call("reset_traffic_light_group", takes=(integer,), void=True)
def reset_traffic_light_group(context: Context, actor_id: int) -> None:
    context.world.signals.reset_group(actor_id)


@call("reset_all_traffic_lights", void=True)
def reset_all_traffic_lights(context: Context) -> None:
    context.world.signals.reset_all()


@call("get_group_traffic_lights", takes=(integer,))
def get_group_traffic_lights(context: Context, actor_id: int) -> list[int]:
    return context.world.signals.group_of(actor_id)


@call("get_light_boxes", takes=(integer,))
def get_light_boxes(context: Context, actor_id: int) -> list[Any]:
    return context.world.signals.light_boxes(actor_id)
