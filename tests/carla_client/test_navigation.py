"""Walkers that CARLA's client leads over this server's navigation meshes."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from tests.conftest import start, synchronous
from tests.maps.crossroads import crossroads

MINUTE = 1200  # ticks of 0.05 s


@pytest.fixture(scope="module")
def plaza(tmp_path_factory):
    """A server in a small town with four crosswalks."""
    folder = tmp_path_factory.mktemp("maps")
    (folder / "Plaza.xodr").write_text(crossroads())
    (folder / "Avenue.xodr").write_text(crossroads(arm_m=300.0))
    process = start("--maps", str(folder), "--town", "Plaza")
    yield process
    process.close()


def _loaded(process, name: str) -> carla.World:
    world = process.client().load_world(name)
    synchronous(world)
    world.tick()
    world.set_pedestrians_seed(7)
    return world


@pytest.fixture
def square(plaza):
    return _loaded(plaza, "Plaza")


class Crowd:
    """AI walkers and what became of them: feet (ticks, walkers, 3) and speed (ticks, walkers), one row per tick."""

    def __init__(self, world: carla.World, count: int) -> None:
        self.world = world
        library = world.get_blueprint_library()
        kinds = sorted(library.filter("walker.pedestrian.*"), key=lambda kind: kind.id)
        self.walkers = []
        for number in range(4 * count):
            if len(self.walkers) < count:
                at = world.get_random_location_from_navigation()
                at.z += 1.0
                walker = world.try_spawn_actor(kinds[number % len(kinds)], carla.Transform(at))
                self.walkers += [walker] if walker is not None else []
        world.tick()
        controller = library.find("controller.ai.walker")
        self.controllers = [world.spawn_actor(controller, carla.Transform(), walker) for walker in self.walkers]
        world.tick()
        self.half = np.array([walker.bounding_box.extent.z for walker in self.walkers])

    def start(self, goals: list[carla.Location] | None = None, speed: float = 1.4) -> None:
        for number, controller in enumerate(self.controllers):
            controller.start()
            controller.go_to_location(goals[number] if goals else self.world.get_random_location_from_navigation())
            controller.set_max_speed(speed)

    def walk(self, ticks: int) -> tuple[np.ndarray, np.ndarray]:
        feet, speed = np.empty((ticks, len(self.walkers), 3)), np.empty((ticks, len(self.walkers)))
        for tick in range(ticks):
            self.world.tick()
            snapshot = self.world.get_snapshot()
            for number, walker in enumerate(self.walkers):
                state = snapshot.find(walker.id)
                at, v = state.get_transform().location, state.get_velocity()
                feet[tick, number] = at.x, at.y, at.z - self.half[number]
                speed[tick, number] = np.hypot(v.x, v.y)
        return feet, speed

    def stop(self) -> None:
        for controller in self.controllers:
            controller.stop()
            controller.destroy()
        for walker in self.walkers:
            walker.destroy()


def _beyond_sidewalk(town: carla.Map, x: float, y: float) -> float:
    """How far (m) a place is outside the nearest sidewalk lane; negative on it."""
    waypoint = town.get_waypoint(carla.Location(x, y, 0.0), True, carla.LaneType.Sidewalk)
    middle = waypoint.transform.location
    return float(np.hypot(middle.x - x, middle.y - y)) - waypoint.lane_width / 2


def _crosswalks(town: carla.Map) -> list[np.ndarray]:
    """Outlines (4, 2): the client gives closed outlines one after the other."""
    points = [(point.x, point.y) for point in town.get_crosswalks()]
    outlines: list[np.ndarray] = []
    first = 0
    for number in range(1, len(points)):
        if number > first and points[number] == points[first]:
            outlines.append(np.array(points[first:number]))
            first = number + 1
    return outlines


def _inside(outline: np.ndarray, x: float, y: float, margin: float) -> bool:
    axis = outline[1] - outline[0], outline[2] - outline[1]
    offset = np.array([x, y]) - outline.mean(axis=0)
    return all(abs(offset @ a) / np.linalg.norm(a) <= np.linalg.norm(a) / 2 + margin for a in axis)


def test_random_locations_lie_on_sidewalks_at_their_height(square):
    town = square.get_map()
    points = [square.get_random_location_from_navigation() for _ in range(200)]
    # Walkers keep half a body's width from the edges.
    assert max(_beyond_sidewalk(town, point.x, point.y) for point in points) < -0.1
    assert [point.z for point in points] == pytest.approx([0.15] * 200, abs=0.02)
    assert np.ptp([point.x for point in points]) > 120.0
    assert np.ptp([point.y for point in points]) > 120.0


def test_twenty_walkers_stay_on_sidewalks_and_crosswalks_for_a_minute_at_their_speed(square):
    town = square.get_map()
    square.set_pedestrians_cross_factor(0.0)
    crowd = Crowd(square, 20)
    crowd.start()
    feet, speed = crowd.walk(MINUTE)
    crowd.stop()
    path = np.linalg.norm(np.diff(feet[..., :2], axis=0), axis=-1)
    assert path.sum(axis=0).min() > 40.0
    assert path.max() < 0.15
    # What the snapshot shows as speed is what the walker did.
    assert speed[1:] == pytest.approx(path / 0.05, abs=0.02)
    assert feet[..., 2].min() > -0.02
    assert feet[..., 2].max() < 0.17
    outlines = _crosswalks(town)
    assert len(outlines) == 4
    on_zebra = 0
    for x, y, _ in feet[::10].reshape(-1, 3):
        if _beyond_sidewalk(town, x, y) > 0.1:
            on_zebra += 1
            assert any(_inside(outline, x, y, 0.5) for outline in outlines), (x, y)
    assert on_zebra > 20


def test_walkers_reach_their_goals_across_the_street(square):
    crowd = Crowd(square, 6)
    goals = [carla.Location(x=60.0 * a, y=60.0 * b) for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 0), (0, 1))]
    town = square.get_map()
    goals = [town.get_waypoint(goal, True, carla.LaneType.Sidewalk).transform.location for goal in goals]
    crowd.start(goals, speed=6.0)
    feet, _ = crowd.walk(MINUTE // 2)
    crowd.stop()
    targets = np.array([(goal.x, goal.y) for goal in goals])
    nearest = np.linalg.norm(feet[..., :2] - targets, axis=-1).min(axis=0)
    assert nearest.max() < 2.0


@pytest.mark.parametrize("may_cross", [True, False])
def test_only_who_may_cross_takes_the_way_over_the_carriageway(plaza, may_cross):
    world = _loaded(plaza, "Avenue")
    world.set_pedestrians_cross_factor(1.0 if may_cross else 0.0)
    crowd = Crowd(world, 3)
    goals = []
    for number, walker in enumerate(crowd.walkers):
        walker.set_location(carla.Location(248.0 + 9 * number, 6.0, 1.1))
        goals.append(carla.Location(248.0 + 9 * number, -6.0, 0.15))
    world.tick()
    crowd.start(goals)
    feet, _ = crowd.walk(400)
    crowd.stop()
    on_carriageway = np.abs(feet[..., 1]) < 3.0
    assert on_carriageway.any(axis=0).tolist() == [may_cross] * 3
    # The carriageway lies lower than the sidewalks.
    assert feet[on_carriageway][:, 2] == pytest.approx(0.0, abs=0.02)


def test_a_stopped_walker_stands_still_in_the_snapshot(square):
    crowd = Crowd(square, 2)
    crowd.start()
    _, speed = crowd.walk(100)
    assert speed[-1].max() > 1.0
    for controller in crowd.controllers:
        controller.stop()
    square.tick()
    square.tick()
    for walker in crowd.walkers:
        assert square.get_snapshot().find(walker.id).get_velocity().length() == 0.0
    crowd.stop()


def test_without_sidewalks_there_is_no_navigation(folder_of_a_highway):
    world = folder_of_a_highway.client().get_world()
    synchronous(world)
    world.tick()
    assert world.get_random_location_from_navigation() is None


@pytest.fixture(scope="module")
def folder_of_a_highway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("highway")
    (folder / "Highway.xodr").write_text(crossroads().replace('type="sidewalk"', 'type="none"'))
    process = start("--maps", str(folder), "--town", "Highway")
    yield process
    process.close()
