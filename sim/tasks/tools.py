"""The driving tools: their schemas, which calls are legal, and the finite list of all of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from sim.tasks.protocol import InvalidToolCall, Scalar, ToolCall, ToolSpec


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


TOOLS: tuple[ToolSpec, ...] = (
    ToolSpec("observe", "Keep speed and lane for half a second.", _object()),
    ToolSpec(
        "lane_change",
        "Swerve into the next lane at once.",
        _object(direction={"type": "string", "description": "Side.", "enum": ["left", "right"]}),
    ),
    ToolSpec(
        "brake",
        "Brake for one second.",
        _object(intensity={"type": "string", "description": "Strength.", "enum": ["light", "firm", "full"]}),
    ),
    ToolSpec("emergency_stop", "Brake fully until standstill.", _object()),
    ToolSpec(
        "maintain_speed",
        "Drive at a speed for one second.",
        _object(
            kmh={"type": "integer", "description": "Speed.", "minimum": 30, "maximum": 60, "multipleOf": 10},
        ),
    ),
)


def legal_values(schema: Mapping[str, Any]) -> tuple[Scalar, ...]:
    """All values that a property's schema allows: those of an enum, or an integer's range by its multiple."""
    if "enum" in schema:
        return tuple(schema["enum"])
    if schema.get("type") == "integer":
        step = int(schema.get("multipleOf", 1))
        first = -(-int(schema["minimum"]) // step) * step
        return tuple(range(first, int(schema["maximum"]) + 1, step))
    if schema.get("type") == "boolean":
        return (False, True)
    raise ValueError(f"the schema {dict(schema)!r} has no finite set of values")


def all_calls(tools: tuple[ToolSpec, ...] = TOOLS) -> tuple[ToolCall, ...]:
    """Every legal call, in the order of the tools and of their arguments' values."""
    calls = []
    for tool in tools:
        properties = tool.parameters["properties"]
        for values in itertools.product(*(legal_values(schema) for schema in properties.values())):
            calls.append(ToolCall(tool.name, dict(zip(properties, values, strict=True))))
    return tuple(calls)


def check_call(call: ToolCall, tools: tuple[ToolSpec, ...] = TOOLS) -> None:
    """Raises InvalidToolCall unless `call` names a tool and gives exactly its arguments, each with a legal value."""
    tool = next((tool for tool in tools if tool.name == call.name), None)
    if tool is None:
        raise InvalidToolCall(f"there is no tool {call.name!r}; choose one of {', '.join(tool.name for tool in tools)}")
    properties = tool.parameters["properties"]
    for name in tool.parameters["required"]:
        if name not in call.arguments:
            raise InvalidToolCall(f"{call.name}: the argument {name!r} is missing; give {_words(properties[name])}")
    for name, value in call.arguments.items():
        if name not in properties:
            known = ", ".join(properties) or "no arguments"
            raise InvalidToolCall(f"{call.name}: unknown argument {name!r}; it takes {known}")
        legal = legal_values(properties[name])
        # True == 1 in Python, but not in JSON.
        if not any(value == choice and type(value) is type(choice) for choice in legal):
            raise InvalidToolCall(f"{call.name}: {name}={value!r} is not legal; give {_words(properties[name])}")


def _words(schema: Mapping[str, Any]) -> str:
    return " or ".join(repr(value) for value in legal_values(schema))
