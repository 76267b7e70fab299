"""What the styles of streets share: a lattice of places, streets taken away from it, corners, and names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.maps.generator.streets import Place, Street

_TREES = (
    "Alder", "Ash", "Aspen", "Beech", "Birch", "Cedar", "Cherry", "Chestnut", "Cypress", "Elder", "Elm", "Fir",
    "Hawthorn", "Hazel", "Holly", "Juniper", "Larch", "Laurel", "Linden", "Maple", "Oak", "Pine", "Poplar", "Rowan",
    "Spruce", "Sycamore", "Walnut", "Willow", "Yew",
)  # fmt: skip


def street_names(rng: np.random.Generator, kinds: tuple[str, ...]) -> list[str]:
    """Different names in an order that is drawn."""
    order = rng.permutation(len(_TREES) * len(kinds))
    return [f"{_TREES[n % len(_TREES)]} {kinds[n // len(_TREES)]}" for n in order.tolist()]


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A draw in steps of a centimetre."""
    return round(low + (high - low) * float(rng.random()), 2)


def thinned(
    rng: np.random.Generator, streets: list[Street], removable: list[str], count: int, keep: int = 2
) -> list[Street]:
    """Without up to `count` of the streets `removable`; every place keeps `keep` streets, and all stay connected."""
    order = [removable[n] for n in rng.permutation(len(removable)).tolist()]
    left = list(streets)
    for name in order:
        if count == 0:
            break
        gone = next(street for street in left if street.name == name)
        rest = [street for street in left if street is not gone]
        if all(degree(rest, key) >= keep for key in (gone.start, gone.end)) and _connected(rest):
            left, count = rest, count - 1
    return left


def degree(streets: list[Street], key: int) -> int:
    """How many street ends meet at a place."""
    return sum((street.start == key) + (street.end == key) for street in streets)


def _connected(streets: list[Street]) -> bool:
    keys = {key for street in streets for key in (street.start, street.end)}
    reached, frontier = set(), [min(keys)]
    while frontier:
        key = frontier.pop()
        if key not in reached:
            reached.add(key)
            frontier += [s.end if s.start == key else s.start for s in streets if key in (s.start, s.end)]
    return reached == keys


def joined(places: dict[int, Place], streets: list[Street]) -> tuple[dict[int, Place], list[Street]]:
    """Places where only two streets meet become corners of one street."""
    places, streets = dict(places), list(streets)
    for key in sorted(places):
        meeting = [street for street in streets if key in (street.start, street.end)]
        if len(meeting) != 2 or places[key].kind != "crossing":
            continue
        first, second = meeting
        if first.end != key:
            first = _reversed(first)
        if second.start != key:
            second = _reversed(second)
        via = (*first.via, (places[key].x, places[key].y), *second.via)
        streets = [street for street in streets if street.name not in (first.name, second.name)]
        streets.append(replace(first, end=second.end, via=via))
        del places[key]
    return {key: place for key, place in places.items() if degree(streets, key)}, streets


def _reversed(street: Street) -> Street:
    profile = replace(street.profile, left=street.profile.right, right=street.profile.left)
    return replace(street, start=street.end, end=street.start, via=street.via[::-1], profile=profile)
