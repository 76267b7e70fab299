"""Stop, yield and speed limit signs, and the limit that counts for each vehicle."""

from __future__ import annotations

from collections.abc import Iterator

import carla
import pytest

from tests.conftest import Process, synchronous, tidy

KINDS = {"206": "traffic.stop", "205": "traffic.yield", "274": "traffic.speed_limit"}


@pytest.fixture(scope="module")
def town(server: Process) -> Iterator[carla.World]:
    client = server.client()
    world = client.load_world("Pilotage02")
    synchronous(world)
    world.tick()
    yield world
    tidy(client)


@pytest.fixture
def downtown(town: carla.World) -> Iterator[carla.World]:
    yield town
    town.tick()
    for actor in town.get_actors().filter("vehicle.*"):
        actor.destroy()
    town.tick()


def car(world: carla.World, place: carla.Transform) -> carla.Vehicle:
    place.location.z += 0.05
    return world.spawn_actor(world.get_blueprint_library().find("vehicle.tesla.model3"), place)


def test_every_sign_landmark_has_an_actor_of_its_kind(downtown: carla.World) -> None:
    marks = [mark for mark in downtown.get_map().get_all_landmarks() if mark.type in KINDS]
    assert {mark.type for mark in marks} == set(KINDS)
    for mark in marks:
        sign = downtown.get_traffic_sign(mark)
        expected = KINDS[mark.type] + (f".{mark.value:.0f}" if mark.type == "274" else "")
        assert sign.type_id == expected
        assert sign.get_location().distance(mark.transform.location) < 0.01
        assert list(sign.semantic_tags) == [8]
        assert sign.destroy() is False


def test_a_signs_trigger_volume_lies_on_the_lanes_that_it_counts_for(downtown: carla.World) -> None:
    town = downtown.get_map()
    for mark in town.get_all_landmarks():
        if mark.type in KINDS:
            sign = downtown.get_traffic_sign(mark)
            box = sign.trigger_volume
            waypoint = town.get_waypoint(sign.get_transform().transform(box.location))
            assert waypoint.road_id == mark.road_id
            assert any(low <= waypoint.lane_id <= high for low, high in mark.get_lane_validities())


def test_limits_follow_the_signs_and_the_road_types(downtown: carla.World) -> None:
    town = downtown.get_map()
    marks = [mark for mark in town.get_all_landmarks() if mark.type == "274"]
    assert {mark.value for mark in marks} == {30.0, 50.0}
    cars = {}
    for mark in marks[::6]:
        lane = mark.get_lane_validities()[0][0]
        cars[mark.id] = car(downtown, town.get_waypoint_xodr(mark.road_id, lane, mark.s).next(10.0)[0].transform)
    downtown.tick()
    downtown.tick()
    for mark in marks[::6]:
        assert cars[mark.id].get_speed_limit() == mark.value


def test_a_limit_sign_rules_the_road_behind_it_and_no_other_lane(start_server) -> None:
    client = start_server().client()
    world = client.generate_opendrive_world(SIGNED_ROAD)
    synchronous(world)
    town = world.get_map()
    places = {
        "before": (-1, 40.0),
        "behind": (-1, 70.0),
        "far": (-1, 180.0),
        "other": (-2, 70.0),
        "oncoming": (1, 70.0),
    }
    cars = {name: car(world, town.get_waypoint_xodr(1, *place).transform) for name, place in places.items()}
    world.tick()
    world.tick()
    limits = {name: actor.get_speed_limit() for name, actor in cars.items()}
    assert limits["before"] == limits["other"] == limits["oncoming"] == pytest.approx(40 * 1.609344)
    assert limits["behind"] == limits["far"] == 30.0


