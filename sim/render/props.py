"""Low-poly meshes of street furniture and of things that lie about, each standing on z = 0 inside its box.

Frame: x forward, y right, z up (m). Long things are drawn along y and turned when their box is longer along x.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np

from sim.labels import Label
from sim.render.mesh import Mesh
from sim.render.solids import GLASS, TRIM, TYRE, Builder, Extent, UnknownModel, limb, shade

ORANGE, WHITE, RED = (240, 96, 20), (238, 238, 234), (204, 36, 32)
WOOD, STEEL, GREEN, LEAF = (150, 104, 62), (140, 142, 146), (44, 104, 62), (62, 112, 50)
STONE, CARDBOARD, DARK = (168, 164, 156), (166, 122, 76), (44, 46, 50)

Ring = list[tuple[float, float, float]]
Drawer = Callable[[Builder, float, float, float], None]
_DRAWERS: dict[str, Drawer] = {}
_LONG: set[str] = set()


def _draws(*kinds: str, long: bool = False) -> Callable[[Drawer], Drawer]:
    """Register a function (builder, half size along x, half size along y, height)."""

    def register(drawer: Drawer) -> Drawer:
        for kind in kinds:
            _DRAWERS[kind] = drawer
            if long:
                _LONG.add(kind)
        return drawer

    return register


def _ring(hx: float, hy: float, z: float, sides: int = 8, phase: float = 0.5) -> Ring:
    angles = (np.arange(sides) + phase) * 2.0 * np.pi / sides
    return [(hx * float(np.cos(a)), hy * float(np.sin(a)), z) for a in angles]


def _stack(b: Builder, hx: float, hy: float, levels: tuple[tuple[float, float], ...], color: object) -> None:
    """A solid of revolution squeezed into an ellipse: (height, share of the half sizes) per level."""
    b.loft([_ring(hx * share, hy * share, z) for z, share in levels], color)


def _post(b: Builder, x: float, y: float, half: float, low: float, high: float, color: object) -> None:
    b.box((x - half, y - half, low), (x + half, y + half, high), color)


def _corners(b: Builder, hx: float, hy: float, half: float, low: float, high: float, color: object) -> None:
    """Four posts whose outer faces are the box's sides."""
    for x in (half - hx, hx - half):
        for y in (half - hy, hy - half):
            _post(b, x, y, half, low, high, color)


@_draws("cone")
def _cone(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-hx, -hy, 0.0), (hx, hy, 0.06 * top), (60, 56, 54))
    levels = ((0.06, 0.72), (0.38, 0.50), (0.58, 0.36), (0.80, 0.21), (1.0, 0.10))
    angles = np.arange(8) * 2.0 * np.pi / 8
    rings = [[(r * hx * float(np.cos(a)), r * hy * float(np.sin(a)), z * top) for a in angles] for z, r in levels]
    b.loft(rings, ORANGE, [[ORANGE] * 8, [WHITE] * 8, [ORANGE] * 8, [ORANGE] * 8])


@_draws("barrier", long=True)
def _barrier(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-0.5 * hx, -0.92 * hy, 0.0), (0.5 * hx, -0.80 * hy, top), TRIM)
    b.box((-0.5 * hx, 0.80 * hy, 0.0), (0.5 * hx, 0.92 * hy, top), TRIM)
    stripes = 8
    for low, high in ((0.62, 0.98), (0.22, 0.48)):
        for k in range(stripes):
            y0, y1 = hy * (2.0 * k / stripes - 1.0), hy * (2.0 * (k + 1) / stripes - 1.0)
            b.box((-hx, y0, low * top), (hx, y1, high * top), RED if k % 2 else WHITE)


@_draws("box", "mesh")
def _box(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-hx, -hy, 0.0), (hx, hy, top), CARDBOARD)
    b.box((-hx * 1.01, -hy * 0.16, 0.0), (hx * 1.01, hy * 0.16, top * 1.005), (206, 180, 130))


@_draws("sign")
def _sign(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-0.04, -0.04, 0.0), (0.04, 0.04, 0.7 * top), STEEL)
    b.box((-hx, -hy, 0.55 * top), (hx, hy, top), ORANGE)
    b.box((-hx * 1.1, -hy * 0.7, 0.72 * top), (hx * 1.1, hy * 0.7, 0.82 * top), (28, 26, 24))


