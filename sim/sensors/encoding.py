"""Pictures as CARLA's cameras encode them: BGRA uint8, one value over several colours."""

from __future__ import annotations

import numpy as np

DEPTH_RANGE_M = 1000.0


def encode_depth(depth: np.ndarray) -> np.ndarray:
    """BGRA uint8 (H, W, 4) of depth in metres (H, W): R + 256 G + 65536 B, of 2^24 - 1 at 1000 m."""
    clipped = np.clip(np.nan_to_num(depth.astype(np.float64), posinf=DEPTH_RANGE_M), 0.0, DEPTH_RANGE_M)
    code = np.rint(clipped / DEPTH_RANGE_M * (2**24 - 1)).astype(np.uint32)
    out = np.empty((*depth.shape, 4), np.uint8)
    out[..., 2], out[..., 1], out[..., 0] = code & 255, (code >> 8) & 255, code >> 16
    out[..., 3] = 255
    return out


def encode_semantic(tags: np.ndarray) -> np.ndarray:
    """BGRA uint8 (H, W, 4) with the tag (H, W) in red."""
    out = np.zeros((*tags.shape, 4), np.uint8)
    out[..., 2], out[..., 3] = tags, 255
    return out


def encode_instance(tags: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """BGRA uint8 (H, W, 4): tag in red, the actor id's low byte in green, its high byte in blue."""
    out = encode_semantic(tags)
    out[..., 1], out[..., 0] = ids & 255, (ids >> 8) & 255
    return out


def encode_normals(normals: np.ndarray) -> np.ndarray:
    """BGRA uint8 (H, W, 4) of unit normals in the world (H, W, 3), -1..1 as 0..255: x in red, y in green, z in blue.

    The zero vector, which is what the sky has, comes out as middle grey. World space and this scale are CARLA's since
    pull request 8810 of April 2025; before, normals were in the camera's frame.
    """
    out = np.empty((*normals.shape[:2], 4), np.uint8)
    out[..., 2::-1] = np.rint((normals.astype(np.float32) + np.float32(1.0)) * np.float32(127.5))
    out[..., 3] = 255
    return out
