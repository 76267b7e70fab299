"""A small town for tests: four streets with sidewalks and zebra crossings around a junction."""

from __future__ import annotations

import math

from sim.maps.profiles import Profile
from sim.maps.writer import Leg, TownWriter


def crossroads(arm_m: float = 80.0) -> str:
    """OpenDRIVE text: a four-arm junction of two-lane streets around the origin, each with a zebra crossing."""
    town = TownWriter("Crossroads")
    street = Profile(1, 1, sidewalk=3.0)
    for number in range(4):
        heading = number * math.pi / 2.0
        start = (20.0 * math.cos(heading), 20.0 * math.sin(heading), heading)
        town.chain(start, [Leg(f"Street {number}", arm_m, 0.0, street, 40.0)], first=1000, last=None)
    town.connect(1000)
    return town.text()
