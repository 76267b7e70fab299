"""Questions about the town: its objects, its lights, and what rays meet."""

from __future__ import annotations

from typing import Any

from sim.server import queries
from sim.server.context import Context
from sim.server.registry import call
from sim.server.wire import integer, number, vector


@call("get_all_level_BBs", takes=(integer,))
def get_all_level_bounding_boxes(context: Context, label: int) -> list[Any]:
    return queries.level_boxes(context.world, label)


@call("get_environment_objects", takes=(integer,))
def get_environment_objects(context: Context, label: int) -> list[Any]:
    return queries.environment_objects(context.world, label)


@call("get_names_of_all_objects")
def get_names_of_all_objects(context: Context) -> list[str]:
    return [entry[3] for entry in queries.environment_objects(context.world, queries.ANY)]


@call("cast_ray", takes=(vector, vector))
def cast_ray(context: Context, start: Any, end: Any) -> list[Any]:
    return queries.cast_ray(context.world, start, end)


@call("project_point", takes=(vector, vector, number))
def project_point(context: Context, start: Any, direction: Any, distance: float) -> list[Any]:
    end = tuple(a + distance * b for a, b in zip(start, direction))
    hits = queries.cast_ray(context.world, start, end)
    return [True, hits[0]] if hits else [False, [[0.0, 0.0, 0.0], 0]]
