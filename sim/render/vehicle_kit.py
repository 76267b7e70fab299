"""What models of vehicles are made with: a shell with wheel arches and a glasshouse, wheels, and lamps that can burn.

Frame: x forward, y right, z up (m). Windows, door lines and lamps are decals: they lie in the surface that they are
painted on, `Mesh.layers` says that they win.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sim.render.mesh import Mesh
from sim.render.scene import AMBER_LAMP, BLUE_LAMP, BRAKE_LAMP, CABIN_LAMP, HEAD_LAMP, TAIL_LAMP
from sim.render.solids import GLASS, PLATE, Builder, Color, Extent, shade

Point = tuple[float, float, float]

# Groups of lamps; a group burns when any bit of `carla.VehicleLightState` next to it is on.
HEAD, TAIL, STOP, LEFT, RIGHT, BACK, MIST, CABIN, BAR_A, BAR_B = range(10)
GROUP_BITS = {
    HEAD: 0x1 | 0x2 | 0x4, TAIL: 0x1 | 0x2 | 0x4, STOP: 0x8, RIGHT: 0x10, LEFT: 0x20, BACK: 0x40, MIST: 0x80,
    CABIN: 0x100, BAR_A: 0x200, BAR_B: 0x400,
}  # fmt: skip
LIT: dict[int, Color] = {
    HEAD: HEAD_LAMP, TAIL: TAIL_LAMP, STOP: BRAKE_LAMP, LEFT: AMBER_LAMP, RIGHT: AMBER_LAMP, BACK: HEAD_LAMP,
    MIST: HEAD_LAMP, CABIN: CABIN_LAMP, BAR_A: BLUE_LAMP, BAR_B: BLUE_LAMP,
}  # fmt: skip
DARK: dict[int, Color] = {
    HEAD: (206, 214, 220), TAIL: (138, 16, 20), STOP: (150, 18, 22), LEFT: (196, 122, 44), RIGHT: (196, 122, 44),
    BACK: (196, 198, 200), MIST: (176, 182, 188), BAR_A: (34, 60, 168), BAR_B: (34, 60, 168),
}  # fmt: skip
RUBBER, WELL, CHROME = (30, 30, 32), (20, 20, 22), (176, 180, 186)
PANE, SHEEN = 1, 2
LAMP_LAYER, LIT_LAYER = 2, 4


class Chassis(NamedTuple):
    """Wheelbase, track and wheel radius (m); axles lie at half the wheelbase before and behind the origin."""

    wheelbase: float
    track: float
    radius: float


@dataclass
class Draft:
    """A model while it is drawn: solids, and the lamps' faces by group.

    fine      all details; else the coarse model for what is far away
    center_x  x of the box's centre, about which it is drawn, in the vehicle's frame (m)
    """

    solids: Builder
    fine: bool
    center_x: float = 0.0
    lamps: list[tuple[int, list[Point]]] = field(default_factory=list)

    def quad(self, corners: list[Point], color: object, layer: int = 0) -> None:
        self.solids.add(corners, [[0, 1, 2], [0, 2, 3]] if len(corners) == 4 else [[0, 1, 2]], color, layer)

    def axles(self, chassis: Chassis) -> tuple[float, float]:
        """x of the rear and front axles."""
        return -0.5 * chassis.wheelbase - self.center_x, 0.5 * chassis.wheelbase - self.center_x

    def lamp(self, group: int, corners: list[Point], dark: bool = True) -> None:
        """A lamp's face; `dark` paints it as it looks when it is off."""
        if dark:
            self.quad(corners, DARK[group], LAMP_LAYER)
        self.lamps.append((group, corners))


def outer_half(kind: str, hy: float, chassis: Chassis) -> float:
    """Half the width of a body (m) without its mirrors, which reach out to the box's half width `hy`."""
    if kind == "truck":
        return hy - 0.10
    if kind == "bus":
        return hy - 0.30 if hy > 1.5 else hy - 0.06
    return min(hy - 0.03, 0.5 * chassis.track + (0.135 if kind == "car" else 0.15))