@_draws("stand", long=True)
def _stand(b: Builder, hx: float, hy: float, top: float) -> None:
    """A warning triangle on a tripod."""
    for x, y in ((-hx, 0.0), (0.7 * hx, -0.7 * hy), (0.7 * hx, 0.7 * hy)):
        b.box((0.92 * x - 0.03, 0.92 * y - 0.03, 0.0), (0.92 * x + 0.03, 0.92 * y + 0.03, 0.02), DARK)
        limb(b, (0.92 * x, 0.92 * y, 0.03), (0.0, 0.0, 0.5 * top), 0.02, 0.02, STEEL, 4)
    for size, thick, color in ((1.0, 0.03, RED), (0.72, 0.045, (236, 196, 40))):
        low, high = top * (0.75 - 0.35 * size), top * (0.75 + 0.25 * size)
        face: Ring = [(0.0, -hy * size, low), (0.0, hy * size, low), (0.0, 0.0, high)]
        b.loft([[(side * thick, y, z) for _, y, z in face] for side in (-1.0, 1.0)], color)


@_draws("billboard", long=True)
def _billboard(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-hx, -hy, 0.0), (hx, hy, 0.16 * top), DARK)
    b.box((-0.8 * hx, -hy, 0.16 * top), (0.8 * hx, hy, top), STEEL)
    for side in (-1.0, 1.0):
        x0, x1 = sorted((0.8 * side * hx, 0.9 * side * hx))
        b.box((x0, -0.9 * hy, 0.2 * top), (x1, 0.9 * hy, 0.96 * top), (70, 120, 190))
        b.box((x0, -0.6 * hy, 0.45 * top), (x1 * 1.02, 0.6 * hy, 0.6 * top), (244, 226, 120))


@_draws("panel", long=True)
def _panel(b: Builder, hx: float, hy: float, top: float) -> None:
    """A street name or direction sign on two posts."""
    for y in (-0.8 * hy, 0.8 * hy):
        _post(b, 0.0, y, min(hx, 0.05), 0.0, top, STEEL)
    b.box((-hx, -hy, 0.62 * top), (hx, hy, top), (28, 84, 150))
    b.box((-hx * 1.04, -0.85 * hy, 0.74 * top), (hx * 1.04, 0.85 * hy, 0.88 * top), WHITE)


@_draws("machine")
def _machine(b: Builder, hx: float, hy: float, top: float) -> None:
    """A vending or cash machine, its face towards +x."""
    b.box((-hx, -hy, 0.0), (0.94 * hx, hy, top), (176, 34, 36))
    b.box((0.94 * hx, -0.88 * hy, 0.34 * top), (hx, 0.35 * hy, 0.92 * top), (90, 130, 150))
    b.box((0.94 * hx, 0.48 * hy, 0.5 * top), (hx, 0.86 * hy, 0.72 * top), DARK)
    b.box((0.94 * hx, -0.7 * hy, 0.12 * top), (hx, 0.3 * hy, 0.26 * top), DARK)


@_draws("bench", long=True)
def _bench(b: Builder, hx: float, hy: float, top: float) -> None:
    tall = top > 0.7
    seat = 0.46 * top if tall else 0.9 * top
    for y in (-0.8 * hy, 0.8 * hy):
        b.box((-0.8 * hx, y - 0.04, 0.0), (0.85 * hx, y + 0.04, seat), DARK)
    for k in range(3):
        x0 = -0.85 * hx + k * 0.62 * hx
        b.box((x0, -hy, seat), (x0 + 0.5 * hx, hy, seat + 0.06 * top if tall else top), WOOD)
    if tall:
        for low, high in ((0.62, 0.76), (0.84, 1.0)):
            b.box((-hx, -hy, low * top), (-0.86 * hx, hy, high * top), WOOD)


