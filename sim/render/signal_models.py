"""Heads of traffic lights and plates of signs, origin in the middle of the front.

CARLA's frame (m): x towards the driver, y to the driver's left, z up.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sim.geometry import product
from sim.labels import Label
from sim.render.mesh import Mesh

HEAD_HALF = (0.2, 0.32, 0.85)
"""Half depth, width and height (m) of a head without its back plate.

Half as large again as real ones, so that 40 m away a frame of 224 pixels shows which lamp burns.
"""

_LAMP_RADIUS, _LIT_RADIUS = 0.225, 0.275
"""A burning lamp outshines its rim, which is also what keeps its colour readable in few pixels."""
# Height, colour when lit and when dark, from red to green.
_LAMPS = (
    (0.53, (255, 44, 32), (70, 18, 16)),
    (0.0, (255, 196, 46), (72, 52, 14)),
    (-0.53, (52, 255, 128), (14, 62, 34)),
)
_HOUSING, _PLATE, _BACK = (34, 36, 36), (18, 19, 20), (128, 130, 132)
_RED, _WHITE, _BLACK, _BLUE = (186, 22, 26), (236, 236, 232), (20, 20, 22), (22, 66, 138)

# Strokes on a grid 2 wide and 4 high, as in seven-segment displays: a top, b c right, d bottom, e f left, g middle.
_SEGMENTS = {
    "a": (0, 4, 2, 4), "b": (2, 2, 2, 4), "c": (2, 0, 2, 2), "d": (0, 0, 2, 0),
    "e": (0, 0, 0, 2), "f": (0, 2, 0, 4), "g": (0, 2, 2, 2), "m": (1, 0, 1, 4),
}  # fmt: skip
_GLYPHS = {
    "0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc", "5": "afgcd", "6": "afgedc", "7": "abc",
    "8": "abcdefg", "9": "abcdfg", "S": "afgcd", "T": "am", "O": "abcdef", "P": "abgfe", "A": "abcefg",
}  # fmt: skip


def _polygon(corners: np.ndarray, x: float, color: object, layer: int = 0) -> Mesh:
    """A flat convex plate (N, 2: y, z) at depth `x`."""
    points = np.column_stack([np.full(len(corners), x), corners])
    fan = [[0, i, i + 1] for i in range(1, len(corners) - 1)]
    return Mesh.build(points, fan, color, Label.TRAFFIC_SIGNS, layer)


def _ring(sides: int, radius: float, turn: float = 0.0) -> np.ndarray:
    angles = 2 * np.pi * (np.arange(sides) + turn) / sides
    return radius * np.stack([np.sin(angles), np.cos(angles)], axis=1)


def _box(low: tuple[float, float, float], high: tuple[float, float, float], color: object) -> Mesh:
    corners = np.array([[(low, high)[i >> k & 1][k] for k in range(3)] for i in range(8)])
    faces = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    triangles = [t for a, b, c, d in faces for t in ((a, b, c), (a, c, d))]
    return Mesh.build(corners, triangles, color, Label.TRAFFIC_LIGHT)


def _hood(z: float) -> Mesh:
    """A visor bent over the upper half of a lamp, open below."""
    angles = np.linspace(-0.62 * np.pi, 0.62 * np.pi, 6)
    rim = 0.285 * np.stack([np.sin(angles), np.cos(angles)], axis=1) + np.array([0.0, z])
    count = len(rim)
    # Longer at the top than at its ends.
    reach = 0.08 + 0.22 * np.maximum(np.cos(0.8 * angles), 0.0)
    points = np.concatenate([np.column_stack([np.zeros(count), rim]), np.column_stack([reach, rim])])
    faces = [t for i in range(count - 1) for t in ((i, i + 1, count + i), (i + 1, count + i + 1, count + i))]
    return Mesh.build(points, faces, _PLATE, Label.TRAFFIC_LIGHT)


@lru_cache(maxsize=8)
def light_mesh(state: int) -> Mesh:
    """A head that shows `state` (0 red, 1 yellow, 2 green, anything else dark); same state, same object."""
    depth, width, height = HEAD_HALF
    parts = [
        _box((-2 * depth, -width * 1.25, -height - 0.06), (-1.8 * depth, width * 1.25, height + 0.06), _PLATE),
        _box((-1.8 * depth, -width * 0.8, -height), (0.0, width * 0.8, height), _HOUSING),
    ]
    for number, (z, lit, dark) in enumerate(_LAMPS):
        shines = number == state
        radius = _LIT_RADIUS if shines else _LAMP_RADIUS
        disc = _polygon(_ring(12, radius) + np.array([0.0, z]), 0.012, lit if shines else dark)
        parts.append(_hood(z))
        parts.append(Mesh.build(disc.vertices, disc.triangles, disc.colors, Label.TRAFFIC_LIGHT))
    return Mesh.concat(parts)


def _text(text: str, height: float, color: object, x: float) -> list[Mesh]:
    """Characters centred on the plate."""
    unit, stroke, advance = height / 4.0, height * 0.085, height * 0.72
    meshes = []
    for number, character in enumerate(text):
        middle = ((len(text) - 1) / 2 - number) * advance
        for segment in _GLYPHS.get(character, ""):
            y0, z0, y1, z1 = _SEGMENTS[segment]
            # Who reads it has +y on the left.
            low = np.array([middle - (y1 - 1) * unit, (z0 - 2) * unit]) - stroke
            high = np.array([middle - (y0 - 1) * unit, (z1 - 2) * unit]) + stroke
            corners = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
            meshes.append(_polygon(corners, x, color, 2))
    return meshes


def stop_plate() -> Mesh:
    """A red octagon that says STOP."""
    front = _ring(8, 0.42, 0.5)
    return Mesh.concat(
        [
            _polygon(front, -0.02, _BACK),
            _polygon(front, 0.0, _WHITE),
            _polygon(front * 0.93, 0.0, _RED, 1),
            *_text("STOP", 0.25, _WHITE, 0.0),
        ]
    )


def yield_plate() -> Mesh:
    """A white triangle on its tip with a red border."""
    front = -_ring(3, 0.52)
    return Mesh.concat(
        [_polygon(front, -0.02, _BACK), _polygon(front, 0.0, _RED), _polygon(front * 0.62, 0.0, _WHITE, 1)]
    )


def limit_plate(limit: int) -> Mesh:
    """A white disc in a red ring with a number."""
    front = _ring(16, 0.38)
    return Mesh.concat(
        [
            _polygon(front, -0.02, _BACK),
            _polygon(front, 0.0, _RED),
            _polygon(front * 0.8, 0.0, _WHITE, 1),
            *_text(str(limit), 0.32 if limit < 100 else 0.24, _BLACK, 0.0),
        ]
    )


def gantry_panel(width: float, height: float, text: str, arrows: tuple[float, ...], leaving: bool) -> Mesh:
    """A blue panel over a motorway's lanes with what its road is called, and an arrow for every lane.

    `arrows` are the lanes' middles (m to the driver's left); they point down at the lanes, or up to the right where
    these are `leaving`.
    """
    half = np.array([0.5 * width, 0.5 * height])
    square = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    name = Mesh.concat(_text(text, 0.4 * height, _WHITE, 0.0)).moved(0.0, 0.0, 0.22 * height)
    shaft = np.array([(-0.09, -0.1), (0.09, -0.1), (0.09, 0.5), (-0.09, 0.5)])
    head = np.array([(-0.32, -0.05), (0.0, -0.5), (0.32, -0.05)])
    turn = np.radians(-135.0 if leaving else 0.0)
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    parts = [
        _polygon(square * half, -0.28, _BACK),
        _polygon(square * half, 0.0, _WHITE),
        _polygon(square * (half - 0.07), 0.0, _BLUE, 1),
        name,
    ]
    for middle in arrows:
        for shape in (shaft, head):
            points = 0.42 * height * product(shape, turned) + np.array([middle, -0.24 * height])
            parts.append(_polygon(points, 0.0, _WHITE, 2))
    return Mesh.concat(parts)
