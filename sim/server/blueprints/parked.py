"""Parked cars: meshes of CARLA's that scripts place as `static.prop.mesh`, as the leaderboard's routes do.

The server has none of CARLA's mesh files; it knows these by name and draws the vehicle of its catalogue that they show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sim.server.blueprints.definition import Blueprint

# Folder under /Game/Carla/Static/Car/4Wheeled/ParkedVehicles: vehicle of the same size.
_MODELS = {
    "Charger": "vehicle.dodge.charger_2020",
    "FordCrown": "vehicle.ford.crown",
    "Lincoln": "vehicle.lincoln.mkz_2020",
    "MercedesCCC": "vehicle.mercedes.coupe_2020",
    "Mini2021": "vehicle.mini.cooper_s_2021",
    "NissanPatrol2021": "vehicle.nissan.patrol_2021",
    "TeslaM3": "vehicle.tesla.model3",
    "VolkswagenT2": "vehicle.volkswagen.t2_2021",
}


def with_parked_car(blueprint: Blueprint, mesh_path: str, catalogue: Mapping[str, Blueprint]) -> Blueprint:
    """The blueprint of a mesh prop, of the size and kind of the car that its mesh shows, if that is a known one."""
    _, _, rest = mesh_path.partition("/ParkedVehicles/")
    identifier = _MODELS.get(rest.partition("/")[0])
    if identifier is None:
        return blueprint
    car = catalogue[identifier]
    return replace(
        blueprint, extent=car.extent, center=car.center, semantic_tags=car.semantic_tags, paint=car.paint, stand_in=car
    )
