"""Reading an actor's description from a client."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sim.server.blueprints.definition import BOOL, COLOR, FLOAT, INT, MESH, Attribute, Blueprint, Description
from sim.server.blueprints.parked import with_parked_car
from sim.server.blueprints.sensors import WITHHELD
from sim.server.errors import BadArguments, CallError
from sim.server.wire import integer, items, text

MAX_VALUE_CHARS = 1024


def description_from(catalogue: Mapping[str, Blueprint], value: object) -> Description:
    """A client's description [uid, id, [[name, type, value]]].

    What the client left out has its default; what cannot be modified keeps its own value. Raises BadArguments for a
    wrong shape or an attribute that the blueprint has not, CallError for an unknown id or a value not of its type.
    """
    uid, identifier, attributes = items(value, 3)
    integer(uid)
    blueprint = catalogue.get(text(identifier))
    if blueprint is None:
        if reason := WITHHELD.get(identifier):
            raise CallError(f"{identifier} is refused because {reason}")
        raise CallError(f"no blueprint {identifier!r:.80} in this server's catalogue")
    known = {attribute.name: attribute for attribute in blueprint.attributes}
    values = {attribute.name: attribute.value for attribute in blueprint.attributes}
    for entry in items(attributes):
        name, _, chosen = items(entry, 3)
        attribute = known.get(text(name))
        if attribute is None:
            raise BadArguments(f"{identifier} has no attribute {name!r:.40}")
        if attribute.modifiable:
            values[name] = _checked(identifier, attribute, text(chosen))
    if blueprint.kind == MESH:
        blueprint = with_parked_car(blueprint, values["mesh_path"], catalogue)
    return Description(blueprint, values)


def _checked(identifier: str, attribute: Attribute, value: str) -> str:
    """The value, when it is of its attribute's type. CARLA's client checks the same before it sends."""
    if value == attribute.value:
        return value
    good = len(value) <= MAX_VALUE_CHARS
    if attribute.type == BOOL:
        good = value.lower() in ("true", "false")
    elif attribute.type == INT:
        # The client lets "64.0" pass for an integer, and CARLA reads the 64 of it: one of its examples relies on that.
        good = good and -(2**31) <= _number(value, float) < 2**31
    elif attribute.type == FLOAT:
        good = good and math.isfinite(_number(value, float))
    elif attribute.type == COLOR:
        parts = value.split(",")
        good = good and len(parts) == 3 and all(0 <= _number(part, int) <= 255 for part in parts)
    if not good:
        raise CallError(f"{identifier}: {value!r:.60} is no value for attribute {attribute.name}")
    return value


def _number(value: str, kind: type[int] | type[float]) -> float:
    try:
        return float(kind(value))
    except (ValueError, OverflowError):
        return math.nan
