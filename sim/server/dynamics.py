"""One tick of physics for all bodies: substeps of motion and contact, compiled by Numba."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numba import njit

from sim.maps import ground as town_ground
from sim.maps.ground import Ground, build_ground
from sim.server import bodies, broad_phase, collisions, drive_line, suspension, vehicle_physics
from sim.server.bodies import VEHICLE, WALKER, BodyTable, Record
from sim.server.broad_phase import candidates, static_grid
from sim.server.collisions import STATIC_COLUMNS, footprint, overlap, resolve
from sim.server.suspension import TOUCH, ground_below, rise_or_fall, tilt_to
from sim.server.vehicle_physics import GRAVITY, advance_vehicle

SUBSTEP_S = 0.005
MAX_SUBSTEPS = 1000
FALL_RATE = 240.0  # deg/s
SLIDE_FRICTION = 0.6  # of a fallen walker or a loose prop on the road


@njit(nogil=True)
def _slide(b: Record, standing: bool, h: float) -> None:
    if standing:
        speed = math.hypot(b.vx, b.vy)
        loss = SLIDE_FRICTION * GRAVITY * h
        keep = 0.0 if speed <= loss else (speed - loss) / speed
        b.vx *= keep
        b.vy *= keep
        b.wz *= math.exp(-6.0 * h)


@njit(nogil=True)
def _fly(b: Record, h: float) -> None:
    """A vehicle without wheels on the ground: only the air resists."""
    if b.hold != 0:
        yaw = math.radians(b.yaw)
        b.vx = math.cos(yaw) * b.hold_vx - math.sin(yaw) * b.hold_vy
        b.vy = math.sin(yaw) * b.hold_vx + math.cos(yaw) * b.hold_vy
    elif b.fresh == 0:
        keep = 1.0 - min(1.0, b.air_drag / b.mass * math.hypot(b.vx, b.vy) * h)
        b.vx *= keep
        b.vy *= keep
    b.pitch = min(90.0, max(-90.0, b.pitch + b.wy * h))
    b.roll = _wrapped(b.roll + b.wx * h)


@njit(nogil=True)
def _wrapped(angle: float) -> float:
    """An angle (degrees) within -180 to 180."""
    if -180.0 <= angle <= 180.0:
        return angle
    return (angle + 180.0) % 360.0 - 180.0


@njit(nogil=True)
def _move(
    rows: np.ndarray,
    wheels: np.ndarray,
    i: int,
    steer_curve: np.ndarray,
    torque_curve: np.ndarray,
    gears: np.ndarray,
    grid: np.ndarray,
    starts: np.ndarray,
    index: np.ndarray,
    planes: np.ndarray,
    h: float,
) -> None:
    b = rows[i]
    ground, slope, bank = ground_below(b, wheels, i, grid, starts, index, planes)
    standing = b.z <= ground + b.foot + TOUCH
    yaw = math.radians(b.yaw)
    c, s = math.cos(yaw), math.sin(yaw)
    foot = b.foot
    if b.kind == VEHICLE:
        if standing:
            advance_vehicle(rows, wheels, i, steer_curve, torque_curve, gears, math.atan(slope), -math.atan(bank), h)
            if b.gravity != 0:
                tilt_to(b, slope, bank, h)
        else:
            _fly(b, h)
    elif b.kind == WALKER and b.down == 0:
        if b.fresh == 0 and standing:
            b.vx, b.vy = b.walk_x, b.walk_y
        b.wz = 0.0
    else:
        _slide(b, standing or b.down != 0, h)
    if b.down != 0:  # a walker falls on its back and lies as high as it is broad
        b.pitch = min(90.0, b.pitch + FALL_RATE * h)
        foot = b.hy
    along, across = c * b.vx + s * b.vy, -s * b.vx + c * b.vy
    climb = slope * along + bank * across
    b.x += b.vx * h
    b.y += b.vy * h
    rise_or_fall(b, ground + climb * h, climb, foot, h)
    b.yaw = _wrapped(b.yaw + b.wz * h)


def _fingerprint() -> int:
    digest = hashlib.sha256()
    for module in (town_ground, bodies, drive_line, vehicle_physics, suspension, broad_phase, collisions):
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
        wheels: np.ndarray,
        count: int,
        curves: tuple[np.ndarray, np.ndarray, np.ndarray],
        ground: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
        statics: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray],
        dt: float,
        substeps: int,
        pairs: np.ndarray,
        impulses: np.ndarray,
    ) -> int:
        if sources < 0:
            return 0
        steer, torque, gears = curves
        grid, starts, index, planes = ground
        total = candidates(rows, count, *statics, dt, pairs)
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
                    _move(rows, wheels, i, steer[i], torque[i], gears[i], grid, starts, index, planes, h)
            if total > 0:
                resolve(rows, statics[0], pairs, total, impulses)
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
    """Advances a table of bodies on the ground and among immovable boxes.

    statics  (N, STATIC_COLUMNS), see `collisions.static_table`
    """

    def __init__(self, table: BodyTable, ground: Ground | None = None, statics: np.ndarray | None = None) -> None:
        self.table = table
        self._ground = (build_ground([], 0.0) if ground is None else ground).arrays()
        self._statics = static_grid(np.zeros((0, STATIC_COLUMNS)) if statics is None else statics)
        self._pairs = np.zeros((64, 2), np.int64)
        self._impulses = np.zeros((64, 3))

    @property
    def statics(self) -> np.ndarray:
        """The immovable boxes."""
        return self._statics.boxes

    @statics.setter
    def statics(self, boxes: np.ndarray) -> None:
        self._statics = static_grid(boxes)

    def occupied(self, index: int) -> bool:
        """Whether row `index` overlaps any other body or immovable box."""
        return bool(_occupied(self.table.rows, self.table.count, index, self._statics.boxes))

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
                table.rows,
                table.wheels,
                table.count,
                tuple(table.curves),
                self._ground,
                tuple(self._statics),
                dt,
                substeps,
                self._pairs,
                self._impulses,
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
        row["kind"] = WALKER
        row["simulate"] = row["collide"] = 1
        row["x"] = x
    dynamics = Dynamics(table)
    for _ in dynamics.step(SUBSTEP_S):
        pass
    dynamics.occupied(0)