@_draws("table")
def _table(b: Builder, hx: float, hy: float, top: float) -> None:
    """A picnic table between two benches."""
    b.box((-0.45 * hx, -hy, 0.92 * top), (0.45 * hx, hy, top), WOOD)
    for x in (-0.85 * hx, 0.85 * hx):
        b.box((x - 0.15 * hx, -hy, 0.5 * top), (x + 0.15 * hx, hy, 0.58 * top), WOOD)
    for y in (-0.7 * hy, 0.7 * hy):
        b.box((-0.9 * hx, y - 0.05, 0.4 * top), (0.9 * hx, y + 0.05, 0.5 * top), shade(WOOD, 0.7))
        for x in (-0.5 * hx, 0.5 * hx):
            _post(b, x, y, 0.05, 0.0, 0.92 * top, shade(WOOD, 0.7))


@_draws("parasol")
def _parasol(b: Builder, hx: float, hy: float, top: float) -> None:
    """A garden table under a parasol."""
    _stack(b, hx, hy, ((0.0, 0.28), (0.03 * top, 0.28)), WHITE)
    _stack(b, hx, hy, ((0.28 * top, 0.6), (0.31 * top, 0.6)), WHITE)
    _post(b, 0.0, 0.0, 0.03, 0.0, 0.98 * top, STEEL)
    _stack(b, hx, hy, ((0.78 * top, 1.0), (top, 0.06)), (210, 60, 50))


@_draws("chair")
def _chair(b: Builder, hx: float, hy: float, top: float) -> None:
    _corners(b, 0.9 * hx, 0.9 * hy, 0.06 * hx, 0.0, 0.36 * top, WHITE)
    b.box((-0.95 * hx, -0.95 * hy, 0.36 * top), (hx, 0.95 * hy, 0.42 * top), WHITE)
    b.box((-hx, -0.9 * hy, 0.42 * top), (-0.86 * hx, 0.9 * hy, top), WHITE)
    for y in (-0.92 * hy, 0.84 * hy):
        b.box((-0.9 * hx, y, 0.6 * top), (0.7 * hx, y + 0.08 * hy, 0.64 * top), WHITE)


@_draws("shelter", long=True)
def _shelter(b: Builder, hx: float, hy: float, top: float) -> None:
    """A bus stop, open towards +x."""
    _corners(b, 0.96 * hx, 0.98 * hy, 0.05, 0.0, 0.94 * top, STEEL)
    b.box((-hx, -hy, 0.94 * top), (hx, hy, top), (60, 64, 70))
    b.box((-0.94 * hx, -0.9 * hy, 0.12 * top), (-0.91 * hx, 0.9 * hy, 0.88 * top), (120, 150, 160))
    b.box((-0.9 * hx, 0.93 * hy, 0.12 * top), (0.5 * hx, 0.95 * hy, 0.88 * top), (70, 120, 190))
    b.box((-0.8 * hx, -0.7 * hy, 0.16 * top), (-0.3 * hx, 0.5 * hy, 0.19 * top), WOOD)


@_draws("hut", long=True)
def _hut(b: Builder, hx: float, hy: float, top: float) -> None:
    """A kiosk, food cart or dog house: walls, an opening towards +x, a roof."""
    wall = 0.72 * top
    b.box((-0.88 * hx, -0.92 * hy, 0.0), (0.88 * hx, 0.92 * hy, wall), (182, 70, 52))
    b.box((0.86 * hx, -0.6 * hy, 0.3 * top), (0.9 * hx, 0.6 * hy, 0.64 * top), (30, 28, 28))
    b.box((0.86 * hx, -0.66 * hy, 0.26 * top), (hx, 0.66 * hy, 0.30 * top), WOOD)
    b.loft([[(-hx, y, wall), (hx, y, wall), (0.0, y, top)] for y in (-hy, hy)], (92, 56, 44))


@_draws("phone", long=True)
def _phone(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-hx, -hy, 0.0), (hx, hy, top), (30, 30, 34))
    b.box((-1.02 * hx, -0.9 * hy, 0.08 * top), (1.02 * hx, 0.9 * hy, 0.94 * top), (70, 110, 150))


@_draws("slab")
def _slab(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-hx, -hy, 0.0), (hx, hy, top), (134, 118, 104))


