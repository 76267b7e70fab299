"""Every method of the Python API: the calls that it sends, the types on the wire, and refusals with their reasons."""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterator

import carla
import pytest
from python_api import CLASSES, ELSEWHERE, ROWS, Cast, Row
from wire_shapes import CALLS, judge
from wire_tap import WireTap

from sim.server.support import ACCEPTED, SUPPORTED, reason, status


@pytest.fixture(scope="module")
def cast(tap, tidy_world, make_stage) -> Iterator[Cast]:
    client = carla.Client("127.0.0.1", tap.port)
    client.set_timeout(10.0)
    tidy_world(client)
    world = client.load_world("Pilotage02", reset_settings=False)  # a town with traffic lights
    stage = make_stage(world)
    library = stage.library
    vehicle = stage.spawn("vehicle.tesla.model3")
    walker = stage.spawn(library.filter("walker.pedestrian.*")[0].id, ahead=15.0, up=1.0)
    camera_blueprint = library.find("sensor.camera.rgb")
    for size in ("image_size_x", "image_size_y"):
        camera_blueprint.set_attribute(size, "32")
    camera = world.spawn_actor(camera_blueprint, carla.Transform(carla.Location(z=2.0)), attach_to=vehicle)
    controller = world.spawn_actor(library.find("controller.ai.walker"), carla.Transform(), attach_to=walker)
    prop = stage.spawn(library.filter("static.prop.*")[0].id, ahead=30.0)
    world.tick()
    lights = list(world.get_actors().filter("traffic.traffic_light*"))
    cast = Cast(
        client, world, vehicle, walker, camera, controller, lights[0], prop,
        functools.partial(stage.place, up=0.3),
    )  # fmt: skip
    yield cast
    tidy_world(client)
    # The light manager calls the server when it is deleted, and aborts the process if there is none any more.
    vars(cast).clear()
    del client, world, stage, vehicle, walker, camera, controller, prop, lights
    gc.collect()


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_method_sends_the_listed_calls_and_gets_answers_of_the_listed_types(row: Row, cast: Cast, tap: WireTap):
    cast.world.tick()
    tap.settled()
    refused = [name for name in row.sends if status(name) not in (SUPPORTED, ACCEPTED) and CALLS[name].result]
    if refused:
        with pytest.raises(RuntimeError) as raised:
            row.act(cast)
        assert reason(refused[0]) in str(raised.value)
    else:
        result = row.act(cast)
        assert row.gives is None or isinstance(result, row.gives)
    cast.client.get_server_version()  # calls arrive in order: whatever `act` did not wait for is there as well
    exchanges = tap.settled()
    assert set(row.sends) <= {exchange.name for exchange in exchanges}
    for exchange in exchanges:
        judge(exchange)
    assert cast.world.tick() > 0


def test_a_new_client_learns_the_world_and_its_actors(cast: Cast, tap: WireTap):
    tap.settled()
    client = carla.Client("127.0.0.1", tap.port)
    client.set_timeout(10.0)
    world = client.get_world()
    assert world.get_actor(cast.vehicle.id).type_id == cast.vehicle.type_id
    assert {actor.id for actor in world.get_actors()} == {actor.id for actor in cast.world.get_actors()}
    assert world.get_map().name == cast.world.get_map().name
    assert world.tick() > 0
    exchanges = tap.settled()
    sent = {exchange.name for exchange in exchanges}
    assert sent >= {
        "version", "get_episode_info", "get_sensor_token", "get_episode_settings", "get_required_files",
        "query_lights_state", "get_actors_by_id", "get_map_info", "get_map_data", "tick_cue",
    }  # fmt: skip
    for exchange in exchanges:
        judge(exchange)


def test_every_method_of_the_python_api_is_used():
    uses = {row.api for row in ROWS} | ELSEWHERE
    there = {f"{name}.{method}" for name in CLASSES for method in vars(getattr(carla, name)) if method[0] != "_"}
    assert uses == there
