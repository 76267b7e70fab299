"""Several clients on one world, and CARLA's four ways of keeping time."""

from __future__ import annotations

import math
import queue
import threading
import time

import carla
import pytest


def set_mode(world: carla.World, synchronous: bool, delta_s: float | None) -> carla.WorldSettings:
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = synchronous, delta_s
    world.apply_settings(settings)
    return settings


@pytest.fixture(scope="module")
def free(start_module_server):
    """A server whose clock these tests change."""
    return start_module_server()


@pytest.fixture
def own(free) -> carla.World:
    """The world of that server in its default mode: asynchronous, variable step."""
    return free.client().load_world("Pilotage01")


def test_asynchronous_variable_time_runs_with_real_time(own):
    first = own.wait_for_tick(5.0).timestamp
    time.sleep(1.0)
    last = own.wait_for_tick(5.0).timestamp
    real = last.platform_timestamp - first.platform_timestamp
    assert 0.9 < real < 3.0
    assert last.elapsed_seconds - first.elapsed_seconds == pytest.approx(real, rel=0.2)
    assert last.frame - first.frame > 8
    assert 0.0 < last.delta_seconds <= 0.1001


@pytest.mark.parametrize("delta_s", [0.1, 0.066667, 0.016667])
def test_asynchronous_fixed_time_keeps_its_step_and_runs_faster_than_real_time(own, delta_s):
    set_mode(own, False, delta_s)
    first = own.wait_for_tick(5.0).timestamp
    for _ in range(20):
        assert own.wait_for_tick(5.0).timestamp.delta_seconds == pytest.approx(delta_s, abs=1e-6)
    last = own.wait_for_tick(5.0).timestamp
    real = last.platform_timestamp - first.platform_timestamp
    assert last.elapsed_seconds - first.elapsed_seconds > 1.2 * real


def test_synchronous_fixed_time_stands_still_until_a_tick(own):
    set_mode(own, True, 0.05)
    frame = own.tick()
    before = own.get_snapshot()
    assert before.frame == frame
    with pytest.raises(RuntimeError, match="time-out"):
        own.wait_for_tick(0.3)
    assert own.get_snapshot().frame == frame
    assert [own.tick() for _ in range(5)] == [frame + 1 + i for i in range(5)]
    after = own.get_snapshot().timestamp
    assert after.elapsed_seconds - before.timestamp.elapsed_seconds == pytest.approx(0.25, abs=1e-5)
    assert after.delta_seconds == pytest.approx(0.05)


def test_synchronous_variable_time_steps_by_the_time_between_ticks(own):
    settings = own.get_settings()
    settings.synchronous_mode = True
    own.apply_settings(settings)
    assert own.get_settings().fixed_delta_seconds is None
    own.tick()
    for pause, low, high in ((0.03, 0.029, 0.08), (0.0, 0.0009, 0.03), (0.4, 0.1, 0.1001)):
        time.sleep(pause)
        own.tick()
        assert low <= own.get_snapshot().timestamp.delta_seconds <= high


def test_going_back_to_asynchronous_mode_lets_the_world_run_again(own):
    set_mode(own, True, 0.05)
    frame = own.tick()
    set_mode(own, False, None)
    assert own.wait_for_tick(5.0).frame > frame


def test_settings_are_applied_quickly_in_every_mode(own):
    for synchronous, delta in ((True, 0.05), (True, 0.1), (False, 0.05), (False, None), (True, None), (False, None)):
        began = time.monotonic()
        set_mode(own, synchronous, delta)
        assert time.monotonic() - began < 0.9, (synchronous, delta)


def test_reloading_again_and_again_then_synchronous_mode(free, own):
    client = free.client()
    for _ in range(4):
        world = client.reload_world()
        assert not world.get_settings().synchronous_mode
        world.apply_settings(carla.WorldSettings(no_rendering_mode=False, synchronous_mode=True))
        assert world.tick() > 0


def test_each_tick_brings_one_image_with_the_frame_and_time_of_the_snapshot(world):
    blueprint = world.get_blueprint_library().find("sensor.camera.rgb")
    blueprint.set_attribute("image_size_x", "160")
    blueprint.set_attribute("image_size_y", "120")
    camera = world.spawn_actor(blueprint, carla.Transform(carla.Location(z=10.0)))
    images: queue.Queue[carla.Image] = queue.Queue()
    camera.listen(images.put)
    frame = world.get_snapshot().frame
    for index in range(40):
        assert world.tick() == frame + 1 + index
        stamp = world.get_snapshot().timestamp
        image = images.get(timeout=5.0)
        assert (image.frame, image.timestamp) == (stamp.frame, stamp.elapsed_seconds)
    camera.stop()
    assert images.empty()


