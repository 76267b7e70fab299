"""Clients that die, stall, flood or never read: the world and the other clients do not notice."""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import carla
import msgpack
import psutil
import pytest


def request(name: str, *arguments: object, message_id: int = 7) -> bytes:
    return msgpack.packb([0, message_id, name, [[False], *arguments]])


@contextlib.contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), 5.0) as connection:
        connection.settimeout(5.0)
        yield connection


def version_through(connection: socket.socket) -> None:
    connection.sendall(request("version"))
    assert b"0.9.16" in connection.recv(4096)


def rss(process) -> int:
    return psutil.Process(process.popen.pid).memory_info().rss


def read_to_the_end(connection: socket.socket) -> None:
    while connection.recv(1 << 20):
        pass


def eventually(holds: Callable[[], bool], deadline_s: float = 10.0) -> bool:
    limit = time.monotonic() + deadline_s
    while not holds():
        if time.monotonic() > limit:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(scope="module")
def victim(start_module_server):
    """A server of this module's own: what is done to it must not disturb other tests' measurements."""
    return start_module_server()


@pytest.fixture
def bystander(victim) -> Iterator[carla.World]:
    """A well-behaved client's synchronous world, which must still tick after the test."""
    client = victim.client()
    world = client.load_world("Pilotage01")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    yield world
    frame = world.tick()
    assert world.tick() == frame + 1


def camera_on(world: carla.World, width: int, height: int) -> carla.Sensor:
    blueprint = world.get_blueprint_library().find("sensor.camera.semantic_segmentation")
    blueprint.set_attribute("image_size_x", str(width))
    blueprint.set_attribute("image_size_y", str(height))
    return world.spawn_actor(blueprint, carla.Transform(carla.Location(z=30.0), carla.Rotation(pitch=-90.0)))


def stream_id_of(victim, actor_id: int) -> int:
    with connected(victim.port) as connection:
        connection.sendall(request("get_actors_by_id", [actor_id]))
        unpacker = msgpack.Unpacker(raw=True)
        while True:
            unpacker.feed(connection.recv(65536))
            for answer in unpacker:
                token = answer[3][0][1][0][5]
                return struct.unpack_from("<I", token)[0]


@contextlib.contextmanager
def deaf_subscriber(victim, stream_id: int) -> Iterator[socket.socket]:
    """A stream connection with a small receive buffer that is never read."""
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", victim.port + 1))
        deaf.sendall(struct.pack("<I", stream_id))
        time.sleep(0.1)
        yield deaf


def test_a_subscriber_that_never_reads_blocks_nobody_and_costs_a_bounded_amount_of_memory(victim, bystander):
    camera = camera_on(bystander, 1280, 960)  # 4.9 MB a frame: 30 frames are more than twice the bound
    got: queue.Queue[carla.Image] = queue.Queue()
    camera.listen(got.put)
    bystander.tick()
    got.get(timeout=10.0)
    with deaf_subscriber(victim, stream_id_of(victim, camera.id)), deaf_subscriber(victim, 1):
        before = rss(victim)
        for _ in range(30):
            frame = bystander.tick()
            assert got.get(timeout=10.0).frame == frame
        grown = rss(victim) - before
        assert grown < 64 * 2**20 + 40 * 2**20
    camera.stop()
    camera.destroy()


def test_a_slow_subscriber_loses_the_oldest_frames_and_gets_the_newest(victim, bystander):
    camera = camera_on(bystander, 1280, 960)
    bystander.tick()
    with deaf_subscriber(victim, stream_id_of(victim, camera.id)) as slow:
        last = 0
        for _ in range(30):
            last = bystander.tick()
        frames, data = [], bytearray()
        slow.settimeout(2.0)
        with contextlib.suppress(TimeoutError):
            while not frames or frames[-1] < last:
                data += slow.recv(1 << 20)
                while len(data) >= 4 and len(data) >= 4 + (size := int.from_bytes(data[:4], "little")):
                    frames.append(int.from_bytes(data[12:20], "little"))
                    del data[: 4 + size]
    assert frames[-1] == last
    assert 10 < len(frames) < 30
    assert frames == sorted(frames)
    camera.destroy()


