"""Connecting, settings, towns, actors' lives, and several clients at once."""

import socket
import subprocess
import sys
import time

import carla
import pytest


def test_ready_line_names_the_address(server):
    assert server.ready == {
        "event": "ready",
        "host": "127.0.0.1",
        "port": server.port,
        "ports": [server.port],
        "pid": server.popen.pid,
        "town": "Pilotage01",
    }
    assert server.port % 2 == 0


def test_map_and_version(client, world):
    assert client.get_server_version() == "0.9.16"
    assert "/Game/Carla/Maps/Pilotage01" in client.get_available_maps()
    town = world.get_map()
    assert town.name == "Carla/Maps/Pilotage01"
    assert len(town.get_spawn_points()) > 50


def test_frames_advance_by_one_and_time_by_the_fixed_step(world):
    frames = [world.tick() for _ in range(20)]
    assert frames == list(range(frames[0], frames[0] + 20))
    snapshot = world.get_snapshot()
    assert snapshot.frame == frames[-1]
    assert snapshot.timestamp.delta_seconds == pytest.approx(0.05)
    before = snapshot.timestamp.elapsed_seconds
    world.tick()
    assert world.get_snapshot().timestamp.elapsed_seconds - before == pytest.approx(0.05)


def test_asynchronous_world_ticks_by_itself(start_server):
    client = start_server().client()
    world = client.get_world()
    first = world.wait_for_tick(5.0).frame
    assert world.wait_for_tick(5.0).frame > first


def test_settings_come_back_as_they_were_set(world):
    settings = world.get_settings()
    assert (settings.synchronous_mode, settings.fixed_delta_seconds) == (True, 0.05)
    settings.no_rendering_mode = True
    world.apply_settings(settings)
    assert world.get_settings().no_rendering_mode
    settings.no_rendering_mode = False
    world.apply_settings(settings)


def test_spawned_actor_has_its_place_size_and_attributes(world, stage):
    vehicle = stage.spawn("vehicle.tesla.model3", ahead=12.0)
    world.tick()
    wanted = stage.place(12.0)
    assert vehicle.get_transform().location.distance(wanted.location) < 1e-3
    assert vehicle.bounding_box.extent.x == pytest.approx(2.396)
    assert vehicle.attributes["number_of_wheels"] == "4"
    assert vehicle.semantic_tags == [14]
    assert world.get_actor(vehicle.id).type_id == "vehicle.tesla.model3"
    assert vehicle.destroy()
    world.tick()
    assert world.get_actors().find(vehicle.id) is None


def test_spawning_into_a_taken_place_fails_as_in_carla(world, stage):
    stage.spawn("vehicle.tesla.model3")
    with pytest.raises(RuntimeError, match="Spawn failed because of collision at spawn position"):
        stage.spawn("vehicle.audi.tt", ahead=2.0)
    blueprint = world.get_blueprint_library().find("vehicle.audi.tt")
    assert world.try_spawn_actor(blueprint, stage.place(2.0)) is None
    assert world.try_spawn_actor(blueprint, stage.place(8.0)) is not None


def test_attached_sensors_outlive_their_parent(world, stage):
    vehicle = stage.spawn("vehicle.tesla.model3")
    sensor = world.spawn_actor(
        world.get_blueprint_library().find("sensor.other.collision"), carla.Transform(), attach_to=vehicle
    )
    world.tick()
    assert sensor.parent.id == vehicle.id
    vehicle.destroy()
    world.tick()
    assert sensor.is_alive
    assert sensor.destroy()


def test_batch_spawns_with_follow_ups_and_reports_each_failure(client, world, stage):
    blueprint = world.get_blueprint_library().find("vehicle.nissan.patrol")
    spawn = carla.command.SpawnActor
    future = carla.command.FutureActor
    commands = [
        spawn(blueprint, stage.place(20.0 * index)).then(carla.command.ApplyTargetVelocity(future, stage.forward * 5.0))
        for index in range(4)
    ]
    commands.append(spawn(blueprint, stage.place(0.5)))
    commands.append(carla.command.DestroyActor(999_999))
    results = client.apply_batch_sync(commands, True)
    assert [result.error for result in results[:4]] == [""] * 4
    assert "collision" in results[4].error
    assert "999999" in results[5].error
    for result in results[:4]:
        assert world.get_actor(result.actor_id).get_velocity().length() == pytest.approx(5.0, abs=0.01)
    world.get_actors([result.actor_id for result in results[:4]])
    destroyed = client.apply_batch_sync([carla.command.DestroyActor(r.actor_id) for r in results[:4]], True)
    assert not any(result.has_error() for result in destroyed)


def test_two_clients_see_the_same_world(server, world, stage):
    vehicle = stage.spawn("vehicle.audi.a2", ahead=5.0)
    world.tick()
    other = server.client().get_world()
    assert other.get_settings().synchronous_mode
    assert other.get_actor(vehicle.id).type_id == "vehicle.audi.a2"
    # Snapshots reach each client over a connection of its own, in their own time.
    deadline = time.monotonic() + 5.0
    while other.get_snapshot().frame < world.get_snapshot().frame and time.monotonic() < deadline:
        time.sleep(0.01)
    here, there = vehicle.get_transform(), other.get_actor(vehicle.id).get_transform()
    assert here == there


def test_loading_a_town_starts_a_new_episode(client, world, stage):
    vehicle = stage.spawn("vehicle.audi.a2")
    world.tick()
    fresh = client.load_world("Pilotage01", reset_settings=False)
    assert fresh.id != world.id
    assert fresh.get_actor(vehicle.id) is None
    assert fresh.get_settings().synchronous_mode
    assert fresh.get_snapshot().timestamp.elapsed_seconds < 1.0


def test_unknown_town_is_refused_with_a_message(client, world):
    with pytest.raises(RuntimeError, match=r"Atlantis.*Pilotage01"):
        client.load_world("Atlantis")
    assert world.tick() > 0


def test_generated_opendrive_world_can_be_driven(start_server):
    client = start_server().client()
    world = client.generate_opendrive_world(client.get_world().get_map().to_opendrive())
    assert world.get_map().name.endswith("OpenDriveMap")


def test_wrong_town_or_taken_port_end_with_one_clear_line(server):
    command = [sys.executable, "-m", "sim.server", "--port"]
    unknown = subprocess.run([*command, "0", "--town", "Atlantis"], capture_output=True, text=True, timeout=60)
    assert unknown.returncode == 2
    assert unknown.stderr.startswith("error: ")
    assert "Atlantis" in unknown.stderr
    taken = subprocess.run([*command, str(server.port)], capture_output=True, text=True, timeout=60)
    assert taken.returncode == 2
    assert f"{server.port}" in taken.stderr
    assert "Traceback" not in unknown.stderr + taken.stderr


def test_server_ends_when_its_parent_goes(start_server):
    process = start_server()
    process.popen.stdin.close()
    assert process.popen.wait(10) == 0
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", process.port), 1.0)


def test_ten_listeners_at_once_get_the_next_frame(world, stage):
    # `listen` returns before the stream is connected: the next tick must wait for it.
    vehicle = stage.spawn("vehicle.tesla.model3")
    blueprint = world.get_blueprint_library().find("sensor.other.imu")
    got: list[int] = []
    sensors = [world.spawn_actor(blueprint, carla.Transform(), attach_to=vehicle) for _ in range(10)]
    for sensor in sensors:
        sensor.listen(lambda data: got.append(data.frame))
    frame = world.tick()
    deadline = time.monotonic() + 5.0
    while len(got) < 10 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert got == [frame] * 10
    for sensor in sensors:
        sensor.stop()
