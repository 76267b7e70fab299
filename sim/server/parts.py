"""The named parts of actors: components, bones and sockets, under the names that CARLA's Unreal actors have.

An actor is one mesh here, so its parts are few: what a client usually asks for (the mesh, the bounds, wheels, bones)
is there, at its true place. As in Unreal, every bone is also a socket.
"""

from __future__ import annotations

from typing import NamedTuple

from sim.geometry import Pose, compose
from sim.server import powertrain, skeleton
from sim.server.actors import Actor
from sim.server.blueprints.definition import TRIGGER

HERE = Pose(0.0, 0.0, 0.0)
WHEEL_BONES = {
    4: ("Wheel_Front_Left", "Wheel_Front_Right", "Wheel_Rear_Left", "Wheel_Rear_Right"),
    2: ("Wheel_Front", "Wheel_Rear"),
}


class Part(NamedTuple):
    """A component or bone: its name and its pose in the actor's frame."""

    name: str
    pose: Pose


def components(actor: Actor) -> list[Part]:
    """The scene components of an actor, its root first."""
    x, y, z = actor.description.center
    if actor.is_vehicle:
        return [Part("VehicleMesh", HERE), Part("VehicleBounds", Pose(x, y, z))]
    if actor.is_walker:
        return [Part("CollisionCylinder", HERE), Part("CharacterMesh0", Pose(0.0, 0.0, -_half_height(actor)))]
    if actor.row is not None:
        return [Part("StaticMeshComponent0", HERE)]
    if actor.description.blueprint.kind == TRIGGER:
        return [Part("TriggerVolume", HERE)]
    return [Part("DefaultSceneRoot", HERE)]


def bones(actor: Actor, steer_degrees: float = 0.0) -> list[Part]:
    """The bones of a vehicle or walker now, parents first; nothing for what has no skeleton.

    steer_degrees   how far a vehicle's front wheels are turned
    """
    if actor.is_vehicle:
        return _vehicle_bones(actor, steer_degrees)
    if actor.is_walker:
        chain = skeleton_of(actor)
        poses = skeleton.in_actor(chain, skeleton.shown(chain, animation(actor), actor.custom_pose))
        return [Part(bone.name, pose) for bone, pose in zip(chain, poses)]
    return []


def _vehicle_bones(actor: Actor, steer_degrees: float) -> list[Part]:
    blueprint = actor.description.blueprint
    centers = powertrain.wheel_positions(blueprint, HERE)
    if powertrain.data_of(blueprint).track == 0.0:
        centers = centers[::2]  # a two-wheeler's pairs have no track
    names = WHEEL_BONES[len(centers)]
    found = [Part("Vehicle_Base", HERE)]
    for name, (x, y, z) in zip(names, centers):
        yaw = steer_degrees if "Front" in name else 0.0
        found.append(Part(name, Pose(x / 100.0, y / 100.0, z / 100.0, 0.0, yaw)))
    return found


def skeleton_of(actor: Actor) -> tuple[skeleton.Bone, ...]:
    """The skeleton of a walker; those of the third generation have no fingers."""
    return skeleton.bones(fingers=actor.description.blueprint.default("generation") != "3")


def animation(actor: Actor) -> list[Pose]:
    """What a walker's body does by itself: each bone relative to its parent."""
    half_height = _half_height(actor)
    return skeleton.walking(skeleton_of(actor), half_height, skeleton.gait(actor.strides, actor.pace, half_height))


def socket(actor: Actor, name: str) -> Pose:
    """A socket in the actor's frame; the actor's origin for a name that it does not have, as in Unreal."""
    if name and actor.is_walker:
        chain = skeleton_of(actor)
        relative = skeleton.shown(chain, animation(actor), actor.custom_pose)
        return skeleton.bone_in_actor(chain, relative, name) or HERE
    for part in bones(actor) if name else ():
        if part.name == name:
            return part.pose
    return HERE


def in_world(actor: Actor, part: Part) -> Pose:
    """A part's pose in the world."""
    return compose(actor.pose, part.pose)


def _half_height(actor: Actor) -> float:
    return actor.description.extent[2]
