"""Scenery stays off the roads, and is the same in every process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import carla
import numpy as np
import pytest

from sim.labels import Label
from sim.maps import Town, load_town
from sim.maps.generator.streets import SKID_PAD
from sim.maps.network import RoadNetwork, parse_network
from sim.maps.roadside import Clearance, open_islands
from sim.maps.terrain import open_ground_height

VEHICLE_HEIGHT = 4.5
DIGEST = """
import hashlib, sys
from sim.maps import load_town
town = load_town(sys.argv[1])
digest = hashlib.sha256(town.opendrive.encode())
for part in (town.mesh, town.boxes):
    for name in sorted(vars(part)):
        digest.update(getattr(part, name).tobytes())
digest.update(repr(town.spawn_points).encode())
print(digest.hexdigest())
"""


def _lane_at(road_map: carla.Map, x: float, y: float, kinds: carla.LaneType) -> carla.Waypoint | None:
    # The client looks for the lane nearest in space: on a hill, at the height of the nearest road.
    height = road_map.get_waypoint(carla.Location(x, y, 0.0), lane_type=kinds).transform.location.z
    return road_map.get_waypoint(carla.Location(x, y, height), project_to_road=False, lane_type=kinds)


def _gap(town: Town, points: np.ndarray, cars: bool = True) -> np.ndarray:
    """Distance (N,) in m from points (N, 2) to the footprint of the nearest box, `cars` among them or not."""
    chosen = cars | (town.boxes.tag != Label.CAR)
    middle, extent, yaw = town.boxes.center[chosen], town.boxes.extent[chosen], np.radians(town.boxes.yaw[chosen])
    result = np.empty(len(points))
    for number, point in enumerate(points):
        d = point - middle[:, :2]
        local = np.stack([d[:, 0] * np.cos(yaw) + d[:, 1] * np.sin(yaw), d[:, 1] * np.cos(yaw) - d[:, 0] * np.sin(yaw)])
        outside = np.maximum(np.abs(local.T) - extent[:, :2], 0.0)
        result[number] = np.hypot(outside[:, 0], outside[:, 1]).min()
    return result


def test_no_box_stands_on_a_lane_or_sidewalk_but_cars_in_parking_lanes(
    town: Town, road_map: carla.Map, network: RoadNetwork, paved: bool
) -> None:
    forbidden = (
        carla.LaneType.Driving | carla.LaneType.Sidewalk | carla.LaneType.Shoulder
        | carla.LaneType.Biking | carla.LaneType.Median
    )  # fmt: skip
    boxes = town.boxes
    assert {Label.VEGETATION, Label.POLES} <= set(boxes.tag.tolist())
    # In the country there are farms, away from the road.
    assert Label.BUILDINGS in boxes.tag
    if not paved:
        houses = boxes.center[boxes.tag == Label.BUILDINGS]
        assert Clearance(network)(houses).min() > 12.0
    for center, extent, yaw, tag in zip(boxes.center, boxes.extent, np.radians(boxes.yaw), boxes.tag):
        kinds = forbidden if tag == Label.CAR else forbidden | carla.LaneType.Parking
        # A grid of at most a metre over the footprint, its edge included.
        shares = [np.linspace(-1.0, 1.0, 2 + int(2 * half)) for half in extent[:2]]
        for u in shares[0] * extent[0]:
            for v in shares[1] * extent[1]:
                x, y = center[0] + u * np.cos(yaw) - v * np.sin(yaw), center[1] + u * np.sin(yaw) + v * np.cos(yaw)
                assert _lane_at(road_map, x, y, kinds) is None, (center, extent)


def test_nothing_hangs_lower_than_a_tall_truck_over_a_driving_lane(town: Town, road_map: carla.Map) -> None:
    tall = [Label.BUILDINGS, Label.VEGETATION, Label.POLES, Label.GUARD_RAIL, Label.BRIDGE, Label.FENCES]
    standing = np.isin(town.mesh.tags, tall)
    corners = town.mesh.vertices[np.unique(town.mesh.triangles[standing])]
    highest = max(waypoint.transform.location.z for waypoint in road_map.generate_waypoints(5.0))
    low = corners[corners[:, 2] < highest + VEHICLE_HEIGHT]
    assert len(low) > 1000
    for x, y, z in low.tolist():
        lane = _lane_at(road_map, x, y, carla.LaneType.Driving)
        assert lane is None or z > lane.transform.location.z + VEHICLE_HEIGHT, (x, y, z)


def test_spawn_points_and_lanes_leave_room_to_every_box(town: Town, road_map: carla.Map) -> None:
    spawns = np.array([[pose.x, pose.y] for pose in town.spawn_points])
    # A car's half width, an outermost lane's other half and a shoulder or kerb lie between.
    assert _gap(town, spawns, cars=False).min() > 2.5
    # Beside a parked car there is no shoulder: half a lane and a hand's breadth.
    assert _gap(town, spawns).min() > 1.9
    lanes = [waypoint.transform.location for waypoint in road_map.generate_waypoints(20.0)]
    assert _gap(town, np.array([[place.x, place.y] for place in lanes])).min() > 1.75


def test_everything_that_stands_reaches_down_to_the_ground(town: Town, network: RoadNetwork) -> None:
    # In hills the open ground lies as high as the lowest valley.
    level = open_ground_height(network)
    foot = town.boxes.center[:, 2] - town.boxes.extent[:, 2]
    grown = np.isin(town.boxes.tag, [Label.BUILDINGS, Label.VEGETATION])
    assert np.abs(foot[grown] - level).max() < 1e-5
    # Posts beside a road on a bank stand on its verge.
    posts = np.isin(town.boxes.tag, [Label.POLES, Label.TRAFFIC_LIGHT, Label.TRAFFIC_SIGNS])
    under = town.ground.heights(town.boxes.center[posts])
    assert np.abs(foot[posts] - under).max() < 0.06
    for tag in sorted(
        {Label.BUILDINGS, Label.VEGETATION, Label.POLES, Label.GUARD_RAIL} & set(town.mesh.tags.tolist())
    ):
        z = town.mesh.vertices[town.mesh.triangles[town.mesh.tags == tag]][..., 2]
        assert np.isclose(z.min(), level, atol=1e-5)


def test_a_town_is_the_same_in_processes_with_different_hash_seeds(town: Town) -> None:
    digests = set()
    for seed in ("1", "2"):
        result = subprocess.run(
            [sys.executable, "-c", DIGEST, town.name],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        digests.add(result.stdout.strip())
    assert len(digests) == 1
    assert len(digests.pop()) == hashlib.sha256().digest_size * 2


def test_nothing_stands_on_the_island_of_a_skid_pad() -> None:
    town = load_town("Pilotage07")
    discs = open_islands(parse_network(town.opendrive))
    assert len(discs) > 0
    assert discs[:, 2] == pytest.approx(SKID_PAD[0])
    from_middle = np.linalg.norm(town.boxes.center[:, None, :2] - discs[None, :, :2], axis=-1)
    assert np.all(from_middle > discs[:, 2] + 2.0)
