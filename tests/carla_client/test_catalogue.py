"""The actor catalogue, as the carla client sees it."""

from __future__ import annotations

import queue
import random
import re

import carla
import numpy as np
import pytest

SpawnActor, DestroyActor = carla.command.SpawnActor, carla.command.DestroyActor
FREE = carla.Location(3000.0, 3000.0, 1.0)
# Shortest and longest, narrowest and widest, lowest and highest box (m) of a base type.
RANGES = {
    "car": ((2.0, 5.7), (1.4, 2.3), (1.2, 2.1)),
    "van": ((4.2, 6.5), (1.7, 2.4), (1.9, 2.7)),
    "truck": ((5.0, 8.6), (2.3, 3.0), (2.0, 3.9)),
    "bus": ((7.0, 10.5), (2.0, 4.0), (2.7, 4.3)),
    "motorcycle": ((1.7, 2.5), (0.7, 0.9), (1.4, 1.7)),
    "bicycle": ((1.4, 1.9), (0.5, 0.9), (1.5, 1.8)),
}


@pytest.fixture
def library(world):
    return world.get_blueprint_library()


def spawn(world, identifier: str, at: carla.Location = FREE, **attributes: str) -> carla.Actor:
    blueprint = world.get_blueprint_library().find(identifier)
    for name, value in attributes.items():
        blueprint.set_attribute(name, value)
    actor = world.spawn_actor(blueprint, carla.Transform(at))
    world.tick()
    return actor


# ---- the library -------------------------------------------------------------------------------------------------


def test_the_library_holds_the_actors_of_carla(library):
    assert len(library.filter("vehicle.*")) == 41
    assert len(library.filter("walker.pedestrian.*")) == 52
    assert len(library.filter("static.prop.*")) == 99
    for identifier in (
        "static.trigger.friction",
        "controller.ai.walker",
        "util.actor.empty",
        "static.prop.bike helmet",
    ):
        assert library.find(identifier).id == identifier
    with pytest.raises(IndexError):
        library.find("vehicle.no.such")


def test_every_id_has_three_parts_which_are_its_tags(library):
    for blueprint in library:
        assert re.fullmatch(r"[^.]+\.[^.]+\.[^.]+", blueprint.id)
        assert set(blueprint.tags) == set(blueprint.id.split("."))
        assert blueprint.has_attribute("role_name")
        assert blueprint.get_attribute("ros_name").as_str() == blueprint.id


def test_every_advertised_sensor_can_be_listened_to(world):
    advertised = {blueprint.id: blueprint for blueprint in world.get_blueprint_library().filter("sensor.*")}
    assert len(advertised) == 18
    for identifier, blueprint in advertised.items():
        actor = world.spawn_actor(blueprint, carla.Transform(FREE))
        client_side = identifier == "sensor.other.lane_invasion"
        assert isinstance(actor, carla.LaneInvasionSensor if client_side else carla.ServerSideSensor), identifier
        actor.destroy()


def test_vehicles_are_filtered_as_generate_traffic_does(library):
    vehicles = library.filter("vehicle.*")
    safe = [blueprint for blueprint in vehicles if blueprint.get_attribute("base_type") == "car"]
    assert {blueprint.id for blueprint in safe} >= {"vehicle.audi.tt", "vehicle.tesla.model3", "vehicle.ford.crown"}
    assert not {"vehicle.volkswagen.t2", "vehicle.yamaha.yzf", "vehicle.tesla.cybertruck"} & {b.id for b in safe}
    second = [blueprint for blueprint in vehicles if int(blueprint.get_attribute("generation")) == 2]
    assert {blueprint.id for blueprint in second} > {"vehicle.lincoln.mkz_2020", "vehicle.carlamotors.firetruck"}
    assert {b.id for b in library.filter_by_attribute("generation", "2")} > {blueprint.id for blueprint in second}
    for kind in RANGES:
        assert any(blueprint.get_attribute("base_type") == kind for blueprint in vehicles)
    assert {b.id for b in library.filter_by_attribute("special_type", "emergency")} == {
        "vehicle.carlamotors.firetruck", "vehicle.dodge.charger_police", "vehicle.dodge.charger_police_2020",
        "vehicle.ford.ambulance",
    }  # fmt: skip


