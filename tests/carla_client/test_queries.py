"""Questions about a town: rays, boxes, environment objects, and switching objects and map layers off and on."""

from __future__ import annotations

import queue

import carla
import numpy as np
import pytest
from sensing import attach, metres

LABEL = carla.CityObjectLabel


def _camera(world: carla.World, at: carla.Transform) -> np.ndarray:
    """Semantic tags (120, 160) of a picture from `at`."""
    blueprint = world.get_blueprint_library().find("sensor.camera.semantic_segmentation")
    blueprint.set_attribute("image_size_x", "160")
    blueprint.set_attribute("image_size_y", "120")
    camera = world.spawn_actor(blueprint, at)
    images: queue.Queue[carla.Image] = queue.Queue()
    camera.listen(images.put)
    world.tick()
    image = images.get(timeout=5.0)
    camera.stop()
    camera.destroy()
    return np.frombuffer(image.raw_data, np.uint8).reshape(120, 160, 4)[..., 2]


def _facing(box: carla.BoundingBox, distance: float = 12.0) -> carla.Transform:
    """In front of a wide side of an upright box, looking at it."""
    yaw = box.rotation.yaw
    away = carla.Rotation(yaw=yaw + 90.0).get_forward_vector() * (box.extent.y + distance)
    at = box.location + away
    at.z = box.location.z
    return carla.Transform(at, carla.Rotation(yaw=yaw - 90.0))


def _building(world: carla.World) -> carla.EnvironmentObject:
    return max(world.get_environment_objects(LABEL.Buildings), key=lambda thing: thing.bounding_box.extent.z)


def _labels(points: list[carla.LabelledPoint]) -> list[carla.CityObjectLabel]:
    return [point.label for point in points]


def test_a_ray_gives_everything_that_it_meets_in_order(world, stage):
    car = stage.spawn("vehicle.tesla.model3", ahead=10.0)
    world.tick()
    start, end = stage.place(0.0, up=0.6).location, stage.place(30.0, up=-1.0).location
    points = world.cast_ray(start, end)
    assert _labels(points)[:2] == [LABEL.Car, LABEL.Roads]
    distances = [point.location.distance(start) for point in points]
    assert distances == sorted(distances)
    # The car's tail is half its length before its middle.
    assert distances[0] == pytest.approx(10.0 - car.bounding_box.extent.x, abs=0.4)
    assert points[1].location.z == pytest.approx(0.0, abs=0.02)
    assert world.cast_ray(end, end) == []


def test_a_ray_meets_a_building_once_where_it_is_entered(world):
    box = _building(world).bounding_box
    view = _facing(box)
    start = view.location
    points = [point for point in world.cast_ray(start, box.location) if point.label == LABEL.Buildings]
    assert len(points) == 1
    # The box holds the cornice, awning and balconies too: how far the wall is, the depth camera says.
    depth = attach(world, "camera.depth", None, view, image_size_x=161, image_size_y=121)
    world.tick()
    middle = metres(depth.next())[60, 80]
    depth.stop()
    assert points[0].location.distance(start) == pytest.approx(middle, abs=1e-3)
    assert 11.9 < middle < 14.0


def test_points_are_projected_onto_what_lies_in_their_way(world):
    town = world.get_map()
    for waypoint in town.generate_waypoints(120.0)[:30]:
        above = waypoint.transform.location + carla.Location(z=3.0)
        found = world.ground_projection(above, 10.0)
        assert found.label in (LABEL.Roads, LABEL.RoadLines)
        assert found.location.distance(waypoint.transform.location) < 0.03
    walks = [
        town.get_waypoint(waypoint.transform.location, True, carla.LaneType.Sidewalk)
        for waypoint in town.generate_waypoints(40.0)
    ]
    walks = [walk for walk in walks if walk.lane_width > 2.0]
    assert len(walks) > 50
    for walk in walks:
        high = walk.transform.location + carla.Location(z=2.0)
        found = world.project_point(high, carla.Vector3D(0.0, 0.0, -1.0), 10.0)
        assert found.label == LABEL.Sidewalks
        assert found.location.z == pytest.approx(0.15, abs=0.02)
    assert world.project_point(above, carla.Vector3D(0.0, 0.0, 1.0), 500.0) is None
    assert world.ground_projection(above, 2.0) is None


