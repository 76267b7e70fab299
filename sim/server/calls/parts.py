"""Calls about the parts of actors: components, bones, sockets, doors, and the poses of walkers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from sim.geometry import Pose, compose
from sim.server import parts, skeleton, wire
from sim.server.actors import ALL_DOORS, Actor
from sim.server.context import Context
from sim.server.errors import BadArguments, CallError
from sim.server.registry import call
from sim.server.wire import integer, items, number, text

MAX_BONES = 256


def _component(context: Context, actor_id: int, name: str) -> tuple[Actor, parts.Part]:
    actor = context.world.actor(actor_id)
    for part in parts.components(actor):
        if part.name == name:
            return actor, part
    raise CallError(f"actor {actor_id} ({actor.description.blueprint.id}) has no component {name!r:.60}")


def _bones(context: Context, actor_id: int) -> tuple[Actor, list[parts.Part]]:
    """Raises CallError for an actor without a skeleton."""
    world = context.world
    actor = world.actor(actor_id)
    row = world.row(actor)
    steer = math.degrees(float(row["wheel_angle"])) if row is not None else 0.0
    found = parts.bones(actor, steer)
    if not found:
        raise CallError(f"actor {actor_id} ({actor.description.blueprint.id}) has no skeleton")
    return actor, found


@call("get_actor_component_names", takes=(integer,))
def get_actor_component_names(context: Context, actor_id: int) -> list[str]:
    return [part.name for part in parts.components(context.world.actor(actor_id))]


@call("get_actor_component_world_transform", takes=(integer, text))
def get_actor_component_world_transform(context: Context, actor_id: int, name: str) -> list[Any]:
    actor, part = _component(context, actor_id, name)
    return wire.transform(parts.in_world(actor, part))


@call("get_actor_component_relative_transform", takes=(integer, text))
def get_actor_component_relative_transform(context: Context, actor_id: int, name: str) -> list[Any]:
    return wire.transform(_component(context, actor_id, name)[1].pose)


@call("get_actor_bone_names", takes=(integer,))
def get_actor_bone_names(context: Context, actor_id: int) -> list[str]:
    return [part.name for part in _bones(context, actor_id)[1]]


@call("get_actor_bone_world_transforms", "get_vehicle_bone_world_transforms", takes=(integer,))
def get_actor_bone_world_transforms(context: Context, actor_id: int) -> list[Any]:
    actor, found = _bones(context, actor_id)
    return [wire.transform(parts.in_world(actor, part)) for part in found]


@call("get_actor_bone_relative_transforms", takes=(integer,))
def get_actor_bone_relative_transforms(context: Context, actor_id: int) -> list[Any]:
    """As in CARLA these are relative to the mesh component, whose origin is at the feet of a walker."""
    actor, found = _bones(context, actor_id)
    feet = actor.description.extent[2] if actor.is_walker else 0.0
    return [wire.transform(part.pose._replace(z=part.pose.z + feet)) for part in found]


def _sockets(context: Context, actor_id: int) -> tuple[Actor, list[parts.Part]]:
    actor = context.world.actor(actor_id)
    return _bones(context, actor_id) if actor.is_vehicle or actor.is_walker else (actor, [])


@call("get_actor_socket_names", takes=(integer,))
def get_actor_socket_names(context: Context, actor_id: int) -> list[str]:
    return [part.name for part in _sockets(context, actor_id)[1]]


@call("get_actor_socket_world_transforms", takes=(integer,))
def get_actor_socket_world_transforms(context: Context, actor_id: int) -> list[Any]:
    actor, found = _sockets(context, actor_id)
    return [wire.transform(parts.in_world(actor, part)) for part in found]


@call("get_actor_socket_relative_transforms", takes=(integer,))
def get_actor_socket_relative_transforms(context: Context, actor_id: int) -> list[Any]:
    return [wire.transform(part.pose) for part in _sockets(context, actor_id)[1]]


# ---- doors -------------------------------------------------------------------------------------------------------


def _door_bits(value: object) -> int:
    door = integer(value)
    if not 0 <= door <= 6:
        raise BadArguments(f"door {door} is not within 0 (front left) to 6 (all)")
    return ALL_DOORS if door == 6 else 1 << door


def _with_doors(context: Context, actor_id: int) -> Actor | None:
    actor = context.world.vehicle(actor_id)
    return actor if actor.description.flag("has_dynamic_doors") else None


@call("open_vehicle_door", takes=(integer, _door_bits), void=True)
def open_vehicle_door(context: Context, actor_id: int, doors: int) -> None:
    """Nothing happens to vehicles without opening doors, as in CARLA."""
    actor = _with_doors(context, actor_id)
    if actor is not None:
        actor.doors |= doors


@call("close_vehicle_door", takes=(integer, _door_bits), void=True)
def close_vehicle_door(context: Context, actor_id: int, doors: int) -> None:
    actor = _with_doors(context, actor_id)
    if actor is not None:
        actor.doors &= ~doors


# ---- poses of walkers --------------------------------------------------------------------------------------------


def _walker(context: Context, actor_id: int) -> Actor:
    actor = context.world.actor(actor_id)
    if not actor.is_walker:
        raise CallError(f"actor {actor_id} ({actor.description.blueprint.id}) is not a walker")
    return actor


@call("get_bones_transform", takes=(integer,))
def get_bones_transform(context: Context, actor_id: int) -> list[Any]:
    walker = _walker(context, actor_id)
    chain = parts.skeleton_of(walker)
    relative = skeleton.shown(chain, parts.animation(walker), walker.custom_pose)
    found = []
    for bone, near, own in zip(chain, relative, skeleton.in_actor(chain, relative)):
        world = compose(walker.pose, own)
        found.append([bone.name, wire.transform(world), wire.transform(own), wire.transform(near)])
    return [found]


def _bone_changes(value: object) -> dict[str, Pose]:
    entries = items(items(value, 1)[0])
    if len(entries) > MAX_BONES:
        raise BadArguments(f"{len(entries)} bones in one pose, at most {MAX_BONES} are taken")
    changes = {}
    for entry in entries:
        name, pose = items(entry, 2)
        changes[text(name)] = wire.pose(pose)
    return changes


@call("set_bones_transform", takes=(integer, _bone_changes), void=True)
def set_bones_transform(context: Context, actor_id: int, changes: dict[str, Pose]) -> None:
    """Bones that the walker does not have are ignored, as in CARLA."""
    walker = _walker(context, actor_id)
    names = {bone.name for bone in parts.skeleton_of(walker)}
    known = {name: pose for name, pose in changes.items() if name in names}
    walker.custom_pose = skeleton.with_bones(walker.custom_pose, known)


@call("blend_pose", takes=(integer, number), void=True)
def blend_pose(context: Context, actor_id: int, blend: float) -> None:
    walker = _walker(context, actor_id)
    walker.custom_pose = replace(walker.custom_pose, blend=min(1.0, max(0.0, blend)))


@call("get_pose_from_animation", takes=(integer,), void=True)
def get_pose_from_animation(context: Context, actor_id: int) -> None:
    walker = _walker(context, actor_id)
    now = parts.animation(walker)
    names = (bone.name for bone in parts.skeleton_of(walker))
    walker.custom_pose = replace(walker.custom_pose, relative=dict(zip(names, now)))
