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


@dataclass(frozen=True)
class _Lobe:
    """A lump of a crown: middle (x, y), from `low` to `high`, `radius`; how many sides, and whether it has a floor."""

    x: float
    y: float
    low: float
    high: float
    radius: float
    sides: int
    floor: bool = True


def _crown(seed: int, *lobes: _Lobe) -> Shape:
    """A tree's crown of lobes that grow into each other, from z 0 to 1 and of radius about 1.

    Dark below, where no sky reaches, and bright on top, each face a little otherwise.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    vertices: list[list[float]] = []
    triangles, shade = [], []
    for lobe in lobes:
        first, high = len(vertices), lobe.high - lobe.low
        for ring, (height, width) in enumerate(((0.24, 0.9), (0.68, 0.86))):
            for i in range(lobe.sides):
                angle = 2 * np.pi * (i + 0.5 * ring) / lobe.sides
                r = lobe.radius * width * random.uniform(0.86, 1.14)
                z = lobe.low + high * (height + random.uniform(-0.08, 0.08))
                vertices.append([lobe.x + r * np.cos(angle), lobe.y + r * np.sin(angle), z])
        vertices += [[lobe.x, lobe.y, lobe.low], [lobe.x, lobe.y, lobe.high]]
        bottom, top = first + 2 * lobe.sides, first + 2 * lobe.sides + 1
        for i in range(lobe.sides):
            a, b = first + i, first + (i + 1) % lobe.sides
            c, d = a + lobe.sides, b + lobe.sides
            faces = [(a, b, c), (b, d, c), (c, d, top)]
            tones = [0.8, 0.92, 1.08]
            if lobe.floor:
                faces, tones = [(bottom, b, a), *faces], [0.6, *tones]
            triangles += faces
            shade += [tone * (0.88 + 0.18 * lobe.high) for tone in tones]
    tone = np.array(shade) * random.uniform(0.92, 1.08, len(shade))
    return Shape(np.array(vertices), np.array(triangles, np.int32), tone)


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


CROWNS = (
    _crown(1, _Lobe(-0.12, 0.0, 0.0, 0.84, 0.94, 6), _Lobe(0.42, 0.22, 0.34, 1.0, 0.62, 5)),
    _crown(2, _Lobe(0.2, 0.1, 0.06, 1.0, 0.86, 6), _Lobe(-0.52, -0.3, 0.14, 0.72, 0.62, 5)),
    _crown(3, _Lobe(0.0, 0.0, 0.0, 0.66, 1.02, 6), _Lobe(-0.12, 0.1, 0.16, 1.0, 0.66, 6, floor=False)),
)
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
