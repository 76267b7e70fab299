"""What lights, signs and speed limits mean to each vehicle: looked up for all of them once a tick, by Numba."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sim.maps.lane_boxes import Box
from sim.maps.limits import CELL_M, DEFAULT_KMH
from sim.server.bodies import VEHICLE, BodyTable
from sim.server.signals import GREEN, RED, Signals

NONE = -1
_LIGHT, _STOP, _YIELD = 0, 1, 2
_KINDS = {"traffic.traffic_light": _LIGHT, "traffic.stop": _STOP, "traffic.yield": _YIELD}
STAND_MS = 0.1  # m/s below which a vehicle stands
MOVING_MS = 0.5  # m/s below which one with priority is taken to wait itself
STOP_S = 2.0  # s for which one must stand at a stop sign: CARLA's delay
GAP_S = 5.0  # whoever with priority arrives within this time is waited for at a stop or yield sign
REACH_M = 6.0  # how far from a lane's middle its limit counts
LEVEL_M = 3.0  # difference in height beyond which a lane is another road's, above or below
ALONG = 0.5  # least cosine between a vehicle and the lane that it is said to be on

# What the kernel keeps for each vehicle from tick to tick.
HOLD = np.dtype([("zone", "i8"), ("waited", "f8"), ("served", "i8"), ("limit", "f8"), ("state", "i8")])


@njit(nogil=True)
def _must_wait(rows: np.ndarray, count: int, i: int, watches: np.ndarray) -> bool:
    """Whether any vehicle but `i` with priority is in the junction or about to arrive."""
    for j in range(count):
        b = rows[j]
        if j == i or b.used == 0 or b.kind != VEHICLE:
            continue
        speed = math.sqrt(b.vx * b.vx + b.vy * b.vy)
        if speed < MOVING_MS:
            continue
        yaw = math.radians(b.yaw)
        c, s = math.cos(yaw), math.sin(yaw)
        for part in range(2):
            ahead = b.cx + (b.hx if part == 0 else -b.hx)
            for k in range(len(watches)):
                px, py = b.x + c * ahead - watches[k, 0], b.y + s * ahead - watches[k, 1]
                u = watches[k, 3] * px + watches[k, 4] * py
                v = watches[k, 3] * py - watches[k, 4] * px
                if abs(u) > watches[k, 5] or abs(v) > watches[k, 6] or abs(watches[k, 2] - b.z) > LEVEL_M:
                    continue
                if watches[k, 3] * c + watches[k, 4] * s < ALONG:
                    continue
                if watches[k, 7] < 0.0 or (part == 0 and watches[k, 7] + watches[k, 5] - u < speed * GAP_S):
                    return True
    return False


@njit(cache=True, nogil=True)
def _observe(
    rows: np.ndarray,
    count: int,
    zones: np.ndarray,
    kinds: np.ndarray,
    owners: np.ndarray,
    watches: np.ndarray,
    watched: np.ndarray,
    states: np.ndarray,
    points: np.ndarray,
    starts: np.ndarray,
    origin: np.ndarray,
    shape: np.ndarray,
    dt: float,
    holds: np.ndarray,
) -> None:
    """zones (Z, 7): x, y, z, cos, sin of travel, half length, half width; kinds and owners (Z,).

    watches (W, 8): the same of lanes with priority, and metres to the junction (-1: in it); watched (Z, 2): first, end.
    """
    for i in range(count):
        b = rows[i]
        hold = holds[i]
        if b.used == 0 or b.kind != VEHICLE:
            continue
        yaw = math.radians(b.yaw)
        c, s = math.cos(yaw), math.sin(yaw)
        # Where the vehicle's front, middle and rear are.
        front, rear = b.cx + b.hx, b.cx - b.hx

        # The limit of the nearest lane that leads the same way; off the roads the last one still counts.
        ci, cj = math.floor((b.x - origin[0]) / CELL_M), math.floor((b.y - origin[1]) / CELL_M)
        nearest = REACH_M * REACH_M
        for gi in range(max(ci - 1, 0), min(ci + 2, shape[0])):
            for gj in range(max(cj - 1, 0), min(cj + 2, shape[1])):
                for k in range(starts[gi * shape[1] + gj], starts[gi * shape[1] + gj + 1]):
                    dx, dy = points[k, 0] - b.x, points[k, 1] - b.y
                    gap = dx * dx + dy * dy
                    along = points[k, 3] * c + points[k, 4] * s
                    if gap < nearest and abs(points[k, 2] - b.z) < LEVEL_M and along > ALONG:
                        nearest = gap
                        hold.limit = points[k, 5]

        held = NONE
        for k in range(len(zones)):
            dx, dy = zones[k, 0] - b.x, zones[k, 1] - b.y
            reach = zones[k, 5] + zones[k, 6] + b.hx + abs(b.cx)
            if dx * dx + dy * dy > reach * reach or abs(zones[k, 2] - b.z) > LEVEL_M:
                continue
            if zones[k, 3] * c + zones[k, 4] * s < ALONG:
                continue
            inside = False
            entered = False
            for part in range(3):
                ahead = rear + 0.5 * part * (front - rear)
                px, py = b.x + c * ahead - zones[k, 0], b.y + s * ahead - zones[k, 1]
                u, v = zones[k, 3] * px + zones[k, 4] * py, zones[k, 3] * py - zones[k, 4] * px
                if abs(u) <= zones[k, 5] and abs(v) <= zones[k, 6]:
                    inside = True
                    entered = part == 2
            same = hold.zone != NONE and owners[hold.zone] == owners[k]
            if kinds[k] == _LIGHT:
                # A red light stops whoever comes with the bumper before the line; it keeps whoever slid across it
                # while braking, and lets go who crossed the line before it was red.
                if inside and states[owners[k]] != GREEN and (entered or same):
                    held = k
                    break
            elif inside and (entered or same):
                held = k
                break
        if held == NONE:
            hold.zone = NONE
            hold.state = GREEN
            continue
        if hold.zone == NONE or owners[hold.zone] != owners[held]:
            hold.waited = 0.0
            hold.served = 0
        hold.zone = held
        if kinds[held] == _LIGHT:
            hold.state = states[owners[held]]
            continue
        if b.vx * b.vx + b.vy * b.vy < STAND_MS * STAND_MS:
            hold.waited += dt
        # Once let go it goes, whoever comes then: nobody turns back halfway.
        ready = kinds[held] == _YIELD or hold.waited >= STOP_S - 1e-6
        if hold.served == 0 and ready:
            hold.served = 0 if _must_wait(rows, count, i, watches[watched[held, 0] : watched[held, 1]]) else 1
        hold.state = GREEN if hold.served != 0 else RED


class RightOfWay:
    """The signals and limits of one episode, as they apply to the vehicles of a body table."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        limits = signals.regulation.limits
        self._grid = (limits.points, limits.starts, limits.origin, limits.shape)
        order = {actor_id: index for index, actor_id in enumerate(signals.actors)}
        zones, kinds, owners, watched = [], [], [], []
        watches: list[tuple[float, ...]] = []
        for actor, zone in signals.zones:
            kind = _KINDS.get(actor.description.blueprint.id)
            if kind is None:
                continue
            span = (len(watches), len(watches) + len(zone.watches))
            watches += [(*_row(watch.box), watch.remaining) for watch in zone.watches]
            for box in zone.lanes:
                zones.append(_row(box))
                kinds.append(kind)
                owners.append(order[actor.id])
                watched.append(span)
        self._zones = np.array(zones, np.float64).reshape(-1, 7)
        self._kinds, self._owners = np.array(kinds, np.int64), np.array(owners, np.int64)
        self._watches = np.array(watches, np.float64).reshape(-1, 8)
        self._watched = np.array(watched, np.int64).reshape(-1, 2)
        self._actors = np.array(list(signals.actors), np.int64)
        self._holds = np.zeros(0, HOLD)

    def forget(self, row: int) -> None:
        """A new body took this row of the table."""
        self._room(row + 1)
        self._holds[row] = _FRESH

    def observe(self, table: BodyTable, delta_s: float) -> None:
        """Look up everything for where the vehicles are now, `delta_s` seconds after the last time."""
        self._room(table.count)
        _observe(
            table.rows, table.count, self._zones, self._kinds, self._owners, self._watches, self._watched,
            self._signals.states(), *self._grid, delta_s, self._holds,
        )  # fmt: skip

    def _room(self, count: int) -> None:
        if count > len(self._holds):
            fresh = np.full(max(16, 2 * count) - len(self._holds), _FRESH, HOLD)
            self._holds = np.concatenate([self._holds, fresh])

    def columns(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Of body rows (N,): limit in km/h, colour to obey, whether a light holds the vehicle, that light's id."""
        holds = self._holds[rows]
        held = holds["zone"] != NONE
        held[held] = self._kinds[holds["zone"][held]] == _LIGHT
        lights = np.zeros(len(rows), np.int64)
        lights[held] = self._actors[self._owners[holds["zone"][held]]]
        return holds["limit"], holds["state"], held, lights


_FRESH = np.array((NONE, 0.0, 0, DEFAULT_KMH, GREEN), HOLD)


def _row(box: Box) -> tuple[float, ...]:
    yaw = math.radians(box.yaw)
    return box.x, box.y, box.z, math.cos(yaw), math.sin(yaw), box.half_length, box.half_width


def warm_up() -> None:
    """Compile, or load from Numba's cache, what a tick runs."""
    from sim.maps.limits import LimitMap
    from sim.maps.regulation import Regulation
    from sim.maps.signals import SignalPlan

    empty = LimitMap(np.zeros((0, 6)), np.zeros(2, np.int64), np.zeros(2), np.ones(2, np.int64))
    way = RightOfWay(Signals(Regulation(SignalPlan(), (), empty), lambda: 1))
    way.observe(BodyTable(), 0.05)
