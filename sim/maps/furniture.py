"""Lamp posts and guard rails along the roads."""

from __future__ import annotations

import numpy as np

from sim.geometry import arctan2
from sim.labels import Label
from sim.maps.boxes import BoxList
from sim.maps.props import BOX, WALLS, place
from sim.maps.roadside import Clearance, Roadside
from sim.maps.surface import strip
from sim.maps.terrain import GROUND_Z
from sim.render.mesh import Mesh

SHORTEST_RAIL = 0.05
_METAL, _LAMP, _RAIL = (104, 108, 112), (222, 218, 200), (168, 172, 176)


def lamps(sides: list[Roadside], clearance: Clearance, boxes: BoxList) -> tuple[list[Mesh], np.ndarray]:
    """Lamp posts every 42 m, 0.7 m outside the outermost lane (behind guard rails 1.1 m); where lamps hang (N, 3)."""
    feet, yaws = [np.zeros((0, 3))], [np.zeros(0)]
    for number, side in enumerate(sides):
        index = np.arange(2 + 3 * (number % 2), len(side.yaw) - 1, 7)
        feet.append(side.at(index, np.where(side.paved[index], 0.7, 1.1)))
        # The arm (local x) reaches back over the road.
        yaws.append(np.degrees(arctan2(-side.outward[index, 1], -side.outward[index, 0])))
    foot, yaw = np.concatenate(feet), np.concatenate(yaws)
    free = clearance(foot) > 0.3
    foot, yaw = foot[free], yaw[free]
    # The open ground lies lower than the road.
    foot[:, 2] += GROUND_Z
    count = len(foot)
    forward = np.stack([np.cos(np.radians(yaw)), np.sin(np.radians(yaw)), np.zeros(count)], axis=1)
    sizes = ((0.18, 0.18, 8.0 - GROUND_Z), (2.4, 0.1, 0.1), (0.7, 0.3, 0.14))
    pole, arm, head = (np.tile(np.array(size), (count, 1)) for size in sizes)
    numbers = boxes.add(foot, pole, yaw, Label.POLES)
    up = np.array([0.0, 0.0, 1.0])
    metal, light = np.tile(np.array(_METAL), (count, 1)), np.tile(np.array(_LAMP), (count, 1))
    heads = foot + 2.6 * forward + (7.8 - GROUND_Z) * up
    meshes = [
        place(WALLS, foot, pole, yaw, metal, Label.POLES),
        place(WALLS, foot + 1.2 * forward + (7.9 - GROUND_Z) * up, arm, yaw, metal, Label.POLES),
        place(BOX, heads, head, yaw, light, Label.POLES),
    ]
    return [boxes.tie(mesh, numbers) for mesh in meshes], heads


def guard_rails(sides: list[Roadside], clearance: Clearance, boxes: BoxList) -> list[Mesh]:
    """A rail 0.5 m outside every stretch of road without a sidewalk, except where another road comes as near.

    The islands of roundabouts have none.
    """
    meshes = []
    for side in sides:
        if side.island:
            continue
        free = clearance(side.at(np.arange(len(side.yaw)), 0.5)) > 0.1
        index = np.flatnonzero(~side.paved & free)
        if len(index) < 2:
            continue
        for run in np.split(index, np.flatnonzero(np.diff(index) > 1) + 1):
            # A file may promise a longer road than its geometry has: then samples lie on top of each other.
            steps = np.linalg.norm(np.diff(side.at(run, 0.5), axis=0), axis=1)
            run = run[np.append(True, steps > SHORTEST_RAIL)]
            if len(run) < 2:
                continue
            line = side.at(run, 0.5)
            up = np.array([0.0, 0.0, 1.0])
            rail = strip(line + 0.45 * up, line + 0.78 * up, _RAIL, Label.GUARD_RAIL)
            groove = strip(line + 0.58 * up, line + 0.64 * up, (120, 124, 128), Label.GUARD_RAIL, 1)
            chord = np.diff(line[:, :2], axis=0)
            length = np.hypot(chord[:, 0], chord[:, 1])
            middle = 0.5 * (line[1:] + line[:-1])
            size = np.stack([length, np.full(len(length), 0.12), np.full(len(length), 0.78)], axis=1)
            numbers = boxes.add(middle, size, np.degrees(arctan2(chord[:, 1], chord[:, 0])), Label.GUARD_RAIL)
            meshes += [boxes.tie(rail, numbers), boxes.tie(groove, numbers)]
            post = run[::2]
            size = np.tile(np.array([0.12, 0.12, 0.6 - GROUND_Z]), (len(post), 1))
            color = np.tile(np.array(_METAL), (len(post), 1))
            foot = side.at(post, 0.6) + GROUND_Z * up
            posts = place(WALLS, foot, size, side.yaw[post], color, Label.GUARD_RAIL)
            meshes.append(boxes.tie(posts, numbers[np.minimum(np.arange(len(run))[::2], len(numbers) - 1)]))
    return meshes
