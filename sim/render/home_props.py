"""Props of homes and gardens, and what people carry: furniture, plants, bags, cases, boxes."""

from __future__ import annotations

import numpy as np

from sim.render.prop_kit import CARDBOARD, DARK, LEAF, RED, STEEL, WHITE, WOOD, Ring, corners, draws, post, ring, stack
from sim.render.solids import GLASS, TYRE, Builder, limb, shade


@draws("box", "mesh")
def _box(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-hx, -hy, 0.0), (hx, hy, top), CARDBOARD)
    b.box((-hx * 1.01, -hy * 0.16, 0.0), (hx * 1.01, hy * 0.16, top * 1.005), (206, 180, 130))


@draws("table")
def _table(b: Builder, hx: float, hy: float, top: float) -> None:
    """A picnic table between two benches."""
    b.box((-0.45 * hx, -hy, 0.92 * top), (0.45 * hx, hy, top), WOOD)
    for x in (-0.85 * hx, 0.85 * hx):
        b.box((x - 0.15 * hx, -hy, 0.5 * top), (x + 0.15 * hx, hy, 0.58 * top), WOOD)
    for y in (-0.7 * hy, 0.7 * hy):
        b.box((-0.9 * hx, y - 0.05, 0.4 * top), (0.9 * hx, y + 0.05, 0.5 * top), shade(WOOD, 0.7))
        for x in (-0.5 * hx, 0.5 * hx):
            post(b, x, y, 0.05, 0.0, 0.92 * top, shade(WOOD, 0.7))


@draws("parasol")
def _parasol(b: Builder, hx: float, hy: float, top: float) -> None:
    """A garden table under a parasol."""
    stack(b, hx, hy, ((0.0, 0.28), (0.03 * top, 0.28)), WHITE)
    stack(b, hx, hy, ((0.28 * top, 0.6), (0.31 * top, 0.6)), WHITE)
    post(b, 0.0, 0.0, 0.03, 0.0, 0.98 * top, STEEL)
    stack(b, hx, hy, ((0.78 * top, 1.0), (top, 0.06)), (210, 60, 50))


@draws("chair")
def _chair(b: Builder, hx: float, hy: float, top: float) -> None:
    corners(b, 0.9 * hx, 0.9 * hy, 0.06 * hx, 0.0, 0.36 * top, WHITE)
    b.box((-0.95 * hx, -0.95 * hy, 0.36 * top), (hx, 0.95 * hy, 0.42 * top), WHITE)
    b.box((-hx, -0.9 * hy, 0.42 * top), (-0.86 * hx, 0.9 * hy, top), WHITE)
    for y in (-0.92 * hy, 0.84 * hy):
        b.box((-0.9 * hx, y, 0.6 * top), (0.7 * hx, y + 0.08 * hy, 0.64 * top), WHITE)


@draws("phone", long=True)
def _phone(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-hx, -hy, 0.0), (hx, hy, top), (30, 30, 34))
    b.box((-1.02 * hx, -0.9 * hy, 0.08 * top), (1.02 * hx, 0.9 * hy, 0.94 * top), (70, 110, 150))


@draws("clothesline", long=True)
def _clothesline(b: Builder, hx: float, hy: float, top: float) -> None:
    for y in (-0.97 * hy, 0.97 * hy):
        post(b, 0.0, y, 0.04, 0.0, top, STEEL)
        b.box((-hx, y - 0.03, 0.95 * top), (hx, y + 0.03, 0.98 * top), STEEL)
    for x in (-0.9 * hx, 0.0, 0.9 * hx):
        b.box((x - 0.01, -0.97 * hy, 0.95 * top), (x + 0.01, 0.97 * hy, 0.97 * top), WHITE)
    for x, y0, y1, color in (
        (-0.9, -0.7, -0.3, (70, 120, 190)),
        (0.9, 0.0, 0.4, (210, 90, 80)),
        (0.0, 0.45, 0.8, WHITE),
    ):
        b.box((x * hx - 0.015, y0 * hy, 0.5 * top), (x * hx + 0.015, y1 * hy, 0.95 * top), color)


