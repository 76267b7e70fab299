"""Low-poly meshes of vehicles and pedestrians, deterministic and cached: same arguments, same object.

Frames: x forward, y right, z up (m). Vehicles stand on z = 0 with the box centre above the origin, as
CARLA's do; pedestrians have their origin at half height, as CARLA's walkers do.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sim.labels import Label
from sim.render.bike_models import draw_bicycle, draw_motorcycle
from sim.render.car_models import bar, draw_bus, draw_car, draw_pickup, draw_van
from sim.render.mesh import Mesh
from sim.render.people import pedestrian_mesh as pedestrian_mesh
from sim.render.solids import Builder, Color, Extent, UnknownModel, shade
from sim.render.truck_models import draw_truck
from sim.render.vehicle_kit import (
    HEAD,
    TAIL,
    Chassis,
    Draft,
    Point,
    coarse_wheels,
    lit_mesh,
    outer_half,
    wheel_mesh,
)

POSITION, LOW_BEAM, HIGH_BEAM, BRAKE, SPECIAL1, SPECIAL2 = 0x1, 0x2, 0x4, 0x8, 0x200, 0x400

VEHICLE_TAGS = {
    "car": Label.CAR,
    "van": Label.CAR,
    "pickup": Label.TRUCK,
    "truck": Label.TRUCK,
    "bus": Label.BUS,
    "motorcycle": Label.MOTORCYCLE,
    "bicycle": Label.BICYCLE,
}


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


DRAWERS = {
    "car": draw_car, "van": draw_van, "pickup": draw_pickup, "truck": draw_truck, "bus": draw_bus,
    "motorcycle": draw_motorcycle, "bicycle": draw_bicycle,
}  # fmt: skip
FAR_BITS = POSITION | LOW_BEAM | HIGH_BEAM | BRAKE | SPECIAL1 | SPECIAL2
"""Lamps that are seen to burn from far away."""


class VehicleLook(NamedTuple):
    """Everything that the meshes of a vehicle depend on.

    kind      car, van, pickup, truck, bus, motorcycle or bicycle
    extent    half sizes of its box (m)
    color     RGB paint
    center_x  x of the box's centre (m)
    beacon    a light bar on the roof
    doors     bits 0 to 5: front left, front right, rear left, rear right, hood and trunk stand open
    model     the blueprint's id; "" for a typical one of its kind
    chassis   where the wheels are; None for a typical one of its size
    """

    kind: str
    extent: Extent
    color: Color
    center_x: float = 0.0
    beacon: bool = False
    doors: int = 0
    model: str = ""
    chassis: Chassis | None = None


class WheelPlace(NamedTuple):
    """The hub of a wheel in the vehicle's frame (m); `number` in CARLA's order, `turned` for those on the left."""

    x: float
    y: float
    z: float
    number: int
    turned: bool


class VehicleParts(NamedTuple):
    """What a near vehicle is put together from: `body` without wheels, one wheel's mesh and the wheels' places."""

    body: Mesh
    wheel: Mesh
    wheels: tuple[WheelPlace, ...]


def _chassis(look: VehicleLook) -> Chassis:
    hx, hy, hz = look.extent
    if look.chassis is not None:
        # The boxes of some two-wheelers are shorter than their axles are apart.
        longest = 2.0 * (hx - look.chassis.radius - 0.01)
        return (
            look.chassis
            if look.kind not in ("motorcycle", "bicycle")
            else look.chassis._replace(wheelbase=min(look.chassis.wheelbase, longest))
        )
    if look.kind in ("motorcycle", "bicycle"):
        radius = min(0.34, 0.4 * hx)
        return Chassis(2.0 * (hx - radius) * 0.98, 0.0, radius)
    radius = {"van": 0.36, "bus": 0.45, "truck": 0.48}.get(look.kind, min(0.36, 0.47 * hz))
    return Chassis(1.2 * hx, 2.0 * (hy - 0.16), radius)


@lru_cache(maxsize=1024)
def _draft(look: VehicleLook, fine: bool) -> Draft:
    if look.kind not in VEHICLE_TAGS:
        raise UnknownModel(f"vehicle kind must be one of {', '.join(VEHICLE_TAGS)}, got {look.kind!r}")
    chassis = _chassis(look)
    # Drawn about the box's centre; the axles are where the chassis has them.
    draft = Draft(Builder(int(VEHICLE_TAGS[look.kind])), fine, look.center_x)
    DRAWERS[look.kind](draft, look.extent, look.color, chassis, look.model, look.beacon)
    if look.beacon and look.kind == "car":
        bar(draft, -0.12 * look.extent[0], 2.0 * look.extent[2], 0.5 * chassis.track + 0.1)
    if look.doors:
        _open_doors(draft.solids, look.kind, look.extent, look.color, look.doors)
    if not fine:
        places = tuple((wheel.x - look.center_x, wheel.y) for wheel in wheel_places(look))
        coarse_wheels(draft, places, chassis.radius, _wheel_width(look.kind))
    return draft


def _wheel_width(kind: str) -> float:
    return {"bicycle": 0.05, "motorcycle": 0.14, "truck": 0.30, "bus": 0.28}.get(kind, 0.22)


@lru_cache(maxsize=1024)
def wheel_places(look: VehicleLook) -> tuple[WheelPlace, ...]:
    """The wheels' hubs in CARLA's order; a two-wheeler's have the numbers 0 and 2."""
    chassis, width = _chassis(look), _wheel_width(look.kind)
    along, (_, hy, _) = 0.5 * chassis.wheelbase, look.extent
    if look.kind in ("motorcycle", "bicycle"):
        return tuple(WheelPlace(x, 0.0, chassis.radius, index, False) for x, index in ((along, 0), (-along, 2)))
    half = outer_half(look.kind, hy, chassis)
    y = half - 0.5 * width - 0.015
    return tuple(
        WheelPlace(x, side * y, chassis.radius, index, side < 0.0)
        for index, (x, side) in enumerate(((along, -1.0), (along, 1.0), (-along, -1.0), (-along, 1.0)))
    )


