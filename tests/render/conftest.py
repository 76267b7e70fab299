"""Small worlds to look at."""

from __future__ import annotations

import numpy as np
import pytest

from sim.labels import Label
from sim.render.mesh import Mesh
from sim.render.renderer import Renderer


def rectangle(
    x0: float, y0: float, x1: float, y1: float, z: float, color: tuple[int, int, int], tag: int, layer: int = 0
) -> Mesh:
    """A level rectangle of two triangles."""
    return Mesh.build([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]], [[0, 1, 2], [0, 2, 3]], color, tag, layer)


@pytest.fixture(scope="session")
def street() -> Mesh:
    """A road along +x in 10 m pieces with a solid line 12 cm wide at y = 2, on wide grass 5 cm lower."""
    parts = [rectangle(-500, -500, 900, 500, -0.05, (90, 120, 60), Label.TERRAIN)]
    for x in range(-50, 500, 10):
        parts.append(rectangle(x, -8, x + 10, 8, 0.0, (84, 84, 88), Label.ROADS))
    for x in range(-47, 480, 7):
        parts.append(rectangle(x, 1.94, x + 7, 2.06, 0.0, (240, 240, 236), Label.ROAD_LINES, 1))
    return Mesh.concat(parts)


@pytest.fixture(scope="session")
def renderer(street: Mesh) -> Renderer:
    return Renderer(street)


@pytest.fixture(scope="session")
def void() -> Renderer:
    """A world with nothing in it."""
    return Renderer(Mesh.build(np.zeros((0, 3)), np.zeros((0, 3)), (0, 0, 0), 0))
