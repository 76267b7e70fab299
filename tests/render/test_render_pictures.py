"""What the RGB picture shows: light, weather, markings, shadows; and that it is the same every time."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import astuple, fields

import carla
import numpy as np
import pytest

from sim.geometry import Pose
from sim.labels import Label
from sim.render.mesh import Mesh
from sim.render.models import POSITION, pedestrian_mesh, vehicle_mesh
from sim.render.renderer import OUTPUTS, Frame, Movable, Renderer, RenderError
from sim.render.scene import InvalidMesh, Models
from sim.render.weather import Weather

CAMERA = Pose(0.0, 0.0, 1.6, -3.0)
SEDAN = (2.4, 0.95, 0.74)
NOON = Weather()
NIGHT = Weather(sun_altitude_angle=-40.0)


def rgb(frame: Frame) -> np.ndarray:
    assert frame.bgra is not None
    return frame.bgra[:, :, 2::-1].astype(float)


def look(renderer: Renderer, weather: Weather = NOON, movables: tuple[Movable, ...] = (), frame: int = 0) -> np.ndarray:
    return rgb(renderer.render(CAMERA, 176, 96, 60.0, movables, weather, frozenset({"rgb"}), frame))


def car(x: float, y: float = 0.0, brake: bool = False, lights: int = 0) -> Movable:
    return Movable(1, vehicle_mesh("car", SEDAN, (40, 70, 160), brake, lights=lights), Pose(x, y, 0.0))


def test_weather_is_carlas_in_names_order_and_default() -> None:
    clear = carla.WeatherParameters.ClearNoon
    names = [field.name for field in fields(Weather)]
    text = str(clear)
    assert names == [part.split("=")[0].strip() for part in text[text.index("(") + 1 : -1].split(",")]
    np.testing.assert_allclose(astuple(Weather()), [getattr(clear, name) for name in names], rtol=1e-6)


@pytest.mark.parametrize("preset", [name for name in dir(carla.WeatherParameters) if name[0].isupper()])
def test_every_carla_preset_gives_a_picture_with_contrast(renderer: Renderer, preset: str) -> None:
    parameters = getattr(carla.WeatherParameters, preset)
    weather = Weather(*(getattr(parameters, field.name) for field in fields(Weather)))
    picture = look(renderer, weather, (car(10.0),))
    assert picture.std() > 3.0


def test_night_is_darker_than_noon_and_lamps_glow_in_it(renderer: Renderer) -> None:
    day, night = look(renderer, movables=(car(9.0),)), look(renderer, NIGHT, (car(9.0),))
    assert night.mean() < 0.45 * day.mean()
    for lit, strength in ((car(9.0, lights=POSITION), 50), (car(9.0, brake=True), 130)):
        shown = look(renderer, NIGHT, (lit,))
        red = shown[:, :, 0] - shown[:, :, 1:].max(axis=2)
        assert (red > strength).sum() >= 4, "lamps that burn"
    assert (night[:, :, 0] - night[:, :, 1:].max(axis=2)).max() < 50, "lamps that do not"


def test_fog_hides_what_is_far_more_than_what_is_near(renderer: Renderer) -> None:
    foggy = Weather(fog_density=60.0, fog_distance=0.0)

    def difference(weather: Weather, x: float) -> float:
        """How far apart a red and a blue car at the same place look: fog shrinks it by exactly its transmission."""
        red = Movable(1, vehicle_mesh("car", SEDAN, (200, 30, 30)), Pose(x, 0.0, 0.0))
        return float(np.abs(look(renderer, weather, (red,)) - look(renderer, weather, (car(x),))).max())

    near, far = (difference(foggy, x) / difference(NOON, x) for x in (8.0, 60.0))
    assert 0.7 < near < 0.95
    assert 0.1 < far < 0.35


def test_rain_wets_the_road_and_falls(renderer: Renderer) -> None:
    dry, wet = look(renderer), look(renderer, Weather(wetness=100.0))
    assert wet[-20:, 40:130].mean() < 0.9 * dry[-20:, 40:130].mean()
    pouring = Weather(cloudiness=100.0, precipitation=100.0)
    assert (look(renderer, pouring, frame=1) != look(renderer, pouring, frame=2)).any()
    assert (look(renderer, pouring, frame=1) == look(renderer, pouring, frame=1)).all()
    assert (look(renderer, frame=1) == look(renderer, frame=2)).all(), "without rain frames do not differ"


def test_clouds_drift_with_the_wind_in_simulation_time(renderer: Renderer) -> None:
    def sky(wind: float, seconds: float) -> np.ndarray:
        weather = Weather(cloudiness=50.0, wind_intensity=wind)
        return rgb(renderer.render(Pose(0, 0, 2, 25), 96, 48, 60.0, (), weather, seconds=seconds))

    assert np.abs(sky(60.0, 0.0) - sky(60.0, 20.0)).mean() > 2.0
    assert (sky(0.0, 0.0) == sky(0.0, 20.0)).all()
    assert np.abs(sky(60.0, 0.0) - sky(60.0, 0.05)).mean() < 1.5, "slowly"


def test_sun_lights_the_side_that_faces_it(void: Renderer) -> None:
    wall = Mesh.build([[10, -9, -9], [10, 9, -9], [10, 9, 9], [10, -9, 9]], [[0, 1, 2], [0, 2, 3]], (150, 150, 150), 20)

    def brightness(azimuth: float) -> float:
        weather = Weather(sun_azimuth_angle=azimuth)
        return float(look(void, weather, (Movable(1, wall, Pose(0, 0, 0)),))[48, 88].mean())

    assert brightness(180.0) > 1.3 * brightness(0.0)


def test_vehicles_darken_the_ground_beneath_them(renderer: Renderer) -> None:
    empty = look(renderer)
    with_car = look(renderer, movables=(car(10.0),))
    tags = renderer.render(CAMERA, 176, 96, 60.0, [car(10.0)], outputs=frozenset({"semantic"})).semantic
    assert tags is not None
    road = tags == Label.ROADS
    # Pixels at the car's edge hold some of the car.
    road[1:-1] &= road[:-2] & road[2:]
    road[:, 1:-1] &= road[:, :-2] & road[:, 2:]
    change = (with_car - empty).mean(axis=2)[road]
    assert change.min() < -15.0
    assert change.max() < 5.0, "and nothing makes it brighter"


def test_a_far_lane_line_stays_one_line(renderer: Renderer) -> None:
    """Without supersampling a 12 cm line breaks into dots from about 40 m on."""
    width, height = 352, 192
    with_line = rgb(renderer.render(Pose(0.0, 0.5, 1.6), width, height, 60.0))
    focal = width / (2 * np.tan(np.radians(30)))
    for row in range(height // 2 + 9, height):  # to 51 m
        depth = focal * 1.6 / (row + 0.5 - height / 2)
        column = int(width / 2 + focal * 1.5 / depth)
        if column >= width - 4:
            continue
        across = with_line[row, column - 3 : column + 4].mean(axis=1)
        assert across.max() - np.median(with_line[row, column - 20 : column - 4].mean(axis=1)) > 20.0, (
            f"gap at {depth:.0f} m"
        )


@pytest.mark.parametrize("distance", [15.0, 30.0, 60.0])
def test_actors_stand_out_at_training_distances(renderer: Renderer, distance: float) -> None:
    """At the size that the small policy sees, a lead car and a pedestrian change what their pixels look like."""
    person = Movable(2, pedestrian_mesh((0.35, 0.35, 0.93), 1), Pose(distance, 2.5, 0.93, 0, 90))
    movables = [car(distance, -2.0), person]
    empty = rgb(renderer.render(CAMERA, 352, 192, 60.0))
    frame = renderer.render(CAMERA, 352, 192, 60.0, movables, outputs=OUTPUTS)
    assert frame.instance is not None
    change = np.abs(rgb(frame) - empty).max(axis=2)
    for actor, least in ((1, 40), (2, 6)):
        pixels = change[frame.instance == actor]
        assert len(pixels) >= least
        assert np.median(pixels) > 18.0


def test_equal_calls_give_equal_bytes_in_this_process_and_another(street: Mesh) -> None:
    program = (
        "import sys, hashlib, numpy as np\n"
        "from sim.geometry import Pose\n"
        "from sim.render.renderer import Renderer, Movable, OUTPUTS\n"
        "from sim.render.mesh import Mesh\n"
        "from sim.render.models import vehicle_mesh\n"
        "from sim.render.weather import Weather\n"
        "r = Renderer(Mesh.build([[-9,-99,0],[99,-99,0],[99,99,0],[-9,99,0]], [[0,1,2],[0,2,3]], (90,90,90), 1))\n"
        "m = [Movable(3, vehicle_mesh('car', (2.4, 0.95, 0.74), (200, 30, 30)), Pose(9, 1, 0, 0, 20))]\n"
        "f = r.render(Pose(0, 0, 1.6), 160, 90, 60.0, m, Weather(precipitation=50.0), OUTPUTS, 4)\n"
        "h = hashlib.sha256()\n"
        "[h.update(np.ascontiguousarray(a).tobytes()) for a in (f.bgra, f.depth, f.semantic, f.instance)]\n"
        "digest = h.hexdigest()\n"
    )
    scope: dict[str, str] = {}
    exec(program, scope)
    again: dict[str, str] = {}
    exec(program, again)
    other = subprocess.run(
        [sys.executable, "-c", program + "print(digest)"], capture_output=True, text=True, timeout=120
    )
    assert scope["digest"] == again["digest"] == other.stdout.strip(), other.stderr


def test_actor_ids_keep_their_32_bits(void: Renderer) -> None:
    instance = void.render(
        CAMERA, 64, 48, 60.0, [Movable(4_000_000_001, vehicle_mesh("van", (2.5, 1.0, 1.2), (9, 9, 9)), Pose(8, 0, 0))],
        outputs=frozenset({"instance"}),
    ).instance  # fmt: skip
    assert instance is not None
    assert set(np.unique(instance)) == {0, 4_000_000_001}


def test_more_meshes_than_the_library_holds_are_drawn_right(void: Renderer) -> None:
    for i in range(Models.LIMIT + 5):
        tag = 40 + i % 100
        wall = Mesh.build([[5, -9, -9], [5, 9, -9], [5, 0, 18]], [[0, 1, 2]], (200, 200, 200), tag)
        tags = void.render(
            CAMERA, 8, 8, 60.0, [Movable(1, wall, Pose(0, 0, 0))], outputs=frozenset({"semantic"})
        ).semantic
        assert tags is not None
        assert tags[4, 4] == tag
    assert len(void._models.looks) <= 2 * (Models.LIMIT + 300)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"width": 0}, "width"),
        ({"height": 99_999}, "height"),
        ({"fov": 180.0}, "fov"),
        ({"fov": float("nan")}, "fov"),
        ({"outputs": frozenset({"lidar"})}, "outputs"),
        ({"outputs": frozenset()}, "outputs"),
        ({"pose": Pose(float("nan"), 0, 0)}, "pose"),
    ],
)
def test_impossible_requests_name_their_argument(void: Renderer, change: dict[str, object], word: str) -> None:
    arguments: dict[str, object] = {"pose": CAMERA, "width": 16, "height": 16, "fov": 60.0, **change}
    with pytest.raises(RenderError, match=word):
        void.render(**arguments)  # type: ignore[arg-type]


def test_broken_meshes_and_weathers_are_refused() -> None:
    with pytest.raises(InvalidMesh, match="triangles"):
        Renderer(Mesh.build([[0, 0, 0]], [[0, 1, 2]], (0, 0, 0), 1))
    with pytest.raises(InvalidMesh, match="vertices"):
        Renderer(Mesh.build([[0, 0, 0], [1, 0, 0], [np.nan, 1, 0]], [[0, 1, 2]], (0, 0, 0), 1))
    with pytest.raises(ValueError, match="fog_density"):
        Weather(fog_density=float("inf"))
