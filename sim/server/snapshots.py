"""What a snapshot shows of an episode's actors: one packed record each, filled column by column."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sim.geometry import Pose
from sim.server import skeleton, wire
from sim.server.actors import Actor
from sim.server.bodies import MOTION_FIELDS, BodyTable

if TYPE_CHECKING:
    from sim.server.right_of_way import RightOfWay

Motion = tuple[float, ...]
"""Pose (6), velocity, angular velocity (deg/s) and acceleration (3 each) of an actor in the world."""

# Whoever moves faster than this (m/s) was put elsewhere: wheels and legs do not follow.
_FASTEST = 120.0
_FALLEN_DEGREES = 30.0
_STATE_AT = 65
_CONTROL_BYTES = 15
# Packed records of the 0.9.16 wheel (ActorDynamicState); of the union only what a vehicle has is named.
RECORD = np.dtype(
    {
        "names": ["id", "active", "motion", "state", "control", "gear", "limit", "colour", "is_held", "light"],
        "formats": ["<u4", "u1", ("<f4", MOTION_FIELDS), "V54", f"V{_CONTROL_BYTES}", "<i4", "<f4", "u1", "u1", "<u4"],
        "offsets": [0, 4, 5, *(_STATE_AT + offset for offset in (0, 0, 15, 19, 23, 24, 25))],
        "itemsize": 119,
    }
)
_STILL = (0.0,) * (MOTION_FIELDS - 6)


class Roster:
    """The actors of an episode, sorted by how their records are filled. Made anew when one comes or goes."""

    def __init__(self, actors: Mapping[int, Actor], leave_out: Mapping[int, Actor]) -> None:
        shown = [actor for actor in actors.values() if actor.id not in leave_out]
        self.count = len(shown)
        self.ids = np.array([actor.id for actor in shown], np.uint32)
        # Those that move by themselves; the others follow a parent, or stay where they were put.
        free = [(slot, actor) for slot, actor in enumerate(shown) if actor.row is not None and actor.parent is None]
        self.free = [actor for _, actor in free]
        self.free_slots, self.free_rows = _columns(free)
        self.followers = [(s, actor) for s, actor in enumerate(shown) if actor.row is None or actor.parent is not None]
        vehicles = [(slot, actor) for slot, actor in enumerate(shown) if actor.is_vehicle and actor.row is not None]
        self.vehicles = [actor for _, actor in vehicles]
        self.vehicle_slots, self.vehicle_rows = _columns(vehicles)
        self.walkers = [(slot, actor) for slot, actor in enumerate(shown) if actor.is_walker]


def _columns(entries: list[tuple[int, Actor]]) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.array([(slot, actor.row) for slot, actor in entries], np.int64).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def _step_on(actor: Actor, earlier: Motion, now: list[float], delta_s: float) -> None:
    """Roll and walk on by the way from `earlier` to `now`. The same for who is driven, carried or replayed."""
    dx, dy = now[0] - earlier[0], now[1] - earlier[1]
    if dx == 0.0 and dy == 0.0:
        actor.pace = 0.0
        return
    yaw = math.radians(now[4])
    ahead = math.cos(yaw) * dx + math.sin(yaw) * dy
    if abs(ahead) > _FASTEST * delta_s:
        ahead = 0.0
    actor.travelled += ahead
    actor.pace = ahead / delta_s
    if actor.is_walker:
        if abs(now[3]) > _FALLEN_DEGREES:
            actor.pace = 0.0  # somebody who lies on the road slides, and does not walk
        actor.strides += ahead / skeleton.stride_length(actor.pace, actor.description.extent[2])


def observe(
    roster: Roster, table: BodyTable, right_of_way: RightOfWay, follow: Callable[[Actor], None],
    before: Mapping[int, Motion], delta_s: float,
) -> tuple[bytes, dict[int, Motion]]:  # fmt: skip
    """The records of a roster, and every actor's motion by id; brings the actors' poses up to date.

    `follow` places an actor that is attached to another; it is called after that one has been placed. `before` holds
    the motions of the tick before, `delta_s` ago.
    """
    records = np.zeros(roster.count, RECORD)
    records["id"], records["active"] = roster.ids, 1
    body = table.rows.view(np.float64).reshape(len(table.rows), -1)[roster.free_rows, :MOTION_FIELDS]
    motions: dict[int, Motion] = {}
    for actor, values in zip(roster.free, body.tolist()):
        earlier = before.get(actor.id)
        if earlier is not None:
            _step_on(actor, earlier, values, delta_s)
        motions[actor.id] = tuple(values)
        actor.pose = Pose._make(values[:6])
    moving = records["motion"]
    moving[roster.free_slots] = body
    # Parents are older than what is attached to them, so they are placed first.
    for slot, actor in roster.followers:
        follow(actor)
        motions[actor.id] = (*actor.pose, *_STILL)
        moving[slot, :6] = actor.pose
    if roster.vehicles:
        slots, rows = roster.vehicle_slots, roster.vehicle_rows
        controls = b"".join([actor.vehicle_control.packed for actor in roster.vehicles])
        records["control"][slots] = np.frombuffer(controls, f"V{_CONTROL_BYTES}")
        records["gear"][slots] = table.rows["gear"][rows]
        columns = right_of_way.columns(rows)
        for name, column in zip(("limit", "colour", "is_held", "light"), columns):
            records[name][slots] = column
    for slot, actor in roster.walkers:
        walk = actor.walker_control
        records["state"][slot] = wire.walker_state(walk.direction, walk.speed, walk.jump).ljust(54, b"\0")
    return records.tobytes(), motions
