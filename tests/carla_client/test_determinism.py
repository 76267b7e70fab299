"""Same commands, same bytes: every snapshot and frame on the wire, in any process, with other worlds beside it."""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import signal
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import carla
import numpy as np
import pytest

# The one field of a snapshot that is not the world's: the operating system's time.
PLATFORM_TIME = slice(4 + 48 + 8, 4 + 48 + 16)
RECORD = np.dtype([("id", "<u4"), ("rest", "V115")])
EPISODE = slice(4 + 48, 4 + 48 + 8)


class RawStream:
    """A subscription read as bytes by a thread; `digest` covers every message with a frame in a range."""

    def __init__(self, port: int, stream_id: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 5.0)
        self._socket.settimeout(30.0)
        self._socket.sendall(struct.pack("<I", stream_id))
        self._arrived = threading.Condition()
        self.messages: dict[int, int] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        data = bytearray()
        while True:
            try:
                received = self._socket.recv(1 << 20)
            except OSError:
                return
            if not received:
                return
            data += received
            while len(data) >= 4 and len(data) >= 4 + (size := int.from_bytes(data[:4], "little")):
                message = data[: 4 + size]
                del data[: 4 + size]
                kind, frame = struct.unpack_from("<QQ", message, 4)
                message[12:20] = bytes(8)  # frames are counted from the server's start
                if kind == 17:
                    message[PLATFORM_TIME] = bytes(8)
                    message[EPISODE] = bytes(8)
                    records = np.frombuffer(message, RECORD, offset=4 + 48 + 36)
                    records["id"] -= records["id"][0]  # ids are counted on as well; the spectator is the first
                with self._arrived:
                    self.messages[frame] = zlib.crc32(message)
                    self._arrived.notify_all()

    def digest(self, first: int, last: int) -> str:
        with self._arrived:
            assert self._arrived.wait_for(lambda: last in self.messages, 30.0)
            sums = [self.messages[frame] for frame in range(first, last + 1)]
        return hashlib.sha256(repr(sums).encode()).hexdigest()

    def close(self) -> None:
        self._socket.close()


def drive(port: int, ticks: int) -> tuple[str, str]:
    """Digests of all snapshots and of all camera frames of an eventful drive."""
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(20.0)
    world = client.load_world("Pilotage01")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    # A second load in synchronous mode: no asynchronous tick comes between it and the first of ours.
    world = client.reload_world(reset_settings=False)
    library, points = world.get_blueprint_library(), world.get_map().get_spawn_points()
    names = ("vehicle.tesla.model3", "vehicle.mercedes.sprinter", "vehicle.bh.crossbike", "vehicle.audi.tt")
    cars = [world.spawn_actor(library.find(names[index % 4]), points[3 * index]) for index in range(12)]
    walker = world.spawn_actor(
        library.find("walker.pedestrian.0003"),
        carla.Transform(points[0].location + 12.0 * points[0].get_forward_vector(), points[0].rotation),
    )
    blueprint = library.find("sensor.camera.rgb")
    blueprint.set_attribute("image_size_x", "80")
    blueprint.set_attribute("image_size_y", "48")
    blueprint.set_attribute("sensor_tick", "0.1")
    camera = world.spawn_actor(blueprint, carla.Transform(carla.Location(x=1.2, z=1.6)), attach_to=cars[0])
    images: dict[int, int] = {}
    ready = threading.Condition()

    def take(image: carla.Image) -> None:
        with ready:
            images[image.frame] = zlib.crc32(bytes(image.raw_data))
            ready.notify_all()

    camera.listen(take)
    first = world.tick()
    snapshots = RawStream(port + 1, 1)
    walker.apply_control(carla.WalkerControl(carla.Vector3D(0.0, 1.0, 0.0), 1.2))
    last = first
    for tick in range(ticks):
        if tick % 10 == 0:
            batch = [
                carla.command.ApplyVehicleControl(
                    car, carla.VehicleControl(0.5 + 0.4 * math.sin(tick + index), 0.3 * math.sin(0.7 * tick + index))
                )
                for index, car in enumerate(cars)
            ]
            client.apply_batch_sync(batch, False)
        if tick % 500 == 499:  # back to where they were, or all would stand against a wall for most of a long run
            client.apply_batch_sync(
                [carla.command.ApplyTransform(car, points[3 * index]) for index, car in enumerate(cars)], False
            )
        last = world.tick()
    frames = range(first, last + 1, 2)  # every 0.1 s
    with ready:
        assert ready.wait_for(lambda: all(frame in images for frame in frames), 30.0)
    pixels = hashlib.sha256(repr([images[frame] for frame in frames]).encode())
    # The snapshot that a subscriber gets at once is the one before.
    digest = snapshots.digest(first + 1, last)
    snapshots.close()
    camera.stop()
    return digest, pixels.hexdigest()


def drive_for_ever(port: int) -> None:
    while True:
        drive(port, 20)


@contextmanager
def bustle(port: int) -> Iterator[None]:
    """Another world, driven all the while by a process of its own."""
    neighbour = multiprocessing.get_context("spawn").Process(target=drive_for_ever, args=(port,), daemon=True)
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(20.0)
    before = client.get_world().id
    neighbour.start()
    deadline = time.monotonic() + 60.0
    while client.get_world().id == before and time.monotonic() < deadline:
        time.sleep(0.1)
    try:
        yield
        assert neighbour.is_alive() or neighbour.exitcode == -signal.SIGSEGV
    finally:
        neighbour.kill()
        neighbour.join(10.0)


@pytest.fixture(scope="module")
def pair(start_module_server):
    return start_module_server("--worlds", "2")


def compare(pair, start_server, ticks: int) -> None:
    here, beside = pair.ready["ports"]
    one = drive(here, ticks)
    assert drive(here, ticks) == one  # a second run in the same world
    with bustle(beside):
        assert drive(here, ticks) == one
    assert drive(start_server().port, ticks) == one  # another process


def test_a_drive_is_the_same_on_the_wire_in_every_run_process_and_neighbourhood(pair, start_server):
    compare(pair, start_server, 120)


@pytest.mark.slow
def test_ten_thousand_ticks_are_the_same_on_the_wire(pair, start_server):
    compare(pair, start_server, 10_000)
