"""Calls about the session: version, episode, settings, ticks and weather."""

from __future__ import annotations

from typing import Any

from sim.server import wire
from sim.server.context import Context
from sim.server.registry import call
from sim.server.settings import read_settings
from sim.server.streams import snapshot_stream
from sim.server.wire import integer, items, number

VERSION = "0.9.16"


@call("version")
def version(context: Context) -> str:
    return VERSION


@call("get_episode_info")
def get_episode_info(context: Context) -> list[Any]:
    world = context.world
    return [world.episode, [wire.token(snapshot_stream(world.episode), world.stream_port)]]


@call("get_sensor_token", takes=(integer,))
def get_sensor_token(context: Context, stream_id: int) -> list[bytes]:
    if context.world.has_stream(stream_id):
        context.hub.announce(stream_id)
    return [wire.token(stream_id & 0xFFFFFFFF, context.world.stream_port)]


@call("get_episode_settings")
def get_episode_settings(context: Context) -> list[Any]:
    return context.world.settings.packed()


@call("set_episode_settings", takes=(read_settings,))
def set_episode_settings(context: Context, settings: Any) -> int:
    context.world.settings = settings
    context.world.on_pace_change()
    return context.world.frame


@call("tick_cue")
def tick_cue(context: Context) -> int:
    return context.tick() if context.world.settings.synchronous else context.world.frame + 1


@call("get_weather_parameters")
def get_weather_parameters(context: Context) -> list[float]:
    return list(context.world.scene.weather)


@call("set_weather_parameters", takes=(items,), void=True)
def set_weather_parameters(context: Context, weather: list[Any]) -> None:
    context.world.set_weather(tuple(number(value) for value in items(weather, 14)))
