"""Does a value on the wire have the type that the client's own code gives it?"""

from __future__ import annotations

import re
from typing import Any

from wire_tap import Exchange

from sim.server.client_calls import CLIENT_CALLS, STRUCTURES
from sim.server.support import ACCEPTED, SUPPORTED, reason, status

CALLS = {entry.name: entry for entry in CLIENT_CALLS}

_INTEGERS = {"u8": (0, 2**8), "u16": (0, 2**16), "u32": (0, 2**32), "u64": (0, 2**64), "i8": (-128, 256)}
_INTEGERS["i32"] = (-(2**31), 2**31)
_COMMANDS = tuple(name for name in STRUCTURES if name.startswith("Command::"))
# Enumerations that are members or arguments; all travel as integers.
_ENUMERATIONS = {
    "ActorAttributeType", "AttachmentType", "CityObjectLabel", "MapLayer", "MaterialParameter", "TrafficLightState",
    "VehicleDoor", "VehicleWheelLocation",
}  # fmt: skip


class WrongShape(AssertionError):
    """A value that the client's deserialiser would not take for this type."""


def members(text: str) -> list[tuple[str, str]]:
    """(name, type) of "name: type, ..."; types may hold commas in parentheses."""
    return [(name, kind) for name, kind in re.findall(r"(\w+): ((?:\([^()]*\)|\[[^\]]*\]|[^,])+)", text)]


def check(value: Any, kind: str, scope: str = "") -> None:
    """Raises WrongShape unless `value` is what msgpack makes of a C++ value of type `kind`."""
    if kind in _INTEGERS:
        low, high = _INTEGERS[kind]
        _demand(isinstance(value, int) and not isinstance(value, bool) and low <= value < high, value, kind)
    elif kind in ("f32", "f64"):
        _demand(isinstance(value, (int, float)) and not isinstance(value, bool), value, kind)
    elif kind == "bool":
        _demand(isinstance(value, bool), value, kind)
    elif kind == "str":
        _demand(isinstance(value, str), value, kind)
    elif kind == "bytes":
        _demand(isinstance(value, bytes), value, kind)
    elif kind == "24 bytes":
        _demand(isinstance(value, bytes) and len(value) == 24, value, kind)
    elif kind in _ENUMERATIONS:
        _demand(isinstance(value, int) and not isinstance(value, bool), value, kind)
    elif kind.startswith("optional "):
        _demand(isinstance(value, list) and value[:1] in ([False], [True]) and len(value) == 1 + value[0], value, kind)
        if value[0]:
            check(value[1], kind.removeprefix("optional "), scope)
    elif kind.startswith("["):
        _demand(isinstance(value, list), value, kind)
        for entry in value:
            check(entry, kind[1:-1], scope)
    elif kind.startswith("("):
        parts = kind[1:-1].split(", ")
        _demand(isinstance(value, list) and len(value) == len(parts), value, kind)
        for entry, part in zip(value, parts):
            check(entry, part, scope)
    elif kind == "Response<u32>":
        response(value, "u32")
    elif kind == "Command":
        index, body = _variant(value, len(_COMMANDS))
        structure(body, _COMMANDS[index], "Command::")
    elif " | " in kind:
        alternatives = kind.split(" | ")
        _demand(isinstance(value, list) and len(value) == 2 and value[0] in range(len(alternatives)), value, kind)
        check(value[1], alternatives[value[0]], scope)
    elif kind == "DebugShape":
        structure(value, kind, "DebugShape::")
    else:
        structure(value, scope + kind if scope + kind in STRUCTURES else kind, scope)


def structure(value: Any, name: str, scope: str) -> None:
    """Raises WrongShape unless `value` is an array of the members of a structure."""
    parts = members(STRUCTURES[name])
    _demand(isinstance(value, list) and len(value) == len(parts), value, name)
    for entry, (member, kind) in zip(value, parts):
        try:
            check(entry, kind, scope)
        except WrongShape as error:
            raise WrongShape(f"{name}.{member}: {error}") from None


def response(value: Any, kind: str) -> None:
    """Raises WrongShape unless `value` is a successful Response of a type, or of `void`."""
    if kind == "void":
        _demand(value == [[False]], value, "Response<void>")
    elif kind == "[Response<u32>]":
        check(value, kind)
    else:
        index, body = _variant(value, 2)
        _demand(index == 1, value, f"successful Response<{kind}>")
        check(body, kind)


def error_text(value: Any, kind: str) -> str:
    """What a Response that holds an error says. Raises WrongShape if it holds none."""
    if kind == "void":
        _demand(value[0][:1] == [True], value, "Response<void> with an error")
        return str(value[0][1][0])
    index, body = _variant(value, 2)
    _demand(index == 0, value, f"Response<{kind}> with an error")
    return str(body[0])


def _variant(value: Any, alternatives: int) -> tuple[int, Any]:
    _demand(
        isinstance(value, list) and len(value) == 1 and isinstance(value[0], list) and len(value[0]) == 2
        and value[0][0] in range(alternatives), value, "variant",
    )  # fmt: skip
    return value[0][0], value[0][1]


def _demand(fits: bool, value: Any, kind: str) -> None:
    if not fits:
        raise WrongShape(f"{value!r:.200} is no {kind}")


def judge(exchange: Exchange) -> None:
    """The arguments have the listed types, and so has the answer; or it is the refusal with its reason."""
    entry = CALLS[exchange.name]
    wanted = members(entry.arguments)
    assert len(exchange.arguments) == len(wanted)
    for argument, (_, kind) in zip(exchange.arguments, wanted):
        check(argument, kind)
    assert exchange.answered
    assert exchange.error is None, f"{exchange.name}: {exchange.error}"
    if status(entry.name) in (SUPPORTED, ACCEPTED):
        # No client reads the answer of an asynchronous call: it only has to be a success.
        try:
            response(exchange.result, entry.result or "void")
        except WrongShape:
            if entry.result is not None:
                raise
            response(exchange.result, "bool")
    else:
        kind = entry.result if entry.result and not exchange.asynchronous else "void"
        assert reason(entry.name) in error_text(exchange.result, kind)
