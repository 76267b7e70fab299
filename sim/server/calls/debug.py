"""Debug shapes."""

from __future__ import annotations

from sim.server.context import Context
from sim.server.registry import call


@call("draw_debug_shape", void=True)
@call("clear_debug_shape", void=True)
@call("clear_debug_string", void=True)
def draw_debug_shape(context: Context) -> None:
    """Nobody looks through a spectator's window here."""