def lit_mesh(lamps: tuple[tuple[int, tuple[Point, ...]], ...], bits: int, tag: int) -> Mesh:
    """The faces of the lamps that burn for the light state `bits`, to be laid over the model."""
    builder = Builder(tag)
    for group, corners in lamps:
        if bits & GROUP_BITS[group]:
            layer = LIT_LAYER + (1 if group == STOP else 0)
            builder.add(corners, [[0, 1, 2], [0, 2, 3]] if len(corners) == 4 else [[0, 1, 2]], LIT[group], layer)
    return builder.build()


@dataclass(frozen=True)
class Shape:
    """The outline of a shell, from tail to nose.

    tail, nose   x of its ends (m)
    half         half its width at the widest (m)
    sill         height of its lower edge (m)
    belt         (x, z) of its shoulder, m, from tail to nose
    cabin        x of the glasshouse: foot of the rear pane, roof's rear end, roof's front end, foot of the windscreen
    roof         height (m)
    lean         width of the roof as a share of the width at the belt
    pillars      shares of the way from rear to front at which the side's glass is divided
    panes        (from, to) of the glass's height as shares of the glasshouse's
    blunt        how far the ends are rounded in plan (m)
    arches       x of the axles whose wheels it covers
    """

    tail: float
    nose: float
    half: float
    sill: float
    belt: tuple[tuple[float, float], ...]
    cabin: tuple[float, float, float, float]
    roof: float
    lean: float = 0.78
    pillars: tuple[float, ...] = (0.22, 0.58)
    panes: tuple[float, float] = (0.08, 0.86)
    blunt: float = 0.28
    arches: tuple[float, ...] = ()
    rear_glass: bool = True
    front_glass: float = 0.95
    solid_behind: float = 0.0  # share of the side, from the rear, that has no glass


def _mix(a: Point, b: Point, t: float) -> Point:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t


def mirrored(corners: list[Point]) -> list[Point]:
    return [(x, -y, z) for x, y, z in corners]


