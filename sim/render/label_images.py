"""Depth, semantic, instance and normal images, read from a visibility buffer with one sample a pixel."""

from __future__ import annotations

from numba import njit

FAR = 1000.0
"""Depth (m) of the sky, and the largest depth that CARLA's depth image can say."""

SKY_TAG = 11


@njit(cache=True, nogil=True, error_model="numpy")
def label(depth, ids, lit, marks, owners, metres, tags, actors):  # type: ignore[no-untyped-def]
    """Depth float32 (m along the camera axis, `FAR` at most), tag uint8 and actor uint32 images, each (H, W)."""
    height, width = ids.shape
    for row in range(height):
        for column in range(width):
            triangle = ids[row, column]
            if triangle < 0:
                metres[row, column] = FAR
                tags[row, column] = SKY_TAG
                actors[row, column] = 0
            else:
                metres[row, column] = min(lit[triangle, 3] / depth[row, column], FAR)
                tags[row, column] = marks[triangle, 1]
                actors[row, column] = owners[triangle]


@njit(cache=True, nogil=True, error_model="numpy")
def face_normals(ids, faces, rotation, normals):  # type: ignore[no-untyped-def]
    """Normals float32 (H, W, 3) in the world, zero for the sky; `rotation` (3, 3) is the camera's."""
    height, width = ids.shape
    for row in range(height):
        for column in range(width):
            triangle = ids[row, column]
            for k in range(3):
                normals[row, column, k] = 0.0
                if triangle >= 0:
                    for axis in range(3):
                        normals[row, column, k] += rotation[k, axis] * faces[triangle, axis]
