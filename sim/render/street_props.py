"""Props of roads and streets: signs, barriers, bins, benches, shelters, debris."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from sim.render.prop_kit import (
    CARDBOARD,
    DARK,
    GREEN,
    ORANGE,
    RED,
    STEEL,
    STONE,
    WHITE,
    WOOD,
    Ring,
    corners,
    draws,
    post,
    stack,
)
from sim.render.solids import TRIM, TYRE, Builder, limb, shade


@draws("cone")
def _cone(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-hx, -hy, 0.0), (hx, hy, 0.06 * top), (60, 56, 54))
    levels = ((0.06, 0.72), (0.38, 0.50), (0.58, 0.36), (0.80, 0.21), (1.0, 0.10))
    angles = np.arange(8) * 2.0 * np.pi / 8
    rings = [[(r * hx * float(np.cos(a)), r * hy * float(np.sin(a)), z * top) for a in angles] for z, r in levels]
    b.loft(rings, ORANGE, [[ORANGE] * 8, [WHITE] * 8, [ORANGE] * 8, [ORANGE] * 8])


@draws("barrier", long=True)
def _barrier(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-0.5 * hx, -0.92 * hy, 0.0), (0.5 * hx, -0.80 * hy, top), TRIM)
    b.box((-0.5 * hx, 0.80 * hy, 0.0), (0.5 * hx, 0.92 * hy, top), TRIM)
    stripes = 8
    for low, high in ((0.62, 0.98), (0.22, 0.48)):
        for k in range(stripes):
            y0, y1 = hy * (2.0 * k / stripes - 1.0), hy * (2.0 * (k + 1) / stripes - 1.0)
            b.box((-hx, y0, low * top), (hx, y1, high * top), RED if k % 2 else WHITE)


@draws("sign")
def _sign(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-0.04, -0.04, 0.0), (0.04, 0.04, 0.7 * top), STEEL)
    b.box((-hx, -hy, 0.55 * top), (hx, hy, top), ORANGE)
    b.box((-hx * 1.1, -hy * 0.7, 0.72 * top), (hx * 1.1, hy * 0.7, 0.82 * top), (28, 26, 24))


@draws("stand", long=True)
def _stand(b: Builder, hx: float, hy: float, top: float) -> None:
    """A warning triangle on a tripod."""
    for x, y in ((-hx, 0.0), (0.7 * hx, -0.7 * hy), (0.7 * hx, 0.7 * hy)):
        b.box((0.92 * x - 0.03, 0.92 * y - 0.03, 0.0), (0.92 * x + 0.03, 0.92 * y + 0.03, 0.02), DARK)
        limb(b, (0.92 * x, 0.92 * y, 0.03), (0.0, 0.0, 0.5 * top), 0.02, 0.02, STEEL, 4)
    for size, thick, color in ((1.0, 0.03, RED), (0.72, 0.045, (236, 196, 40))):
        low, high = top * (0.75 - 0.35 * size), top * (0.75 + 0.25 * size)
        face: Ring = [(0.0, -hy * size, low), (0.0, hy * size, low), (0.0, 0.0, high)]
        b.loft([[(side * thick, y, z) for _, y, z in face] for side in (-1.0, 1.0)], color)


@draws("billboard", long=True)
def _billboard(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-hx, -hy, 0.0), (hx, hy, 0.16 * top), DARK)
    b.box((-0.8 * hx, -hy, 0.16 * top), (0.8 * hx, hy, top), STEEL)
    for side in (-1.0, 1.0):
        x0, x1 = sorted((0.8 * side * hx, 0.9 * side * hx))
        b.box((x0, -0.9 * hy, 0.2 * top), (x1, 0.9 * hy, 0.96 * top), (70, 120, 190))
        b.box((x0, -0.6 * hy, 0.45 * top), (x1 * 1.02, 0.6 * hy, 0.6 * top), (244, 226, 120))


@draws("panel", long=True)
def _panel(b: Builder, hx: float, hy: float, top: float) -> None:
    """A street name or direction sign on two posts."""
    for y in (-0.8 * hy, 0.8 * hy):
        post(b, 0.0, y, min(hx, 0.05), 0.0, top, STEEL)
    b.box((-hx, -hy, 0.62 * top), (hx, hy, top), (28, 84, 150))
    b.box((-hx * 1.04, -0.85 * hy, 0.74 * top), (hx * 1.04, 0.85 * hy, 0.88 * top), WHITE)


@draws("machine")
def _machine(b: Builder, hx: float, hy: float, top: float) -> None:
    """A vending or cash machine, its face towards +x."""
    b.box((-hx, -hy, 0.0), (0.94 * hx, hy, top), (176, 34, 36))
    b.box((0.94 * hx, -0.88 * hy, 0.34 * top), (hx, 0.35 * hy, 0.92 * top), (90, 130, 150))
    b.box((0.94 * hx, 0.48 * hy, 0.5 * top), (hx, 0.86 * hy, 0.72 * top), DARK)
    b.box((0.94 * hx, -0.7 * hy, 0.12 * top), (hx, 0.3 * hy, 0.26 * top), DARK)


@draws("bench", long=True)
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


@draws("shelter", long=True)
def _shelter(b: Builder, hx: float, hy: float, top: float) -> None:
    """A bus stop, open towards +x."""
    corners(b, 0.96 * hx, 0.98 * hy, 0.05, 0.0, 0.94 * top, STEEL)
    b.box((-hx, -hy, 0.94 * top), (hx, hy, top), (60, 64, 70))
    b.box((-0.94 * hx, -0.9 * hy, 0.12 * top), (-0.91 * hx, 0.9 * hy, 0.88 * top), (120, 150, 160))
    b.box((-0.9 * hx, 0.93 * hy, 0.12 * top), (0.5 * hx, 0.95 * hy, 0.88 * top), (70, 120, 190))
    b.box((-0.8 * hx, -0.7 * hy, 0.16 * top), (-0.3 * hx, 0.5 * hy, 0.19 * top), WOOD)


@draws("hut", long=True)
def _hut(b: Builder, hx: float, hy: float, top: float) -> None:
    """A kiosk, food cart or dog house: walls, an opening towards +x, a roof."""
    wall = 0.72 * top
    b.box((-0.88 * hx, -0.92 * hy, 0.0), (0.88 * hx, 0.92 * hy, wall), (182, 70, 52))
    b.box((0.86 * hx, -0.6 * hy, 0.3 * top), (0.9 * hx, 0.6 * hy, 0.64 * top), (30, 28, 28))
    b.box((0.86 * hx, -0.66 * hy, 0.26 * top), (hx, 0.66 * hy, 0.30 * top), WOOD)
    b.loft([[(-hx, y, wall), (hx, y, wall), (0.0, y, top)] for y in (-hy, hy)], (92, 56, 44))


@draws("slab")
def _slab(b: Builder, hx: float, hy: float, top: float) -> None:
    b.box((-hx, -hy, 0.0), (hx, hy, top), (134, 118, 104))


@draws("heap")
def _heap(b: Builder, hx: float, hy: float, top: float) -> None:
    """Debris: a flat mound with a few lumps on it."""
    stack(b, hx, hy, ((0.0, 1.0), (0.5 * top, 0.8), (0.8 * top, 0.35)), (116, 98, 78))
    for x, y, size, color in ((0.3, 0.2, 0.16, STONE), (-0.35, 0.3, 0.2, (140, 70, 50)), (0.0, -0.4, 0.18, CARDBOARD)):
        b.box(
            ((x - size) * hx, (y - size) * hy, 0.3 * top), ((x + size) * hx, (y + size) * hy, top * (0.7 + size)), color
        )
    b.box((-0.12 * hx, -0.1 * hy, 0.5 * top), (0.1 * hx, 0.12 * hy, top), (90, 84, 80))


@draws("fountain")
def _fountain(b: Builder, hx: float, hy: float, top: float) -> None:
    stack(b, hx, hy, ((0.0, 1.0), (0.11 * top, 1.0)), STONE)
    stack(b, hx, hy, ((0.11 * top, 0.9), (0.115 * top, 0.9)), (80, 140, 170))
    stack(b, hx, hy, ((0.11 * top, 0.16), (0.5 * top, 0.1), (0.52 * top, 0.42), (0.58 * top, 0.44)), shade(STONE, 0.9))
    stack(b, hx, hy, ((0.58 * top, 0.08), (0.85 * top, 0.06), (0.87 * top, 0.2), (top, 0.03)), shade(STONE, 0.9))


@draws("mailbox")
def _mailbox(b: Builder, hx: float, hy: float, top: float) -> None:
    corners(b, 0.8 * hx, 0.8 * hy, 0.1 * hx, 0.0, 0.22 * top, DARK)
    b.box((-hx, -hy, 0.2 * top), (hx, hy, 0.8 * top), (34, 70, 150))
    b.loft(
        [[(-hx, y, 0.8 * top), (-0.6 * hx, y, top), (0.6 * hx, y, top), (hx, y, 0.8 * top)] for y in (-hy, hy)],
        (34, 70, 150),
    )
    b.box((0.99 * hx, -0.6 * hy, 0.66 * top), (1.02 * hx, 0.6 * hy, 0.72 * top), DARK)


@draws("lectern", long=True)
def _lectern(b: Builder, hx: float, hy: float, top: float) -> None:
    """A slanting map on two legs."""
    for y in (-0.8 * hy, 0.8 * hy):
        post(b, 0.0, y, 0.06, 0.0, 0.8 * top, DARK)
    b.loft(
        [[(-hx, y, top), (hx, y, 0.66 * top), (hx, y, 0.60 * top), (-hx, y, 0.94 * top)] for y in (-hy, hy)],
        (214, 206, 170),
    )


@draws("tap")
def _tap(b: Builder, hx: float, hy: float, top: float) -> None:
    """A drinking fountain."""
    b.box((-0.8 * hx, -0.5 * hy, 0.0), (0.8 * hx, 0.3 * hy, 0.9 * top), GREEN)
    b.box((-hx, -0.6 * hy, 0.9 * top), (hx, 0.4 * hy, top), GREEN)
    b.box((-0.15 * hx, 0.3 * hy, 0.68 * top), (0.15 * hx, 0.8 * hy, 0.74 * top), STEEL)
    b.box((-0.9 * hx, 0.3 * hy, 0.0), (0.9 * hx, hy, 0.16 * top), STONE)


@draws("bin")
def _bin(b: Builder, hx: float, hy: float, top: float) -> None:
    b.loft(
        [[(-s * hx, -s * hy, z), (s * hx, -s * hy, z), (s * hx, s * hy, z), (-s * hx, s * hy, z)]
         for z, s in ((0.0, 0.78), (0.86 * top, 0.96))],
        GREEN,
    )  # fmt: skip
    b.box((-hx, -hy, 0.86 * top), (hx, hy, 0.93 * top), shade(GREEN, 0.6))
    b.box((-0.7 * hx, -0.8 * hy, 0.93 * top), (0.8 * hx, 0.8 * hy, top), shade(GREEN, 0.7))


@draws("container", long=True)
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


@draws("bollard")
def _bollard(b: Builder, hx: float, hy: float, top: float) -> None:
    stack(b, hx, hy, ((0.0, 1.0), (0.08 * top, 1.0), (0.1 * top, 0.4), (0.86 * top, 0.4), (0.9 * top, 0.7), (top, 0.3)), DARK)  # fmt: skip  # noqa: E501


@draws("chain", long=True)
def _chain(b: Builder, hx: float, hy: float, top: float) -> None:
    for y in (-0.92 * hy, 0.92 * hy):
        post(b, 0.0, y, 0.08 * hy, 0.0, 0.06 * top, DARK)
        post(b, 0.0, y, 0.045 * hy, 0.0, top, DARK)
    ends = [(-0.9, 0.84), (-0.45, 0.62), (0.0, 0.55), (0.45, 0.62), (0.9, 0.84)]
    for (y0, z0), (y1, z1) in pairwise(ends):
        limb(b, (0.0, y0 * hy, z0 * top), (0.0, y1 * hy, z1 * top), 0.02, 0.02, STEEL, 4)


@draws("trailer", long=True)
def _trailer(b: Builder, hx: float, hy: float, top: float) -> None:
    """A road works trailer with an arrow board that faces -x, towards the traffic behind it."""
    b.box((-0.7 * hx, -0.6 * hy, 0.16 * top), (0.8 * hx, 0.6 * hy, 0.24 * top), ORANGE)
    b.box((0.7 * hx, -0.06, 0.16 * top), (hx, 0.06, 0.2 * top), STEEL)
    for y in (-0.7 * hy, 0.7 * hy):
        b.wheel(0.0, y, min(0.34, 0.1 * top), 0.2)
        post(b, -0.4 * hx, 0.6 * y, 0.06, 0.24 * top, 0.5 * top, STEEL)
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
