"""The wheel's Traffic Manager in towns by seed."""

from __future__ import annotations

import math
from typing import Any

import carla
import pytest

from tests.client_process import free_port

CARS = ("vehicle.tesla.model3", "vehicle.audi.tt", "vehicle.mini.cooper_s", "vehicle.nissan.micra")


def _traffic(client: carla.Client, town: str, seconds: int) -> dict[str, Any]:
    world = client.load_world(town)
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    road_map, points = world.get_map(), world.get_map().get_spawn_points()
    traffic = client.get_trafficmanager(free_port())
    traffic.set_synchronous_mode(True)
    traffic.set_random_device_seed(1)
    library = world.get_blueprint_library()
    cars = [
        world.spawn_actor(library.find(CARS[n % len(CARS)]), point)
        for n, point in enumerate(points[:: len(points) // 30][:30])
    ]
    world.tick()
    for car in cars:
        car.set_autopilot(True, traffic.get_port())
    travelled, places, beside = [0.0] * len(cars), [car.get_location() for car in cars], 0.0
    for tick in range(20 * seconds):
        world.tick()
        for n, car in enumerate(cars):
            place = car.get_location()
            travelled[n] += place.distance(places[n])
            places[n] = place
            if tick % 10 == 9:
                lane = road_map.get_waypoint(place, lane_type=carla.LaneType.Driving).transform.location
                beside = max(beside, math.hypot(lane.x - place.x, lane.y - place.y))
    result = {"map": road_map.name, "travelled": travelled, "beside": beside}
    traffic.shut_down()
    return result


@pytest.mark.parametrize(("town", "seconds"), [("Suburb-train-0007", 10)])
def test_traffic_keeps_moving_and_stays_on_the_lanes(in_child, town, seconds):
    result = in_child(_traffic, town, seconds, deadline_s=120.0)
    assert result["map"].endswith(town)
    # A lane is 3.5 m wide and has a shoulder: the car's middle is never past its lane's shoulder.
    assert result["beside"] < 2.55
    assert sum(result["travelled"]) / len(result["travelled"]) > 3.0 * seconds


def test_cars_in_parking_lanes_are_objects_that_rays_and_vehicles_meet(client):
    world = client.load_world("Pilotage02")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    road_map, library = world.get_map(), world.get_blueprint_library()
    boxes = [thing.bounding_box for thing in world.get_environment_objects(carla.CityObjectLabel.Car)]
    parked = [box for box in boxes if road_map.get_waypoint(box.location, False, carla.LaneType.Parking) is not None]
    assert len(parked) > 10
    assert len(world.get_level_bbs(carla.CityObjectLabel.Car)) == len(boxes)
    # From the lane beside it, across the street: the first thing that a ray or a bumper meets is the parked car.
    box = parked[0]
    lane = road_map.get_waypoint(box.location, True, carla.LaneType.Driving).transform
    aside = box.location - lane.location
    aside = carla.Location(aside.x, aside.y) / math.hypot(aside.x, aside.y)
    start = carla.Location(lane.location.x, lane.location.y, box.location.z) - 2.5 * aside
    hit = world.cast_ray(start, start + 20.0 * aside)[0]
    assert hit.label == carla.CityObjectLabel.Car
    across = math.hypot(*(getattr(box.location - hit.location, axis) for axis in "xy"))
    assert across == pytest.approx(box.extent.y, abs=0.35)
    yaw = math.degrees(math.atan2(aside.y, aside.x))
    place = carla.Transform(carla.Location(start.x, start.y, 0.3), carla.Rotation(yaw=yaw))
    car = world.spawn_actor(library.find("vehicle.nissan.micra"), place)
    sensor = world.spawn_actor(library.find("sensor.other.collision"), carla.Transform(), attach_to=car)
    events: list[carla.CollisionEvent] = []
    sensor.listen(events.append)
    for _ in range(40):
        car.apply_control(carla.VehicleControl(throttle=0.8))
        world.tick()
    sensor.stop()
    assert {event.other_actor.type_id for event in events} == {"static.car"}
    # It stands there as before: the car has pushed against what does not move.
    assert math.hypot(*(getattr(car.get_location() - box.location, axis) for axis in "xy")) > box.extent.y + 1.0
