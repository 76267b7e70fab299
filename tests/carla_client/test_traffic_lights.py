"""Traffic lights: their groups and phases, what clients can change, where vehicles stop, and who must obey them."""

from __future__ import annotations

import math
import queue
from collections.abc import Iterator

import carla
import numpy as np
import pytest

from tests.conftest import Process, synchronous, tidy

RED, YELLOW, GREEN = carla.TrafficLightState.Red, carla.TrafficLightState.Yellow, carla.TrafficLightState.Green


@pytest.fixture(scope="module")
def town(server: Process) -> Iterator[tuple[carla.Client, carla.World]]:
    client = server.client()
    world = client.load_world("Pilotage02")
    synchronous(world)
    yield client, world
    tidy(client)


@pytest.fixture
def downtown(town: tuple[carla.Client, carla.World]) -> Iterator[carla.World]:
    _, world = town
    world.reset_all_traffic_lights()
    world.freeze_all_traffic_lights(False)
    world.tick()
    yield world
    world.tick()
    for actor in world.get_actors().filter("vehicle.*"):
        actor.destroy()
    for light in lights(world):
        light.set_green_time(10.0)
        light.set_yellow_time(3.0)
        light.set_red_time(2.0)
    world.tick()


def lights(world: carla.World) -> list[carla.TrafficLight]:
    return list(world.get_actors().filter("traffic.traffic_light"))


def group(light: carla.TrafficLight) -> list[carla.TrafficLight]:
    return sorted(light.get_group_traffic_lights(), key=lambda member: member.get_pole_index())


def states(members: list[carla.TrafficLight]) -> list[carla.TrafficLightState]:
    return [member.get_state() for member in members]


def run(world: carla.World, seconds: float) -> None:
    for _ in range(round(seconds / 0.05)):
        world.tick()


def before(light: carla.TrafficLight, distance: float, lane: int = 0) -> carla.Transform:
    """A place on a lane `distance` metres before the light's stop line."""
    stop = light.get_affected_lane_waypoints()[lane]
    place = stop.previous(distance)[0].transform if distance > 0.0 else stop.next(-distance)[0].transform
    place.location.z += 0.05
    return place


def test_every_landmark_of_a_light_has_its_actor_at_its_place(downtown: carla.World) -> None:
    town = downtown.get_map()
    landmarks = [mark for mark in town.get_all_landmarks() if mark.type == "1000001"]
    assert len(landmarks) == len(lights(downtown)) == 20
    for mark in landmarks:
        actor = downtown.get_traffic_light(mark)
        assert actor.get_opendrive_id() == mark.id
        assert actor.get_location().distance(mark.transform.location) < 0.01
        assert downtown.get_traffic_light_from_opendrive_id(mark.id).id == actor.id
        assert list(actor.semantic_tags) == [7]


def test_a_group_is_one_junctions_lights_in_pole_order(downtown: carla.World) -> None:
    town = downtown.get_map()
    junctions = {w.junction_id: w.get_junction() for w in town.generate_waypoints(2.0) if w.is_junction}
    sizes = []
    for identifier in junctions:
        expected = {light.id for light in downtown.get_traffic_lights_in_junction(identifier)}
        sizes.append(len(expected))
        for light in downtown.get_traffic_lights_in_junction(identifier):
            assert {member.id for member in light.get_group_traffic_lights()} == expected
            assert [member.get_pole_index() for member in group(light)] == list(range(len(expected)))
    assert sorted(sizes) == [0, 0, 3, 3, 3, 3, 4, 4]


