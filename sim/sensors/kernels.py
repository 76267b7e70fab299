"""Compiling what sensors run, before the first client waits for it."""

from __future__ import annotations

import numpy as np

from sim.geometry import Pose
from sim.render.mesh import Mesh
from sim.render.rays import RayScene
from sim.render.renderer import Movable, Part
from sim.render.sweeps import sweep
from sim.sensors.events import EventCamera, EventModel
from sim.sensors.flow import optical_flow
from sim.sensors.lidar import Lidar, Losses, Sweep
from sim.sensors.radar import Beam, Radar


def warm_up() -> None:
    """Compile every kernel of ray sensors, flow and event cameras, or load it from Numba's cache."""
    ground = Mesh.build([[-9, -9, 0], [9, -9, 0], [0, 9, 0]], [[0, 1, 2]], (90, 90, 90), 1)
    scene = RayScene(ground)
    pose, random = Pose(0.0, 0.0, 1.0), np.random.default_rng(0)
    part = Part(ground, Pose(0.0, 0.0, 0.0))
    placed = scene.place([Movable(1, ground, Pose(0.0, 0.0, 0.5), True, (part,))])

    def cast(origin, directions, limit):  # type: ignore[no-untyped-def]
        return scene.cast(origin, directions, limit, placed)

    scene.crossings((0.0, 0.0, 2.0), (0.0, 0.0, -1.0), 10.0, placed)
    sweep(scene, np.zeros(3), np.array((0.0, 0.0, -1.0)), 1.0, 0.1, placed)
    Lidar(Sweep(1, 10.0, 20.0, 10.0, -45.0, -45.0, 360.0), Losses(0.004, 0.1, 0.8, 0.4, 0.1), random).scan(
        pose, 0.1, cast
    )
    Radar(Beam(10.0, 10.0, 10.0, 20.0), random).detect(pose, np.zeros(3), 0.1, cast, lambda _: (0.0, 0.0, 0.0))
    camera = EventCamera(EventModel(0.3, 0.3, 0.1, 0.1, 0, True, 0.001), random)
    for level in (0, 255):
        camera.events(np.full((2, 2, 4), level, np.uint8), 0.1 * level)
    optical_flow(np.ones((2, 2), np.float32), np.ones((2, 2), np.uint32), 90.0, (pose, pose), {1: (pose, pose)}, 1000.0)
