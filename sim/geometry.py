"""Poses and rotations in CARLA's frame: x forward, y right, z up, left-handed, metres and degrees."""

from __future__ import annotations

from math import atan2, cos, degrees, hypot, radians, sin, sqrt
from typing import NamedTuple

import numpy as np


class Pose(NamedTuple):
    """A location (m) and a rotation (degrees) in CARLA's frame; field order is CARLA's wire order."""

    x: float
    y: float
    z: float
    pitch: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0


def rotation_matrix(pitch: float, yaw: float, roll: float) -> np.ndarray:
    """Rotation (3, 3) whose columns are the forward, right and up axes of a frame turned by degrees.

    Same matrix as `carla.Transform.get_matrix()` (Unreal's convention: yaw turns x towards y, positive pitch
    raises the nose, positive roll lowers the right side).
    """
    p, y, r = np.radians((pitch, yaw, roll))
    sp, cp, sy, cy, sr, cr = np.sin(p), np.cos(p), np.sin(y), np.cos(y), np.sin(r), np.cos(r)
    return np.array(
        [
            [cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr],
            [cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr],
            [sp, -cp * sr, cp * cr],
        ]
    )


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`a @ b` for a small inner dimension and `b` with rows and columns, the same bits on every machine.

    NumPy's own product goes through a BLAS that adds up in another order on another processor.
    """
    if a.ndim == 1:
        return product(a[None], b)[..., 0, :]
    total: np.ndarray = a[..., :, 0, None] * b[..., None, 0, :]
    for k in range(1, a.shape[-1]):
        total = total + a[..., :, k, None] * b[..., None, k, :]
    return total


def length(vector: np.ndarray) -> float:
    """Euclidean length of a short vector (N,), the same bits on every machine.

    `np.linalg.norm` of a single vector goes through a BLAS; with an `axis` it does not.
    """
    total = 0.0
    for part in vector.tolist():
        total += part * part
    return sqrt(total)


def arctan2(y: np.ndarray, x: np.ndarray | float) -> np.ndarray:
    """`np.arctan2` by the C library, the same bits on every machine that has fused multiply-add.

    NumPy's own takes another formula on processors with wider registers.
    """
    return np.asarray(np.frompyfunc(atan2, 2, 1)(y, x), float)


def pose_matrix(pose: Pose) -> np.ndarray:
    """Homogeneous (4, 4) transform from a pose's local frame to its parent frame."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_matrix(pose.pitch, pose.yaw, pose.roll)
    matrix[:3, 3] = pose.x, pose.y, pose.z
    return matrix


def compose(parent: Pose, child: Pose) -> Pose:
    """Pose of `child` (given relative to `parent`) in the frame that `parent` is given in.

    The same as a product of `pose_matrix`, in scalars: attached actors are placed every tick.
    """
    p, y, r = radians(parent.pitch), radians(parent.yaw), radians(parent.roll)
    sp, cp, sy, cy, sr, cr = sin(p), cos(p), sin(y), cos(y), sin(r), cos(r)
    # Columns of the parent's rotation: its forward, right and up axes.
    fx, fy, fz = cp * cy, cp * sy, sp
    rx, ry, rz = cy * sp * sr - sy * cr, sy * sp * sr + cy * cr, -cp * sr
    ux, uy, uz = -cy * sp * cr - sy * sr, -sy * sp * cr + cy * sr, cp * cr
    x = parent.x + fx * child.x + rx * child.y + ux * child.z
    y_ = parent.y + fy * child.x + ry * child.y + uy * child.z
    z = parent.z + fz * child.x + rz * child.y + uz * child.z
    p, y, r = radians(child.pitch), radians(child.yaw), radians(child.roll)
    sp, cp, sy, cy, sr, cr = sin(p), cos(p), sin(y), cos(y), sin(r), cos(r)
    # The child's forward axis, and the heights of its right and up axes, in the parent's frame.
    ax, ay, az = cp * cy, cp * sy, sp
    nose_x, nose_y, nose_z = fx * ax + rx * ay + ux * az, fy * ax + ry * ay + uy * az, fz * ax + rz * ay + uz * az
    right_z = fz * (cy * sp * sr - sy * cr) + rz * (sy * sp * sr + cy * cr) - uz * cp * sr
    up_z = -fz * (cy * sp * cr + sy * sr) + rz * (-sy * sp * cr + cy * sr) + uz * cp * cr
    pitch = degrees(atan2(nose_z, hypot(nose_x, nose_y)))
    return Pose(x, y_, z, pitch, degrees(atan2(nose_y, nose_x)), degrees(atan2(-right_z, up_z)))
