"""Milliseconds per measurement of each sensor, on one core: `python benchmarks/sensors.py [--town NAME] [--json]`.

Every sensor stands where a car's roof would be, on spawn points all over the town, among nine vehicles and three
pedestrians; 30 and 100 more vehicles stand about the town. All vehicles have their detail, which near cameras draw and
rays from near meet. Each case is measured in several passes over the spots; the figure is the median over the spots of
the best pass, in CPU time, so that other programs on the machine matter less. Cameras are drawn at 320x240.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from render_scene import queue_ahead, with_detail

from sim.geometry import Pose, rotation_matrix
from sim.maps import load_town
from sim.render import ray_models
from sim.render.models import VehicleLook
from sim.render.rays import RayScene
from sim.render.renderer import Movable, Renderer
from sim.render.renderer import warm_up as compile_renderer
from sim.render.sweeps import sweep
from sim.render.weather import Weather
from sim.sensors.encoding import encode_normals
from sim.sensors.events import EventCamera, EventModel
from sim.sensors.flow import optical_flow
from sim.sensors.kernels import warm_up
from sim.sensors.lidar import Lidar, Losses, SemanticLidar, Sweep
from sim.sensors.radar import Beam, Radar

PASSES = 5
SPOTS = 25
DELTA_S = 0.05
WIDTH, HEIGHT, FOV = 320, 240, 90.0
NO_LOSS = Losses(0.004, 0.0, 0.0, 0.0, 0.0)
DEFAULT_LOSS = Losses(0.004, 0.45, 0.8, 0.4, 0.0)

Measure = Callable[[Pose, list[Movable]], object]


def processor() -> str:
    """The processor's name, as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def best_pass(measure: Measure, spots: list[tuple[Pose, list[Movable]]]) -> float:
    """Median milliseconds over the spots, of each spot's best pass."""
    best = np.full(len(spots), np.inf)
    for _ in range(PASSES):
        for index, (pose, movables) in enumerate(spots):
            begin = time.thread_time()
            measure(pose, movables)
            best[index] = min(best[index], 1e3 * (time.thread_time() - begin))
    return float(np.median(best))


def traffic(count: int, spawn_points: tuple[Pose, ...]) -> list[Movable]:
    """Cars on spawn points evenly over the town."""
    step = max(1, len(spawn_points) // count)
    return [
        with_detail(100 + k, VehicleLook("car", (2.4, 0.95, 0.74), (90, 90, 40 + k % 200)), point)
        for k, point in enumerate(spawn_points[::step][:count])
    ]


def cases(scene: RayScene, renderer: Renderer) -> dict[str, Measure]:
    """What is measured, by name."""
    random = np.random.default_rng(0)
    weather = Weather()

    def lidar(channels: int, rate: float, reach: float, losses: Losses | None) -> Measure:
        sweep_ = Sweep(channels, reach, rate, 20.0, 10.0, -30.0, 360.0)
        head = SemanticLidar(sweep_) if losses is None else Lidar(sweep_, losses, random)

        def measure(pose: Pose, movables: list[Movable]) -> object:
            placed = scene.place(movables)
            return head.scan(pose, DELTA_S, lambda o, d, limit: scene.cast(o, d, limit, placed)).body()

        return measure

    def radar(pose: Pose, movables: list[Movable]) -> object:
        placed = scene.place(movables)
        return model.detect(
            pose, np.zeros(3), DELTA_S, lambda o, d, limit: scene.cast(o, d, limit, placed), lambda _: (0.0, 0.0, 0.0)
        )

    def obstacle(pose: Pose, movables: list[Movable]) -> object:
        forward = rotation_matrix(pose.pitch, pose.yaw, pose.roll)[:, 0]
        return sweep(scene, np.array(pose[:3]), forward, 30.0, 0.5, scene.place(movables))

    def view(outputs: frozenset[str]) -> Callable[[Pose, list[Movable]], object]:
        return lambda pose, movables: renderer.render(pose, WIDTH, HEIGHT, FOV, movables, weather, outputs)

    def normals(pose: Pose, movables: list[Movable]) -> object:
        frame = renderer.render(pose, WIDTH, HEIGHT, FOV, movables, weather, frozenset({"normals"}))
        assert frame.normals is not None
        return encode_normals(frame.normals)

    def flow(pose: Pose, movables: list[Movable]) -> object:
        frame = renderer.render(pose, WIDTH, HEIGHT, FOV, movables, weather, frozenset({"depth", "instance"}))
        assert frame.depth is not None
        assert frame.instance is not None
        bodies = {movable.actor_id: (movable.pose, movable.pose) for movable in movables}
        before = pose._replace(x=pose.x - 0.5)
        return optical_flow(frame.depth, frame.instance, FOV, (pose, before), bodies, 1000.0)

    def events(pose: Pose, movables: list[Movable]) -> object:
        frame = renderer.render(pose, WIDTH, HEIGHT, FOV, movables, weather, frozenset({"rgb"}))
        assert frame.bgra is not None
        return dvs.events(frame.bgra, 0.0)

    model = Radar(Beam(30.0, 30.0, 100.0, 1500.0), random)
    dvs = EventCamera(EventModel(0.3, 0.3, 0.0, 0.0, 0, True, 0.001), random)
    return {
        "lidar CARLA's default: 32 channels, 56k/s, 10 m": lidar(32, 56000.0, 10.0, DEFAULT_LOSS),
        "lidar 32 channels, 100k/s, 50 m": lidar(32, 100000.0, 50.0, NO_LOSS),
        "lidar 32 channels, 100k/s, 100 m": lidar(32, 100000.0, 100.0, NO_LOSS),
        "lidar 64 channels, 1M/s, 100 m": lidar(64, 1e6, 100.0, NO_LOSS),
        "semantic lidar 32 channels, 100k/s, 50 m": lidar(32, 100000.0, 50.0, None),
        "radar 1500/s, 100 m": radar,
        "obstacle 30 m": obstacle,
        "rgb camera": view(frozenset({"rgb"})),
        "depth camera": view(frozenset({"depth"})),
        "normals camera": normals,
        "optical flow camera": flow,
        "dvs camera": events,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--town", default="Pilotage01")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    compile_renderer()
    warm_up()
    town = load_town(options.town)
    begin = time.perf_counter()
    ray_models.build(town.mesh)
    build_ms = 1e3 * (time.perf_counter() - begin)
    print(f"{processor()}; {town.name}: {len(town.mesh.triangles)} triangles; ray index built in {build_ms:.0f} ms")
    measures = cases(RayScene(town.mesh), Renderer(town.mesh))
    results: dict[str, dict[str, float]] = {}
    for name, measure in measures.items():
        results[name] = {}
        for more in (0, 30, 100):
            cars = traffic(more, town.spawn_points) if more else []
            spots = []
            for point in town.spawn_points[:: max(1, len(town.spawn_points) // SPOTS)][:SPOTS]:
                pose = Pose(point.x, point.y, point.z + 2.0, 0.0, point.yaw)
                spots.append((pose, queue_ahead(pose) + cars))
            results[name][str(12 + more)] = round(best_pass(measure, spots), 3)
        figures = ", ".join(f"{ms:.2f} ms with {actors} actors" for actors, ms in results[name].items())
        print(f"{name:50s} {figures}")
    if options.json:
        print(json.dumps({"machine": processor(), "index_ms": round(build_ms, 1), "ms": results}))


if __name__ == "__main__":
    main()
