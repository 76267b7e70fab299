"""What actors look like at a moment."""

from __future__ import annotations

from functools import lru_cache

from sim.render.mesh import Mesh
from sim.render.models import FAR_BITS, far_vehicle
from sim.render.people import Figure, Joints, person_mesh, seated_mesh
from sim.render.props import prop_mesh
from sim.server import parts, skeleton
from sim.server.actors import Actor
from sim.server.blueprints import CATALOGUE, Blueprint
from sim.server.vehicle_lights import burning
from sim.server.vehicle_looks import look_of_model, vehicle_look

PARKED_COLORS = ((110, 115, 120), (230, 230, 230), (25, 25, 28), (40, 70, 150), (120, 30, 34))


def actor_mesh(actor: Actor, elapsed_s: float = 0.0) -> Mesh:
    """The whole mesh of an actor that has a body, at a moment of the episode: what rays meet and far cameras see."""
    blueprint: Blueprint = actor.description.blueprint
    if blueprint.wheels:
        return far_vehicle(vehicle_look(actor), burning(actor, elapsed_s) & FAR_BITS)
    if blueprint.kind == "walker":
        return _walker_mesh(actor)
    if blueprint.stand_in is not None:
        color = PARKED_COLORS[actor.id % len(PARKED_COLORS)]
        look = look_of_model(blueprint.stand_in.id, color, 0)
        if actor.description.extent != look.extent:
            look = look._replace(extent=actor.description.extent, chassis=None)
        return far_vehicle(look, 0)
    return prop_mesh(blueprint.kind, actor.description.extent, blueprint.semantic_tag)


@lru_cache(maxsize=64)
def _figure(identifier: str) -> Figure:
    blueprint = CATALOGUE[identifier]
    return Figure(int(identifier[-4:]), blueprint.default("gender") == "female", blueprint.default("age") == "child")


def _walker_mesh(actor: Actor, fine: bool = False) -> Mesh:
    blueprint = actor.description.blueprint
    figure, half_height = _figure(blueprint.id), blueprint.extent[2]
    if actor.custom_pose.blend > 0.0:
        joints = tuple((bone.name, bone.pose[:3]) for bone in parts.bones(actor))
        return person_mesh(half_height, figure, joints, True)
    if actor.description.flag("use_wheelchair"):
        return seated_mesh(blueprint.extent, figure)
    return _walking_mesh(half_height, figure, skeleton.gait(actor.strides, actor.pace, half_height), fine)


@lru_cache(maxsize=4096)
def _walking_mesh(half_height: float, figure: Figure, gait: skeleton.Gait, fine: bool) -> Mesh:
    return person_mesh(half_height, figure, _walking_joints(half_height, gait), fine)


@lru_cache(maxsize=512)
def _walking_joints(half_height: float, gait: skeleton.Gait) -> Joints:
    chain = skeleton.bones(fingers=False)
    poses = skeleton.in_actor(chain, skeleton.walking(chain, half_height, gait))
    return tuple((bone.name, pose[:3]) for bone, pose in zip(chain, poses))
