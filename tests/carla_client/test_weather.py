"""Weather: every parameter and every preset comes back as it was sent."""

from __future__ import annotations

import struct

import carla
import pytest

NAMES = (
    "cloudiness", "precipitation", "precipitation_deposits", "wind_intensity", "sun_azimuth_angle",
    "sun_altitude_angle", "fog_density", "fog_distance", "fog_falloff", "wetness", "scattering_intensity",
    "mie_scattering_scale", "rayleigh_scattering_scale", "dust_storm",
)  # fmt: skip
PRESETS = sorted(
    name for name, value in vars(carla.WeatherParameters).items() if isinstance(value, carla.WeatherParameters)
)


def values(weather: carla.WeatherParameters) -> list[float]:
    return [getattr(weather, name) for name in NAMES]


def test_all_parameters_are_known():
    public = {name for name, value in vars(carla.WeatherParameters).items() if isinstance(value, property)}
    assert public == set(NAMES)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_survive_the_server(world, preset):
    weather = getattr(carla.WeatherParameters, preset)
    world.set_weather(weather)
    assert world.get_weather() == weather
    assert values(world.get_weather()) == values(weather)


def test_every_parameter_survives_to_the_last_bit_of_a_float32(world):
    weather = carla.WeatherParameters()
    for index, name in enumerate(NAMES):
        setattr(weather, name, 0.1 + 3.7 * index)
    world.set_weather(weather)
    assert values(world.get_weather()) == [
        struct.unpack("f", struct.pack("f", 0.1 + 3.7 * index))[0] for index in range(len(NAMES))
    ]


def test_a_new_episode_has_the_default_weather(client, world):
    default = values(world.get_weather())
    world.set_weather(carla.WeatherParameters.HardRainSunset)
    world.tick()
    assert values(client.reload_world(False).get_weather()) == default == values(carla.WeatherParameters.ClearNoon)
