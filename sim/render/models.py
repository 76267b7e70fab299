"""Low-poly meshes of vehicles and pedestrians, deterministic and cached: same arguments, same object.

Frames: x forward, y right, z up (m). Vehicles stand on z = 0 with the box centre above the origin, as
CARLA's do; pedestrians have their origin at half height, as CARLA's walkers do.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sim.labels import Label
from sim.render.mesh import Mesh
from sim.render.scene import BRAKE_LAMP, HEAD_LAMP, TAIL_LAMP
from sim.render.solids import GLASS, PLATE, TRIM, Builder, Color, Extent, UnknownModel, limb, shade

VEHICLE_TAGS = {
    "car": Label.CAR,
    "van": Label.CAR,
    "pickup": Label.TRUCK,
    "truck": Label.TRUCK,
    "bus": Label.BUS,
    "motorcycle": Label.MOTORCYCLE,
    "bicycle": Label.BICYCLE,
}


def _section(x: float, half: float, low: float, high: float, tuck: float) -> list[tuple[float, float, float]]:
    """A body cross-section: six points, widest at mid height."""
    mid = low + 0.55 * (high - low)
    return [(x, -half * tuck, low), (x, -half, mid), (x, -half * 0.95, high),
            (x, half * 0.95, high), (x, half, mid), (x, half * tuck, low)]  # fmt: skip


def _lamps(
    b: Builder, hx: float, hy: float, low: float, high: float, width: float, brake: bool, front: tuple[float, float]
) -> None:
    """Tail lamps low..high at both rear corners, wrapping round the side; head lamps likewise in front."""
    tail = BRAKE_LAMP if brake else TAIL_LAMP
    for side in (-1.0, 1.0):
        inner, outer = side * (hy - width), side * (hy + 0.012)
        y0, y1 = min(inner, outer), max(inner, outer)
        b.box((-hx - 0.015, y0, low), (-hx + 0.16, y1, high), tail)
        b.box((hx - 0.16, y0, front[0]), (hx + 0.015, y1, front[1]), HEAD_LAMP)


def _car(b: Builder, e: Extent, color: Color, brake: bool) -> None:
    hx, hy, hz = e
    top = 2.0 * hz
    clear, belt = 0.13 * top, 0.60 * top
    body = [
        _section(-hx, 0.88 * hy, clear * 1.6, belt * 0.93, 0.96),
        _section(-hx * 0.94, 0.97 * hy, clear, belt * 0.99, 0.96),
        _section(-hx * 0.55, hy, clear, belt, 0.96),
        _section(hx * 0.25, hy, clear, belt, 0.96),
        _section(hx * 0.62, 0.99 * hy, clear, belt * 0.90, 0.96),
        _section(hx * 0.93, 0.93 * hy, clear, belt * 0.78, 0.96),
        _section(hx, 0.80 * hy, clear * 1.4, belt * 0.66, 0.96),
    ]
    sill, flank, deck = shade(color, 0.72), shade(color, 0.94), shade(color, 1.0)
    strips = [[sill, flank, deck, flank, sill, shade(color, 0.4)]] * (len(body) - 1)
    b.loft(body, shade(color, 0.85), strips)
    # Cabin: glass all round, body-coloured roof and pillars.
    w0, w1 = 0.90 * hy, 0.70 * hy
    base = belt - 0.02 * top
    rear_base, rear_top, front_top, front_base = -hx * 0.86, -hx * 0.52, hx * 0.10, hx * 0.47
    corners = [
        (rear_base, -w0, base), (rear_base, w0, base), (front_base, w0, base), (front_base, -w0, base),
        (rear_top, -w1, top), (rear_top, w1, top), (front_top, w1, top), (front_top, -w1, top),
    ]  # fmt: skip
    b.add(
        corners,
        [[0, 1, 4], [1, 5, 4], [1, 2, 5], [2, 6, 5], [2, 3, 6], [3, 7, 6], [3, 0, 7], [0, 4, 7]],
        GLASS,
    )
    b.box((rear_top, -w1 * 1.02, top - 0.06), (front_top, w1 * 1.02, top), shade(color, 0.97))
    for side in (-1.0, 1.0):
        for foot, head in ((rear_base, rear_top), (front_base, front_top), (-hx * 0.16, -hx * 0.16)):
            y0, y1 = side * w0 * 1.01, side * w1 * 1.02
            b.add(
                [(foot - 0.05, y0, base), (foot + 0.05, y0, base), (head + 0.05, y1, top), (head - 0.05, y1, top)],
                [[0, 1, 2], [0, 2, 3]],
                color,
            )
        mirror = (hx * 0.36, side * (hy + 0.07), belt + 0.02)
        b.box((mirror[0] - 0.08, mirror[1] - 0.07, belt), (mirror[0] + 0.08, mirror[1] + 0.07, belt + 0.13), color)
    b.box((-hx - 0.01, -0.80 * hy, clear), (-hx + 0.2, 0.80 * hy, belt * 0.50), TRIM)
    b.box((-hx - 0.03, -0.26, belt * 0.55), (-hx, 0.26, belt * 0.55 + 0.12), PLATE)
    b.box((hx - 0.1, -0.55 * hy, clear * 1.3), (hx + 0.012, 0.55 * hy, belt * 0.5), TRIM)
    b.box((hx - 0.02, -0.26, clear * 1.6), (hx + 0.03, 0.26, clear * 1.6 + 0.11), PLATE)
    _lamps(b, hx, 0.88 * hy, 0.66 * belt, 0.90 * belt, 0.36 * hy, brake, (0.46 * belt, 0.62 * belt))
    radius = min(0.36, 0.235 * top)
    for x in (-hx * 0.60, hx * 0.60):
        for side in (-1.0, 1.0):
            b.wheel(x, side * (hy - 0.10), radius, 0.22)


def _boxy(b: Builder, kind: str, e: Extent, color: Color, brake: bool, cargo: Color = (214, 214, 210)) -> None:
    """Van, truck or bus: upright bodies with kind-specific glass and cargo."""
    hx, hy, hz = e
    top = 2.0 * hz
    floor = min(0.45, 0.18 * top)
    glass_low, glass_high = 0.55 * top, 0.86 * top
    if kind == "truck":
        split = hx * 0.48
        b.box((-hx, -hy, floor + 0.35), (split - 0.12, hy, top), cargo)
        b.box((-hx - 0.01, -0.03, floor + 0.4), (-hx - 0.02, 0.03, top - 0.1), TRIM)
        b.box((-hx, -0.85 * hy, floor), (hx, 0.85 * hy, floor + 0.35), TRIM)
        b.box((-hx - 0.02, -hy, floor + 0.02), (-hx + 0.05, hy, floor + 0.2), (206, 60, 40))
        b.box((split, -0.97 * hy, floor), (hx, 0.97 * hy, 0.90 * top), color)
        glass_low, glass_high = 0.52 * top, 0.80 * top
        b.box((split + 0.3, -0.98 * hy, glass_low), (hx + 0.02, 0.98 * hy, glass_high), GLASS)
        axles: tuple[float, ...] = (-hx * 0.72, -hx * 0.45, hx * 0.72)
    else:
        nose = 0.86 if kind == "van" else 0.97
        slope = 0.62 if kind == "van" else 0.93
        rings = [
            [(-hx, -hy * 0.97, floor), (-hx, -hy * 0.94, top), (-hx, hy * 0.94, top), (-hx, hy * 0.97, floor)],
            [(hx * slope, -hy, floor), (hx * slope, -hy * 0.94, top), (hx * slope, hy * 0.94, top),
             (hx * slope, hy, floor)],
            [(hx * nose, -hy, floor), (hx * nose, -hy * 0.96, 0.55 * top), (hx * nose, hy * 0.96, 0.55 * top),
             (hx * nose, hy, floor)],
            [(hx, -hy * 0.93, floor), (hx, -hy * 0.93, 0.42 * top), (hx, hy * 0.93, 0.42 * top),
             (hx, hy * 0.93, floor)],
        ]  # fmt: skip
        side, roof = shade(color, 0.94), shade(color, 1.0)
        strips = [[side, roof, side, shade(color, 0.35)], [side, GLASS, side, TRIM], [side, roof, side, TRIM]]
        b.loft(rings, shade(color, 0.86), strips)
        b.box((-hx - 0.015, -0.80 * hy, glass_low), (-hx + 0.02, 0.80 * hy, glass_high), GLASS)
        panes = 2 if kind == "van" else 6
        start, stop = (-0.1 * hx, slope * hx) if kind == "van" else (-0.94 * hx, slope * hx)
        for k in range(panes):
            a, z = start + (stop - start) * (k + 0.06) / panes, start + (stop - start) * (k + 0.94) / panes
            b.box((a, -hy * 0.995, glass_low), (z, hy * 0.995, glass_high), GLASS)
        if kind == "bus":
            b.box((hx - 0.1, -0.88 * hy, 0.36 * top), (hx + 0.02, 0.88 * hy, 0.80 * top), GLASS)
            b.box((-hx * 0.999, -hy * 1.003, 0.40 * top), (hx * 0.97, hy * 1.003, 0.44 * top), shade(color, 0.55))
        axles = (-hx * 0.62, hx * 0.64)
    b.box((-hx - 0.03, -0.95 * hy, floor - 0.05), (-hx + 0.1, 0.95 * hy, floor + 0.16), TRIM)
    b.box((-hx - 0.045, -0.27, floor + 0.2), (-hx - 0.02, 0.27, floor + 0.33), PLATE)
    low = floor + 0.22 if kind == "truck" else 0.30 * top
    _lamps(b, hx, 0.97 * hy, low, low + 0.13 * top, 0.16 * hy, brake, (0.22 * top, 0.31 * top))
    radius = 0.36 if kind == "van" else 0.48
    for x in axles:
        for side_sign in (-1.0, 1.0):
            b.wheel(x, side_sign * (hy - 0.13), radius, 0.27, 8 if kind == "truck" else 10)


def _pickup(b: Builder, e: Extent, color: Color, brake: bool) -> None:
    """A wedge with a load bed, as Tesla's Cybertruck is."""
    hx, hy, hz = e
    top = 2.0 * hz
    clear, belt = 0.16 * top, 0.60 * top
    body = [
        _section(-hx, 0.94 * hy, clear * 1.3, 0.62 * top, 0.97),
        _section(-hx * 0.9, hy, clear, 0.64 * top, 0.97),
        _section(hx * 0.5, hy, clear, belt, 0.97),
        _section(hx * 0.95, 0.97 * hy, clear, 0.5 * top, 0.97),
        _section(hx, 0.92 * hy, clear * 1.4, 0.46 * top, 0.97),
    ]
    b.loft(body, shade(color, 0.9), [[shade(color, f) for f in (0.7, 0.9, 1.0, 0.9, 0.7, 0.4)]] * (len(body) - 1))
    w0, w1 = 0.92 * hy, 0.74 * hy
    ridge = 0.0
    b.loft(
        [[(-hx * 0.9, y0, 0.64 * top), (ridge, y1, top), (hx * 0.62, y0, belt)] for y0, y1 in ((-w0, -w1), (w0, w1))],
        GLASS,
        [[color, GLASS, color]],
    )
    b.box((-hx - 0.012, -0.85 * hy, 0.54 * top), (-hx + 0.02, 0.85 * hy, 0.58 * top), TRIM)
    b.box((-hx - 0.03, -0.26, 0.36 * top), (-hx, 0.26, 0.42 * top), PLATE)
    _lamps(b, hx, 0.90 * hy, 0.48 * top, 0.54 * top, 0.5 * hy, brake, (0.42 * top, 0.46 * top))
    radius = min(0.44, 0.21 * top)
    for x in (-hx * 0.60, hx * 0.60):
        for side in (-1.0, 1.0):
            b.wheel(x, side * (hy - 0.12), radius, 0.26)


