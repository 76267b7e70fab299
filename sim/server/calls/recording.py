"""The recorder and the replayer."""

from __future__ import annotations

from sim.geometry import Pose
from sim.maps import Town
from sim.server import wire
from sim.server.calls.maps import GENERATED
from sim.server.context import Context
from sim.server.errors import BadArguments, CallError
from sim.server.recorder import reports
from sim.server.recorder.folder import locate
from sim.server.registry import call
from sim.server.wire import integer, number, text

MAX_TIME_FACTOR = 1000.0


def character(value: object) -> str:
    """A C++ char, which travels as its code. Raises BadArguments."""
    code = integer(value)
    if not 0 <= code < 128:
        raise BadArguments(f"expected a character, got {code}")
    return chr(code)


@call("start_recorder", takes=(text, bool))
def start_recorder(context: Context, name: str, additional: bool) -> str:
    return context.world.recorder.start_recording(context.world, name, additional)


@call("stop_recorder", void=True)
def stop_recorder(context: Context) -> None:
    context.world.recorder.stop_recording()


@call("show_recorder_file_info", takes=(text, bool))
def show_recorder_file_info(context: Context, name: str, show_all: bool) -> str:
    path = locate(context.world.recorder.folder, name)
    return reports.file_info(path, show_all) + context.world.recorder.note(path)


@call("show_recorder_collisions", takes=(text, character, character))
def show_recorder_collisions(context: Context, name: str, first: str, second: str) -> str:
    path = locate(context.world.recorder.folder, name)
    return reports.collisions(path, first, second) + context.world.recorder.note(path)


@call("show_recorder_actors_blocked", takes=(text, number, number))
def show_recorder_actors_blocked(context: Context, name: str, min_time: float, min_distance: float) -> str:
    path = locate(context.world.recorder.folder, name)
    return reports.blocked(path, min_time, min_distance) + context.world.recorder.note(path)


@call("replay_file", takes=(text, number, number, integer, bool, wire.pose))
def replay_file(
    context: Context, name: str, start: float, duration: float, follow: int, sensors: bool, offset: Pose
) -> str:
    def load_town(town: str) -> Town:
        return context.imported if town == GENERATED and context.imported is not None else context.maps.load(town)

    return context.world.recorder.replay(context.world, load_town, name, start, duration, follow, sensors, offset)


@call("stop_replayer", takes=(bool,), void=True)
def stop_replayer(context: Context, keep_actors: bool) -> None:
    context.world.recorder.stop_replay(context.world, keep_actors)


@call("set_replayer_time_factor", takes=(number,), void=True)
def set_replayer_time_factor(context: Context, factor: float) -> None:
    if not 0.0 <= factor <= MAX_TIME_FACTOR:
        raise CallError(f"set_replayer_time_factor: {factor:g} is not within 0 to {MAX_TIME_FACTOR:g}")
    context.world.recorder.options.time_factor = factor


@call("set_replayer_ignore_hero", takes=(bool,), void=True)
def set_replayer_ignore_hero(context: Context, ignore: bool) -> None:
    context.world.recorder.options.ignore_hero = ignore


@call("set_replayer_ignore_spectator", takes=(bool,), void=True)
def set_replayer_ignore_spectator(context: Context, ignore: bool) -> None:
    context.world.recorder.options.ignore_spectator = ignore
