"""Calls to walkers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sim.server import wire
from sim.server.actors import Actor, WalkerControl
from sim.server.context import Context
from sim.server.errors import CallError
from sim.server.registry import call
from sim.server.wire import integer, items, number, vector


def _walker(context: Context, actor_id: int) -> Actor:
    actor = context.world.actor(actor_id)
    if not actor.is_walker:
        raise CallError(f"actor {actor_id} ({actor.description.blueprint.id}) is not a walker")
    return actor


@call("apply_control_to_walker", takes=(integer, items), void=True)
def apply_control_to_walker(context: Context, actor_id: int, control: list[Any]) -> None:
    direction, speed, jump = items(control, 3)
    context.world.control_walker(
        _walker(context, actor_id), WalkerControl(vector(direction), number(speed), bool(jump))
    )


@call("_apply_walker_state", takes=(integer, wire.pose, number), void=True)
def _apply_walker_state(context: Context, actor_id: int, pose: Any, speed: float) -> None:
    walker = _walker(context, actor_id)
    # The client's navigation knows where the feet are; a walker's own place is the middle of its body.
    context.world.carry(walker, pose._replace(z=pose.z + walker.description.blueprint.extent[2]))
    walker.walker_control = replace(walker.walker_control, speed=speed)