@_draws("heap")
def _heap(b: Builder, hx: float, hy: float, top: float) -> None:
    """Debris: a flat mound with a few lumps on it."""
    _stack(b, hx, hy, ((0.0, 1.0), (0.5 * top, 0.8), (0.8 * top, 0.35)), (116, 98, 78))
    for x, y, size, color in ((0.3, 0.2, 0.16, STONE), (-0.35, 0.3, 0.2, (140, 70, 50)), (0.0, -0.4, 0.18, CARDBOARD)):
        b.box(
            ((x - size) * hx, (y - size) * hy, 0.3 * top), ((x + size) * hx, (y + size) * hy, top * (0.7 + size)), color
        )
    b.box((-0.12 * hx, -0.1 * hy, 0.5 * top), (0.1 * hx, 0.12 * hy, top), (90, 84, 80))


@_draws("clothesline", long=True)
def _clothesline(b: Builder, hx: float, hy: float, top: float) -> None:
    for y in (-0.97 * hy, 0.97 * hy):
        _post(b, 0.0, y, 0.04, 0.0, top, STEEL)
        b.box((-hx, y - 0.03, 0.95 * top), (hx, y + 0.03, 0.98 * top), STEEL)
    for x in (-0.9 * hx, 0.0, 0.9 * hx):
        b.box((x - 0.01, -0.97 * hy, 0.95 * top), (x + 0.01, 0.97 * hy, 0.97 * top), WHITE)
    for x, y0, y1, color in (
        (-0.9, -0.7, -0.3, (70, 120, 190)),
        (0.9, 0.0, 0.4, (210, 90, 80)),
        (0.0, 0.45, 0.8, WHITE),
    ):
        b.box((x * hx - 0.015, y0 * hy, 0.5 * top), (x * hx + 0.015, y1 * hy, 0.95 * top), color)


@_draws("fountain")
def _fountain(b: Builder, hx: float, hy: float, top: float) -> None:
    _stack(b, hx, hy, ((0.0, 1.0), (0.11 * top, 1.0)), STONE)
    _stack(b, hx, hy, ((0.11 * top, 0.9), (0.115 * top, 0.9)), (80, 140, 170))
    _stack(b, hx, hy, ((0.11 * top, 0.16), (0.5 * top, 0.1), (0.52 * top, 0.42), (0.58 * top, 0.44)), shade(STONE, 0.9))
    _stack(b, hx, hy, ((0.58 * top, 0.08), (0.85 * top, 0.06), (0.87 * top, 0.2), (top, 0.03)), shade(STONE, 0.9))


@_draws("lamp")
def _lamp(b: Builder, hx: float, hy: float, top: float) -> None:
    _post(b, 0.0, 0.0, 0.15 * hx, 0.0, 0.62 * top, DARK)
    _stack(b, hx, hy, ((0.62 * top, 0.7), (0.86 * top, 0.9)), (236, 226, 190))
    _stack(b, hx, hy, ((0.86 * top, 1.0), (top, 0.1)), DARK)


@_draws("gnome")
def _gnome(b: Builder, hx: float, hy: float, top: float) -> None:
    _stack(b, hx, hy, ((0.0, 0.8), (0.2 * top, 1.0), (0.45 * top, 0.6)), (40, 84, 160))
    _stack(b, hx, hy, ((0.42 * top, 0.5), (0.6 * top, 0.55)), (236, 188, 152))
    b.box((0.2 * hx, -0.4 * hy, 0.3 * top), (0.7 * hx, 0.4 * hy, 0.5 * top), WHITE)
    _stack(b, hx, hy, ((0.58 * top, 0.65), (top, 0.03)), RED)


@_draws("mailbox")
def _mailbox(b: Builder, hx: float, hy: float, top: float) -> None:
    _corners(b, 0.8 * hx, 0.8 * hy, 0.1 * hx, 0.0, 0.22 * top, DARK)
    b.box((-hx, -hy, 0.2 * top), (hx, hy, 0.8 * top), (34, 70, 150))
    b.loft(
        [[(-hx, y, 0.8 * top), (-0.6 * hx, y, top), (0.6 * hx, y, top), (hx, y, 0.8 * top)] for y in (-hy, hy)],
        (34, 70, 150),
    )
    b.box((0.99 * hx, -0.6 * hy, 0.66 * top), (1.02 * hx, 0.6 * hy, 0.72 * top), DARK)


