"""Batches: CARLA's command objects, each carried out as the call that it stands for."""

from __future__ import annotations

from typing import Any

from sim.server import wire
from sim.server.attachment import RIGID
from sim.server.blueprints import read_description
from sim.server.context import Context
from sim.server.errors import BadArguments, CallError
from sim.server.registry import CALLS
from sim.server.wire import integer, items, text
from sim.server.world import World

SPAWN = 0
COMMANDS = 22  # alternatives in the wheel's command variant
# Index in the wheel's command variant: call, and whether its argument is bare in a batch but wrapped in the call.
_COMMANDS: dict[int, tuple[str, bool]] = {
    1: ("destroy_actor", False),
    2: ("apply_control_to_vehicle", False),
    3: ("apply_ackermann_control_to_vehicle", False),
    4: ("apply_control_to_walker", False),
    5: ("apply_physics_control", False),
    6: ("set_actor_transform", False),
    7: ("_apply_walker_state", False),
    8: ("set_actor_target_velocity", False),
    9: ("set_actor_target_angular_velocity", False),
    10: ("add_actor_impulse", False),
    11: ("add_actor_force", False),
    12: ("add_actor_angular_impulse", False),
    13: ("add_actor_torque", False),
    14: ("set_actor_simulate_physics", False),
    15: ("set_actor_enable_gravity", False),
    16: ("set_actor_autopilot", False),
    17: ("show_vehicle_debug_telemetry", False),
    18: ("set_vehicle_light_state", True),
    19: ("set_actor_location", False),
    21: ("set_traffic_light_state", False),
}
_REFUSED = {
    3: "Ackermann control is not implemented yet",
    20: "there is no Unreal console",
    21: "no town has traffic lights yet",
}


def _refusal(index: int) -> str:
    return _REFUSED.get(index, "CARLA 0.9.16 has no such command")


def unsupported_commands() -> dict[int, str]:
    """Why commands are refused, by their index in the wheel's variant."""
    return {index: _refusal(index) for index in range(1, COMMANDS) if index not in _COMMANDS}


def run(context: Context, world: World, command: Any, spawned: int = 0) -> list[Any]:
    """Carry out one command with the functions of `sim.server.calls`; returns Response<actor id>.

    `spawned` replaces actor 0, in commands that follow a spawn.
    """
    try:
        index, body = items(items(command, 1)[0], 2)
        if integer(index) == SPAWN:
            return wire.success(_spawn(context, world, items(body, 6), spawned))
        name, bare = _COMMANDS.get(index, ("", False))
        if not name:
            raise CallError(f"batch command {index} is refused because {_refusal(index)}")
        body = items(body)
        actor_id = integer(body[0]) if body else 0
        arguments = [actor_id or spawned, *body[1:]]
        known = CALLS[name]
        if len(arguments) < len(known.readers):
            raise BadArguments(f"{name} takes {len(known.readers)} arguments")
        if bare:
            arguments[1] = [arguments[1]]
        known.method(context, *(read(value) for read, value in zip(known.readers, arguments, strict=False)))
        return wire.success(arguments[0])
    except (CallError, BadArguments, OverflowError) as error:
        return wire.failure(str(error), void=False)


def _spawn(context: Context, world: World, body: list[Any], spawned: int) -> int:
    description, pose = read_description(body[0]), wire.pose(body[1])
    parent = items(body[2])
    parent_id = (integer(parent[1]) or spawned) if len(parent) == 2 and parent[0] else 0
    # The wheel sends an attachment type that nothing set where the client gave none, so batches attach rigidly only; so
    # do CARLA's servers.
    actor = world.spawn(description, pose, parent_id, RIGID, text(body[4]))
    for follow_up in items(body[5]):
        run(context, world, follow_up, actor.id)
    return actor.id
