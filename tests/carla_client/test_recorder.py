"""The recorder and the replayer, through the real client."""

from __future__ import annotations

import queue
import re
import resource
import sys

import carla
import pytest

from tests.conftest import synchronous

THROTTLE = carla.VehicleControl(throttle=0.7, steer=0.04)


def motion(world: carla.World, actor_id: int) -> tuple[float, ...]:
    """All that a snapshot says about an actor's motion, to the last bit."""
    state = world.get_snapshot().find(actor_id)
    pose, velocity, turn = state.get_transform(), state.get_velocity(), state.get_angular_velocity()
    place, angles = pose.location, pose.rotation
    return (
        place.x, place.y, place.z, angles.pitch, angles.yaw, angles.roll,
        velocity.x, velocity.y, velocity.z, turn.x, turn.y, turn.z,
    )  # fmt: skip


def drive_and_record(client, world, stage, name, ticks=40, additional=False):
    """A car that drives off, recorded; its id and what each snapshot showed of it."""
    car = stage.spawn("vehicle.tesla.model3")
    world.tick()
    client.start_recorder(name, additional)
    shown = []
    for tick in range(ticks):
        car.apply_control(THROTTLE if tick < ticks - 10 else carla.VehicleControl(brake=0.5))
        world.tick()
        shown.append(motion(world, car.id))
    client.stop_recorder()
    return car, shown


def test_a_replay_shows_the_very_same_motion_at_every_recorded_frame(client, world, stage):
    car, shown = drive_and_record(client, world, stage, "exact.log")
    assert len({entry[0] for entry in shown}) > 30
    client.replay_file("exact.log", 0.0, 0.0, 0)
    for expected in shown[1:-1]:
        world.tick()
        assert motion(world, car.id) == expected
    world.tick()
    # The last frame ends the replay: the place is right, and the car stands.
    assert motion(world, car.id)[:6] == shown[-1][:6]
    assert car.get_velocity().length() == 0.0


def test_a_replay_shows_the_same_pictures(client, world, stage):
    blueprint = stage.library.find("sensor.camera.rgb")
    for name, value in {"image_size_x": 160, "image_size_y": 90}.items():
        blueprint.set_attribute(name, str(value))
    eye = world.spawn_actor(blueprint, stage.place(-4.0, 3.0, 1.5))
    frames: queue.Queue[carla.Image] = queue.Queue()
    eye.listen(frames.put)

    def picture() -> bytes:
        frame = world.tick()
        while (image := frames.get(timeout=5.0)).frame < frame:
            pass
        return bytes(image.raw_data)

    car, walker = stage.spawn("vehicle.tesla.model3"), stage.spawn("walker.pedestrian.0002", 8.0, 4.0, 1.0)
    # Wheels and legs are anywhere in their turn when the recording begins, and go on from there in the replay.
    car.apply_control(carla.VehicleControl(throttle=0.6, steer=0.2))
    walker.apply_control(carla.WalkerControl(stage.forward, 1.5))
    stage.ticks(7)
    client.start_recorder("pictures.log")
    shown = []
    for tick in range(16):
        car.apply_control(carla.VehicleControl(0.6, 0.5) if tick < 10 else carla.VehicleControl(brake=1.0))
        walker.apply_control(carla.WalkerControl(stage.forward, 1.5))
        shown.append(picture())
    client.stop_recorder()
    client.replay_file("pictures.log", 0.0, 0.0, 0)
    replayed = [picture() for _ in shown[1:]]
    eye.stop()
    assert len(set(shown)) == len(shown)
    assert replayed[:-1] == shown[1:-1]


def test_recording_changes_nothing_in_the_world(client, world, stage):
    runs = []
    for name in ("", "watched.log"):
        car = stage.spawn("vehicle.tesla.model3")
        world.tick()
        if name:
            client.start_recorder(name)
        run = []
        for _ in range(20):
            car.apply_control(THROTTLE)
            world.tick()
            run.append(motion(world, car.id))
        client.stop_recorder()
        car.destroy()
        world.tick()
        runs.append(run)
    assert runs[0] == runs[1]