def test_controllers_take_turns_green_yellow_and_all_red(downtown: carla.World) -> None:
    members = group(lights(downtown)[0])
    count = len(members)
    seen = [states(members)]
    lasted = [0]
    for _ in range(round(count * 15.0 / 0.05)):
        downtown.tick()
        now = states(members)
        if now != seen[-1]:
            seen.append(now)
            lasted.append(0)
        lasted[-1] += 1
        assert sum(state != RED for state in now) <= 1
    expected = []
    for turn in range(count):
        for state in (GREEN, YELLOW, RED):
            expected.append([state if member == turn else RED for member in range(count)])
    assert seen[: 3 * count] == expected
    assert [round(ticks * 0.05) for ticks in lasted[1 : 3 * count]] == ([10, 3, 2] * count)[1:]


def test_elapsed_time_counts_from_the_last_change(downtown: carla.World) -> None:
    light = group(lights(downtown)[0])[0]
    run(downtown, 4.0)
    assert light.get_elapsed_time() == pytest.approx(4.05, abs=0.06)
    run(downtown, 8.0)
    assert light.get_state() == YELLOW
    assert light.get_elapsed_time() == pytest.approx(2.05, abs=0.06)


def test_times_are_set_per_controller_and_shown_in_the_snapshot(downtown: carla.World) -> None:
    first, second = group(lights(downtown)[0])[:2]
    first.set_green_time(1.0)
    first.set_yellow_time(0.5)
    first.set_red_time(0.25)
    downtown.tick()
    assert (first.get_green_time(), first.get_yellow_time(), first.get_red_time()) == (1.0, 0.5, 0.25)
    assert (second.get_green_time(), second.get_yellow_time(), second.get_red_time()) == (10.0, 3.0, 2.0)
    first.reset_group()
    run(downtown, 1.6)
    assert (first.get_state(), second.get_state()) == (RED, RED)
    run(downtown, 0.25)
    assert (first.get_state(), second.get_state()) == (RED, GREEN)


def test_a_state_set_by_hand_lasts_until_the_controllers_turn(downtown: carla.World) -> None:
    first, second = group(lights(downtown)[0])[:2]
    second.set_state(carla.TrafficLightState.Off)
    run(downtown, 12.0)
    assert (first.get_state(), second.get_state()) == (YELLOW, carla.TrafficLightState.Off)
    run(downtown, 4.0)
    assert second.get_state() == GREEN


def test_freezing_stops_the_clock_of_every_group(downtown: carla.World) -> None:
    light = group(lights(downtown)[0])[0]
    downtown.freeze_all_traffic_lights(True)
    before_ = light.get_elapsed_time()
    run(downtown, 12.0)
    assert all(member.is_frozen() for member in lights(downtown))
    assert (light.get_state(), light.get_elapsed_time()) == (GREEN, pytest.approx(before_))
    downtown.freeze_all_traffic_lights(False)
    run(downtown, 10.1)
    assert not light.is_frozen()
    assert light.get_state() == YELLOW


def test_reset_begins_the_cycle_again(downtown: carla.World) -> None:
    groups = {members[0].id: members for members in (group(light) for light in lights(downtown))}
    run(downtown, 17.0)
    one, *others = groups.values()
    one[0].reset_group()
    downtown.tick()
    assert states(one) == [GREEN] + [RED] * (len(one) - 1)
    assert all(states(members)[0] == RED for members in others)
    downtown.reset_all_traffic_lights()
    downtown.tick()
    assert all(states(members) == [GREEN] + [RED] * (len(members) - 1) for members in groups.values())


def test_stop_waypoints_are_one_per_lane_on_the_approach(downtown: carla.World) -> None:
    for light in lights(downtown):
        affected, stops = light.get_affected_lane_waypoints(), light.get_stop_waypoints()
        lanes = {(waypoint.road_id, waypoint.lane_id) for waypoint in affected}
        assert {(waypoint.road_id, waypoint.lane_id) for waypoint in stops} == lanes
        assert len(stops) == len(lanes) > 0
        for waypoint in stops:
            assert not waypoint.is_junction
            ahead = waypoint.next(15.0)[0]
            assert ahead.is_junction
            members = downtown.get_traffic_lights_in_junction(ahead.junction_id)
            assert light.id in {member.id for member in members}


