"""Questions about the town's immovable objects and about what a ray meets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.server.bodies import BODY

if TYPE_CHECKING:
    from sim.server.world import World

ANY = 255  # CityObjectLabel.Any
ROADS = 1


def _matching(world: World, label: int) -> list[int]:
    tags = world.town.boxes.tag
    return [index for index in range(len(tags)) if label in (ANY, int(tags[index]))]


def level_boxes(world: World, label: int) -> list[Any]:
    """Wire form of the boxes (in the world) of all immovable objects with a semantic label."""
    boxes = world.town.boxes
    return [
        [boxes.center[i].tolist(), boxes.extent[i].tolist(), [0.0, float(boxes.yaw[i]), 0.0], 0]
        for i in _matching(world, label)
    ]


def environment_objects(world: World, label: int) -> list[Any]:
    """Wire form [transform, box, id, name, label] of all immovable objects with a semantic label."""
    boxes = world.town.boxes
    out = []
    for i in _matching(world, label):
        center, rotation = boxes.center[i].tolist(), [0.0, float(boxes.yaw[i]), 0.0]
        box = [center, boxes.extent[i].tolist(), rotation, 0]
        tag = int(boxes.tag[i])
        out.append([[center, rotation], box, i + 1, f"Object_{tag}_{i}", tag])
    return out


def cast_ray(world: World, start: tuple[float, float, float], end: tuple[float, float, float]) -> list[Any]:
    """Wire form [[x, y, z], label] of what the segment from `start` to `end` enters, nearest first.

    Boxes of the town and of actors, by the slab method, and the road plane z = 0 (labelled Roads wherever it is hit).
    """
    origin, target = np.asarray(start), np.asarray(end)
    hits: list[tuple[float, int]] = []
    if origin[2] > 0.0 >= target[2]:
        hits.append((float(origin[2] / (origin[2] - target[2])), ROADS))
    boxes = world.town.boxes
    for index in range(len(boxes.tag)):
        at = _enter(origin, target, boxes.center[index], boxes.extent[index], float(boxes.yaw[index]))
        if at is not None:
            hits.append((at, int(boxes.tag[index])))
    names = BODY.names or ()
    for actor in world.actors.values():
        if actor.row is None:
            continue
        row = dict(zip(names, world.table.rows[actor.row].item()))
        center = np.array([row["x"], row["y"], row["z"] + row["cz"]])
        at = _enter(origin, target, center, np.array([row["hx"], row["hy"], row["hz"]]), row["yaw"])
        if at is not None:
            hits.append((at, actor.description.blueprint.semantic_tag))
    return [[(origin + at * (target - origin)).tolist(), label] for at, label in sorted(hits)]


def _enter(
    origin: np.ndarray, target: np.ndarray, center: np.ndarray, extent: np.ndarray, yaw_degrees: float
) -> float | None:
    c, s = math.cos(math.radians(yaw_degrees)), math.sin(math.radians(yaw_degrees))
    turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    a, direction = turn @ (origin - center), turn @ (target - origin)
    near, far = 0.0, 1.0
    for axis in range(3):
        if abs(direction[axis]) < 1e-12:
            if abs(a[axis]) > extent[axis]:
                return None
            continue
        first, second = (-extent[axis] - a[axis]) / direction[axis], (extent[axis] - a[axis]) / direction[axis]
        near, far = max(near, min(first, second)), min(far, max(first, second))
        if near > far:
            return None
    return near
