"""The workbench of the shader: samples of a picture that are shaded together, one row of numbers a quantity.

All rows lie in one array, ROOM apart. That is what makes loops over them fast: their length is a constant, so nothing
is left over at their ends, and constant distances within one array need no check whether two of them overlap.
"""

from __future__ import annotations

import numpy as np

TILE = 64
"""Samples that are shaded together."""

BLOCK = 16
"""What is the same for neighbouring samples is written in whole blocks, up to one past the end of a row."""

ROOM = TILE + BLOCK


def _rows(first: int, count: int) -> tuple[np.uint64, ...]:
    return tuple(np.uint64(ROOM * row) for row in range(first, first + count))


RED, GREEN, BLUE, BIAS = _rows(0, 4)
"""Where the rows begin of a triangle's lit colour, display RGB, and its depth bias; light changes the colours."""

GRAIN, PATCH, FINE, SOFT, TAKES_SHADOW, GETS_WET, UPRIGHT, MIRROR = _rows(4, 8)
"""Those of its material: a row of `sim.render.materials.TEXTURE`."""

Y, Z, INVERSE = _rows(12, 3)
"""Image slopes and inverse depth (1/m) of the samples."""

SUNLESS, CONTACT = _rows(15, 2)
"""What actors hide of the sun and of all light, 0..1."""

LAMP_RED, LAMP_GREEN, LAMP_BLUE = _rows(17, 3)
"""Light of lamps in units of the sky's."""

BOUNCE, POLISH = _rows(20, 2)
"""Of a vehicle's paint: the rise of the ray that it mirrors (2 for what is none), and its share."""

WORK = _rows(22, 10)
"""Room to work in."""

ROWS = 32
INDEX, PIXEL, TEXEL = _rows(0, 3)
"""Rows of the int32 array beside it: where to read next, the samples' columns, and what was read."""

INT_ROWS = 3
