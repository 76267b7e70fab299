"""Calls that paint the town's objects."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.server.context import Context
from sim.server.errors import BadArguments
from sim.server.registry import call
from sim.server.wire import integer, items, text

NORMAL, ROUGHNESS, DIFFUSE, EMISSIVE = range(4)  # carla.MaterialParameter


def _names(value: object) -> list[str]:
    return [text(name) for name in items(value)]


def _parameter(value: object) -> int:
    parameter = integer(value)
    if parameter not in (NORMAL, ROUGHNESS, DIFFUSE, EMISSIVE):
        raise BadArguments(f"material parameter {parameter} is not within 0 to 3")
    return parameter


def _mean_color(value: object) -> np.ndarray:
    """The mean of a texture [width, height, [[red, green, blue, alpha]]], float64 (3,); NaN of an empty one."""
    width, height, pixels = items(value, 3)
    pixels = items(pixels)
    if pixels and integer(width) * integer(height) != len(pixels):
        raise BadArguments(f"a texture of {width} x {height} with {len(pixels)} pixels")
    try:
        colors = np.asarray(pixels, np.float64).reshape(-1, 4)
    except (ValueError, TypeError) as error:
        raise BadArguments("pixels of a texture are four numbers each") from error
    return colors[:, :3].mean(axis=0) if len(colors) else np.full(3, np.nan)


def _paint(context: Context, names: list[str], parameter: int, color: np.ndarray) -> None:
    """Surfaces are flat shaded: a diffuse texture becomes its mean colour, the other parameters change nothing.

    Names that no object has are passed over, as in CARLA.
    """
    if parameter != DIFFUSE or not np.isfinite(color).all():
        return
    objects = context.world.town.objects
    chosen = [index for index, name in enumerate(objects.names) if name in set(names)]
    if chosen:
        rgb = np.clip(np.rint(color), 0, 255).astype(np.uint8)
        context.world.view.paint(np.isin(objects.triangles, chosen), rgb)
        context.world.show()


@call("apply_color_texture_to_objects", takes=(_names, _parameter, _mean_color), void=True)
def apply_color_texture_to_objects(context: Context, names: list[str], parameter: int, color: Any) -> None:
    _paint(context, names, parameter, color)


@call("apply_float_color_texture_to_objects", takes=(_names, _parameter, _mean_color), void=True)
def apply_float_color_texture_to_objects(context: Context, names: list[str], parameter: int, color: Any) -> None:
    """Components from 0 to 1."""
    _paint(context, names, parameter, 255.0 * color)