def test_walkers_have_the_speeds_and_wheelchairs_that_generate_traffic_reads(library):
    for blueprint in library.filter("walker.pedestrian.*"):
        stand, walk, run = (float(speed) for speed in blueprint.get_attribute("speed").recommended_values)
        assert stand == 0.0 < walk < run
        young = blueprint.get_attribute("age") in ("child", "teenager")
        assert (run < 3.0) == young
        if blueprint.get_attribute("can_use_wheelchair"):
            blueprint.set_attribute("use_wheelchair", "true")
        blueprint.set_attribute("is_invincible", "false")
    ages = {blueprint.get_attribute("age").as_str() for blueprint in library.filter("walker.*")}
    assert ages == {"adult", "child", "teenager"}
    generations = [blueprint.get_attribute("generation").as_int() for blueprint in library.filter("walker.*")]
    assert [generations.count(number) for number in (1, 2, 3)] == [14, 35, 3]


# ---- attributes --------------------------------------------------------------------------------------------------


def test_attributes_come_back_as_strings_the_fixed_ones_too(world):
    vehicle = spawn(world, "vehicle.lincoln.mkz_2020", role_name="hero", color="1,2,3", sticky_control="false")
    assert vehicle.attributes == {
        "role_name": "hero", "ros_name": "vehicle.lincoln.mkz_2020", "color": "1,2,3", "sticky_control": "false",
        "terramechanics": "false", "object_type": "", "base_type": "car", "special_type": "", "number_of_wheels": "4",
        "generation": "2", "has_dynamic_doors": "true", "has_lights": "true",
    }  # fmt: skip
    walker = spawn(world, "walker.pedestrian.0050", carla.Location(3020.0, 3000.0, 1.0), speed="1.1")
    assert (walker.attributes["speed"], walker.attributes["age"]) == ("1.1", "teenager")


def test_the_client_refuses_impossible_attribute_values(library):
    vehicle = library.find("vehicle.audi.tt")
    for name, value in (("color", "blue"), ("sticky_control", "perhaps"), ("number_of_wheels", "3"), ("wings", "2")):
        with pytest.raises((ValueError, IndexError, RuntimeError)):
            vehicle.set_attribute(name, value)


def test_the_server_refuses_values_that_the_client_lets_pass(world, library):
    for identifier, name, value in (
        ("sensor.camera.rgb", "image_size_x", "wide"),
        ("sensor.camera.rgb", "fov", "nan"),
        ("vehicle.audi.tt", "color", "1,2,999999999999999999999"),
    ):
        blueprint = library.find(identifier)
        try:
            blueprint.set_attribute(name, value)
        except (ValueError, RuntimeError):
            continue
        with pytest.raises(RuntimeError, match="is no value for attribute"):
            world.spawn_actor(blueprint, carla.Transform(FREE))


def value_of(attribute: carla.ActorAttribute) -> object:
    kinds = carla.ActorAttributeType
    if attribute.type == kinds.Bool:
        return ("false", "true")[attribute.as_bool()]
    if attribute.type == kinds.RGBColor:
        return "{0.r},{0.g},{0.b}".format(attribute.as_color())
    if attribute.type == kinds.Float:
        return pytest.approx(attribute.as_float())
    return str(attribute.as_int()) if attribute.type == kinds.Int else attribute.as_str()


def test_defaults_are_the_first_recommended_values(library):
    for blueprint in library:
        for attribute in blueprint:
            if attribute.is_modifiable:
                first = attribute.recommended_values[0]
                is_float = attribute.type == carla.ActorAttributeType.Float
                assert value_of(attribute) == (float(first) if is_float else first)


def test_camera_attributes_are_those_of_carlas_reference(library):
    camera = {attribute.id for attribute in library.find("sensor.camera.rgb")}
    assert camera >= {"fov", "image_size_x", "lens_k", "sensor_tick", "gamma", "fstop", "exposure_mode", "toe", "tint"}
    depth = {attribute.id for attribute in library.find("sensor.camera.depth")}
    assert depth < camera
    assert "gamma" not in depth
    assert [library.find("sensor.camera.rgb").get_attribute(name).as_float() for name in ("gamma", "iso", "fstop")] == [
        pytest.approx(2.2), 100.0, pytest.approx(1.4)
    ]  # fmt: skip


# ---- every kind of actor -----------------------------------------------------------------------------------------


