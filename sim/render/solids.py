"""Coloured solids from which models are put together: boxes, lofts, limbs, wheels."""

from __future__ import annotations

import numpy as np

from sim.geometry import length
from sim.render.mesh import Mesh

Extent = tuple[float, float, float]
Color = tuple[int, int, int]

GLASS = (34, 42, 52)
TYRE = (24, 24, 26)
RIM = (150, 152, 156)
TRIM = (46, 47, 50)
PLATE = (228, 228, 216)


class UnknownModel(ValueError):
    """A vehicle or prop kind that has no model."""


_BOX_FACES = np.array(
    [[0, 2, 1], [1, 2, 3], [4, 5, 6], [5, 7, 6], [0, 1, 4], [1, 5, 4], [2, 6, 3], [3, 6, 7], [0, 4, 2], [2, 4, 6],
     [1, 3, 5], [3, 7, 5]]
)  # fmt: skip
_BOX_CORNERS = np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)], float)


class Builder:
    """Collects coloured solids; `tag` is the semantic tag of what is added next."""

    def __init__(self, tag: int) -> None:
        self.tag = tag
        self._parts: list[Mesh] = []

    def add(self, vertices: object, triangles: object, color: object, layer: int = 0) -> None:
        paint = np.clip(np.asarray(color, float), 0, 255)
        self._parts.append(Mesh.build(vertices, triangles, paint, self.tag, layer))

    def box(self, low: tuple[float, float, float], high: tuple[float, float, float], color: object) -> None:
        corners = np.asarray(low, float) + _BOX_CORNERS * (np.asarray(high, float) - np.asarray(low, float))
        self.add(corners, _BOX_FACES, color)

    def loft(self, rings: list[list[tuple[float, float, float]]], color: object, colors: object = None) -> None:
        """Skin between successive rings of equally many points, both ends closed with fans.

        `colors`, if given, holds a colour for each side strip of each gap, (len(rings) - 1, points, 3).
        """
        points = np.array(rings, float)
        sections, around = points.shape[:2]
        faces, paint = [], []
        for k in range(sections - 1):
            for i in range(around):
                a, b = k * around + i, k * around + (i + 1) % around
                faces += [[a, b, a + around], [b, b + around, a + around]]
                paint += [color if colors is None else colors[k][i]] * 2  # type: ignore[index]
        for base in (0, (sections - 1) * around):
            for i in range(1, around - 1):
                faces.append([base, base + i, base + i + 1])
                paint.append(color)
        self.add(points.reshape(-1, 3), faces, np.array(paint, float))

    def wheel(self, x: float, y: float, radius: float, width: float, sides: int = 10) -> None:
        """A wheel on the ground with its axle along y, rims on both faces."""
        angles = np.arange(sides) * 2.0 * np.pi / sides - np.pi / 2.0  # a corner on the ground

        def ring(at: float, r: float) -> list[tuple[float, float, float]]:
            return [(x + r * float(np.cos(a)), at, radius + r * float(np.sin(a))) for a in angles]

        self.loft([ring(y - width / 2, radius), ring(y + width / 2, radius)], TYRE)
        for face in (y - width / 2 - 0.012, y + width / 2 + 0.012):
            fan = [[0, i, i + 1] for i in range(1, sides - 1)]
            self.add(ring(face, 0.58 * radius), fan, RIM)

    def build(self) -> Mesh:
        return Mesh.concat(self._parts)


def shade(color: Color, factor: float) -> tuple[float, float, float]:
    return color[0] * factor, color[1] * factor, color[2] * factor


def limb(b: Builder, a: Extent, z: Extent, r0: float, r1: float, color: object, sides: int = 6) -> None:
    """A tapering prism from a to z."""
    start, end = np.array(a), np.array(z)
    axis = (end - start) / max(length(end - start), 1e-6)
    aside = np.cross(axis, (0.0, 0.0, 1.0) if abs(axis[2]) < 0.9 else (1.0, 0.0, 0.0))
    aside /= length(aside)
    upward = np.cross(axis, aside)
    rings = []
    for centre, radius in ((start, r0), (end, r1)):
        ring = []
        for i in range(sides):
            angle = 2.0 * np.pi * i / sides
            point = centre + radius * (np.cos(angle) * aside + np.sin(angle) * upward)
            ring.append((float(point[0]), float(point[1]), float(point[2])))
        rings.append(ring)
    b.loft(rings, color)
