"""The vehicles of CARLA 0.9.16.

Ids, base types, generations, special types, lights and doors: CARLA's Docs/catalogue_vehicles.md. Bounding boxes: the
values that CARLA's servers report, rounded to 1 mm. Colours and drivers are this server's own: CARLA does not publish
its lists. Weights, engines and axles are in `sim.server.vehicle_data`.
"""

from __future__ import annotations

from typing import NamedTuple

from sim.labels import Label
from sim.server.blueprints.definition import (
    BOOL,
    COLOR,
    INT,
    STRING,
    Attribute,
    Blueprint,
    Size,
    base_attributes,
    choice,
    fixed,
    tags_of,
)

CAR, VAN, TRUCK, BUS, MOTORCYCLE, BICYCLE = "car", "van", "truck", "bus", "motorcycle", "bicycle"
PICKUP = "pickup"
_TAGS: dict[str, tuple[int, ...]] = {
    CAR: (Label.CAR,),
    VAN: (Label.CAR,),
    PICKUP: (Label.TRUCK,),
    TRUCK: (Label.TRUCK,),
    BUS: (Label.BUS,),
    MOTORCYCLE: (Label.MOTORCYCLE, Label.RIDER),
    BICYCLE: (Label.BICYCLE, Label.RIDER),
}
_PALETTE = ("180,30,30", "40,70,150", "230,230,230", "25,25,28", "110,115,120", "35,110,60", "200,160,40")
_ROLES = ("autopilot", "scenario", "ego_vehicle")
_RIDERS = ("0", "1", "2")


class _Row(NamedTuple):
    """One vehicle: half extents and x of the centre of its box (m).

    special  CARLA's special_type: emergency, electric, taxi or nothing
    modern   lights and doors that open, as vehicles of CARLA's second generation have them: "", "lights", "doors"
    paint    colour of a vehicle whose colour cannot be chosen
    solid    half extents of what bumps, where bumpers and mirrors stand out of it
    """

    id: str
    kind: str
    extent: Size
    center_x: float
    generation: int = 1
    special: str = ""
    modern: str = ""
    paint: tuple[int, int, int] | None = None
    solid: Size | None = None


