"""What each weather parameter does to the picture, and that CARLA's presets look as they should."""

from __future__ import annotations

import itertools
import time
from dataclasses import fields, replace

import carla
import numpy as np
import pytest

from sim.geometry import Pose
from sim.labels import Label
from sim.render import lamplight
from sim.render.mesh import Mesh
from sim.render.models import vehicle_mesh
from sim.render.renderer import Movable, Renderer
from sim.render.solids import Builder
from sim.render.weather import Weather

CAMERA = Pose(0.0, 0.0, 1.6, -3.0)
CAR = Movable(1, vehicle_mesh("car", (2.4, 0.95, 0.74), (200, 60, 40)), Pose(10.0, 2.0, 0.0))
PRESETS = [
    name for name, value in vars(carla.WeatherParameters).items() if isinstance(value, carla.WeatherParameters)
]  # fmt: skip
TOWER_X, TOWER_HALF, TOWER_HIGH = 30.0, 4.0, 12.0


def preset(name: str) -> Weather:
    parameters = getattr(carla.WeatherParameters, name)
    return Weather(*(getattr(parameters, field.name) for field in fields(Weather)))


def look(
    renderer: Renderer,
    weather: Weather,
    pose: Pose = CAMERA,
    seconds: float = 3.0,
    spots: lamplight.Spots | None = None,
) -> np.ndarray:
    frame = renderer.render(pose, 160, 120, 80.0, [CAR], weather, seconds=seconds, spots=spots)
    assert frame.bgra is not None
    return frame.bgra[:, :, 2::-1].astype(float)


@pytest.fixture(scope="module")
def block(street: Mesh) -> Renderer:
    """The street with a tower standing on it."""
    tower = Builder(int(Label.BUILDINGS))
    tower.box((TOWER_X - TOWER_HALF, -TOWER_HALF, 0.0), (TOWER_X + TOWER_HALF, TOWER_HALF, TOWER_HIGH), (150, 140, 130))
    return Renderer(Mesh.concat([street, tower.build()]))


def from_above(renderer: Renderer, weather: Weather, x: float, y: float) -> float:
    """Brightness of the ground around a place."""
    frame = renderer.render(Pose(x, y, 9.0, -90.0), 16, 16, 20.0, (), weather)
    assert frame.bgra is not None
    return float(frame.bgra[:, :, :3].mean())


def test_every_two_presets_look_different(block: Renderer) -> None:
    pictures = {name: look(block, preset(name)) for name in PRESETS}
    assert len(pictures) >= 22
    for one, other in itertools.combinations(PRESETS, 2):
        assert np.abs(pictures[one] - pictures[other]).mean() > 1.5, (one, other)


def test_no_preset_is_blown_out_or_pitch_black(block: Renderer) -> None:
    for name in PRESETS:
        picture = look(block, preset(name))
        assert (picture.min(axis=2) > 250).mean() < 0.02, name
        assert picture.mean() > 12.0, name
        assert picture.std() > 3.0, name


@pytest.mark.parametrize("sky", ["Clear", "Cloudy", "Wet", "WetCloudy", "HardRain"])
def test_noon_is_brighter_than_sunset_and_sunset_than_night(block: Renderer, sky: str) -> None:
    noon, sunset, night = (look(block, preset(sky + time)).mean() for time in ("Noon", "Sunset", "Night"))
    assert noon > 1.05 * sunset
    assert sunset > 1.8 * night


def test_a_sunset_is_warmer_than_noon() -> None:
    wall = Mesh.build([[10, -9, -9], [10, 9, -9], [10, 9, 9], [10, -9, 9]], [[0, 1, 2], [0, 2, 3]], (150, 150, 150), 20)
    renderer = Renderer(wall)

    def warmth(weather: Weather) -> float:
        picture = look(renderer, replace(weather, sun_azimuth_angle=180.0))[50:70, 60:100]
        return float(picture[..., 0].mean() / picture[..., 2].mean())

    assert warmth(preset("ClearSunset")) > 1.25 * warmth(preset("ClearNoon"))


def test_rain_is_darker_and_greyer_than_a_clear_sky(block: Renderer) -> None:
    clear, rain = look(block, preset("ClearNoon")), look(block, preset("HardRainNoon"))
    assert rain.mean() < 0.8 * clear.mean()
    colourfulness = [float((picture.max(axis=2) - picture.min(axis=2)).mean()) for picture in (clear, rain)]
    assert colourfulness[1] < 0.5 * colourfulness[0]


