"""Milliseconds per camera frame on one core: `python benchmarks/render.py [--town NAME]`.

Cameras stand on spawn points all over the town, 1.6 m high, with a queue of nine vehicles and three pedestrians ahead.
Prints the median and the 95th percentile for several sizes and outputs, and the time from process start to first frame.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import time

import numpy as np

from sim.geometry import Pose
from sim.maps import load_town
from sim.render.models import pedestrian_mesh, vehicle_mesh
from sim.render.renderer import Movable, Renderer, warm_up
from sim.render.weather import Weather

FIRST_FRAME = (
    "import time; t = time.perf_counter()\n"
    "from sim.render.renderer import warm_up\n"
    "i = time.perf_counter(); warm_up(); e = time.perf_counter()\n"
    "print(f'imports {i - t:.2f} s, kernels and first frame {e - i:.2f} s')"
)


def queue_ahead(pose: Pose) -> list[Movable]:
    """Traffic in three lanes 12 to 84 m ahead of a camera."""
    sedan = (2.4, 0.95, 0.74)
    shapes = [("car", sedan)] * 6 + [("van", (2.95, 1.0, 1.3)), ("truck", (4.2, 1.3, 1.9)), ("bus", (5.2, 1.3, 1.6))]
    yaw = math.radians(pose.yaw)

    def ahead(forward: float, right: float, z: float) -> Pose:
        x = pose.x + forward * math.cos(yaw) - right * math.sin(yaw)
        return Pose(x, pose.y + forward * math.sin(yaw) + right * math.cos(yaw), z, 0.0, pose.yaw)

    actors = [
        Movable(
            i, vehicle_mesh(kind, extent, (40 + 20 * i, 200 - 20 * i, 90)), ahead(12 + 8 * i, 3.5 * (i % 3 - 1), 0.0)
        )
        for i, (kind, extent) in enumerate(shapes)
    ]
    return actors + [
        Movable(20 + i, pedestrian_mesh((0.35, 0.35, 0.93), i), ahead(12 + 6 * i, 5.0, 0.93)) for i in range(3)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--town", default="Pilotage01")
    town = load_town(parser.parse_args().town)
    print(f"compile or load kernels: {warm_up():.2f} s")
    renderer = Renderer(town.mesh)
    spots = town.spawn_points[:: max(1, len(town.spawn_points) // 100)]
    poses = [Pose(spot.x, spot.y, 1.6, -3.0, spot.yaw) for spot in spots]
    rain = Weather(cloudiness=100.0, precipitation=80.0, precipitation_deposits=80.0, wetness=80.0, fog_density=7.0)
    print(f"{town.name}: {len(town.mesh.triangles)} triangles, {len(poses)} cameras")
    for name, weather, output in (
        ("rgb noon", Weather(), "rgb"), ("rgb rain", rain, "rgb"), ("depth", Weather(), "depth"),
        ("semantic", Weather(), "semantic"),
    ):  # fmt: skip
        for width, height in ((224, 224), (320, 240), (352, 192), (528, 288), (640, 360)):
            times = []
            for pose in poses:
                movables = queue_ahead(pose)
                begin = time.perf_counter()
                renderer.render(pose, width, height, 60.0, movables, weather, frozenset({output}))
                times.append(1e3 * (time.perf_counter() - begin))
            print(
                f"{name:9s} {width}x{height}: median {np.median(times):.2f} ms, p95 {np.percentile(times, 95):.2f} ms"
            )
    warm = subprocess.run([sys.executable, "-c", FIRST_FRAME], capture_output=True, text=True, check=True, timeout=300)
    print("fresh process, warm cache:", warm.stdout.strip())


if __name__ == "__main__":
    main()
