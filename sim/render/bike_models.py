"""Motorcycles and bicycles with their riders, as CARLA's are ridden."""

from __future__ import annotations

import math

from sim.labels import Label
from sim.render.solids import TRIM, Color, Extent, limb, shade
from sim.render.vehicle_kit import CHROME, HEAD, LEFT, RIGHT, STOP, TAIL, WELL, Chassis, Draft, Point

JACKETS = ((52, 60, 78), (150, 34, 34), (30, 32, 36))
SHIRTS = ((196, 80, 44), (52, 120, 168), (222, 200, 60))


def _lamp_box(d: Draft, groups: tuple[int, ...], low: Point, high: Point, front: bool) -> None:
    """A lamp in a housing: its face to the front or to the rear, and its sides."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    if d.fine:
        d.solids.box(low, high, TRIM)
    x = x1 + 0.006 if front else x0 - 0.006
    face: list[Point] = [(x, y0, z0), (x, y1, z0), (x, y1, z1), (x, y0, z1)]
    for k, group in enumerate(groups):
        d.lamp(group, face, k == 0)
        if d.fine and not front:
            for y in (y0 - 0.003, y1 + 0.003):
                d.lamp(group, [(x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1)], k == 0)


def draw_motorcycle(d: Draft, extent: Extent, color: Color, chassis: Chassis, model: str, beacon: bool) -> None:
    hx, hy, hz = extent
    top, r, axle = 2.0 * hz, chassis.radius, 0.5 * chassis.wheelbase
    b, _sides = d.solids, 6 if d.fine else 4
    cruiser, scooter = "harley" in model, "vespa" in model
    sport = not cruiser and not scooter
    seat, bars = (0.42 if cruiser else 0.50) * top, (0.62 if not sport else 0.58) * top
    dark = (34, 35, 38)
    for side in (-1.0, 1.0):
        limb(
            b,
            (axle, side * 0.09, r),
            (axle - 0.30, side * 0.09, bars - 0.04),
            0.028,
            0.034,
            CHROME if cruiser else dark,
            4,
        )
        if d.fine:
            limb(b, (-axle, side * 0.10, r), (-0.12 * axle, side * 0.10, r + 0.06), 0.03, 0.035, dark, 4)
    if scooter:
        b.loft(
            [
                [
                    (-hx * 0.95, y, 0.62 * seat),
                    (-hx * 0.2, y, 0.62 * seat),
                    (-hx * 0.2, y, 0.95 * seat),
                    (-hx * 0.9, y, 0.95 * seat),
                ]
                for y in (-0.20, 0.20)
            ],
            color,
        )
        b.loft(
            [
                [
                    (0.20 * hx, y, 0.9 * r),
                    (0.34 * hx, y, 0.9 * r),
                    (axle - 0.24, y, bars - 0.10),
                    (axle - 0.32, y, bars - 0.10),
                ]
                for y in (-0.20, 0.20)
            ],
            shade(color, 0.95),
        )
        b.box((-0.25 * hx, -0.17, 0.85 * r), (0.30 * hx, 0.17, 0.85 * r + 0.08), shade(color, 0.8))
        if d.fine:
            b.loft(
                [
                    [(axle - 0.18, y, 1.9 * r), (axle + 0.10, y, 2.0 * r), (axle + 0.22, y, 1.5 * r)]
                    for y in (-0.08, 0.08)
                ],
                color,
            )
    else:
        # Engine, tank, tail.
        b.box((-0.30, -0.15, 0.8 * r), (0.34, 0.15, 0.72 * seat), (88, 90, 94) if cruiser else dark)
        tank = 0.74 * seat
        rise = bars * (0.93 if cruiser else 1.0)
        b.loft(
            [
                [(-0.12, -w, tank), (-0.12, w, tank), (-0.12, 0.6 * w, seat + 0.06), (-0.12, -0.6 * w, seat + 0.06)]
                if k == 0
                else [(0.42, -w, tank + 0.06), (0.42, w, tank + 0.06), (0.40, 0.7 * w, rise), (0.40, -0.7 * w, rise)]
                for k, w in enumerate((0.13, 0.16))
            ],
            color,
        )
        end = seat + (0.10 if sport else 0.0)
        b.loft(
            [
                [(-0.10, -0.13, seat - 0.08), (-0.10, 0.13, seat - 0.08), (-0.10, 0.12, seat), (-0.10, -0.12, seat)],
                [
                    (-hx * 0.88, -0.07, end - 0.06),
                    (-hx * 0.88, 0.07, end - 0.06),
                    (-hx * 0.88, 0.06, end),
                    (-hx * 0.88, -0.06, end),
                ],
            ],
            color if sport else (28, 28, 30),
        )
        if sport:
            b.loft(
                [
                    [
                        (0.30, y * 1.0, 0.9 * r + 0.06),
                        (axle - 0.08, y * 0.8, 2.0 * r),
                        (axle + 0.02, y * 0.5, 0.93 * bars),
                        (0.36, y, rise),
                    ]
                    for y in (-0.20, 0.20)
                ],
                color,
            )
            if d.fine:
                b.loft(
                    [
                        [
                            (axle - 0.02, y, 0.93 * bars),
                            (axle - 0.22, 0.9 * y, 1.10 * bars),
                            (axle - 0.27, 0.9 * y, bars),
                        ]
                        for y in (-0.12, 0.12)
                    ],
                    WELL,
                )
        if d.fine:
            for x, span in ((axle, 0.9), (-axle, 0.8)):
                b.loft(
                    [
                        [
                            (x + 1.1 * r * math.sin(a), y, r + 1.1 * r * math.cos(a))
                            for a in (-0.8 * span, -0.3, 0.3, 0.8 * span)
                        ]
                        + [
                            (x + 1.04 * r * math.sin(a), y, r + 1.04 * r * math.cos(a))
                            for a in (0.8 * span, 0.3, -0.3, -0.8 * span)
                        ]
                        for y in (-0.07, 0.07)
                    ],
                    shade(color, 0.9),
                )
            for y in (-0.19, 0.19) if cruiser else (0.17,):
                limb(b, (0.05, y, 0.85 * r), (-axle - 0.12, y, 1.05 * r), 0.045, 0.055, CHROME, 5)
    b.box((axle - 0.36, -hy + 0.03, bars - 0.02), (axle - 0.30, hy - 0.03, bars + 0.03), dark)
    if d.fine:
        for side in (-1.0, 1.0):
            b.box((axle - 0.32, side * 0.26 - 0.06, bars + 0.12), (axle - 0.29, side * 0.26 + 0.06, bars + 0.20), dark)
            limb(b, (axle - 0.32, side * 0.22, bars), (axle - 0.31, side * 0.26, bars + 0.14), 0.012, 0.012, dark, 3)
    high = seat - 0.05 if not scooter else 0.85 * seat
    _lamp_box(d, (STOP, TAIL), (-hx + 0.006, -0.08, high - 0.07), (-hx + 0.10, 0.08, high + 0.03), False)
    nose = axle + (0.03 if sport else -0.16)
    _lamp_box(d, (HEAD,), (nose - 0.10, -0.10, 0.80 * bars), (nose, 0.10, 0.80 * bars + 0.17), True)
    _blinkers(d, hx, nose, high - 0.02, 0.82 * bars)
    _rider(
        d,
        extent,
        model,
        (-0.20, seat + 0.07),
        (axle - 0.33, bars + 0.02),
        (0.06, 0.75 * r + 0.12),
        sport,
        JACKETS,
        True,
    )
    _ends(d, hx, chassis)


def _blinkers(d: Draft, hx: float, nose: float, rear_z: float, front_z: float) -> None:
    if not d.fine:
        return
    for side, group in ((-1.0, LEFT), (1.0, RIGHT)):
        y0, y1 = side * 0.14, side * 0.22
        for x, z in ((-hx + 0.04, rear_z), (nose - 0.03, front_z)):
            d.lamp(group, [(x, y0, z), (x, y1, z), (x, y1, z + 0.05), (x, y0, z + 0.05)])


def _ends(d: Draft, hx: float, chassis: Chassis) -> None:
    """A front mud flap that ends where the box does, when the wheel does not reach it."""
    reach = 0.5 * chassis.wheelbase + chassis.radius
    if reach < hx - 0.03:
        r = chassis.radius
        d.solids.box((0.5 * chassis.wheelbase, -0.05, 2.0 * r), (hx - 0.01, 0.05, 2.0 * r + 0.03), TRIM)


def draw_bicycle(d: Draft, extent: Extent, color: Color, chassis: Chassis, model: str, beacon: bool) -> None:
    hx, hy, hz = extent
    top, r, axle = 2.0 * hz, chassis.radius, 0.5 * chassis.wheelbase
    b = d.solids
    upright = "omafiets" in model
    seat, bars = 0.56 * top, (0.64 if upright else 0.60) * top
    crank, head = (-0.06, 0.0, 0.30), (axle - 0.20, 0.0, 0.90 * bars)
    saddle = (-0.26, 0.0, seat)
    tubes = [
        ((-axle, 0.0, r), crank),
        (crank, (head[0] + 0.02, 0.0, head[2] - 0.10)),
        (crank, saddle),
        ((axle, 0.0, r), (axle - 0.26, 0.0, bars)),
    ]
    if not upright:
        tubes.append(((-0.22, 0.0, 0.90 * seat), head))
    if d.fine:
        tubes.append(((-axle, 0.0, r), (-0.22, 0.0, 0.88 * seat)))
    for a, z in tubes:
        limb(b, a, z, 0.022, 0.022, color, 4)
    b.box((-0.38, -0.07, seat - 0.02), (-0.14, 0.07, seat + 0.03), (30, 30, 32))
    b.box((axle - 0.30, -hy + 0.03, bars - 0.015), (axle - 0.25, hy - 0.03, bars + 0.02), (36, 36, 38))
    if d.fine:
        b.loft(
            [
                [
                    (crank[0] + 0.10 * math.cos(a), y, crank[2] + 0.10 * math.sin(a))
                    for a in (0.0, 1.05, 2.1, 3.15, 4.2, 5.25)
                ]
                for y in (0.03, 0.045)
            ],
            (90, 92, 96),
        )
        if upright:
            b.box((-axle - 0.22, -0.08, 2.08 * r), (-0.30, 0.08, 2.08 * r + 0.025), (52, 54, 58))
    rear = max(-hx + 0.006, -axle - 0.25)
    _lamp_box(d, (STOP, TAIL), (rear, -0.04, 2.1 * r), (rear + 0.05, 0.04, 2.1 * r + 0.07), False)
    _lamp_box(d, (HEAD,), (axle - 0.22, -0.04, 0.86 * bars), (axle - 0.16, 0.04, 0.86 * bars + 0.08), True)
    if rear > -axle - 0.2 or upright:
        b.box(
            (-axle - 0.02, -0.02, 2.02 * r),
            (rear + 0.05, 0.02, 2.10 * r) if rear > -axle else (-axle, 0.02, 2.1 * r),
            TRIM,
        )
    _rider(d, extent, model, (-0.22, seat + 0.08), (axle - 0.28, bars + 0.03), (0.04, 0.26), not upright, SHIRTS, False)
    _ends(d, hx, chassis)


def _rider(
    d: Draft,
    extent: Extent,
    model: str,
    hip_at: tuple[float, float],
    grip: tuple[float, float],
    foot: tuple[float, float],
    forward: bool,
    wear: tuple[Color, ...],
    helmet: bool,
) -> None:
    """Who rides: bent forward or upright, hands on the bars and feet on the pegs."""
    b, top = d.solids, 2.0 * extent[2]
    before, b.tag = b.tag, int(Label.RIDER)
    key = sum(map(ord, model))
    jacket = wear[key % len(wear)]
    trousers = ((40, 42, 52), (64, 66, 74), (34, 48, 84))[key % 3]
    sides = 6 if d.fine else 4
    hip = (hip_at[0], 0.0, hip_at[1])
    lean = 0.30 if forward else 0.12
    shoulder = (hip[0] + lean, 0.0, top - 0.36)
    waist = (hip[0] + 0.35 * lean, 0.0, hip[2] + 0.5 * (shoulder[2] - hip[2]))
    if d.fine:
        limb(b, hip, waist, 0.155, 0.15, trousers if not helmet else jacket, 8)
        limb(b, waist, shoulder, 0.15, 0.185, jacket, 8)
        limb(b, shoulder, (shoulder[0] + 0.03, 0.0, shoulder[2] + 0.10), 0.06, 0.055, (198, 150, 118), 6)
    else:
        limb(b, hip, shoulder, 0.16, 0.19, jacket, 5)
    for side in (-1.0, 1.0):
        hx0, hz0 = hip[0], hip[2] - 0.02
        low = foot[1] + (0.16 * side if not helmet else 0.0)
        ahead = foot[0] + (0.10 * side if not helmet else 0.0)
        knee = (max(hx0 + 0.34, ahead + 0.16), side * 0.17, 0.45 * hz0 + 0.55 * low + 0.20)
        limb(b, (hx0, side * 0.10, hz0), knee, 0.095, 0.075, trousers, sides)
        limb(b, knee, (ahead, side * 0.15, low), 0.072, 0.05, trousers if helmet or key % 2 else (204, 158, 124), sides)
        b.box(
            (ahead - 0.09, side * 0.15 - 0.045, low - 0.07),
            (ahead + 0.16, side * 0.15 + 0.045, low + 0.02),
            (34, 32, 32),
        )
        hand = (grip[0], side * min(extent[1] - 0.07, 0.30), grip[1])
        elbow = (0.5 * (shoulder[0] + hand[0]) - 0.02, side * 0.30, 0.5 * (shoulder[2] + hand[2]) - 0.06)
        if d.fine:
            limb(b, (shoulder[0], side * 0.17, shoulder[2] - 0.05), elbow, 0.065, 0.052, jacket, sides)
            limb(b, elbow, hand, 0.05, 0.042, jacket if helmet else (204, 158, 124), sides)
        else:
            limb(b, (shoulder[0], side * 0.17, shoulder[2] - 0.05), hand, 0.06, 0.045, jacket, 3)
    head = (shoulder[0] + 0.06, 0.0, top - 0.145)
    shell = (
        ((226, 226, 222), (40, 40, 44), (190, 40, 40))[key % 3]
        if helmet
        else ((44, 92, 170), (230, 230, 226), (200, 60, 40))[key % 3]
    )
    if d.fine:
        if helmet:
            limb(b, (head[0], 0.0, head[2] - 0.12), head, 0.105, 0.135, shell, 8)
            limb(b, head, (head[0] - 0.01, 0.0, top), 0.135, 0.06, shell, 8)
            b.box((head[0] + 0.04, -0.085, head[2] - 0.04), (head[0] + 0.135, 0.085, head[2] + 0.04), (24, 26, 32))
        else:
            limb(b, (head[0], 0.0, head[2] - 0.11), (head[0], 0.0, head[2] + 0.05), 0.075, 0.10, (204, 158, 124), 8)
            limb(b, (head[0], 0.0, head[2] + 0.03), (head[0] - 0.01, 0.0, top), 0.125, 0.06, shell, 8)
    else:
        limb(b, (head[0], 0.0, head[2] - 0.12), (head[0], 0.0, top), 0.10, 0.09, shell, 5)
    b.tag = before
