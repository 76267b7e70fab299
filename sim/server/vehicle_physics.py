"""Vehicle dynamics: four wheels with load transfer and friction ellipses under a rigid body.

The planar model is the standard two-track one (R. Rajamani, Vehicle Dynamics and Control, ch. 2 and 8), with a tanh
tyre curve whose initial slope is the cornering stiffness and whose ceiling is what the friction ellipse leaves. Below
walking pace slip angles are ill-conditioned, so the model blends into the kinematic one (rolling without slip).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sim.server.bodies import STEER_SAMPLES, STEER_STEP_KMH, WHEELS, Record
from sim.server.drive_line import drive

GRAVITY = 9.81
ROLLING_RESISTANCE = 0.012
# Anti-lock brakes and traction control keep this share of the friction for the longitudinal direction at most,
# which leaves about a third for steering while braking fully.
LONGITUDINAL_SHARE = 0.95
# They let a tyre slip this far; a soft tyre has not reached its friction there.
CONTROLLED_SLIP = 0.15
SLIDING_SHARE = 0.85  # of the friction, that a locked wheel has
# A tyre pressed twice as hard grips less than twice as much (Rajamani, ch. 13): share lost per rest load.
LOAD_SENSITIVITY = 0.1
# Stability control brakes single wheels against a yaw rate above what the tyres can turn into a curve.
STABILITY_MOMENT = 3.5  # rad/s^2
YAW_MARGIN = 0.03  # rad/s
FRONT_ROLL_SHARE = 0.55  # of the lateral load transfer, taken by the front axle
WHEEL_RATE = 6.0  # rad/s at which the road wheels follow the steering command
KINEMATIC_BELOW, DYNAMIC_ABOVE = 1.0, 3.0  # m/s
CREEP = 0.05  # m/s below which an undriven vehicle stands
FORCE_LAG = 0.05  # s, of the load transfer
# Drive and brakes lift no wheel: two-wheelers keep this share of what would.
TIPPING_SHARE = 0.95


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
def _steer_wheels(b: Record, wheels: np.ndarray, i: int) -> float:
    """Turn the wheels to Ackermann angles; returns the tangent of the angle of a wheel in the middle of the axle.

    The commanded angle is the inner wheel's, as in PhysX (`PxVehicleComputeAckermannSteerAngles`).
    """
    tangent = math.tan(b.wheel_angle)
    base = b.front + b.rear
    middle = tangent / (1.0 + abs(tangent) * b.half_track / base)
    for k in range(WHEELS):
        w = wheels[i, k]
        if w.max_steer > 0.0:
            w.angle = math.atan(middle / (1.0 - middle * w.y / base))
        else:
            w.angle = 0.0
    return middle


@njit(nogil=True)
def _load_wheels(b: Record, wheels: np.ndarray, i: int, weight: float) -> None:
    """Distribute the weight (N) over the wheels by where the centre of mass is and what it is accelerated by."""
    base = b.front + b.rear
    along = b.mass * b.force_x * b.cog_height / base
    front = min(weight, max(0.0, weight * b.rear / base - along))
    across = b.mass * b.force_y * b.cog_height / max(2.0 * b.half_track, 1e-3) if b.half_track > 0.0 else 0.0
    for axle in range(2):
        half = 0.5 * (front if axle == 0 else weight - front)
        shift = across * (FRONT_ROLL_SHARE if axle == 0 else 1.0 - FRONT_ROLL_SHARE)
        shift = min(half, max(-half, shift))
        wheels[i, 2 * axle].load = half + shift
        wheels[i, 2 * axle + 1].load = half - shift


@njit(nogil=True)
def _stiffness(w: Record) -> float:
    """Cornering stiffness (N/rad) at the wheel's load: grows with it and saturates at `stiffness_load`.

    PhysX's law (x - x^2 / 3 + x^3 / 27 of x = 3 load / saturation), scaled to 1 at the rest load.
    """
    x = min(3.0, 3.0 * w.load / (w.rest_load * w.stiffness_load))
    x1 = min(3.0, 3.0 / w.stiffness_load)
    return w.stiffness * (x - x * x / 3.0 + x * x * x / 27.0) / (x1 - x1 * x1 / 3.0 + x1 * x1 * x1 / 27.0)


@njit(nogil=True)
def advance_vehicle(
    rows: np.ndarray,
    wheels: np.ndarray,
    i: int,
    steer_curve: np.ndarray,
    torque_curve: np.ndarray,
    gears: np.ndarray,
    slope: float,
    bank: float,
    h: float,
) -> None:
    """Advance the planar velocity and yaw rate of vehicle row `i` by `h` seconds; the caller integrates the pose.

    `slope` and `bank` (rad) are the ground's: nose up and right side down are positive.
    """
    b = rows[i]
    yaw = math.radians(b.yaw)
    c, s = math.cos(yaw), math.sin(yaw)
    r = math.radians(b.wz)
    u = c * b.vx + s * b.vy
    v = -s * b.vx + c * b.vy + r * b.com_x  # of the centre of mass, which lies com_x ahead of the origin
    speed = math.hypot(u, v)
    base = b.front + b.rear

    target = b.steer * b.max_steer * steer_share(steer_curve, speed)
    idle = b.throttle == 0.0 and b.hold == 0 and b.wheel_angle == target
    if idle and speed == 0.0 and r == 0.0 and slope == 0.0 and bank == 0.0:
        b.force_x, b.force_y = 0.0, 0.0
        return  # it stands on level ground
    step = WHEEL_RATE * h
    b.wheel_angle += min(step, max(-step, target - b.wheel_angle))
    tangent = _steer_wheels(b, wheels, i)
    normal = math.cos(slope) * math.cos(bank)
    weight = b.mass * GRAVITY * normal
    _load_wheels(b, wheels, i, weight)

    torque, engine_drag = drive(b, torque_curve, gears, u, wheels[i, 3].radius, h)
    if b.hand_brake != 0:
        torque = 0.0
    if b.leans != 0:
        # A two-wheeler's rider neither pulls the front wheel up nor the rear one.
        lift = TIPPING_SHARE * weight * b.rear / b.cog_height * wheels[i, 3].radius
        torque = min(lift, max(-lift, torque))
    rolling = 0.0 if b.fresh != 0 else ROLLING_RESISTANCE

    along_sum, across_sum, moment, resist_sum, grip_sum = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(WHEELS):
        w = wheels[i, k]
        cd, sd = math.cos(w.angle), math.sin(w.angle)
        arm = w.x - b.com_x
        wheel_u, wheel_v = u - r * w.y, v + r * arm
        along = wheel_u * cd + wheel_v * sd
        across = -wheel_u * sd + wheel_v * cd
        slip = math.atan2(across, max(abs(along), 0.5))
        load = w.load
        sensitivity = max(0.5, 1.0 - LOAD_SENSITIVITY * (load / w.rest_load - 1.0))
        grip = w.friction * load * sensitivity
        grip_sum += grip
        usable = LONGITUDINAL_SHARE * grip * w.slip_share
        pressed = b.brake * w.brake_torque / w.radius
        hand = w.hand_torque / w.radius if b.hand_brake != 0 else 0.0
        w.locked = 0.0
        side_grip = w.friction_across * load * sensitivity
        if hand > grip:
            # A locked wheel slides: its force opposes the motion of the contact patch.
            slide = math.hypot(along, across)
            resist = SLIDING_SHARE * grip * (abs(along) / slide if slide > 0.2 else 1.0)
            side = -SLIDING_SHARE * side_grip * (across / slide if slide > 0.2 else 0.0)
            push = 0.0
            w.locked = 1.0
        else:
            resist = min(pressed + hand, usable)
            push = torque * w.drive_share / w.radius
            room = usable - resist
            push = min(room, max(-room, push))
            drag = rolling * load
            if b.fresh == 0:
                drag += engine_drag * w.drive_share / w.radius
            resist = min(usable, resist + drag)
            used = min(grip, abs(push) + resist)
            side = 0.0
            limit = side_grip * math.sqrt(max(0.0, 1.0 - (used / grip) ** 2)) if grip > 1.0 else 0.0
            if limit > 1.0:
                side = -limit * math.tanh(_stiffness(w) * slip / limit)
        w.along = push - math.copysign(resist, along)
        w.across = side
        w.torque = push * w.radius
        force_x = push * cd - side * sd
        force_y = push * sd + side * cd
        along_sum += force_x
        across_sum += force_y
        moment += arm * force_y - w.y * force_x
        if speed > DYNAMIC_ABOVE:
            moment += w.y * math.copysign(resist, along) * cd
        resist_sum += resist

    if b.leans != 0:
        resist_sum = min(resist_sum, TIPPING_SHARE * weight * b.front / b.cog_height)

    pull_x, pull_y = 0.0, 0.0
    if b.fresh == 0 and b.gravity != 0:
        pull_x, pull_y = -GRAVITY * math.sin(slope) * math.cos(slope), GRAVITY * math.sin(bank) * math.cos(bank)
    new_u = u + (along_sum / b.mass + pull_x + v * r) * h
    new_v = v + (across_sum / b.mass + pull_y - u * r) * h
    new_r = r + moment / b.inertia * h

    # Stability control: no more yaw than the driver steers, and the tyres can turn into a curve.
    friction = grip_sum / (b.mass * GRAVITY)
    turn_limit = friction * GRAVITY / max(abs(u), 0.1)
    turn = min(turn_limit, max(-turn_limit, u * tangent / base))
    excess = abs(new_r) - abs(turn) - YAW_MARGIN
    if excess > 0.0 and b.hand_brake == 0:
        new_r -= math.copysign(min(excess, min(1.0, friction) * STABILITY_MOMENT * h), new_r)

    # Resistance stops, it never reverses.
    loss = resist_sum / b.mass * h
    if b.fresh == 0:
        loss += b.air_drag * u * u / b.mass * h
    before = new_u
    if abs(new_u) <= loss:
        new_u = 0.0
    elif new_u > 0.0:
        new_u -= loss
    else:
        new_u += loss

    agility = speed + abs(r) * b.front
    if agility < DYNAMIC_ABOVE:
        share = min(1.0, max(0.0, (agility - KINEMATIC_BELOW) / (DYNAMIC_ABOVE - KINEMATIC_BELOW)))
        # Tyres stop a sideways slide and a spin with no more than friction.
        bound = friction * GRAVITY * h
        spin_bound = bound * b.mass * 0.5 * base / b.inertia
        wanted = share * new_r + (1.0 - share) * turn
        new_r = min(r + spin_bound, max(r - spin_bound, wanted))
        free = v + (pull_y - u * r) * h
        wanted = new_v + (1.0 - share) * (b.rear * new_r - new_v)
        new_v = min(free + bound, max(free - bound, wanted))
    holds = loss > abs(pull_x) * h
    if b.throttle == 0.0 and abs(new_u) < CREEP and abs(new_v) < CREEP and b.fresh == 0 and holds:
        new_u = 0.0
        new_v = 0.0
        new_r = 0.0
    blend = min(1.0, h / FORCE_LAG)
    felt_x = (new_u - before + along_sum / b.mass * h) / h
    b.force_x += (felt_x - b.force_x) * blend
    b.force_y += (across_sum / b.mass - b.force_y) * blend

    new_v -= new_r * b.com_x
    if b.hold != 0:
        new_u, new_v = b.hold_vx, b.hold_vy
    # These are rates in a turning frame: back to the world through the yaw that the caller is about to reach.
    c, s = math.cos(yaw + new_r * h), math.sin(yaw + new_r * h)
    b.vx = c * new_u - s * new_v
    b.vy = s * new_u + c * new_v
    b.wz = math.degrees(new_r)