_ROWS = (
    _Row("vehicle.audi.a2", CAR, (1.852, 0.895, 0.775), 0.0),
    _Row("vehicle.audi.etron", CAR, (2.428, 1.016, 0.824), 0.0, special="electric"),
    _Row("vehicle.audi.tt", CAR, (2.090, 0.997, 0.693), 0.0),
    _Row("vehicle.bmw.grandtourer", CAR, (2.306, 1.121, 0.833), 0.0),
    _Row("vehicle.chevrolet.impala", CAR, (2.679, 1.017, 0.705), 0.0),
    _Row("vehicle.citroen.c3", CAR, (1.994, 0.925, 0.808), 0.0),
    _Row("vehicle.dodge.charger_2020", CAR, (2.504, 0.941, 0.767), 0.0, 2, "", "doors"),
    _Row("vehicle.dodge.charger_police", CAR, (2.487, 1.019, 0.771), 0.0, 1, "emergency", "",
         (22, 24, 28)),
    _Row("vehicle.dodge.charger_police_2020", CAR, (2.619, 0.965, 0.819), 0.109, 2, "emergency",
         "doors", (22, 24, 28)),
    _Row("vehicle.ford.crown", CAR, (2.683, 0.900, 0.787), 0.185, 2, "taxi", "doors",
         (230, 178, 30)),
    _Row("vehicle.ford.mustang", CAR, (2.359, 0.947, 0.650), 0.0),
    _Row("vehicle.jeep.wrangler_rubicon", CAR, (1.933, 0.953, 0.939), 0.0),
    _Row("vehicle.lincoln.mkz_2017", CAR, (2.451, 1.064, 0.755), 0.0),
    _Row("vehicle.lincoln.mkz_2020", CAR, (2.446, 0.918, 0.745), 0.0, 2, "", "doors"),
    _Row("vehicle.mercedes.coupe", CAR, (2.513, 1.076, 0.825), 0.0),
    _Row("vehicle.mercedes.coupe_2020", CAR, (2.337, 0.906, 0.721), 0.0, 2, "", "doors"),
    _Row("vehicle.micro.microlino", CAR, (1.104, 0.740, 0.688), 0.0, special="electric"),
    _Row("vehicle.mini.cooper_s", CAR, (1.903, 0.985, 0.738), 0.0),
    _Row("vehicle.mini.cooper_s_2021", CAR, (2.276, 1.049, 0.884), 0.0, 2, "", "doors"),
    _Row("vehicle.nissan.micra", CAR, (1.817, 0.923, 0.751), 0.0),
    _Row("vehicle.nissan.patrol", CAR, (2.302, 0.966, 0.927), 0.0),
    _Row("vehicle.nissan.patrol_2021", CAR, (2.783, 1.075, 1.023), 0.0, 2, "", "doors"),
    _Row("vehicle.seat.leon", CAR, (2.096, 0.908, 0.737), 0.0),
    _Row("vehicle.tesla.model3", CAR, (2.396, 1.082, 0.744), 0.0, special="electric"),
    _Row("vehicle.toyota.prius", CAR, (2.257, 1.000, 0.762), 0.0, special="electric"),
    _Row("vehicle.ford.ambulance", VAN, (3.183, 1.176, 1.216), -0.289, 2, "emergency", "doors",
         (236, 236, 232)),
    _Row("vehicle.mercedes.sprinter", VAN, (2.958, 0.994, 1.283), 0.0, 2, "", "doors"),
    _Row("vehicle.volkswagen.t2", VAN, (2.240, 1.035, 1.019), 0.0),
    _Row("vehicle.volkswagen.t2_2021", VAN, (2.221, 0.887, 0.994), 0.117, 2, "", "doors"),
    _Row("vehicle.carlamotors.carlacola", TRUCK, (2.601, 1.313, 1.234), 0.0, paint=(196, 28, 30)),
    _Row("vehicle.carlamotors.european_hgv", TRUCK, (3.968, 1.446, 1.731), 0.0, 2),
    _Row("vehicle.carlamotors.firetruck", TRUCK, (4.234, 1.446, 1.914), -0.253, 2, "emergency",
         "doors", (188, 22, 24)),
    _Row("vehicle.tesla.cybertruck", PICKUP, (3.137, 1.195, 1.049), 0.0, 2, "electric"),
    _Row("vehicle.mitsubishi.fusorosa", BUS, (5.136, 1.972, 2.126), -0.445, 2, "", "lights",
         solid=(4.900, 1.700, 2.126)),
    _Row("vehicle.harley-davidson.low_rider", MOTORCYCLE, (1.175, 0.383, 0.825), 0.0),
    _Row("vehicle.kawasaki.ninja", MOTORCYCLE, (1.022, 0.398, 0.762), 0.0),
    _Row("vehicle.vespa.zx125", MOTORCYCLE, (0.909, 0.433, 0.795), 0.0),
    _Row("vehicle.yamaha.yzf", MOTORCYCLE, (1.095, 0.433, 0.765), 0.0),
    _Row("vehicle.bh.crossbike", BICYCLE, (0.755, 0.433, 0.806), 0.0),
    _Row("vehicle.diamondback.century", BICYCLE, (0.828, 0.291, 0.810), 0.0),
    _Row("vehicle.gazelle.omafiets", BICYCLE, (0.922, 0.330, 0.888), 0.0),
)  # fmt: skip


def _attributes(row: _Row, index: int, wheels: int) -> tuple[Attribute, ...]:
    first = index % len(_PALETTE)
    colors = _PALETTE[first:] + _PALETTE[:first]
    return (
        *base_attributes(row.id, _ROLES),
        *((choice("color", COLOR, *colors),) if row.paint is None else ()),
        *((choice("driver_id", INT, *_RIDERS, restricted=True),) if wheels == 2 else ()),
        choice("sticky_control", BOOL, "true"),
        choice("terramechanics", BOOL, "false"),
        fixed("object_type", STRING, ""),
        fixed("base_type", STRING, TRUCK if row.kind == PICKUP else row.kind),
        fixed("special_type", STRING, row.special),
        fixed("number_of_wheels", INT, str(wheels)),
        fixed("generation", INT, str(row.generation)),
        fixed("has_dynamic_doors", BOOL, "true" if row.modern == "doors" else "false"),
        fixed("has_lights", BOOL, "true" if row.modern else "false"),
    )


def vehicles(first_uid: int) -> list[Blueprint]:
    """The vehicles' blueprints, numbered from `first_uid`."""
    found: list[Blueprint] = []
    for index, row in enumerate(_ROWS):
        wheels = 2 if row.kind in (MOTORCYCLE, BICYCLE) else 4
        found.append(
            Blueprint(
                first_uid + index,
                row.id,
                tags_of(row.id),
                _attributes(row, index, wheels),
                row.kind,
                row.extent,
                (row.center_x, 0.0, row.extent[2]),
                _TAGS[row.kind],
                wheels,
                row.solid,
                row.paint or (255, 255, 255),
            )
        )
    return found
