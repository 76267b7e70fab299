"""Satellite positions, as `carla.Map.transform_to_geolocation` gives them, with CARLA's noise parameters."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

EARTH_RADIUS_M = 6378137.0
SCALE = 0.9996
DEFAULT_REFERENCE = (42.0, 2.0)


@lru_cache(maxsize=16)
def georeference(opendrive: str) -> tuple[float, float]:
    """Latitude and longitude (degrees) of a map's origin: lat_0 and lon_0 of its geoReference, else CARLA's default."""
    found = re.search(r"<geoReference>(.*?)</geoReference>", opendrive, re.DOTALL)
    if found is None:
        return DEFAULT_REFERENCE
    values = dict(
        part.split("=", 1) for part in re.sub(r"<!\[CDATA\[|\]\]>", " ", found.group(1)).split() if part.count("=") == 1
    )
    try:
        return float(values["+lat_0"]), float(values["+lon_0"])
    except (KeyError, ValueError):
        return DEFAULT_REFERENCE


def geolocation(x: float, y: float, reference: tuple[float, float]) -> tuple[float, float]:
    """Latitude and longitude (degrees) of a place (m) around a reference.

    The inverse transverse Mercator projection of a sphere with 0.9996 in the middle meridian, latitude growing with y:
    so the 0.9.16 client computes, whatever projection the map names (compared with the client in the tests).
    """
    origin, meridian = math.radians(reference[0]), math.radians(reference[1])
    east, north = x / (SCALE * EARTH_RADIUS_M), y / (SCALE * EARTH_RADIUS_M) + origin
    latitude = math.asin(math.sin(north) / math.cosh(east))
    longitude = meridian + math.atan2(math.sinh(east), math.cos(north))
    return math.degrees(latitude), math.degrees(longitude)


@dataclass(frozen=True)
class PositionNoise:
    """Bias and standard deviation of latitude, longitude (degrees) and altitude (m)."""

    bias: tuple[float, float, float]
    stddev: tuple[float, float, float]


class Gnss:
    """`sensor.other.gnss`."""

    def __init__(self, noise: PositionNoise, random: np.random.Generator) -> None:
        self._noise = noise
        self._random = random

    def fix(self, place: tuple[float, float, float], reference: tuple[float, float]) -> list[float]:
        """Latitude, longitude (degrees) and altitude (m) of a place in the world."""
        exact = np.array((*geolocation(place[0], place[1], reference), place[2]))
        fixed: list[float] = (exact + self._noise.bias + self._random.normal(size=3) * self._noise.stddev).tolist()
        return fixed