def test_the_trigger_volume_lies_on_the_lanes_before_the_stop_line(downtown: carla.World) -> None:
    town = downtown.get_map()
    for light in lights(downtown):
        box, place = light.trigger_volume, light.get_transform()
        middle = place.transform(carla.Location(box.location.x, box.location.y, box.location.z - box.extent.z))
        waypoint = town.get_waypoint(middle)
        line = light.get_affected_lane_waypoints()[0]
        assert waypoint.road_id == line.road_id
        assert abs(waypoint.s - line.s) == pytest.approx(box.extent.y, abs=0.05)
        along = waypoint.transform.get_forward_vector()
        assert abs(along.dot(place.get_forward_vector())) < 0.01


def test_a_waypoint_before_a_junction_names_its_light(downtown: carla.World) -> None:
    for light in lights(downtown):
        waypoint = light.get_stop_waypoints()[0].previous(20.0)[0]
        assert [found.id for found in downtown.get_traffic_lights_from_waypoint(waypoint, 50.0)] == [light.id]


def test_light_boxes_are_where_the_heads_hang(downtown: carla.World) -> None:
    for light in lights(downtown):
        boxes = light.get_light_boxes()
        assert len(boxes) == 2
        for box in boxes:
            assert math.hypot(box.location.x - light.get_location().x, box.location.y - light.get_location().y) < 16.0
            assert box.extent.z > box.extent.x
        assert max(box.location.z for box in boxes) > 4.9


def test_lights_cannot_be_destroyed_or_moved(downtown: carla.World) -> None:
    light = lights(downtown)[0]
    place = light.get_location()
    assert light.destroy() is False
    light.set_location(carla.Location(1.0, 2.0, 3.0))
    downtown.tick()
    assert light.id in {actor.id for actor in downtown.get_actors()}
    assert light.get_location() == place


def _picture(world: carla.World, kind: str, place: carla.Transform) -> np.ndarray:
    """RGB (600, 800, 3) of one camera at `place`."""
    blueprint = world.get_blueprint_library().find(f"sensor.camera.{kind}")
    camera = world.spawn_actor(blueprint, place)
    pictures: queue.Queue[carla.Image] = queue.Queue()
    camera.listen(pictures.put)
    world.tick()
    image = pictures.get(timeout=10.0)
    camera.stop()
    camera.destroy()
    return np.frombuffer(image.raw_data, np.uint8).reshape(600, 800, 4)[..., 2::-1].astype(int)


def test_cameras_see_the_heads_in_the_colour_of_their_state(downtown: carla.World) -> None:
    downtown.freeze_all_traffic_lights(True)
    light = lights(downtown)[0]
    place = before(light, 8.0)
    place.location.z += 2.0
    right, forward = place.get_right_vector(), place.get_forward_vector()
    columns, rows = [], []
    for box in light.get_light_boxes():
        offset = box.location - place.location
        scale = 400.0 / offset.dot(forward)  # 800 pixels at 90 degrees
        columns.append(round(400.0 + scale * offset.dot(right)))
        rows.append([round(300.0 - scale * (offset.z + up * box.extent.z)) for up in (0.6, 0.0, -0.6)])
    semantic = _picture(downtown, "semantic_segmentation", place)
    instance = _picture(downtown, "instance_segmentation", place)
    for column, (_, middle, _) in zip(columns, rows):
        assert semantic[middle, column, 0] == 7
        assert instance[middle, column, 1] + 256 * instance[middle, column, 2] == light.id & 0xFFFF
    for state, lamp in ((RED, 0), (YELLOW, 1), (GREEN, 2), (carla.TrafficLightState.Off, None)):
        light.set_state(state)
        downtown.tick()
        rgb = _picture(downtown, "rgb", place)
        for column, heights in zip(columns, rows):
            shine = [rgb[row - 1 : row + 2, column - 1 : column + 2].max() for row in heights]
            assert [value > 180 for value in shine] == [number == lamp for number in range(3)]
            if lamp is not None:
                color = rgb[heights[lamp], column]
                assert (color[0] > 150, color[1] > 150) == {0: (True, False), 1: (True, True), 2: (False, True)}[lamp]


