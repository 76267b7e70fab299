"""Trucks: a cab over the front axle, and what it carries."""

from __future__ import annotations

from sim.render.car_models import bar
from sim.render.solids import TRIM, Color, Extent, shade
from sim.render.vehicle_kit import (
    BACK,
    HEAD,
    LEFT,
    RIGHT,
    STOP,
    TAIL,
    WELL,
    Chassis,
    Draft,
    Shape,
    Shell,
    outer_half,
    plate,
)

WHITE, SILVER = (232, 232, 228), (176, 178, 182)


def draw_truck(d: Draft, extent: Extent, color: Color, chassis: Chassis, model: str, beacon: bool) -> None:
    """A truck with a box, or a fire engine."""
    hx, hy, hz = extent
    top = 2.0 * hz
    half = outer_half("truck", hy, chassis)
    tail, nose = -hx, hx
    rear_axle, front_axle = d.axles(chassis)
    fire = beacon
    long = 1.75 if hx < 3.0 else 2.1 if not fire else 2.5
    back = nose - long
    roof = 0.92 * top if not fire else 0.86 * top
    belt = ((back, 0.52 * top), (nose - 0.2, 0.52 * top), (nose, 0.49 * top))
    pillars = (0.42,) if not fire else (0.48,)
    cab = Shape(
        back,
        nose,
        half,
        1.1 * chassis.radius,
        belt,
        (back + 0.02, back + 0.06, nose - 0.30, nose - 0.06),
        roof,
        0.94,
        pillars,
        (0.06, 0.72),
        0.22,
        (front_axle,),
        False,
        0.80,
        0.0 if fire else pillars[0],
    )
    shell = Shell(d, cab, chassis, color)
    shell.skin()
    shell.cabin()
    shell.mirrors(hy, TRIM)
    frame = chassis.radius * 1.75
    cargo = _fire_body if fire else _cola_box if "cola" in model else _curtain_box
    cargo(d, tail, back - 0.10, half, frame, top, color, chassis)
    box = d.solids.box
    box((tail + 0.05, -0.45 * half, 0.85 * chassis.radius), (back, 0.45 * half, frame), WELL)
    lamp_x, z = tail - 0.012, frame - 0.32
    box((tail, -half, z - 0.10), (tail + 0.10, half, z + 0.02), (60, 61, 64))
    for side in (-1.0, 1.0):
        for k, (groups, low, high) in enumerate(
            (((STOP, TAIL), 0.70, 0.97), ((LEFT, RIGHT), 0.55, 0.70), ((BACK,), 0.43, 0.55))
        ):
            if not d.fine and k:
                continue
            y0, y1 = side * low * half, side * high * half
            mine = tuple(g for g in groups if g != (LEFT if side > 0 else RIGHT))
            for n, group in enumerate(mine):
                d.lamp(
                    group, [(lamp_x, y0, z), (lamp_x, y1, z), (lamp_x, y1, z + 0.16), (lamp_x, y0, z + 0.16)], n == 0
                )
    if not d.fine:
        shell.lamps(True, (HEAD,), 0.75, 1.6, 0.35, 0.85)
        if beacon:
            bar(d, nose - 0.75, roof, half)
        return
    shell.field(True, 0.0, 2.9, 0.0, 0.32, (44, 45, 48))
    shell.field(True, 0.0, 0.95, 0.95, 1.75, (28, 29, 31))
    for k in range(3):
        shell.field(True, 0.0, 0.95, 1.06 + 0.22 * k, 1.14 + 0.22 * k, SILVER if not fire else WHITE, 2)
    shell.lamps(True, (HEAD,), 1.05, 2.3, 0.42, 0.86)
    shell.lamps(True, (LEFT, RIGHT), 2.3, 2.9, 0.42, 0.86)
    plate(d, nose, 0.6 * chassis.radius + 0.25, True)
    plate(d, tail - 0.01, z - 0.02, False)
    shell.line(nose - 0.42)
    if fire:
        shell.line(back + 0.48 * long)
        shell.stripe(back + 0.25, nose - 0.3, 1, 0.05, 0.32, WHITE)
    # Mud guards over the rear wheels, and a guard against running under.
    for side in (-1.0, 1.0):
        y0, y1 = sorted((side * (half - 0.32), side * half))
        r = chassis.radius
        box((rear_axle - 1.25 * r, y0, 2.12 * r), (rear_axle + 1.25 * r, y1, 2.18 * r), (40, 41, 44))
        box(
            (rear_axle + 1.5 * r, side * (half - 0.06) - 0.03, 0.9 * r),
            (front_axle - 1.5 * r, side * (half - 0.06) + 0.03, 1.5 * r),
            SILVER,
        )
    if beacon:
        bar(d, nose - 0.75, roof, half)