def test_a_stop_sign_shows_red_until_the_vehicle_has_stood_for_two_seconds(downtown: carla.World) -> None:
    (sign,) = downtown.get_actors().filter("traffic.stop")
    town = downtown.get_map()
    mark = next(mark for mark in town.get_all_landmarks() if mark.type == "206")
    lane = mark.get_lane_validities()[0][0]
    line = town.get_waypoint_xodr(mark.road_id, lane, mark.s)
    vehicle = car(downtown, line.previous(4.0)[0].transform)
    vehicle.apply_control(carla.VehicleControl(brake=1.0))
    states = []
    for _ in range(60):
        downtown.tick()
        states.append(vehicle.get_traffic_light_state())
        assert not vehicle.is_at_traffic_light()
    assert states[5] == carla.TrafficLightState.Red
    assert states[-1] == carla.TrafficLightState.Green
    assert 1.5 < 0.05 * states.count(carla.TrafficLightState.Red) < 2.6
    vehicle.set_transform(line.previous(30.0)[0].transform)
    downtown.tick()
    vehicle.set_transform(line.previous(4.0)[0].transform)
    downtown.tick()
    assert vehicle.get_traffic_light_state() == carla.TrafficLightState.Red
    assert sign.get_location().distance(vehicle.get_location()) < 12.0


def test_a_yield_sign_shows_red_only_while_somebody_with_priority_comes(downtown: carla.World) -> None:
    town = downtown.get_map()
    mark = next(mark for mark in town.get_all_landmarks() if mark.type == "205")
    line = town.get_waypoint_xodr(mark.road_id, mark.get_lane_validities()[0][0], mark.s)
    vehicle = car(downtown, line.previous(4.0)[0].transform)
    vehicle.apply_control(carla.VehicleControl(brake=1.0))
    for _ in range(4):
        downtown.tick()
    assert vehicle.get_traffic_light_state() == carla.TrafficLightState.Green
    vehicle.destroy()
    downtown.tick()

    inside = line.next(4.0)[0].get_junction().get_waypoints(carla.LaneType.Driving)
    entry = next(first for first, _ in inside if first.previous(2.0)[0].road_id != line.road_id)
    other = car(downtown, entry.previous(30.0)[0].transform)
    other.enable_constant_velocity(carla.Vector3D(x=10.0))
    downtown.tick()
    vehicle = car(downtown, line.previous(4.0)[0].transform)
    vehicle.apply_control(carla.VehicleControl(brake=1.0))
    states, past = [], []
    for _ in range(160):
        downtown.tick()
        states.append(vehicle.get_traffic_light_state())
        gap = other.get_location() - entry.transform.location
        past.append(gap.dot(entry.transform.get_forward_vector()))
        assert not vehicle.is_at_traffic_light()
    reached = next(number for number, along in enumerate(past) if along > 0.0)
    assert set(states[1 : reached + 1]) == {carla.TrafficLightState.Red}
    assert states[-1] == carla.TrafficLightState.Green
    assert past[states.index(carla.TrafficLightState.Green)] > 10.0


def test_a_vehicle_with_priority_that_stands_is_not_waited_for(downtown: carla.World) -> None:
    town = downtown.get_map()
    mark = next(mark for mark in town.get_all_landmarks() if mark.type == "205")
    line = town.get_waypoint_xodr(mark.road_id, mark.get_lane_validities()[0][0], mark.s)
    inside = line.next(4.0)[0].get_junction().get_waypoints(carla.LaneType.Driving)
    entry = next(first for first, _ in inside if first.previous(2.0)[0].road_id != line.road_id)
    other = car(downtown, entry.previous(12.0)[0].transform)
    vehicle = car(downtown, line.previous(4.0)[0].transform)
    for actor in (other, vehicle):
        actor.apply_control(carla.VehicleControl(brake=1.0))
    for _ in range(10):
        downtown.tick()
    assert vehicle.get_traffic_light_state() == carla.TrafficLightState.Green


SIGNED_ROAD = """<OpenDRIVE><header revMajor="1" revMinor="4"><geoReference><![CDATA[+proj=tmerc +lat_0=42 +lon_0=2]]>
</geoReference></header><road name="road" length="200" id="1" junction="-1"><link/>
<type s="0" type="town"><speed max="40" unit="mph"/></type>
<planView><geometry s="0" x="0" y="0" hdg="0.3" length="200"><line/></geometry></planView>
<lanes><laneSection s="0"><left><lane id="1" type="driving"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></left>
<center><lane id="0" type="none"/></center><right>
<lane id="-1" type="driving"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>
<lane id="-2" type="driving"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right></laneSection></lanes>
<signals><signal name="limit" id="7" s="50" t="-12" orientation="+" dynamic="no" type="274" value="30" unit="km/h">
<validity fromLane="-1" toLane="-1"/></signal></signals></road></OpenDRIVE>"""
