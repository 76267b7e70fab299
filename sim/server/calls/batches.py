"""`apply_batch`: many commands in one call."""

from __future__ import annotations

from typing import Any

from sim.server import batch
from sim.server.calls.session import tick_cue
from sim.server.context import Context
from sim.server.registry import call
from sim.server.wire import items


@call("apply_batch", takes=(items, bool), raw=True)
def apply_batch(context: Context, commands: list[Any], tick: bool) -> list[Any]:
    results = [batch.run(context, context.world, command) for command in commands]
    if tick:
        tick_cue(context)
    return results