def _beacon(b: Builder, kind: str, e: Extent) -> None:
    """A light bar within the box: on top of the roof of a car, on the forehead of what is taller."""
    hx, hy, hz = e
    top = 2.0 * hz
    x, low, high = (-0.2 * hx, top - 0.05, top + 0.06) if kind == "car" else (0.66 * hx, top - 0.06, top + 0.08)
    for y0, y1, color in ((-0.6, -0.1, (30, 60, 230)), (-0.1, 0.1, TRIM), (0.1, 0.6, (30, 60, 230))):
        b.box((x - 0.14, y0 * hy, low), (x + 0.14, y1 * hy, high), color)


_HOOD, _TRUNK = 4, 5


def _open_doors(b: Builder, kind: str, e: Extent, color: Color, doors: int) -> None:
    """Open doors as panels turned about their front edges; hood and trunk as raised lids."""
    hx, hy, hz = e
    top = 2.0 * hz
    low, high = 0.18 * top, 0.60 * top
    fronts = (0.36, 0.36, -0.16, -0.16) if kind == "car" else (0.80, 0.80, 0.10, 0.10)
    length = min(1.0, 0.5 * hx)
    for door, front in enumerate(fronts):
        if doors >> door & 1:
            side = 1.0 if door % 2 else -1.0
            hinge, tip = (front * hx, side * hy), (front * hx - 0.5 * length, side * (hy + 0.87 * length))
            thick = 0.05
            b.loft(
                [[(x, y, low), (x + thick, y, low), (x + thick, y, high), (x, y, high)] for x, y in (hinge, tip)],
                shade(color, 0.92),
            )
    for lid, start, end in ((_HOOD, 0.45 * hx, 0.92 * hx), (_TRUNK, -0.8 * hx, -0.96 * hx)):
        if doors >> lid & 1:
            reach = abs(end - start) * 0.7
            x = start + (0.5 if lid == _HOOD else -0.5) * reach
            b.loft(
                [
                    [
                        (start, y, high),
                        (x, y, high + 0.87 * reach),
                        (x, y, high + 0.87 * reach + 0.04),
                        (start, y, high + 0.04),
                    ]
                    for y in (-0.8 * hy, 0.8 * hy)
                ],
                shade(color, 0.96),
            )


