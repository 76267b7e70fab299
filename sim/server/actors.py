"""Actors: what a client spawned, where it is, and what it was told to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sim.geometry import Pose, compose
from sim.server import wire
from sim.server.attachment import SpringArm
from sim.server.blueprints import SPECTATOR, Description
from sim.server.powertrain import PhysicsControl
from sim.server.skeleton import CustomPose

ALL_DOORS = 0b111111

if TYPE_CHECKING:
    from sim.server.ackermann import AckermannController


@dataclass(frozen=True)
class VehicleControl:
    """The last control that a vehicle was given; field order is the wire's."""

    throttle: float = 0.0
    steer: float = 0.0
    brake: float = 0.0
    hand_brake: bool = False
    reverse: bool = False
    manual_gear_shift: bool = False
    gear: int = 0

    @cached_property
    def packed(self) -> bytes:
        """The snapshot's form of all but the gear, which the gearbox has a say in."""
        flags = (self.hand_brake, self.reverse, self.manual_gear_shift)
        return wire.vehicle_pedals(self.throttle, self.steer, self.brake, flags)


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
    relative   pose in the parent's frame, at its socket or at the end of the arm to it, when there is a parent
    arm        the spring arm to the parent, if the actor hangs on one
    mount      attachment type and pose with which the actor was attached, as the client gave them
    ignored    vehicles that this sensor does not see, by id
    socket     name of the parent's socket that the actor sits on; "" for the parent's origin
    row        row of the body table, or None for what has no body (sensors, the spectator)
    stream_id  0 when the actor streams nothing
    doors      bits of the open doors of a vehicle: front left, front right, rear left, rear right, hood, trunk
    ackermann  a vehicle's Ackermann controller, once it was used
    shown_wheels  steer and pitch (degrees) of single wheels that a client chose to show, by wheel
    force, torque  N and N m (world) that act during the next tick
    travelled  how far it has moved forwards (m), backwards counting less: what turns its wheels
    strides    how many double steps a walker has made
    pace       how fast it moved forwards during the last tick (m/s)
    """

    id: int
    description: Description
    pose: Pose
    parent: Actor | None = None
    relative: Pose | None = None
    arm: SpringArm | None = None
    mount: tuple[int, Pose] | None = None
    socket: str = ""
    ignored: frozenset[int] = frozenset()
    row: int | None = None
    stream_id: int = 0
    alive: bool = True
    vehicle_control: VehicleControl = field(default_factory=VehicleControl)
    walker_control: WalkerControl = field(default_factory=WalkerControl)
    physics: PhysicsControl | None = None
    ackermann: AckermannController | None = None
    shown_wheels: dict[int, tuple[float | None, float]] = field(default_factory=dict)
    lights: int = 0
    doors: int = 0
    custom_pose: CustomPose = field(default_factory=CustomPose)
    force: tuple[float, float, float] = (0.0, 0.0, 0.0)
    torque: tuple[float, float, float] = (0.0, 0.0, 0.0)
    travelled: float = 0.0
    strides: float = 0.0
    pace: float = 0.0

    @property
    def is_vehicle(self) -> bool:
        return self.description.blueprint.wheels > 0

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

    def place(self, delta_s: float = 0.0, socket: Pose | None = None) -> None:
        """Follow the parent, which must be placed already; a dead parent leaves the actor where it was.

        delta_s   time since the last call, for the lag of a spring arm
        socket    the socket's pose in the parent's frame, when the actor sits on one
        """
        parent = self.parent
        if parent is None or self.relative is None or not parent.alive:
            return
        base = parent.pose
        if self.arm is not None:
            base = self.arm.end(base, delta_s)
        elif socket is not None:
            base = compose(base, socket)
        self.pose = compose(base, self.relative) if any(self.relative) else base


def spectator(actor_id: int) -> Actor:
    """The viewer that every episode has."""
    return Actor(actor_id, Description(SPECTATOR, {}), Pose(0.0, 0.0, 10.0))
