"""Names of generated towns, such as `Grid-train-0007`, and the splits that they belong to.

The split is part of what seeds a town's random stream, so that no seed of one split draws a town of another.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sim.maps.generator.grid import grid
from sim.maps.generator.motorway import motorway
from sim.maps.generator.suburb import rural, suburb
from sim.maps.generator.track import track

STYLES: dict[str, Callable[[str, np.random.Generator], str]] = {
    "Grid": grid,
    "Suburb": suburb,
    "Motorway": motorway,
    "Rural": rural,
    "Track": track,
}
SPLITS = ("train", "validation", "test")
SEEDS = 10_000
_NAME = re.compile(rf"({'|'.join(STYLES)})-({'|'.join(SPLITS)})-([0-9]{{4}})")


@dataclass(frozen=True)
class GeneratedName:
    """What a generated town's name says."""

    style: str
    split: str
    seed: int


def town_name(style: str, split: str, seed: int) -> str:
    """The name of a generated town. Raises ValueError for a style or split that does not exist, or seed not 0..9999."""
    if style not in STYLES or split not in SPLITS or not 0 <= seed < SEEDS:
        raise ValueError(
            f"no town {style!r}, {split!r}, {seed}: the style is one of {', '.join(STYLES)}, the split one of "
            f"{', '.join(SPLITS)}, the seed 0 to {SEEDS - 1}"
        )
    return f"{style}-{split}-{seed:04d}"


def parse_name(name: str) -> GeneratedName | None:
    """Style, split and seed of a generated town's name; None for any other name."""
    found = _NAME.fullmatch(name)
    return GeneratedName(found[1], found[2], int(found[3])) if found else None


def split_of(name: str) -> str | None:
    """The split that a town (with or without a path in front) belongs to; None for all but generated towns."""
    found = parse_name(name.replace("\\", "/").rsplit("/", 1)[-1].removesuffix("_Opt"))
    return found.split if found else None


def generated_text(name: str) -> str:
    """OpenDRIVE text of the generated town `name`. Raises ValueError for other names."""
    if parse_name(name) is None:
        raise ValueError(f"{name!r} is no generated town; write e.g. Grid-train-0007")
    style = name.partition("-")[0]
    return STYLES[style](name, _stream(name))


def _stream(name: str) -> np.random.Generator:
    seed = int.from_bytes(hashlib.sha256(f"pilotage town {name}".encode()).digest()[:16], "little")
    return np.random.Generator(np.random.PCG64(seed))


def _named(name: str, style: str) -> Callable[[], str]:
    return lambda: STYLES[style](name, _stream(name))


NAMED: dict[str, Callable[[], str]] = {
    "Pilotage03": _named("Pilotage03", "Suburb"),
    "Pilotage04": _named("Pilotage04", "Motorway"),
    "Pilotage05": lambda: grid("Pilotage05", _stream("Pilotage05"), columns=6, rows=4),
    "Pilotage06": _named("Pilotage06", "Rural"),
    "Pilotage07": _named("Pilotage07", "Track"),
}


def road_digest(opendrive: str) -> str:
    """SHA-256 (hex) of a map's roads: the same for two maps that differ in nothing but their names."""
    return hashlib.sha256(re.sub(r' name="[^"]*"', "", opendrive).encode()).hexdigest()
