"""Posts, mast arms, plates and stop lines of a town's signals, and where the heads of its traffic lights hang."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.geometry import Pose, pose_matrix, product
from sim.labels import Label
from sim.maps.boxes import BoxList
from sim.maps.lane_boxes import LANE_SHARE, Box
from sim.maps.limits import STEP_M, LimitMap
from sim.maps.props import BOX, place
from sim.maps.regulation import Regulation
from sim.maps.signals import SPEED_LIMIT, STOP, TRAFFIC_LIGHT, YIELD, Signal
from sim.maps.terrain import GROUND_Z
from sim.render.mesh import Mesh
from sim.render.signal_models import HEAD_HALF, limit_plate, stop_plate, yield_plate

_METAL = (92, 96, 98)
_LINE = (232, 232, 228)
ARM_HEIGHT = 6.5
LOW_HEAD = 3.0
PLATE_HEIGHT = 2.5
LONGEST_ARM = 16.0
# m above the road: signals that a map itself puts higher hang there.
RAISED_M, NEAR_M = 1.2, 25.0
STOP_LINE_WIDTH = 0.4
STOP_LINE_GAP = 0.25
HALF_LANE_M = 1.75
# Names with which CARLA's maps mark what is painted on the road rather than put on a post.
_PAINTED = ("stencil",)


@dataclass(frozen=True)
class Head:
    """A head of the traffic light `signal` (OpenDRIVE id); x of `pose` points at the drivers, origin at its front."""

    signal: str
    pose: Pose


def light_heads(regulation: Regulation) -> tuple[Head, ...]:
    """Two heads for each traffic light, on its post and over the lanes; one if it is too far from them for an arm.

    A light that the map puts above the road has one, there.
    """
    boxes = _boxes(regulation)
    heads = []
    for signal in regulation.plan.signals:
        if signal.type == TRAFFIC_LIGHT:
            yaw, reach = _arm(signal, boxes.get(signal.id))
            right = math.radians(yaw + 90.0)
            places = [(0.0, LOW_HEAD), (reach, ARM_HEIGHT - HEAD_HALF[2])]
            if _raised(signal.pose, regulation.limits):
                places = [(0.0, 0.0)]
            for number, (along, up) in enumerate(places):
                if along or not number:
                    x, y = signal.pose.x + along * math.cos(right), signal.pose.y + along * math.sin(right)
                    front = 2.6 * HEAD_HALF[0]
                    x, y = x + front * math.cos(math.radians(yaw)), y + front * math.sin(math.radians(yaw))
                    heads.append(Head(signal.id, Pose(x, y, signal.pose.z + up, yaw=yaw)))
    return tuple(heads)


def signal_meshes(regulation: Regulation, boxes: BoxList) -> list[Mesh]:
    """Posts, mast arms and plates, with the posts' boxes added to `boxes`. Heads are drawn with their state."""
    zones = _boxes(regulation)
    posts: list[tuple[Signal, float, float, Mesh | None]] = []
    lifts: list[float] = []
    for signal in regulation.plan.signals:
        plate = _plate(signal)
        lift = _raised(signal.pose, regulation.limits)
        if _on_lane(signal.pose._replace(z=signal.pose.z - lift), regulation.limits):
            continue  # some maps place signals on the road; nobody may run into what hangs there
        if signal.type == TRAFFIC_LIGHT or plate is not None:
            yaw, reach = _arm(signal, zones.get(signal.id))
            posts.append((signal, yaw, 0.0 if lift else reach, plate))
            lifts.append(lift)
    meshes: list[Mesh] = []
    for is_light in (True, False):
        kept = [n for n, post in enumerate(posts) if (post[0].type == TRAFFIC_LIGHT) == is_light]
        if not kept:
            continue
        chosen, raised = [posts[n] for n in kept], [lifts[n] for n in kept]
        places = np.array(
            [(s.pose.x, s.pose.y, s.pose.z - up, yaw, reach, up) for (s, yaw, reach, _), up in zip(chosen, raised)]
        )
        numbers = _posts(places, is_light, boxes, meshes)
        arms = np.flatnonzero(places[:, 4])
        if len(arms):
            meshes.append(boxes.tie(_arms(places[arms]), numbers[arms]))
        for (signal, yaw, _, plate), up, number in zip(chosen, raised, numbers):
            if plate is not None:
                front = placed(plate, _before_post(signal.pose, yaw, 0.0 if up else PLATE_HEIGHT))
                meshes.append(boxes.tie(front, np.array([number])))
    return meshes


def stop_lines(regulation: Regulation) -> list[tuple[str, Mesh]]:
    """Bars across the lanes where lights and stop signs hold vehicles up, each with its road's id."""
    held = {signal.id for signal in regulation.plan.signals if signal.type in (TRAFFIC_LIGHT, STOP)}
    return [(zone.road, _stop_line(zone.box)) for zone in regulation.zones if zone.signal in held]


def _boxes(regulation: Regulation) -> dict[str, Box]:
    first: dict[str, Box] = {}
    for zone in regulation.zones:
        first.setdefault(zone.signal, zone.box)
    return first