def test_a_replay_brings_back_actors_that_are_gone_under_their_ids_and_with_their_attributes(client, world, stage):
    blueprint = stage.library.find("vehicle.audi.tt")
    blueprint.set_attribute("role_name", "witness")
    blueprint.set_attribute("color", "1,2,3")
    car = world.spawn_actor(blueprint, stage.place(20.0))
    walker = stage.spawn("walker.pedestrian.0002", 30.0, 4.0, 1.0)
    cone = stage.spawn("static.prop.trafficcone01", 40.0)
    camera = world.spawn_actor(
        stage.library.find("sensor.camera.rgb"), carla.Transform(carla.Location(z=2.0)), attach_to=car
    )
    ids = [car.id, walker.id, cone.id]
    client.start_recorder("gone.log")
    walker.apply_control(carla.WalkerControl(stage.forward, 1.5))
    stage.ticks(10)
    client.stop_recorder()
    last = [motion(world, actor_id)[:6] for actor_id in ids]
    for actor in (camera, car, walker, cone):
        actor.destroy()
    world.tick()
    client.replay_file("gone.log", 0.0, 0.0, 0)
    stage.ticks(9)
    back = [world.get_actor(actor_id) for actor_id in ids]
    assert [actor.type_id for actor in back] == [
        "vehicle.audi.tt",
        "walker.pedestrian.0002",
        "static.prop.trafficcone01",
    ]
    assert back[0].attributes["role_name"] == "witness"
    assert back[0].attributes["color"] == "1,2,3"
    assert [motion(world, actor_id)[:6] for actor_id in ids] == last
    assert not world.get_actors().filter("sensor.*")


def test_sensors_come_back_attached_only_when_asked_for(client, world, stage):
    car = stage.spawn("vehicle.audi.tt")
    mount = carla.Transform(carla.Location(x=1.0, z=2.0))
    sensor = world.spawn_actor(stage.library.find("sensor.camera.rgb"), mount, attach_to=car)
    client.start_recorder("sensors.log")
    stage.ticks(3)
    client.stop_recorder()
    sensor.destroy()
    world.tick()
    client.replay_file("sensors.log", 0.0, 0.0, 0, True)
    world.tick()
    (camera,) = world.get_actors().filter("sensor.camera.rgb")
    assert camera.parent.id == car.id
    offset = camera.get_location() - car.get_location()
    assert offset.z == pytest.approx(2.0, abs=1e-4)
    assert offset.dot(car.get_transform().get_forward_vector()) == pytest.approx(1.0, abs=1e-4)


def test_a_camera_on_a_spring_arm_comes_back_on_one(client, world, stage):
    car = stage.spawn("vehicle.audi.tt")
    mount = carla.Transform(carla.Location(x=-5.5, z=2.5), carla.Rotation(pitch=8.0))
    blueprint = stage.library.find("sensor.camera.rgb")
    sensor = world.spawn_actor(blueprint, mount, attach_to=car, attachment_type=carla.AttachmentType.SpringArm)
    client.start_recorder("arm.log")
    stage.ticks(3)
    client.stop_recorder()
    before = motion(world, sensor.id)[:6]
    sensor.destroy()
    world.tick()
    client.replay_file("arm.log", 0.0, 0.0, 0, True)
    world.tick()
    (camera,) = world.get_actors().filter("sensor.camera.rgb")
    assert motion(world, camera.id)[:6] == pytest.approx(before, abs=1e-4)


def test_start_may_count_from_the_end_and_duration_limits_the_replay(client, world, stage):
    car, shown = drive_and_record(client, world, stage, "parts.log")
    told = client.replay_file("parts.log", -0.5, 0.2, 0)
    assert re.search(r"Total time recorded: 1\.95\nReplaying from 1\.45 s - 1\.65 s \(1\.95 s\) at 1\.0x", told)
    for frame in range(30, 34):
        world.tick()
        assert motion(world, car.id)[:6] == shown[frame][:6]
    still = motion(world, car.id)[:2]
    stage.ticks(5)
    assert motion(world, car.id)[:2] == pytest.approx(still, abs=1e-3)


