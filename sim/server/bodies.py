"""The table of rigid bodies that physics advances: one row per vehicle, walker or prop."""

from __future__ import annotations

import numpy as np

VEHICLE, WALKER, PROP = 0, 1, 2
STEER_SAMPLES = 26
STEER_STEP_KMH = 10.0

# Frame: CARLA's world (m, x forward, y right, z up); angles in degrees, yaw from x towards y; SI units otherwise.
# The first fifteen fields are, in order, what a snapshot shows of an actor's motion.
BODY = np.dtype(
    [
        *[(name, "f8") for name in ("x", "y", "z", "pitch", "yaw", "roll")],
        *[(name, "f8") for name in ("vx", "vy", "vz")],  # m/s, world
        *[(name, "f8") for name in ("wx", "wy", "wz")],  # deg/s
        *[(name, "f8") for name in ("ax", "ay", "az")],  # m/s^2, mean over the last tick
        *[(name, "f8") for name in ("hx", "hy", "hz", "cx", "cy", "cz")],  # bounding box: half sizes, centre
        *[(name, "f8") for name in ("mass", "inertia", "rest_z")],  # inertia about z; height of a body at rest
        *[(name, "f8") for name in ("hold_vx", "hold_vy")],  # constant velocity, body frame
        # vehicle command
        *[(name, "f8") for name in ("throttle", "steer", "brake")],
        # vehicle state: road-wheel angle (rad), longitudinal acceleration in the body frame
        *[(name, "f8") for name in ("wheel_angle", "long_accel")],
        # vehicle parameters
        *[(name, "f8") for name in ("front", "rear", "cog_height")],  # centre of mass to the axles; its height
        *[(name, "f8") for name in ("max_steer",)],  # rad
        *[(name, "f8") for name in ("drive_force", "drive_power", "engine_drag")],  # N, W, N
        *[(name, "f8") for name in ("brake_force", "hand_force")],  # N at full brake
        *[(name, "f8") for name in ("air_drag",)],  # N per (m/s)^2
        *[(name, "f8") for name in ("mu", "stiffness_front", "stiffness_rear")],  # -, 1/rad per unit load
        # walker command
        *[(name, "f8") for name in ("walk_x", "walk_y")],  # m/s
        *[(name, "i8") for name in ("kind", "used", "simulate", "collide", "gravity")],
        *[(name, "i8") for name in ("hand_brake", "reverse", "hold", "fresh", "down")],
    ]
)
MOTION_FIELDS = 15
assert BODY.names is not None
COLUMN = {name: index for index, name in enumerate(BODY.names)}


class BodyTable:
    """Rows of `BODY` with their steering tables; a freed row is handed out again, lowest first.

    rows           BODY (capacity,)
    steer_curves   float64 (capacity, STEER_SAMPLES): share of the steering angle left at 0, 10, 20 ... km/h
    """

    def __init__(self) -> None:
        self.rows = np.zeros(16, BODY)
        self.steer_curves = np.ones((16, STEER_SAMPLES))
        self.count = 0
        self._free: list[int] = []

    def allocate(self) -> int:
        """A zeroed row in use; its index stays valid until `release`, views of `rows` only until the next call."""
        if self._free:
            self._free.sort(reverse=True)
            index = self._free.pop()
        else:
            index = self.count
            self.count += 1
            if index == len(self.rows):
                self.rows = np.concatenate([self.rows, np.zeros_like(self.rows)])
                self.steer_curves = np.concatenate([self.steer_curves, np.ones_like(self.steer_curves)])
        self.rows[index] = np.zeros((), BODY)
        self.rows[index]["used"] = 1
        self.steer_curves[index] = 1.0
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