def test_every_blueprint_can_be_spawned_and_destroyed(world, client, library):
    carrier = spawn(world, "vehicle.tesla.model3")
    walker = spawn(world, "walker.pedestrian.0001", carla.Location(3010.0, 3000.0, 1.0))
    commands, blueprints = [], list(library)
    for index, blueprint in enumerate(blueprints):
        if blueprint.id.startswith("sensor."):
            commands.append(SpawnActor(blueprint, carla.Transform(), carrier))
        elif blueprint.id.startswith("controller."):
            commands.append(SpawnActor(blueprint, carla.Transform(), walker))
        else:
            place = carla.Location(3030.0 + 20.0 * (index % 20), 3030.0 + 20.0 * (index // 20), 1.0)
            commands.append(SpawnActor(blueprint, carla.Transform(place)))
    responses = client.apply_batch_sync(commands, True)
    assert [response.error for response in responses if response.error] == []
    actors = world.get_actors([response.actor_id for response in responses])
    assert [actor.type_id for actor in actors] == [blueprint.id for blueprint in blueprints]
    gone = client.apply_batch_sync([DestroyActor(actor) for actor in actors], True)
    assert not any(response.has_error() for response in gone)
    left = {actor.id for actor in world.get_actors()}
    assert not left & {actor.id for actor in actors}


def test_vehicles_have_the_size_of_their_kind_and_stand_on_the_ground(world, client, library):
    vehicles = list(library.filter("vehicle.*"))
    places = [carla.Transform(carla.Location(3000.0 + 20.0 * index, 3000.0, 0.0)) for index in range(len(vehicles))]
    responses = client.apply_batch_sync([SpawnActor(*pair) for pair in zip(vehicles, places)], True)
    for blueprint, response in zip(vehicles, responses):
        box = world.get_actor(response.actor_id).bounding_box
        sizes = (2.0 * box.extent.x, 2.0 * box.extent.y, 2.0 * box.extent.z)
        for size, (low, high) in zip(sizes, RANGES[blueprint.get_attribute("base_type").as_str()]):
            assert low <= size <= high, blueprint.id
        assert abs(box.location.x) < 0.5
        assert abs(box.location.z - box.extent.z) < 0.05


def test_vehicles_have_their_wheels_inside_the_box(world, client, library):
    vehicles = list(library.filter("vehicle.*"))
    places = [carla.Transform(carla.Location(3000.0 + 20.0 * index, 3000.0, 0.0)) for index in range(len(vehicles))]
    responses = client.apply_batch_sync([SpawnActor(*pair) for pair in zip(vehicles, places)], False)
    for blueprint, response, place in zip(vehicles, responses, places):
        vehicle = world.get_actor(response.actor_id)
        wheels, box = vehicle.get_physics_control().wheels, vehicle.bounding_box
        assert len(wheels) == 4  # also of two-wheelers, as in CARLA
        for wheel in wheels:
            x, y = wheel.position.x / 100.0 - place.location.x, wheel.position.y / 100.0 - place.location.y
            assert abs(x - box.location.x) < box.extent.x, blueprint.id
            # CARLA's box of the crossbike is shorter than a bicycle.
            assert abs(x - box.location.x) + wheel.radius / 100.0 < box.extent.x + 0.12, blueprint.id
            assert abs(y - box.location.y) < box.extent.y, blueprint.id
            assert 0.2 < wheel.radius / 100.0 < 0.6


def test_semantic_tags_name_what_an_actor_is(world):
    tags = {
        "vehicle.audi.tt": [carla.CityObjectLabel.Car],
        "vehicle.mitsubishi.fusorosa": [carla.CityObjectLabel.Bus],
        "vehicle.tesla.cybertruck": [carla.CityObjectLabel.Truck],
        "vehicle.bh.crossbike": [carla.CityObjectLabel.Bicycle, carla.CityObjectLabel.Rider],
        "walker.pedestrian.0020": [carla.CityObjectLabel.Pedestrians],
        "static.prop.bench01": [carla.CityObjectLabel.Static],
        "static.prop.trafficcone01": [carla.CityObjectLabel.Dynamic],
        "static.prop.cypresstree": [carla.CityObjectLabel.Vegetation],
        "static.trigger.friction": [],
    }
    for index, (identifier, expected) in enumerate(tags.items()):
        actor = spawn(world, identifier, carla.Location(3000.0 + 30.0 * index, 3000.0, 1.0))
        assert actor.semantic_tags == [int(label) for label in expected]


def test_a_friction_trigger_gives_its_box_in_centimetres(world):
    trigger = spawn(world, "static.trigger.friction", friction="0.5", extent_x="700", extent_y="300", extent_z="100")
    extent = trigger.bounding_box.extent
    assert (extent.x, extent.y, extent.z) == pytest.approx((7.0, 3.0, 1.0))
    car = spawn(world, "vehicle.audi.tt")
    assert car.is_alive


def test_a_mesh_of_the_clients_choice_is_a_cube_of_its_scale(world):
    nothing = spawn(world, "static.prop.mesh")
    assert nothing.bounding_box.extent.x == 0.0
    cube = spawn(world, "static.prop.mesh", mesh_path="/Game/Some.Mesh", scale="1.5")
    assert cube.bounding_box.extent.x == pytest.approx(0.75)
    assert cube.bounding_box.location.z == pytest.approx(0.75)
    with pytest.raises(RuntimeError, match="scale"):
        spawn(world, "static.prop.mesh", mesh_path="/Game/Some.Mesh", scale="-3")


def test_parked_cars_of_the_leaderboard_look_like_cars(world):
    folder = "/Game/Carla/Static/Car/4Wheeled/ParkedVehicles"
    parked = spawn(
        world, "static.prop.mesh", mesh_path=f"{folder}/TeslaM3/SM_TeslaM3_parked.SM_TeslaM3_parked", scale="0.9"
    )
    assert parked.type_id == "static.prop.mesh"
    assert parked.bounding_box.extent.x == pytest.approx(0.9 * 2.396, abs=1e-3)
    assert parked.semantic_tags == [int(carla.CityObjectLabel.Car)]
    with pytest.raises(RuntimeError, match="collision at spawn position"):
        spawn(world, "vehicle.audi.tt", FREE + carla.Location(x=2.0))


def test_one_stands_under_a_tree_and_not_in_its_trunk(world):
    spawn(world, "static.prop.aporosatree", carla.Location(3000.0, 3000.0, 0.0))
    assert spawn(world, "walker.pedestrian.0020", carla.Location(3003.0, 3000.0, 1.0)).is_alive
    with pytest.raises(RuntimeError, match="collision at spawn position"):
        spawn(world, "walker.pedestrian.0020", carla.Location(3000.2, 3000.0, 1.0))


# ---- what CARLA's smoke tests check ------------------------------------------------------------------------------


def test_props_spawn_on_spawn_points_at_any_height(world, client, library):
    points, rng = world.get_map().get_spawn_points(), random.Random(3)
    batch = []
    for index, prop in enumerate(library.filter("static.prop.*")):
        point = rng.choice(points)
        point.location.z += 100.0 * index
        batch.append(SpawnActor(prop, point))
    responses = client.apply_batch_sync(batch, True)
    assert not any(response.error for response in responses)


def put(client, world, pairs) -> None:
    """Spawn (blueprint, transform) pairs in one batch; all must be there, at their places, in the next snapshot."""
    responses = client.apply_batch_sync([SpawnActor(*pair) for pair in pairs], True)
    assert [response.error for response in responses if response.error] == []
    frame = world.tick()
    snapshot = world.get_snapshot()
    assert snapshot.timestamp.frame == frame
    assert all(snapshot.has_actor(actor.id) for actor in world.get_actors())
    wanted, found = [], []
    for (_, transform), response in zip(pairs, responses):
        at = snapshot.find(response.actor_id).get_transform()
        for rows, t in ((wanted, transform), (found, at)):
            turn = np.radians(t.rotation.yaw)
            rows.append((t.location.x, t.location.y, np.cos(turn), np.sin(turn), t.rotation.pitch, t.rotation.roll))
    np.testing.assert_allclose(found, wanted, atol=5e-3)
    client.apply_batch_sync([DestroyActor(response.actor_id) for response in responses], True)


def test_vehicles_of_any_kind_spawn_side_by_side_on_spawn_points(world, client, library):
    points, vehicles, rng = world.get_map().get_spawn_points(), list(library.filter("vehicle.*")), random.Random(4)
    for _ in range(3):
        put(client, world, [(rng.choice(vehicles), point) for point in points[:60]])


@pytest.mark.parametrize(
    "kind", ["vehicle.mitsubishi.fusorosa", "vehicle.carlamotors.firetruck", "vehicle.bh.crossbike"]
)
def test_every_spawn_point_takes_a_vehicle_of_one_kind(world, client, library, kind):
    put(client, world, [(library.find(kind), point) for point in world.get_map().get_spawn_points()])


def test_an_integer_may_be_written_with_a_point(world):
    blueprint = world.get_blueprint_library().find("sensor.lidar.ray_cast")
    blueprint.set_attribute("channels", "16.0")
    sensor = world.spawn_actor(blueprint, carla.Transform(carla.Location(z=5.0)))
    received: queue.Queue[carla.LidarMeasurement] = queue.Queue()
    sensor.listen(received.put)
    world.tick()
    assert received.get(timeout=5.0).channels == 16
    sensor.stop()
