"""Poses and rotations in CARLA's frame: x forward, y right, z up, left-handed, metres and degrees."""

from __future__ import annotations

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


def pose_matrix(pose: Pose) -> np.ndarray:
    """Homogeneous (4, 4) transform from a pose's local frame to its parent frame."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_matrix(pose.pitch, pose.yaw, pose.roll)
    matrix[:3, 3] = pose.x, pose.y, pose.z
    return matrix


def compose(parent: Pose, child: Pose) -> Pose:
    """Pose of `child` (given relative to `parent`) in the frame that `parent` is given in."""
    matrix = pose_matrix(parent) @ pose_matrix(child)
    pitch = float(np.degrees(np.arctan2(matrix[2, 0], np.hypot(matrix[0, 0], matrix[1, 0]))))
    yaw = float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
    roll = float(np.degrees(np.arctan2(-matrix[2, 1], matrix[2, 2])))
    return Pose(float(matrix[0, 3]), float(matrix[1, 3]), float(matrix[2, 3]), pitch, yaw, roll)
