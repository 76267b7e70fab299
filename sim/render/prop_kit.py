"""What the models of props are made with: the register of their kinds, and shapes that many of them share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.render.solids import Builder

ORANGE, WHITE, RED = (240, 96, 20), (238, 238, 234), (204, 36, 32)
WOOD, STEEL, GREEN, LEAF = (150, 104, 62), (140, 142, 146), (44, 104, 62), (62, 112, 50)
STONE, CARDBOARD, DARK = (168, 164, 156), (166, 122, 76), (44, 46, 50)

Ring = list[tuple[float, float, float]]
Drawer = Callable[[Builder, float, float, float], None]
DRAWERS: dict[str, Drawer] = {}
LONG: set[str] = set()


def draws(*kinds: str, long: bool = False) -> Callable[[Drawer], Drawer]:
    """Register a function (builder, half size along x, half size along y, height)."""

    def register(drawer: Drawer) -> Drawer:
        for kind in kinds:
            DRAWERS[kind] = drawer
            if long:
                LONG.add(kind)
        return drawer

    return register


def ring(hx: float, hy: float, z: float, sides: int = 8, phase: float = 0.5) -> Ring:
    angles = (np.arange(sides) + phase) * 2.0 * np.pi / sides
    return [(hx * float(np.cos(a)), hy * float(np.sin(a)), z) for a in angles]


def stack(b: Builder, hx: float, hy: float, levels: tuple[tuple[float, float], ...], color: object) -> None:
    """A solid of revolution squeezed into an ellipse: (height, share of the half sizes) per level."""
    b.loft([ring(hx * share, hy * share, z) for z, share in levels], color)


def post(b: Builder, x: float, y: float, half: float, low: float, high: float, color: object) -> None:
    b.box((x - half, y - half, low), (x + half, y + half, high), color)


def corners(b: Builder, hx: float, hy: float, half: float, low: float, high: float, color: object) -> None:
    """Four posts whose outer faces are the box's sides."""
    for x in (half - hx, hx - half):
        for y in (half - hy, hy - half):
            post(b, x, y, half, low, high, color)
