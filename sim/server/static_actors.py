"""The town's immovable things as the actors that events name."""

from __future__ import annotations

from typing import Any

from sim.labels import Label


def static_type(tag: int) -> str:
    """The type id that CARLA gives to what is no actor: "static." and its label in lower case, without a last s.

    Source: CarlaGetRelevantTagAsString in CARLA's ActorRegistry.cpp.
    """
    try:
        label = Label(tag)
    except ValueError:
        label = Label.NONE
    name = label.name.replace("_", "").lower()
    return f"static.{'unknown' if label in (Label.NONE, Label.OTHER) else name.removesuffix('s')}"


def static_actor(tag: int) -> list[Any]:
    """Wire form of an actor of the town, id 0, that carries a semantic tag."""
    box = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], 0]
    return [0, 0, [0, static_type(tag), []], box, bytes([tag]), b""]
