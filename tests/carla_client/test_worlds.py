"""Several worlds in one process: each is a CARLA server of its own."""

from __future__ import annotations

import hashlib
import multiprocessing
import queue
import socket
import time

import carla
import pytest


@pytest.fixture(scope="module")
def trio(start_module_server):
    return start_module_server("--worlds", "3")


def connect(process, index: int) -> carla.Client:
    client = carla.Client("127.0.0.1", process.ready["ports"][index])
    client.set_timeout(10.0)
    return client


def fresh(client: carla.Client) -> carla.World:
    world = client.load_world("Pilotage01")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    return world


def drive(client: carla.Client, ticks: int = 25) -> str:
    """A digest of the poses and camera frames of a short drive."""
    digest = hashlib.sha256()
    world = fresh(client)
    library = world.get_blueprint_library()
    start = world.get_map().get_spawn_points()[5]
    car = world.spawn_actor(library.find("vehicle.tesla.model3"), start)
    blueprint = library.find("sensor.camera.rgb")
    blueprint.set_attribute("image_size_x", "96")
    blueprint.set_attribute("image_size_y", "64")
    camera = world.spawn_actor(blueprint, carla.Transform(carla.Location(x=1.2, z=1.6)), attach_to=car)
    frames: queue.Queue[carla.Image] = queue.Queue()
    camera.listen(frames.put)
    for tick in range(ticks):
        car.apply_control(carla.VehicleControl(throttle=0.7, steer=0.2 if tick % 8 < 4 else -0.2))
        world.tick()
        digest.update(f"{car.get_transform()} {car.get_velocity()}".encode())
        digest.update(bytes(frames.get(timeout=10.0).raw_data))
    camera.stop()
    return digest.hexdigest()


def drive_for_ever(port: int) -> None:
    """What a busy neighbour does, in a process of its own: it shares no lock and no thread with the drive."""
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(20.0)
    while True:
        drive(client, 25)


def test_the_ready_line_lists_a_port_per_world(trio):
    ports = trio.ready["ports"]
    assert len(set(ports)) == 3
    assert trio.ready["port"] == ports[0]
    for index in range(3):
        assert connect(trio, index).get_server_version() == "0.9.16"


def test_worlds_listen_ten_ports_apart(start_server):
    for base in range(21000, 30000, 40):
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", base))
                second.bind(("127.0.0.1", base + 10))
            except OSError:
                continue
        break
    process = start_server("--port", str(base), "--worlds", "2")
    assert process.ready["ports"] == [base, base + 10]
    assert connect(process, 1).get_world().get_map().name.endswith("Pilotage01")


def test_what_happens_in_one_world_is_not_seen_in_another(trio):
    here, there = (fresh(connect(trio, index)) for index in (0, 1))
    car = here.spawn_actor(
        here.get_blueprint_library().find("vehicle.audi.tt"), here.get_map().get_spawn_points()[0]
    )  # fmt: skip
    here.set_weather(carla.WeatherParameters.HardRainNoon)
    before, episode = there.get_snapshot().frame, there.id
    for _ in range(5):
        here.tick()
    connect(trio, 0).load_world("Pilotage01")
    assert there.get_snapshot().frame == before
    assert there.tick() == before + 1
    assert there.id == episode
    assert there.get_weather() == carla.WeatherParameters.ClearNoon
    assert there.get_actor(car.id) is None or there.get_actor(car.id).type_id != "vehicle.audi.tt"
    assert there.get_settings().synchronous_mode


def test_a_drive_is_the_same_bit_for_bit_beside_busy_worlds(trio, start_server):
    alone = drive(start_server().client())
    context = multiprocessing.get_context("spawn")
    neighbours = [
        context.Process(target=drive_for_ever, args=(trio.ready["ports"][index],), daemon=True) for index in (1, 2)
    ]
    watcher = connect(trio, 1)
    before = watcher.get_world().id
    for process in neighbours:
        process.start()
    try:
        deadline = time.monotonic() + 60.0
        while watcher.get_world().id == before and time.monotonic() < deadline:
            time.sleep(0.1)
        assert drive(connect(trio, 0)) == alone
        assert any(process.is_alive() for process in neighbours)
    finally:
        for process in neighbours:
            process.kill()
            process.join(10.0)


def test_broken_bytes_and_failing_calls_in_one_world_leave_the_others_alone(trio):
    with socket.create_connection(("127.0.0.1", trio.ready["ports"][2]), 2.0) as bad:
        bad.sendall(b"\xc1" * 100)
        assert bad.recv(1) == b""
    with pytest.raises(RuntimeError):
        connect(trio, 2).load_world("Atlantis")
    assert fresh(connect(trio, 1)).tick() > 0
    assert fresh(connect(trio, 2)).tick() > 0
