"""How bodies stand on the ground, climb it, leave it and land on it."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sim.maps.ground import STEP_M, surface
from sim.server.bodies import VEHICLE, WHEELS, Record
from sim.server.vehicle_physics import GRAVITY

TOUCH = 0.03  # m above the ground up to which wheels count as standing on it
KERB = 0.02  # m of a step in the ground that the body follows at once
RISE_S = 0.04  # s in which it climbs higher steps
TILT_S = 0.06  # s in which pitch and roll follow the ground
LEAN_S, MAX_LEAN = 0.18, 50.0  # two-wheelers: s, degrees
LOOK_AGAIN = 0.15  # m that a wheel moves before the ground below it is looked up again


@njit(nogil=True)
def _below_wheel(
    w: Record,
    x: float,
    y: float,
    top: float,
    grid: np.ndarray,
    starts: np.ndarray,
    index: np.ndarray,
    planes: np.ndarray,
) -> float:
    dx, dy = x - w.ground_x, y - w.ground_y
    if not (abs(dx) < LOOK_AGAIN and abs(dy) < LOOK_AGAIN):
        w.ground_z, w.slope_x, w.slope_y = surface(grid, starts, index, planes, x, y, top)
        w.ground_x, w.ground_y = x, y
        return w.ground_z
    return w.ground_z + w.slope_x * dx + w.slope_y * dy


@njit(nogil=True)
def ground_below(
    b: Record, wheels: np.ndarray, i: int, grid: np.ndarray, starts: np.ndarray, index: np.ndarray, planes: np.ndarray
) -> tuple[float, float, float]:
    """Height (m) of the ground below body `b` and its slopes forwards and to the right (dz per m in the body's frame).

    A vehicle stands on its wheels' four contacts, anything else on the point below its origin.
    """
    yaw = math.radians(b.yaw)
    c, s = math.cos(yaw), math.sin(yaw)
    if b.kind != VEHICLE:
        z, slope_x, slope_y = surface(grid, starts, index, planes, b.x, b.y, b.z - b.foot + STEP_M)
        return z, c * slope_x + s * slope_y, -s * slope_x + c * slope_y
    tilt = math.tan(math.radians(b.pitch))
    if b.leans != 0:
        total, difference = 0.0, 0.0
        for k in range(0, WHEELS, 2):
            w = wheels[i, k]
            top = b.z + tilt * w.x + STEP_M
            z = _below_wheel(w, b.x + c * w.x, b.y + s * w.x, top, grid, starts, index, planes)
            total += 0.5 * z
            difference += z if k == 0 else -z
        return total, difference / (wheels[i, 0].x - wheels[i, 2].x), 0.0
    total, forwards, sideways = 0.0, 0.0, 0.0
    for k in range(WHEELS):
        w = wheels[i, k]
        top = b.z + tilt * w.x + STEP_M
        x, y = b.x + c * w.x - s * w.y, b.y + s * w.x + c * w.y
        z = _below_wheel(w, x, y, top, grid, starts, index, planes)
        total += 0.25 * z
        forwards += z if k < 2 else -z
        sideways += z if k % 2 == 1 else -z
    return total, 0.5 * forwards / (wheels[i, 0].x - wheels[i, 2].x), 0.25 * sideways / b.half_track


@njit(nogil=True)
def tilt_to(b: Record, slope: float, bank: float, h: float) -> None:
    """Turn pitch and roll of a standing body towards the ground's slopes (dz per m forwards and to the right)."""
    pitch, roll = math.degrees(math.atan(slope)), -math.degrees(math.atan(bank))
    share = 1.0 - math.exp(-h / TILT_S)
    b.pitch = pitch if abs(pitch - b.pitch) < 1e-3 else b.pitch + share * (pitch - b.pitch)
    if b.leans != 0:
        roll = min(MAX_LEAN, max(-MAX_LEAN, math.degrees(math.atan(b.force_y / GRAVITY))))
        share = 1.0 - math.exp(-h / LEAN_S)
    b.roll = roll if abs(roll - b.roll) < 1e-3 else b.roll + share * (roll - b.roll)
    b.wx, b.wy = 0.0, 0.0


@njit(nogil=True)
def rise_or_fall(b: Record, ground: float, climb: float, foot: float, h: float) -> None:
    """Advance the height of a body over ground of height `ground` (m) that rises at `climb` (m/s) below it."""
    rest = ground + foot
    if b.gravity != 0 and b.z > rest:
        b.vz -= GRAVITY * h
    b.z += b.vz * h
    if b.gravity != 0 and b.z <= rest:
        gap = rest - b.z
        followed = KERB + (max(0.0, climb) + max(0.0, -b.vz)) * h
        b.z = rest if gap <= followed else b.z + gap * (1.0 - math.exp(-h / RISE_S))
        b.vz = climb