def test_the_time_factor_changes_the_pace_and_shows_places_between_frames(client, world, stage):
    car, shown = drive_and_record(client, world, stage, "pace.log")
    try:
        client.set_replayer_time_factor(0.5)
        client.replay_file("pace.log", 0.5, 0.0, 0)
        seen = []
        for _ in range(6):
            world.tick()
            seen.append(motion(world, car.id))
        assert seen[1] == shown[11]
        assert seen[3] == shown[12]
        assert seen[5] == shown[13]
        for between, before, after in ((seen[0], shown[10], shown[11]), (seen[2], shown[11], shown[12])):
            assert between[:2] == pytest.approx([(a + b) / 2 for a, b in zip(before[:2], after[:2])], abs=1e-4)
        client.set_replayer_time_factor(4.0)
        world.tick()
        assert motion(world, car.id) == shown[17]
    finally:
        client.set_replayer_time_factor(1.0)
        client.stop_replayer(True)


def test_after_a_replay_the_car_obeys_its_client_again(client, world, stage):
    car, _ = drive_and_record(client, world, stage, "after.log", 20)
    client.replay_file("after.log", 0.0, 0.0, 0)
    stage.ticks(25)
    assert car.get_control().throttle == 0.0
    begin = car.get_location()
    car.apply_control(carla.VehicleControl(throttle=1.0))
    stage.ticks(30)
    assert car.get_location().distance(begin) > 2.0


def test_stop_replayer_keeps_or_removes_what_the_replay_created(client, world, stage):
    car, _ = drive_and_record(client, world, stage, "kept.log", 20)
    car.destroy()
    for keep in (True, False):
        world.tick()
        client.replay_file("kept.log", 0.0, 0.0, 0)
        stage.ticks(5)
        client.stop_replayer(keep)
        world.tick()
        assert [actor.id for actor in world.get_actors().filter("vehicle.*")] == ([car.id] if keep else [])
        for actor in world.get_actors().filter("vehicle.*"):
            actor.destroy()


def test_the_spectator_follows_an_actor_at_the_offset_of_the_call(client, world, stage):
    car, _shown = drive_and_record(client, world, stage, "follow.log")
    offset = carla.Transform(carla.Location(x=-6.0, z=3.0), carla.Rotation(pitch=-15.0))
    client.set_replayer_ignore_spectator(True)  # of its recorded movements, as CARLA's start_replaying.py asks
    client.replay_file("follow.log", 0.0, 0.0, car.id, False, offset)
    client.set_replayer_ignore_spectator(False)
    for _ in range(10):
        world.tick()
        vehicle, viewer = car.get_transform(), world.get_spectator().get_transform()
        expected = vehicle.transform(carla.Location(x=-6.0, z=3.0))
        assert viewer.location.distance(expected) < 1e-3
        assert viewer.rotation.pitch == pytest.approx(-15.0, abs=1e-2)
    client.stop_replayer(True)


def test_the_hero_and_the_spectator_are_left_alone_on_request(client, world, stage):
    blueprint = stage.library.find("vehicle.tesla.model3")
    blueprint.set_attribute("role_name", "hero")
    hero, other = world.spawn_actor(blueprint, stage.place(0.0)), stage.spawn("vehicle.audi.tt", 20.0)
    client.start_recorder("hero.log")
    world.get_spectator().set_transform(stage.place(5.0, up=30.0))
    for car in (hero, other):
        car.apply_control(carla.VehicleControl(throttle=1.0))
    stage.ticks(20)
    client.stop_recorder()
    moved = [motion(world, actor.id)[:2] for actor in (hero, other)]
    hero.set_transform(stage.place(-20.0))
    hero.set_target_velocity(carla.Vector3D())
    hero.apply_control(carla.VehicleControl(hand_brake=True))
    world.get_spectator().set_transform(stage.place(0.0, up=99.0))
    world.tick()
    try:
        client.set_replayer_ignore_hero(True)
        client.set_replayer_ignore_spectator(True)
        told = client.replay_file("hero.log", 0.0, 0.0, 0)
        stage.ticks(19)
    finally:
        client.set_replayer_ignore_hero(False)
        client.set_replayer_ignore_spectator(False)
    assert "Ignoring Hero vehicle" in told
    assert "Ignoring Spectator camera" in told
    assert motion(world, other.id)[:2] == moved[1]
    assert hero.get_location().distance(stage.place(-20.0).location) < 1.0
    assert world.get_spectator().get_location().z == pytest.approx(99.0)


