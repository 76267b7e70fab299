"""What is wrong with a sensor that cannot be built."""

from __future__ import annotations

from sim.errors import PilotageError


class ImpossibleSensor(PilotageError, ValueError):
    """Attributes that describe no sensor; the message names the attribute."""


def require(condition: bool, text: str) -> None:
    """Raise ImpossibleSensor with `text` unless `condition` holds."""
    if not condition:
        raise ImpossibleSensor(text)