class Shell:
    """The painted body of a vehicle: a skin around it, a deck over that, and the glasshouse on top."""

    def __init__(self, d: Draft, shape: Shape, chassis: Chassis, color: Color) -> None:
        self.d, self.shape, self.chassis, self.color = d, shape, chassis, color
        s, w = shape, shape.half
        self.arch = chassis.radius * 1.14
        round_ = min(s.blunt, 0.2 * (s.nose - s.tail))
        xs = {s.tail + round_, s.nose - round_, s.cabin[0], s.cabin[3]}
        if d.fine:
            for axle in s.arches:
                xs |= {axle + self.arch * share for share in (-1.0, -0.86, -0.45, 0.45, 0.86, 1.0)}
        plan = [(s.tail, 0.62 * w), (s.tail + 0.32 * round_, 0.90 * w)] if d.fine else [(s.tail, 0.80 * w)]
        inner = sorted(x for x in xs if s.tail + 0.5 * round_ < x < s.nose - 0.5 * round_)
        plan += [(x, w) for x in inner]
        plan += [(s.nose - 0.36 * round_, 0.88 * w), (s.nose, 0.58 * w)] if d.fine else [(s.nose, 0.78 * w)]
        self.plan = plan
        self.rows = [self._column(x, y) for x, y in plan]

    def belt(self, x: float) -> float:
        """Height of the shoulder at x."""
        points = self.shape.belt
        return float(np.interp(x, [p[0] for p in points], [p[1] for p in points]))

    def _foot(self, x: float) -> float:
        low = self.shape.sill
        if self.d.fine:
            for axle in self.shape.arches:
                off = abs(x - axle)
                if off < self.arch - 1e-6:
                    low = max(low, self.chassis.radius + math.sqrt(self.arch**2 - off**2))
        return low

    def _column(self, x: float, y: float) -> tuple[Point, Point, Point]:
        """Foot, crease and shoulder of the skin on the right at one place of the plan."""
        low, top = self._foot(x), self.belt(x)
        middle = min(top - 0.02, max(self.shape.sill + 0.58 * (top - self.shape.sill), low + 0.04))
        low = min(low, middle - 0.02)
        if not self.d.fine:
            return (x, y, low), (x, y, middle), (x, 0.98 * y, top)
        tuck = 0.965 if low <= self.shape.sill + 1e-6 else 1.0
        return (x, y * tuck, low), (x, y, middle), (x, y * 0.955, top)

    def skin(self) -> None:
        d, color = self.d, self.color
        lower, upper = shade(color, 0.86), shade(color, 0.96)
        ring = self.rows + [tuple((x, -y, z) for x, y, z in column) for column in reversed(self.rows)]  # type: ignore[misc]
        count = len(ring)
        for i in range(count):
            a, b = ring[i], ring[(i + 1) % count]
            if d.fine:
                d.quad([a[0], b[0], b[1], a[1]], lower)
                d.quad([a[1], b[1], b[2], a[2]], upper)
            else:
                d.quad([a[0], b[0], b[2], a[2]], upper)
        # The deck: hood, trunk, and what lies below the glasshouse.
        rise = 0.035 if d.fine else 0.0
        spans = [c[2] for c in self.rows]
        if d.fine:
            keep = [0, *(i for i in range(1, len(spans) - 1) if not self._under_cabin(i)), len(spans) - 1]
            spans = [spans[i] for i in keep]
        # Bent upwards in the middle, except at the ends, where it meets the skin.
        ridge = [(x, 0.0, z + (rise if 0 < i < len(spans) - 1 else 0.0)) for i, (x, _, z) in enumerate(spans)]
        for (p, cp), (q, cq) in itertools.pairwise(zip(spans, ridge, strict=True)):
            if d.fine:
                d.quad([p, q, cq, cp], color)
                d.quad([*mirrored([p, q]), cq, cp], color)
            else:
                d.quad([p, q, *mirrored([q, p])], color)
        s = self.shape
        w = s.half
        inside = w - 0.30 if s.arches else w - 0.05
        d.solids.box((s.tail + 0.08, -inside, 0.8 * s.sill), (s.nose - 0.10, inside, s.sill + 0.22), WELL)
        if d.fine:
            # Behind the arches it is dark.
            d.quad(
                [
                    (s.tail + 0.1, inside, s.sill),
                    (s.nose - 0.1, inside, s.sill),
                    (s.nose - 0.1, inside, self.belt(s.nose) - 0.04),
                    (s.tail + 0.1, inside, self.belt(s.tail) - 0.04),
                ],
                WELL,
            )
            d.quad(
                [
                    (s.tail + 0.1, -inside, s.sill),
                    (s.nose - 0.1, -inside, s.sill),
                    (s.nose - 0.1, -inside, self.belt(s.nose) - 0.04),
                    (s.tail + 0.1, -inside, self.belt(s.tail) - 0.04),
                ],
                WELL,
            )

    def _under_cabin(self, i: int) -> bool:
        x = self.plan[i][0]
        return self.shape.cabin[0] + 0.02 < x < self.shape.cabin[3] - 0.02

    def on_side(self, x: float, row: int, v: float) -> Point:
        """A point of the right-hand skin: row 0 below the crease, 1 above, `v` from 0 to 1 of that row's height."""
        columns = self.rows
        for a, b in itertools.pairwise(columns):
            if a[0][0] <= x <= b[0][0]:
                t = (x - a[0][0]) / max(b[0][0] - a[0][0], 1e-9)
                return _mix(_mix(a[row], b[row], t), _mix(a[row + 1], b[row + 1], t), v)
        raise ValueError(f"x = {x} is not on the shell")

    def line(self, x: float, width: float = 0.022, low: float = 0.12) -> None:
        """The gap of a door, on both sides."""
        half = 0.5 * width
        for row, v0, v1 in ((0, low, 1.0), (1, 0.0, 1.0)):
            corners = [self.on_side(x - half, row, v0), self.on_side(x + half, row, v0),
                       self.on_side(x + half, row, v1), self.on_side(x - half, row, v1)]  # fmt: skip
            for side in (corners, mirrored(corners)):
                self.d.quad(side, shade(self.color, 0.35), 1)

    def stripe(self, x0: float, x1: float, row: int, v0: float, v1: float, color: object, layer: int = 1) -> None:
        """A band along both sides between two places that no station of the skin lies between."""
        columns = [x0, *(c[0][0] for c in self.rows if x0 < c[0][0] < x1), x1]
        for a, b in itertools.pairwise(columns):
            corners = [self.on_side(a, row, v0), self.on_side(b, row, v0), self.on_side(b, row, v1),
                       self.on_side(a, row, v1)]  # fmt: skip
            for side in (corners, mirrored(corners)):
                self.d.quad(side, color, layer)

    # ---- front and rear ------------------------------------------------------------------------------------------

    def _end(self, front: bool) -> list[tuple[Point, Point, Point]]:
        """Columns of an end on the right, from the middle outwards."""
        columns = self.rows[::-1] if front else self.rows
        foot, crease, top = columns[0]
        middle = ((foot[0], 0.0, foot[2]), (crease[0], 0.0, crease[2]), (top[0], 0.0, top[2]))
        return [middle, *columns]

    def on_end(self, front: bool, along: float, height: float) -> Point:
        """A point of the front's or rear's right half: `along` 0 in the middle, 1 where the flat part ends, 2 and 3 at
        the next stations round the corner; `height` from 0 at the foot over 1 at the crease to 2 at the shoulder."""
        columns = self._end(front)
        i = min(int(along), len(columns) - 2)
        row = min(int(height), 1)
        a, b = columns[i], columns[i + 1]
        return _mix(_mix(a[row], b[row], along - i), _mix(a[row + 1], b[row + 1], along - i), height - row)

    def on_face(self, front: bool, a0: float, a1: float, h0: float, h1: float) -> list[list[Point]]:
        """The faces that cover a field of an end's right half."""
        alongs = [a0, *(float(k) for k in range(1, 4) if a0 < k < a1), a1]
        heights = [h0, 1.0, h1] if h0 < 1.0 < h1 else [h0, h1]
        return [
            [self.on_end(front, p, h), self.on_end(front, q, h), self.on_end(front, q, k), self.on_end(front, p, k)]
            for p, q in itertools.pairwise(alongs)
            for h, k in itertools.pairwise(heights)
        ]

    def field(self, front: bool, a0: float, a1: float, h0: float, h1: float, color: object, layer: int = 1) -> None:
        for corners in self.on_face(front, a0, a1, h0, h1):
            for side in (corners, mirrored(corners)):
                self.d.quad(side, color, layer)

    def lamps(self, front: bool, groups: tuple[int, ...], a0: float, a1: float, h0: float, h1: float) -> None:
        """A pair of lamps. Of LEFT and RIGHT each takes its own side; the last group's dark colour is seen."""
        for corners in self.on_face(front, a0, a1, h0, h1):
            for side, skip in ((corners, LEFT), (mirrored(corners), RIGHT)):
                for k, group in enumerate(g for g in groups if g != skip):
                    self.d.lamp(group, side, dark=k == 0)

    # ---- the glasshouse ------------------------------------------------------------------------------------------

    def cabin(self) -> None:
        d, s, color = self.d, self.shape, self.color
        rb, rt, ft, fb = s.cabin
        wb, wt = 0.935 * s.half, 0.935 * s.half * s.lean
        edge = s.roof - (0.035 if d.fine else 0.0)

        def foot(x: float) -> Point:
            return x, wb, self.belt(x) - 0.015

        base_r, base_f, top_r, top_f = foot(rb), foot(fb), (rt, wt, edge), (ft, wt, edge)

        def pane(t0: float, t1: float, u0: float, u1: float) -> list[Point]:
            """Of the right side: shares of the way from rear to front, and of the height."""

            def at(t: float, u: float) -> Point:
                return _mix(_mix(base_r, base_f, t), _mix(top_r, top_f, t), u)

            return [at(t0, u0), at(t1, u0), at(t1, u1), at(t0, u1)]

        for side in (pane(0, 1, 0, 1), mirrored(pane(0, 1, 0, 1))):
            d.quad(side, shade(color, 0.95))
        cuts = [0.035, *s.pillars, 0.975]
        for k, (a, b) in enumerate(itertools.pairwise(cuts)):
            if b <= s.solid_behind + 1e-6:
                continue
            gap = 0.014 if d.fine else 0.02
            corners = pane(a + (gap if k else 0.0), b - (gap if k < len(cuts) - 2 else 0.0), *s.panes)
            for side in (corners, mirrored(corners)):
                d.quad(side, GLASS, PANE)
                d.lamps.append((CABIN, side))
        # Windscreen, rear window and roof.
        for front, low, high in ((True, base_f, top_f), (False, base_r, top_r)):
            left_low, left_high = mirrored([low])[0], mirrored([high])[0]
            d.quad([low, left_low, left_high, high], shade(color, 0.95))
            if not front and not s.rear_glass:
                continue
            margin, reach = 0.07, (s.front_glass if front else s.panes[1] + 0.04)

            def screen(
                t0: float, t1: float, u0: float, u1: float, low: Point = low, high: Point = high,
                left_low: Point = left_low, left_high: Point = left_high,
            ) -> list[Point]:  # fmt: skip
                def at(t: float, u: float) -> Point:
                    return _mix(_mix(low, left_low, t), _mix(high, left_high, t), u)

                return [at(t0, u0), at(t1, u0), at(t1, u1), at(t0, u1)]

            d.quad(screen(margin, 1 - margin, 0.03 if front else s.panes[0], reach), GLASS, PANE)
            if d.fine and front:
                p = screen(0.56, 0.70, 0.12, reach - 0.06)
                q = screen(0.66, 0.80, 0.12, reach - 0.06)
                d.quad([p[0], p[1], q[2], q[3]], shade(GLASS, 1.55), SHEEN)
        if d.fine:
            middle = 0.5 * (rt + ft)
            ridge = [(rt, wt, edge), (middle, wt * 1.015, s.roof - 0.012), (ft, wt, edge)]
            crown = [(rt, 0.0, edge + 0.012), (middle, 0.0, s.roof), (ft, 0.0, edge + 0.012)]
            for k in range(2):
                d.quad([ridge[k], ridge[k + 1], crown[k + 1], crown[k]], color)
                d.quad(mirrored([ridge[k], ridge[k + 1], crown[k + 1], crown[k]]), color)
        else:
            d.quad([top_r, top_f, mirrored([top_f])[0], mirrored([top_r])[0]], color)

    def mirrors(self, reach: float, color: object | None = None) -> None:
        """Wing mirrors that stick out to `reach` (m from the middle)."""
        s = self.shape
        x = s.cabin[3] - 0.16 * (s.cabin[3] - s.cabin[2]) - 0.10
        z = self.belt(x) + 0.04
        inner = min(0.90 * s.half, reach - 0.1)
        for side in (-1.0, 1.0):
            y0, y1 = sorted((side * inner, side * reach))
            if self.d.fine:
                self.d.solids.box((x - 0.07, y0, z), (x + 0.07, y1, z + 0.12), color or shade(self.color, 0.9))
            else:
                self.d.quad([(x, y0, z), (x, y1, z), (x, y1, z + 0.12), (x, y0, z + 0.12)], color or self.color)