def test_replaying_a_recording_of_another_town_loads_that_town(client, world, stage):
    drive_and_record(client, world, stage, "town.log", 12)
    world = client.load_world("Town04")
    synchronous(world)
    told = client.replay_file("town.log", 0.0, 0.0, 0)
    assert "Loading map Pilotage01" in told
    world = client.get_world()
    world.tick()
    assert world.get_map().name.endswith("Pilotage01")
    assert [actor.type_id for actor in world.get_actors().filter("vehicle.*")] == ["vehicle.tesla.model3"]


def test_traffic_lights_show_what_was_recorded_and_go_on_afterwards(client, world):
    world = client.load_world("Pilotage02")
    synchronous(world)
    world.tick()
    lights = sorted(world.get_actors().filter("traffic.traffic_light"), key=lambda light: light.id)

    def shown():
        return [(light.state, light.is_frozen(), round(light.get_elapsed_time(), 3)) for light in lights]

    for light in lights[:2]:
        light.set_green_time(0.4)
    client.start_recorder("lights.log")
    recorded = []
    for tick in range(60):
        if tick == 20:
            lights[0].set_state(carla.TrafficLightState.Off)
        if tick == 30:
            world.freeze_all_traffic_lights(True)
        world.tick()
        recorded.append(shown())
    client.stop_recorder()
    assert len({entry[0][0] for entry in recorded}) > 1
    world.freeze_all_traffic_lights(False)
    world.reset_all_traffic_lights()
    for _ in range(7):
        world.tick()
    client.replay_file("lights.log", 0.0, 0.0, 0)
    for expected in recorded[1:-1]:
        world.tick()
        assert shown() == expected
    world.tick()
    text = client.show_recorder_file_info("lights.log", True)
    assert f"  Id: {lights[0].id} state: 3 frozen: 0 elapsedTime: " in text
    assert f"  Id: {lights[0].id} state: 3 frozen: 1 elapsedTime: " in text
    before = shown()
    for _ in range(30):
        world.tick()
    assert shown() != before
    assert not any(light.is_frozen() for light in lights)


def test_two_replays_of_one_recording_are_identical(client, world, stage):
    drive_and_record(client, world, stage, "twice.log")
    seen = []
    try:
        client.set_replayer_time_factor(0.7)
        for _ in range(2):
            client.replay_file("twice.log", 0.13, 0.0, 0)
            run = []
            for _ in range(20):
                world.tick()
                run.append([motion(world, actor.id) for actor in world.get_actors()])
            seen.append(run)
    finally:
        client.set_replayer_time_factor(1.0)
        client.stop_replayer(True)
    assert seen[0] == seen[1]


# ---- reports -----------------------------------------------------------------------------------------------------


def test_file_info_has_the_layout_that_carlas_documentation_shows(client, world, stage):
    car, _ = drive_and_record(client, world, stage, "info.log", 20)
    client.start_recorder("events.log")
    world.tick()
    car.destroy()
    stage.ticks(2)
    client.stop_recorder()
    text = client.show_recorder_file_info("events.log", False)
    assert re.match(r"Version: 1\nMap: Pilotage01\nDate: \d\d/\d\d/\d\d \d\d:\d\d:\d\d\n\nFrame 1 at 0 seconds\n", text)
    assert re.search(
        rf"^ Create {car.id}: vehicle\.tesla\.model3 \(1\) at \(-?[\d.e+]+, -?[\d.e+]+, -?[\d.e-]+\)$", text, re.M
    )
    assert re.search(r"^  number_of_wheels = 4$", text, re.M)
    assert f"Frame 2 at 0.05 seconds\n Destroy {car.id}\n" in text
    assert text.endswith("\nFrames: 3\nDuration: 0.1 seconds\n")
    everything = client.show_recorder_file_info("info.log", True)
    assert everything.count("\nFrame ") == 20
    assert re.search(rf"^  Id: {car.id} Location: \(\S+, \S+, \S+\) Rotation: \(\S+, \S+, \S+\)$", everything, re.M)
    assert re.search(
        rf"^  Id: {car.id} Steering: 0\.04 Throttle: 0\.7 Brake: 0 Handbrake: 0 Gear: -?\d+$", everything, re.M
    )


