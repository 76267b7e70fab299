"""Downtown: avenues and streets at right angles, lights, zebra crossings, parked streets, blocks left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.maps.generator.draws import degree, joined, street_names, thinned, uniform
from sim.maps.generator.streets import Place, Street, write_streets
from sim.maps.profiles import Profile
from sim.maps.writer import TownWriter

_AVENUE, _STREET, _PARKED = Profile(2, 2), Profile(1, 1), Profile(1, 1, parking=2.3)


def grid(name: str, rng: np.random.Generator, columns: int = 0, rows: int = 0) -> str:
    """OpenDRIVE text of a downtown of `columns` by `rows` junctions; 4 or 5 by 3 or 4 where 0 is given."""
    columns = columns or int(rng.integers(4, 6))
    rows = rows or int(rng.integers(3, 5))
    xs = np.cumsum([0.0] + [uniform(rng, 110.0, 165.0) for _ in range(columns - 1)]).tolist()
    ys = np.cumsum([0.0] + [uniform(rng, 105.0, 150.0) for _ in range(rows - 1)]).tolist()
    wide_column, wide_row = int(rng.integers(1, columns - 1)), int(rng.integers(1, rows - 1))
    names = street_names(rng, ("Street", "Row", "Square"))
    places = {rows * i + j: Place(xs[i], ys[j]) for i in range(columns) for j in range(rows)}
    streets: list[Street] = []
    removable: list[str] = []
    for i in range(columns):
        for j in range(rows):
            for step_i, step_j in ((1, 0), (0, 1)):
                if i + step_i == columns or j + step_j == rows:
                    continue
                wide = j == wide_row if step_i else i == wide_column
                border = j in (0, rows - 1) if step_i else i in (0, columns - 1)
                parked = _PARKED if not wide and not border and rng.random() < 0.6 else None
                street = Street(
                    names[len(streets)],
                    rows * i + j,
                    rows * (i + step_i) + j + step_j,
                    _AVENUE if wide else _STREET,
                    50.0 if wide or border else 30.0,
                    radius=40.0,
                    parked=parked,
                )
                streets.append(street)
                if not wide and not border:
                    removable.append(street.name)
    streets = thinned(rng, streets, removable, int(rng.integers(1, 4)))
    places, streets = joined(places, streets)
    for key, place in places.items():
        wide = any(street.profile == _AVENUE for street in streets if key in (street.start, street.end))
        signed = degree(streets, key) == 3 and not wide and rng.random() < 0.6
        control = ("stop", "yield")[int(rng.integers(2))] if signed else "lights"
        places[key] = replace(place, control=control)
    town = TownWriter(name, taper_length=10.0, turn_kmh=30.0)
    write_streets(town, places, streets)
    town.limit_signs()
    return town.text()
