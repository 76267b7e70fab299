"""Friction triggers: boxes inside which wheels have another friction."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from sim.server.actors import Actor
from sim.server.blueprints.definition import TRIGGER
from sim.server.bodies import WHEELS, BodyTable
from sim.server.powertrain import data_of, set_friction


def is_trigger(actor: Actor) -> bool:
    """Whether an actor is a friction trigger."""
    return actor.description.blueprint.kind == TRIGGER


class FrictionZones:
    """The triggers of a world, and which wheels they hold now.

    CARLA gives a trigger's half sizes in centimetres, and shows its friction in the physics control of vehicles inside.
    """

    def __init__(self) -> None:
        self._triggers: dict[int, tuple[np.ndarray, np.ndarray, float, float]] = {}
        self._held: dict[int, list[float | None]] = {}

    def add(self, actor: Actor) -> None:
        """A trigger was spawned or moved. Raises CallError for an attribute that is no number."""
        half, friction = np.array(actor.description.extent), actor.description.number("friction")
        self._triggers[actor.id] = (np.array(actor.pose[:3]), half, math.radians(actor.pose.yaw), friction)

    def remove(self, actor_id: int) -> None:
        """An actor is gone."""
        self._triggers.pop(actor_id, None)

    def forget(self, actor_id: int) -> None:
        """A vehicle is gone."""
        self._held.pop(actor_id, None)

    def friction(self, actor_id: int) -> list[float | None]:
        """CARLA's tyre friction that triggers give each wheel of a vehicle now; None outside."""
        return self._held.get(actor_id, [None] * WHEELS)

    def update(self, actors: Iterable[Actor], table: BodyTable) -> None:
        """Find the wheels inside triggers and set the friction of those that entered or left one."""
        if not self._triggers and not self._held:
            return
        for actor in actors:
            if actor.physics is None or actor.row is None:
                continue
            found = self._inside(table, actor.row)
            if found == self._held.get(actor.id, [None] * WHEELS):
                continue
            data = data_of(actor.description.blueprint)
            for k in range(WHEELS):
                zone = found[k]
                scale = actor.physics.wheels[k].tire_friction if zone is None else zone
                set_friction(table.wheels[actor.row, k], scale, k < 2, data)
            if any(zone is not None for zone in found):
                self._held[actor.id] = found
            else:
                self._held.pop(actor.id, None)

    def reapply(self, actor: Actor, table: BodyTable) -> None:
        """A vehicle's physics control was replaced: the next update sets its frictions anew."""
        if actor.id in self._held:
            self._held[actor.id] = [None] * WHEELS
            self.update([actor], table)

    def _inside(self, table: BodyTable, row: int) -> list[float | None]:
        body, wheels = table.rows[row], table.wheels[row]
        yaw = math.radians(body["yaw"])
        c, s = math.cos(yaw), math.sin(yaw)
        x = body["x"] + c * wheels["x"] - s * wheels["y"]
        y = body["y"] + s * wheels["x"] + c * wheels["y"]
        found: list[float | None] = [None] * WHEELS
        for center, half, turn, friction in self._triggers.values():
            ct, st = math.cos(turn), math.sin(turn)
            along = ct * (x - center[0]) + st * (y - center[1])
            across = -st * (x - center[0]) + ct * (y - center[1])
            level = abs(body["z"] - center[2]) <= half[2] + 1.0
            inside = (np.abs(along) <= half[0]) & (np.abs(across) <= half[1]) & level
            found = [friction if within else before for within, before in zip(inside.tolist(), found, strict=True)]
        return found
