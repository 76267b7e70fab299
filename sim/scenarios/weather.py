"""Weather and sun, drawn; the test split has skies that training never sees."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import carla
import numpy as np


@dataclass(frozen=True)
class WeatherDraw:
    """The part of CARLA's weather that is drawn: percentages and degrees as in `carla.WeatherParameters`.

    Falling rain and wind are left out: drops and clouds move with the server's time, so that the same seed would not
    give the same picture twice. Wet roads and puddles are in.
    """

    cloudiness: float
    precipitation_deposits: float
    wetness: float
    fog_density: float
    sun_azimuth_angle: float
    sun_altitude_angle: float

    def parameters(self) -> carla.WeatherParameters:
        """As CARLA takes it."""
        weather = carla.WeatherParameters(
            precipitation=0.0, wind_intensity=0.0, fog_distance=0.75, fog_falloff=0.1, scattering_intensity=1.0
        )
        for name, value in asdict(self).items():
            setattr(weather, name, value)
        return weather


# cloudiness, deposits, wetness, fog, sun altitude: ranges. Azimuths are drawn apart (below).
_TRAIN = (
    ((0.0, 25.0), (0.0, 0.0), (0.0, 0.0), (0.0, 3.0), (35.0, 80.0)),
    ((30.0, 60.0), (0.0, 0.0), (0.0, 0.0), (0.0, 5.0), (25.0, 70.0)),
    ((70.0, 95.0), (0.0, 20.0), (0.0, 30.0), (2.0, 8.0), (30.0, 70.0)),
    ((10.0, 50.0), (20.0, 50.0), (40.0, 80.0), (0.0, 5.0), (30.0, 70.0)),
)
_TEST = (
    ((10.0, 30.0), (0.0, 0.0), (0.0, 0.0), (0.0, 3.0), (18.0, 28.0)),
    ((60.0, 70.0), (50.0, 70.0), (70.0, 100.0), (2.0, 6.0), (25.0, 60.0)),
    ((95.0, 100.0), (0.0, 10.0), (0.0, 20.0), (8.0, 12.0), (20.0, 50.0)),
)


def draw_weather(split: str, rng: np.random.Generator) -> WeatherDraw:
    """Weather of a split: "train" (sun from azimuth 0 to 240 degrees), or "test" and "validation" (240 to 360)."""
    kinds = _TRAIN if split == "train" else _TEST
    ranges = kinds[int(rng.integers(len(kinds)))]
    cloudiness, deposits, wetness, fog, altitude = (round(float(rng.uniform(*bounds)), 2) for bounds in ranges)
    azimuth = round(float(rng.uniform(0.0, 240.0) if split == "train" else rng.uniform(240.0, 360.0)), 2)
    return WeatherDraw(cloudiness, deposits, wetness, fog, azimuth, altitude)
