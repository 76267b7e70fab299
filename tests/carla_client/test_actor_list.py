"""Lists of actors, their life and death, and batches that spawn, command and destroy."""

from __future__ import annotations

import carla
import numpy as np
import pytest

SpawnActor, DestroyActor = carla.command.SpawnActor, carla.command.DestroyActor
FutureActor = carla.command.FutureActor


@pytest.fixture(autouse=True)
def empty(client, tidy_world):
    """These tests count actors: nobody else's may be left."""
    tidy_world(client)


def test_actors_are_listed_filtered_and_found(world, stage):
    car, bus = stage.spawn("vehicle.audi.tt"), stage.spawn("vehicle.mitsubishi.fusorosa", ahead=30.0)
    walker = stage.spawn("walker.pedestrian.0020", right=-20.0, up=1.0)
    bench = stage.spawn("static.prop.bench01", right=-22.0)
    world.tick()
    actors = world.get_actors()
    assert {actor.id for actor in actors} >= {car.id, bus.id, walker.id, bench.id}
    assert [actor.id for actor in actors.filter("vehicle.audi.*")] == [car.id]
    assert {actor.id for actor in actors.filter("vehicle.*")} == {car.id, bus.id}
    assert len(actors.filter("static.prop.*")) == len(actors.filter("*bench*")) == 1
    assert len(actors.filter("nothing.*")) == 0
    assert actors.find(walker.id).type_id == "walker.pedestrian.0020"
    assert actors.find(987654) is None
    assert {actor.id for actor in world.get_actors([car.id, bus.id, 987654])} == {car.id, bus.id}
    assert world.get_actor(bench.id).type_id == "static.prop.bench01"
    kinds = {actor.id: type(actor) for actor in actors}
    assert (kinds[car.id], kinds[walker.id], kinds[bench.id]) == (carla.Vehicle, carla.Walker, carla.Actor)


def test_life_and_death_show_in_the_clients_object(world, stage):
    car = stage.spawn("vehicle.audi.tt")
    world.tick()
    assert car.is_alive
    assert car.is_active
    assert not car.is_dormant
    assert car.actor_state == carla.ActorState.Active
    same = world.get_actor(car.id)
    assert car.destroy()
    assert not car.is_alive
    world.tick()
    assert same.id not in {actor.id for actor in world.get_actors()}
    assert not world.get_snapshot().has_actor(same.id)


def test_destroying_twice_is_an_error_in_a_batch(world, client, stage):
    car = stage.spawn("vehicle.audi.tt")
    responses = client.apply_batch_sync([DestroyActor(car.id), DestroyActor(car.id), DestroyActor(987654)], True)
    assert [response.has_error() for response in responses] == [False, True, True]
    assert "987654 not found" in responses[2].error


def test_the_spectator_cannot_be_destroyed(world):
    spectator = world.get_spectator()
    spectator.destroy()
    world.tick()
    assert world.get_actors().find(spectator.id) is not None


def test_a_batch_reports_each_spawn_by_itself(world, client, stage):
    library = world.get_blueprint_library()
    car = library.find("vehicle.audi.tt")
    batch = [SpawnActor(car, stage.place(0.0)), SpawnActor(car, stage.place(1.0)), SpawnActor(car, stage.place(20.0))]
    responses = client.apply_batch_sync(batch, True)
    assert [response.error for response in responses] == ["", "Spawn failed because of collision at spawn position", ""]
    assert responses[1].actor_id == 0
    ids = [response.actor_id for response in responses if not response.error]
    assert {actor.id for actor in world.get_actors().filter("vehicle.*")} == set(ids)


def test_commands_that_follow_a_spawn_reach_the_new_actor(world, client, stage):
    library = world.get_blueprint_library()
    car = library.find("vehicle.audi.tt")
    lights = carla.VehicleLightState(carla.VehicleLightState.LowBeam)
    command = (
        SpawnActor(car, stage.place(0.0))
        .then(carla.command.SetVehicleLightState(FutureActor, lights))
        .then(carla.command.ApplyVehicleControl(FutureActor, carla.VehicleControl(throttle=0.5)))
        .then(SpawnActor(library.find("sensor.other.collision"), carla.Transform(), FutureActor))
    )
    (response,) = client.apply_batch_sync([command], True)
    assert not response.has_error()
    vehicle = world.get_actor(response.actor_id)
    assert vehicle.get_control().throttle == pytest.approx(0.5)
    assert vehicle.get_light_state() == carla.VehicleLightState.LowBeam
    (sensor,) = world.get_actors().filter("sensor.*")
    assert sensor.parent.id == vehicle.id


def test_hundreds_of_actors_come_and_go_in_one_batch(world, client):
    library = world.get_blueprint_library()
    cone = library.find("static.prop.trafficcone01")
    places = [carla.Transform(carla.Location(3000.0 + 2.0 * k, 3000.0, 0.0)) for k in range(300)]
    ids = [response.actor_id for response in client.apply_batch_sync([SpawnActor(cone, t) for t in places], True)]
    assert len(set(ids)) == 300
    assert len(world.get_actors().filter("static.prop.*")) == 300
    assert not any(response.error for response in client.apply_batch_sync([DestroyActor(i) for i in ids], True))
    assert len(world.get_actors().filter("static.prop.*")) == 0


def test_town_objects_take_the_mean_colour_of_a_diffuse_texture_until_the_world_is_reloaded(world, client, stage):
    buildings = [thing.name for thing in world.get_environment_objects(carla.CityObjectLabel.Buildings)]
    assert set(buildings) < set(world.get_names_of_all_objects())
    texture = carla.TextureColor(8, 4)
    for x in range(8):
        for y in range(4):
            texture.set(x, y, carla.Color(255, 0, 255, 255))
    world.apply_color_texture_to_object("no such object", carla.MaterialParameter.Diffuse, texture)
    world.apply_color_texture_to_objects(buildings, carla.MaterialParameter.Normal, texture)
    view = stage.place(0.0, up=40.0)
    view.rotation.pitch = -20.0

    def magenta() -> int:
        world = client.get_world()
        camera = world.get_blueprint_library().find("sensor.camera.rgb")
        camera.set_attribute("image_size_x", "64")
        camera.set_attribute("image_size_y", "48")
        sensor = world.spawn_actor(camera, view)
        images: list[carla.Image] = []
        sensor.listen(images.append)
        while not images:
            world.tick()
        sensor.stop()
        sensor.destroy()
        blue, green, red = np.frombuffer(images[0].raw_data, np.uint8).reshape(-1, 4)[:, :3].astype(int).T
        return int(((blue > 2 * green + 20) & (red > 2 * green + 20)).sum())

    assert magenta() == 0
    world.apply_color_texture_to_objects(buildings, carla.MaterialParameter.Diffuse, texture)
    assert magenta() > 30
    plain = carla.TextureFloatColor(1, 1)
    plain.set(0, 0, carla.FloatColor(0.5, 0.5, 0.5, 1.0))
    world.apply_float_color_texture_to_objects(buildings, carla.MaterialParameter.Diffuse, plain)
    assert magenta() == 0
    client.reload_world(False)
    assert magenta() == 0
