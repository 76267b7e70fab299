"""Weather as CARLA describes it, and the light, sky and fog that the shader needs from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class Weather:
    """CARLA 0.9.16 weather; names, order and units of `carla.WeatherParameters`. The default is `ClearNoon`.

    Percentages 0..100 unless said otherwise; angles in degrees; `fog_distance` in metres.
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

    sun          (3,) unit vector towards the sun, world frame; `azimuth`, `altitude` the same in degrees
    lantern      (3,) unit vector towards what shines in the sky: the sun, at night the moon
    sun_color    (3,) strength of direct light on a surface facing the sun
    sky_light    (3,) ambient light on a surface facing up; from below comes `ground_light`
    zenith, horizon, fog, cloud, glare   (3,) display RGB; `glare` that of the sun and its glow
    disc, halo, wash   strength of the sun's disc, of the glow around it and of the glow along the horizon
    extinction   fog extinction per metre at sea level, from `fog_start` metres on; `fog_fall` (1/m) thins it upwards
    clouds       0..1 share of the sky that is cloud; they drift by `wind` (m/s along x and y)
    wet, puddles, rain   0..1
    night        0..1: lamps glow at 1; `stars` 0..1
    """

    sun: np.ndarray
    azimuth: float
    altitude: float
    lantern: np.ndarray
    sun_color: np.ndarray
    sky_light: np.ndarray
    ground_light: np.ndarray
    zenith: np.ndarray
    horizon: np.ndarray
    fog: np.ndarray
    cloud: np.ndarray
    glare: np.ndarray
    disc: float
    halo: float
    wash: float
    extinction: float
    fog_start: float
    fog_fall: float
    clouds: float
    wind: tuple[float, float]
    wet: float
    puddles: float
    rain: float
    night: float
    stars: float


def _share(percent: float) -> float:
    return min(max(percent / 100.0, 0.0), 1.0)


def _smoothstep(low: float, high: float, value: float) -> float:
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def _mix(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    return a + (b - a) * t


def _direction(azimuth: float, altitude: float) -> np.ndarray:
    turn, rise = math.radians(azimuth), math.radians(altitude)
    return np.array([math.cos(rise) * math.cos(turn), math.cos(rise) * math.sin(turn), math.sin(rise)])


MOON_ALTITUDE = 32.0
WIND_MPS = 15.0
"""Speed of the wind at `wind_intensity` 100, near the ground: a near gale."""
WIND_FROM_DEGREES = 35.0
"""Where the wind blows towards: CARLA's weather has no direction for it."""


