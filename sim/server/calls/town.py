"""Questions about the town: its objects, its lights, and what rays meet."""

from __future__ import annotations

from typing import Any

from sim.server import queries
from sim.server.context import Context
from sim.server.registry import call
from sim.server.wire import integer, items, number, vector


@call("get_all_level_BBs", takes=(integer,))
def get_all_level_bounding_boxes(context: Context, label: int) -> list[Any]:
    return queries.level_boxes(context.world, label)


@call("get_environment_objects", takes=(integer,))
def get_environment_objects(context: Context, label: int) -> list[Any]:
    return queries.environment_objects(context.world, label)


@call("get_names_of_all_objects")
def get_names_of_all_objects(context: Context) -> list[str]:
    return queries.names(context.world)


def _ids(value: object) -> list[int]:
    return [integer(identity) for identity in items(value)]


@call("enable_environment_objects", takes=(_ids, bool), void=True)
def enable_environment_objects(context: Context, ids: list[int], enable: bool) -> None:
    context.world.view.switch_objects(ids, enable)
    context.world.show()


@call("load_map_layer", takes=(integer,), void=True)
def load_map_layer(context: Context, layers: int) -> None:
    context.world.view.switch_layers(layers, True)
    context.world.show()


@call("unload_map_layer", takes=(integer,), void=True)
def unload_map_layer(context: Context, layers: int) -> None:
    context.world.view.switch_layers(layers, False)
    context.world.show()


@call("cast_ray", takes=(vector, vector))
def cast_ray(context: Context, start: Any, end: Any) -> list[Any]:
    return queries.cast_ray(context.world, start, end)


@call("project_point", takes=(vector, vector, number))
def project_point(context: Context, start: Any, direction: Any, distance: float) -> list[Any]:
    end = tuple(a + distance * b for a, b in zip(start, direction))
    hits = queries.cast_ray(context.world, start, end)
    return [True, hits[0]] if hits else [False, [[0.0, 0.0, 0.0], 0]]
