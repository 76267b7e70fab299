"""Calls about maps: which there are, the current one, loading another, and the files that clients ask for."""

from __future__ import annotations

import hashlib
from typing import Any

from sim.maps import BrokenMap, InvalidOpenDrive, UnknownTown
from sim.maps.generated import GenerationParameters, generated_town
from sim.navigation import navigation_mesh
from sim.server import wire
from sim.server.context import Context
from sim.server.errors import BadArguments, CallError
from sim.server.registry import call
from sim.server.wire import integer, items, number, text

GENERATED = "OpenDriveMap"


def read_parameters(value: object) -> GenerationParameters:
    """carla.OpendriveGenerationParameters from its wire form. Raises BadArguments."""
    distance, length, height, width, smooth, visible, pedestrians = items(value, 7)
    metres = number(distance), number(length), number(height), number(width)
    if min(metres) < 0.0 or max(metres) > 1e4:
        raise BadArguments(f"generation parameters {metres} are not within 0 to 10000 m")
    return GenerationParameters(*metres, bool(smooth), bool(visible), bool(pedestrians))


@call("get_available_maps")
def get_available_maps(context: Context) -> list[str]:
    return [f"/Game/Carla/Maps/{name}" for name in context.maps.names()]


@call("get_map_info")
def get_map_info(context: Context) -> list[Any]:
    town = context.world.town
    return [f"Carla/Maps/{town.name}", [wire.transform(point) for point in town.spawn_points]]


@call("get_map_data")
def get_map_data(context: Context) -> str:
    return context.world.town.opendrive


def _navigation_file(context: Context) -> tuple[str, bytes]:
    """Name and content of the current town's navigation mesh; the name holds a hash, as clients cache by name."""
    data = navigation_mesh(context.world.town)
    return (f"Nav/{hashlib.sha256(data).hexdigest()[:32]}.bin", data) if data else ("", b"")


@call("get_required_files", takes=(text,))
def get_required_files(context: Context, folder: str) -> list[str]:
    # Of the other folders, "" would be the map's text, which get_map_data gives, and "TM" a cache of the roads that the
    # Traffic Manager makes for itself.
    name, _ = _navigation_file(context) if folder == "Nav" else ("", b"")
    return [name] if name else []


@call("request_file", takes=(text,))
def request_file(context: Context, name: str) -> bytes:
    known, data = _navigation_file(context)
    if not known or name != known:
        raise CallError(f"{name!r:.200} is not a file of the current map")
    return data


@call("get_navigation_mesh")
def get_navigation_mesh(context: Context) -> bytes:
    return navigation_mesh(context.world.town)


@call("load_new_episode", takes=(text, bool, integer), void=True)
def load_new_episode(context: Context, name: str, reset_settings: bool, layers: int) -> None:
    short = name.replace("\\", "/").rsplit("/", 1)[-1]
    if not short:
        town = context.world.town
    elif short == GENERATED and context.imported is not None:
        town = context.imported
    else:
        try:
            town = context.maps.load(name)
        except UnknownTown as error:
            raise CallError(f"map {name!r:.200} not found: {error}") from error
        except BrokenMap as error:
            raise CallError(str(error)) from error
    context.world.load(town, reset_settings, layers)


@call("copy_opendrive_to_file", takes=(text, read_parameters), void=True)
def copy_opendrive_to_file(context: Context, opendrive: str, parameters: GenerationParameters) -> None:
    if not opendrive.lstrip("\ufeff \t\r\n").startswith("<"):  # anything else would name a file of this machine
        raise CallError("the OpenDRIVE text cannot be read: it is not XML")
    try:
        context.imported = generated_town(opendrive, GENERATED, parameters)
    except InvalidOpenDrive as error:
        raise CallError(f"the OpenDRIVE text cannot be read: {error}") from error