def test_a_client_that_never_reads_its_answers_is_not_read_from_either(victim, bystander):
    before = rss(victim)
    with connected(victim.port) as rude:
        rude.setblocking(False)
        asked = request("get_actor_definitions") * 50
        sent = 0
        for _ in range(400):
            with contextlib.suppress(BlockingIOError):
                sent += rude.send(asked)
            bystander.tick()
    # 20 000 answers of some hundred kilobytes would be gigabytes.
    assert rss(victim) - before < 64 * 2**20


def test_unfinished_requests_of_many_connections_are_bounded(victim, bystander):
    before = rss(victim)
    chunk = b"\x90" * (3 << 20)  # empty lists: 64 times as large once built
    with contextlib.ExitStack() as stack:
        for _ in range(120):
            connection = stack.enter_context(connected(victim.port))
            with contextlib.suppress(ConnectionError, TimeoutError):
                connection.sendall(b"\x94\x00\x01\xa7version\xdd\x00\xff\xff\xff" + chunk)
        bystander.tick()
        assert rss(victim) - before < 900 * 2**20
    with connected(victim.port) as again:
        version_through(again)


def test_a_request_larger_than_any_call_needs_is_refused_but_a_large_map_is_taken(victim, bystander):
    with connected(victim.port) as hostile, contextlib.suppress(ConnectionError):
        hostile.sendall(b"\x94\x00\x01\xa7version\x92\x91\xc2\xc6\x00\x80\x00\x00" + b"x" * (8 << 20))
        assert hostile.recv(10) == b""
    with connected(victim.port) as honest:
        honest.settimeout(30.0)
        honest.sendall(request("copy_opendrive_to_file", "<OpenDRIVE>" + " " * (8 << 20) + "</OpenDRIVE>", [0.0] * 7))
        answer = msgpack.unpackb(honest.recv(1 << 16), raw=False)
        assert answer[1] == 7
        assert answer[2] is None
        version_through(honest)


def test_hundreds_of_connects_and_disconnects_leave_no_descriptor_behind(victim, bystander):
    cycle(victim, bystander, 300)


@pytest.mark.slow
def test_ten_thousand_connects_and_disconnects_leave_nothing_behind(victim, bystander):
    cycle(victim, bystander, 10_000)


