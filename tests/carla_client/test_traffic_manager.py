"""CARLA's Traffic Manager, which lives in the client, drives vehicles of this server."""

from __future__ import annotations

import os

import carla
import pytest

from tests.client_process import free_port


def _traffic(client: carla.Client, count: int, ticks: int) -> dict[str, object]:
    world = client.get_world()
    manager = client.get_trafficmanager(free_port())
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(1)
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    points = world.get_map().get_spawn_points()
    points = points[:: len(points) // count][:count]
    spawn = carla.command.SpawnActor
    commands = [
        spawn(blueprint, point).then(carla.command.SetAutopilot(carla.command.FutureActor, True, manager.get_port()))
        for point in points
    ]
    results = client.apply_batch_sync(commands, True)
    vehicles = world.get_actors([result.actor_id for result in results if not result.error])
    start = {vehicle.id: vehicle.get_location() for vehicle in vehicles}
    for _ in range(ticks):
        world.tick()
    moved = [vehicle.get_location().distance(start[vehicle.id]) for vehicle in vehicles]
    town = world.get_map()
    off = [town.get_waypoint(v.get_location(), False, carla.LaneType.Driving) is None for v in vehicles]
    return {"pid": os.getpid(), "errors": [r.error for r in results], "moved": moved, "off_road": sum(off)}


def test_traffic_manager_drives_vehicles_along_the_lanes(in_child):
    result = in_child(_traffic, 6, 200, deadline_s=40.0)
    assert result["errors"] == [""] * 6
    assert min(result["moved"]) > 5.0
    assert result["off_road"] == 0


def _fail(client: carla.Client) -> None:
    raise RuntimeError(f"version {client.get_server_version()}")


def test_an_error_in_a_client_process_fails_the_test_that_started_it(in_child):
    with pytest.raises(AssertionError, match=r"version 0\.9\.16"):
        in_child(_fail)