@_draws("lectern", long=True)
def _lectern(b: Builder, hx: float, hy: float, top: float) -> None:
    """A slanting map on two legs."""
    for y in (-0.8 * hy, 0.8 * hy):
        _post(b, 0.0, y, 0.06, 0.0, 0.8 * top, DARK)
    b.loft(
        [[(-hx, y, top), (hx, y, 0.66 * top), (hx, y, 0.60 * top), (-hx, y, 0.94 * top)] for y in (-hy, hy)],
        (214, 206, 170),
    )


@_draws("pergola")
def _pergola(b: Builder, hx: float, hy: float, top: float) -> None:
    _corners(b, 0.9 * hx, 0.9 * hy, 0.09, 0.0, 0.9 * top, WOOD)
    for y in (-0.9 * hy, 0.86 * hy):
        b.box((-hx, y, 0.9 * top), (hx, y + 0.04 * hy, 0.95 * top), WOOD)
    for k in range(7):
        x = hx * (-0.94 + 0.305 * k)
        b.box((x, -hy, 0.95 * top), (x + 0.05 * hx, hy, top), shade(WOOD, 0.85))


@_draws("plantpot", long=True)
def _plantpot(b: Builder, hx: float, hy: float, top: float) -> None:
    rim = 0.55 * top
    b.loft(
        [[(-s * hx, -s * hy, z), (s * hx, -s * hy, z), (s * hx, s * hy, z), (-s * hx, s * hy, z)] for z, s in
         ((0.0, 0.8), (rim, 1.0))],
        (172, 92, 58),
    )  # fmt: skip
    bushes = max(1, min(5, round(hy / max(hx, 0.05))))
    for k in range(bushes):
        y = hy * ((2.0 * k + 1.0) / bushes - 1.0)
        half = 0.8 * min(hx, hy / bushes)
        b.loft([[(x * half, y + v * half, z) for x, v, _ in _ring(1.0, 1.0, 0.0, 6)] if half else []
                for half, z in ((half, rim * 0.95), (half * 1.1, 0.78 * top), (half * 0.4, top))], shade(LEAF, 1.0 - 0.12 * (k % 2)))  # fmt: skip  # noqa: E501


@_draws("slide", long=True)
def _slide(b: Builder, hx: float, hy: float, top: float) -> None:
    deck = 0.62 * top
    _corners(b, 0.9 * hx, 0.3 * hy, 0.05, 0.0, deck, STEEL)
    b.box((-0.9 * hx, -0.3 * hy, deck), (0.9 * hx, 0.3 * hy, deck + 0.05), RED)
    for x in (-0.9 * hx, 0.84 * hx):
        b.box((x, -0.3 * hy, deck), (x + 0.06 * hx, 0.3 * hy, top), (236, 196, 40))
    profile = [(0.3 * hy, deck), (0.92 * hy, 0.12 * top), (hy, 0.10 * top), (hy, 0.04 * top), (0.9 * hy, 0.04 * top),
               (0.3 * hy, deck - 0.12)]  # fmt: skip
    b.loft([[(x, y, z) for y, z in profile] for x in (-0.6 * hx, 0.6 * hx)], (236, 196, 40))
    for k in range(5):
        t = (k + 0.5) / 5
        y = -hy + 0.7 * hy * t
        b.box((-0.5 * hx, y, t * deck - 0.03), (0.5 * hx, y + 0.06, t * deck), STEEL)
    for x in (-0.55 * hx, 0.55 * hx):
        limb(b, (x, -0.97 * hy, 0.02), (x, -0.3 * hy, deck), 0.025, 0.025, STEEL, 4)


@_draws("swing", long=True)
def _swing(b: Builder, hx: float, hy: float, top: float) -> None:
    for y in (-0.96 * hy, 0.96 * hy):
        for x in (-hx, hx):
            b.box((0.95 * x - 0.04, y - 0.04, 0.0), (0.95 * x + 0.04, y + 0.04, 0.02), DARK)
            limb(b, (0.95 * x, y, 0.06), (0.0, y, 0.96 * top), 0.04, 0.04, RED, 5)
    b.box((-0.05, -hy, 0.94 * top), (0.05, hy, top), RED)
    for y in (-0.45 * hy, 0.45 * hy):
        for side in (-0.12 * hy, 0.12 * hy):
            limb(b, (0.0, y + side, 0.22 * top), (0.0, y + side, 0.94 * top), 0.012, 0.012, STEEL, 3)
        b.box((-0.18 * hx, y - 0.14 * hy, 0.19 * top), (0.18 * hx, y + 0.14 * hy, 0.22 * top), DARK)


