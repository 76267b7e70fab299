"""Cars, pickups, vans and buses: bodies drawn from a few measures of their outline."""

from __future__ import annotations

from typing import NamedTuple

from sim.render.solids import GLASS, TRIM, TYRE, Color, Extent, shade
from sim.render.vehicle_kit import (
    BACK,
    CHROME,
    HEAD,
    LEFT,
    MIST,
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


class Outline(NamedTuple):
    """A car's side view, x as shares of the half length (tail -1, nose 1), z as shares of the height.

    belt     shoulder: heights at the tail, at the foot of the rear pane, at the windscreen's foot and at the nose
    cabin    x: foot of the rear pane, roof's rear and front ends, foot of the windscreen
    lean     width of the roof as a share of the belt's
    grille   kind of the front: wide, slim, none or tall
    rails, spare, wing   roof rails, a spare wheel on the tail, a spoiler
    """

    belt: tuple[float, float, float, float]
    cabin: tuple[float, float, float, float]
    pillars: tuple[float, ...] = (0.22, 0.58)
    lean: float = 0.78
    grille: str = "wide"
    tail: str = "wide"
    rails: bool = False
    spare: bool = False
    wing: bool = False
    blunt: float = 0.30
    clad: bool = False


SEDAN = Outline((0.60, 0.645, 0.60, 0.47), (-0.70, -0.40, 0.06, 0.37), (0.16, 0.56))
FASTBACK = Outline((0.62, 0.64, 0.60, 0.44), (-0.80, -0.30, 0.04, 0.40), (0.24, 0.58), grille="none")
COUPE = Outline((0.62, 0.65, 0.62, 0.47), (-0.76, -0.34, -0.02, 0.30), (0.30,), grille="wide", wing=True)
MUSCLE = Outline((0.62, 0.64, 0.61, 0.52), (-0.74, -0.42, -0.02, 0.28), (0.16, 0.56), grille="tall")
HATCHBACK = Outline((0.60, 0.61, 0.60, 0.46), (-0.90, -0.68, 0.10, 0.46), (0.22, 0.60))
SMALL = Outline((0.60, 0.61, 0.60, 0.48), (-0.93, -0.74, 0.16, 0.52), (0.24, 0.62))
MPV = Outline((0.57, 0.58, 0.57, 0.45), (-0.92, -0.76, 0.18, 0.58), (0.24, 0.60))
SUV = Outline((0.60, 0.61, 0.59, 0.51), (-0.93, -0.80, 0.12, 0.44), (0.26, 0.60), 0.82, "tall", rails=True, clad=True)
JEEP = Outline((0.60, 0.60, 0.59, 0.57), (-0.95, -0.90, 0.10, 0.26), (0.34,), 0.88, "slots", spare=True, blunt=0.12,
               clad=True)  # fmt: skip
MINI = Outline((0.60, 0.61, 0.60, 0.54), (-0.93, -0.78, 0.20, 0.44), (0.34,), 0.84)
BUBBLE = Outline((0.50, 0.54, 0.50, 0.40), (-0.90, -0.52, 0.22, 0.86), (0.34,), 0.72, "none")

CARS: dict[str, Outline] = {
    "vehicle.audi.a2": MPV,
    "vehicle.audi.etron": SUV,
    "vehicle.audi.tt": COUPE,
    "vehicle.bmw.grandtourer": MPV,
    "vehicle.chevrolet.impala": SEDAN,
    "vehicle.citroen.c3": SMALL,
    "vehicle.dodge.charger_2020": MUSCLE,
    "vehicle.dodge.charger_police": MUSCLE,
    "vehicle.dodge.charger_police_2020": MUSCLE,
    "vehicle.ford.crown": SEDAN,
    "vehicle.ford.mustang": COUPE._replace(
        grille="tall", belt=(0.63, 0.66, 0.63, 0.53), cabin=(-0.74, -0.36, -0.08, 0.22)
    ),
    "vehicle.jeep.wrangler_rubicon": JEEP,
    "vehicle.lincoln.mkz_2017": SEDAN,
    "vehicle.lincoln.mkz_2020": SEDAN,
    "vehicle.mercedes.coupe": COUPE,
    "vehicle.mercedes.coupe_2020": COUPE,
    "vehicle.micro.microlino": BUBBLE,
    "vehicle.mini.cooper_s": MINI,
    "vehicle.mini.cooper_s_2021": MINI,
    "vehicle.nissan.micra": SMALL,
    "vehicle.nissan.patrol": SUV._replace(spare=True),
    "vehicle.nissan.patrol_2021": SUV,
    "vehicle.seat.leon": HATCHBACK,
    "vehicle.tesla.model3": FASTBACK,
    "vehicle.toyota.prius": FASTBACK._replace(grille="slim", cabin=(-0.86, -0.36, 0.06, 0.50)),
}


def draw_car(d: Draft, extent: Extent, color: Color, chassis: Chassis, model: str, beacon: bool) -> None:
    """A car of the outline of `model`, a sedan's when it is unknown, with the box's centre above the origin."""
    o = CARS.get(model, SEDAN)
    hx, hy, hz = extent
    top = 2.0 * hz
    half = outer_half("car", hy, chassis)
    sill = 0.62 * chassis.radius if not o.clad else 0.78 * chassis.radius
    tail, nose = -hx + (0.0 if not o.spare else 0.14), hx
    rb, rt, ft, fb = (share * hx for share in o.cabin)
    z = [share * top for share in o.belt]
    belt = ((tail, z[0]), (rb, z[1]), (fb, z[2]), (0.5 * (fb + nose) + 0.1, 0.55 * z[2] + 0.45 * z[3]), (nose, z[3]))
    shape = Shape(
        tail, nose, half, sill, belt, (max(rb, tail + 0.05), rt, ft, fb), top, o.lean, o.pillars,
        blunt=o.blunt, arches=d.axles(chassis),
    )  # fmt: skip
    shell = Shell(d, shape, chassis, color)
    shell.skin()
    shell.cabin()
    shell.mirrors(hy)
    _face(d, shell, o)
    _rear(d, shell, o)
    if not d.fine:
        if o.spare:
            r, x = 0.7 * chassis.radius, tail - 0.13
            d.solids.box((x, -r, z[0] - 0.12 - r), (tail, r, z[0] - 0.12 + r), TYRE)
        return
    doors = (fb - 0.12, rb + (fb - rb) * o.pillars[-1], rb + (fb - rb) * max(o.pillars[0] - 0.04, 0.06))
    for x in doors[: 3 if len(o.pillars) > 1 else 2]:
        shell.line(x)
    for x in doors[1 : 3 if len(o.pillars) > 1 else 2]:
        shell.stripe(x + 0.06, x + 0.22, 1, 0.42, 0.56, shade(color, 0.45), 2)
    if len(o.pillars) == 1:
        shell.stripe(doors[1] + 0.06, doors[1] + 0.22, 1, 0.42, 0.56, shade(color, 0.45), 2)
    rear, front = d.axles(chassis)
    shell.stripe(rear + shell.arch + 0.01, front - shell.arch - 0.01, 0, 0.0,
                 0.34 if o.clad else 0.16, TRIM)  # fmt: skip
    if "police" in model:
        # Black and white.
        shell.stripe(doors[-1] + 0.02, doors[0] - 0.02, 0, 0.16, 1.0, (232, 232, 228))
        shell.stripe(doors[-1] + 0.02, doors[0] - 0.02, 1, 0.0, 0.98, (238, 238, 234))
        for x in doors:
            shell.line(x)
    if "crown" in model:
        d.solids.box((-0.16 * hx - 0.12, -0.30, top - 0.03), (-0.16 * hx + 0.12, 0.30, top + 0.09), (244, 236, 200))
    if o.rails:
        for side in (-1.0, 1.0):
            y = side * 0.935 * half * o.lean * 0.93
            d.solids.box((rt + 0.1, y - 0.025, top - 0.04), (ft - 0.1, y + 0.025, top), (120, 122, 126))
    if o.spare:
        r, x = 0.92 * chassis.radius, tail - 0.13
        d.solids.loft(
            [[(x + dx, r * _COS[k], z[0] - 0.12 + r * _SIN[k]) for k in range(10)] for dx in (0.0, 0.14)], TYRE
        )
        d.solids.add([(x - 0.005, 0.6 * r * _COS[k], z[0] - 0.12 + 0.6 * r * _SIN[k]) for k in range(10)],
                     [[0, i, i + 1] for i in range(1, 9)], (120, 122, 126))  # fmt: skip
    if o.wing:
        d.solids.box((tail + 0.04, -0.8 * half, z[0] + 0.02), (tail + 0.22, 0.8 * half, z[0] + 0.06), shade(color, 0.8))


_COS = [1.0, 0.809017, 0.309017, -0.309017, -0.809017, -1.0, -0.809017, -0.309017, 0.309017, 0.809017]
_SIN = [0.0, 0.587785, 0.951057, 0.951057, 0.587785, 0.0, -0.587785, -0.951057, -0.951057, -0.587785]


def _face(d: Draft, shell: Shell, o: Outline) -> None:
    """Grille, bumper, head lamps and blinkers."""
    grilles = {"wide": (0.0, 0.86, 1.05, 1.60), "tall": (0.0, 1.0, 0.80, 1.80), "slim": (0.0, 0.8, 1.35, 1.6),
               "slots": (0.0, 0.75, 0.85, 1.85)}  # fmt: skip
    if d.fine:
        shell.field(True, 0.0, 1.7, 0.0, 0.34, TRIM)
        shell.field(True, 0.0, 0.9, 0.42, 0.78, WELL)
        if o.grille in grilles:
            a0, a1, h0, h1 = grilles[o.grille]
            shell.field(True, a0, a1, h0, h1, (26, 27, 29))
            if o.grille == "slots":
                for k in range(4):
                    shell.field(True, 0.07 + 0.18 * k, 0.15 + 0.18 * k, h0 + 0.08, h1 - 0.08, shell.color, 2)
            else:
                shell.field(True, a0, a1, 0.5 * (h0 + h1) - 0.06, 0.5 * (h0 + h1) + 0.06, CHROME, 2)
    elif o.grille in grilles:
        a0, a1, h0, h1 = grilles[o.grille]
        shell.field(True, a0, min(a1, 1.0), h0, h1, (26, 27, 29))
    if d.fine:
        shell.lamps(True, (HEAD,), 1.02, 2.55, 1.12, 1.72)
        shell.lamps(True, (LEFT, RIGHT), 2.55, 2.95, 1.12, 1.62)
        shell.lamps(True, (MIST,), 1.15, 1.6, 0.45, 0.72)
        plate(d, shell.shape.nose, shell.shape.sill + 0.12, True)
    else:
        shell.lamps(True, (HEAD,), 0.72, 1.9, 1.1, 1.75)


def _rear(d: Draft, shell: Shell, o: Outline) -> None:
    """Tail lamps with blinkers and reversing lamps, bumper and number plate."""
    if not d.fine:
        shell.lamps(False, (TAIL, STOP), 0.62, 1.9, 1.0, 1.8)
        return
    shell.field(False, 0.0, 1.8, 0.0, 0.42, TRIM)
    shell.lamps(False, (STOP, TAIL), 0.92, 2.9, 1.36, 1.84)
    shell.lamps(False, (LEFT, RIGHT), 1.25, 2.9, 1.18, 1.36)
    shell.lamps(False, (BACK,), 0.92, 1.25, 1.18, 1.36)
    plate(d, shell.shape.tail, shell.belt(shell.shape.tail) * 0.66, False)
    s = shell.shape
    rb, rt = s.cabin[0], s.cabin[1]
    # The third brake lamp, at the upper edge of the rear window.
    edge = s.roof - 0.035
    low = shell.belt(rb) - 0.015
    u0, u1 = 0.90, 0.965
    x0, x1 = rb + (rt - rb) * u0, rb + (rt - rb) * u1
    z0, z1 = low + (edge - low) * u0, low + (edge - low) * u1
    d.lamp(STOP, [(x0, -0.2, z0), (x0, 0.2, z0), (x1, 0.2, z1), (x1, -0.2, z1)])


def draw_pickup(d: Draft, extent: Extent, color: Color, chassis: Chassis, model: str, beacon: bool) -> None:
    """A wedge of flat steel with a covered bed, as Tesla's Cybertruck is."""
    hx, hy, hz = extent
    top = 2.0 * hz
    half = outer_half("pickup", hy, chassis)
    tail, nose = -hx, hx
    belt = ((tail, 0.635 * top), (0.62 * hx, 0.59 * top), (nose, 0.505 * top))
    ridge = 0.04 * hx
    shape = Shape(
        tail, nose, half, 0.72 * chassis.radius, belt, (-0.90 * hx, ridge - 0.08, ridge + 0.08, 0.70 * hx), top, 0.80,
        (0.40, 0.66), (0.06, 0.80), 0.10, d.axles(chassis), False, 0.90, 0.40,
    )  # fmt: skip
    shell = Shell(d, shape, chassis, color)
    shell.skin()
    shell.cabin()
    shell.mirrors(hy, TRIM)
    if not d.fine:
        shell.lamps(True, (HEAD,), 0.0, 1.5, 1.75, 1.95)
        shell.lamps(False, (TAIL, STOP), 0.0, 1.5, 1.70, 1.95)
        return
    shell.field(True, 0.0, 2.0, 0.0, 0.9, TRIM)
    shell.lamps(True, (HEAD,), 0.0, 2.6, 1.80, 1.95)
    shell.lamps(True, (LEFT, RIGHT), 1.0, 2.0, 1.60, 1.74)
    shell.lamps(False, (STOP, TAIL), 0.0, 2.6, 1.76, 1.94)
    shell.lamps(False, (LEFT, RIGHT), 1.1, 2.0, 1.5, 1.7)
    shell.lamps(False, (BACK,), 0.8, 1.1, 1.5, 1.7)
    shell.field(False, 0.0, 2.0, 0.0, 0.7, TRIM)
    # Angular trim around the wheels, and dark shutters over the bed.
    for axle in shape.arches:
        for sign in (-1.0, 1.0):
            low, high = sorted((axle + sign * shell.arch, axle + sign * shell.arch * 1.25))
            shell.stripe(low, high, 0, 0.0, 0.95, TRIM)
    shell.stripe(shape.arches[0] + 1.25 * shell.arch, shape.arches[1] - 1.25 * shell.arch, 0, 0.0, 0.3, TRIM)
    for x in (0.5 * (ridge + 0.62 * hx) + 0.35, -0.02 * hx, -0.36 * hx):
        shell.line(x, low=0.35)
    plate(d, tail, 0.36 * top, False)


def draw_van(d: Draft, extent: Extent, color: Color, chassis: Chassis, model: str, beacon: bool) -> None:
    """A van: with a short hood, or with a flat front as Volkswagen's T2."""
    hx, hy, hz = extent
    top = 2.0 * hz
    half = outer_half("van", hy, chassis)
    tail, nose = -hx, hx
    arches = d.axles(chassis)
    flat = "volkswagen" in model
    belt: tuple[tuple[float, float], ...]
    if flat:
        belt = ((tail, 0.56 * top), (0.90 * hx, 0.56 * top), (nose, 0.54 * top))
        cabin = (tail + 0.05, tail + 0.16, 0.80 * hx, nose - 0.04)
        pillars: tuple[float, ...] = (0.27, 0.52, 0.76)
    else:
        belt = ((tail, 0.50 * top), (0.66 * hx, 0.50 * top), (nose - 0.12, 0.42 * top), (nose, 0.38 * top))
        cabin = (tail + 0.03, tail + 0.10, 0.42 * hx, 0.74 * hx)
        pillars = (0.30, 0.66, 0.80)
    shape = Shape(
        tail, nose, half, 0.85 * chassis.radius, belt, cabin, top, 0.90 if not flat else 0.86, pillars,
        (0.10, 0.72 if not flat else 0.74), 0.22 if not flat else 0.30, arches, True, 0.90,
        0.0 if flat else 0.66,
    )  # fmt: skip
    shell = Shell(d, shape, chassis, color)
    shell.skin()
    shell.cabin()
    shell.mirrors(hy, TRIM)
    if not d.fine:
        shell.lamps(True, (HEAD,), 0.8, 1.9, 0.9, 1.6)
        shell.lamps(False, (TAIL, STOP), 0.75, 1.6, 0.9, 2.0)
        if beacon:
            bar(d, 0.40 * hx, top, half)
        return
    if flat:
        white = (236, 232, 220)
        shell.stripe(tail + 0.3, nose - 0.3, 1, 0.72, 1.0, white)
        shell.field(True, 0.0, 3.0, 1.72, 2.0, white)
        shell.field(False, 0.0, 3.0, 1.78, 2.0, white)
        shell.field(True, 0.0, 2.9, 0.0, 0.26, CHROME)
        shell.field(False, 0.0, 2.9, 0.0, 0.26, CHROME)
        shell.lamps(True, (HEAD,), 1.05, 2.0, 0.75, 1.45)
        shell.lamps(True, (LEFT, RIGHT), 2.0, 2.5, 0.8, 1.25)
        shell.field(True, 0.0, 0.42, 1.0, 1.6, CHROME)
        shell.field(True, 0.0, 0.30, 1.1, 1.5, color, 2)
    else:
        shell.field(True, 0.0, 1.9, 0.0, 0.6, TRIM)
        shell.field(True, 0.0, 0.95, 1.05, 1.55, (28, 29, 31))
        shell.field(True, 0.0, 0.95, 1.26, 1.36, CHROME, 2)
        shell.lamps(True, (HEAD,), 1.05, 2.6, 1.05, 1.75)
        shell.lamps(True, (LEFT, RIGHT), 2.6, 2.95, 1.05, 1.6)
        shell.stripe(tail + 0.3, nose - 0.35, 0, 0.80, 1.0, TRIM)
    shell.field(False, 0.0, 2.9, 0.0, 0.30, TRIM)
    shell.lamps(False, (STOP, TAIL), 1.2, 2.4, 1.15, 1.95)
    shell.lamps(False, (LEFT, RIGHT), 1.2, 2.4, 0.85, 1.12)
    shell.lamps(False, (BACK,), 1.2, 2.4, 0.65, 0.82)
    plate(d, tail, 0.30 * top, False)
    plate(d, nose, 0.20 * top, True)
    doors = [cabin[3] - 0.12, cabin[0] + pillars[-2] * (cabin[3] - cabin[0])]
    for x in (doors[0], doors[1], cabin[0] + pillars[0] * (cabin[3] - cabin[0])):
        shell.line(x)
    for corners in shell.on_face(False, 0.0, 0.03, 0.3, 2.0):
        d.quad(corners, shade(color, 0.3), 1)
    if beacon:
        bar(d, 0.34 * hx, top, half)
        for side in (-1.0, 1.0):
            d.solids.box(
                (tail + 0.1, side * 0.5 * half - 0.14, top - 0.02),
                (tail + 0.3, side * 0.5 * half + 0.14, top + 0.06),
                TRIM,
            )
        shell.stripe(tail + 0.25, nose - 0.35, 1, 0.25, 0.80, (214, 52, 30))
        shell.field(False, 0.0, 2.9, 1.2, 1.6, (214, 52, 30))


def draw_bus(d: Draft, extent: Extent, color: Color, chassis: Chassis, model: str, beacon: bool) -> None:
    """A bus: tall windows all round, a lettered band, doors on the right."""
    hx, hy, hz = extent
    top = 2.0 * hz
    half = outer_half("bus", hy, chassis)
    tail, nose = -hx, hx
    arches = d.axles(chassis)
    belt = ((tail, 0.46 * top), (nose - 0.4, 0.46 * top), (nose, 0.42 * top))
    cabin = (tail + 0.02, tail + 0.10, nose - 0.34, nose - 0.06)
    shape = Shape(
        tail, nose, half, 0.95 * chassis.radius, belt, cabin, top, 0.94, (0.14, 0.28, 0.42, 0.56, 0.70, 0.84),
        (0.08, 0.78), 0.30, arches, True, 0.86,
    )  # fmt: skip
    shell = Shell(d, shape, chassis, color)
    shell.skin()
    shell.cabin()
    shell.mirrors(hy, TRIM)
    if not d.fine:
        shell.lamps(True, (HEAD,), 0.8, 1.9, 0.6, 1.2)
        shell.lamps(False, (TAIL, STOP), 0.8, 1.6, 0.7, 1.5)
        return
    shell.stripe(tail + 0.3, nose - 0.35, 1, 0.10, 0.42, shade(color, 0.55))
    shell.field(True, 0.0, 2.9, 0.0, 0.4, TRIM)
    shell.field(True, 0.0, 0.9, 1.1, 1.5, (28, 29, 31))
    shell.lamps(True, (HEAD,), 1.0, 2.3, 0.62, 1.10)
    shell.lamps(True, (LEFT, RIGHT), 2.3, 2.9, 0.62, 1.10)
    shell.field(False, 0.0, 2.9, 0.0, 0.4, TRIM)
    shell.lamps(False, (STOP, TAIL), 1.1, 2.3, 1.05, 1.6)
    shell.lamps(False, (LEFT, RIGHT), 1.1, 2.3, 0.75, 1.0)
    shell.lamps(False, (BACK,), 1.1, 2.3, 0.52, 0.70)
    shell.field(False, 0.0, 0.9, 0.9, 1.5, shade(color, 0.6))
    plate(d, tail, 0.26 * top, False)
    plate(d, nose, 0.16 * top, True)
    # The display over the windscreen, and a folding door on the right.
    z0, z1 = 0.895 * top, 0.955 * top
    edge = nose - 0.34
    for x, zlow, zhigh, color2 in (
        (edge + 0.06, z0, z1, (20, 20, 20)),
        (edge + 0.064, z0 + 0.06, z1 - 0.06, (250, 170, 40)),
    ):
        d.quad([(x, -0.6 * half, zlow), (x, 0.6 * half, zlow), (x, 0.6 * half, zhigh), (x, -0.6 * half, zhigh)], color2)
    front = nose - 0.45
    y = half * 0.99 + 0.02
    for k in range(2):
        x0, x1 = front - 0.52 * (k + 1), front - 0.52 * k - 0.05
        d.quad(
            [
                (x0, y, 1.2 * shape.sill),
                (x1, y, 1.2 * shape.sill),
                (x1, y * 0.955, 0.84 * top),
                (x0, y * 0.955, 0.84 * top),
            ],
            GLASS,
        )


def bar(d: Draft, x: float, top: float, half: float) -> None:
    """A light bar on the roof; its halves are SPECIAL1 and SPECIAL2."""
    from sim.render.vehicle_kit import BAR_A, BAR_B

    length, low, high = 0.13, top - 0.03, top + 0.075
    d.solids.box((x - length, -0.62 * half, low), (x + length, 0.62 * half, low + 0.04), TRIM)
    for group, y0, y1 in ((BAR_A, -0.60 * half, -0.10 * half), (BAR_B, 0.10 * half, 0.60 * half)):
        b = x - length + 0.015, x + length - 0.015
        low2 = low + 0.04
        d.lamp(group, [(b[0], y0, low2), (b[0], y1, low2), (b[0], y1, high), (b[0], y0, high)])
        d.lamp(group, [(b[1], y0, low2), (b[1], y1, low2), (b[1], y1, high), (b[1], y0, high)])
        d.lamp(group, [(b[0], y0, high), (b[1], y0, high), (b[1], y1, high), (b[0], y1, high)])
        if d.fine:
            for y in (y0, y1):
                d.lamp(group, [(b[0], y, low2), (b[1], y, low2), (b[1], y, high), (b[0], y, high)])
