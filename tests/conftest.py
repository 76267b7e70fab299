"""A real embedded server in its own process, driven by the real carla client over TCP."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import carla
import client_process
import pytest

FIRST_TOWN = "Pilotage01"


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


def start(*options: str, log: IO[str] | None = None) -> Process:
    popen = subprocess.Popen(
        [sys.executable, "-m", "sim.server", "--port", "0", "--exit-with-parent", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    assert popen.stdout is not None
    line = popen.stdout.readline()
    assert line, f"the server ended with {popen.wait(10)} before it was ready"
    ready = json.loads(line)
    return Process(popen, ready["port"], ready)


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the shared server's recorder."""
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="session")
def server(recordings: Path) -> Iterator[Process]:
    process = start("--recordings", str(recordings))
    yield process
    process.close()


def synchronous(world: carla.World) -> None:
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)


def tidy(client: carla.Client) -> carla.World:
    """Leave the shared server as it was found: all of the first town with its own actors, clear noon, no drawings."""
    world = client.get_world()
    if not world.get_map().name.endswith(FIRST_TOWN):
        world = client.load_world(FIRST_TOWN)
    synchronous(world)
    world.tick()  # actors younger than the last tick are in no list
    for actor in world.get_actors():
        if actor.type_id != "spectator" and not actor.type_id.startswith("traffic."):
            actor.destroy()
    world.load_map_layer(carla.MapLayer.All)
    world.set_weather(carla.WeatherParameters.ClearNoon)
    world.set_imui_sensor_gravity(9.81)
    client.set_replayer_time_factor(1.0)
    client.set_replayer_ignore_hero(False)
    client.set_replayer_ignore_spectator(False)
    world.debug.clear_debug_shape()
    world.debug.clear_debug_string()
    world.tick()
    return world


@pytest.fixture
def client(server: Process) -> carla.Client:
    return server.client()


@pytest.fixture
def world(client: carla.Client) -> Iterator[carla.World]:
    world = client.get_world()
    synchronous(world)
    yield world
    tidy(client)


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


@pytest.fixture(scope="session")
def make_stage() -> type[Stage]:
    """For modules that keep one stage for all their tests."""
    return Stage


@pytest.fixture(scope="session")
def tidy_world() -> Callable[[carla.Client], carla.World]:
    """The world of a client's server, tidied; for modules that keep one world for all their tests."""
    return tidy


def _starter() -> Iterator[Callable[..., Process]]:
    running: list[Process] = []

    def launch(*options: str, log: IO[str] | None = None) -> Process:
        running.append(start(*options, log=log))
        return running[-1]

    yield launch
    for process in running:
        process.close()


@pytest.fixture
def start_server() -> Iterator[Callable[..., Process]]:
    """Starts further servers; all are ended after the test. Their messages go to the file `log`, if given."""
    yield from _starter()


@pytest.fixture(scope="module")
def start_module_server() -> Iterator[Callable[..., Process]]:
    """The same for servers that end after the last test of the module."""
    yield from _starter()


@pytest.fixture
def in_child(server: Process) -> Iterator[Callable[..., Any]]:
    """`in_child(body, *arguments, deadline_s=60, attempts=3)`: what `body(client, *arguments)` returns in a child.

    A process of its own, for everything that uses the Traffic Manager: the 0.9.16 wheel can lose the wake-up between
    its two threads and then sleeps forever, whatever the server does. A child that misses its deadline is ended and its
    body run again in a tidied world, if (and only if) the server still answers and ticks for another client. `body` is
    a function at the top of a test module; what it returns is pickled; what it raises fails the test. `on` is another
    server than the shared one.
    """

    def run(
        body: Callable[..., Any], *arguments: Any, deadline_s: float = 60.0, attempts: int = 3, on: Process = server
    ) -> Any:
        context = multiprocessing.get_context("spawn")
        for _ in range(attempts):
            receiving, sending = context.Pipe(duplex=False)
            child = context.Process(target=client_process.run, args=(sending, on.port, body, arguments), daemon=True)
            child.start()
            sending.close()
            try:
                if receiving.poll(deadline_s):
                    succeeded, result = receiving.recv()
                    assert succeeded, result
                    return result
            except EOFError:
                child.join(10.0)
                pytest.fail(f"the client process died with exit code {child.exitcode}")
            finally:
                child.kill()
                child.join(10.0)
                receiving.close()
            tidy(on.client())  # fails here if it is the server that hangs
        pytest.fail(f"{attempts} client processes in a row hung for {deadline_s} s")

    yield run
    tidy(server.client())
