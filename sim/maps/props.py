"""Unit shapes of scenery and how many copies of one are placed at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.render.mesh import Mesh


@dataclass(frozen=True)
class Shape:
    """Triangles in a unit frame: `vertices` (V, 3), `triangles` (T, 3), `shade` (T,) factor on the copy's colour."""

    vertices: np.ndarray
    triangles: np.ndarray
    shade: np.ndarray


def _quads(vertices: list[tuple[float, float, float]], quads: list[tuple[int, int, int, int]]) -> Shape:
    triangles = [corner for a, b, c, d in quads for corner in ((a, b, c), (a, c, d))]
    return Shape(np.array(vertices, float), np.array(triangles, np.int32), np.ones(len(triangles)))


_CORNERS = [(x, y, z) for z in (0.0, 1.0) for x, y in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))]
_SIDES = [(0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]

# A box on the ground, 1 m each way, without a floor; and its four walls alone.
BOX = _quads(_CORNERS, [*_SIDES, (4, 5, 6, 7)])
WALLS = _quads(_CORNERS, _SIDES)


def _spindle(sides: int, waist: float) -> Shape:
    """Two cones back to back from z 0 to 1, widest (radius 1) at `waist`: a tree's crown, or a hill for waist 0."""
    angles = 2 * np.pi * np.arange(sides) / sides
    ring = np.stack([np.cos(angles), np.sin(angles), np.full(sides, waist)], axis=1)
    vertices = np.concatenate([ring, [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]])
    following = (np.arange(sides) + 1) % sides
    upper = np.stack([np.arange(sides), following, np.full(sides, sides + 1)], axis=1)
    lower = np.stack([np.arange(sides), following, np.full(sides, sides)], axis=1)
    if waist == 0.0:
        return Shape(vertices, upper.astype(np.int32), np.ones(sides))
    shade = np.concatenate([np.tile([1.0, 0.93], sides)[:sides], np.full(sides, 0.78)])
    return Shape(vertices, np.concatenate([upper, lower]).astype(np.int32), shade)


CROWN = _spindle(7, 0.38)
CONE = _spindle(7, 0.12)
HILL = _spindle(9, 0.0)


def place(
    shape: Shape,
    position: np.ndarray,
    size: np.ndarray,
    yaw: np.ndarray,
    color: np.ndarray,
    tag: int,
    layer: int = 0,
) -> Mesh:
    """Copies of `shape` in CARLA's frame.

    Feet `position` (N, 3) and full `size` (N, 3) in m, `yaw` (N,) degrees, `color` (N, 3) RGB of 0 to 255.
    """
    count = len(position)
    if count == 0:
        return Mesh.concat([])
    cosine, sine = np.cos(np.radians(yaw))[:, None], np.sin(np.radians(yaw))[:, None]
    local = shape.vertices[None] * size[:, None, :]
    x = position[:, None, 0] + cosine * local[..., 0] - sine * local[..., 1]
    y = position[:, None, 1] + sine * local[..., 0] + cosine * local[..., 1]
    vertices = np.stack([x, y, position[:, None, 2] + local[..., 2]], axis=-1)
    triangles = shape.triangles[None] + (np.arange(count) * len(shape.vertices))[:, None, None]
    colors = np.clip(np.asarray(color, float)[:, None, :] * shape.shade[None, :, None], 0, 255)
    return Mesh.build(vertices, triangles, colors.reshape(-1, 3).astype(np.uint8), tag, layer)
