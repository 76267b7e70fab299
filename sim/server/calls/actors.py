"""Calls that any actor answers: spawning, destroying, moving, pushing, switching physics."""

from __future__ import annotations

import math
from typing import Any

from sim.server import wire
from sim.server.blueprints import CATALOGUE, read_description
from sim.server.context import Context
from sim.server.embodiment import push
from sim.server.registry import call
from sim.server.wire import integer, items, text, vector


@call("get_actor_definitions")
def get_actor_definitions(context: Context) -> list[Any]:
    return [blueprint.packed() for blueprint in CATALOGUE.values()]


@call("get_actors_by_id", takes=(items,))
def get_actors_by_id(context: Context, ids: list[Any]) -> list[Any]:
    actors = context.world.actors
    return [actors[i].packed(context.world.stream_port) for i in ids if isinstance(i, int) and i in actors]


@call("get_spectator")
def get_spectator(context: Context) -> list[Any]:
    return context.world.spectator.packed(context.world.stream_port)


@call("spawn_actor", takes=(read_description, wire.pose))
def spawn_actor(context: Context, description: Any, pose: Any) -> list[Any]:
    return context.world.spawn(description, pose).packed(context.world.stream_port)


@call("spawn_actor_with_parent", takes=(read_description, wire.pose, integer, integer, text))
def spawn_actor_with_parent(
    context: Context, description: Any, pose: Any, parent: int, attachment: int, socket: str
) -> list[Any]:
    return context.world.spawn(description, pose, parent, attachment, socket).packed(context.world.stream_port)


@call("destroy_actor", takes=(integer,))
def destroy_actor(context: Context, actor_id: int) -> bool:
    return context.world.destroy(actor_id)


@call("get_actor_bounding_box", takes=(integer,))
def get_actor_bounding_box(context: Context, actor_id: int) -> list[Any]:
    return context.world.actor(actor_id).bounding_box()


@call("set_actor_transform", takes=(integer, wire.pose), void=True)
def set_actor_transform(context: Context, actor_id: int, pose: Any) -> None:
    context.world.move(context.world.actor(actor_id), pose)


@call("set_actor_location", takes=(integer, vector), void=True)
def set_actor_location(context: Context, actor_id: int, location: tuple[float, float, float]) -> None:
    actor = context.world.actor(actor_id)
    now = actor.relative if actor.parent is not None and actor.relative is not None else actor.pose
    row = context.world.row(actor)
    if row is not None and actor.parent is None:
        now = now._replace(pitch=float(row["pitch"]), yaw=float(row["yaw"]), roll=float(row["roll"]))
    context.world.move(actor, now._replace(x=location[0], y=location[1], z=location[2]))


@call("set_actor_target_velocity", takes=(integer, vector), void=True)
def set_actor_target_velocity(context: Context, actor_id: int, velocity: tuple[float, float, float]) -> None:
    row = context.world.row(context.world.actor(actor_id))
    if row is not None:
        row["vx"], row["vy"], row["vz"] = velocity
        row["fresh"] = 1


@call("set_actor_target_angular_velocity", takes=(integer, vector), void=True)
def set_actor_target_angular_velocity(context: Context, actor_id: int, velocity: tuple[float, float, float]) -> None:
    row = context.world.row(context.world.actor(actor_id))
    if row is not None:
        row["wx"], row["wy"], row["wz"] = velocity


@call("enable_actor_constant_velocity", takes=(integer, vector), void=True)
def enable_actor_constant_velocity(context: Context, actor_id: int, velocity: tuple[float, float, float]) -> None:
    row = context.world.row(context.world.vehicle(actor_id))
    assert row is not None
    row["hold"], row["hold_vx"], row["hold_vy"] = 1, velocity[0], velocity[1]


@call("disable_actor_constant_velocity", takes=(integer,), void=True)
def disable_actor_constant_velocity(context: Context, actor_id: int) -> None:
    row = context.world.row(context.world.vehicle(actor_id))
    assert row is not None
    row["hold"] = 0


