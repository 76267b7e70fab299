"""The catalogue of what can be spawned: CARLA 0.9.16's ids and attributes, with dimensions and mesh families. What
is known of a vehicle's weight, engine and axles is in `sim.server.vehicle_data`.

`definition` says what a blueprint is; `vehicles`, `walkers`, `props` and `sensors` hold the rows; `reading` reads the
description of an actor from a client.
"""

from __future__ import annotations

from collections.abc import Mapping

from sim.server.blueprints.definition import Attribute, Blueprint, Description
from sim.server.blueprints.props import others, props
from sim.server.blueprints.reading import description_from
from sim.server.blueprints.sensors import sensors
from sim.server.blueprints.vehicles import vehicles
from sim.server.blueprints.walkers import walkers

__all__ = ["CATALOGUE", "SPECTATOR", "Attribute", "Blueprint", "Description", "read_description"]


def _catalogue() -> dict[str, Blueprint]:
    entries: list[Blueprint] = []
    for part in (vehicles, walkers, props, others, sensors):
        entries += part(len(entries) + 1)
    return {entry.id: entry for entry in entries}


CATALOGUE: Mapping[str, Blueprint] = _catalogue()
SPECTATOR = Blueprint(0, "spectator", "spectator", ())


def read_description(value: object) -> Description:
    """A client's description [uid, id, [[name, type, value]]]. Raises BadArguments or CallError."""
    return description_from(CATALOGUE, value)
