"""Debug shapes."""

from __future__ import annotations

from sim.server.context import Context
from sim.server.debug_shapes import Shape, read_shape
from sim.server.registry import call


@call("draw_debug_shape", takes=(read_shape,), void=True)
def draw_debug_shape(context: Context, shape: Shape) -> None:
    context.world.scene.shapes.add(shape, context.world.elapsed_s)


@call("clear_debug_shape", void=True)
def clear_debug_shape(context: Context) -> None:
    context.world.scene.shapes.clear_shapes()


@call("clear_debug_string", void=True)
def clear_debug_string(context: Context) -> None:
    context.world.scene.shapes.clear_strings()