def _arm(signal: Signal, box: Box | None) -> tuple[float, float]:
    """The yaw (degrees) that looks at the drivers, and how far (m) to the right of it an arm reaches; 0 for none."""
    if box is None:
        return signal.pose.yaw + 180.0, 0.0
    yaw = box.yaw + 180.0
    right = math.radians(yaw + 90.0)
    reach = (box.x - signal.pose.x) * math.cos(right) + (box.y - signal.pose.y) * math.sin(right)
    return yaw, reach if signal.type == TRAFFIC_LIGHT and 1.0 < abs(reach) < LONGEST_ARM else 0.0


def _plate(signal: Signal) -> Mesh | None:
    if any(word in signal.name.lower() for word in _PAINTED):
        return None
    if signal.type == SPEED_LIMIT and signal.value > 0.0:
        return limit_plate(round(signal.value))
    return {STOP: stop_plate, YIELD: yield_plate}[signal.type]() if signal.type in (STOP, YIELD) else None


def _on_lane(pose: Pose, limits: LimitMap) -> bool:
    """Whether a post would stand on a driving lane."""
    dx, dy = limits.points[:, 0] - pose.x, limits.points[:, 1] - pose.y
    ahead = dx * limits.points[:, 3] + dy * limits.points[:, 4]
    aside = dy * limits.points[:, 3] - dx * limits.points[:, 4]
    near = (np.abs(ahead) <= 0.5 * STEP_M + 0.1) & (np.abs(aside) < HALF_LANE_M)
    return bool((near & (np.abs(limits.points[:, 2] - pose.z) < 2.0)).any())


def _raised(pose: Pose, limits: LimitMap) -> float:
    """m from the road beside it up to a signal that hangs; 0 for one whose place is its foot."""
    points = limits.points
    gap = np.hypot(points[:, 0] - pose.x, points[:, 1] - pose.y)
    gap[points[:, 2] > pose.z] = np.inf
    if len(gap) == 0 or gap.min() > NEAR_M:
        return 0.0
    lift = pose.z - float(points[int(np.argmin(gap)), 2])
    return lift if lift > RAISED_M else 0.0


def _before_post(pose: Pose, yaw: float, up: float) -> Pose:
    turn = math.radians(yaw)
    return Pose(pose.x + 0.09 * math.cos(turn), pose.y + 0.09 * math.sin(turn), pose.z + up, yaw=yaw)


def placed(mesh: Mesh, pose: Pose) -> Mesh:
    """A mesh given in the frame of `pose`."""
    matrix = pose_matrix(pose)
    vertices = product(mesh.vertices, matrix[:3, :3].T) + matrix[:3, 3]
    return Mesh.build(vertices, mesh.triangles, mesh.colors, mesh.tags, mesh.layers)


def _posts(places: np.ndarray, is_light: bool, boxes: BoxList, meshes: list[Mesh]) -> np.ndarray:
    foot = places[:, :3] + np.array([0.0, 0.0, GROUND_Z])
    if is_light:
        height = np.where(places[:, 4] != 0.0, ARM_HEIGHT, LOW_HEAD + HEAD_HALF[2] + 0.1)
    else:
        height = np.full(len(places), PLATE_HEIGHT + 0.4)
    lift = places[:, 5]
    height = np.where(lift > 0.0, lift + (HEAD_HALF[2] if is_light else 0.4), height)
    thick = np.full(len(places), 0.2 if is_light else 0.09)
    size = np.stack([thick, thick, height - GROUND_Z], axis=1)
    numbers = boxes.add(foot, size, places[:, 3], Label.TRAFFIC_LIGHT if is_light else Label.TRAFFIC_SIGNS)
    color = np.tile(np.array(_METAL), (len(places), 1))
    meshes.append(boxes.tie(place(BOX, foot, size, places[:, 3], color, Label.POLES), numbers))
    return numbers


def _arms(arms: np.ndarray) -> Mesh:
    right = np.radians(arms[:, 3] + 90.0)
    middle = arms[:, :3].copy()
    middle[:, :2] += 0.5 * arms[:, 4:5] * np.stack([np.cos(right), np.sin(right)], axis=1)
    middle[:, 2] += ARM_HEIGHT - 0.12
    size = np.stack([np.full(len(arms), 0.12), np.abs(arms[:, 4]) + 0.4, np.full(len(arms), 0.12)], axis=1)
    return place(BOX, middle, size, arms[:, 3], np.tile(np.array(_METAL), (len(arms), 1)), Label.POLES)


def _stop_line(box: Box) -> Mesh:
    """A bar across the lanes whose far edge is the end of their box."""
    turn = math.radians(box.yaw)
    along, across = np.array([math.cos(turn), math.sin(turn)]), np.array([-math.sin(turn), math.cos(turn)])
    middle = np.array([box.x, box.y])
    ends = [middle + (box.half_length - depth) * along for depth in (0.0, STOP_LINE_WIDTH)]
    # Clear of the lines along the lanes' edges, which may have another colour.
    half = min(box.half_width, box.half_width / LANE_SHARE - STOP_LINE_GAP)
    corners = np.array([[*(end + side * half * across), box.z] for end in ends for side in (-1.0, 1.0)])
    return Mesh.build(corners, [[0, 1, 3], [0, 3, 2]], _LINE, Label.ROAD_LINES, 1)
