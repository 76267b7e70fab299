"""Vehicle dynamics: a single-track model with load transfer, friction ellipse and a power-limited drive-line.

The planar model is the standard one (R. Rajamani, Vehicle Dynamics and Control, ch. 2), with a tanh tyre curve whose
initial slope is the cornering stiffness and whose ceiling is what the friction ellipse leaves. Below walking pace slip
angles are ill-conditioned, so the model blends into the kinematic one (rolling without slip).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sim.server.bodies import STEER_SAMPLES, STEER_STEP_KMH

GRAVITY = 9.81
ROLLING_RESISTANCE = 0.012
# Anti-lock brakes and traction control keep this share of the friction for the longitudinal direction at most,
# which leaves about a third for steering while braking fully.
LONGITUDINAL_SHARE = 0.95
# At the limit road cars slide over the front wheels: these grip a little less, and stability control brakes single
# wheels against a yaw rate above what the tyres can turn into a curve.
FRONT_GRIP = 0.93
STABILITY_MOMENT = 3.5  # rad/s^2
YAW_MARGIN = 0.03  # rad/s
WHEEL_RATE = 6.0  # rad/s at which the road wheels follow the steering command
KINEMATIC_BELOW, DYNAMIC_ABOVE = 1.0, 3.0  # m/s
CREEP = 0.05  # m/s below which an undriven vehicle stands


@njit(nogil=True)
def steer_share(curve: np.ndarray, speed_ms: float) -> float:
    """Share of the steering angle left at a speed, linear between the samples of `curve` (STEER_SAMPLES,)."""
    position = speed_ms * 3.6 / STEER_STEP_KMH
    index = int(position)
    if index >= STEER_SAMPLES - 1:
        return curve[STEER_SAMPLES - 1]
    part = position - index
    return curve[index] * (1.0 - part) + curve[index + 1] * part


@njit(nogil=True)
def tyre_force(slip_angle: float, stiffness: float, load: float, longitudinal: float, mu: float) -> float:
    """Lateral force (N) against a slip angle (rad), within sqrt((mu*load)^2 - longitudinal^2)."""
    limit_squared = (mu * load) ** 2 - longitudinal * longitudinal
    if limit_squared <= 1.0:
        return 0.0
    limit = math.sqrt(limit_squared)
    return -limit * math.tanh(stiffness * load * slip_angle / limit)


@njit(nogil=True)
def advance_vehicle(rows: np.ndarray, i: int, curve: np.ndarray, h: float) -> None:
    """Advance the planar velocity and yaw rate of vehicle row `i` by `h` seconds; the caller integrates the pose."""
    b = rows[i]
    yaw = math.radians(b.yaw)
    c, s = math.cos(yaw), math.sin(yaw)
    u = c * b.vx + s * b.vy
    v = -s * b.vx + c * b.vy
    r = math.radians(b.wz)
    speed = math.hypot(u, v)
    base = b.front + b.rear
    weight = b.mass * GRAVITY

    target = b.steer * b.max_steer * steer_share(curve, speed)
    step = WHEEL_RATE * h
    b.wheel_angle += min(step, max(-step, target - b.wheel_angle))
    delta = b.wheel_angle

    transfer = b.mass * b.long_accel * b.cog_height / base
    load_front = min(weight, max(0.0, weight * b.rear / base - transfer))
    load_rear = weight - load_front

    # Longitudinal forces along the body: drive, and what resists motion.
    grip = LONGITUDINAL_SHARE * b.mu * weight
    drive = 0.0
    if b.hand_brake == 0:
        drive = b.throttle * min(b.drive_force, b.drive_power / max(abs(u), 1.0))
    pressed = b.brake * b.brake_force
    if b.hand_brake != 0:
        pressed += b.hand_force
    braking = min(pressed, grip)
    drive = min(drive, grip - braking)
    if b.reverse != 0:
        drive = -drive
    resist = braking
    if b.fresh == 0:
        resist += ROLLING_RESISTANCE * weight + b.air_drag * u * u + (1.0 - b.throttle) * b.engine_drag
    used = min(grip, abs(drive) + braking)

    # Lateral tyre forces, dynamic model.
    sd, cd = math.sin(delta), math.cos(delta)
    side = v + b.front * r
    front_along = u * cd + side * sd
    front_across = -u * sd + side * cd
    slip_front = math.atan2(front_across, max(abs(front_along), 0.5))
    slip_rear = math.atan2(v - b.rear * r, max(abs(u), 0.5))
    force_front = tyre_force(
        slip_front, b.stiffness_front, load_front, FRONT_GRIP * used * load_front / weight, FRONT_GRIP * b.mu
    )
    force_rear = tyre_force(slip_rear, b.stiffness_rear, load_rear, used * load_rear / weight, b.mu)
    lateral = force_front * cd + force_rear
    along = drive - force_front * sd
    new_u = u + (along / b.mass + v * r) * h
    new_v = v + (lateral / b.mass - u * r) * h
    new_r = r + (b.front * force_front * cd - b.rear * force_rear) / b.inertia * h

    # Stability control: no more yaw than the driver steers, and the tyres can turn into a curve.
    turn_limit = b.mu * GRAVITY / max(abs(u), 0.1)
    turn = min(turn_limit, max(-turn_limit, u * math.tan(delta) / base))
    excess = abs(new_r) - abs(turn) - YAW_MARGIN
    if excess > 0.0:
        new_r -= math.copysign(min(excess, STABILITY_MOMENT * h), new_r)

    # Resistance stops, it never reverses.
    loss = resist / b.mass * h
    if abs(new_u) <= loss:
        new_u = 0.0
    elif new_u > 0.0:
        new_u -= loss
    else:
        new_u += loss

    agility = speed + abs(r) * b.front
    if agility < DYNAMIC_ABOVE:
        share = min(1.0, max(0.0, (agility - KINEMATIC_BELOW) / (DYNAMIC_ABOVE - KINEMATIC_BELOW)))
        new_r = share * new_r + (1.0 - share) * turn
        new_v += (1.0 - share) * (b.rear * turn - new_v)
        # Tyres stop a sideways slide with no more than friction.
        bound = b.mu * GRAVITY * h
        free = v - u * r * h
        new_v = min(free + bound, max(free - bound, new_v))
    if b.throttle == 0.0 and abs(new_u) < CREEP and abs(new_v) < CREEP and b.fresh == 0:
        new_u = 0.0
        new_v = 0.0
        new_r = 0.0
    b.long_accel += ((new_u - u) / h - b.long_accel) * min(1.0, h / 0.05)

    if b.hold != 0:
        new_u, new_v = b.hold_vx, b.hold_vy
    # These are rates in a turning frame: back to the world through the yaw that the caller is about to reach.
    c, s = math.cos(yaw + new_r * h), math.sin(yaw + new_r * h)
    b.vx = c * new_u - s * new_v
    b.vy = s * new_u + c * new_v
    b.wz = math.degrees(new_r)