def _two_wheeler(b: Builder, kind: str, e: Extent, color: Color, brake: bool) -> None:
    """Motorcycle or bicycle with its rider, as CARLA's are ridden."""
    hx, _, hz = e
    top = 2.0 * hz
    motor = kind == "motorcycle"
    radius = min(0.33, 0.42 * hx)
    width = 0.14 if motor else 0.06
    axle = hx - radius
    for x in (-axle, axle):
        b.wheel(x, 0.0, radius, width)
    seat, bars = 0.52 * top, 0.62 * top
    if motor:
        b.box((-axle * 0.75, -0.15, radius * 0.8), (axle * 0.55, 0.15, seat * 0.95), color)
        b.box((-hx * 0.95, -0.12, seat * 0.85), (axle * 0.1, 0.12, seat), TRIM)
        b.box((axle * 0.5, -0.13, seat * 0.8), (axle * 0.85, 0.13, bars), color)
        b.box((-hx, -0.13, seat * 0.70), (-hx * 0.88, 0.13, seat * 0.88), BRAKE_LAMP if brake else TAIL_LAMP)
        b.box((axle * 0.84, -0.11, seat * 0.95), (axle * 0.92, 0.11, bars), HEAD_LAMP)
    else:
        for a, z in (
            ((-axle, 0.0, radius), (0.0, 0.0, 0.32)),
            ((0.0, 0.0, 0.32), (axle * 0.72, 0.0, 0.8 * bars)),
            ((-axle * 0.35, 0.0, seat * 0.95), (axle * 0.72, 0.0, 0.86 * bars)),
            ((0.0, 0.0, 0.32), (-axle * 0.35, 0.0, seat)),
            ((axle, 0.0, radius), (axle * 0.68, 0.0, bars)),
        ):
            limb(b, a, z, 0.03, 0.03, color, 4)
        b.box((-hx, -0.05, seat * 0.75), (-hx * 0.93, 0.05, seat * 0.86), BRAKE_LAMP if brake else TAIL_LAMP)
    b.box((axle * 0.62, -0.30, bars - 0.02), (axle * 0.70, 0.30, bars + 0.03), TRIM)
    b.tag = int(Label.RIDER)
    jacket = (52, 60, 78) if motor else (196, 80, 44)
    hip, shoulder = (-axle * 0.28, 0.0, seat + 0.06), (axle * 0.10, 0.0, 0.83 * top)
    limb(b, hip, shoulder, 0.17, 0.21, jacket)
    for side in (-1.0, 1.0):
        knee = (axle * 0.25, side * 0.17, seat * 0.9)
        limb(b, (hip[0], side * 0.11, hip[2]), knee, 0.09, 0.075, (40, 42, 52), 5)
        limb(b, knee, (0.0, side * 0.16, 0.30), 0.07, 0.06, (40, 42, 52), 5)
        limb(b, (shoulder[0], side * 0.20, shoulder[2] - 0.05), (axle * 0.64, side * 0.27, bars), 0.06, 0.05, jacket, 5)
    helmet = (226, 226, 222) if motor else (44, 92, 170)
    limb(b, (shoulder[0] + 0.05, 0.0, shoulder[2] + 0.02), (shoulder[0] + 0.07, 0.0, top), 0.12, 0.10, helmet)


