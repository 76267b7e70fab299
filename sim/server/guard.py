"""No number that a client sends, and no physics gone wrong, may reach a kernel or a snapshot as NaN or nearly infinite.

Compiled code indexes tables by positions and speeds without a check, and one NaN would spread through contacts.
"""

from __future__ import annotations

import numpy as np

from sim.server.bodies import MOTION_FIELDS, BodyTable

LIMIT = 1e6
"""Metres, degrees, m/s, deg/s and m/s^2 beyond which nothing in a town can be."""


def runaways(table: BodyTable) -> list[int]:
    """Rows in use whose pose, velocity or acceleration is beyond `LIMIT` or no number."""
    if table.count == 0:
        return []
    motion = table.rows[: table.count].view(np.float64).reshape(table.count, -1)[:, :MOTION_FIELDS]
    if np.abs(motion).max(initial=0.0) <= LIMIT:  # false for NaN
        return []
    wrong = ~(np.abs(motion) <= LIMIT).all(axis=1)
    return [int(index) for index in np.flatnonzero(wrong) if table.rows[index]["used"]]


def put_back(table: BodyTable, index: int, pose: tuple[float, ...]) -> None:
    """Let the body stand still at `pose` (x, y, z, pitch, yaw, roll)."""
    motion = table.rows[index : index + 1].view(np.float64)[:MOTION_FIELDS]
    motion[:] = 0.0
    motion[: len(pose)] = pose
