"""The actor catalogue, as the carla client sees it."""

from __future__ import annotations

import carla
import pytest

FREE = carla.Location(3000.0, 3000.0, 1.0)


def test_the_library_holds_the_actors_of_carla(world):
    library = world.get_blueprint_library()
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


def test_every_advertised_sensor_can_be_listened_to(world):
    advertised = {blueprint.id: blueprint for blueprint in world.get_blueprint_library().filter("sensor.*")}
    assert len(advertised) == 17
    for identifier, blueprint in advertised.items():
        actor = world.spawn_actor(blueprint, carla.Transform(FREE))
        client_side = identifier == "sensor.other.lane_invasion"
        assert isinstance(actor, carla.LaneInvasionSensor if client_side else carla.ServerSideSensor), identifier
        actor.destroy()


def test_every_blueprint_can_be_spawned_and_destroyed(world, client):
    library = world.get_blueprint_library()
    carrier = world.spawn_actor(library.find("vehicle.tesla.model3"), carla.Transform(FREE))
    walker = world.spawn_actor(
        library.find("walker.pedestrian.0001"), carla.Transform(carla.Location(3010.0, 3000.0, 1))
    )
    commands, blueprints = [], list(library)
    for index, blueprint in enumerate(blueprints):
        if blueprint.id.startswith("sensor."):
            commands.append(carla.command.SpawnActor(blueprint, carla.Transform(), carrier))
        elif blueprint.id.startswith("controller."):
            commands.append(carla.command.SpawnActor(blueprint, carla.Transform(), walker))
        else:
            place = carla.Location(3030.0 + 20.0 * (index % 20), 3030.0 + 20.0 * (index // 20), 1.0)
            commands.append(carla.command.SpawnActor(blueprint, carla.Transform(place)))
    responses = client.apply_batch_sync(commands, True)
    assert [response.error for response in responses if response.error] == []
    actors = world.get_actors([response.actor_id for response in responses])
    assert [actor.type_id for actor in actors] == [blueprint.id for blueprint in blueprints]
    gone = client.apply_batch_sync([carla.command.DestroyActor(actor) for actor in actors], True)
    assert not any(response.has_error() for response in gone)
    left = {actor.id for actor in world.get_actors()}
    assert not left & {actor.id for actor in actors}
