"""Plans of the built-in towns."""

from __future__ import annotations

import math
from collections.abc import Callable

from sim.maps.generator import NAMED
from sim.maps.profiles import Profile
from sim.maps.signals import STOP, YIELD
from sim.maps.writer import Leg, TownWriter

JUNCTION_RADIUS = 34.0


def pilotage01() -> str:
    """A four-arm junction whose arms close into two loops of 3 to 8 lanes (OpenDRIVE text).

    The north-eastern loop goes from a six-lane street over an eight-lane parkway to a four-lane street; the
    south-western one from an eight-lane boulevard over six and four lanes to a street with three lanes in, two out.
    """
    town = TownWriter("Pilotage01")
    street3 = Profile(3, 3)
    parkway4 = Profile(4, 4, median=3.0, shoulder=2.0, sidewalk=0.0)
    parkway3 = Profile(3, 3, median=3.0, shoulder=2.0, sidewalk=0.0)
    parkway2 = Profile(2, 2, median=3.0, shoulder=2.0, sidewalk=0.0)
    street2 = Profile(2, 2)
    town.chain(
        (JUNCTION_RADIUS, 0.0, 0.0),
        _loop(
            620.0,
            160.0,
            90.0,
            (
                ("East Street", street3, 50.0),
                ("East Bend", street3, 50.0),
                ("East Parkway", parkway4, 60.0),
                ("North Bend", parkway4, 60.0),
                ("North Parkway", parkway3, 60.0),
                ("Hill Bend", parkway2, 60.0),
                ("North Street", street2, 50.0),
            ),
        ),
        first=1000,
        last=1000,
    )
    boulevard4 = Profile(4, 4, median=2.0, median_surface="concrete")
    avenue3 = Profile(3, 3, shoulder=1.5)
    avenue2 = Profile(2, 2, shoulder=1.5, parking=2.2)
    park2 = Profile(2, 2, median=5.0, shoulder=1.5, sidewalk=0.0)
    south = Profile(2, 3)
    town.chain(
        (-JUNCTION_RADIUS, 0.0, math.pi),
        _loop(
            700.0,
            220.0,
            90.0,
            (
                ("West Boulevard", boulevard4, 60.0),
                ("West Bend", avenue3, 50.0),
                ("Mill Avenue", avenue3, 50.0),
                ("Mill Bend", avenue2, 50.0),
                ("Park Road", park2, 60.0),
                ("Park Bend", park2, 60.0),
                ("South Street", south, 50.0),
            ),
        ),
        first=1000,
        last=1000,
    )
    town.connect(1000)
    return town.text()


def _loop(side: float, radius: float, turn: float, plan: tuple[tuple[str, Profile, float], ...]) -> list[Leg]:
    """Square loop with rounded corners, arm to arm; its straight sides lie `side` metres from the junction."""
    arm, leg, corner = side - radius - JUNCTION_RADIUS, side - 2 * radius, radius * math.radians(abs(turn))
    shapes = ((arm, 0.0), (corner, turn), (leg, 0.0), (corner, turn), (leg, 0.0), (corner, turn), (arm, 0.0))
    return [
        Leg(name, length, bend, profile, speed)
        for (length, bend), (name, profile, speed) in zip(shapes, plan, strict=True)
    ]


_BLOCK = (160.0, 140.0)  # m between the middles of neighbouring junctions, west to east and south to north
_CORNER = 40.0
_MOUTH = 17.0


def pilotage02() -> str:
    """A small downtown: two crossings and four tees with traffic lights, a tee with a stop sign, one with a yield sign.

    Two avenues of four lanes (50 km/h) cross streets of two (30 km/h, one with parking); a ring road with rounded
    corners (50 km/h) closes the grid of three by two blocks and goes over a low hill in the south.
    """
    town = TownWriter("Pilotage02", taper_length=10.0, turn_kmh=30.0)
    avenue, ring = Profile(2, 2), Profile(1, 1)
    quiet, parked = Profile(1, 1), Profile(1, 1, parking=2.3)
    at = {(i, j): 100 + 10 * j + i for i in range(4) for j in range(3)}

    def street(
        name: str, start: tuple[int, int], end: tuple[int, int], profile: Profile, speed: float, hill: float = 0.0
    ) -> None:
        length = math.hypot((end[0] - start[0]) * _BLOCK[0], (end[1] - start[1]) * _BLOCK[1]) - 2 * _MOUTH
        legs = [Leg(name, length, 0.0, profile, speed, hill)]
        if profile is parked:
            mouth = 24.0
            legs = [
                Leg(name, mouth, 0.0, quiet, speed),
                Leg(name, length - 2 * mouth, 0.0, parked, speed),
                Leg(name, mouth, 0.0, quiet, speed),
            ]
        heading = math.atan2(end[1] - start[1], end[0] - start[0])
        town.chain(_mouth(start, heading), legs, at[start], at[end])

    for column in range(3):
        street("Central Avenue", (column, 1), (column + 1, 1), avenue, 50.0)
    for row in range(2):
        street("Bell Street", (1, row), (1, row + 1), parked, 30.0)
        street("Market Avenue", (2, row), (2, row + 1), avenue, 50.0)
    street("South Ring", (1, 0), (2, 0), ring, 50.0, hill=2.4)
    street("North Street", (1, 2), (2, 2), quiet, 30.0)
    for name, start, heading, end in (
        ("South-west Ring", (0, 1), -math.pi / 2, (1, 0)),
        ("South-east Ring", (2, 0), 0.0, (3, 1)),
        ("North-east Ring", (3, 1), math.pi / 2, (2, 2)),
        ("North-west Ring", (1, 2), math.pi, (0, 1)),
    ):
        side, across = (0, 1) if abs(math.cos(heading)) > 0.5 else (1, 0)
        legs = [_BLOCK[axis] - _MOUTH - _CORNER for axis in (side, across)]
        town.chain(
            _mouth(start, heading),
            [
                Leg(name, legs[0], 0.0, ring, 50.0),
                Leg(name, _CORNER * math.pi / 2, 90.0, ring, 50.0),
                Leg(name, legs[1], 0.0, ring, 50.0),
            ],
            at[start],
            at[end],
        )
    places = [(i, j) for i in range(4) for j in range(3) if (i, j) not in ((0, 0), (3, 0), (0, 2), (3, 2))]
    signed = {(1, 2): ("Stop", STOP), (1, 0): ("Yield", YIELD)}
    for place in places:
        town.connect(at[place], uncrossed=("Bell Street",) if place in signed else ())
    for place in places:
        if place in signed:
            town.signs(at[place], "Bell Street", *signed[place])
        else:
            town.lights(at[place])
    town.limit_signs()
    return town.text()


def _mouth(place: tuple[int, int], heading: float) -> tuple[float, float, float]:
    """Where a street leaves the junction at a place of the grid."""
    x, y = place[0] * _BLOCK[0] + _MOUTH * math.cos(heading), place[1] * _BLOCK[1] + _MOUTH * math.sin(heading)
    return x, y, heading


LAYOUTS: dict[str, Callable[[], str]] = {"Pilotage01": pilotage01, "Pilotage02": pilotage02, **NAMED}
