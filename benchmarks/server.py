"""What the embedded server costs, through the real carla client: `python benchmarks/server.py [--json] [--quick]`.

Ticks per second and server CPU per tick for 1 to 300 vehicles, with and without a 320x240 camera and with 30 vehicles
of the Traffic Manager; start-up to the first image; memory of a world and of each further one; several worlds at once.
Every figure is the best of several rounds: other work on the machine only ever makes them worse. With --json the last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import queue
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import carla
import psutil

DELTA_S = 0.05
TRAFFIC_MANAGER_DEADLINE_S = 90.0
BUDGETS = {
    "start to first image (s)": 3.0,
    "extra world (MB)": 150.0,
    "30 Traffic Manager vehicles, server CPU per tick (ms)": 2.0,
    "320x240 frame, server CPU (ms)": 3.0,
    "env.step, 10 ticks and a frame (ms)": 15.0,
}


class Server:
    """A server process and what it has used."""

    def __init__(self, worlds: int = 1) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "sim.server", "--port", "0", "--exit-with-parent", "--worlds", str(worlds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        )
        assert self.popen.stdout is not None
        self.ports: list[int] = json.loads(self.popen.stdout.readline())["ports"]
        self.process = psutil.Process(self.popen.pid)

    def client(self, index: int = 0) -> carla.Client:
        client = carla.Client("127.0.0.1", self.ports[index])
        client.set_timeout(20.0)
        return client

    def cpu_s(self) -> float:
        used = self.process.cpu_times()
        return float(used.user + used.system)

    def rss_mb(self) -> float:
        return float(self.process.memory_info().rss) / 1e6

    def close(self) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.close()
        self.popen.wait(10)


@contextmanager
def serving(worlds: int = 1) -> Iterator[Server]:
    server = Server(worlds)
    try:
        yield server
    finally:
        server.close()


def fresh(client: carla.Client) -> carla.World:
    world = client.load_world("Pilotage01")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, DELTA_S
    world.apply_settings(settings)
    return world


def populate(client: carla.Client, world: carla.World, count: int) -> list[int]:
    """`count` cars on the lanes, a few metres apart, under a little throttle."""
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    commands = []
    for waypoint in world.get_map().generate_waypoints(7.0):
        if waypoint.is_junction:
            continue
        place = waypoint.transform
        place.location.z += 0.3
        control = carla.command.ApplyVehicleControl(carla.command.FutureActor, carla.VehicleControl(throttle=0.15))
        commands.append(carla.command.SpawnActor(blueprint, place).then(control))
    ids: list[int] = []
    step = max(1, len(commands) // (2 * count))
    for result in client.apply_batch_sync(commands[::step] + commands[1::step], True):
        if not result.error:
            ids.append(result.actor_id)
    client.apply_batch_sync([carla.command.DestroyActor(actor) for actor in ids[count:]], True)
    if len(ids) < count:
        raise SystemExit(f"only {len(ids)} of {count} vehicles found a place")
    return ids[:count]


def camera_on(world: carla.World, parent: carla.Actor) -> tuple[carla.Sensor, queue.Queue[int]]:
    blueprint = world.get_blueprint_library().find("sensor.camera.rgb")
    blueprint.set_attribute("image_size_x", "320")
    blueprint.set_attribute("image_size_y", "240")
    mount = carla.Transform(carla.Location(x=1.3, z=1.6))
    camera = world.spawn_actor(blueprint, mount, attach_to=parent)
    frames: queue.Queue[int] = queue.Queue()
    camera.listen(lambda image: frames.put(image.frame))
    return camera, frames


def best(rounds: int, measure: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    """The smallest wall time and the smallest CPU time (s) of several rounds."""
    walls, cpus = zip(*(measure() for _ in range(rounds)))
    return min(walls), min(cpus)


def timed_ticks(server: Server, world: carla.World, ticks: int, frames: queue.Queue[int] | None) -> tuple[float, float]:
    """Wall and server CPU seconds per tick; with `frames`, every tick's image is waited for."""
    cpu, wall = server.cpu_s(), time.perf_counter()
    for _ in range(ticks):
        frame = world.tick()
        while frames is not None and frames.get(timeout=20.0) != frame:
            pass
    return (time.perf_counter() - wall) / ticks, (server.cpu_s() - cpu) / ticks