def _push(context: Context, actor_id: int, impulse: Any, spin: Any = (0.0, 0.0, 0.0), at: Any = None) -> None:
    row = context.world.row(context.world.actor(actor_id))
    if row is not None:
        push(row, impulse, spin, at)


@call("add_actor_impulse", takes=(integer, vector), void=True)
def add_actor_impulse(context: Context, actor_id: int, impulse: tuple[float, float, float]) -> None:
    _push(context, actor_id, impulse)


@call("add_actor_impulse_at_location", takes=(integer, vector, vector), void=True)
def add_actor_impulse_at_location(context: Context, actor_id: int, impulse: Any, location: Any) -> None:
    _push(context, actor_id, impulse, at=location)


@call("add_actor_force", takes=(integer, vector), void=True)
def add_actor_force(context: Context, actor_id: int, force: tuple[float, float, float]) -> None:
    context.world.add_force(context.world.actor(actor_id), force)


@call("add_actor_force_at_location", takes=(integer, vector, vector), void=True)
def add_actor_force_at_location(context: Context, actor_id: int, force: Any, location: Any) -> None:
    actor = context.world.actor(actor_id)
    row = context.world.row(actor)
    if row is not None:
        center = float(row["x"]), float(row["y"]), float(row["z"] + row["cz"])
        x, y, z = (a - b for a, b in zip(location, center))
        torque = (y * force[2] - z * force[1], z * force[0] - x * force[2], x * force[1] - y * force[0])
        context.world.add_force(actor, force, torque)


# CARLA gives angular impulses in degrees: kg m^2 times degrees per second, and torques in that per second.


@call("add_actor_angular_impulse", takes=(integer, vector), void=True)
def add_actor_angular_impulse(context: Context, actor_id: int, impulse: tuple[float, float, float]) -> None:
    _push(context, actor_id, (0.0, 0.0, 0.0), _radians(impulse))


@call("add_actor_torque", takes=(integer, vector), void=True)
def add_actor_torque(context: Context, actor_id: int, torque: tuple[float, float, float]) -> None:
    context.world.add_force(context.world.actor(actor_id), (0.0, 0.0, 0.0), _radians(torque))


def _radians(turn: tuple[float, float, float]) -> tuple[float, float, float]:
    return math.radians(turn[0]), math.radians(turn[1]), math.radians(turn[2])


@call("set_actor_simulate_physics", takes=(integer, bool), void=True)
def set_actor_simulate_physics(context: Context, actor_id: int, enabled: bool) -> None:
    actor = context.world.actor(actor_id)
    row = context.world.row(actor)
    if row is not None:
        row["simulate"] = enabled and actor.parent is None
        if not enabled:
            for name in ("vx", "vy", "vz", "wx", "wy", "wz", "ax", "ay", "az"):
                row[name] = 0.0


@call("set_actor_collisions", takes=(integer, bool), void=True)
def set_actor_collisions(context: Context, actor_id: int, enabled: bool) -> None:
    row = context.world.row(context.world.actor(actor_id))
    if row is not None:
        row["collide"] = enabled


@call("set_actor_enable_gravity", takes=(integer, bool), void=True)
def set_actor_enable_gravity(context: Context, actor_id: int, enabled: bool) -> None:
    row = context.world.row(context.world.actor(actor_id))
    if row is not None:
        row["gravity"] = enabled


@call("set_actor_dead", takes=(integer,), void=True)
def set_actor_dead(context: Context, actor_id: int) -> None:
    actor = context.world.actor(actor_id)
    row = context.world.row(actor)
    if row is not None:
        row["down"] = 1
        row["simulate"] = actor.parent is None  # a walker that its client's navigation led falls too


@call("set_actor_autopilot", takes=(integer, bool), void=True)
def set_actor_autopilot(context: Context, actor_id: int, enabled: bool) -> None:
    # The client's Traffic Manager drives; the server only accepts the flag.
    context.world.vehicle(actor_id)