def test_one_client_ticks_and_the_others_wait_for_it(server, world):
    others = [server.client().get_world() for _ in range(3)]
    seen: list[list[int]] = [[] for _ in others]
    ready = threading.Barrier(len(others) + 1)

    def follow(index: int) -> None:
        ready.wait()
        while len(seen[index]) < 10:
            seen[index].append(others[index].wait_for_tick(5.0).frame)

    threads = [threading.Thread(target=follow, args=(index,)) for index in range(len(others))]
    for thread in threads:
        thread.start()
    ready.wait()
    while any(thread.is_alive() for thread in threads):
        world.tick()
        time.sleep(0.005)
    for frames in seen:
        assert len(frames) == 10
        assert frames == sorted(set(frames))


def test_a_client_that_does_not_tick_gets_the_sensors_data(server, world, stage):
    car = stage.spawn("vehicle.audi.tt")
    gnss = world.spawn_actor(
        world.get_blueprint_library().find("sensor.other.gnss"), carla.Transform(), attach_to=car
    )  # fmt: skip
    world.tick()
    other = server.client().get_world().get_actor(gnss.id)
    data: queue.Queue[carla.GnssMeasurement] = queue.Queue()
    here: queue.Queue[carla.GnssMeasurement] = queue.Queue()
    gnss.listen(here.put)
    other.listen(data.put)
    for _ in range(5):
        frame = world.tick()
        mine, theirs = here.get(timeout=5.0), data.get(timeout=5.0)
        assert mine.frame == theirs.frame == frame
        assert (mine.latitude, mine.longitude) == (theirs.latitude, theirs.longitude)
    other.stop()
    gnss.stop()


def test_two_clients_that_both_tick_make_a_frame_each(server, world):
    second = server.client().get_world()
    frames = []
    for _ in range(5):
        frames += [world.tick(), second.tick()]
    assert frames == list(range(frames[0], frames[0] + 10))


def test_a_callback_sees_every_tick_once_and_in_order(world):
    seen: queue.Queue[carla.WorldSnapshot] = queue.Queue()
    handle = world.on_tick(seen.put)
    frames = [world.tick() for _ in range(20)]
    got = [seen.get(timeout=5.0).frame for _ in range(20)]
    world.remove_on_tick(handle)
    world.tick()
    time.sleep(0.1)
    assert got == frames
    assert seen.empty()


def test_a_newcomer_in_a_standing_world_sees_its_actors_at_once(server, world, stage):
    car = stage.spawn("vehicle.audi.tt")
    frame = world.tick()
    began = time.monotonic()
    newcomer = server.client().get_world()
    while newcomer.get_snapshot().frame < frame and time.monotonic() < began + 5.0:
        time.sleep(0.005)
    assert newcomer.get_actors().find(car.id).get_location() == car.get_location()
    assert time.monotonic() - began < 2.0


def test_settings_of_one_client_are_seen_by_the_others(server, world):
    other = server.client().get_world()
    settings = world.get_settings()
    settings.max_substeps, settings.max_substep_delta_time = 16, 0.005
    world.apply_settings(settings)
    assert other.get_settings().max_substeps == 16
    assert other.get_settings().max_substep_delta_time == pytest.approx(0.005)
    settings.max_substeps, settings.max_substep_delta_time = 10, 0.01
    world.apply_settings(settings)


@pytest.mark.parametrize(("name", "value"), [("max_substeps", 0), ("max_substep_delta_time", 0.0)])
def test_impossible_substeps_are_refused_with_their_name(world, name, value):
    settings = world.get_settings()
    setattr(settings, name, value)
    with pytest.raises(RuntimeError, match=f"settings: {name}"):
        world.apply_settings(settings)
    assert getattr(world.get_settings(), name) != value
    assert world.tick() > 0