@lru_cache(maxsize=512)
def vehicle_mesh(
    kind: str,
    extent: Extent,
    color: Color,
    brake: bool = False,
    center_x: float = 0.0,
    beacon: bool = False,
    doors: int = 0,
) -> Mesh:
    """A vehicle standing on z = 0 within the box of half sizes `extent` (m), facing +x.

    kind      car, van, pickup, truck, bus, motorcycle or bicycle
    color     RGB paint
    brake     lights the brake lamps
    center_x  x of the box's centre (m)
    beacon    a blue light bar on the roof
    doors     bits 0 to 5: front left, front right, rear left, rear right, hood and trunk stand open
    Raises `UnknownModel`.
    """
    if kind not in VEHICLE_TAGS:
        raise UnknownModel(f"vehicle kind must be one of {', '.join(VEHICLE_TAGS)}, got {kind!r}")
    builder = Builder(int(VEHICLE_TAGS[kind]))
    if kind == "car":
        _car(builder, extent, color, brake)
    elif kind == "pickup":
        _pickup(builder, extent, color, brake)
    elif kind in ("motorcycle", "bicycle"):
        _two_wheeler(builder, kind, extent, color, brake)
    elif beacon:
        _boxy(builder, kind, extent, color, brake, color)
    else:
        _boxy(builder, kind, extent, color, brake)
    if beacon:
        _beacon(builder, kind, extent)
    if doors:
        _open_doors(builder, kind, extent, color, doors)
    mesh = builder.build()
    return mesh if center_x == 0.0 else mesh.moved(center_x, 0.0, 0.0)


