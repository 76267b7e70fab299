"""A client alone plans a route over the map and drives it: topology, waypoints, controls and physics work together."""

from __future__ import annotations

import heapq
import math

import carla
import pytest

STEP_M = 2.0
LOOK_AHEAD_M = 6.0
CRUISE_MPS = 7.0


def _plan(town: carla.Map, start: carla.Waypoint, goal: carla.Waypoint) -> list[carla.Waypoint]:
    """Waypoints every 2 m along the shortest way over the topology's segments, from `start` to `goal`."""
    segments = [_sample(begin, end) for begin, end in town.get_topology()]
    after: dict[tuple[float, float], list[int]] = {}
    for index, segment in enumerate(segments):
        after.setdefault(_corner(segment[0]), []).append(index)
    first = [i for i, segment in enumerate(segments) if any(_same_place(w, start) for w in segment)]
    last = {i for i, segment in enumerate(segments) if any(_same_place(w, goal) for w in segment)}
    queue = [(0.0, i, [i]) for i in first]
    done: set[int] = set()
    while queue:
        length, index, path = heapq.heappop(queue)
        if index in last and (len(path) > 1 or index not in first):
            route = [waypoint for i in path for waypoint in segments[i]]
            begin = next(i for i, w in enumerate(route) if _same_place(w, start))
            end = max(i for i, w in enumerate(route) if _same_place(w, goal))
            return route[begin : end + 1]
        if index in done:
            continue
        done.add(index)
        for neighbour in after.get(_corner(segments[index][-1]), []):
            if neighbour not in done:
                heapq.heappush(queue, (length + STEP_M * len(segments[neighbour]), neighbour, [*path, neighbour]))
    raise AssertionError("the topology has no way from start to goal")


def _sample(begin: carla.Waypoint, end: carla.Waypoint) -> list[carla.Waypoint]:
    """A segment of the topology; `end` is where the next segments begin."""
    points = [begin]
    while points[-1].transform.location.distance(end.transform.location) > 1.5 * STEP_M:
        following = [w for w in points[-1].next(STEP_M) if w.road_id == begin.road_id]
        if not following:
            break
        points.append(following[0])
    return [*points, end]


def _corner(waypoint: carla.Waypoint) -> tuple[float, float]:
    location = waypoint.transform.location
    return round(location.x, 0), round(location.y, 0)


def _lane(waypoint: carla.Waypoint) -> tuple[int, int, int]:
    return waypoint.road_id, waypoint.section_id, waypoint.lane_id


def _same_place(one: carla.Waypoint, other: carla.Waypoint) -> bool:
    return _lane(one) == _lane(other) and abs(one.s - other.s) < 1.5 * STEP_M


def _steer(vehicle: carla.Vehicle, target: carla.Location, wheelbase: float, lock: float) -> float:
    """Pure pursuit: the arc through the target, as a share of the steering lock (rad)."""
    local = target - vehicle.get_location()
    pose = vehicle.get_transform()
    forward, right = pose.get_forward_vector(), pose.get_right_vector()
    ahead = local.x * forward.x + local.y * forward.y
    aside = local.x * right.x + local.y * right.y
    curvature = 2.0 * aside / max(1.0, ahead**2 + aside**2)
    return max(-1.0, min(1.0, math.atan(wheelbase * curvature) / lock))


@pytest.mark.parametrize("turn", ["straight on", "through a junction"])
def test_a_planned_route_is_driven_to_its_end_within_its_lane(world, stage, turn):
    town = world.get_map()
    route: list[carla.Waypoint] = []
    for point in town.get_spawn_points():
        start = town.get_waypoint(point.location)
        options = start.next(160.0)
        goal = options[-1] if options else None
        if goal is None or goal.is_junction or start.is_junction:
            continue
        angle = abs((goal.transform.rotation.yaw - start.transform.rotation.yaw + 180.0) % 360.0 - 180.0)
        crosses = goal.road_id != start.road_id
        if (turn == "straight on" and angle < 5.0) or (turn != "straight on" and crosses and 60.0 < angle < 120.0):
            route = _plan(town, start, goal)
            break
    assert 140.0 < STEP_M * len(route) < 600.0
    places = [waypoint.transform.location for waypoint in route]
    pose = route[0].transform
    pose.location.z += 0.3
    vehicle = world.spawn_actor(stage.library.find("vehicle.tesla.model3"), pose)
    collisions: list[carla.CollisionEvent] = []
    sensor = world.spawn_actor(stage.library.find("sensor.other.collision"), carla.Transform(), attach_to=vehicle)
    sensor.listen(collisions.append)
    stage.ticks(10)
    wheels = vehicle.get_physics_control().wheels
    wheelbase = wheels[0].position.distance(wheels[2].position) / 100.0
    lock = math.radians(max(wheel.max_steer_angle for wheel in wheels))
    reached, widest, integral = 0, 0.0, 0.0
    for _ in range(int(STEP_M * len(route) / CRUISE_MPS / 0.05 * 2.5)):
        here = vehicle.get_location()
        window = range(reached, min(reached + 15, len(places)))
        reached = min(window, key=lambda i: places[i].distance_squared_2d(here))
        widest = max(widest, places[reached].distance_2d(here))
        if reached >= len(places) - 3:
            break
        target = places[min(reached + int(LOOK_AHEAD_M / STEP_M), len(places) - 1)]
        error = CRUISE_MPS - vehicle.get_velocity().length()
        integral = max(-20.0, min(20.0, integral + error * 0.05))
        pedal = 0.3 * error + 0.08 * integral
        vehicle.apply_control(
            carla.VehicleControl(
                throttle=max(0.0, min(1.0, pedal)),
                brake=max(0.0, min(1.0, -pedal)),
                steer=_steer(vehicle, target, wheelbase, lock),
            )
        )
        world.tick()
    sensor.stop()
    assert reached >= len(places) - 3, f"only {reached} of {len(places)} waypoints were reached"
    assert widest < 1.75, "the middle of the car left its lane"
    assert not collisions