def measure_vehicles(rounds: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with serving() as server:
        client = server.client()
        for count in (1, 30, 100, 300):
            world = fresh(client)
            ids = populate(client, world, count)
            timed_ticks(server, world, 20, None)
            ticks = max(40, 4000 // (20 + count))
            wall, cpu = best(rounds, lambda ticks=ticks, world=world: timed_ticks(server, world, ticks, None))
            camera, frames = camera_on(world, world.get_actor(ids[len(ids) // 2]))
            timed_ticks(server, world, 5, frames)
            seen, paid = best(rounds, lambda world=world, frames=frames: timed_ticks(server, world, 60, frames))
            camera.stop()
            found[str(count)] = {
                "ticks/s": 1.0 / wall,
                "server CPU (ms)": 1e3 * cpu,
                "ticks/s with camera": 1.0 / seen,
                "server CPU with camera (ms)": 1e3 * paid,
            }
            row = found[str(count)]
            print(
                f"{count:4d} vehicles: {row['ticks/s']:7.0f} ticks/s, {row['server CPU (ms)']:6.2f} ms server CPU;"
                f" with a 320x240 camera {row['ticks/s with camera']:6.0f} ticks/s,"
                f" {row['server CPU with camera (ms)']:6.2f} ms",
                flush=True,
            )
    return found


def measure_start(rounds: int) -> tuple[float, float]:
    """Seconds from the start of the process to the first image in the client's hands, and the server's CPU of it."""

    def once() -> tuple[float, float]:
        began = time.perf_counter()
        with serving() as server:
            world = server.client().get_world()
            settings = world.get_settings()
            settings.synchronous_mode, settings.fixed_delta_seconds = True, DELTA_S
            world.apply_settings(settings)
            blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
            car = world.spawn_actor(blueprint, world.get_map().get_spawn_points()[0])
            camera, frames = camera_on(world, car)
            world.tick()
            frames.get(timeout=20.0)
            ended, used = time.perf_counter() - began, server.cpu_s()
            camera.stop()
        return ended, used

    return best(rounds + 1, once)


def measure_memory() -> tuple[float, float]:
    """MB of a process with one world in use, and of each further world."""

    def used(worlds: int) -> float:
        with serving(worlds) as server:
            for index in range(worlds):
                client = server.client(index)
                world = fresh(client)
                ids = populate(client, world, 30)
                camera, frames = camera_on(world, world.get_actor(ids[0]))
                timed_ticks(server, world, 20, frames)
                camera.stop()
            return server.rss_mb()

    one = used(1)
    return one, (used(4) - one) / 3.0


def _traffic(pipe: Connection, port: int, pid: int, count: int, ticks: int) -> None:
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(20.0)
    world = fresh(client)
    manager = client.get_trafficmanager(20000 + os.getpid() % 20000)
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(1)
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    points = world.get_map().get_spawn_points()
    points = points[:: max(1, len(points) // count)][:count]
    autopilot = carla.command.SetAutopilot(carla.command.FutureActor, True, manager.get_port())
    batch = [carla.command.SpawnActor(blueprint, point).then(autopilot) for point in points]
    spawned = sum(not result.error for result in client.apply_batch_sync(batch, True))
    server = psutil.Process(pid)
    for _ in range(60):
        world.tick()
    for _ in range(3):
        used, began = server.cpu_times(), time.perf_counter()
        for _ in range(ticks):
            world.tick()
        now = server.cpu_times()
        cpu = now.user + now.system - used.user - used.system
        pipe.send((spawned, ticks / (time.perf_counter() - began), cpu / ticks))
    pipe.close()
    os._exit(0)


def measure_traffic_manager() -> tuple[int, float, float]:
    """Vehicles, ticks/s and server CPU (s) per tick. In a child under a watchdog: the wheel can lose a wake-up."""
    with serving() as server:
        context = multiprocessing.get_context("spawn")
        for _ in range(4):
            here, there = context.Pipe(duplex=False)
            child = context.Process(target=_traffic, args=(there, server.ports[0], server.popen.pid, 30, 200))
            child.start()
            there.close()
            rounds = []
            deadline = time.monotonic() + TRAFFIC_MANAGER_DEADLINE_S
            try:
                while len(rounds) < 3 and here.poll(max(0.0, deadline - time.monotonic())):
                    rounds.append(here.recv())
            except EOFError:
                pass
            child.kill()
            child.join()
            if rounds:
                return rounds[0][0], max(row[1] for row in rounds), min(row[2] for row in rounds)
    raise SystemExit("four Traffic Managers in a row hung or died")


def measure_task(rounds: int) -> tuple[float, float]:
    """Milliseconds of 10 ticks and a camera frame through `sim.client`, and of a task's reset."""
    from sim.client import FrameCamera, SessionConfig, open_session
    from sim.tasks import TaskConfig, make_tool_env

    with open_session(SessionConfig()) as session:
        car = session.spawn("vehicle.tesla.model3", session.map.get_spawn_points()[0])
        camera = FrameCamera(session, 320, 240, 90.0, carla.Transform(carla.Location(x=1.3, z=1.6)), car)
        session.tick()

        def step() -> float:
            began = time.perf_counter()
            for _ in range(9):
                session.tick()
            camera.listen()
            camera.take(session.tick())
            camera.rest()
            return time.perf_counter() - began

        steps = sorted(step() for _ in range(40 * rounds))
    task = make_tool_env(TaskConfig(), SessionConfig())
    task.reset(seed=0)
    resets = []
    for seed in range(1, 3 * rounds):
        began = time.perf_counter()
        task.reset(seed=seed)
        resets.append(time.perf_counter() - began)
    task.close()
    return 1e3 * steps[len(steps) // 10], 1e3 * min(resets)


def _drive(pipe: Connection, port: int, ticks: int) -> None:
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(20.0)
    world = fresh(client)
    ids = populate(client, world, 30)
    camera, frames = camera_on(world, world.get_actor(ids[0]))
    world.tick()
    frames.get(timeout=20.0)
    pipe.send("ready")
    pipe.recv()
    for _ in range(ticks):
        frame = world.tick()
        while frames.get(timeout=20.0) != frame:
            pass
    pipe.send("done")
    camera.stop()


def measure_parallel(worlds: int, ticks: int = 150) -> float:
    """Ticks/s of all worlds of a process together, each with 30 vehicles, a camera and a client process."""
    context = multiprocessing.get_context("spawn")
    with serving(worlds) as server:
        pipes, children = [], []
        for port in server.ports:
            here, there = context.Pipe()
            children.append(context.Process(target=_drive, args=(there, port, ticks)))
            children[-1].start()
            pipes.append(here)
        for pipe in pipes:
            pipe.recv()
        began = time.perf_counter()
        for pipe in pipes:
            pipe.send("go")
        for pipe in pipes:
            pipe.recv()
        rate = worlds * ticks / (time.perf_counter() - began)
        for child in children:
            child.join(10)
            child.kill()
    return rate


def machine() -> str:
    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print all figures as JSON on the last line")
    parser.add_argument("--quick", action="store_true", help="one round of everything")
    options = parser.parse_args()
    rounds = 1 if options.quick else 4
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}")
    start, start_cpu = measure_start(rounds)
    print(f"start to first image: {start:.2f} s, of it {start_cpu:.2f} s of the server's CPU")
    vehicles = measure_vehicles(rounds)
    spawned, traffic_rate, traffic_cpu = measure_traffic_manager()
    print(
        f"{spawned} Traffic Manager vehicles: {traffic_rate:.0f} ticks/s, {1e3 * traffic_cpu:.2f} ms server CPU a tick"
    )
    one, extra = measure_memory()
    print(f"memory: one world {one:.0f} MB, each further one {extra:.0f} MB")
    step, reset = measure_task(rounds)
    print(f"env.step (10 ticks and a 320x240 frame): {step:.1f} ms; env.reset, same town: {reset:.0f} ms")
    together = {worlds: max(measure_parallel(worlds) for _ in range(min(rounds, 2))) for worlds in (1, 2, 4)}
    print("worlds in one process, ticks/s together:", {worlds: round(rate) for worlds, rate in together.items()})
    frame = vehicles["30"]["server CPU with camera (ms)"] - vehicles["30"]["server CPU (ms)"]
    print(f"load at the end {os.getloadavg()[0]:.1f}: wall times suffer from it, CPU times hardly")
    measured = dict(zip(BUDGETS, (start, extra, 1e3 * traffic_cpu, frame, step)))
    for name, budget in BUDGETS.items():
        print(f"{name}: {measured[name]:.2f} of {budget:g} {'' if measured[name] <= budget else '  OVER'}")
    if options.json:
        figures = {
            "budgets": measured,
            "vehicles": vehicles,
            "one world (MB)": one,
            "start, server CPU (s)": start_cpu,
            "env.reset (ms)": reset,
        }
        figures |= {"traffic manager ticks/s": traffic_rate, "worlds together ticks/s": together, "machine": machine()}
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