def _cola_box(
    d: Draft, tail: float, front: float, half: float, low: float, top: float, color: Color, c: Chassis
) -> None:
    d.solids.box((tail, -half, low), (front, half, top), (206, 24, 28))
    _seams(d, tail, front, half, low, top, shade((206, 24, 28), 0.7))
    if d.fine:
        # A white wave along the sides.
        count, length = 10, front - tail
        for k in range(count):
            a, b = k / count, (k + 1) / count
            heights = [0.42 + 0.16 * _WAVE[k], 0.42 + 0.16 * _WAVE[k + 1]]
            for side in (-1.0, 1.0):
                y = side * half
                z = [low + h * (top - low) for h in heights]
                d.quad(
                    [
                        (tail + a * length, y, z[0]),
                        (tail + b * length, y, z[1]),
                        (tail + b * length, y, z[1] + 0.17 * (top - low)),
                        (tail + a * length, y, z[0] + 0.17 * (top - low)),
                    ],
                    WHITE,
                    2,
                )


_WAVE = (0.0, 0.55, 0.9, 1.0, 0.8, 0.35, -0.1, -0.35, -0.3, 0.1, 0.6)


def _curtain_box(
    d: Draft, tail: float, front: float, half: float, low: float, top: float, color: Color, c: Chassis
) -> None:
    d.solids.box((tail, -half, low), (front, half, top), WHITE)
    _seams(d, tail, front, half, low, top, (150, 152, 156))
    if d.fine:
        for side in (-1.0, 1.0):
            y = side * half
            z0, z1 = low + 0.30 * (top - low), low + 0.52 * (top - low)
            d.quad([(tail + 0.1, y, z0), (front - 0.1, y, z0), (front - 0.1, y, z1), (tail + 0.1, y, z1)], color, 2)


def _seams(d: Draft, tail: float, front: float, half: float, low: float, top: float, color: object) -> None:
    """Frames, and doors at the rear."""
    if not d.fine:
        return
    edge = 0.07
    for side in (-1.0, 1.0):
        y = side * half
        for z0, z1 in ((low, low + 0.10), (top - edge, top)):
            d.quad([(tail, y, z0), (front, y, z0), (front, y, z1), (tail, y, z1)], color, 1)
        for x in (tail, front - edge):
            d.quad([(x, y, low), (x + edge, y, low), (x + edge, y, top), (x, y, top)], color, 1)
    for y0, y1 in ((-half, -half + edge), (half - edge, half), (-0.02, 0.02)):
        d.quad([(tail, y0, low), (tail, y1, low), (tail, y1, top), (tail, y0, top)], color, 1)
    for y in (-0.18, 0.18):
        d.quad(
            [(tail, y - 0.02, low), (tail, y + 0.02, low), (tail, y + 0.02, top - 0.2), (tail, y - 0.02, top - 0.2)],
            (120, 122, 126),
            1,
        )


def _fire_body(
    d: Draft, tail: float, front: float, half: float, low: float, top: float, color: Color, c: Chassis
) -> None:
    """Lockers with shutters, a white band, and a ladder on the roof."""
    roof = 0.88 * top
    d.solids.box((tail, -half, low - 0.15), (front, half, roof), color)
    band = (low + 0.02, low + 0.24)
    for side in (-1.0, 1.0):
        y = side * half
        d.quad([(tail, y, band[0]), (front, y, band[0]), (front, y, band[1]), (tail, y, band[1])], WHITE, 2)
        if d.fine:
            count = 4
            step = (front - tail) / count
            for k in range(count):
                x0, x1 = tail + step * k + 0.10, tail + step * (k + 1) - 0.10
                d.quad(
                    [(x0, y, band[1] + 0.08), (x1, y, band[1] + 0.08), (x1, y, roof - 0.16), (x0, y, roof - 0.16)],
                    SILVER,
                    1,
                )
                for n in range(1, 5):
                    z = band[1] + 0.08 + n * (roof - band[1] - 0.24) / 5
                    d.quad([(x0, y, z), (x1, y, z), (x1, y, z + 0.02), (x0, y, z + 0.02)], (136, 138, 142), 2)
    if d.fine:
        d.quad(
            [
                (tail, -0.6 * half, low + 0.3),
                (tail, 0.6 * half, low + 0.3),
                (tail, 0.6 * half, roof - 0.16),
                (tail, -0.6 * half, roof - 0.16),
            ],
            SILVER,
            1,
        )
        for k in range(6):
            y0, y1 = (-1.0 + k / 3.0) * half, (-1.0 + (k + 0.5) / 3.0) * half
            d.quad(
                [(tail, y0, band[0]), (tail, y1, band[0]), (tail, y1, band[1]), (tail, y0, band[1])], (240, 200, 40), 2
            )
    x0, x1 = tail + 0.1, front + 0.6
    for y in (-0.30, 0.30):
        d.solids.box((x0, y - 0.04, roof + 0.06), (x1, y + 0.04, top), SILVER)
    if d.fine:
        count = 9
        for k in range(count):
            x = x0 + (x1 - x0) * (k + 0.5) / count
            d.quad(
                [
                    (x - 0.04, -0.3, top - 0.06),
                    (x + 0.04, -0.3, top - 0.06),
                    (x + 0.04, 0.3, top - 0.06),
                    (x - 0.04, 0.3, top - 0.06),
                ],
                SILVER,
            )