@draws("lamp")
def _lamp(b: Builder, hx: float, hy: float, top: float) -> None:
    post(b, 0.0, 0.0, 0.15 * hx, 0.0, 0.62 * top, DARK)
    stack(b, hx, hy, ((0.62 * top, 0.7), (0.86 * top, 0.9)), (236, 226, 190))
    stack(b, hx, hy, ((0.86 * top, 1.0), (top, 0.1)), DARK)


@draws("gnome")
def _gnome(b: Builder, hx: float, hy: float, top: float) -> None:
    stack(b, hx, hy, ((0.0, 0.8), (0.2 * top, 1.0), (0.45 * top, 0.6)), (40, 84, 160))
    stack(b, hx, hy, ((0.42 * top, 0.5), (0.6 * top, 0.55)), (236, 188, 152))
    b.box((0.2 * hx, -0.4 * hy, 0.3 * top), (0.7 * hx, 0.4 * hy, 0.5 * top), WHITE)
    stack(b, hx, hy, ((0.58 * top, 0.65), (top, 0.03)), RED)


@draws("pergola")
def _pergola(b: Builder, hx: float, hy: float, top: float) -> None:
    corners(b, 0.9 * hx, 0.9 * hy, 0.09, 0.0, 0.9 * top, WOOD)
    for y in (-0.9 * hy, 0.86 * hy):
        b.box((-hx, y, 0.9 * top), (hx, y + 0.04 * hy, 0.95 * top), WOOD)
    for k in range(7):
        x = hx * (-0.94 + 0.305 * k)
        b.box((x, -hy, 0.95 * top), (x + 0.05 * hx, hy, top), shade(WOOD, 0.85))


@draws("plantpot", long=True)
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
        b.loft([[(x * half, y + v * half, z) for x, v, _ in ring(1.0, 1.0, 0.0, 6)] if half else []
                for half, z in ((half, rim * 0.95), (half * 1.1, 0.78 * top), (half * 0.4, top))], shade(LEAF, 1.0 - 0.12 * (k % 2)))  # fmt: skip  # noqa: E501


@draws("slide", long=True)
def _slide(b: Builder, hx: float, hy: float, top: float) -> None:
    deck = 0.62 * top
    corners(b, 0.9 * hx, 0.3 * hy, 0.05, 0.0, deck, STEEL)
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


@draws("swing", long=True)
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


@draws("trampoline")
def _trampoline(b: Builder, hx: float, hy: float, top: float) -> None:
    bed = 0.32 * top
    b.loft([ring(hx, hy, bed - 0.06, 12), ring(hx, hy, bed, 12)], (40, 90, 160))
    b.loft([ring(0.88 * hx, 0.88 * hy, bed, 12), ring(0.88 * hx, 0.88 * hy, bed + 0.02, 12)], DARK)
    for x, y, _ in ring(0.97 * hx, 0.97 * hy, 0.0, 6):
        post(b, 0.97 * x, 0.97 * y, 0.03, 0.0, top, STEEL)
    for x, y, _ in ring(0.95 * hx, 0.95 * hy, 0.0, 6):
        limb(b, (x, y, 0.97 * top), (-0.5 * x - 0.8 * y, 0.8 * x - 0.5 * y, 0.97 * top), 0.01, 0.01, STEEL, 3)


@draws("barbeque", long=True)
def _barbeque(b: Builder, hx: float, hy: float, top: float) -> None:
    corners(b, 0.7 * hx, 0.6 * hy, 0.03, 0.0, 0.6 * top, STEEL)
    b.box((-hx, -0.7 * hy, 0.6 * top), (hx, 0.7 * hy, 0.74 * top), DARK)
    b.box((-0.9 * hx, -0.6 * hy, 0.74 * top), (0.9 * hx, 0.6 * hy, top), (60, 30, 28))
    for y0, y1 in ((-hy, -0.72 * hy), (0.72 * hy, hy)):
        b.box((-0.8 * hx, y0, 0.66 * top), (0.8 * hx, y1, 0.7 * top), WOOD)


@draws("barrel")
def _barrel(b: Builder, hx: float, hy: float, top: float) -> None:
    stack(b, hx, hy, ((0.0, 0.9), (0.3 * top, 1.0), (0.7 * top, 1.0), (top, 0.9)), (60, 90, 150))
    for low in (0.28, 0.68):
        stack(b, hx, hy, ((low * top, 1.03), ((low + 0.05) * top, 1.03)), shade((60, 90, 150), 0.6))


