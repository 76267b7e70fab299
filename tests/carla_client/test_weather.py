"""Weather: every parameter and every preset comes back as it was sent, and cameras show it."""

from __future__ import annotations

import struct

import carla
import pytest
from sensing import attach, pixels

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


def camera_mean(world, stage, **attributes: object) -> float:
    camera = attach(world, "camera.rgb", None, stage.place(0.0, up=3.0), image_size_x=96, image_size_y=64, **attributes)
    image = pixels(camera.of_frame(world.tick()))
    camera.stop()
    camera.actor.destroy()
    return float(image[..., :3].mean())


def test_weather_changes_what_cameras_show_from_the_next_tick_on(world, stage):
    means = []
    for preset in ("ClearNoon", "ClearSunset", "ClearNight"):
        world.set_weather(getattr(carla.WeatherParameters, preset))
        means.append(camera_mean(world, stage))
    world.set_weather(carla.WeatherParameters.ClearNoon)
    assert means[0] > 1.05 * means[1]
    assert means[1] > 1.3 * means[2]


def test_exposure_and_gamma_of_a_camera_change_its_picture(world, stage):
    plain = camera_mean(world, stage)
    assert camera_mean(world, stage, exposure_compensation=1.0) > 1.15 * plain
    assert camera_mean(world, stage, gamma=1.6) < 0.9 * plain
    assert camera_mean(world, stage, exposure_mode="manual") == plain, "CARLA's defaults are the standard exposure"
    assert camera_mean(world, stage, exposure_mode="manual", shutter_speed=400.0) < 0.9 * plain
    assert camera_mean(world, stage, iso=800.0) == plain, "only manual exposure looks at the film's speed"
    without = camera_mean(world, stage, exposure_compensation=1.0, gamma=1.6, enable_postprocess_effects=False)
    assert without == plain
