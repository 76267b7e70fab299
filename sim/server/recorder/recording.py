"""Writing a recording: after every tick, what changed since the one before, as one write to the file."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.server.recorder import format as recorded
from sim.server.recorder.format import Birth, Collision, Frame, Header

if TYPE_CHECKING:
    from sim.server.actors import Actor
    from sim.server.sensors import Contact
    from sim.server.world import World

log = logging.getLogger(__name__)


class Recording:
    """An open recording file.

    failure   why writing ended early, or None; the file keeps all frames that were written whole
    """

    def __init__(self, path: Path, world: World, additional: bool, witnessed: dict[int, list[Any]]) -> None:
        """Descriptions of recorded actors are added to `witnessed`. Raises OSError when the file cannot be written."""
        self.path = path
        self.failure: str | None = None
        self._weather = world.scene.weather
        header = Header(
            world.town.name, int(time.time()), additional, world.seed, world.settings.packed(), self._weather
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        # Unbuffered: what a tick wrote is in the file even when the process dies in the next one.
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        self._size = 0
        try:
            # Worlds share the folder; two of them in one file would spoil it.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._file, 0)
            self._write(recorded.preamble() + recorded.block(recorded.encode_header(header)))
        except OSError:
            self.close()
            raise
        self._witnessed = witnessed
        self._additional = additional
        self._physics: dict[int, object] = {}
        self._number = 0
        self._elapsed = 0.0
        self._collisions = 0
        self._known: dict[int, Actor] = {}
        self._motions: dict[int, tuple[float, ...]] = {}
        self._states: dict[int, tuple[float, ...]] = {}
        self._lamps: dict[int, tuple[object, ...]] = {}
        self._lights_version = -1
        self._signals = np.full((len(world.signals.lights), 6), -1.0)

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def record(self, world: World, motions: dict[int, tuple[float, ...]], contacts: Sequence[Contact]) -> None:
        """Append the tick that `world` has just made; `motions` is what its snapshot shows of each actor."""
        if self.failure is not None:
            return
        self._number += 1
        frame = Frame(self._number, self._elapsed, world.delta_s, platform_s=world.platform_s())
        self._elapsed += world.delta_s
        self._population(world, motions, frame)
        frame.collisions = self._touched(world, contacts)
        if world.scene.weather != self._weather:
            self._weather = frame.weather = world.scene.weather
        self._movements(world, motions, frame)
        self._controls(frame)
        self._clocks(world, frame)
        if self._additional:
            self._physics_controls(frame)
        if world.lights.version != self._lights_version:
            self._lights_version = world.lights.version
            lamps = {lamp[0]: lamp for lamp in world.lights.recorded()}
            frame.lamps = _table([lamp for lamp in lamps.values() if self._lamps.get(lamp[0]) != lamp], recorded.LAMP)
            self._lamps = lamps
        try:
            self._write(recorded.block(recorded.encode_frame(frame)))
        except (OSError, recorded.BadRecording) as error:
            self.failure = getattr(error, "strerror", None) or str(error)
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)  # a part of a frame is of no use
            log.error("recording %s ends at frame %d: %s", self.path, self._number - 1, self.failure)
            self.close()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        self._size += len(data)

    def _population(self, world: World, motions: dict[int, tuple[float, ...]], frame: Frame) -> None:
        if world.actors.keys() == self._known.keys():
            return
        for actor_id, actor in world.actors.items():
            if actor_id not in self._known:
                frame.births.append(_birth(actor, motions.get(actor_id, actor.pose)))
                self._witnessed[actor_id] = frame.births[-1].description
        for actor_id in self._known.keys() - world.actors.keys():
            frame.deaths.append(actor_id)
            for memory in (self._motions, self._states, self._physics):
                memory.pop(actor_id, None)
        frame.deaths.sort()
        self._known = dict(world.actors)

    def _touched(self, world: World, contacts: Sequence[Contact]) -> list[Collision]:
        """Pairs as collision sensors see them, the sensor's carrier first; without a sensor, the hero or vehicle."""
        carriers = {
            actor.parent.id
            for actor in self._known.values()
            if actor.parent is not None and actor.description.blueprint.id == "sensor.other.collision"
        }
        pairs: dict[tuple[int, int], None] = {}
        for contact in contacts:
            first, second = contact.actor, contact.other
            seen = {first.id, second.id if second is not None else 0} & carriers
            if first.id in carriers or (not seen and (second is None or _rank(first) < _rank(second))):
                pairs[first.id, second.id if second is not None else 0] = None
        found = []
        for first_id, second_id in pairs:
            heroes = [actor_id in self._known and _hero(self._known[actor_id]) for actor_id in (first_id, second_id)]
            found.append(Collision(self._collisions, first_id, second_id, *heroes))
            self._collisions = (self._collisions + 1) & 0xFFFFFFFF
        return found

    def _movements(self, world: World, motions: dict[int, tuple[float, ...]], frame: Frame) -> None:
        moved = []
        for actor_id, actor in self._known.items():
            motion = motions.get(actor_id)
            # What is attached follows its parent, in a replay too; what has no motion is the town's and stays.
            if motion is None or actor.parent is not None:
                continue
            wheels = float(world.table.rows[actor.row]["wheel_angle"]) if actor.is_vehicle else 0.0
            shown = (*motion, actor.travelled, actor.strides, actor.pace, wheels)
            if self._motions.get(actor_id) != shown:
                self._motions[actor_id] = shown
                moved.append((actor_id, motion[:6], motion[6:15], shown[15:]))
        frame.motions = _table(moved, recorded.MOTION)

    def _controls(self, frame: Frame) -> None:
        vehicles, walkers = [], []
        for actor_id, actor in self._known.items():
            state: tuple[float, ...]
            if actor.is_vehicle:
                c = actor.vehicle_control
                state = (c.throttle, c.steer, c.brake, c.hand_brake, c.reverse, c.manual_gear_shift, c.gear)
                state = (*state, actor.lights & 0xFFFFFFFF)
                if self._states.get(actor_id) != state:
                    vehicles.append((actor_id, *state))
            elif actor.is_walker:
                w = actor.walker_control
                state = (*w.direction, w.speed, w.jump)
                if self._states.get(actor_id) != state:
                    walkers.append((actor_id, w.direction, w.speed, w.jump))
            else:
                continue
            self._states[actor_id] = state
        frame.vehicles = _table(vehicles, recorded.VEHICLE)
        frame.walkers = _table(walkers, recorded.WALKER)

    def _physics_controls(self, frame: Frame) -> None:
        for actor_id, actor in self._known.items():
            control = actor.physics
            if control is not None and self._physics.get(actor_id) is not control:
                self._physics[actor_id] = control
                frame.physics.append((actor_id, control.packed(actor.description.blueprint, actor.pose)))

    def _clocks(self, world: World, frame: Frame) -> None:
        """Traffic lights whose clock did not just go on."""
        clocks = world.signals.clocks()
        expected = self._signals.copy()
        expected[:, 2] += np.where(expected[:, 1] > 0.0, 0.0, world.delta_s)
        wrong = np.abs(clocks - expected) > 1e-3
        jumped, retimed = wrong[:, :3].any(axis=1), wrong[:, 3:].any(axis=1)
        self._signals = clocks
        frame.times = _table(
            [
                (actor_id, *clock[3:].tolist())
                for actor_id, clock, wanted in zip(world.signals.lights, clocks, retimed, strict=True)
                if wanted
            ],
            recorded.LIGHT_TIMES,
        )
        frame.signals = _table(
            [
                (actor_id, *clock[:3].tolist())
                for actor_id, clock, wanted in zip(world.signals.lights, clocks, jumped, strict=True)
                if wanted
            ],
            recorded.SIGNAL,
        )


def _table(rows: Sequence[tuple[object, ...]], kind: np.dtype) -> np.ndarray:
    return np.array(rows, kind) if rows else np.zeros(0, kind)


def _hero(actor: Actor) -> bool:
    return actor.description.values.get("role_name") == "hero"


def _rank(actor: Actor) -> tuple[int, int]:
    kind = 0 if _hero(actor) else 1 if actor.is_vehicle else 2 if actor.is_walker else 3
    return kind, actor.id


def _kind(actor: Actor) -> int:
    if actor.is_vehicle:
        return recorded.VEHICLES
    if actor.is_walker:
        return recorded.WALKERS
    return recorded.LIGHTS if actor.description.blueprint.id == "traffic.traffic_light" else recorded.OTHER


def _birth(actor: Actor, motion: tuple[float, ...]) -> Birth:
    center, extent, *_ = actor.bounding_box()
    parent = actor.parent.id if actor.parent is not None else 0
    attachment, mount = actor.mount or (0, None)
    return Birth(
        actor.id, _kind(actor), actor.description.packed(), motion[:6], parent,
        tuple(mount) if mount is not None else None, attachment,
        actor.socket, (tuple(center), tuple(extent)),
    )  # fmt: skip
