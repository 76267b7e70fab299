"""Playing a recording back: bringing its actors into the world and moving them as they moved."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.geometry import Pose, compose
from sim.server.actors import VehicleControl, WalkerControl
from sim.server.blueprints import read_description
from sim.server.errors import BadArguments, CallError
from sim.server.powertrain import steer_wheels
from sim.server.recorder.format import Birth, Frame, Reader

if TYPE_CHECKING:
    from sim.server.actors import Actor
    from sim.server.world import World

log = logging.getLogger(__name__)
# A tick of 0.05 s arrives as a float32 and is rounded to 1e-7 s: sums of it miss the recorded times by that much.
TIME_TOLERANCE_S = 1e-5
# From this factor on CARLA shows recorded places only, none between them.
NO_INTERPOLATION_FACTOR = 2.0
MAX_ID_GAP = 1 << 20  # a recording from elsewhere must not use up the ids
_AWAY_M = 1000.0
_RATES = ("vx", "vy", "vz", "wx", "wy", "wz", "ax", "ay", "az")


@dataclass
class ReplayOptions:
    """What a client chose before or during a replay; kept from one replay to the next, as in CARLA."""

    time_factor: float = 1.0
    ignore_hero: bool = False
    ignore_spectator: bool = False


class Replay:
    """One recording being played. Times are seconds since its first frame."""

    def __init__(
        self, reader: Reader, start_s: float, stop_s: float, follow: int, offset: Pose, sensors: bool,
        options: ReplayOptions, witnessed: dict[int, list[Any]],
    ) -> None:  # fmt: skip
        """`witnessed`: the descriptions, by id, of actors of this episode that a recorder or a replayer has met."""
        self._reader = reader
        self._stop = stop_s
        self._now = start_s
        self._follow = follow
        self._offset = offset
        self._sensors = sensors
        self.options = options
        self._next: Frame | None = None
        self._done = 0.0  # time of the newest frame that was carried out
        self._actors: dict[int, Actor] = {}  # by recorded id
        self._created: list[Actor] = []
        self._heroes: set[int] = set()
        self._last: dict[int, np.void] = {}  # newest motion by recorded id
        self._witnessed = witnessed
        self._clocks: dict[int, tuple[int, bool, float, float]] = {}  # of lights: state, frozen, elapsed, and when

    def begin(self, world: World) -> None:
        """Bring the world to the moment at which the replay starts."""
        self._next = self._reader.frame()
        self._show(world, self._now)

    def advance(self, world: World, delta_s: float) -> bool:
        """One tick of the world later; False when the replay has reached its end."""
        self._now = min(self._now + delta_s * self.options.time_factor, self._stop)
        self._show(world, self._now)
        return self._now < self._stop - TIME_TOLERANCE_S

    def settle(self, world: World) -> None:
        """The snapshot is made: let wheels and legs show what was recorded of them."""
        for recorded_id, motion in self._last.items():
            actor = self._actors.get(recorded_id)
            if actor is None or not actor.alive or actor.parent is not None or self._ignored(recorded_id):
                continue
            actor.travelled, actor.strides, actor.pace, angle = motion["gait"].tolist()
            if actor.is_vehicle and actor.row is not None:
                steer_wheels(world.table, actor.row, angle)

    def close(self) -> None:
        """Leave everything as it is."""
        self._reader.close()

    def finish(self, world: World, keep_actors: bool) -> None:
        """Hand the actors back to physics and to clients, at rest; or remove those that the replay created."""
        self.close()
        for recorded_id, actor in self._actors.items():
            if not actor.alive or self._ignored(recorded_id):
                continue
            row = world.row(actor)
            if row is None or not (actor.is_vehicle or actor.is_walker):
                continue
            row["simulate"] = actor.parent is None
            for name in _RATES:
                row[name] = 0.0
            if actor.is_vehicle:
                world.control_vehicle(actor, VehicleControl())
            else:
                world.control_walker(actor, WalkerControl())
        if self._clocks:
            world.signals.reset_all()
        if not keep_actors:
            # Children first: what is attached outlives its parent otherwise.
            for actor in reversed(self._created):
                if actor.alive:
                    world.destroy(actor.id)

    # ---- time ----------------------------------------------------------------------------------------------------

    def _show(self, world: World, now: float) -> None:
        moved: dict[int, np.void] = {}
        while self._next is not None and self._next.elapsed_s <= now + TIME_TOLERANCE_S:
            self._carry_out(world, self._next, moved)
            self._done = self._next.elapsed_s
            self._next = self._reader.frame()
        for recorded_id, motion in moved.items():
            self._place(world, recorded_id, motion["pose"], motion["rates"])
        following = self._next
        if following is not None and self.options.time_factor < NO_INTERPOLATION_FACTOR:
            share = (now - self._done) / max(following.elapsed_s - self._done, 1e-9)
            if share > 1e-6:
                for motion in following.motions:
                    before = self._last.get(int(motion["id"]))
                    if before is not None:
                        self._between(world, before, motion, share)
        for actor_id, (state, frozen, elapsed, since) in self._clocks.items():
            world.signals.show(actor_id, state, frozen, elapsed + (0.0 if frozen else now - since))
        self._watch(world)

    def _carry_out(self, world: World, frame: Frame, moved: dict[int, np.void]) -> None:
        for birth in frame.births:
            self._bring(world, birth)
        for recorded_id in frame.deaths:
            gone = self._actors.pop(recorded_id, None)
            self._last.pop(recorded_id, None)
            moved.pop(recorded_id, None)
            if gone is not None and gone.alive and gone is not world.spectator:
                world.destroy(gone.id)
        for motion in frame.motions:
            recorded_id = int(motion["id"])
            self._last[recorded_id] = moved[recorded_id] = motion
        for c in frame.vehicles:
            vehicle = self._actors.get(int(c["id"]))
            if vehicle is not None and vehicle.is_vehicle and not self._ignored(int(c["id"])):
                flags = bool(c["hand_brake"]), bool(c["reverse"]), bool(c["manual"])
                pedals = float(c["throttle"]), float(c["steer"]), float(c["brake"])
                vehicle.vehicle_control = VehicleControl(*pedals, *flags, int(c["gear"]))
                vehicle.lights = int(c["lights"])
        for w in frame.walkers:
            walker = self._actors.get(int(w["id"]))
            if walker is not None and walker.is_walker and not self._ignored(int(w["id"])):
                x, y, z = w["direction"].tolist()
                walker.walker_control = WalkerControl((x, y, z), float(w["speed"]), bool(w["jump"]))
        if frame.weather is not None:
            world.set_weather(frame.weather)
        for light in frame.signals:
            actor = self._actors.get(int(light["id"]))
            if actor is not None:
                clock = int(light["state"]), bool(light["frozen"]), float(light["elapsed"]), frame.elapsed_s
                self._clocks[actor.id] = clock
        for lamp in frame.lamps:
            red, green, blue = lamp["color"].tolist()
            world.lights.replay(
                int(lamp["id"]), float(lamp["intensity"]), int(lamp["group"]), (red, green, blue), bool(lamp["active"])
            )

    # ---- actors --------------------------------------------------------------------------------------------------

    def _ignored(self, recorded_id: int) -> bool:
        return self.options.ignore_hero and recorded_id in self._heroes

    def _bring(self, world: World, birth: Birth) -> None:
        if birth.hero:
            self._heroes.add(birth.id)
        actor = self._existing(world, birth)
        if actor is None:
            actor = self._create(world, birth)
        if actor is None:
            return
        self._actors[birth.id] = actor
        if (actor.is_vehicle or actor.is_walker) and not self._ignored(birth.id):
            row = world.row(actor)
            if row is not None:
                row["simulate"] = 0

    def _existing(self, world: World, birth: Birth) -> Actor | None:
        """The live actor that a recorded one stands for: the same id and type; of the town's own, the same place."""
        if birth.type_id == "spectator":
            return world.spectator
        if birth.type_id.startswith("traffic."):
            for actor in world.actors.values():
                if actor.description.blueprint.id == birth.type_id and _near(actor.pose, birth.pose):
                    return actor
            return None
        same = world.actors.get(birth.id)
        return same if same is not None and same.description.blueprint.id == birth.type_id else None

    def _create(self, world: World, birth: Birth) -> Actor | None:
        kind = birth.type_id
        if kind.startswith(("traffic.", "controller.")) or (kind.startswith("sensor.") and not self._sensors):
            return None
        parent = self._actors.get(birth.parent)
        if birth.parent and (parent is None or not parent.alive):
            return None
        try:
            description = read_description(birth.description)
            if parent is not None:
                actor = world.spawn(
                    description, Pose(*(birth.mount or birth.pose)), parent.id, birth.attachment, birth.socket
                )
            else:
                # High above the town there is always room; the place itself may be taken by what is there now.
                pose = Pose(*birth.pose)
                high = pose._replace(z=pose.z + _AWAY_M)
                if self._may_use(world, birth):
                    actor = world.spawn_as(birth.id, description, high)
                else:
                    actor = world.spawn(description, high)
                world.move(actor, pose)
        except (CallError, BadArguments) as error:
            log.warning("replay: recorded actor %d (%s) could not be created: %s", birth.id, kind, error)
            return None
        self._created.append(actor)
        self._witnessed[actor.id] = birth.description
        return actor

    def _may_use(self, world: World, birth: Birth) -> bool:
        """Whether a created actor can have its recorded id.

        Clients keep what they once heard about an id of this episode: a new actor may have one only if nobody had it,
        or if it was this very actor. Sensors also have a stream, which is new in any case.
        """
        if birth.id in world.actors or birth.type_id.startswith("sensor."):
            return False
        if birth.id in self._witnessed:
            return self._witnessed[birth.id] == birth.description
        return world.id_is_new(birth.id) and birth.id < max(world.actors) + MAX_ID_GAP

    def _between(self, world: World, before: np.void, after: np.void, share: float) -> None:
        pose = before["pose"] + share * (after["pose"] - before["pose"])
        turn = (after["pose"][3:] - before["pose"][3:] + 180.0) % 360.0 - 180.0
        pose[3:] = (before["pose"][3:] + share * turn + 180.0) % 360.0 - 180.0
        rates = before["rates"] + np.float32(share) * (after["rates"] - before["rates"])
        self._place(world, int(after["id"]), pose, rates)

    def _place(self, world: World, recorded_id: int, pose: np.ndarray, rates: np.ndarray) -> None:
        actor = self._actors.get(recorded_id)
        if actor is None or not actor.alive or actor.parent is not None or self._ignored(recorded_id):
            return
        if actor is world.spectator and (self.options.ignore_spectator or self._follow):
            return
        try:
            world.move(actor, Pose(*pose.tolist()))
        except CallError as error:
            log.warning("replay: %s", error)
            return
        row = world.row(actor)
        if row is not None:
            for name, value in zip(_RATES, rates.tolist(), strict=True):
                row[name] = value

    def _watch(self, world: World) -> None:
        """Keep the spectator behind the actor that the client wants to follow."""
        followed = self._actors.get(self._follow)
        if self._follow and followed is not None and followed.alive:
            row = world.row(followed)
            pose = Pose(*(float(row[name]) for name in _POSE)) if row is not None else followed.pose
            world.spectator.pose = compose(pose, self._offset)


_POSE = ("x", "y", "z", "pitch", "yaw", "roll")


def _near(pose: Pose, recorded: tuple[float, ...]) -> bool:
    # CARLA compares whole centimetres.
    return all(abs(a - b) < 0.01 for a, b in zip(pose[:3], recorded[:3], strict=True))
