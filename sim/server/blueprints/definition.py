"""What a blueprint is: an id, attributes with their types and defaults, and the box that its actors fill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sim.server.errors import CallError

BOOL, INT, FLOAT, STRING, COLOR = 1, 2, 3, 4, 5
TRIGGER, CONTROLLER, EMPTY, MESH = "trigger", "controller", "empty", "mesh"
BODILESS = frozenset({"", TRIGGER, CONTROLLER, EMPTY})
"""Kinds that neither move nor bump into anything by themselves."""
CUBE_M = 1.0
"""Side of the cube that stands for a mesh file of the client's choice, at scale 1."""
MAX_SCALE = 100.0

Size = tuple[float, float, float]


@dataclass(frozen=True)
class Attribute:
    """One blueprint attribute; `value` is its default, written as CARLA writes it.

    restricted   only recommended values are meant to be chosen. CARLA's client shows the flag and does not enforce it.
    """

    name: str
    type: int
    value: str
    recommended: tuple[str, ...] = ()
    modifiable: bool = True
    restricted: bool = False

    def packed(self) -> list[Any]:
        """The attribute's wire form."""
        return [self.name, self.type, self.value, list(self.recommended), self.modifiable, self.restricted]


@dataclass(frozen=True)
class Blueprint:
    """One entry of the catalogue.

    kind          the mesh family that `sim.render` draws; "" for what cannot be seen
    extent        half sizes (m) of the bounding box
    center        centre (m) of the bounding box in the actor's frame
    semantic_tags `carla.CityObjectLabel` values; the first is what an instance camera shows
    wheels        how many wheels a vehicle has; 0 for what is no vehicle
    solid         half sizes (m) of what can be bumped into, where the bounding box is much larger than that
    stand_in      the vehicle that a mesh prop shows
    paint         colour of vehicles that have no attribute "color"
    """

    uid: int
    id: str
    tags: str
    attributes: tuple[Attribute, ...]
    kind: str = ""
    extent: Size = (0.0, 0.0, 0.0)
    center: Size = (0.0, 0.0, 0.0)
    semantic_tags: tuple[int, ...] = ()
    wheels: int = 0
    solid: Size | None = None
    paint: tuple[int, int, int] = (255, 255, 255)
    stand_in: Blueprint | None = None

    @property
    def semantic_tag(self) -> int:
        """The first semantic tag, 0 without any."""
        return self.semantic_tags[0] if self.semantic_tags else 0

    def packed(self) -> list[Any]:
        """The definition's wire form."""
        return [self.uid, self.id, self.tags, [attribute.packed() for attribute in self.attributes]]

    @cached_property
    def is_emergency(self) -> bool:
        """Whether it is built as an emergency vehicle, with a light bar."""
        return self.default("special_type") == "emergency"

    def default(self, name: str) -> str:
        """The default of an attribute, "" when there is none of that name."""
        return next((attribute.value for attribute in self.attributes if attribute.name == name), "")


@dataclass(frozen=True)
class Description:
    """A blueprint with the values that a client chose."""

    blueprint: Blueprint
    values: Mapping[str, str] = field(default_factory=dict)

    def packed(self) -> list[Any]:
        """The description's wire form, read-only attributes included."""
        return [
            self.blueprint.uid,
            self.blueprint.id,
            [[a.name, a.type, self.values[a.name]] for a in self.blueprint.attributes],
        ]

    @property
    def bodiless(self) -> bool:
        """Whether the actor has neither a mesh nor anything to bump into."""
        return self.blueprint.kind in BODILESS or (self.blueprint.kind == MESH and not self.values["mesh_path"])

    @property
    def extent(self) -> Size:
        """Half sizes (m) of the bounding box. A friction trigger's attributes give it in cm, as in CARLA.

        Raises CallError for an impossible scale.
        """
        kind = self.blueprint.kind
        if kind == TRIGGER:
            return tuple(self.number(f"extent_{axis}") / 100.0 for axis in "xyz")  # type: ignore[return-value]
        if kind == MESH and not self.bodiless:
            scale = self.number("scale")
            if not 0.0 < scale <= MAX_SCALE:
                raise CallError(f"{self.blueprint.id}: scale {scale} is not above 0 and at most {MAX_SCALE}")
            x, y, z = self.blueprint.extent if self.blueprint.stand_in is not None else (0.5 * CUBE_M,) * 3
            return (scale * x, scale * y, scale * z)
        return self.blueprint.extent

    @property
    def center(self) -> Size:
        """Centre (m) of the bounding box in the actor's frame."""
        return (0.0, 0.0, self.extent[2]) if self.blueprint.kind == MESH else self.blueprint.center

    def number(self, name: str) -> float:
        """An attribute as a float. Raises CallError when it is not one."""
        try:
            return float(self.values[name])
        except ValueError:
            raise CallError(f"{self.blueprint.id}: attribute {name}={self.values[name]!r} is not a number") from None

    def flag(self, name: str) -> bool:
        """An attribute as a bool; False when the blueprint has no such attribute."""
        return self.values.get(name, "false").lower() == "true"

    def color(self) -> tuple[int, int, int]:
        """The paint, the blueprint's own when there is no attribute for it or when it cannot be read."""
        return self._color

    @cached_property  # a camera asks for it once per frame
    def _color(self) -> tuple[int, int, int]:
        try:
            red, green, blue = (min(255, max(0, int(part))) for part in self.values.get("color", "").split(","))
        except ValueError:
            return self.blueprint.paint
        return (red, green, blue)


def base_attributes(identifier: str, roles: tuple[str, ...]) -> tuple[Attribute, ...]:
    """What every blueprint has: a role name and the name of its ROS topic."""
    return (
        Attribute("role_name", STRING, roles[0], roles),
        Attribute("ros_name", STRING, identifier, (identifier,)),
    )


def choice(name: str, kind: int, *recommended: str, restricted: bool = False) -> Attribute:
    """An attribute that a client may set; its default is the first recommended value, as in CARLA."""
    return Attribute(name, kind, recommended[0], recommended, True, restricted)


def fixed(name: str, kind: int, value: str) -> Attribute:
    """An attribute that only tells something about the blueprint."""
    return Attribute(name, kind, value, (), False)


def tags_of(identifier: str) -> str:
    """The tags that CARLA derives from an id."""
    return ",".join(identifier.split("."))
