"""Weather as CARLA describes it, and the light, sky and fog that the shader needs from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class Weather:
    """CARLA 0.9.16 weather; names, order and units of `carla.WeatherParameters`. The default is `ClearNoon`.

    Percentages 0..100 unless said otherwise; angles in degrees; `fog_distance` in metres. `wind_intensity`,
    `fog_falloff` and the scattering parameters are carried for the protocol and do not change the picture.
    """

    cloudiness: float = 5.0
    precipitation: float = 0.0
    precipitation_deposits: float = 0.0
    wind_intensity: float = 10.0
    sun_azimuth_angle: float = -1.0
    sun_altitude_angle: float = 45.0
    fog_density: float = 2.0
    fog_distance: float = 0.75
    fog_falloff: float = 0.1
    wetness: float = 0.0
    scattering_intensity: float = 1.0
    mie_scattering_scale: float = 0.03
    rayleigh_scattering_scale: float = 0.0331
    dust_storm: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value):
                raise ValueError(f"weather.{field.name} must be a finite number, got {value!r}")


@dataclass(frozen=True)
class Atmosphere:
    """What the shader needs from a weather. Colours are RGB multipliers or display RGB in 0..255.

    sun          (3,) unit vector towards the sun, world frame
    sun_color    (3,) strength of direct light on a surface facing the sun
    sky_light    (3,) ambient light on a surface facing up; from below comes `ground_light`
    zenith, horizon, fog, cloud   (3,) display RGB
    extinction   fog extinction per metre, from `fog_start` metres on
    clouds       0..1 share of the sky that is cloud
    wet, puddles, rain   0..1
    night        0..1: lamps glow at 1
    """

    sun: np.ndarray
    sun_color: np.ndarray
    sky_light: np.ndarray
    ground_light: np.ndarray
    zenith: np.ndarray
    horizon: np.ndarray
    fog: np.ndarray
    cloud: np.ndarray
    extinction: float
    fog_start: float
    clouds: float
    wet: float
    puddles: float
    rain: float
    night: float


def _share(percent: float) -> float:
    return min(max(percent / 100.0, 0.0), 1.0)


def _smoothstep(low: float, high: float, value: float) -> float:
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def _mix(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    return a + (b - a) * t


@lru_cache(maxsize=16)
def atmosphere(weather: Weather) -> Atmosphere:
    """Light, sky and fog of a weather (cached: the arrays are shared, do not write to them).

    The constants are chosen by eye so that a surface facing a clear noon sky shows its albedo, not measured from CARLA.
    """
    azimuth, altitude = math.radians(weather.sun_azimuth_angle), math.radians(weather.sun_altitude_angle)
    sun = np.array([math.cos(altitude) * math.cos(azimuth), math.cos(altitude) * math.sin(azimuth), math.sin(altitude)])
    clouds, rain, dust = _share(weather.cloudiness), _share(weather.precipitation), _share(weather.dust_storm)
    day = _smoothstep(-12.0, 8.0, weather.sun_altitude_angle)
    low_sun = (1.0 - _smoothstep(4.0, 32.0, weather.sun_altitude_angle)) * day
    overcast = max(clouds**1.5, 0.6 * rain)

    sunlight = _mix(np.array([0.72, 0.68, 0.60]), np.array([0.86, 0.52, 0.28]), low_sun)
    sun_color = sunlight * _smoothstep(-2.0, 8.0, weather.sun_altitude_angle) * (1.0 - 0.85 * overcast)
    day_light = _mix(np.array([0.54, 0.57, 0.62]), np.array([0.50, 0.47, 0.52]), low_sun)
    day_light = _mix(day_light, np.array([0.80, 0.81, 0.83]), overcast) * (1.0 - 0.22 * rain)
    sky_light = _mix(np.array([0.28, 0.30, 0.38]), day_light, day)
    ground_light = sky_light * np.array([0.56, 0.54, 0.50])

    zenith = _mix(np.array([84.0, 138.0, 212.0]), np.array([88.0, 104.0, 158.0]), low_sun)
    horizon = _mix(np.array([196.0, 214.0, 230.0]), np.array([244.0, 184.0, 128.0]), low_sun)
    grey = np.array([176.0, 180.0, 186.0]) * (1.0 - 0.25 * rain)
    zenith, horizon = _mix(zenith, grey * 0.9, overcast), _mix(horizon, grey * 1.05, overcast)
    zenith = _mix(np.array([9.0, 12.0, 24.0]), zenith, day)
    horizon = _mix(np.array([22.0, 26.0, 40.0]), horizon, day)
    fog = _mix(horizon, np.full(3, float(horizon.mean())), 0.5 * _share(weather.fog_density) + 0.2)
    if dust > 0.0:
        tint = np.array([190.0, 150.0, 100.0]) * (0.15 + 0.85 * day)
        zenith, horizon, fog = (_mix(color, tint, 0.8 * dust) for color in (zenith, horizon, fog))
    # 2 % (clear) hides a tenth at 500 m; 100 % leaves about 40 m of sight.
    extinction = 0.06 * _share(weather.fog_density) ** 1.5 + 0.02 * dust + 0.0015 * rain
    wet = max(_share(weather.wetness), min(1.0, 1.2 * _share(weather.precipitation_deposits)), 0.7 * rain)
    return Atmosphere(
        sun,
        sun_color,
        sky_light,
        ground_light,
        zenith,
        horizon,
        fog,
        np.minimum(1.08 * (0.5 * horizon.mean() + 0.5 * horizon), 250.0),
        extinction,
        max(weather.fog_distance, 0.0),
        clouds,
        wet,
        _share(weather.precipitation_deposits),
        rain,
        1.0 - day,
    )