def test_additional_data_is_reported_in_the_sections_and_the_order_that_scenario_runner_parses(client, world, stage):
    car = stage.spawn("vehicle.tesla.model3")
    world.tick()
    client.start_recorder("additional.log", True)
    stage.ticks(2)
    control = car.get_physics_control()
    control.mass = 1234.0
    car.apply_physics_control(control)
    world.set_weather(carla.WeatherParameters.CloudyNoon)
    world.tick()
    client.stop_recorder()
    first, second, third = client.show_recorder_file_info("additional.log", True).split("\nFrame ")[1:4]
    sections = [
        "Positions", "State traffic lights", "Vehicle animations", "Walker animations", "Vehicle light animations",
        "Scene light changes", "Dynamic actors", "Actor bounding boxes", "Actor trigger volumes",
        "Current platform time", "Physics Control events", "Traffic Light time events",
    ]  # fmt: skip
    for frame in (first, second):
        found = re.findall(r"^ ([A-Z][A-Za-z ]+): ", frame + "\n", re.MULTILINE)
        assert [name for name in found if not name.startswith("Create")] == sections
    assert re.search(rf" Physics Control events: 1\n  Id: {car.id}\n   max_rpm = \d+", first)
    assert re.search(r"^   torque_curve =( \(\S+, \S+\))+$", first, re.MULTILINE)
    assert re.search(r"^    wheel 3: tire_friction \S+ .* position \(\S+, \S+, \S+\)$", first, re.MULTILINE)
    assert " Physics Control events: 0\n" in second
    assert "   mass = 1234\n" in third
    assert re.search(r"^ Weathers: 1\n  Cloudiness: 60 ", third, re.MULTILINE)


def test_collisions_are_found_by_the_categories_of_both_actors(client, world, stage):
    blueprint = stage.library.find("vehicle.tesla.model3")
    blueprint.set_attribute("role_name", "hero")
    hero = world.spawn_actor(blueprint, stage.place(0.0))
    wall = stage.spawn("vehicle.carlamotors.carlacola", 15.0)
    sensor = world.spawn_actor(stage.library.find("sensor.other.collision"), carla.Transform(), attach_to=hero)
    client.start_recorder("crash.log")
    hero.set_target_velocity(stage.forward * 15.0)
    stage.ticks(30)
    client.stop_recorder()
    sensor.stop()
    line = rf"^ +\d+   v v +{hero.id} vehicle\.tesla\.model3 +{wall.id} vehicle\.carlamotors\.carlacola +$"
    for first, second in (("a", "a"), ("h", "v"), ("v", "a"), ("h", "a")):
        text = client.show_recorder_collisions("crash.log", first, second)
        assert re.search(line, text, re.M), (first, second, text)
    for first, second in (("w", "a"), ("v", "h"), ("t", "o"), ("a", "w")):
        assert not re.search(line, client.show_recorder_collisions("crash.log", first, second), re.M)
    assert f"Collision id 0 between {hero.id} (hero)  with {wall.id}" in client.show_recorder_file_info(
        "crash.log", False
    )


def test_blocked_actors_are_listed_with_how_long_they_stood(client, world, stage):
    moving, standing = stage.spawn("vehicle.tesla.model3"), stage.spawn("vehicle.audi.tt", 60.0)
    client.start_recorder("blocked.log")
    moving.set_target_velocity(stage.forward * 8.0)
    moving.apply_control(THROTTLE)
    stage.ticks(60)
    client.stop_recorder()
    text = client.show_recorder_actors_blocked("blocked.log", 2.0, 100.0)
    assert re.search(rf"^ +0 +{standing.id} vehicle\.audi\.tt +3$", text, re.M)
    assert f" {moving.id} " not in text
    assert "vehicle.audi.tt" not in client.show_recorder_actors_blocked("blocked.log", 3.5, 100.0)


# ---- files -------------------------------------------------------------------------------------------------------