def test_environment_objects_have_unique_stable_ids_and_names_and_boxes_that_hold_them(world, client):
    objects = world.get_environment_objects(LABEL.Any)
    assert len({thing.id for thing in objects}) == len(objects)
    names = {thing.name for thing in objects}
    assert len(names) == len(objects)
    assert set(world.get_names_of_all_objects()) == names
    kinds = {thing.type for thing in objects}
    assert {LABEL.Roads, LABEL.Sidewalks, LABEL.RoadLines, LABEL.Buildings, LABEL.Poles, LABEL.Vegetation} <= kinds
    for label in kinds:
        listed = world.get_environment_objects(label)
        assert {thing.type for thing in listed} == {label}
        assert len(listed) == sum(thing.type == label for thing in objects)
    for thing in objects:
        box = thing.bounding_box
        assert box.extent.x > 0.0 or box.extent.y > 0.0
        if thing.type in (LABEL.Buildings, LABEL.Poles):
            assert thing.transform.location.z == pytest.approx(box.location.z - box.extent.z, abs=0.01)
    again = client.reload_world(False).get_environment_objects(LABEL.Any)
    assert [thing.id for thing in again] == [thing.id for thing in objects]


def test_boxes_of_the_level_are_those_of_its_objects_and_actors(world, stage):
    for label in (LABEL.Buildings, LABEL.Vegetation, LABEL.GuardRail):
        boxes = world.get_level_bbs(label)
        objects = world.get_environment_objects(label)
        assert [box.location for box in boxes] == [thing.bounding_box.location for thing in objects]
    parked = [thing.bounding_box.location for thing in world.get_environment_objects(LABEL.Car)]
    car = stage.spawn("vehicle.tesla.model3")
    world.tick()
    boxes = world.get_level_bbs(LABEL.Car)
    assert len(parked) > 0
    (box,) = [box for box in boxes if box.location not in parked]
    assert len(boxes) == len(parked) + 1
    assert box.extent == car.bounding_box.extent
    assert box.location.distance(car.get_transform().transform(car.bounding_box.location)) < 0.05


def test_boxes_hold_the_trees_crowns_and_not_only_their_stems(world):
    for box in world.get_level_bbs(LABEL.Vegetation)[:50]:
        assert 0.7 < box.extent.x < 4.0
        assert 2.0 < box.extent.z < 6.0


def test_a_disabled_object_is_out_of_sight_and_out_of_the_way(world):
    building = _building(world)
    box = building.bounding_box
    view = _facing(box)
    car = world.get_blueprint_library().find("vehicle.tesla.model3")
    inside = carla.Transform(carla.Location(box.location.x, box.location.y, 0.5))

    def there() -> list[bool]:
        seen = _camera(world, view)[60, 80] == int(LABEL.Buildings)
        met = LABEL.Buildings in _labels(world.cast_ray(view.location, box.location))
        actor = world.try_spawn_actor(car, inside)
        if actor is not None:
            actor.destroy()
        return [bool(seen), met, actor is None]

    assert there() == [True, True, True]
    world.enable_environment_objects({building.id}, False)
    assert there() == [False, False, False]
    # It can be found again, and comes back.
    assert building.id in {thing.id for thing in world.get_environment_objects(LABEL.Buildings)}
    world.enable_environment_objects({building.id, 12345}, True)
    assert there() == [True, True, True]


@pytest.mark.parametrize(
    ("layer", "label"),
    [
        (carla.MapLayer.Buildings, LABEL.Buildings),
        (carla.MapLayer.Foliage, LABEL.Vegetation),
        (carla.MapLayer.StreetLights, LABEL.Poles),
        (carla.MapLayer.Walls, LABEL.GuardRail),
    ],
)
def test_layers_are_unloaded_and_loaded(world, layer, label):
    boxes = world.get_level_bbs(label)
    view = _facing(max(boxes, key=lambda box: box.extent.z * box.extent.x), 6.0)
    count = np.count_nonzero(_camera(world, view) == int(label))
    assert count > 0
    world.unload_map_layer(layer)
    assert world.get_level_bbs(label) == []
    assert np.count_nonzero(_camera(world, view) == int(label)) == 0
    world.load_map_layer(layer)
    assert len(world.get_level_bbs(label)) == len(boxes)
    assert np.count_nonzero(_camera(world, view) == int(label)) == count


def test_a_world_is_loaded_with_the_layers_that_are_asked_for(world, client):
    bare = client.load_world("Pilotage01", False, carla.MapLayer.Buildings)
    kinds = {thing.type for thing in bare.get_environment_objects(LABEL.Any)}
    assert LABEL.Buildings in kinds
    assert LABEL.Roads in kinds
    assert not kinds & {LABEL.Vegetation, LABEL.Poles, LABEL.GuardRail}
    assert len(client.reload_world(False).get_level_bbs(LABEL.Vegetation)) > 100
