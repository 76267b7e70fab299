"""What actors look like at a moment: their meshes, and the parts of near ones that turn, steer and burn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import overload

from sim.geometry import Pose
from sim.render.mesh import Mesh
from sim.render.models import FAR_BITS, burning_lamps, far_vehicle, vehicle_parts
from sim.render.people import Figure, Joints, person_mesh, seated_mesh
from sim.render.props import prop_mesh
from sim.render.renderer import Part
from sim.server import parts, skeleton
from sim.server.actors import Actor
from sim.server.blueprints import CATALOGUE, Blueprint
from sim.server.bodies import BodyTable
from sim.server.vehicle_lights import burning
from sim.server.vehicle_looks import look_of_model, vehicle_look

STEP_DEGREES = 0.5
"""Wheels turn and steer in whole steps, so that the last bit of a sum does not reach the picture."""
HERE = Pose(0.0, 0.0, 0.0)
PARKED_COLORS = ((110, 115, 120), (230, 230, 230), (25, 25, 28), (40, 70, 150), (120, 30, 34))


def actor_mesh(actor: Actor, elapsed_s: float = 0.0) -> Mesh:
    """The whole mesh of an actor that has a body, at a moment of the episode: what far cameras and rays meet."""
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


class Detail(Sequence[Part]):
    """The parts of an actor, put together when a camera or a ray that is near enough asks for them."""

    __slots__ = ("_make", "_parts")

    def __init__(self, make: Callable[[], tuple[Part, ...]]) -> None:
        self._make = make
        self._parts: tuple[Part, ...] | None = None

    def _made(self) -> tuple[Part, ...]:
        if self._parts is None:
            self._parts = self._make()
        return self._parts

    def __len__(self) -> int:
        return len(self._made())

    def __iter__(self) -> Iterator[Part]:
        return iter(self._made())

    @overload
    def __getitem__(self, index: int) -> Part: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Part]: ...
    def __getitem__(self, index: int | slice) -> Part | Sequence[Part]:
        return self._made()[index]


def detail(actor: Actor, table: BodyTable, elapsed_s: float) -> Sequence[Part]:
    """What cameras draw and rays meet from near instead of `actor_mesh`; empty for what has no more to show."""
    blueprint = actor.description.blueprint
    if blueprint.wheels:
        return Detail(partial(_vehicle_detail, actor, table, elapsed_s))
    if blueprint.kind == "walker":
        return Detail(lambda: (Part(_walker_mesh(actor, True), HERE),))
    return ()


def _vehicle_detail(actor: Actor, table: BodyTable, elapsed_s: float) -> tuple[Part, ...]:
    look = vehicle_look(actor)
    body, wheel, places = vehicle_parts(look)
    found = [Part(body, HERE)]
    lamps = burning_lamps(look, burning(actor, elapsed_s))
    if lamps is not None:
        found.append(Part(lamps, HERE))
    angles = table.wheels["angle"][actor.row].tolist()
    radius = places[0].z
    turn = _whole(math.degrees(math.fmod(actor.travelled, 2.0 * math.pi * radius) / radius))
    for place in places:
        steer, spin = _whole(math.degrees(angles[place.number])), turn
        shown = actor.shown_wheels.get(place.number)
        if shown is not None:
            steer = steer if shown[0] is None else shown[0]
            spin += shown[1]
        if place.turned:
            found.append(Part(wheel, Pose(place.x, place.y, place.z, spin, steer + 180.0)))
        else:
            found.append(Part(wheel, Pose(place.x, place.y, place.z, -spin, steer)))
    return tuple(found)


def _whole(degrees: float) -> float:
    return round(degrees / STEP_DEGREES) * STEP_DEGREES
