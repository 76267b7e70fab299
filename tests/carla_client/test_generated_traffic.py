"""Two minutes of town traffic, as CARLA's generate_traffic makes it: vehicles of the Traffic Manager and AI walkers."""

from __future__ import annotations

import random
from typing import Any

import carla
import numpy as np
import pytest

from tests.client_process import free_port

TOWN = "Pilotage02"
VEHICLES, WALKERS = 20, 20
LONGEST = ("vehicle.mitsubishi.fusorosa", "vehicle.carlamotors.european_hgv", "vehicle.carlamotors.firetruck")


def _spawn_vehicles(client: carla.Client, manager: carla.TrafficManager, draw: random.Random) -> list[carla.Actor]:
    world = client.get_world()
    blueprints = [entry for entry in world.get_blueprint_library().filter("vehicle.*") if entry.id not in LONGEST]
    points = world.get_map().get_spawn_points()
    draw.shuffle(points)
    commands = []
    for point in points[:VEHICLES]:
        blueprint = draw.choice(blueprints)
        for name in ("color", "driver_id"):
            if blueprint.has_attribute(name):
                blueprint.set_attribute(name, draw.choice(blueprint.get_attribute(name).recommended_values))
        blueprint.set_attribute("role_name", "autopilot")
        autopilot = carla.command.SetAutopilot(carla.command.FutureActor, True, manager.get_port())
        commands.append(carla.command.SpawnActor(blueprint, point).then(autopilot))
    responses = client.apply_batch_sync(commands, True)
    assert [response.error for response in responses] == [""] * VEHICLES
    vehicles = list(world.get_actors([response.actor_id for response in responses]))
    for vehicle in vehicles:
        manager.update_vehicle_lights(vehicle, True)
    return vehicles


def _spawn_walkers(client: carla.Client, draw: random.Random) -> tuple[list[carla.Actor], list[carla.Actor]]:
    world = client.get_world()
    library = world.get_blueprint_library()
    world.set_pedestrians_seed(5)
    world.set_pedestrians_cross_factor(0.2)
    walkers: list[carla.Actor] = []
    speeds = []
    while len(walkers) < WALKERS:
        place = world.get_random_location_from_navigation()
        assert place is not None
        blueprint = draw.choice(library.filter("walker.pedestrian.*"))
        if blueprint.has_attribute("is_invincible"):
            blueprint.set_attribute("is_invincible", "false")
        walker = world.try_spawn_actor(blueprint, carla.Transform(place))
        if walker is not None:
            walkers.append(walker)
            speeds.append(float(blueprint.get_attribute("speed").recommended_values[1]))
    mind = library.find("controller.ai.walker")
    commands = [carla.command.SpawnActor(mind, carla.Transform(), walker) for walker in walkers]
    responses = client.apply_batch_sync(commands, True)
    assert [response.error for response in responses] == [""] * WALKERS
    controllers = list(world.get_actors([response.actor_id for response in responses]))
    world.tick()
    for controller, speed in zip(controllers, speeds):
        controller.start()
        controller.go_to_location(world.get_random_location_from_navigation())
        controller.set_max_speed(speed)
    return walkers, controllers


def _traffic(client: carla.Client, ticks: int) -> dict[str, Any]:
    draw = random.Random(9)
    world = client.load_world(TOWN)
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    manager = client.get_trafficmanager(free_port())
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(4)
    manager.set_global_distance_to_leading_vehicle(2.5)
    vehicles = _spawn_vehicles(client, manager, draw)
    walkers, controllers = _spawn_walkers(client, draw)
    town = world.get_map()
    reds = passed_red = 0
    near: set[int] = set()
    came_on_red: dict[int, carla.TrafficLight] = {}
    driven, walked = np.zeros(VEHICLES), np.zeros(WALKERS)
    where = [actor.get_location() for actor in (*vehicles, *walkers)]
    for _ in range(ticks):
        world.tick()
        now = [actor.get_location() for actor in (*vehicles, *walkers)]
        moved = np.array([a.distance_2d(b) for a, b in zip(now, where)])
        driven += moved[:VEHICLES]
        walked += moved[VEHICLES:]
        where = now
        for vehicle in vehicles:
            light = vehicle.get_traffic_light() if vehicle.is_at_traffic_light() else None
            red = light is not None and light.state == carla.TrafficLightState.Red
            reds += red
            if light is None and vehicle.id in came_on_red:
                # No light holds it any more: it may be on its way because its light has turned.
                still_red = came_on_red.pop(vehicle.id).state == carla.TrafficLightState.Red
                passed_red += still_red and vehicle.get_velocity().length() > 3.0
            elif red and vehicle.id not in near:
                came_on_red[vehicle.id] = light
            elif not red:
                came_on_red.pop(vehicle.id, None)
            (near.add if light is not None else near.discard)(vehicle.id)
    off = [town.get_waypoint(vehicle.get_location(), False, carla.LaneType.Driving) is None for vehicle in vehicles]
    result = {
        "driven": driven.tolist(),
        "walked": walked.tolist(),
        "held_by_red": int(reds),
        "passed_red": int(passed_red),
        "off_road": sum(off),
        "alive": len(world.get_actors().filter("vehicle.*")),
        "lights_on": any(vehicle.get_light_state() != carla.VehicleLightState.NONE for vehicle in vehicles),
    }
    for controller in controllers:
        controller.stop()
    client.apply_batch_sync([carla.command.DestroyActor(actor) for actor in (*vehicles, *controllers, *walkers)], True)
    result["left"] = len(world.get_actors().filter("vehicle.*")) + len(world.get_actors().filter("walker.*"))
    manager.shut_down()
    return result


@pytest.mark.timeout(600)
@pytest.mark.parametrize("ticks", [400, pytest.param(2400, marks=pytest.mark.slow)])
def test_town_is_full_of_traffic_that_moves_and_the_server_has_nothing_to_complain_about(
    start_server, in_child, tmp_path, ticks
):
    log = tmp_path / "server.log"
    with log.open("w") as file:
        process = start_server(log=file)
        result = in_child(_traffic, ticks, deadline_s=60.0 + ticks / 8.0, on=process)
    seconds = ticks * 0.05
    assert result["alive"] == VEHICLES
    assert np.median(result["driven"]) > 2.0 * seconds
    assert sum(way < 1.0 for way in result["driven"]) <= 2
    assert np.median(result["walked"]) > 0.5 * seconds
    assert result["off_road"] == 0
    assert result["held_by_red"] > 0
    assert result["passed_red"] == 0
    assert result["left"] == 0
    assert log.read_text() == ""
