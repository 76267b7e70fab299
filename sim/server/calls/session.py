"""Calls about the session: version, maps, episodes, settings, ticks and weather."""

from __future__ import annotations

from typing import Any

from sim.maps import Town
from sim.server import wire
from sim.server.context import Context
from sim.server.errors import CallError
from sim.server.registry import call
from sim.server.settings import read_settings
from sim.server.wire import integer, items, number, text

VERSION = "0.9.16"


@call("version")
def version(context: Context) -> str:
    return VERSION


@call("get_available_maps")
def get_available_maps(context: Context) -> list[str]:
    return [f"/Game/Carla/Maps/{name}" for name in context.towns]


@call("get_episode_info")
def get_episode_info(context: Context) -> list[Any]:
    return [context.world.episode, [wire.token(1, context.world.stream_port)]]


@call("get_sensor_token", takes=(integer,))
def get_sensor_token(context: Context, stream_id: int) -> list[bytes]:
    context.hub.announce(stream_id)
    return [wire.token(stream_id & 0xFFFFFFFF, context.world.stream_port)]


@call("get_map_info")
def get_map_info(context: Context) -> list[Any]:
    town = context.world.town
    return [f"Carla/Maps/{town.name}", [wire.transform(point) for point in town.spawn_points]]


@call("get_map_data")
def get_map_data(context: Context) -> str:
    return context.world.town.opendrive


@call("get_required_files", takes=(text,))
def get_required_files(context: Context, folder: str) -> list[str]:
    return []


@call("load_new_episode", takes=(text, bool), void=True)
def load_new_episode(context: Context, name: str, reset_settings: bool) -> None:
    short = name.rsplit("/", 1)[-1]
    if not short or short == context.world.town.name:
        town: Town = context.world.town
    elif short == "OpenDriveMap" and context.imported is not None:
        town = context.imported()
    else:
        try:
            town = context.load_town(short)
        except ValueError as error:
            raise CallError(f"map {name!r} not found: {error}") from error
    context.world.load(town, reset_settings)


@call("copy_opendrive_to_file", takes=(text,), void=True)
def copy_opendrive_to_file(context: Context, opendrive: str) -> None:
    from sim.maps import InvalidOpenDrive, load_xodr

    if not opendrive.lstrip().startswith("<"):  # anything else would name a file of this machine
        raise CallError("the OpenDRIVE text cannot be read: it is not XML")
    try:
        town = load_xodr(opendrive, "OpenDriveMap")
    except (InvalidOpenDrive, ValueError, KeyError) as error:
        raise CallError(f"the OpenDRIVE text cannot be read: {error}") from error
    context.imported = lambda: town


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
    return context.world.tick() if context.world.settings.synchronous else context.world.frame + 1


@call("get_weather_parameters")
def get_weather_parameters(context: Context) -> list[float]:
    return list(context.world.scene.weather)


@call("set_weather_parameters", takes=(items,), void=True)
def set_weather_parameters(context: Context, weather: list[Any]) -> None:
    context.world.set_weather(tuple(number(value) for value in items(weather, 14)))
