"""Thirty vehicles of CARLA's Traffic Manager in the downtown obey its lights and keep their distance."""

from __future__ import annotations

import math
import os
from typing import Any

import carla

VEHICLES, TICKS = 30, 1200
STANDING_MS, CAR_LENGTH_M = 0.2, 4.8


def _drive(client: carla.Client) -> dict[str, Any]:
    """A minute of traffic: what crossed which stop line at which colour, and how near vehicles came."""
    world = client.load_world("Pilotage02")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    manager = client.get_trafficmanager(20000 + os.getpid() % 20000)
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(1)
    points = world.get_map().get_spawn_points()
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    follow = carla.command.SetAutopilot(carla.command.FutureActor, True, manager.get_port())
    chosen = points[:: len(points) // VEHICLES][:VEHICLES]
    results = client.apply_batch_sync([carla.command.SpawnActor(blueprint, p).then(follow) for p in chosen], True)
    vehicles = list(world.get_actors([result.actor_id for result in results]))
    lights = {light.id: light for light in world.get_actors().filter("traffic.traffic_light")}
    lines = [
        (light, waypoint.transform.location, waypoint.transform.get_forward_vector())
        for light in lights.values()
        for waypoint in light.get_affected_lane_waypoints()
    ]
    seen: dict[str, Any] = {"crossed": [], "stood": 0, "distance": 1e9, "moved": {}, "limits": set()}
    before: dict[tuple[int, int], float] = {}
    for _ in range(TICKS):
        world.tick()
        places = {vehicle.id: vehicle.get_transform() for vehicle in vehicles}
        states = {identifier: light.get_state() for identifier, light in lights.items()}
        for vehicle in vehicles:
            at, forward = places[vehicle.id].location, places[vehicle.id].get_forward_vector()
            speed = vehicle.get_velocity().length()
            seen["moved"][vehicle.id] = seen["moved"].get(vehicle.id, 0.0) + 0.05 * speed
            seen["limits"].add(vehicle.get_speed_limit())
            for number, (light, line, along) in enumerate(lines):
                dx, dy = at.x - line.x, at.y - line.y
                past, beside = dx * along.x + dy * along.y, dy * along.x - dx * along.y
                if abs(past) > 10.0 or abs(beside) > 1.7 or forward.dot(along) < 0.7:
                    before.pop((vehicle.id, number), None)
                    continue
                if before.get((vehicle.id, number), 1.0) < 0.0 <= past:
                    seen["crossed"].append(str(states[light.id]))
                before[vehicle.id, number] = past
                seen["stood"] += speed < STANDING_MS and states[light.id] == carla.TrafficLightState.Red
        positions = list(places.values())
        for number, first in enumerate(positions):
            for second in positions[number + 1 :]:
                gap = second.location - first.location
                direction = first.get_forward_vector()
                along, across = abs(gap.dot(direction)), abs(gap.x * direction.y - gap.y * direction.x)
                # In one lane, one behind the other.
                if across < 1.0 and direction.dot(second.get_forward_vector()) > 0.7:
                    seen["distance"] = min(seen["distance"], along)
                seen.setdefault("nearest", 1e9)
                seen["nearest"] = min(seen["nearest"], math.hypot(gap.x, gap.y))
    seen["errors"] = [result.error for result in results if result.error]
    return seen


def test_traffic_stops_at_red_goes_at_green_and_keeps_its_distance(in_child) -> None:
    seen = in_child(_drive, deadline_s=60.0)
    assert seen["errors"] == []
    assert len(seen["crossed"]) >= 20
    assert "Red" not in seen["crossed"]
    assert seen["crossed"].count("Green") >= 15
    assert seen["stood"] > 1000
    assert seen["distance"] > CAR_LENGTH_M
    assert seen["nearest"] > 2.5  # cars pass each other in lanes 3.5 m apart
    assert sum(moved > 20.0 for moved in seen["moved"].values()) >= 28
    assert seen["limits"] == {30.0, 50.0}