def plate(d: Draft, x: float, z: float, front: bool) -> None:
    """A number plate in the middle of an end."""
    if d.fine:
        out = 0.012 if front else -0.012
        d.quad([(x + out, -0.26, z), (x + out, 0.26, z), (x + out, 0.26, z + 0.11), (x + out, -0.26, z + 0.11)], PLATE)


@lru_cache(maxsize=64)
def wheel_mesh(radius: float, width: float, style: str, tag: int) -> Mesh:
    """A wheel about its hub with its axle along y and its outer side at +y."""
    builder = Builder(tag)
    sides = 14
    angles = np.arange(sides) * 2.0 * np.pi / sides
    half = 0.5 * width

    def ring(y: float, r: float, turn: float = 0.0, count: int = sides) -> list[Point]:
        around = angles if count == sides else np.arange(count) * 2.0 * np.pi / count
        return [(r * math.cos(a + turn), y, r * math.sin(a + turn)) for a in around.tolist()]

    builder.loft([ring(-half, radius), ring(half, radius)], RUBBER)
    rim = {"wire": (70, 72, 76), "steel": (132, 134, 138)}.get(style, (58, 60, 64))

    def disc(r: float, color: object, layer: int, count: int = sides) -> None:
        fan = [[0, i, i + 1] for i in range(1, count - 1)]
        builder.add(ring(half, r, 0.0, count), fan, color, layer)

    if style == "wire":
        disc(0.90 * radius, (120, 124, 128), 1)
        disc(0.84 * radius, rim, 2)
    else:
        disc(0.66 * radius, rim, 1, 10)
    spokes, color, reach = {"wire": (8, CHROME, 0.86), "steel": (6, (96, 98, 102), 0.58)}.get(style, (5, CHROME, 0.62))
    for k in range(spokes):
        a = 2.0 * math.pi * (k + 0.25) / spokes
        thick = (0.03 if style == "wire" else 0.09) * radius
        c, s = math.cos(a), math.sin(a)
        corners = [
            (r * c - t * s, half, r * s + t * c)
            for r, t in (
                (0.08 * radius, -thick),
                (reach * radius, -thick),
                (reach * radius, thick),
                (0.08 * radius, thick),
            )
        ]
        builder.add(corners, [[0, 1, 2], [0, 2, 3]], color, 3)
    disc(0.15 * radius, (190, 192, 196) if style != "steel" else (70, 72, 76), 4, 6)
    return builder.build()


