"""The table of calls: wire name, method, argument readers, kind of answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Handler = Callable[..., Any]


@dataclass(frozen=True)
class Call:
    """A function with its argument readers, and whether it answers Response<void>."""

    method: Handler
    readers: tuple[Callable[[Any], Any], ...]
    void: bool
    unwrapped: bool = False


CALLS: dict[str, Call] = {}


def call(
    *names: str, takes: tuple[Callable[[Any], Any], ...] = (), void: bool = False, raw: bool = False
) -> Callable[[Handler], Handler]:
    """Register a function (context, *arguments) under its wire names; `raw` answers are not wrapped in a Response."""

    def register(method: Handler) -> Handler:
        for name in names:
            CALLS[name] = Call(method, takes, void, raw)
        return method

    return register