@lru_cache(maxsize=1024)
def vehicle_parts(look: VehicleLook) -> VehicleParts:
    """The body and wheels of a near vehicle; same arguments, same objects. Raises `UnknownModel`."""
    body = _draft(look, True).solids.build()
    style = {"bicycle": "wire", "truck": "steel", "bus": "steel", "van": "steel"}.get(look.kind, "alloy")
    wheel = wheel_mesh(_chassis(look).radius, _wheel_width(look.kind), style, int(VEHICLE_TAGS[look.kind]))
    return VehicleParts(
        body if look.center_x == 0.0 else body.moved(look.center_x, 0.0, 0.0), wheel, wheel_places(look)
    )


@lru_cache(maxsize=1024)
def _lamp_faces(look: VehicleLook) -> tuple[tuple[int, tuple[Point, ...]], ...]:
    return tuple(
        (group, tuple((x + look.center_x, y, z) for x, y, z in corners)) for group, corners in _draft(look, True).lamps
    )


@lru_cache(maxsize=1024)
def _lit(kind: str, faces: tuple[tuple[int, tuple[Point, ...]], ...], bits: int) -> Mesh:
    return lit_mesh(faces, bits, int(VEHICLE_TAGS[kind]))


@lru_cache(maxsize=2048)
def burning_lamps(look: VehicleLook, bits: int) -> Mesh | None:
    """The lamps that burn for a light state (`carla.VehicleLightState`), to lie over `vehicle_parts`; None for none.

    Vehicles of one model share the mesh whatever their paint.
    """
    mesh = _lit(look.kind, _lamp_faces(look._replace(color=(128, 128, 128), doors=0)), bits)
    return mesh if len(mesh.triangles) else None


def _lamp_places(look: VehicleLook, group: int) -> tuple[Point, ...]:
    """One place for each side that has lamps of a group, left before right; one for a lamp in the middle."""
    sides: dict[bool, list[Point]] = {}
    for owner, corners in _lamp_faces(look._replace(color=(128, 128, 128), doors=0)):
        if owner == group:
            middle = np.mean(np.array(corners), axis=0)
            sides.setdefault(float(middle[1]) > 0.01, []).extend(corners)
    found = []
    for _, edges in sorted(sides.items()):
        points = np.array(edges)
        x, y, z = points.mean(axis=0).tolist()
        found.append((float(points[:, 0].max() if x > look.center_x else points[:, 0].min()), y, z))
    return tuple(found)


@lru_cache(maxsize=512)
def head_lamps(look: VehicleLook) -> tuple[Point, ...]:
    """Where a vehicle's head lamps shine from, in its frame (m), left before right."""
    return _lamp_places(look, HEAD)


@lru_cache(maxsize=512)
def tail_lamps(look: VehicleLook) -> tuple[Point, ...]:
    """Where a vehicle's tail lamps shine from, in its frame (m), left before right."""
    return _lamp_places(look, TAIL)


@lru_cache(maxsize=2048)
def far_vehicle(look: VehicleLook, bits: int) -> Mesh:
    """The coarse model of a vehicle, complete with wheels and burning lamps: for what is far away.

    Same arguments, same object; give it `bits & FAR_BITS`. Raises `UnknownModel`.
    """
    draft = _draft(look, False)
    faces = tuple((group, tuple(corners)) for group, corners in draft.lamps)
    mesh = Mesh.concat([draft.solids.build(), lit_mesh(faces, bits, int(VEHICLE_TAGS[look.kind]))])
    return mesh if look.center_x == 0.0 else mesh.moved(look.center_x, 0.0, 0.0)


def vehicle_mesh(
    kind: str,
    extent: Extent,
    color: Color,
    brake: bool = False,
    center_x: float = 0.0,
    beacon: bool = False,
    doors: int = 0,
    lights: int = 0,
) -> Mesh:
    """A coarse vehicle standing on z = 0 within the box of half sizes `extent` (m), facing +x; see `VehicleLook`.

    `lights` is a `carla.VehicleLightState`; `brake` lights the brake lamps too. Raises `UnknownModel`.
    """
    return far_vehicle(VehicleLook(kind, extent, color, center_x, beacon, doors), lights | (BRAKE if brake else 0))