@_draws("tap")
def _tap(b: Builder, hx: float, hy: float, top: float) -> None:
    """A drinking fountain."""
    b.box((-0.8 * hx, -0.5 * hy, 0.0), (0.8 * hx, 0.3 * hy, 0.9 * top), GREEN)
    b.box((-hx, -0.6 * hy, 0.9 * top), (hx, 0.4 * hy, top), GREEN)
    b.box((-0.15 * hx, 0.3 * hy, 0.68 * top), (0.15 * hx, 0.8 * hy, 0.74 * top), STEEL)
    b.box((-0.9 * hx, 0.3 * hy, 0.0), (0.9 * hx, hy, 0.16 * top), STONE)


@_draws("trampoline")
def _trampoline(b: Builder, hx: float, hy: float, top: float) -> None:
    bed = 0.32 * top
    b.loft([_ring(hx, hy, bed - 0.06, 12), _ring(hx, hy, bed, 12)], (40, 90, 160))
    b.loft([_ring(0.88 * hx, 0.88 * hy, bed, 12), _ring(0.88 * hx, 0.88 * hy, bed + 0.02, 12)], DARK)
    for x, y, _ in _ring(0.97 * hx, 0.97 * hy, 0.0, 6):
        _post(b, 0.97 * x, 0.97 * y, 0.03, 0.0, top, STEEL)
    for x, y, _ in _ring(0.95 * hx, 0.95 * hy, 0.0, 6):
        limb(b, (x, y, 0.97 * top), (-0.5 * x - 0.8 * y, 0.8 * x - 0.5 * y, 0.97 * top), 0.01, 0.01, STEEL, 3)


@_draws("barbeque", long=True)
def _barbeque(b: Builder, hx: float, hy: float, top: float) -> None:
    _corners(b, 0.7 * hx, 0.6 * hy, 0.03, 0.0, 0.6 * top, STEEL)
    b.box((-hx, -0.7 * hy, 0.6 * top), (hx, 0.7 * hy, 0.74 * top), DARK)
    b.box((-0.9 * hx, -0.6 * hy, 0.74 * top), (0.9 * hx, 0.6 * hy, top), (60, 30, 28))
    for y0, y1 in ((-hy, -0.72 * hy), (0.72 * hy, hy)):
        b.box((-0.8 * hx, y0, 0.66 * top), (0.8 * hx, y1, 0.7 * top), WOOD)


@_draws("barrel")
def _barrel(b: Builder, hx: float, hy: float, top: float) -> None:
    _stack(b, hx, hy, ((0.0, 0.9), (0.3 * top, 1.0), (0.7 * top, 1.0), (top, 0.9)), (60, 90, 150))
    for low in (0.28, 0.68):
        _stack(b, hx, hy, ((low * top, 1.03), ((low + 0.05) * top, 1.03)), shade((60, 90, 150), 0.6))


@_draws("can")
def _can(b: Builder, hx: float, hy: float, top: float) -> None:
    _stack(b, hx, hy, ((0.0, 0.85), (0.08 * top, 1.0), (0.9 * top, 1.0), (top, 0.8)), RED)


@_draws("ball")
def _ball(b: Builder, hx: float, hy: float, top: float) -> None:
    """A helmet."""
    _stack(b, hx, hy, ((0.0, 0.8), (0.3 * top, 1.0), (0.7 * top, 0.85), (top, 0.2)), (40, 44, 52))
    b.box((0.7 * hx, -0.5 * hy, 0.3 * top), (hx, 0.5 * hy, 0.55 * top), GLASS)


@_draws("bale")
def _bale(b: Builder, hx: float, hy: float, top: float) -> None:
    """A round bale lying on its side, its axis along y."""
    angles = (np.arange(10) - 0.5) * 2.0 * np.pi / 10 - np.pi / 2.0
    half = 0.5 * top / float(np.cos(np.pi / 10))

    def ring(y: float) -> Ring:
        return [(hx * float(np.cos(a)), y, 0.5 * top + half * float(np.sin(a))) for a in angles]

    b.loft([ring(-hy), ring(hy)], (196, 164, 84))