def coarse_wheels(d: Draft, places: tuple[tuple[float, float], ...], radius: float, width: float) -> None:
    """Wheels of few triangles, that neither turn nor steer."""
    sides = 8
    angles = np.arange(sides) * 2.0 * np.pi / sides - np.pi / 2.0
    for x, y in places:
        outer = y + math.copysign(0.5 * width, y) if y else 0.0
        faces = (outer,) if y else (-0.5 * width, 0.5 * width)
        for at in faces:
            around = [(x + radius * math.cos(a), at, radius + radius * math.sin(a)) for a in angles.tolist()]
            d.solids.add(around, [[0, i, i + 1] for i in range(1, sides - 1)], RUBBER)
            hub = [(x + 0.5 * radius * c, at, radius + 0.5 * radius * s) for c, s in ((-1, 0), (0, -1), (1, 0), (0, 1))]
            d.quad(hub, (96, 98, 102), 1)
    for x in sorted({x for x, _ in places}):
        ys = [y for px, y in places if px == x]
        half = max(abs(y) for y in ys) + 0.5 * width
        d.quad([(x - 0.5 * radius, -half, 0.02), (x - 0.5 * radius, half, 0.02),
                (x - 0.5 * radius, half, 1.2 * radius), (x - 0.5 * radius, -half, 1.2 * radius)], RUBBER)  # fmt: skip


Drawer = Callable[[Draft, Extent, Color, Chassis, float], None]
