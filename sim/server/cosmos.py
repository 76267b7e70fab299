"""`sensor.camera.cosmos_visualization`: a line drawing of the roads' rules and of who moves on them, on black.

CARLA 0.9.16 feeds such pictures to NVIDIA Cosmos Transfer. Colours and the things drawn are those of CARLA's
CosmosControlSensor.cpp: boxes around vehicles, pedestrians, traffic lights and signs, the middles of lanes outside of
junctions, crosswalks, and stop lines. Poles are left out. Lines show through what stands before them, as there.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np

from sim.geometry import product, rotation_matrix
from sim.maps.lane_boxes import Box
from sim.maps.network import Road
from sim.maps.regulation import Regulation, read_map
from sim.maps.signals import TRAFFIC_LIGHT
from sim.render import overlay
from sim.render.overlay import Strokes
from sim.server.actors import Actor
from sim.server.cameras import Lens
from sim.server.moment import Moment
from sim.server.scene import Scene
from sim.server.wire import Message

COSMOS = 16
VEHICLES, PEDESTRIANS = (255, 0, 0), (0, 255, 0)
LIGHTS, SIGNS = (109, 144, 136), (214, 144, 137)
LANES, CROSSWALKS, STOP_LINES = (71, 134, 183), (202, 132, 58), (255, 0, 0)
THIN_M, THICK_M = 0.1, 0.2
LANE_STEP_M = 4.0
SIGN_ABOVE_M, SIGN_HALF_M = (0.0, 0.0, 2.2), (0.05, 0.35, 0.35)
_DRIVABLE = frozenset({"driving", "bidirectional", "entry", "exit", "onRamp", "offRamp"})
_CORNERS = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
_EDGES = np.array([(a, b) for a in range(8) for b in range(a + 1, 8) if (a ^ b).bit_count() == 1])

Drawn = tuple[np.ndarray, float, tuple[int, int, int]]
"""Segments (N, 2, 3) in m, their width (m) and colour (RGB)."""


class CosmosCamera(Lens):
    """Draws the roads once for a town, and boxes anew in each picture."""

    def prepare(self, scene: Scene) -> None:
        """Nothing of the scene is rendered."""
        overlay.warm_up()

    def messages(self, moment: Moment) -> list[Message]:
        picture = np.zeros((self.height, self.width, 4), np.uint8)
        picture[..., 3] = 255
        carrier = self.actor.parent.id if self.actor.parent is not None else 0
        others = [actor for actor in moment.actors.values() if actor.id != carrier]
        moving = [_actor_box(actor) for actor in others if actor.is_vehicle or actor.is_walker]
        for strokes in (_rules(moment.opendrive), _signals(moment), _strokes(moving)):
            overlay.draw(picture, None, self.actor.pose, self.fov, strokes)
        return [self.message(COSMOS, moment, picture.data.cast("B"))]


def _actor_box(actor: Actor) -> Drawn:
    pose, description = actor.pose, actor.description
    turn = rotation_matrix(pose.pitch, pose.yaw, pose.roll)
    segments = _box(np.array(pose[:3]) + product(np.array(description.center), turn.T), turn, description.extent)
    return segments, THIN_M, VEHICLES if actor.is_vehicle else PEDESTRIANS


def _signals(moment: Moment) -> Strokes:
    signals = moment.scene.signals
    if signals is None:
        return _strokes([])
    parts: list[Drawn] = []
    for actor_id, actor in signals.actors.items():
        if actor_id in signals.lights:
            for center, extent, (pitch, yaw, roll), _ in signals.light_boxes(actor_id):
                parts.append((_box(np.array(center), rotation_matrix(pitch, yaw, roll), extent), THIN_M, LIGHTS))
        else:
            turn = rotation_matrix(*actor.pose[3:])
            parts.append((_box(np.add(actor.pose[:3], SIGN_ABOVE_M), turn, SIGN_HALF_M), THIN_M, SIGNS))
    return _strokes(parts)


@lru_cache(maxsize=4)
def _rules(opendrive: str) -> Strokes:
    """Lanes, crosswalks and stop lines of a map."""
    network, regulation = read_map(opendrive)
    parts: list[Drawn] = []
    for road in network.roads:
        parts += [(line, THICK_M, LANES) for line in _lane_middles(road)]
        for crosswalk in road.crosswalks:
            x, y = crosswalk.outline.T
            corners = np.stack([x, -y, np.full(len(x), crosswalk.height)], axis=1)
            parts.append((_chain(np.concatenate([corners, corners[:1]])), THICK_M, CROSSWALKS))
    parts += [(_stop_line(box), THICK_M, STOP_LINES) for box in _light_boxes(regulation)]
    return _strokes(parts)


def _lane_middles(road: Road) -> list[np.ndarray]:
    lines: list[np.ndarray] = []
    if road.junction is not None:
        return lines
    for section in road.sections:
        count = max(2, math.ceil((section.end - section.start) / LANE_STEP_M) + 1)
        s = np.linspace(section.start, section.end, count)
        x, y, z, heading = road.reference(s).T
        for side, lanes in ((1, section.left), (-1, section.right)):
            if not lanes:
                continue
            edges = road.edges(section, side, s)
            for number, lane in enumerate(lanes):
                if lane.kind in _DRIVABLE:
                    t = 0.5 * (edges[number] + edges[number + 1])
                    middle = np.stack([x - t * np.sin(heading), -(y + t * np.cos(heading)), z], axis=1)
                    lines.append(_chain(middle))
    return lines


def _light_boxes(regulation: Regulation) -> list[Box]:
    lights = {signal.id for signal in regulation.plan.signals if signal.type == TRAFFIC_LIGHT}
    return [zone.box for zone in regulation.zones if zone.signal in lights]


def _stop_line(box: Box) -> np.ndarray:
    """Across the end of the box of road before a light."""
    turn = rotation_matrix(0.0, box.yaw, 0.0)
    ends = np.array([[box.half_length, side * box.half_width, 0.0] for side in (-1.0, 1.0)])
    segment: np.ndarray = np.add(product(ends, turn.T), (box.x, box.y, box.z))[None]
    return segment


def _chain(points: np.ndarray) -> np.ndarray:
    return np.stack([points[:-1], points[1:]], axis=1)


def _box(center: np.ndarray, turn: np.ndarray, extent: tuple[float, ...] | list[float]) -> np.ndarray:
    corners: np.ndarray = product(_CORNERS * np.array(extent), turn.T) + center
    return corners[_EDGES]


def _strokes(parts: list[Drawn]) -> Strokes:
    counts = [len(segments) for segments, _, _ in parts]
    segments = np.concatenate([np.zeros((0, 2, 3)), *(segments for segments, _, _ in parts)])
    return Strokes(
        np.ascontiguousarray(segments[:, 0]),
        np.ascontiguousarray(segments[:, 1]),
        np.repeat(np.array([width for _, width, _ in parts], float), counts),
        np.zeros(len(segments), np.bool_),
        np.repeat(np.array([color for _, _, color in parts], np.uint8).reshape(-1, 3), counts, axis=0),
    )
