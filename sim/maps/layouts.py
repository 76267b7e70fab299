"""Plans of the built-in towns."""

from __future__ import annotations

import math
from collections.abc import Callable

from sim.maps.profiles import Profile
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


LAYOUTS: dict[str, Callable[[], str]] = {"Pilotage01": pilotage01}
