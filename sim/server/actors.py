"""Actors: what a client spawned, where it is, and what it was told to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sim.geometry import Pose, compose
from sim.server import wire
from sim.server.blueprints import SPECTATOR, Description
from sim.server.powertrain import PhysicsControl


@dataclass
class VehicleControl:
    """The last control that a vehicle was given; field order is the wire's."""

    throttle: float = 0.0
    steer: float = 0.0
    brake: float = 0.0
    hand_brake: bool = False
    reverse: bool = False
    manual_gear_shift: bool = False
    gear: int = 0


@dataclass
class WalkerControl:
    """The last control that a walker was given: a direction in the world, a speed (m/s), whether it jumps."""

    direction: tuple[float, float, float] = (0.0, 0.0, 0.0)
    speed: float = 0.0
    jump: bool = False


@dataclass
class Actor:
    """One live actor.

    pose       in the world; of a body it is refreshed from the body table after every tick
    relative   pose in the parent's frame, when there is a parent
    row        row of the body table, or None for what has no body (sensors, the spectator)
    stream_id  0 when the actor streams nothing
    """

    id: int
    description: Description
    pose: Pose
    parent: Actor | None = None
    relative: Pose | None = None
    row: int | None = None
    stream_id: int = 0
    alive: bool = True
    vehicle_control: VehicleControl = field(default_factory=VehicleControl)
    walker_control: WalkerControl = field(default_factory=WalkerControl)
    physics: PhysicsControl | None = None
    lights: int = 0
    force: tuple[float, float, float] = (0.0, 0.0, 0.0)
    torque: float = 0.0

    @property
    def is_vehicle(self) -> bool:
        return self.description.blueprint.chassis is not None

    @property
    def is_walker(self) -> bool:
        return self.description.blueprint.kind == "walker"

    def bounding_box(self) -> list[Any]:
        """Wire form of the box in the actor's frame."""
        return [list(self.description.center), list(self.description.extent), [0.0, 0.0, 0.0], self.id]

    def packed(self, stream_port: int) -> list[Any]:
        """The actor's wire form."""
        token = wire.token(self.stream_id, stream_port) if self.stream_id else b""
        tags = bytes(self.description.blueprint.semantic_tags)
        parent = self.parent.id if self.parent is not None else 0
        return [self.id, parent, self.description.packed(), self.bounding_box(), tags, token]

    def place(self) -> None:
        """Follow the parent, which must be placed already; a dead parent leaves the actor where it was."""
        parent = self.parent
        if parent is not None and self.relative is not None and parent.alive:
            self.pose = parent.pose if not any(self.relative) else compose(parent.pose, self.relative)


def spectator(actor_id: int) -> Actor:
    """The viewer that every episode has."""
    return Actor(actor_id, Description(SPECTATOR, {}), Pose(0.0, 0.0, 10.0))
