"""A closed test track: four lanes wide, hairpins, and a skid pad at the end of a spur."""

from __future__ import annotations

import numpy as np

from sim.maps.generator.draws import uniform
from sim.maps.generator.streets import Place, Street, write_streets
from sim.maps.profiles import Profile
from sim.maps.writer import TownWriter

CIRCUIT = "Circuit"  # the name of its roads


def track(name: str, rng: np.random.Generator) -> str:
    """OpenDRIVE text of a test track."""
    right, left = uniform(rng, 200.0, 280.0), -uniform(rng, 160.0, 240.0)
    inner = uniform(rng, 20.0, 80.0)
    heights = np.cumsum([uniform(rng, 70.0, 100.0), uniform(rng, 50.0, 70.0), uniform(rng, 65.0, 100.0)]).tolist()
    slant = uniform(rng, -12.0, 12.0)
    via = (
        (right, 0.0),
        (right, heights[0]),
        (inner, heights[0] + slant),
        (inner, heights[1] + slant),
        (right, heights[1]),
        (right, heights[2]),
        (left, heights[2]),
        (left, 0.0),
    )
    places = {0: Place(0.0, 0.0), 1: Place(0.0, -uniform(rng, 110.0, 140.0), kind="skid pad")}
    circuit = Profile(2, 2, shoulder=2.0, sidewalk=0.0)
    spur = Profile(1, 1, shoulder=2.0, sidewalk=0.0)
    streets = [
        Street(CIRCUIT, 0, 0, circuit, 40.0, via, radius=40.0),
        Street("Skid Pad Road", 0, 1, spur, 50.0),
    ]
    town = TownWriter(name, taper_length=20.0, turn_kmh=30.0)
    write_streets(town, places, streets)
    town.limit_signs()
    return town.text()
