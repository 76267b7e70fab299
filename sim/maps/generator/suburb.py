"""Suburb and countryside: curved streets that give way by signs, roundabouts, turning circles, hills."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sim.maps.generator.draws import degree, joined, street_names, thinned, uniform
from sim.maps.generator.streets import Place, Street, write_streets
from sim.maps.profiles import Profile
from sim.maps.writer import TownWriter

_STREET = Profile(1, 1)
_LANE = Profile(1, 1, shoulder=1.2, sidewalk=0.0)


def suburb(name: str, rng: np.random.Generator) -> str:
    """OpenDRIVE text of a suburb: 4 by 3 places 175 to 205 m apart, one or two roundabouts, turning circles."""
    columns, rows = 4, 3
    xs = np.cumsum([0.0] + [uniform(rng, 175.0, 205.0) for _ in range(columns - 1)]).tolist()
    ys = np.cumsum([0.0] + [uniform(rng, 175.0, 205.0) for _ in range(rows - 1)]).tolist()
    names = street_names(rng, ("Lane", "Road", "Way"))
    places = {
        rows * i + j: Place(xs[i] + uniform(rng, -14, 14), ys[j] + uniform(rng, -14, 14), 0.0)
        for i in range(columns)
        for j in range(rows)
    }
    inner = [rows * i + 1 for i in (1, 2)]
    for key in inner[int(rng.integers(2)) :][: int(rng.integers(1, 3))]:
        places[key] = replace(places[key], kind="roundabout")
    streets, removable = _lattice(rng, places, columns, rows, names, _STREET, 40.0, 18.0)
    streets = thinned(rng, streets, removable, int(rng.integers(1, 3)), keep=3)
    spared = [street for street in streets if street.name in removable]
    for n in rng.permutation(len(spared)).tolist()[: int(rng.integers(2, 4))]:
        _add_turning_circle(rng, places, streets, spared[n], names.pop())
    places, streets = joined(places, streets)
    for key, place in places.items():
        control = "stop" if degree(streets, key) == 4 or rng.random() < 0.4 else "yield"
        places[key] = replace(place, control=control)
    town = TownWriter(name, taper_length=10.0, turn_kmh=25.0)
    write_streets(town, places, streets)
    town.limit_signs()
    return town.text()


def rural(name: str, rng: np.random.Generator) -> str:
    """OpenDRIVE text of hills: 3 by 3 places 280 to 340 m apart and up to 15 m apart in height, mostly T junctions."""
    columns, rows = 3, 3
    xs = np.cumsum([0.0] + [uniform(rng, 280.0, 340.0) for _ in range(columns - 1)]).tolist()
    ys = np.cumsum([0.0] + [uniform(rng, 280.0, 340.0) for _ in range(rows - 1)]).tolist()
    names = street_names(rng, ("Road", "Hill", "Lane"))
    places = {
        rows * i + j: Place(xs[i] + uniform(rng, -25, 25), ys[j] + uniform(rng, -25, 25), uniform(rng, 0.0, 15.0))
        for i in range(columns)
        for j in range(rows)
    }
    streets, removable = _lattice(rng, places, columns, rows, names, _LANE, 50.0, 35.0)
    streets = thinned(rng, streets, removable, 1, keep=3)
    places, streets = joined(places, streets)
    for key, place in places.items():
        places[key] = replace(place, control="stop" if rng.random() < 0.4 else "yield")
    town = TownWriter(name, taper_length=10.0, turn_kmh=30.0)
    write_streets(town, places, streets)
    town.limit_signs()
    return town.text()


def _lattice(
    rng: np.random.Generator,
    places: dict[int, Place],
    columns: int,
    rows: int,
    names: list[str],
    profile: Profile,
    speed: float,
    bend: float,
) -> tuple[list[Street], list[str]]:
    """Streets between neighbours that bow by up to `bend` m, and the names of those inside."""
    streets: list[Street] = []
    inside: list[str] = []
    for i in range(columns):
        for j in range(rows):
            for step_i, step_j in ((1, 0), (0, 1)):
                if i + step_i == columns or j + step_j == rows:
                    continue
                start, end = rows * i + j, rows * (i + step_i) + j + step_j
                a, b = places[start], places[end]
                middle = (0.5 * (a.x + b.x), 0.5 * (a.y + b.y))
                # A roundabout needs room between its arms.
                limit = bend / 3 if "roundabout" in (a.kind, b.kind) else bend
                bow = uniform(rng, -limit, limit) / math.dist((a.x, a.y), (b.x, b.y))
                via = ((middle[0] - bow * (b.y - a.y), middle[1] + bow * (b.x - a.x)),)
                streets.append(Street(names.pop(), start, end, profile, speed, via, radius=120.0))
                if not (j in (0, rows - 1) if step_i else i in (0, columns - 1)):
                    inside.append(streets[-1].name)
    return streets, inside


def _add_turning_circle(
    rng: np.random.Generator, places: dict[int, Place], streets: list[Street], street: Street, name: str
) -> None:
    """A street that ends in a turning circle, off the middle of another one."""
    a, b = places[street.start], places[street.end]
    corner = max(places) + 1
    middle = (0.5 * (a.x + b.x), 0.5 * (a.y + b.y))
    along = (b.x - a.x, b.y - a.y)
    side = (1.0 if rng.random() < 0.5 else -1.0) / math.hypot(*along)
    reach = uniform(rng, 58.0, 68.0)
    places[corner] = Place(middle[0], middle[1], a.z)
    places[corner + 1] = Place(
        middle[0] - side * along[1] * reach, middle[1] + side * along[0] * reach, a.z, "turning circle"
    )
    streets.remove(street)
    streets.append(replace(street, end=corner, via=()))
    streets.append(replace(street, name=f"Upper {street.name}", start=corner, via=()))
    streets.append(replace(street, name=name, start=corner, end=corner + 1, via=(), speed_kmh=30.0))
