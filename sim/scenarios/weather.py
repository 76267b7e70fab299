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


# cloudiness, deposits, wetness, fog, sun altitude: ranges. Azimuths are drawn apart (below). What the test split shows
# lies between what training shows, never within: lower and higher suns, drier and wetter roads, thinner and thicker
# haze are trained on. A policy that has seen only the brighter half sees nothing on a wet road against a low sun.
TRAIN_RANGES = (
    ((0.0, 25.0), (0.0, 0.0), (0.0, 0.0), (0.0, 3.0), (35.0, 80.0)),
    ((31.0, 60.0), (0.0, 0.0), (0.0, 0.0), (0.0, 5.0), (25.0, 70.0)),
    ((70.0, 94.0), (0.0, 20.0), (0.0, 30.0), (2.0, 8.0), (30.0, 70.0)),
    ((10.0, 50.0), (20.0, 45.0), (40.0, 65.0), (0.0, 5.0), (30.0, 70.0)),
    ((0.0, 50.0), (0.0, 0.0), (0.0, 0.0), (0.0, 5.0), (8.0, 16.0)),
    ((30.0, 90.0), (75.0, 100.0), (70.0, 100.0), (0.0, 7.0), (15.0, 70.0)),
    ((80.0, 100.0), (0.0, 15.0), (0.0, 30.0), (13.0, 22.0), (15.0, 60.0)),
)
TEST_RANGES = (
    ((10.0, 30.0), (0.0, 0.0), (0.0, 0.0), (0.0, 3.0), (18.0, 28.0)),
    ((60.0, 70.0), (50.0, 70.0), (70.0, 100.0), (2.0, 6.0), (25.0, 60.0)),
    ((95.0, 100.0), (0.0, 10.0), (0.0, 20.0), (8.0, 12.0), (20.0, 50.0)),
)


def draw_weather(split: str, rng: np.random.Generator) -> WeatherDraw:
    """Weather of a split: "train" (sun from azimuth 0 to 240 degrees), or "test" and "validation" (240 to 360)."""
    kinds = TRAIN_RANGES if split == "train" else TEST_RANGES
    ranges = kinds[int(rng.integers(len(kinds)))]
    cloudiness, deposits, wetness, fog, altitude = (round(float(rng.uniform(*bounds)), 2) for bounds in ranges)
    azimuth = round(float(rng.uniform(0.0, 240.0) if split == "train" else rng.uniform(240.0, 360.0)), 2)
    return WeatherDraw(cloudiness, deposits, wetness, fog, azimuth, altitude)