@_draws("bin")
def _bin(b: Builder, hx: float, hy: float, top: float) -> None:
    b.loft(
        [[(-s * hx, -s * hy, z), (s * hx, -s * hy, z), (s * hx, s * hy, z), (-s * hx, s * hy, z)]
         for z, s in ((0.0, 0.78), (0.86 * top, 0.96))],
        GREEN,
    )  # fmt: skip
    b.box((-hx, -hy, 0.86 * top), (hx, hy, 0.93 * top), shade(GREEN, 0.6))
    b.box((-0.7 * hx, -0.8 * hy, 0.93 * top), (0.8 * hx, 0.8 * hy, top), shade(GREEN, 0.7))


@_draws("container", long=True)
def _container(b: Builder, hx: float, hy: float, top: float) -> None:
    """A refuse or recycling container on wheels."""
    for y in (-0.75 * hy, 0.75 * hy):
        b.box((-0.7 * hx, y - 0.06, 0.0), (0.7 * hx, y + 0.06, 0.1 * top), TYRE)
    b.loft(
        [[(-s * hx, -s * hy, z), (s * hx, -s * hy, z), (s * hx, s * hy, z), (-s * hx, s * hy, z)]
         for z, s in ((0.1 * top, 0.86), (0.78 * top, 1.0))],
        (56, 110, 74),
    )  # fmt: skip
    b.loft(
        [[(-hx, y, 0.78 * top), (-0.5 * hx, y, top), (0.5 * hx, y, top), (hx, y, 0.78 * top)] for y in (-hy, hy)],
        (40, 78, 54),
    )
    b.box((0.9 * hx, -0.4 * hy, 0.5 * top), (hx, 0.4 * hy, 0.62 * top), DARK)


@_draws("bollard")
def _bollard(b: Builder, hx: float, hy: float, top: float) -> None:
    _stack(b, hx, hy, ((0.0, 1.0), (0.08 * top, 1.0), (0.1 * top, 0.4), (0.86 * top, 0.4), (0.9 * top, 0.7), (top, 0.3)), DARK)  # fmt: skip  # noqa: E501


@_draws("chain", long=True)
def _chain(b: Builder, hx: float, hy: float, top: float) -> None:
    for y in (-0.92 * hy, 0.92 * hy):
        _post(b, 0.0, y, 0.08 * hy, 0.0, 0.06 * top, DARK)
        _post(b, 0.0, y, 0.045 * hy, 0.0, top, DARK)
    ends = [(-0.9, 0.84), (-0.45, 0.62), (0.0, 0.55), (0.45, 0.62), (0.9, 0.84)]
    for (y0, z0), (y1, z1) in pairwise(ends):
        limb(b, (0.0, y0 * hy, z0 * top), (0.0, y1 * hy, z1 * top), 0.02, 0.02, STEEL, 4)


@_draws("bag")
def _bag(b: Builder, hx: float, hy: float, top: float) -> None:
    color = (38, 40, 46)
    _stack(b, hx, hy, ((0.0, 0.8), (0.25 * top, 1.0), (0.6 * top, 0.85), (0.86 * top, 0.3), (top, 0.45)), color)


@_draws("case", long=True)
def _case(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-hx, -hy, 0.02 * top), (hx, hy, 0.88 * top), (70, 52, 44))
    b.box((-1.02 * hx, -0.7 * hy, 0.0), (1.02 * hx, -0.62 * hy, 0.9 * top), (44, 32, 28))
    b.box((-1.02 * hx, 0.62 * hy, 0.0), (1.02 * hx, 0.7 * hy, 0.9 * top), (44, 32, 28))
    b.box((-0.3 * hx, -0.25 * hy, 0.95 * top), (0.3 * hx, 0.25 * hy, top), DARK)
    for y in (-0.25 * hy, 0.17 * hy):
        b.box((-0.3 * hx, y, 0.88 * top), (0.3 * hx, y + 0.08 * hy, top), DARK)