def test_file_names_stay_inside_the_recordings_folder(client, world, recordings):
    for name in ("../up.log", "a/../../up.log", "..", "/", "", "C:\\..\\up.log", "nul\0.log", "x" * 600):
        with pytest.raises(RuntimeError, match="inside the recordings folder"):
            client.start_recorder(name)
    (recordings / "way").symlink_to("/tmp")
    with pytest.raises(RuntimeError, match="leads out"):
        client.start_recorder("way/up.log")
    path = client.start_recorder("/home/somebody/absolute.log")
    world.tick()
    client.stop_recorder()
    assert path == str(recordings / "home" / "somebody" / "absolute.log")
    assert "Frames: 1" in client.show_recorder_file_info("/home/somebody/absolute.log", False)
    assert "Frames: 1" in client.show_recorder_file_info("home\\somebody\\absolute.log", False)


def test_missing_and_foreign_files_are_answered_in_words(client, world, recordings):
    (recordings / "foreign.log").write_bytes(b"CARLA_RECORDER whatever")
    (recordings / "empty.log").write_bytes(b"")
    assert "not found on server" in client.show_recorder_file_info("missing.log", False)
    assert "not found on server" in client.replay_file("missing.log", 0.0, 0.0, 0)
    for name in ("foreign.log", "empty.log"):
        assert "is no recording of this server" in client.show_recorder_file_info(name, True)
        assert "is no recording of this server" in client.show_recorder_collisions(name, "a", "a")
        assert "is no recording of this server" in client.show_recorder_actors_blocked(name, 1.0, 1.0)
        assert "is no recording of this server" in client.replay_file(name, 0.0, 0.0, 0)


def test_a_recording_whose_end_is_missing_plays_as_far_as_it_goes(client, world, stage, recordings):
    car, shown = drive_and_record(client, world, stage, "whole.log")
    data = (recordings / "whole.log").read_bytes()
    (recordings / "torn.log").write_bytes(data[: len(data) * 2 // 3])
    text = client.show_recorder_file_info("torn.log", False)
    frames = int(re.search(r"^Frames: (\d+)$", text, re.M)[1])
    assert 10 < frames < 40
    assert "ends in the middle of a frame" in text
    client.replay_file("torn.log", 0.0, 0.0, 0)
    stage.ticks(frames - 1)
    assert motion(world, car.id)[:6] == shown[frames - 1][:6]


def test_a_recording_can_be_read_while_it_is_being_made_and_after_its_server_was_killed(start_server, tmp_path):
    process = start_server("--recordings", str(tmp_path))
    client = process.client()
    world = client.get_world()
    synchronous(world)
    client.start_recorder("killed.log")
    for _ in range(7):
        world.tick()
    assert "Frames: 7" in client.show_recorder_file_info("killed.log", False)
    process.popen.kill()
    process.popen.wait()
    client = start_server("--recordings", str(tmp_path)).client()
    assert "Frames: 7" in client.show_recorder_file_info("killed.log", False)


def test_worlds_of_one_process_cannot_record_to_one_file(start_server, tmp_path):
    process = start_server("--recordings", str(tmp_path), "--worlds", "2")
    clients = [carla.Client("127.0.0.1", port) for port in process.ready["ports"]]
    for client in clients:
        client.set_timeout(10.0)
        synchronous(client.get_world())
    clients[0].start_recorder("shared.log")
    clients[0].get_world().tick()
    with pytest.raises(RuntimeError, match="another world is recording"):
        clients[1].start_recorder("shared.log")
    clients[1].start_recorder("own.log")
    assert "Frames: 1" in clients[1].show_recorder_file_info("shared.log", False)
    clients[0].stop_recorder()
    # The client does not wait for the answer to stop_recorder; it does for this one.
    clients[0].get_world().tick()
    assert clients[1].start_recorder("shared.log").endswith("shared.log")


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
def test_a_full_disk_ends_the_recording_and_nothing_else(start_server, tmp_path):
    process = start_server("--recordings", str(tmp_path))
    client = process.client()
    world = client.get_world()
    synchronous(world)
    resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (8000, 8000))
    client.start_recorder("full.log")
    car = world.spawn_actor(
        world.get_blueprint_library().find("vehicle.audi.tt"), world.get_map().get_spawn_points()[0]
    )
    car.apply_control(carla.VehicleControl(throttle=1.0))
    for _ in range(60):
        world.tick()
    text = client.show_recorder_file_info("full.log", False)
    assert "Recording ended early: File too large" in text
    assert int(re.search(r"^Frames: (\d+)$", text, re.M)[1]) > 3
    assert car.get_velocity().length() > 1.0
