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

# A pitched roof with its ridge along x; its gable ends are walls' triangles.
GABLE = Shape(
    np.array([(-0.5, -0.5, 0), (0.5, -0.5, 0), (0.5, 0.5, 0), (-0.5, 0.5, 0), (-0.5, 0, 1), (0.5, 0, 1)], float),
    np.array([(0, 1, 5), (0, 5, 4), (2, 3, 4), (2, 4, 5), (1, 2, 5), (3, 0, 4), (0, 2, 1), (0, 3, 2)], np.int32),
    np.array([1.0, 1.0, 1.0, 1.0, 0.85, 0.85, 0.6, 0.6]),
)


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


def _crown(sides: int, seed: int) -> Shape:
    """A lumpy ball from z 0 to 1 of radius 1: dark below, where no sky reaches, and bright on top."""
    rings = ((0.2, 0.74), (0.5, 0.98), (0.8, 0.7))
    lumps = np.random.Generator(np.random.PCG64(seed)).uniform(0.8, 1.12, (len(rings), sides))
    vertices = [[0.0, 0.0, 0.02]]
    for ring, (height, radius) in enumerate(rings):
        for i in range(sides):
            angle = 2 * np.pi * (i + 0.5 * ring) / sides
            r = radius * lumps[ring, i]
            vertices.append([r * np.cos(angle), r * np.sin(angle), height + 0.2 * (lumps[ring - 1, i] - 0.96)])
    vertices.append([0.1, -0.07, 1.0])
    top, triangles, shade = len(vertices) - 1, [], []
    for i in range(sides):
        j = (i + 1) % sides
        first, second, third = ([1 + sides * ring + i, 1 + sides * ring + j] for ring in range(3))
        triangles += [(0, first[1], first[0]), (first[0], first[1], second[0]), (first[1], second[1], second[0])]
        triangles += [(second[0], second[1], third[0]), (second[1], third[1], third[0]), (third[0], third[1], top)]
        shade += [0.6, 0.76, 0.84, 0.93, 1.0, 1.1]
    return Shape(np.array(vertices), np.array(triangles, np.int32), np.array(shade))


def _tiers(sides: int) -> Shape:
    """A conifer from z 0 to 1 of radius 1: three skirts, each darker below."""
    vertices: list[list[float]] = []
    triangles, shade = [], []
    for low, high, radius in ((0.0, 0.5, 1.0), (0.27, 0.76, 0.76), (0.54, 1.0, 0.5)):
        base = len(vertices)
        for i in range(sides):
            angle = 2 * np.pi * (i + 3.0 * low) / sides
            vertices.append([radius * np.cos(angle), radius * np.sin(angle), low])
        vertices.append([0.0, 0.0, high])
        for i in range(sides):
            triangles.append((base + i, base + (i + 1) % sides, base + sides))
            shade.append(0.82 + 0.36 * low + 0.06 * (i % 2))
    return Shape(np.array(vertices), np.array(triangles, np.int32), np.array(shade))


CROWNS = tuple(_crown(7, seed) for seed in (1, 2, 3))
CONE = _tiers(7)
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