@_draws("cart", long=True)
def _cart(b: Builder, hx: float, hy: float, top: float) -> None:
    """A shopping cart pushed along y."""
    for y in (-0.6 * hy, 0.7 * hy):
        for x in (-0.7 * hx, 0.7 * hx):
            b.box((x - 0.04, y - 0.08, 0.0), (x + 0.04, y + 0.08, 0.12 * top), TYRE)
            _post(b, x, y, 0.02, 0.1 * top, 0.5 * top, STEEL)
    b.loft(
        [[(-s * hx, -0.8 * hy, z), (s * hx, -0.8 * hy, z), (s * hx, 0.95 * hy, z), (-s * hx, 0.95 * hy, z)]
         for z, s in ((0.5 * top, 0.75), (0.86 * top, 0.95))],
        STEEL,
    )  # fmt: skip
    b.box((-0.95 * hx, -hy, 0.94 * top), (0.95 * hx, -0.92 * hy, top), RED)
    for x in (-0.9 * hx, 0.86 * hx):
        b.box((x, -0.98 * hy, 0.8 * top), (x + 0.04 * hx, -0.8 * hy, 0.96 * top), STEEL)


@_draws("trailer", long=True)
def _trailer(b: Builder, hx: float, hy: float, top: float) -> None:
    """A road works trailer with an arrow board that faces -x, towards the traffic behind it."""
    b.box((-0.7 * hx, -0.6 * hy, 0.16 * top), (0.8 * hx, 0.6 * hy, 0.24 * top), ORANGE)
    b.box((0.7 * hx, -0.06, 0.16 * top), (hx, 0.06, 0.2 * top), STEEL)
    for y in (-0.7 * hy, 0.7 * hy):
        b.wheel(0.0, y, min(0.34, 0.1 * top), 0.2)
        _post(b, -0.4 * hx, 0.6 * y, 0.06, 0.24 * top, 0.5 * top, STEEL)
    b.box((-0.5 * hx, -hy, 0.44 * top), (-0.42 * hx, hy, top), (36, 36, 38))
    amber = (250, 190, 40)
    for k in range(5):
        y = hy * (-0.6 + 0.3 * k)
        b.box((-0.53 * hx, y - 0.07, 0.68 * top), (-0.5 * hx, y + 0.07, 0.74 * top), amber)
    for step in (1, 2):
        for side in (-1.0, 1.0):
            z = (0.71 + 0.07 * step * side) * top
            y = hy * (0.6 - 0.2 * step)
            b.box((-0.53 * hx, y - 0.07, z - 0.03 * top), (-0.5 * hx, y + 0.07, z + 0.03 * top), amber)
    for k in range(6):
        y0 = hy * (k / 3.0 - 1.0)
        b.box((-0.52 * hx, y0, 0.44 * top), (-0.5 * hx, y0 + hy / 3.0, 0.52 * top), RED if k % 2 else WHITE)


@_draws("tree")
def _tree(b: Builder, hx: float, hy: float, top: float) -> None:
    trunk = min(0.35, 0.08 * hx + 0.1)
    crown = 0.3 * top
    b.loft([_ring(trunk, trunk, 0.0, 6), _ring(0.6 * trunk, 0.6 * trunk, 0.6 * top, 6)], (98, 74, 52))
    for low, high, share, color in ((crown, 0.75 * top, 1.0, LEAF), (0.55 * top, top, 0.7, shade(LEAF, 0.85))):
        middle = 0.5 * (low + high)
        _stack(b, hx, hy, ((low, 0.35 * share), (middle, share), (high, 0.15 * share)), color)


PROP_KINDS = tuple(_DRAWERS)


@lru_cache(maxsize=512)
def prop_mesh(kind: str, extent: Extent, tag: int = Label.STATIC) -> Mesh:
    """A prop of one of `PROP_KINDS` standing on z = 0 in the box of half sizes `extent` (m), all of one semantic tag.

    Raises `UnknownModel`.
    """
    if kind not in _DRAWERS:
        raise UnknownModel(f"prop kind must be one of {', '.join(PROP_KINDS)}, got {kind!r}")
    hx, hy, hz = extent
    turned = kind in _LONG and hx > hy
    builder = Builder(int(tag))
    _DRAWERS[kind](builder, *((hy, hx) if turned else (hx, hy)), 2.0 * hz)
    mesh = builder.build()
    if turned:
        x, y, z = mesh.vertices.T
        mesh = Mesh(
            np.ascontiguousarray(np.stack([y, -x, z], axis=1)), mesh.triangles, mesh.colors, mesh.tags, mesh.layers
        )
    return mesh
