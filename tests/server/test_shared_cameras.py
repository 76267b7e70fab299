"""What cameras cost: those at one place share a pass, those that nobody hears or that are not due are not drawn."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import Any

import pytest

from sim.geometry import Pose
from sim.maps import load_town
from sim.render.renderer import Renderer
from sim.server import wire
from sim.server.blueprints import CATALOGUE, Description
from sim.server.streams import StreamHub
from sim.server.world import World

MOUNT = Pose(1.2, 0.0, 1.6, -3.0)


class Ears(StreamHub):
    """Listens to every stream but those in `deaf`, and keeps what arrives."""

    def __init__(self) -> None:
        super().__init__(0.0, 1)
        self.deaf: set[int] = set()
        self.heard: dict[int, list[str]] = {}

    def has_listener(self, stream_id: int) -> bool:
        return stream_id not in self.deaf

    def publish(self, stream_id: int, message: wire.Message) -> None:
        parts = message if isinstance(message, (list, tuple)) else [message]
        self.heard.setdefault(stream_id, []).append(hashlib.sha256(b"".join(bytes(p) for p in parts)).hexdigest())


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Sizes (height, width) of the visibility buffers that were drawn: the town and the actors are one pass."""
    drawn: list[tuple[int, int]] = []
    draw = Renderer._draw

    def counted(self: Renderer, camera: Any, focal: float, width: int, height: int, *rest: Any) -> Any:
        drawn.append((height, width))
        return draw(self, camera, focal, width, height, *rest)

    monkeypatch.setattr(Renderer, "_draw", counted)
    return drawn


def spawn(world: World, identifier: str, pose: Pose, parent: int = 0, **values: str) -> int:
    blueprint = CATALOGUE[identifier]
    defaults = {attribute.name: attribute.value for attribute in blueprint.attributes}
    return world.spawn(Description(blueprint, defaults | values), pose, parent).id


def street(ears: Ears) -> tuple[World, int]:
    """A town with a car behind another; returns it and the id of the rear car, which carries cameras."""
    world = World(load_town("Pilotage01"), ears, seed=0, stream_port=1)
    world.settings = replace(world.settings, fixed_delta_s=0.05)
    start = world.town.spawn_points[3]
    ego = spawn(world, "vehicle.tesla.model3", start)
    yaw = math.radians(start.yaw)
    ahead = start._replace(x=start.x + 14.0 * math.cos(yaw), y=start.y + 14.0 * math.sin(yaw))
    spawn(world, "vehicle.audi.tt", ahead)
    return world, ego


def camera(world: World, parent: int, kind: str, mount: Pose = MOUNT, **values: str) -> int:
    size = {"image_size_x": "88", "image_size_y": "48", "fov": "60"}
    return spawn(world, f"sensor.camera.{kind}", mount, parent, **(size | values))


RIG = ("depth", "semantic_segmentation", "rgb", "instance_segmentation", "normals")


def heard_by(kinds: tuple[str, ...], passes: list[tuple[int, int]]) -> tuple[dict[str, list[str]], int]:
    """What cameras at one place send in three ticks, and the passes of the last one."""
    ears = Ears()
    world, ego = street(ears)
    streams = {kind: world.actors[camera(world, ego, kind)].stream_id for kind in kinds}
    for _ in range(3):
        passes.clear()
        world.tick()
    return {kind: ears.heard[stream] for kind, stream in streams.items()}, len(passes)


def test_cameras_at_one_place_draw_labels_once_and_send_what_they_send_alone(passes: list[tuple[int, int]]) -> None:
    together, count = heard_by(RIG, passes)
    assert count == 2, "one for RGB's four samples a pixel, one for all others"
    assert sorted(passes) == [(48, 88), (96, 176)]
    for kind in RIG:
        alone, count = heard_by((kind,), passes)
        assert count == 1
        assert len(alone[kind]) == 3
        assert alone[kind] == together[kind]


def test_cameras_that_look_elsewhere_or_otherwise_draw_for_themselves(passes: list[tuple[int, int]]) -> None:
    world, ego = street(Ears())
    camera(world, ego, "depth")
    camera(world, ego, "depth", MOUNT._replace(yaw=90.0))
    camera(world, ego, "depth", fov="70")
    camera(world, ego, "semantic_segmentation", image_size_x="90")
    world.tick()
    assert len(passes) == 4


def test_a_camera_that_nobody_hears_or_that_is_not_due_is_not_drawn(passes: list[tuple[int, int]]) -> None:
    ears = Ears()
    world, ego = street(ears)
    rgb = camera(world, ego, "rgb")
    ears.deaf.add(world.actors[rgb].stream_id)
    world.tick()
    assert passes == []
    ears.deaf.clear()
    world.tick()
    assert len(passes) == 1
    ears.deaf.add(world.actors[rgb].stream_id)
    seldom = camera(world, ego, "depth", sensor_tick="0.2")
    counts = []
    for _ in range(8):
        passes.clear()
        world.tick()
        counts.append(len(passes))
    assert counts == [1, 0, 0, 0, 1, 0, 0, 0]
    assert len(ears.heard[world.actors[seldom].stream_id]) == 2
