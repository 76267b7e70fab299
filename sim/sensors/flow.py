"""Optical flow: how far what a pixel shows has moved on the image since the tick before."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numba import njit

from sim.geometry import Pose, product, rotation_matrix

LIMIT = 2.0
"""Largest value that CARLA's flow image says, either way."""


@njit(cache=True, nogil=True, error_model="numpy")
def _flow(depth, actors, ids, moves, focal, far, out):  # type: ignore[no-untyped-def]
    """Fill out float32 (H, W, 2). `moves` (K + 1, 3, 4) take a point of the camera's frame to where it was in the frame
    of the camera before, for the actors `ids` (K,) in ascending order and, last, for all that stands still."""
    height, width = depth.shape
    for row in range(height):
        z = (0.5 * height - row - 0.5) / focal
        for column in range(width):
            y = (column + 0.5 - 0.5 * width) / focal
            which = len(ids)
            if actors[row, column] != 0:
                low, high = 0, len(ids)
                while low < high:
                    middle = (low + high) // 2
                    if ids[middle] < actors[row, column]:
                        low = middle + 1
                    else:
                        high = middle
                if low < len(ids) and ids[low] == actors[row, column]:
                    which = low
            m = moves[which]
            # Of what is infinitely far away only the direction counts.
            share = 0.0 if depth[row, column] >= far else 1.0 / depth[row, column]
            px = m[0, 0] + m[0, 1] * y + m[0, 2] * z + m[0, 3] * share
            py = m[1, 0] + m[1, 1] * y + m[1, 2] * z + m[1, 3] * share
            pz = m[2, 0] + m[2, 1] * y + m[2, 2] * z + m[2, 3] * share
            if px <= 1e-6:
                # It was behind the camera: there is no place on the image that it came from.
                out[row, column, 0], out[row, column, 1] = 0.0, 0.0
                continue
            right, up = 2.0 * focal * (y - py / px) / width, 2.0 * focal * (z - pz / px) / height
            out[row, column, 0] = min(max(right, -LIMIT), LIMIT)
            out[row, column, 1] = min(max(up, -LIMIT), LIMIT)


def _turns(poses: np.ndarray) -> np.ndarray:
    """Rotation matrices (N, 3, 3) of poses (N, 6)."""
    return np.moveaxis(rotation_matrix(*poses[:, 3:].T), -1, 0)


def optical_flow(
    depth: np.ndarray,
    actors: np.ndarray,
    fov: float,
    camera: tuple[Pose, Pose],
    bodies: Mapping[int, tuple[Pose, Pose]],
    far: float,
) -> np.ndarray:
    """Flow float32 (H, W, 2) of a picture: x right and y up, in half image widths and heights.

    depth    float32 (H, W), m along the camera's axis; `far` and beyond is the sky
    actors   uint32 (H, W), actor ids
    camera   pose now and at the tick before; `bodies` likewise of the actors that may be seen

    So CARLA encodes it: motion in normalised device coordinates, y up, within -2..2. Multiply by width / 2 and
    -height / 2 to get pixels, y down.
    """
    height, width = depth.shape
    ids = sorted(bodies)
    moves = np.empty((len(ids) + 1, 3, 4))
    # What stands still is a body that has not moved.
    still = Pose(0.0, 0.0, 0.0)
    places = np.array([*(bodies[actor][0] for actor in ids), still, camera[0]], float)
    earlier = np.array([*(bodies[actor][1] for actor in ids), still, camera[1]], float)
    turns, turns_before = _turns(places), _turns(earlier)
    now, before = turns[-1], turns_before[-1]
    # A point at rest in the body: where it is now, taken to where the body was.
    turn = product(turns_before[:-1], np.swapaxes(turns[:-1], 1, 2))
    moves[:, :, :3] = product(product(before.T, turn), now)
    offset = product(turn, (places[-1, :3] - places[:-1, :3])[:, :, None])[:, :, 0]
    moves[:, :, 3] = product(offset + (earlier[:-1, :3] - earlier[-1, :3]), before)
    out = np.empty((height, width, 2), np.float32)
    focal = width / (2.0 * math.tan(math.radians(fov) / 2.0))
    _flow(depth, actors, np.array(ids, np.uint32), moves, focal, far, out)
    return out
