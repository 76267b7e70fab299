"""Where vehicles may be put: poses on driving lanes, well apart."""

from __future__ import annotations

import numpy as np

from sim.geometry import Pose, arctan2
from sim.maps.network import LaneSection, Road, RoadNetwork
from sim.maps.surface import offset_points

SPACING = 30.0
STAGGER = 10.0
END_MARGIN = 15.0
HEIGHT = 0.3
MIN_LANE_WIDTH = 2.5


def spawn_points(network: RoadNetwork) -> tuple[Pose, ...]:
    """Poses on driving lanes outside junctions, along the lane's direction, z 0.3 m above it, as CARLA's towns have.

    Every 30 m per lane; neighbouring lanes are staggered by 10 m so that all points are more than 8 m apart.
    """
    poses: list[Pose] = []
    for road in network.roads:
        if road.junction is not None:
            continue
        for section in road.sections:
            lanes = [(1, n, lane) for n, lane in reversed(list(enumerate(section.left)))]
            lanes += [(-1, n, lane) for n, lane in enumerate(section.right)]
            position = 0
            for side, number, lane in lanes:
                if lane.kind != "driving":
                    continue
                first = np.floor(section.start / SPACING) * SPACING + END_MARGIN + STAGGER * (position % 3)
                position += 1
                s = np.arange(first, section.end, SPACING)
                s = s[(s >= section.start) & (s > END_MARGIN) & (s <= road.length - END_MARGIN)]
                if len(s) == 0:
                    continue
                edges = road.edges(section, side, s)
                usable = np.abs(edges[number + 1] - edges[number]) >= MIN_LANE_WIDTH
                reference = road.reference(s)
                points = offset_points(reference, _middle(road, section, side, number, s), HEIGHT)
                ends = [_middle(road, section, side, number, s + shift) for shift in (-0.1, 0.1)]
                heading = reference[:, 3] + arctan2(ends[1] - ends[0], 0.2)
                # CARLA's yaw is clockwise; left lanes run against s.
                yaw = -np.degrees(heading) + (180.0 if side > 0 else 0.0)
                yaw = (yaw + 180.0) % 360.0 - 180.0
                for (x, y, z), angle in zip(points[usable].tolist(), yaw[usable].tolist()):
                    poses.append(Pose(x, y, z, yaw=angle))
    return _well_apart(poses)


def _middle(road: Road, section: LaneSection, side: int, number: int, s: np.ndarray) -> np.ndarray:
    """t (m) of a lane's middle."""
    edges = road.edges(section, side, s)
    return np.asarray(0.5 * (edges[number] + edges[number + 1]))


def _well_apart(poses: list[Pose], distance: float = 8.0) -> tuple[Pose, ...]:
    """Drops poses nearer than `distance` to an earlier one (bends and foreign maps can bring them together)."""
    kept = np.zeros((len(poses), 2))
    count = 0
    result = []
    for pose in poses:
        point = np.array([pose.x, pose.y])
        if count == 0 or np.min(np.sum((kept[:count] - point) ** 2, axis=1)) >= distance**2:
            kept[count] = point
            count += 1
            result.append(pose)
    return tuple(result)
