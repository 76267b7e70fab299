"""What is on the air between V2X sensors."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Transmission:
    """A record on the air: of which sensor, from which actor, with which power (dBm)."""

    sensor: int
    sender: int
    power: float
    record: bytes


class Ether:
    """What is on the air: the messages of each kind that were sent in one frame, and in the one before."""

    def __init__(self) -> None:
        self._sent: dict[tuple[int, int], dict[int, Transmission]] = {}

    def send(self, kind: int, frame: int, message: Transmission) -> None:
        """Put a message on the air; a second one of the same sensor in one frame replaces the first."""
        for key in [key for key in self._sent if key[1] < frame - 1]:
            del self._sent[key]
        self._sent.setdefault((kind, frame), {})[message.sensor] = message

    def heard(self, kind: int, frame: int) -> list[Transmission]:
        """The messages of a frame in the order in which they were sent."""
        return list(self._sent.get((kind, frame), {}).values())
