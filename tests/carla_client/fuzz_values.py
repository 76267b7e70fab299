"""Values of the wire's types: mostly plausible, sometimes extreme, and ways to spoil them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from wire_shapes import members

from sim.server.blueprints import CATALOGUE
from sim.server.client_calls import STRUCTURES

EXTREME_FLOATS = (0.0, -0.0, 1e-45, -1.0, 1e4, -1e5, 1e6, -1e6, 1e9, -1e20, 3.4e38)
HOSTILE_FLOATS = (*EXTREME_FLOATS, float("nan"), float("inf"), float("-inf"), 1e39, 1e300, 5e-324)
HOSTILE_INTEGERS = (0, 1, -1, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1)
HOSTILE_TEXTS = (
    "", "\0", "..", "../../etc/passwd", "/etc/passwd", "C:\\", "a" * 70_000, "é\u202e\U0001f600", "%s%n{}", "\n", "nan",
    "Town01", "Pilotage01", "OpenDriveMap", "<OpenDRIVE/>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
)  # fmt: skip
_RANGES = {"u8": 2**8, "u16": 2**16, "u32": 2**32, "u64": 2**64}
_SLOW_SIZES = ("image_size_x", "image_size_y")


class Values:
    """Draws values; `actors` are the ids that a call may well be about."""

    def __init__(self, rng: random.Random, actors: Sequence[int]) -> None:
        self.rng = rng
        self.actors = actors

    def arguments(self, signature: str) -> list[Any]:
        """Arguments of a call with this signature ("name: type, ...")."""
        return [self.value(kind, name) for name, kind in members(signature)]

    def value(self, kind: str, name: str = "") -> Any:
        rng = self.rng
        if kind in ("f32", "f64"):
            return rng.choice(EXTREME_FLOATS) if rng.random() < 0.04 else rng.choice((1.0, 5.0, 50.0)) * rng.gauss(0, 1)
        if kind == "bool":
            return rng.random() < 0.5
        if kind == "u32" and name in ("actor", "vehicle", "walker", "traffic_light", "parent", "follow_id", "actor_id"):
            return rng.choice(self.actors) if self.actors and rng.random() < 0.93 else rng.choice(HOSTILE_INTEGERS)
        if kind in _RANGES:
            return rng.randrange(_RANGES[kind]) if rng.random() < 0.1 else rng.randrange(20)
        if kind in ("i8", "i32"):
            return rng.randrange(-2, 8)
        if kind == "str":
            return rng.choice(HOSTILE_TEXTS) if rng.random() < 0.6 else rng.choice(("Pilotage01", "a.log", "Wheel_FL"))
        if kind in ("bytes", "24 bytes"):
            return rng.randbytes(24)
        if kind.startswith("optional "):
            return [True, self.value(kind.removeprefix("optional "), name)] if rng.random() < 0.5 else [False]
        if kind.startswith("["):
            return [self.value(kind[1:-1], name.rstrip("s")) for _ in range(rng.choice((0, 1, 2, 3, 26)))]
        if kind.startswith("("):
            return [self.value(part) for part in kind[1:-1].split(", ")]
        if kind == "ActorDescription":
            return self.description()
        if kind == "Command":
            commands = [key for key in STRUCTURES if key.startswith("Command::")]
            index = rng.randrange(len(commands))
            body = [] if index == 0 and rng.random() < 0.5 else self._structure(commands[index])
            return [[index, body]]
        if kind == "DebugShape":
            shapes = [key for key in STRUCTURES if key.startswith("DebugShape::")]
            index = rng.randrange(len(shapes))
            return [[index, self._structure(shapes[index])], self._structure("Color"), self.value("f32"), False]
        if kind in STRUCTURES:
            return self._structure(kind)
        return rng.randrange(12)  # an enumeration

    def _structure(self, kind: str) -> list[Any]:
        return [self.value(part, name) for name, part in members(STRUCTURES[kind])]

    def description(self, name: str = "", changes: float = 0.1) -> list[Any]:
        """What `spawn_actor` takes, of a named or any blueprint, with some of the attributes changed."""
        rng = self.rng
        if not name:
            often = [key for key in CATALOGUE if key.split(".")[0] in ("vehicle", "walker", "sensor")]
            name = rng.choice(often if rng.random() < 0.8 else list(CATALOGUE))
        blueprint = CATALOGUE[name]
        attributes = []
        for attribute in blueprint.attributes:
            value = attribute.value
            if attribute.name in _SLOW_SIZES:
                value = rng.choice(("1", "2", "33", "160")) if rng.random() < 0.8 else rng.choice(("0", "-5", "nan"))
            elif rng.random() < changes:
                value = rng.choice(("", "0", "-1", "1e30", "nan", "inf", "x", "1,2", "300,0,0", "0.001", "100", "true"))
            attributes.append([attribute.name, attribute.type, value])
        return [blueprint.uid, blueprint.id, attributes]

    def junk(self, depth: int = 3) -> Any:
        """Any msgpack value."""
        rng = self.rng
        choice = rng.randrange(9 if depth else 7)
        if choice == 0:
            return None
        if choice == 1:
            return rng.random() < 0.5
        if choice == 2:
            return rng.choice(HOSTILE_INTEGERS)
        if choice == 3:
            return rng.choice(HOSTILE_FLOATS)
        if choice == 4:
            return rng.choice(HOSTILE_TEXTS)
        if choice == 5:
            return rng.randbytes(rng.choice((0, 1, 24, 300)))
        if choice == 6:
            nested: Any = []
            for _ in range(rng.choice((1, 10, 200))):
                nested = [nested]
            return nested
        if choice == 7:
            return {str(index): self.junk(depth - 1) for index in range(rng.randrange(4))}
        return [self.junk(depth - 1) for _ in range(rng.randrange(6))]

    def spoiled(self, value: Any, odds: float = 0.15) -> Any:
        """`value` with some leaves, or whole branches, replaced; lists may lose or gain an element."""
        if isinstance(value, list):
            if self.rng.random() < odds / 3:
                return self.junk()
            out = [self.spoiled(entry, odds) for entry in value]
            if out and self.rng.random() < odds / 3:
                out.pop(self.rng.randrange(len(out)))
            if self.rng.random() < odds / 3:
                out.insert(self.rng.randrange(len(out) + 1), self.junk())
            return out
        if self.rng.random() >= odds:
            return value
        if isinstance(value, float) and self.rng.random() < 0.6:
            return self.rng.choice(HOSTILE_FLOATS)
        if isinstance(value, int) and self.rng.random() < 0.6:
            return self.rng.choice(HOSTILE_INTEGERS)
        return self.junk()
