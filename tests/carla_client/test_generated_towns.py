"""The wheel's Traffic Manager in towns by seed."""

from __future__ import annotations

import math

import carla
import pytest

CARS = ("vehicle.tesla.model3", "vehicle.audi.tt", "vehicle.mini.cooper_s", "vehicle.nissan.micra")


@pytest.mark.parametrize(("town", "seconds"), [("Suburb-train-0007", 10)])
def test_traffic_keeps_moving_and_stays_on_the_lanes(client, town, seconds):
    world = client.load_world(town)
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    road_map, points = world.get_map(), world.get_map().get_spawn_points()
    assert road_map.name.endswith(town)
    traffic = client.get_trafficmanager(8123)
    traffic.set_synchronous_mode(True)
    traffic.set_random_device_seed(1)
    library = world.get_blueprint_library()
    cars = [
        world.spawn_actor(library.find(CARS[n % len(CARS)]), point)
        for n, point in enumerate(points[:: len(points) // 30][:30])
    ]
    world.tick()
    for car in cars:
        car.set_autopilot(True, 8123)
    travelled, places = [0.0] * len(cars), [car.get_location() for car in cars]
    for tick in range(20 * seconds):
        world.tick()
        for n, car in enumerate(cars):
            place = car.get_location()
            travelled[n] += place.distance(places[n])
            places[n] = place
            if tick % 10 == 9:
                lane = road_map.get_waypoint(place, lane_type=carla.LaneType.Driving).transform.location
                # A lane is 3.5 m wide and has a shoulder: the car's middle is never past its lane's shoulder.
                assert math.hypot(lane.x - place.x, lane.y - place.y) < 2.55, (car.type_id, place)
    for car in cars:
        car.set_autopilot(False, 8123)
    world.tick()
    traffic.set_synchronous_mode(False)
    assert sum(travelled) / len(travelled) > 3.0 * seconds
