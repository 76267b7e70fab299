"""Which meshes show a vehicle: its model, paint and open doors, and where its physics has the wheels."""

from __future__ import annotations

from functools import lru_cache

from sim.render.models import VehicleLook
from sim.render.vehicle_kit import Chassis
from sim.server.actors import Actor
from sim.server.blueprints import CATALOGUE
from sim.server.powertrain import data_of


@lru_cache(maxsize=2048)
def look_of_model(identifier: str, color: tuple[int, int, int], doors: int) -> VehicleLook:
    """Everything that the meshes of a vehicle of the catalogue depend on."""
    blueprint = CATALOGUE[identifier]
    data = data_of(blueprint)
    chassis = Chassis(data.wheelbase, data.track, data.wheel_radius)
    return VehicleLook(
        blueprint.kind,
        blueprint.extent,
        color,
        blueprint.center[0],
        blueprint.is_emergency,
        doors,
        blueprint.id,
        chassis,
    )


def vehicle_look(actor: Actor) -> VehicleLook:
    """Everything that the meshes of a vehicle depend on."""
    return look_of_model(actor.description.blueprint.id, actor.description.color(), actor.doors)
