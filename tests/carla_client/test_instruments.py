"""What clients can tell sensors besides listening to them, and the telemetry on the server's window."""

from __future__ import annotations

import queue

import carla
import numpy as np
import pytest

SIDE = 120


def listen(world, kind, transform, parent=None, **attributes):
    blueprint = world.get_blueprint_library().find(kind)
    for name, value in attributes.items():
        blueprint.set_attribute(name, str(value))
    sensor = world.spawn_actor(blueprint, transform, attach_to=parent)
    received: queue.Queue[carla.SensorData] = queue.Queue()
    sensor.listen(received.put)
    return sensor, received


def newest(world, received):
    frame = world.tick()
    while (data := received.get(timeout=5.0)).frame < frame:
        pass
    return data


def pixels(image: carla.Image) -> np.ndarray:
    return np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4)[..., :3].astype(int)


def test_the_accelerometer_feels_the_gravity_that_a_client_sets(world, stage):
    world.set_imui_sensor_gravity(9.81)
    sensor, received = listen(world, "sensor.other.imu", stage.place(0.0, up=1.0))
    try:
        assert newest(world, received).accelerometer.z == pytest.approx(9.81, abs=1e-4)
        world.set_imui_sensor_gravity(1.62)
        assert newest(world, received).accelerometer.z == pytest.approx(1.62, abs=1e-4)
        assert world.get_imui_sensor_gravity() == pytest.approx(1.62)
    finally:
        world.set_imui_sensor_gravity(9.81)
        sensor.stop()


def test_a_camera_does_not_see_the_vehicles_that_it_is_told_to_ignore(world, stage):
    eye = stage.place(0.0, up=2.0)
    sensor, received = listen(world, "sensor.camera.rgb", eye, image_size_x=SIDE, image_size_y=SIDE)
    empty = pixels(newest(world, received))
    first, second = stage.spawn("vehicle.audi.tt", 10.0, -2.0), stage.spawn("vehicle.audi.tt", 10.0, 2.0)
    both = pixels(newest(world, received))
    sensor.set_ignored_vehicles([first.id])
    one = pixels(newest(world, received))
    sensor.set_ignored_vehicles([first.id, second.id])
    none = pixels(newest(world, received))
    left = slice(0, SIDE // 2 - 4)
    assert (none == empty).all()
    assert (one[:, left] == empty[:, left]).all()
    assert (one != empty).any()
    assert (both[:, left] != empty[:, left]).any()
    with pytest.raises(RuntimeError, match="not found"):
        sensor.set_ignored_vehicles([99999])
    with pytest.raises(RuntimeError, match="is not a vehicle"):
        sensor.set_ignored_vehicles([sensor.id])
    sensor.stop()


def test_a_lidar_does_not_see_the_vehicles_that_it_is_told_to_ignore(world, stage):
    sensor, received = listen(
        world, "sensor.lidar.ray_cast_semantic", stage.place(0.0, up=1.0), rotation_frequency=20,
        points_per_second=40000, range=15,
    )  # fmt: skip
    car = stage.spawn("vehicle.audi.tt", 8.0)
    seen = {point.object_idx for point in newest(world, received)}
    sensor.set_ignored_vehicles([car.id])
    assert car.id in seen
    assert car.id not in {point.object_idx for point in newest(world, received)}
    sensor.stop()


def test_ros_is_refused_in_words_and_never_said_to_be_on(world, stage):
    sensor, _ = listen(world, "sensor.other.imu", stage.place(0.0))
    sensor.enable_for_ros()
    assert sensor.is_enabled_for_ros() is False
    sensor.disable_for_ros()
    assert sensor.is_enabled_for_ros() is False
    sensor.stop()


def test_g_buffers_are_refused_with_the_reason(world, stage):
    sensor, _ = listen(world, "sensor.camera.rgb", stage.place(0.0), image_size_x=SIDE, image_size_y=SIDE)
    with pytest.raises(RuntimeError, match="keeps no G-buffers"):
        sensor.listen_to_gbuffer(carla.GBufferTextureID.SceneDepth, lambda image: None)
    with pytest.raises(RuntimeError, match="keeps no G-buffers"):
        sensor.enable_gbuffers(True)
    sensor.stop()


def test_telemetry_of_one_vehicle_shows_on_the_spectators_cameras_alone(world, stage):
    spectator = world.get_spectator()
    spectator.set_transform(stage.place(0.0, up=2.0))
    world.tick()
    first, second = stage.spawn("vehicle.audi.tt", 10.0, -3.0), stage.spawn("vehicle.audi.tt", 10.0, 3.0)
    size = {"image_size_x": 4 * SIDE, "image_size_y": 2 * SIDE}
    window, shown = listen(world, "sensor.camera.rgb", carla.Transform(), spectator, **size)
    other, seen = listen(world, "sensor.camera.rgb", stage.place(0.0, up=2.0), **size)

    def changes(since):
        world.tick()
        after = pixels(shown.get(timeout=5.0)), pixels(seen.get(timeout=5.0))
        return [(a != b).any(axis=2) for a, b in zip(after, since, strict=True)]

    stage.ticks(20)
    for received in (shown, seen):
        while not received.empty():
            received.get()
    world.tick()
    before = pixels(shown.get(timeout=5.0)), pixels(seen.get(timeout=5.0))
    first.show_debug_telemetry(True)
    on_window, on_sensor = changes(before)
    assert on_window[:, : 2 * SIDE].sum() > 50
    assert not on_sensor.any()
    second.show_debug_telemetry(True)
    moved = changes(before)[0]
    assert not moved[:, : 2 * SIDE].any()
    assert moved[:, 2 * SIDE :].sum() > 50
    second.show_debug_telemetry(False)
    assert not changes(before)[0].any()
    window.stop()
    other.stop()


# ---- the spectator -----------------------------------------------------------------------------------------------


def test_the_spectator_moves_where_it_is_put_and_cameras_follow_it(world, stage):
    spectator = world.get_spectator()
    place = stage.place(5.0, 1.0, 12.0, yaw=30.0)
    place.rotation.pitch = -40.0
    mount = carla.Transform(carla.Location(x=1.0), carla.Rotation(yaw=5.0))
    sensor, received = listen(world, "sensor.camera.rgb", mount, spectator, image_size_x=SIDE, image_size_y=SIDE)
    spectator.set_transform(place)
    image = newest(world, received)
    shown = world.get_snapshot().find(spectator.id).get_transform()
    assert shown.location.distance(place.location) < 1e-4
    assert shown.rotation.pitch == pytest.approx(-40.0, abs=1e-4)
    assert spectator.get_transform() == shown
    assert image.transform.location.distance(place.transform(carla.Location(x=1.0))) < 1e-4
    first = pixels(image)
    spectator.set_location(place.location + carla.Location(x=8.0))
    image = newest(world, received)
    assert (pixels(image) != first).any()
    assert spectator.get_transform().rotation.pitch == pytest.approx(-40.0, abs=1e-4)
    assert not spectator.destroy()
    assert world.get_spectator().id == spectator.id
    sensor.stop()