@pytest.mark.parametrize(("azimuth", "altitude"), [(0.0, 20.0), (20.0, 30.0), (-25.0, 12.0)])
def test_the_sun_stands_where_the_weather_says(void: Renderer, azimuth: float, altitude: float) -> None:
    weather = Weather(sun_azimuth_angle=azimuth, sun_altitude_angle=altitude, cloudiness=0.0)
    frame = void.render(Pose(0, 0, 0, 20.0), 320, 240, 80.0, (), weather)
    assert frame.bgra is not None
    brightness = frame.bgra[:, :, :3].astype(float).sum(axis=2)
    rows, columns = np.nonzero(brightness >= brightness.max() - 6.0)
    focal = 160.0 / np.tan(np.radians(40.0))
    turn, rise, tilt = np.radians([azimuth, altitude, 20.0])
    x, y, z = np.cos(rise) * np.cos(turn), np.cos(rise) * np.sin(turn), np.sin(rise)
    forward, up = x * np.cos(tilt) + z * np.sin(tilt), z * np.cos(tilt) - x * np.sin(tilt)
    assert abs(columns.mean() + 0.5 - (160.0 + focal * y / forward)) < 3.0
    assert abs(rows.mean() + 0.5 - (120.0 - focal * up / forward)) < 3.0


def test_buildings_throw_shadows_away_from_the_sun_as_long_as_its_height_says(block: Renderer) -> None:
    for azimuth, toward in ((0.0, -1.0), (180.0, 1.0)):
        weather = Weather(sun_azimuth_angle=azimuth, sun_altitude_angle=45.0, cloudiness=0.0)
        edge = TOWER_X + toward * (TOWER_HALF + TOWER_HIGH)
        sunlit = from_above(block, weather, TOWER_X - toward * 20.0, 0.0)
        assert from_above(block, weather, edge - toward * 3.0, 0.0) < 0.7 * sunlit
        assert from_above(block, weather, edge + toward * 3.0, 0.0) > 0.9 * sunlit
        assert from_above(block, weather, edge - toward * 3.0, 6.0) > 0.9 * sunlit, "beside it"


def test_under_clouds_shadows_fade_but_walls_still_hide_the_sky(block: Renderer) -> None:
    overcast = Weather(sun_azimuth_angle=0.0, cloudiness=100.0)
    shadowed, open_ground = from_above(block, overcast, TOWER_X - 12.0, 0.0), from_above(block, overcast, -20.0, 0.0)
    assert 0.75 * open_ground < shadowed
    foot = from_above(block, overcast, TOWER_X - TOWER_HALF - 1.5, 0.0)
    assert foot < 0.95 * open_ground


def test_an_actor_in_a_buildings_shadow_is_darker(block: Renderer) -> None:
    def roof(x: float) -> float:
        car = Movable(1, CAR.mesh, Pose(x, 0.0, 0.0))
        frame = block.render(
            Pose(x, 0.0, 9.0, -90.0), 32, 32, 20.0, [car], Weather(cloudiness=0.0), frozenset({"rgb", "instance"})
        )
        assert frame.bgra is not None
        assert frame.instance is not None
        return float(frame.bgra[frame.instance == 1][:, :3].mean())

    assert roof(TOWER_X - 9.0) < 0.85 * roof(TOWER_X - 35.0)


def test_fog_that_falls_lets_towers_stand_out(block: Renderer) -> None:
    low = Weather(fog_density=90.0, fog_distance=0.0, fog_falloff=5.0)
    even = replace(low, fog_falloff=0.0)
    clear = replace(low, fog_density=0.0)
    top, foot = (slice(20, 40), slice(70, 90)), (slice(58, 62), slice(70, 90))

    def share(weather: Weather, where: tuple[slice, slice]) -> float:
        return float(np.abs(look(block, weather)[where] - look(block, clear)[where]).mean())

    assert share(low, top) < 0.7 * share(even, top)
    assert share(low, foot) > share(low, top)


def test_fog_begins_at_its_distance(block: Renderer) -> None:
    clear = look(block, Weather(fog_density=0.0))
    near, far = (look(block, Weather(fog_density=80.0, fog_distance=distance)) for distance in (0.0, 40.0))
    road = (slice(90, 120), slice(60, 100))
    assert np.abs(far[road] - clear[road]).mean() < 0.5
    assert np.abs(near[road] - clear[road]).mean() > 2.0


def test_puddles_mirror_what_stands_above_them(block: Renderer) -> None:
    soaked = Weather(precipitation_deposits=100.0, wetness=100.0)
    damp = Weather(wetness=20.0)
    foot = (slice(68, 76), slice(72, 88))
    beside = (slice(68, 76), slice(20, 36))
    contrast = [
        float(np.abs(picture[foot].mean(axis=(0, 1)) - picture[beside].mean(axis=(0, 1))).max())
        for picture in (look(block, soaked), look(block, damp))
    ]
    assert contrast[0] > contrast[1] + 8.0


