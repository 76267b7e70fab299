"""Questions about the objects of a town and about what a ray meets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.server.appearance import actor_mesh, detail

if TYPE_CHECKING:
    from sim.server.world import World

ANY = 255  # CityObjectLabel.Any


def _matching(world: World, label: int) -> list[int]:
    loaded = world.view.loaded()
    if label != ANY:
        loaded &= world.town.objects.tags == label
    return np.flatnonzero(loaded).tolist()


def level_boxes(world: World, label: int) -> list[Any]:
    """Wire form of the boxes (in the world) of all objects and actors with a semantic label."""
    objects = world.town.objects
    centers, halves = objects.bounds
    boxes = [
        [centers[i].tolist(), halves[i].tolist(), [0.0, float(objects.yaws[i]), 0.0], 0]
        for i in _matching(world, label)
    ]
    for actor in world.actors.values():
        if actor.row is not None and label in (ANY, actor.description.blueprint.semantic_tag):
            boxes.append(_box_in_world(actor))
    return boxes


def _box_in_world(actor: Any) -> list[Any]:
    from sim.geometry import Pose, compose

    description, pose = actor.description, actor.pose
    at = compose(pose, Pose(*description.center))
    return [list(at[:3]), list(description.extent), [pose.pitch, pose.yaw, pose.roll], actor.id]


def environment_objects(world: World, label: int) -> list[Any]:
    """Wire form [transform, box, id, name, label] of all objects with a semantic label whose layer is loaded."""
    objects = world.town.objects
    centers, halves = objects.bounds
    out = []
    for i in _matching(world, label):
        center, rotation = centers[i].tolist(), [0.0, float(objects.yaws[i]), 0.0]
        foot = [center[0], center[1], center[2] - float(halves[i, 2])]
        box = [center, halves[i].tolist(), rotation, 0]
        out.append([[foot, rotation], box, objects.ids[i], objects.names[i], int(objects.tags[i])])
    return out


def names(world: World) -> list[str]:
    """Names of all objects of the town."""
    return list(world.town.objects.names)


def cast_ray(world: World, start: tuple[float, float, float], end: tuple[float, float, float]) -> list[Any]:
    """Wire form [[x, y, z], label] of everything on the way from `start` to `end`, nearest first.

    The triangles of the town and of the actors, as sensors meet them; each object or actor once, where it is entered.
    """
    from sim.render.renderer import Movable

    way = (end[0] - start[0], end[1] - start[1], end[2] - start[2])
    if not any(way):
        return []
    bodies = [actor for actor in world.actors.values() if actor.row is not None]
    seconds, table = world.elapsed_s, world.table
    movables = [
        *(Movable(actor.id, actor_mesh(actor), actor.pose, True, detail(actor, table, seconds)) for actor in bodies),
        *world.signals.head_movables(),
    ]
    scene = world.scene.rays()
    met: set[tuple[int, int]] = set()
    hits = []
    for share, tag, actor_id, row in scene.crossings(start, way, 1.0, scene.place(movables)):
        thing = (actor_id, 0) if actor_id else (0, int(world.view.owners[row]))
        # Paint belongs to another object than the road that it lies on.
        if thing not in met:
            met.add(thing)
            hits.append([[a + share * b for a, b in zip(start, way)], tag])
    return hits
