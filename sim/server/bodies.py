"""The tables that physics advances: one row of `BODY` per vehicle, walker or prop, four `WHEEL`s for each vehicle."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

VEHICLE, WALKER, PROP = 0, 1, 2
# A row inside a compiled kernel, where fields are attributes.
Record = Any
WHEELS = 4  # front left, front right, rear left, rear right; a two-wheeler has two pairs without track
STEER_SAMPLES = 26
STEER_STEP_KMH = 10.0
TORQUE_SAMPLES = 41  # of the torque curve, evenly from 0 to the engine's highest speed
MAX_GEARS = 16

# Frame: CARLA's world (m, x forward, y right, z up); angles in degrees, yaw from x towards y; SI units otherwise.
# The first fifteen fields are, in order, what a snapshot shows of an actor's motion.
BODY = np.dtype(
    [
        *[(name, "f8") for name in ("x", "y", "z", "pitch", "yaw", "roll")],
        *[(name, "f8") for name in ("vx", "vy", "vz")],  # m/s, world
        *[(name, "f8") for name in ("wx", "wy", "wz")],  # deg/s
        *[(name, "f8") for name in ("ax", "ay", "az")],  # m/s^2, mean over the last tick
        *[(name, "f8") for name in ("hx", "hy", "hz", "cx", "cy", "cz")],  # bounding box: half sizes, centre
        *[(name, "f8") for name in ("mass", "inertia", "foot")],  # inertia about z; the origin's height above ground
        *[(name, "f8") for name in ("hold_vx", "hold_vy")],  # constant velocity, body frame
        # vehicle command
        *[(name, "f8") for name in ("throttle", "steer", "brake")],
        # vehicle state: road-wheel angle (rad); what the tyres' forces accelerate (m/s^2, body frame, filtered);
        # time left of a gear change (s); engine speed (1/min)
        *[(name, "f8") for name in ("wheel_angle", "force_x", "force_y", "shift_left", "rpm")],
        # vehicle parameters
        *[(name, "f8") for name in ("front", "rear", "com_x", "cog_height")],  # centre of mass to axles, origin, ground
        *[(name, "f8") for name in ("half_track", "max_steer")],  # m, rad
        *[(name, "f8") for name in ("max_rpm", "idle_rpm", "engine_inertia", "efficiency")],  # 1/min, kg m^2
        *[(name, "f8") for name in ("damping_full", "damping_coasting")],  # N m s at the engine
        *[(name, "f8") for name in ("final_ratio", "switch_time", "front_drive")],  # share of the front axle
        *[(name, "f8") for name in ("air_drag",)],  # N per (m/s)^2
        # walker command
        *[(name, "f8") for name in ("walk_x", "walk_y")],  # m/s
        *[(name, "i8") for name in ("kind", "used", "simulate", "collide", "gravity")],
        *[(name, "i8") for name in ("hand_brake", "reverse", "manual", "wanted_gear", "hold", "fresh", "down")],
        *[(name, "i8") for name in ("gear", "gears", "autobox", "leans", "sturdy")],
    ]
)
MOTION_FIELDS = 15
assert BODY.names is not None
COLUMN = {name: index for index, name in enumerate(BODY.names)}

WHEEL = np.dtype(
    [
        # parameters: place in the body's frame (m); radius (m); friction (-) along and across the wheel
        *[(name, "f8") for name in ("x", "y", "radius", "friction", "friction_across")],
        *[(name, "f8") for name in ("max_steer", "brake_torque", "hand_torque", "drive_share")],  # rad, N m, -
        # cornering stiffness at rest load (N/rad), load above which it grows no more (of the rest load), slip stiffness
        # (per load), and the share of its friction that the tyre has at the slip that anti-lock brakes allow
        *[(name, "f8") for name in ("rest_load", "stiffness", "stiffness_load", "slip_stiffness", "slip_share")],
        # state: steering angle (rad), load (N), tyre forces along and across (N), torque (N m), whether it is locked
        *[(name, "f8") for name in ("angle", "load", "along", "across", "torque", "locked")],
        # ground below it: where it was looked up (m), height there and its slopes
        *[(name, "f8") for name in ("ground_x", "ground_y", "ground_z", "slope_x", "slope_y")],
    ]
)


class Curves(NamedTuple):
    """Sampled curves of each vehicle row.

    steer   float64 (capacity, STEER_SAMPLES): share of the steering angle left at 0, 10, 20 ... km/h
    torque  float64 (capacity, TORQUE_SAMPLES): engine torque (N m) from 0 to `max_rpm`
    gears   float64 (capacity, MAX_GEARS, 3): ratio, and shares of `max_rpm` below and above which it is left
    """

    steer: np.ndarray
    torque: np.ndarray
    gears: np.ndarray


class BodyTable:
    """Rows of `BODY` with their wheels and curves; a freed row is handed out again, lowest first.

    rows    BODY (capacity,)          wheels  WHEEL (capacity, WHEELS)
    """

    def __init__(self) -> None:
        self.count = 0
        self._free: list[int] = []
        self.rows = np.zeros(0, BODY)
        self.wheels = np.zeros((0, WHEELS), WHEEL)
        self.curves = Curves(np.zeros((0, STEER_SAMPLES)), np.zeros((0, TORQUE_SAMPLES)), np.zeros((0, MAX_GEARS, 3)))
        self._grow(16)

    def _grow(self, more: int) -> None:
        def longer(array: np.ndarray) -> np.ndarray:
            return np.concatenate([array, np.zeros((more, *array.shape[1:]), array.dtype)])

        self.rows, self.wheels = longer(self.rows), longer(self.wheels)
        self.curves = Curves(*(longer(curve) for curve in self.curves))

    def allocate(self) -> int:
        """A zeroed row in use; its index stays valid until `release`, views of the tables only until the next call."""
        if self._free:
            self._free.sort(reverse=True)
            index = self._free.pop()
        else:
            index = self.count
            self.count += 1
            if index == len(self.rows):
                self._grow(len(self.rows))
        self.rows[index] = np.zeros((), BODY)
        self.wheels[index] = np.zeros((), WHEEL)
        self.wheels[index]["ground_x"] = np.inf  # not looked up yet
        for curve in self.curves:
            curve[index] = 0.0
        self.rows[index]["used"] = 1
        return index

    def release(self, index: int) -> None:
        """Give a row back."""
        self.rows[index]["used"] = 0
        self._free.append(index)

    def clear(self) -> None:
        """Forget all rows."""
        self.rows["used"] = 0
        self.count = 0
        self._free.clear()