@draws("can")
def _can(b: Builder, hx: float, hy: float, top: float) -> None:
    stack(b, hx, hy, ((0.0, 0.85), (0.08 * top, 1.0), (0.9 * top, 1.0), (top, 0.8)), RED)


@draws("ball")
def _ball(b: Builder, hx: float, hy: float, top: float) -> None:
    """A helmet."""
    stack(b, hx, hy, ((0.0, 0.8), (0.3 * top, 1.0), (0.7 * top, 0.85), (top, 0.2)), (40, 44, 52))
    b.box((0.7 * hx, -0.5 * hy, 0.3 * top), (hx, 0.5 * hy, 0.55 * top), GLASS)


@draws("bale")
def _bale(b: Builder, hx: float, hy: float, top: float) -> None:
    """A round bale lying on its side, its axis along y."""
    angles = (np.arange(10) - 0.5) * 2.0 * np.pi / 10 - np.pi / 2.0
    half = 0.5 * top / float(np.cos(np.pi / 10))

    def ring(y: float) -> Ring:
        return [(hx * float(np.cos(a)), y, 0.5 * top + half * float(np.sin(a))) for a in angles]

    b.loft([ring(-hy), ring(hy)], (196, 164, 84))


@draws("bag")
def _bag(b: Builder, hx: float, hy: float, top: float) -> None:
    color = (38, 40, 46)
    stack(b, hx, hy, ((0.0, 0.8), (0.25 * top, 1.0), (0.6 * top, 0.85), (0.86 * top, 0.3), (top, 0.45)), color)


@draws("case", long=True)
def _case(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-hx, -hy, 0.02 * top), (hx, hy, 0.88 * top), (70, 52, 44))
    b.box((-1.02 * hx, -0.7 * hy, 0.0), (1.02 * hx, -0.62 * hy, 0.9 * top), (44, 32, 28))
    b.box((-1.02 * hx, 0.62 * hy, 0.0), (1.02 * hx, 0.7 * hy, 0.9 * top), (44, 32, 28))
    b.box((-0.3 * hx, -0.25 * hy, 0.95 * top), (0.3 * hx, 0.25 * hy, top), DARK)
    for y in (-0.25 * hy, 0.17 * hy):
        b.box((-0.3 * hx, y, 0.88 * top), (0.3 * hx, y + 0.08 * hy, top), DARK)


@draws("cart", long=True)
def _cart(b: Builder, hx: float, hy: float, top: float) -> None:
    """A shopping cart pushed along y."""
    for y in (-0.6 * hy, 0.7 * hy):
        for x in (-0.7 * hx, 0.7 * hx):
            b.box((x - 0.04, y - 0.08, 0.0), (x + 0.04, y + 0.08, 0.12 * top), TYRE)
            post(b, x, y, 0.02, 0.1 * top, 0.5 * top, STEEL)
    b.loft(
        [[(-s * hx, -0.8 * hy, z), (s * hx, -0.8 * hy, z), (s * hx, 0.95 * hy, z), (-s * hx, 0.95 * hy, z)]
         for z, s in ((0.5 * top, 0.75), (0.86 * top, 0.95))],
        STEEL,
    )  # fmt: skip
    b.box((-0.95 * hx, -hy, 0.94 * top), (0.95 * hx, -0.92 * hy, top), RED)
    for x in (-0.9 * hx, 0.86 * hx):
        b.box((x, -0.98 * hy, 0.8 * top), (x + 0.04 * hx, -0.8 * hy, 0.96 * top), STEEL)


@draws("tree")
def _tree(b: Builder, hx: float, hy: float, top: float) -> None:
    trunk = min(0.35, 0.08 * hx + 0.1)
    crown = 0.3 * top
    b.loft([ring(trunk, trunk, 0.0, 6), ring(0.6 * trunk, 0.6 * trunk, 0.6 * top, 6)], (98, 74, 52))
    for low, high, share, color in ((crown, 0.75 * top, 1.0, LEAF), (0.55 * top, top, 0.7, shade(LEAF, 0.85))):
        middle = 0.5 * (low + high)
        stack(b, hx, hy, ((low, 0.35 * share), (middle, share), (high, 0.15 * share)), color)
