"""A minute of the wheel's Traffic Manager in a town of every style: nobody is stuck, nobody leaves the road."""

from __future__ import annotations

import math
from typing import Any

import carla
import numpy as np
import pytest

from sim.maps.generator import STYLES, town_name
from tests.client_process import free_port

CARS = ("vehicle.tesla.model3", "vehicle.audi.tt", "vehicle.mini.cooper_s", "vehicle.nissan.micra")
VEHICLES = 30
HZ = 20
STANDS_M = 0.5  # who moves less stands still
# s that a vehicle may wait for others where no light tells it to: a stop sign, a full roundabout.
GIVE_WAY_S = 25.0
DISCHARGE_S = 8.0  # s from green until the last of a queue that one green lets through moves


def _start(client: carla.Client, town: str) -> tuple[carla.World, carla.TrafficManager, list[carla.Actor]]:
    world = client.load_world(town)
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 1.0 / HZ
    world.apply_settings(settings)
    points, library = world.get_map().get_spawn_points(), world.get_blueprint_library()
    manager = client.get_trafficmanager(free_port())
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(1)
    chosen = points[:: len(points) // VEHICLES][:VEHICLES]
    cars = [world.spawn_actor(library.find(CARS[n % len(CARS)]), point) for n, point in enumerate(chosen)]
    world.tick()
    for car in cars:
        car.set_autopilot(True, manager.get_port())
    return world, manager, cars


def _longest_red_s(world: carla.World) -> float:
    """s from a light's yellow to its next green, of the junction where that is longest; 0 without lights."""
    waits = [0.0]
    for light in world.get_actors().filter("traffic.traffic_light"):
        cycle = light.get_green_time() + light.get_yellow_time() + light.get_red_time()
        waits.append(len(light.get_group_traffic_lights()) * cycle - light.get_green_time())
    return max(waits)


def _drive(client: carla.Client, town: str, seconds: int) -> dict[str, Any]:
    world, manager, cars = _start(client, town)
    road_map = world.get_map()
    travelled, held = np.zeros(VEHICLES), np.zeros(VEHICLES)
    where = [car.get_location() for car in cars]
    anchor, since = list(where), np.zeros(VEHICLES)
    off: list[tuple[str, float, float]] = []
    longest: list[tuple[float, float, float, float]] = [(0.0, 0.0, 0.0, 0.0)] * VEHICLES
    for tick in range(HZ * seconds):
        world.tick()
        for n, car in enumerate(cars):
            place = car.get_location()
            travelled[n] += place.distance(where[n])
            where[n] = place
            if place.distance(anchor[n]) > STANDS_M:
                anchor[n], since[n], held[n] = place, tick, 0.0
            else:
                held[n] += car.is_at_traffic_light() / HZ
            longest[n] = max(longest[n], ((tick - since[n]) / HZ, held[n], place.x, place.y))
            if tick % 10 == 9:
                lane = road_map.get_waypoint(place, lane_type=carla.LaneType.Driving).transform.location
                # A lane is 3.5 m wide and has a shoulder: the car's middle is never past its lane's shoulder.
                if math.hypot(lane.x - place.x, lane.y - place.y) > 2.55:
                    off.append((car.type_id, place.x, place.y))
    result = {
        "travelled": travelled.tolist(),
        "stood": sorted(longest, reverse=True)[:5],
        "off": off[:5],
        "alive": len(world.get_actors().filter("vehicle.*")),
        "red": _longest_red_s(world),
    }
    manager.shut_down()
    return result


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("style", sorted(STYLES))
def test_nobody_is_stuck_or_off_the_road_in_a_minute_of_traffic(start_server, in_child, style):
    # Long enough that who misses a whole round of a crossing's lights is found out.
    seconds = 100 if style == "Grid" else 60
    server = start_server()
    result = in_child(_drive, town_name(style, "train", 7), seconds, deadline_s=400.0, attempts=2, on=server)
    print(result)
    assert result["alive"] == VEHICLES
    assert result["off"] == []
    assert (result["red"] > 0) == (style == "Grid")
    limit = max(GIVE_WAY_S, result["red"] + DISCHARGE_S)
    assert limit < 0.7 * seconds
    assert result["stood"][0][0] <= limit, result["stood"]
    assert np.median(result["travelled"]) > 3.0 * seconds
    assert min(result["travelled"]) > 10.0, sorted(result["travelled"])[:5]
