"""Thirty vehicles of CARLA's Traffic Manager in the downtown obey its lights and keep their distance."""

from __future__ import annotations

from typing import Any

import carla
import numpy as np

from tests.client_process import free_port

VEHICLES, TICKS = 30, 1200
STANDING_MS, CAR_LENGTH_M = 0.2, 4.8


def _drive(client: carla.Client) -> dict[str, Any]:
    """A minute of traffic: what crossed which stop line at which colour, and how near vehicles came."""
    world = client.load_world("Pilotage02")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    manager = client.get_trafficmanager(free_port())
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(1)
    points = world.get_map().get_spawn_points()
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    follow = carla.command.SetAutopilot(carla.command.FutureActor, True, manager.get_port())
    chosen = points[:: len(points) // VEHICLES][:VEHICLES]
    results = client.apply_batch_sync([carla.command.SpawnActor(blueprint, p).then(follow) for p in chosen], True)
    vehicles = list(world.get_actors([result.actor_id for result in results]))
    lights = list(world.get_actors().filter("traffic.traffic_light"))
    owners, lines, along = [], [], []
    for number, light in enumerate(lights):
        for waypoint in light.get_affected_lane_waypoints():
            place, forward = waypoint.transform.location, waypoint.transform.get_forward_vector()
            owners.append(number)
            lines.append((place.x, place.y))
            along.append((forward.x, forward.y))
    across = np.array(along)[:, ::-1] * (-1.0, 1.0)
    crossed: list[str] = []
    before = np.ones((len(vehicles), len(lines)))
    seen: dict[str, Any] = {"stood": 0, "behind": 1e9, "nearest": 1e9, "limits": set()}
    moved = np.zeros(len(vehicles))
    for _ in range(TICKS):
        world.tick()
        snapshot = world.get_snapshot()
        shown = [snapshot.find(vehicle.id) for vehicle in vehicles]
        at = np.array([(s.get_transform().location.x, s.get_transform().location.y) for s in shown])
        yaw = np.radians([s.get_transform().rotation.yaw for s in shown])
        forward = np.stack([np.cos(yaw), np.sin(yaw)], axis=1)
        speed = np.array([s.get_velocity().length() for s in shown])
        states = [str(light.get_state()) for light in lights]
        moved += 0.05 * speed
        seen["limits"].update(vehicle.get_speed_limit() for vehicle in vehicles)

        offset = at[:, None] - np.array(lines)[None]
        past, beside = (offset * np.array(along)).sum(-1), (offset * across).sum(-1)
        lane = (np.abs(past) < 10.0) & (np.abs(beside) < 1.7) & (forward @ np.array(along).T > 0.7)
        red = np.array([states[owner] == "Red" for owner in owners])
        crossed += [states[owners[line]] for _, line in np.argwhere(lane & (before < 0.0) & (past >= 0.0))]
        before = np.where(lane, past, 1.0)
        seen["stood"] += int((lane & red & (speed < STANDING_MS)[:, None]).sum())

        gap = at[None] - at[:, None]
        distance = np.hypot(gap[..., 0], gap[..., 1]) + 1e9 * np.eye(len(at))
        ahead = (gap * forward[:, None]).sum(-1)
        aside = np.sqrt(np.maximum(distance**2 - ahead**2, 0.0))
        follows = (ahead > 0.0) & (aside < 1.0) & (forward @ forward.T > 0.7)
        seen["behind"] = min(seen["behind"], float(np.where(follows, ahead, 1e9).min()))
        seen["nearest"] = min(seen["nearest"], float(distance.min()))
    errors = [result.error for result in results if result.error]
    return {**seen, "crossed": crossed, "moved": moved.tolist(), "errors": errors}


def test_traffic_stops_at_red_goes_at_green_and_keeps_its_distance(in_child) -> None:
    seen = in_child(_drive, deadline_s=60.0)
    assert seen["errors"] == []
    assert len(seen["crossed"]) >= 20
    assert "Red" not in seen["crossed"]
    assert seen["crossed"].count("Green") >= 15
    assert seen["stood"] > 1000
    assert seen["behind"] > CAR_LENGTH_M
    assert seen["nearest"] > 2.5  # cars pass each other in lanes 3.5 m apart
    assert sum(moved > 20.0 for moved in seen["moved"]) >= 28
    assert seen["limits"] == {30.0, 50.0}