@lru_cache(maxsize=16)
def atmosphere(weather: Weather) -> Atmosphere:
    """Light, sky and fog of a weather (cached: the arrays are shared, do not write to them).

    The constants are chosen by eye so that a surface facing a clear noon sky shows its albedo, not measured from CARLA.
    """
    altitude = weather.sun_altitude_angle
    sun = _direction(weather.sun_azimuth_angle, altitude)
    clouds, rain, dust = _share(weather.cloudiness), _share(weather.precipitation), _share(weather.dust_storm)
    fogginess = _share(weather.fog_density)
    day = _smoothstep(-12.0, 8.0, altitude)
    low_sun = (1.0 - _smoothstep(4.0, 32.0, altitude)) * day
    overcast = max(clouds * clouds, 0.75 * rain)
    # Air: how much it scatters of all light (mie: haze around the sun) and of blue light (rayleigh), 1 as CARLA has it.
    mie = min(max(weather.mie_scattering_scale / 0.03, 0.0), 8.0)
    rayleigh = min(max(weather.rayleigh_scattering_scale / 0.0331, 0.0), 4.0)
    scatter = min(max(weather.scattering_intensity, 0.0), 4.0)

    sunlight = _mix(np.array([0.84, 0.78, 0.66]), np.array([1.15, 0.72, 0.36]), low_sun)
    sun_color = sunlight * _smoothstep(-2.0, 8.0, altitude) * (1.0 - 0.92 * overcast) * (1.0 - 0.75 * dust)
    day_light = _mix(np.array([0.43, 0.48, 0.57]), np.array([0.54, 0.51, 0.59]), low_sun)
    day_light = _mix(day_light, np.array([0.78, 0.79, 0.81]), overcast) * (1.0 - 0.30 * rain) * (1.0 - 0.10 * low_sun)
    day_light = _mix(day_light, np.array([0.80, 0.66, 0.48]), 0.8 * dust)
    night_light = _mix(np.array([0.33, 0.37, 0.50]), np.array([0.33, 0.34, 0.39]), overcast)
    sky_light = _mix(night_light * (1.0 - 0.25 * rain), day_light, day)
    ground_light = sky_light * np.array([0.58, 0.55, 0.50]) + 0.10 * sun_color * max(float(sun[2]), 0.0)

    zenith = _mix(np.array([66.0, 122.0, 206.0]), np.array([74.0, 98.0, 164.0]), low_sun)
    # Without an atmosphere the sky is black; with a thicker one it is a deeper blue, and red at a low sun.
    zenith = zenith * np.array([1.0, 0.55 + 0.45 * min(rayleigh, 1.0), 0.35 + 0.65 * min(rayleigh, 1.0)])
    if rayleigh > 1.0:
        zenith = zenith * (1.0 - 0.12 * (rayleigh - 1.0) * np.array([1.0, 0.4, 0.0]))
    horizon = _mix(np.array([190.0, 212.0, 232.0]), np.array([250.0, 190.0, 132.0]), low_sun)
    horizon = _mix(horizon, np.array([236.0, 236.0, 232.0]), 0.1 * min(mie - 1.0, 6.0) if mie > 1.0 else 0.0)
    grey = _mix(np.array([178.0, 183.0, 190.0]), np.array([164.0, 150.0, 148.0]), low_sun) * (1.0 - 0.30 * rain)
    zenith, horizon = _mix(zenith, grey * 0.88, overcast), _mix(horizon, grey * 1.06, 0.9 * overcast)
    # A town's lamps light its clouds from below; rain dims them.
    deep = _mix(np.array([8.0, 12.0, 30.0]), np.array([19.0, 20.0, 25.0]), overcast) * (1.0 - 0.25 * rain)
    rim = _mix(np.array([26.0, 32.0, 56.0]), np.array([38.0, 36.0, 38.0]), overcast) * (1.0 - 0.2 * rain)
    zenith, horizon = _mix(deep, zenith, day), _mix(rim, horizon, day)
    fog = _mix(horizon, np.full(3, float(horizon.mean())), 0.5 * fogginess + 0.2)
    fog = fog * min(0.85 + 0.15 * scatter, 1.15)
    if dust > 0.0:
        tint = np.array([198.0, 152.0, 96.0]) * (0.12 + 0.88 * day)
        zenith, horizon, fog = (
            _mix(color, tint * share, 0.88 * dust) for color, share in ((zenith, 0.94), (horizon, 1.0), (fog, 1.0))
        )
    white = np.minimum(_mix(np.array([246.0, 247.0, 250.0]), np.array([255.0, 206.0, 164.0]), low_sun), 255.0)
    cloud = _mix(white, grey, overcast * overcast)
    cloud = _mix(_mix(np.array([30.0, 33.0, 46.0]), np.array([30.0, 30.0, 34.0]), overcast), cloud, day)
    cloud = _mix(cloud, fog, 0.9 * dust)
    shining = _smoothstep(-4.0, 2.0, altitude)
    glare = _mix(np.array([255.0, 250.0, 232.0]), np.array([255.0, 214.0, 150.0]), low_sun)
    glare = _mix(np.array([206.0, 214.0, 232.0]), glare, shining)
    lantern = sun if shining > 0.0 else _direction(weather.sun_azimuth_angle + 150.0, MOON_ALTITUDE)
    veiled = (1.0 - 0.9 * overcast) * (1.0 - 0.85 * dust)
    halo = (0.12 + 0.88 * shining) * (0.5 + 0.5 * math.sqrt(mie)) * (0.5 + 0.5 * scatter) * veiled
    wash = 0.75 * low_sun * shining * veiled * min(mie, 2.0)
    # 2 % (clear) hides a tenth at 900 m; 100 % leaves about 70 m of sight.
    extinction = 0.045 * fogginess * math.sqrt(fogginess) + 0.02 * dust + 0.0022 * rain
    wind = WIND_MPS * _share(weather.wind_intensity)
    wet = max(_share(weather.wetness), min(1.0, 1.2 * _share(weather.precipitation_deposits)), 0.7 * rain)
    blows = _direction(WIND_FROM_DEGREES, 0.0)
    return Atmosphere(
        sun=sun,
        azimuth=weather.sun_azimuth_angle,
        altitude=altitude,
        lantern=lantern,
        sun_color=sun_color,
        sky_light=sky_light,
        ground_light=ground_light,
        zenith=zenith,
        horizon=horizon,
        fog=fog,
        cloud=cloud,
        glare=glare,
        disc=veiled,
        halo=halo,
        wash=wash,
        extinction=extinction,
        fog_start=max(weather.fog_distance, 0.0),
        # At 1, CARLA says, fog reaches as high as ordinary buildings.
        fog_fall=min(max(weather.fog_falloff, 0.0), 50.0) / 18.0,
        clouds=clouds,
        wind=(wind * float(blows[0]), wind * float(blows[1])),
        wet=wet,
        puddles=_share(weather.precipitation_deposits),
        rain=rain,
        night=1.0 - day,
        stars=_smoothstep(6.0, 14.0, -altitude) * (1.0 - clouds) * (1.0 - 0.6 * dust),
    )