def cycle(victim, bystander: carla.World, count: int) -> None:
    server = psutil.Process(victim.popen.pid)
    before = server.num_fds()
    come_and_go(victim, bystander, count // 4)  # the heap finds its size
    memory = rss(victim)
    come_and_go(victim, bystander, count)
    assert eventually(lambda: server.num_fds() <= before)
    assert rss(victim) - memory < 10 * 2**20


def come_and_go(victim, bystander: carla.World, count: int) -> None:
    hello = itertools.cycle([b"", request("version"), b"\x94\x00", struct.pack("<I", 1), struct.pack("<I", 77777)])
    for index in range(count):
        port = victim.port + index % 2
        with connected(port) as connection:
            connection.sendall(next(hello))
            if index % 5 == 0:  # reset instead of an orderly end
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if index % 50 == 0:
            bystander.tick()


KILLED = """
import sys, carla
client = carla.Client("127.0.0.1", int(sys.argv[1]))
client.set_timeout(10.0)
world = client.get_world()
blueprint = world.get_blueprint_library().find("sensor.camera.rgb")
camera = world.spawn_actor(blueprint, carla.Transform(carla.Location(z=20.0)))
camera.listen(lambda image: None)
world.tick()
print("busy", flush=True)
while True:
    client.get_available_maps()
    world.get_weather()
"""


def test_a_client_killed_in_the_middle_of_its_calls_is_not_missed(victim, bystander):
    server = psutil.Process(victim.popen.pid)
    before = server.num_fds()
    for _ in range(2):
        client = subprocess.Popen([sys.executable, "-c", KILLED, str(victim.port)], stdout=subprocess.PIPE, text=True)
        assert client.stdout is not None
        assert client.stdout.readline() == "busy\n"
        os.kill(client.pid, signal.SIGKILL)
        client.wait(10)
        client.stdout.close()
        began = time.monotonic()
        bystander.tick()
        assert time.monotonic() - began < 2.0
    assert eventually(lambda: server.num_fds() <= before + 1)


def test_sensors_destroyed_while_they_stream_fall_silent_and_nobody_waits(victim, bystander):
    # Raw subscriptions: the wheel itself may crash when a sensor dies while its callback runs.
    for _ in range(10):
        cameras = [camera_on(bystander, 160, 120) for _ in range(3)]
        bystander.tick()
        with contextlib.ExitStack() as stack:
            streams = []
            for camera in cameras:
                streams.append(stack.enter_context(connected(victim.port + 1)))
                streams[-1].sendall(struct.pack("<I", stream_id_of(victim, camera.id)))
            time.sleep(0.02)
            bystander.tick()
            assert all(stream.recv(4096) for stream in streams)
            cameras[0].destroy()
            for _ in range(3):
                bystander.tick()
            streams[0].settimeout(0.05)
            with pytest.raises(TimeoutError):
                read_to_the_end(streams[0])
            for camera in cameras[1:]:
                camera.destroy()
            bystander.tick()


def test_asking_for_tokens_of_streams_that_are_not_there_holds_no_tick(victim, bystander):
    with connected(victim.port) as connection:
        for number in range(200):
            connection.sendall(request("get_sensor_token", 10_000 + number))
        began = time.monotonic()
        for _ in range(20):
            bystander.tick()
        assert time.monotonic() - began < 2.0


def test_extreme_numbers_leave_a_world_that_still_ticks(victim, bystander):
    point = bystander.get_map().get_spawn_points()[0]
    car = bystander.spawn_actor(bystander.get_blueprint_library().find("vehicle.audi.tt"), point)
    other = bystander.spawn_actor(
        bystander.get_blueprint_library().find("vehicle.audi.tt"), bystander.get_map().get_spawn_points()[20]
    )
    huge = 3.0e38
    car.set_target_velocity(carla.Vector3D(huge, -huge, huge))
    car.add_impulse(carla.Vector3D(huge, huge, huge))
    bystander.tick()
    car.set_transform(carla.Transform(carla.Location(huge, huge, huge), carla.Rotation(huge, huge, huge)))
    for _ in range(5):
        bystander.tick()
    assert other.get_transform().location.distance(bystander.get_map().get_spawn_points()[20].location) < 1.0
    with connected(victim.port) as connection:
        connection.sendall(request("set_actor_target_velocity", car.id, [1e300, float("nan"), float("inf")]))
        assert msgpack.unpackb(connection.recv(4096), raw=False)[2] is not None
    bystander.tick()
    car.destroy()
    other.destroy()


LOADER = """
import sys, carla
client = carla.Client("127.0.0.1", int(sys.argv[1]))
client.set_timeout(20.0)
for done in range(int(sys.argv[2])):
    client.load_world("Pilotage01")
    print(done + 1, flush=True)
"""


def load(victim, count: int) -> None:
    """Load the world so many times, from client processes of their own.

    The wheel can crash while it changes worlds: its stream client (`streaming::detail::tcp::Client`) begins to read
    from a socket that another of its threads is replacing. The server gives it time (`World.load`), which makes that
    rare; where it happens all the same, another client goes on.
    """
    for _ in range(20):
        ended = subprocess.run(
            [sys.executable, "-c", LOADER, str(victim.port), str(count)], capture_output=True, text=True, timeout=300
        )
        count -= len(ended.stdout.splitlines())
        if count == 0:
            return
        assert ended.returncode == -signal.SIGSEGV, ended.stderr
    pytest.fail("twenty client processes in a row crashed")


def loads(victim, count: int) -> None:
    load(victim, max(4, count // 5))
    settled = rss(victim)
    load(victim, count)
    assert rss(victim) < 1.05 * settled


def test_loading_worlds_again_and_again_leaks_nothing(victim, bystander):
    loads(victim, 10)
    settings = bystander.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    victim.client().get_world().apply_settings(settings)


@pytest.mark.slow
def test_two_hundred_loads_leak_nothing(victim, bystander):
    loads(victim, 200)
    settings = bystander.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    victim.client().get_world().apply_settings(settings)


def test_a_client_that_pipelines_calls_leaves_turns_to_others(victim, bystander):
    stop = threading.Event()

    def flood() -> None:
        with connected(victim.port) as connection:
            many = request("get_names_of_all_objects") * 20
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    connection.sendall(many)
                    connection.recv(1 << 22)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        began = time.monotonic()
        for _ in range(20):
            bystander.tick()
        assert time.monotonic() - began < 5.0
    finally:
        stop.set()
        thread.join()