_SKIN = ((236, 188, 152), (198, 134, 92), (141, 85, 54), (92, 60, 42), (224, 172, 128))
_TOPS = ((196, 44, 40), (36, 84, 170), (232, 190, 44), (240, 240, 236), (40, 130, 78), (216, 104, 34), (120, 60, 150),
         (30, 32, 38), (90, 170, 200), (200, 70, 120))  # fmt: skip
_TROUSERS = ((40, 52, 90), (30, 30, 34), (110, 92, 70), (78, 84, 92), (60, 44, 36), (150, 150, 150))
_HAIR = ((32, 24, 20), (84, 54, 30), (180, 140, 80), (20, 20, 22), (120, 120, 124))


def clothes(seed: int) -> tuple[Color, Color, Color, Color]:
    """Skin, top, trousers and hair of a person; neighbouring seeds wear different tops."""
    rng = np.random.default_rng(seed)
    skin = _SKIN[int(rng.integers(len(_SKIN)))]
    trousers = _TROUSERS[int(rng.integers(len(_TROUSERS)))]
    hair = _HAIR[int(rng.integers(len(_HAIR)))]
    return skin, _TOPS[seed % len(_TOPS)], trousers, hair


@lru_cache(maxsize=256)
def pedestrian_mesh(extent: Extent, seed: int) -> Mesh:
    """A walking person within the box of half sizes `extent` (m), origin at the middle, facing +x.

    `seed` chooses skin, hair and clothes; neighbouring seeds wear different tops.
    """
    skin, top_color, trousers, hair = clothes(seed)
    hz = extent[2]
    unit = hz / 0.93  # proportions below are of a person 1.86 m tall
    wide = min(extent[1], 0.32 * unit)
    b = Builder(int(Label.PEDESTRIANS))

    def at(x: float, y: float, z: float) -> Extent:
        return (x * unit, y * wide / 0.32, z * unit - hz)

    for side, swing in ((-1.0, 0.20), (1.0, -0.20)):
        limb(b, at(0.0, side * 0.10, 0.92), at(swing * 0.6, side * 0.10, 0.48), 0.105 * unit, 0.08 * unit, trousers)
        limb(b, at(swing * 0.6, side * 0.10, 0.48), at(swing, side * 0.10, 0.06), 0.08 * unit, 0.06 * unit, trousers)
        x, y, z = at(swing, side * 0.10, 0.0)
        b.box((x - 0.08 * unit, y - 0.05, z), (x + 0.17 * unit, y + 0.05, z + 0.10 * unit), (38, 30, 28))
        elbow = at(-swing * 0.7, side * 0.27, 1.14)
        limb(b, at(0.0, side * 0.23, 1.47), elbow, 0.070 * unit, 0.055 * unit, top_color)
        limb(b, elbow, at(-swing * 0.4 + 0.08, side * 0.26, 0.92), 0.050 * unit, 0.045 * unit, skin)
    rings = []
    for z, half_x, half_y in ((0.86, 0.11, 0.17), (1.12, 0.11, 0.17), (1.44, 0.13, 0.24), (1.54, 0.07, 0.12)):
        rings.append(
            [at(half_x * float(np.cos(a)), half_y * float(np.sin(a)), z) for a in np.arange(8) * 2.0 * np.pi / 8]
        )
    b.loft(rings, top_color)
    limb(b, at(0.0, 0.0, 1.50), at(0.02, 0.0, 1.62), 0.055 * unit, 0.055 * unit, skin)
    limb(b, at(0.02, 0.0, 1.58), at(0.03, 0.0, 1.74), 0.085 * unit, 0.105 * unit, skin, 8)
    limb(b, at(0.01, 0.0, 1.73), at(0.00, 0.0, 1.86), 0.115 * unit, 0.075 * unit, hair, 8)
    return b.build()
