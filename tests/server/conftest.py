"""A real embedded server in its own process, driven by the real carla client over TCP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import carla
import pytest

READY_DEADLINE_S = 120.0  # the first ever start compiles


@dataclass
class Process:
    """A running server and its address."""

    popen: subprocess.Popen[str]
    port: int
    ready: dict[str, object]

    def client(self) -> carla.Client:
        client = carla.Client("127.0.0.1", self.port)
        client.set_timeout(10.0)
        return client

    def close(self) -> int:
        assert self.popen.stdin is not None
        self.popen.stdin.close()
        try:
            return self.popen.wait(10)
        finally:
            self.popen.kill()


def start(*options: str) -> Process:
    popen = subprocess.Popen(
        [sys.executable, "-m", "sim.server", "--port", "0", "--exit-with-parent", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert popen.stdout is not None
    line = popen.stdout.readline()
    assert line, f"the server ended with {popen.wait(10)} before it was ready"
    ready = json.loads(line)
    return Process(popen, ready["port"], ready)


@pytest.fixture(scope="session")
def server() -> Iterator[Process]:
    process = start()
    yield process
    process.close()


def synchronous(world: carla.World) -> None:
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)


@pytest.fixture
def client(server: Process) -> carla.Client:
    return server.client()


@pytest.fixture
def world(client: carla.Client) -> Iterator[carla.World]:
    world = client.get_world()
    synchronous(world)
    yield world
    world.tick()  # actors younger than the last tick are in no list
    for actor in world.get_actors():
        if actor.type_id != "spectator":
            actor.destroy()
    world.set_weather(carla.WeatherParameters.ClearNoon)
    world.tick()


class Stage:
    """Short ways to put actors on a straight piece of road."""

    def __init__(self, world: carla.World) -> None:
        self.world = world
        self.library = world.get_blueprint_library()
        self.start = max(world.get_map().get_spawn_points(), key=lambda point: _straight(world.get_map(), point))
        self.start.location.z = 0.0
        self.forward = self.start.get_forward_vector()

    def place(self, ahead: float, right: float = 0.0, up: float = 0.0, yaw: float = 0.0) -> carla.Transform:
        at = self.start.location + self.forward * ahead + self.start.get_right_vector() * right
        at.z += up
        return carla.Transform(at, carla.Rotation(yaw=self.start.rotation.yaw + yaw))

    def spawn(self, blueprint: str, ahead: float = 0.0, right: float = 0.0, up: float = 0.0, yaw: float = 0.0):
        return self.world.spawn_actor(self.library.find(blueprint), self.place(ahead, right, up, yaw))

    def ticks(self, count: int) -> None:
        for _ in range(count):
            self.world.tick()


def _straight(town: carla.Map, point: carla.Transform) -> int:
    waypoint = town.get_waypoint(point.location)
    for steps in range(1, 30):
        following = waypoint.next(10.0 * steps)
        if len(following) != 1 or following[0].is_junction:
            return steps
        if abs(following[0].transform.rotation.yaw - waypoint.transform.rotation.yaw) > 0.5:
            return steps
    return 30


@pytest.fixture
def stage(world: carla.World) -> Stage:
    return Stage(world)


@pytest.fixture
def start_server() -> Iterator[object]:
    """Starts further servers; all are ended after the test."""
    running: list[Process] = []

    def launch(*options: str) -> Process:
        running.append(start(*options))
        return running[-1]

    yield launch
    for process in running:
        process.close()
