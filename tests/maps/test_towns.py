"""The built-in towns as the real CARLA client reads them."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from sim.maps import UnknownTown, available_towns, load_town, load_xodr
from sim.maps.network import parse_network

TOWNS = available_towns()


def _map(name: str) -> carla.Map:
    return carla.Map(name, load_town(name).opendrive)


@pytest.mark.parametrize("name", TOWNS)
def test_every_spawn_point_lies_on_a_driving_lane_and_points_along_it(name: str) -> None:
    town, road_map = load_town(name), _map(name)
    assert len(town.spawn_points) > 100
    for pose in town.spawn_points:
        waypoint = road_map.get_waypoint(carla.Location(pose.x, pose.y, pose.z), project_to_road=False)
        assert waypoint is not None
        assert waypoint.lane_type == carla.LaneType.Driving
        assert not waypoint.is_junction
        yaw = waypoint.transform.rotation.yaw
        assert abs((yaw - pose.yaw + 180.0) % 360.0 - 180.0) < 0.5
        assert pose.z == pytest.approx(waypoint.transform.location.z + 0.3, abs=0.01)


@pytest.mark.parametrize("name", TOWNS)
def test_spawn_points_are_at_least_eight_metres_apart(name: str) -> None:
    points = np.array([[pose.x, pose.y] for pose in load_town(name).spawn_points])
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1) + 1e9 * np.eye(len(points))
    assert distance.min() >= 8.0


@pytest.mark.parametrize("name", TOWNS)
def test_lanes_go_on_through_the_junction_and_end_only_where_a_lane_is_dropped(name: str) -> None:
    road_map = _map(name)
    waypoints = road_map.generate_waypoints(10.0)
    ends = [waypoint for waypoint in waypoints if not waypoint.next(10.0)]
    # A dropped lane narrows to nothing; everywhere else there is a way on.
    assert all(waypoint.next(0.5) == [] or waypoint.next(0.5)[0].lane_width < 3.0 for waypoint in ends)
    assert len(ends) < 0.01 * len(waypoints)
    entering = [w for w in waypoints if not w.is_junction and any(n.is_junction for n in w.next(10.0))]
    network = parse_network(load_town(name).opendrive)
    inwards = {
        (int(road.predecessor[1]), lane.predecessor)
        for road in network.roads
        if road.junction is not None
        for lane in road.sections[0].right
        if lane.kind == "driving"
    }
    # Every lane that the map lets into a junction is found by driving, and no other.
    assert {(w.road_id, w.lane_id) for w in entering} == inwards
    for waypoint in entering:
        # Behind a roundabout the next junction may be near.
        distances = (20.0, 40.0, 60.0, 80.0, 100.0)
        leaving = [after for inside in waypoint.next(10.0) for way in distances for after in inside.next(way)]
        assert leaving
        assert any(not after.is_junction for after in leaving)


@pytest.mark.parametrize("name", TOWNS)
def test_topology_edges_join_places_that_exist(name: str) -> None:
    topology = _map(name).get_topology()
    lanes = [
        (int(road.id), lane.id)
        for road in parse_network(load_town(name).opendrive).roads
        for section in road.sections
        for lane in section.left + section.right
        if lane.kind == "driving"
    ]
    assert {(waypoint.road_id, waypoint.lane_id) for pair in topology for waypoint in pair} == set(lanes)
    assert len(topology) >= 0.98 * len(lanes)  # an edge out of every lane but of those that are dropped


def test_an_unknown_town_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(UnknownTown, match="Pilotage01"):
        load_town("Town10HD")


def test_a_town_is_bit_identical_when_built_again() -> None:
    town = load_town(TOWNS[0])
    again = load_xodr(town.opendrive, town.name)
    assert again.spawn_points == town.spawn_points
    for field in ("vertices", "triangles", "colors", "tags", "layers"):
        assert np.array_equal(getattr(again.mesh, field), getattr(town.mesh, field))


@pytest.mark.parametrize("name", TOWNS)
def test_lanes_that_follow_each_other_meet_within_a_centimetre(name: str) -> None:
    road_map = _map(name)
    gaps, lanes = [], 0
    for road in parse_network(load_town(name).opendrive).roads:
        for section in road.sections:
            for lane in section.left + section.right:
                if lane.kind != "driving":
                    continue
                lanes += 1
                s = section.end - 0.001 if lane.id < 0 else section.start + 0.001
                end = road_map.get_waypoint_xodr(int(road.id), lane.id, s)
                for after in end.next(0.002):
                    gap = after.transform.location.distance(end.transform.location)
                    turn = (after.transform.rotation.yaw - end.transform.rotation.yaw + 180.0) % 360.0 - 180.0
                    gaps.append((gap, abs(turn)))
    assert len(gaps) >= 0.98 * lanes  # a dropped lane has no successor
    assert max(gap for gap, _ in gaps) < 0.01
    assert max(turn for _, turn in gaps) < 1.0
