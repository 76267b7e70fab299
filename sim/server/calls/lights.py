"""CARLA's light manager: the lamps of the town."""

from __future__ import annotations

from typing import Any

from sim.server.context import Context
from sim.server.lights import read_light
from sim.server.registry import call
from sim.server.scene import SUN_ALTITUDE
from sim.server.wire import items, text

# Every client sends the server's address as its name, so a client is known by its connection instead.


@call("query_lights_state", takes=(text,))
def query_lights_state(context: Context, name: str) -> list[Any]:
    return context.world.lights.query(context.client)


@call("update_lights_state", takes=(text, items), void=True)
def update_lights_state(context: Context, name: str, lights: list[Any]) -> None:
    context.world.lights.update(context.client, [read_light(light) for light in lights])


@call("update_day_night_cycle", takes=(text, bool), void=True)
def update_day_night_cycle(context: Context, name: str, active: bool) -> None:
    context.world.lights.set_cycle(active, context.world.scene.weather[SUN_ALTITUDE])
