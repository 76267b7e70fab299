"""What sensors may look at: one tick of the world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sim.geometry import Pose
from sim.sensors.inertial import GRAVITY
from sim.server.actors import Actor
from sim.server.appearance import actor_mesh, detail
from sim.server.bodies import BodyTable
from sim.server.ether import Ether
from sim.server.scene import Scene, is_inside

if TYPE_CHECKING:
    from sim.render.lamplight import Spots
    from sim.render.ray_actors import Instances
    from sim.render.rays import Hits
    from sim.render.renderer import Frame, Movable
    from sim.sensors.lidar import Cast
    from sim.server.sensors import Sensor

Motion = tuple[float, ...]
"""Of one actor: pose (6), velocity (m/s), angular velocity (deg/s), acceleration (m/s^2), 3 each, in the world."""

# How near (m) to its carrier's box a ray sensor still counts as built into it: lamps stick out of the box by less.
BUILT_IN_M = 0.05


@dataclass(frozen=True)
class Contact:
    """Impulse (N s, world) on `actor` from `other`, summed over a tick; `other` None is the town, of which `tag` says
    what was hit."""

    actor: Actor
    other: Actor | None
    impulse: tuple[float, float, float]
    tag: int = 0


@dataclass(frozen=True)
class Moment:
    """One tick of the world.

    table        the bodies that physics moves
    ether        what V2X sensors have sent
    imu_gravity  what clients want accelerometers to feel at rest (m/s^2)
    past  the ticks before, newest first: seconds from there to the tick after it, and the motions that it showed
    due          the sensors that send in this tick
    labels       what cameras have drawn in this tick apart from RGB, by place and lens: cameras there share it
    """

    frame: int
    elapsed_s: float
    delta_s: float
    actors: Mapping[int, Actor]
    contacts: list[Contact]
    motion: Mapping[int, Motion]
    past: tuple[tuple[float, Mapping[int, Motion]], ...]
    scene: Scene
    opendrive: str
    stream_port: int
    table: BodyTable
    imu_gravity: float = GRAVITY
    ether: Ether = field(default_factory=Ether)
    due: Sequence[Sensor] = ()
    labels: dict[tuple[object, ...], Frame] = field(default_factory=dict)

    @cached_property
    def movables(self) -> list[Movable]:
        """All actors that have a body, and the heads of traffic lights, as cameras and rays see them.

        Made once for all sensors of a tick.
        """
        from sim.render.renderer import Movable

        heads = self.scene.signals.head_movables() if self.scene.signals is not None else []
        bodies = [actor for actor in self.actors.values() if actor.row is not None]
        seconds, table = self.elapsed_s, self.table
        return [
            *(
                Movable(actor.id, actor_mesh(actor, seconds), actor.pose, True, detail(actor, table, seconds))
                for actor in bodies
            ),
            *heads,
        ]

    @cached_property
    def spots(self) -> Spots:
        """The lamps that burn, of streets and of vehicles; made once for all cameras of a tick."""
        from sim.server.shining import spots

        street = self.scene.lamps.burning() if self.scene.lamps is not None else None
        return spots(street, self.actors.values(), self.elapsed_s)

    @cached_property
    def placed(self) -> Instances:
        """The movables, ready for rays."""
        return self.scene.rays().place(self.movables)

    def cast_from(self, sensor: Actor) -> Cast:
        """Rays of a sensor; they pass through the body that it is built into."""
        body = carrier(sensor)
        hidden = body.id if body is not None and is_inside(sensor, body, BUILT_IN_M) else 0
        placed = self.placed
        if sensor.ignored:
            seen = [movable for movable in self.movables if movable.actor_id not in sensor.ignored]
            placed = self.scene.rays().place(seen)

        def cast(origin: np.ndarray, directions: np.ndarray, limit: float | np.ndarray) -> Hits:
            return self.scene.rays().cast(origin, directions, limit, placed, hidden)

        return cast

    def before(self, actor_id: int) -> Pose | None:
        """Where an actor was at the tick before, if it was there."""
        motion = self.past[0][1].get(actor_id) if self.past else None
        return Pose(*motion[:6]) if motion is not None else None

    def velocity(self, actor: Actor) -> np.ndarray:
        """Velocity (3,) of a sensor in the world (m/s): the way since the tick before, or that of its carrier."""
        earlier = self.before(actor.id)
        if earlier is not None:
            return (np.array(actor.pose[:3]) - earlier[:3]) / self.past[0][0]
        body = carrier(actor)
        if body is None or body.id not in self.motion:
            return np.zeros(3)
        motion = np.array(self.motion[body.id])
        return motion[6:9] + np.cross(np.radians(motion[9:12]), np.array(actor.pose[:3]) - motion[:3])


def carrier(actor: Actor) -> Actor | None:
    """The nearest actor with a body that a sensor is attached to."""
    parent = actor.parent
    while parent is not None and parent.row is None:
        parent = parent.parent
    return parent if parent is not None and parent.alive else None