def test_finer_substeps_change_a_drive_a_little(world, stage):
    def drive() -> float:
        car = stage.spawn("vehicle.tesla.model3")
        world.tick()
        car.apply_control(carla.VehicleControl(throttle=1.0, steer=0.15))
        stage.ticks(40)
        at = car.get_location()
        car.destroy()
        world.tick()
        return at.x + 1000.0 * at.y

    coarse = drive()
    settings = world.get_settings()
    settings.max_substeps, settings.max_substep_delta_time = 50, 0.001
    world.apply_settings(settings)
    fine = drive()
    settings.max_substeps, settings.max_substep_delta_time = 10, 0.01
    world.apply_settings(settings)
    assert drive() == coarse
    assert fine != coarse
    assert fine == pytest.approx(coarse, abs=500.0)  # half a metre in y


def test_without_rendering_cameras_are_silent_and_other_sensors_are_not(world):
    library = world.get_blueprint_library()
    camera = world.spawn_actor(library.find("sensor.camera.depth"), carla.Transform(carla.Location(z=10.0)))
    imu = world.spawn_actor(library.find("sensor.other.imu"), carla.Transform(carla.Location(z=10.0)))
    images: queue.Queue[carla.Image] = queue.Queue()
    readings: queue.Queue[carla.IMUMeasurement] = queue.Queue()
    camera.listen(images.put)
    imu.listen(readings.put)
    settings = world.get_settings()
    settings.no_rendering_mode = True
    world.apply_settings(settings)
    frame = world.tick()
    while readings.get(timeout=5.0).frame < frame:  # what came before still arrives
        pass
    while not images.empty():
        assert images.get().frame < frame
    assert readings.empty()
    frame = world.tick()
    assert readings.get(timeout=5.0).frame == frame
    assert images.empty()
    settings.no_rendering_mode = False
    world.apply_settings(settings)
    frame = world.tick()
    while images.get(timeout=5.0).frame < frame:
        pass
    camera.stop()
    imu.stop()


def test_sensors_keep_to_their_own_period(world):
    library = world.get_blueprint_library()
    counts: dict[str, int] = {}
    sensors = []
    for blueprint in library.filter("sensor.*"):
        name = blueprint.id
        # Cameras take long; obstacle and radio sensors speak only when there is something to say.
        if not blueprint.has_attribute("sensor_tick") or any(word in name for word in ("camera", "obstacle", "v2x")):
            continue
        blueprint.set_attribute("sensor_tick", "0.5")
        sensor = world.spawn_actor(blueprint, carla.Transform())
        counts[name] = 0

        def count(_: carla.SensorData, name: str = name) -> None:
            counts[name] += 1

        sensor.listen(count)
        sensors.append(sensor)
    ticks = 45
    for _ in range(ticks):
        world.tick()
    expected = math.ceil(ticks * 0.05 / 0.5)
    deadline = time.monotonic() + 5.0
    while any(value < expected for value in counts.values()) and time.monotonic() < deadline:
        time.sleep(0.01)
    for sensor in sensors:
        sensor.stop()
    assert counts == dict.fromkeys(counts, expected)


def test_five_clients_listen_to_one_sensor_in_an_asynchronous_world(free, own):
    blueprint = own.get_blueprint_library().find("sensor.other.gnss")
    blueprint.set_attribute("sensor_tick", "0.2")
    gnss = own.spawn_actor(blueprint, carla.Transform(carla.Location(120.0, -80.0, 2.0)))
    own.wait_for_tick(5.0)
    got: list[list[tuple[float, float]]] = [[] for _ in range(5)]

    def listen(index: int) -> None:
        sensor = free.client().get_world().get_actor(gnss.id)
        sensor.listen(lambda fix: got[index].append((fix.latitude, fix.longitude)))
        deadline = time.monotonic() + 5.0
        while len(got[index]) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        sensor.stop()

    threads = [threading.Thread(target=listen, args=(index,)) for index in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(fixes) >= 3 for fixes in got)
    assert len({fix for fixes in got for fix in fixes}) == 1
    gnss.destroy()


def test_a_highest_rate_makes_a_fixed_step_run_in_real_time(start_server):
    world = start_server("--max-fps", "20").client().get_world()
    set_mode(world, False, 0.05)
    first = world.wait_for_tick(5.0).timestamp
    time.sleep(1.0)
    last = world.wait_for_tick(5.0).timestamp
    real = last.platform_timestamp - first.platform_timestamp
    assert last.elapsed_seconds - first.elapsed_seconds <= 1.1 * real
