"""Overhead signs on gantries across motorways."""

from __future__ import annotations

import itertools
import math

import numpy as np

from sim.geometry import Pose
from sim.labels import Label
from sim.maps.arrows import approaches
from sim.maps.boxes import BoxList
from sim.maps.lane_boxes import section_at
from sim.maps.network import Lane, Road, RoadNetwork
from sim.maps.props import BOX, WALLS, place
from sim.maps.roadside import Clearance
from sim.maps.signal_posts import placed
from sim.maps.surface import offset_points, road_extent
from sim.maps.terrain import GROUND_Z
from sim.maps.yards import clear_of
from sim.render.mesh import Mesh
from sim.render.signal_models import gantry_panel

LEAST_KMH, LEAST_LANES, LEAST_LENGTH = 70.0, 2, 60.0
APART = 220.0  # m between two gantries over the same carriageway, at least
BEFORE_FORK = 40.0  # m from a gantry to where the lanes part
SHIFTS = (0.0, 4.0, -4.0, 8.0, -8.0)  # m further back, where a lamp post or a tree is in the way
OUT_M = 1.4  # m from the outermost lane to a post's middle
UNDER, BEAM_Z, TOP = 5.6, 6.5, 7.1  # m above the road: panels' lower edges, the beam's lower edge and upper edge
PANEL_HEIGHT, _MARGIN = 2.3, 0.35
_METAL = (124, 128, 130)


def gantries(network: RoadNetwork, clearance: Clearance, boxes: BoxList) -> list[Mesh]:
    """Posts, beams and panels over carriageways of two lanes or more at 70 km/h or more, clear of what stands there."""
    exits = {(one.road.id, one.lane): one.exits for one in approaches(network)}
    standing = boxes.build()
    over: list[np.ndarray] = []
    meshes: list[Mesh] = []
    # Where lanes part a gantry is needed most.
    for road, lanes, fork in sorted(_carriageways(network), key=lambda found: not found[2]):
        forward = lanes[0].id < 0
        for shift in SHIFTS:
            before = (BEFORE_FORK if fork else 0.5 * road.length) + shift
            s = np.array([road.length - before if forward else before])
            reference = road.reference(s)
            low, high = road_extent(road, s)
            feet = np.concatenate([offset_points(reference, t, GROUND_Z) for t in (low - OUT_M, high + OUT_M)])
            if clearance(feet).min() > 0.5 * OUT_M and clear_of([(feet, 0.5)], standing).all():
                break
        else:
            continue
        heading = reference[0, 3] + (0.0 if forward else math.pi)
        here = np.array([*reference[0, :2], math.cos(heading), math.sin(heading)])
        if any(np.hypot(*(one - here)[:2]) < APART and np.sum(one[2:] * here[2:]) > 0.5 for one in over):
            continue
        over.append(here)
        yaw = -math.degrees(heading)
        numbers, frame = _frame(feet, float(reference[0, 2]), yaw, boxes)
        meshes += frame
        for panel in _panels(road, lanes, s, exits):
            meshes.append(boxes.tie(panel, numbers[:1]))
    return meshes


def _carriageways(network: RoadNetwork) -> list[tuple[Road, list[Lane], bool]]:
    """Roads that may get a gantry, their driving lanes, and whether they end at a fork."""
    found = []
    for road in network.roads:
        lanes = fast_carriageway(road)
        if lanes is not None:
            ahead = road.successor if lanes[0].id < 0 else road.predecessor
            found.append((road, lanes, ahead[0] == "junction"))
    return found


def fast_carriageway(road: Road) -> list[Lane] | None:
    """The driving lanes of a fast one-way road, from the left to the right of who drives there."""
    if road.junction is not None or road.length < LEAST_LENGTH or len(road.sections) != 1:
        return None
    if len(road.speeds) == 0 or road.speeds[:, 1].min() < LEAST_KMH:
        return None
    section = road.sections[0]
    sides = [[lane for lane in side if lane.kind == "driving"] for side in (section.left, section.right)]
    if bool(sides[0]) == bool(sides[1]):
        return None
    lanes = sides[0] or sides[1]
    return lanes if len(lanes) >= LEAST_LANES else None


def _frame(feet: np.ndarray, z: float, yaw: float, boxes: BoxList) -> tuple[np.ndarray, list[Mesh]]:
    """Two posts and the beam between them; the numbers of the posts' boxes."""
    yaws, color = np.full(2, yaw), np.tile(np.array(_METAL), (2, 1))
    size = np.column_stack([np.full(2, 0.3), np.full(2, 0.3), z + TOP - feet[:, 2]])
    numbers = boxes.add(feet, size, yaws, Label.TRAFFIC_SIGNS)
    posts = boxes.tie(place(WALLS, feet, size, yaws, color, Label.POLES), numbers)
    span = float(np.hypot(*(feet[1] - feet[0])[:2]))
    middle = 0.5 * (feet[:1] + feet[1:])
    middle[:, 2] = z + BEAM_Z
    beam = np.array([[0.3, span + 0.3, TOP - BEAM_Z]])
    # Seen from below as well.
    parts = [place(BOX, middle, beam, yaws[:1], color[:1], Label.POLES)]
    under = beam * np.array([1.0, 1.0, 1e-3])
    parts.append(place(BOX, middle, under, yaws[:1], 0.7 * color[:1], Label.POLES))
    return numbers, [posts, *(boxes.tie(part, numbers[:1]) for part in parts)]


def _panels(road: Road, lanes: list[Lane], s: np.ndarray, exits: dict[tuple[str, int], frozenset[str]]) -> list[Mesh]:
    """One panel for neighbouring lanes that go to the same place, in front of the beam."""
    section = section_at(road, float(s[0]))
    if section is None:
        return []
    forward = lanes[0].id < 0
    side = -1 if forward else 1
    edges = road.edges(section, side, s)[:, 0]
    strips = section.right if forward else section.left
    ways = [exits.get((road.id, lane.id), frozenset()) for lane in lanes]
    # A lane that leaves alone; where all go on together there is one panel.
    groups = [list(group) for _, group in itertools.groupby(range(len(lanes)), key=lambda n: sorted(ways[n]))]
    # Whoever comes from a wide carriageway to a fork leaves it on the right.
    main = max(range(len(groups)), key=lambda n: len(groups[n]))
    heading = road.reference(s)[0, 3] + (0.0 if forward else math.pi)
    route, junction = (1 + sum(map(ord, name)) % 9 for name in (road.name, road.id))
    meshes = []
    for n, group in enumerate(groups):
        numbers = [strips.index(lanes[k]) for k in group]
        bounds = [(edges[k], edges[k + 1]) for k in numbers]
        low, high = min(min(pair) for pair in bounds), max(max(pair) for pair in bounds)
        t = 0.5 * (low + high)
        x, y, z = offset_points(road.reference(s), np.array([t]))[0].tolist()
        yaw = 180.0 - math.degrees(heading)
        front = 0.45
        pose = Pose(
            x + front * math.cos(math.radians(yaw)),
            y + front * math.sin(math.radians(yaw)),
            z + UNDER + 0.5 * PANEL_HEIGHT,
            yaw=yaw,
        )
        left = 1.0 if forward else -1.0
        arrows = tuple(float(left * (0.5 * (pair[0] + pair[1]) - t)) for pair in bounds)
        # A gap, or the letter and the digit would run into one another.
        text = f"A {route}" if n == main else str(junction)
        width = high - low - 2.0 * _MARGIN
        meshes.append(placed(gantry_panel(width, PANEL_HEIGHT, text, arrows, leaving=n != main), pose))
    return meshes
