"""Camera streams: which frames arrive, when, and what they show."""

import queue

import carla
import numpy as np
import pytest

WIDTH, HEIGHT, FOV = 176, 96, 60.0
MOUNT = carla.Transform(carla.Location(x=1.2, z=1.6), carla.Rotation(pitch=-3.0))


def camera(
    world: carla.World, parent: carla.Actor | None, kind: str = "rgb", mount: carla.Transform = MOUNT, **attributes
):
    blueprint = world.get_blueprint_library().find(f"sensor.camera.{kind}")
    for name, value in {"image_size_x": WIDTH, "image_size_y": HEIGHT, "fov": FOV, **attributes}.items():
        blueprint.set_attribute(name, str(value))
    actor = world.spawn_actor(blueprint, mount, attach_to=parent)
    frames: queue.Queue[carla.Image] = queue.Queue()
    actor.listen(frames.put)
    return actor, frames


def pixels(image: carla.Image) -> np.ndarray:
    return np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4)


def test_each_tick_gives_its_frame_with_the_snapshots_pose_and_time(world, stage):
    vehicle = stage.spawn("vehicle.tesla.model3")
    sensor, frames = camera(world, vehicle)
    vehicle.set_target_velocity(stage.forward * 10.0)
    for _ in range(5):
        frame = world.tick()
        image = frames.get(timeout=5.0)
        snapshot = world.get_snapshot()
        assert image.frame == frame == snapshot.frame
        assert image.timestamp == snapshot.timestamp.elapsed_seconds
        shown = snapshot.find(sensor.id).get_transform()
        assert image.transform.location.distance(shown.location) < 1e-5
        assert (image.width, image.height, image.fov) == (WIDTH, HEIGHT, FOV)
    offset = image.transform.location - vehicle.get_location()
    assert carla.Vector3D(offset.x, offset.y, 0.0).dot(stage.forward) == pytest.approx(1.2, abs=1e-3)
    assert image.transform.rotation.pitch == pytest.approx(-3.0, abs=1e-3)
    assert pixels(image).std() > 10.0
    sensor.stop()


@pytest.mark.parametrize(("period", "expected"), [(0.1, 10), (0.25, 4), (0.5, 2)])
def test_sensor_tick_starts_at_once_and_does_not_drift(world, stage, period, expected):
    sensor, frames = camera(world, None, mount=stage.place(0.0, up=2.0), sensor_tick=period)
    first = world.tick()
    stage.ticks(19)
    world.tick()  # the last of the second before has surely been sent
    numbers = []
    while len(numbers) < expected:
        numbers.append(frames.get(timeout=5.0).frame - first)
    step = round(period / 0.05)
    assert numbers == [step * index for index in range(expected)]
    sensor.stop()


def test_a_camera_nobody_listens_to_sends_its_next_frame_after_listening_again(world, stage):
    sensor, frames = camera(world, None, mount=stage.place(0.0, up=2.0), sensor_tick=0.5)
    world.tick()
    assert frames.get(timeout=5.0)
    sensor.stop()
    stage.ticks(3)
    again: queue.Queue[carla.Image] = queue.Queue()
    sensor.listen(again.put)
    frame = world.tick()
    assert again.get(timeout=5.0).frame == frame
    sensor.stop()


def test_semantic_and_instance_cameras_find_what_stands_ahead(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    walker = stage.spawn("walker.pedestrian.0005", ahead=12.0, up=0.95)
    car = stage.spawn("vehicle.audi.tt", ahead=20.0, right=-3.0)
    semantic, tags = camera(world, ego, "semantic_segmentation")
    instance, ids = camera(world, ego, "instance_segmentation")
    world.tick()
    tag = pixels(tags.get(timeout=5.0))[..., 2]
    labels = pixels(ids.get(timeout=5.0))
    number = labels[..., 1].astype(int) + 256 * labels[..., 0].astype(int)
    assert set(np.unique(tag)) >= {1, 11, 12, 14, 24}
    assert set(np.unique(number[tag == 12])) == {walker.id & 0xFFFF}
    # Parked cars belong to the town, as number 0; not the ego, in whose cabin the camera sits.
    assert set(np.unique(number[tag == 14])) - {0} == {car.id & 0xFFFF}
    assert np.mean(np.nonzero(tag == 12)[1]) == pytest.approx(WIDTH / 2, abs=4.0)
    assert np.mean(np.nonzero((tag == 14) & (number == car.id & 0xFFFF))[1]) < WIDTH / 2 - 10.0
    semantic.stop()
    instance.stop()


def test_chase_camera_sees_its_own_vehicle(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    mount = carla.Transform(carla.Location(x=-6.0, z=2.5), carla.Rotation(pitch=-10.0))
    sensor, frames = camera(world, ego, "semantic_segmentation", mount)
    world.tick()
    assert np.mean(pixels(frames.get(timeout=5.0))[..., 2] == 14) > 0.02
    sensor.stop()


def test_depth_camera_measures_metres(world, stage):
    ego = stage.spawn("vehicle.tesla.model3")
    stage.spawn("vehicle.mercedes.sprinter", ahead=20.0)
    mount = carla.Transform(carla.Location(x=3.0, z=1.0))
    sensor, frames = camera(world, ego, "depth", mount)
    world.tick()
    code = pixels(frames.get(timeout=5.0)).astype(np.float64)
    depth = (code[..., 2] + 256.0 * code[..., 1] + 65536.0 * code[..., 0]) / (2**24 - 1) * 1000.0
    assert depth[HEIGHT // 2, WIDTH // 2] == pytest.approx(20.0 - 3.0 - 2.958, abs=0.5)
    sensor.stop()


def test_weather_reaches_the_picture_and_reads_back(world, stage):
    sensor, frames = camera(world, None, mount=stage.place(0.0, up=2.0))
    world.tick()
    day = pixels(frames.get(timeout=5.0))[..., :3].mean()
    world.set_weather(carla.WeatherParameters.ClearNight)
    world.tick()
    assert pixels(frames.get(timeout=5.0))[..., :3].mean() < 0.6 * day
    assert world.get_weather().sun_altitude_angle == carla.WeatherParameters.ClearNight.sun_altitude_angle
    sensor.stop()


@pytest.mark.parametrize("attributes", [{"image_size_x": 0}, {"fov": 0.0}, {"image_size_x": 100_000}])
def test_impossible_cameras_are_refused(world, stage, attributes):
    with pytest.raises(RuntimeError, match="camera"):
        camera(world, None, mount=stage.place(0.0, up=2.0), **attributes)
    assert world.tick() > 0
