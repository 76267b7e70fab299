"""One tick of physics for all bodies: substeps of motion and contact, compiled by Numba."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numba import njit

from sim.server import bodies, collisions, vehicle_physics
from sim.server.bodies import PROP, VEHICLE, WALKER, BodyTable
from sim.server.collisions import STATIC_COLUMNS, candidates, footprint, overlap, resolve
from sim.server.vehicle_physics import GRAVITY, advance_vehicle

SUBSTEP_S = 0.005
MAX_SUBSTEPS = 1000
FALL_RATE = 240.0  # deg/s
SLIDE_FRICTION = 0.6  # of a fallen walker or a loose prop on the road


@njit(nogil=True)
def _slide(rows: np.ndarray, i: int, h: float) -> None:
    b = rows[i]
    speed = math.hypot(b.vx, b.vy)
    loss = SLIDE_FRICTION * GRAVITY * h
    keep = 0.0 if speed <= loss else (speed - loss) / speed
    if b.z > b.rest_z + 0.02:
        keep = 1.0
    b.vx *= keep
    b.vy *= keep
    b.wz *= math.exp(-6.0 * h)


@njit(nogil=True)
def _move(rows: np.ndarray, i: int, curve: np.ndarray, h: float) -> None:
    b = rows[i]
    grounded = b.z <= b.rest_z + 0.02
    if b.kind == VEHICLE:
        if grounded:
            advance_vehicle(rows, i, curve, h)
        elif b.hold != 0:
            yaw = math.radians(b.yaw)
            b.vx = math.cos(yaw) * b.hold_vx - math.sin(yaw) * b.hold_vy
            b.vy = math.sin(yaw) * b.hold_vx + math.cos(yaw) * b.hold_vy
    elif b.kind == WALKER and b.down == 0:
        if b.fresh == 0:
            b.vx, b.vy = b.walk_x, b.walk_y
        b.wz = 0.0
    elif b.kind == PROP or b.down != 0:
        _slide(rows, i, h)
    rest = b.rest_z
    if b.down != 0:  # a walker falls on its back and lies as high as it is broad
        b.pitch = min(90.0, b.pitch + FALL_RATE * h)
        rest = b.hy
    elif grounded and b.gravity != 0:
        b.pitch, b.roll = 0.0, 0.0
    if b.gravity != 0 and b.z > rest:
        b.vz -= GRAVITY * h
    b.x += b.vx * h
    b.y += b.vy * h
    b.z += b.vz * h
    if b.gravity != 0 and b.z <= rest:
        b.z = rest
        b.vz = 0.0
    b.yaw += b.wz * h
    if b.yaw > 180.0:
        b.yaw -= 360.0
    elif b.yaw < -180.0:
        b.yaw += 360.0


def _fingerprint() -> int:
    digest = hashlib.sha256()
    for module in (bodies, vehicle_physics, collisions):
        digest.update(Path(str(module.__file__)).read_bytes())
    return int.from_bytes(digest.digest()[:7], "big")


def _entry_points(sources: int) -> tuple[Callable[..., int], Callable[..., bool]]:
    """The kernels that Python calls.

    Numba keys a cached kernel by the one file that it is written in, and would go on running old code after a change
    in another. So only these are cached, and the other files' fingerprint is a value that they close over, which is
    part of the key.
    """

    @njit(cache=True, nogil=True)
    def advance(
        rows: np.ndarray,
        count: int,
        curves: np.ndarray,
        statics: np.ndarray,
        dt: float,
        substeps: int,
        pairs: np.ndarray,
        impulses: np.ndarray,
    ) -> int:
        if sources < 0:
            return 0
        total = candidates(rows, count, statics, dt, pairs)
        if total > len(pairs):
            return total
        impulses[:total] = 0.0
        for i in range(count):
            b = rows[i]
            if b.used != 0 and b.simulate != 0:
                b.ax, b.ay, b.az = b.vx, b.vy, b.vz
        h = dt / substeps
        for _ in range(substeps):
            for i in range(count):
                b = rows[i]
                if b.used != 0 and b.simulate != 0:
                    _move(rows, i, curves[i], h)
            if total > 0:
                resolve(rows, statics, pairs, total, impulses)
        for i in range(count):
            b = rows[i]
            if b.used == 0:
                continue
            if b.simulate != 0:
                b.ax, b.ay, b.az = (b.vx - b.ax) / dt, (b.vy - b.ay) / dt, (b.vz - b.az) / dt
            b.fresh = 0
        return total

    @njit(cache=True, nogil=True)
    def occupied(rows: np.ndarray, count: int, i: int, statics: np.ndarray) -> bool:
        if sources < 0:
            return False
        box_a, box_b = np.empty(STATIC_COLUMNS), np.empty(STATIC_COLUMNS)
        contact = np.empty(5)
        footprint(rows, i, box_a)
        for j in range(count):
            if j != i and rows[j].used != 0 and rows[j].collide != 0:
                footprint(rows, j, box_b)
                if overlap(box_a, box_b, contact):
                    return True
        for k in range(len(statics)):  # noqa: SIM110 (Numba compiles no generators)
            if overlap(box_a, statics[k], contact):
                return True
        return False

    return advance, occupied


_advance, _occupied = _entry_points(_fingerprint())


class Dynamics:
    """Advances a table of bodies among immovable boxes."""

    def __init__(self, table: BodyTable) -> None:
        self.table = table
        self.statics = np.zeros((0, STATIC_COLUMNS))
        self._pairs = np.zeros((64, 2), np.int64)
        self._impulses = np.zeros((64, 3))

    def occupied(self, index: int) -> bool:
        """Whether row `index` overlaps any other body or immovable box."""
        return bool(_occupied(self.table.rows, self.table.count, index, self.statics))

    def step(self, dt: float, longest_substep: float = SUBSTEP_S) -> Iterator[tuple[int, int, float, float]]:
        """Advance by `dt` seconds in substeps of at most `longest_substep` and SUBSTEP_S seconds.

        Yields (row, other row or -1 - static index, impulse x, y on the first; N s).
        """
        table = self.table
        if table.count == 0:
            return
        substeps = min(MAX_SUBSTEPS, max(1, math.ceil(dt / min(longest_substep, SUBSTEP_S) - 1e-6)))
        while True:
            total = _advance(
                table.rows, table.count, table.steer_curves, self.statics, dt, substeps, self._pairs, self._impulses
            )
            if total <= len(self._pairs):
                break
            self._pairs = np.zeros((2 * total, 2), np.int64)
            self._impulses = np.zeros((2 * total, 3))
        for index in range(total):
            if self._impulses[index, 2] > 0.0:
                impulse = self._impulses[index]
                yield int(self._pairs[index, 0]), int(self._pairs[index, 1]), float(impulse[0]), float(impulse[1])


def warm_up() -> None:
    """Compile, or load from Numba's cache, everything that a tick runs."""
    table = BodyTable()
    for x in (0.0, 1.0):
        row = table.rows[table.allocate()]
        row["mass"] = row["inertia"] = row["hx"] = row["hy"] = row["hz"] = row["front"] = row["rear"] = 1.0
        row["simulate"] = row["collide"] = 1
        row["x"] = x
    dynamics = Dynamics(table)
    for _ in dynamics.step(SUBSTEP_S):
        pass
    dynamics.occupied(0)
