"""Signals as OpenDRIVE 1.4 writes them: traffic lights with references on the lanes that they stop, and signs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.maps.signals import TRAFFIC_LIGHT

# m before the end of a road: a zebra crossing lies between 3 and 7 m.
STOP_LINE = 8.0
SIGN_LINE = 1.5
POST_FROM_END = 1.5
POST_BESIDE = 0.5


@dataclass(frozen=True)
class Approach:
    """Lanes that lead to one end of a road, `side` -1 for those along s and +1 for those against it.

    `length` of the road (m), distance `edge` (m) of its outermost lane's far edge, lane ids `lanes` that are driven on.
    """

    side: int
    length: float
    edge: float
    lanes: tuple[int, ...]

    def s(self, from_end: float) -> float:
        """Station (m) that lies `from_end` metres before the end to which the lanes lead."""
        return self.length - from_end if self.side < 0 else from_end

    @property
    def orientation(self) -> str:
        """As in CARLA's maps, whose client takes "-" for lanes with negative ids."""
        return "-" if self.side < 0 else "+"

    @property
    def heading(self) -> float:
        """hOffset (rad); signals of CARLA's maps head the way of those who obey them."""
        return 0.0 if self.side < 0 else math.pi

    @property
    def validity(self) -> str:
        return f'<validity fromLane="{min(self.lanes)}" toLane="{max(self.lanes)}"/>'


def light(identifier: int, approach: Approach) -> list[str]:
    """A traffic light behind the crossing, and where it stops the approach's lanes."""
    t = approach.side * (approach.edge + POST_BESIDE)
    return [
        _signal(identifier, "Light", approach, POST_FROM_END, t, "yes", TRAFFIC_LIGHT, -1, 'height="5.8" width="0.5"')
        + '<validity fromLane="0" toLane="0"/></signal>',
        f'<signalReference id="{identifier}" s="{approach.s(STOP_LINE)!r}" t="0" '
        f'orientation="{approach.orientation}">{approach.validity}</signalReference>',
    ]


def sign(identifier: int, name: str, kind: str, value: int, approach: Approach, from_end: float) -> str:
    """A sign `from_end` metres before the end of the approach; `value` -1 when nothing is printed on it."""
    t = approach.side * (approach.edge + POST_BESIDE)
    size = 'height="0.76" width="0.76"'
    return _signal(identifier, name, approach, from_end, t, "no", kind, value, size) + approach.validity + "</signal>"


def _signal(
    identifier: int,
    name: str,
    approach: Approach,
    from_end: float,
    t: float,
    dynamic: str,
    kind: str,
    value: int,
    size: str,
) -> str:
    return (
        f'<signal name="{name}" id="{identifier}" s="{approach.s(from_end)!r}" t="{t!r}" zOffset="0" '
        f'hOffset="{approach.heading!r}" pitch="0" roll="0" orientation="{approach.orientation}" dynamic="{dynamic}" '
        f'country="OpenDRIVE" type="{kind}" subtype="-1" value="{value}" unit="km/h" {size} text="">'
    )


def controller(identifier: int, sequence: int, signals: list[int]) -> str:
    """A controller that switches `signals` together, as number `sequence` of its junction."""
    controls = "".join(f'<control signalId="{signal}" type="0"/>' for signal in signals)
    return f'<controller name="Controller{identifier}" id="{identifier}" sequence="{sequence}">{controls}</controller>'