def test_a_light_holds_only_vehicles_before_its_line_while_it_is_not_green(downtown: carla.World) -> None:
    downtown.freeze_all_traffic_lights(True)
    light = next(light for light in lights(downtown) if len(light.get_affected_lane_waypoints()) == 2)
    light.set_state(RED)
    library = downtown.get_blueprint_library()
    half = 2.4
    places = {"at": before(light, 2.0 + half), "beside": before(light, 2.0 + half, 1), "far": before(light, 16.0)}
    cars = {name: downtown.spawn_actor(library.find("vehicle.tesla.model3"), at) for name, at in places.items()}
    run(downtown, 0.2)
    held = {name: car.is_at_traffic_light() for name, car in cars.items()}
    assert held == {"at": True, "beside": True, "far": False}
    for name in ("at", "beside"):
        assert cars[name].get_traffic_light().id == light.id
        assert cars[name].get_traffic_light_state() == RED
    assert cars["far"].get_traffic_light() is None
    assert cars["far"].get_traffic_light_state() == GREEN
    light.set_state(YELLOW)
    downtown.tick()
    assert cars["at"].get_traffic_light_state() == YELLOW
    light.set_state(GREEN)
    downtown.tick()
    assert not cars["at"].is_at_traffic_light()
    assert cars["at"].get_traffic_light_state() == GREEN


def test_a_vehicle_that_leaves_the_junction_is_not_held_by_the_light_beside_it(downtown: carla.World) -> None:
    downtown.freeze_all_traffic_lights(True)
    light = lights(downtown)[0]
    light.set_state(RED)
    place = before(light, 4.0)
    place.rotation.yaw += 180.0
    car = downtown.spawn_actor(downtown.get_blueprint_library().find("vehicle.tesla.model3"), place)
    run(downtown, 0.2)
    assert not car.is_at_traffic_light()


def test_a_vehicle_that_was_over_the_line_before_red_goes_on_but_one_that_slid_over_it_stays_held(
    downtown: carla.World,
) -> None:
    downtown.freeze_all_traffic_lights(True)
    light = lights(downtown)[0]
    light.set_state(GREEN)
    line = light.get_affected_lane_waypoints()[0].transform
    half = 2.4
    car = downtown.spawn_actor(downtown.get_blueprint_library().find("vehicle.tesla.model3"), before(light, half - 1.0))
    run(downtown, 0.2)
    light.set_state(RED)
    downtown.tick()
    assert not car.is_at_traffic_light()
    car.set_transform(before(light, half + 1.0))
    downtown.tick()
    assert car.is_at_traffic_light()
    car.set_transform(before(light, half - 1.0))
    downtown.tick()
    assert car.is_at_traffic_light()
    line.location += 8.0 * line.get_forward_vector()
    car.set_transform(line)
    downtown.tick()
    assert not car.is_at_traffic_light()


def _phases(client: carla.Client) -> list[dict[float, list[tuple[str, float]]]]:
    """Of two episodes one after the other: every light's colour and elapsed time at each time."""
    synchronous(client.get_world())
    seen = []
    for _ in range(2):
        world = client.load_world("Pilotage02", reset_settings=False)
        history = {}
        for _ in range(400):
            world.tick()
            time = round(world.get_snapshot().timestamp.elapsed_seconds, 3)
            history[time] = [(str(light.get_state()), light.get_elapsed_time()) for light in lights(world)]
        seen.append(history)
    return seen


def test_phases_are_the_same_after_every_load(in_child) -> None:
    first, second = in_child(_phases)
    common = sorted(first.keys() & second.keys())
    assert len(common) > 380
    assert all(first[time] == second[time] for time in common)