def test_wet_ground_seen_from_above_mirrors_the_sky_alone(renderer: Renderer) -> None:
    """What stands at the picture's upper edge is not what a puddle below a steep camera mirrors."""
    soaked = Weather(precipitation_deposits=100.0, wetness=100.0, cloudiness=100.0)
    above = Pose(0.0, 0.0, 12.0, -60.0)
    truck = Movable(1, vehicle_mesh("truck", (4.0, 4.0, 2.0), (250, 20, 20)), Pose(17.0, 0.0, 0.0))
    empty, full = (renderer.render(above, 64, 64, 50.0, actors, soaked).bgra for actors in ((), (truck,)))
    assert empty is not None
    assert full is not None
    assert (empty[:4] != full[:4]).any(), "the truck is in the picture"
    assert (empty[40:] == full[40:]).all()


def test_wind_slants_the_rain(void: Renderer) -> None:
    def slant(wind: float) -> float:
        """Mean |slope| of streaks, by the image's structure tensor."""
        weather = Weather(precipitation=100.0, wind_intensity=wind, cloudiness=100.0)
        rain = look(void, weather, Pose(0, 0, 2, 0, 125.0)).mean(axis=2)
        dry = look(void, replace(weather, precipitation=99.9999), Pose(0, 0, 2, 0, 125.0), seconds=1e9).mean(axis=2)
        down, across = np.gradient(rain - dry)
        return float(np.abs((down * across).sum()) / (across * across).sum())

    assert slant(100.0) > slant(0.0) + 0.15


def test_what_is_near_hides_the_rain_behind_it() -> None:
    wall = Mesh.build([[0.6, -9, -9], [0.6, 9, -9], [0.6, 9, 9], [0.6, -9, 9]], [[0, 1, 2], [0, 2, 3]], (90, 90, 90), 3)
    renderer = Renderer(wall)
    rain = Weather(precipitation=100.0, cloudiness=100.0)
    assert (look(renderer, rain, Pose(0, 0, 0), 1.0) == look(renderer, rain, Pose(0, 0, 0), 2.0)).all()


def test_more_haze_makes_a_larger_glow_and_more_air_a_bluer_sky(void: Renderer) -> None:
    up = Pose(0, 0, 2, 30.0)
    glow = [look(void, Weather(mie_scattering_scale=mie), up).mean() for mie in (0.0, 0.03, 0.2)]
    assert glow == sorted(glow)
    assert glow[2] > glow[0] + 1.0
    blue = []
    for rayleigh in (0.0, 0.0331, 0.1):
        picture = look(void, Weather(rayleigh_scattering_scale=rayleigh), up)[:30].mean(axis=(0, 1))
        blue.append(float(picture[2] / picture[0]))
    assert blue == sorted(blue)
    light = [look(void, Weather(scattering_intensity=share), up).mean() for share in (0.0, 1.0, 3.0)]
    assert light == sorted(light)
    assert light[2] > light[0] + 1.0


def test_dust_is_brown_and_hides_what_is_far(block: Renderer) -> None:
    clear, dusty = look(block, preset("ClearNoon")), look(block, preset("DustStorm"))
    sky = dusty[:30].mean(axis=(0, 1))
    assert sky[0] > sky[1] > sky[2] + 20.0
    assert dusty[30:60].std() < 0.7 * clear[30:60].std()


def test_head_lamps_light_the_road_ahead_of_them_at_night_only(renderer: Renderer) -> None:
    beam = lamplight.head_lamps(np.array([[12.5, 2.0, 0.7]]), np.array([[1.0, 0.0, -0.02]]), np.ones(1))
    night = replace(Weather(), sun_altitude_angle=-40.0)
    ahead, behind = (20.0, 2.0), (3.0, 2.0)

    def light(weather: Weather, place: tuple[float, float], spots: lamplight.Spots | None) -> float:
        frame = renderer.render(Pose(*place, 9.0, -90.0), 16, 16, 20.0, (), weather, spots=spots)
        assert frame.bgra is not None
        return float(frame.bgra[:, :, :3].mean())

    assert light(night, ahead, beam) > 1.3 * light(night, ahead, None)
    assert light(night, behind, beam) == light(night, behind, None)
    assert light(Weather(), ahead, beam) == light(Weather(), ahead, None)


def test_a_map_of_giant_things_gets_its_shadows_in_bounded_time() -> None:
    """Ten thousand walls a kilometre long would take minutes if each of them were drawn from all directions."""
    count = 10_000
    walls = np.zeros((count, 4, 3))
    walls[:, :, 0] = [-500.0, 500.0, 500.0, -500.0]
    walls[:, :, 1] = np.linspace(-400.0, 400.0, count)[:, None] + np.array([0.0, 0.0, 90.0, 90.0])
    walls[:, :, 2] = [5.0, 5.0, 60.0, 60.0]
    faces = (np.arange(count)[:, None, None] * 4 + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3)
    mesh = Mesh.build(walls.reshape(-1, 3), faces, (90, 90, 90), int(Label.BUILDINGS))
    renderer = Renderer(mesh)
    began = time.thread_time()
    renderer.render(CAMERA, 16, 16, 60.0)
    assert time.thread_time() - began < 20.0
