"""From the pedal to the wheels: engine, clutch and gearbox of one vehicle."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sim.server.bodies import TORQUE_SAMPLES, Record

# With the pedal down an automatic gearbox changes up only near the engine's limit, and changes down where the lower
# gear still has room.
KICKDOWN_PEDAL = 0.6
KICKDOWN_UP, KICKDOWN_DOWN = 0.96, 0.8
# A lower gear is not taken when it would reach this share of the speed at which it is left again.
HYSTERESIS = 0.9
# A slipping clutch or torque converter lets the engine reach this share of its highest speed while starting off.
LAUNCH_SHARE = 0.45
RPM = 30.0 / math.pi  # 1/min per rad/s
RPM_LAG = 0.06  # s


@njit(nogil=True)
def curve_torque(curve: np.ndarray, rpm: float, max_rpm: float) -> float:
    """Torque (N m) of a sampled curve (TORQUE_SAMPLES,) at an engine speed; none above the limit."""
    if rpm >= max_rpm:
        return 0.0 if rpm > max_rpm else curve[TORQUE_SAMPLES - 1]
    position = max(0.0, rpm) / max_rpm * (TORQUE_SAMPLES - 1)
    index = int(position)
    part = position - index
    return curve[index] * (1.0 - part) + curve[index + 1] * part


@njit(nogil=True)
def _choose_gear(b: Record, gears: np.ndarray, speed: float, radius: float) -> int:
    """The gear that driver or gearbox want now."""
    if b.manual != 0:
        wanted = min(b.gears, max(-1, b.wanted_gear))
        return -1 if b.reverse != 0 and wanted > 0 else wanted
    if b.reverse != 0:
        return -1
    gear = b.gear
    if gear <= 0:
        return 1
    if b.autobox == 0 or b.shift_left > 0.0:
        return gear
    pedal = min(1.0, max(0.0, (b.throttle - KICKDOWN_PEDAL) / (1.0 - KICKDOWN_PEDAL)))
    per_ratio = max(0.0, speed) / radius * b.final_ratio * RPM / b.max_rpm
    up = gears[gear - 1, 2] + (max(KICKDOWN_UP, gears[gear - 1, 2]) - gears[gear - 1, 2]) * pedal
    if gear < b.gears and per_ratio * gears[gear - 1, 0] > up:
        return gear + 1
    if gear > 1:
        lower = per_ratio * gears[gear - 2, 0]
        if pedal > 0.99 and lower < KICKDOWN_DOWN:
            return gear - 1
        lower_up = gears[gear - 2, 2] + (max(KICKDOWN_UP, gears[gear - 2, 2]) - gears[gear - 2, 2]) * pedal
        if per_ratio * gears[gear - 1, 0] < gears[gear - 1, 1] and lower < HYSTERESIS * lower_up:
            return gear - 1
    return gear


@njit(nogil=True)
def drive(
    b: Record, curve: np.ndarray, gears: np.ndarray, speed: float, radius: float, h: float
) -> tuple[float, float]:
    """Torque (N m, forwards positive) that the engine puts on the wheels, and the torque of its drag.

    Advances gear, gear change and engine speed of body `b` by `h` seconds; `speed` (m/s) is that of the driven
    wheels, `radius` (m) theirs.
    """
    wanted = _choose_gear(b, gears, speed, radius)
    if wanted != b.gear:
        if b.gear > 0 and wanted > 0:
            b.shift_left = b.switch_time
        b.gear = wanted
    direction = -1.0 if b.gear < 0 else 1.0
    idle = b.idle_rpm
    if b.gear == 0 or b.gears == 0 or b.shift_left > 0.0:
        b.shift_left = max(0.0, b.shift_left - h)
        free = idle + b.throttle * (0.8 * b.max_rpm - idle) if b.gear == 0 else idle
        b.rpm += (free - b.rpm) * min(1.0, h / (5.0 * RPM_LAG))
        return 0.0, 0.0
    first = b.gear < 0 or b.gear == 1
    ratio = gears[0 if b.gear < 0 else b.gear - 1, 0] * b.final_ratio
    engine = max(0.0, direction * speed) / radius * ratio  # rad/s
    turning = engine * RPM
    rpm = max(turning, idle)
    if first and idle > 0.0:
        rpm = max(rpm, idle + b.throttle * (LAUNCH_SHARE * b.max_rpm - idle))
    b.rpm += (rpm - b.rpm) * min(1.0, h / RPM_LAG)
    damping = b.damping_coasting + (b.damping_full - b.damping_coasting) * b.throttle
    drag = damping * max(0.0, engine - idle / RPM) * ratio
    torque = b.throttle * curve_torque(curve, rpm, b.max_rpm) * ratio * b.efficiency
    if rpm <= turning:  # the clutch holds: the engine's own inertia is accelerated too
        torque *= b.mass / (b.mass + b.engine_inertia * (ratio / radius) ** 2)
    return direction * torque, drag
