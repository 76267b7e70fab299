"""Methods of the Python API that start episodes, write or play records, fetch files, or run a Traffic Manager."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import carla
import pytest
from wire_shapes import CALLS, judge
from wire_tap import WireTap

from sim.server.support import ACCEPTED, SUPPORTED, reason, status
from tests.client_process import free_port


@pytest.fixture
def tapped(tap: WireTap, world: carla.World) -> carla.Client:
    """A client whose calls `tap` sees, in a world that is tidied afterwards."""
    client = carla.Client("127.0.0.1", tap.port)
    client.set_timeout(10.0)
    client.get_world()
    tap.settled()
    return client


def _use(client: carla.Client, tap: WireTap, act: Callable[[], Any], *sends: str) -> Any:
    """What `act` gives, None if it is refused; all that it sends has the listed types and gets a fitting answer."""
    refused = [name for name in sends if status(name) not in (SUPPORTED, ACCEPTED) and CALLS[name].result]
    result: Any = None
    if refused:
        with pytest.raises(RuntimeError) as raised:
            act()
        assert reason(refused[0]) in str(raised.value)
    else:
        result = act()
    client.get_server_version()
    exchanges = tap.settled()
    assert set(sends) <= {exchange.name for exchange in exchanges}
    for exchange in exchanges:
        judge(exchange)
    return result


def test_worlds_are_loaded_by_name(tapped, tap):
    names = sorted(name.rsplit("/", 1)[-1] for name in tapped.get_available_maps())
    world = _use(tapped, tap, lambda: tapped.load_world(names[-1]), "load_new_episode", "get_episode_info")
    assert world.get_map().name.endswith(names[-1])
    _use(tapped, tap, lambda: tapped.load_world_if_different(names[-1]))
    assert tapped.get_world().id == world.id
    _use(tapped, tap, lambda: tapped.load_world_if_different(names[0]), "load_new_episode")
    world = tapped.get_world()
    assert world.get_map().name.endswith(names[0])
    again = _use(tapped, tap, lambda: tapped.reload_world(), "load_new_episode")
    assert again.get_map().name.endswith(names[0])
    assert again.id != world.id


def test_world_is_generated_from_opendrive(tapped, tap):
    text = tapped.get_world().get_map().to_opendrive()
    parameters = carla.OpendriveGenerationParameters(vertex_distance=2.0, wall_height=0.0)
    world = _use(
        tapped,
        tap,
        lambda: tapped.generate_opendrive_world(text, parameters),
        "copy_opendrive_to_file",
        "load_new_episode",
    )
    assert world.get_map().to_opendrive() == text


def test_records_are_made_shown_and_replayed(tapped, tap, stage):
    vehicle = stage.spawn("vehicle.tesla.model3")
    world = tapped.get_world()
    world.tick()
    name = f"conformance_{os.getpid()}.log"
    _use(tapped, tap, lambda: tapped.start_recorder(name, True), "start_recorder")
    vehicle.apply_control(carla.VehicleControl(throttle=1.0))
    for _ in range(20):
        world.tick()
    _use(tapped, tap, lambda: tapped.stop_recorder(), "stop_recorder")
    _use(tapped, tap, lambda: tapped.show_recorder_file_info(name, False), "show_recorder_file_info")
    _use(tapped, tap, lambda: tapped.show_recorder_collisions(name, "a", "a"), "show_recorder_collisions")
    _use(tapped, tap, lambda: tapped.show_recorder_actors_blocked(name, 1.0, 1.0), "show_recorder_actors_blocked")
    _use(tapped, tap, lambda: tapped.replay_file(name, 0.0, 0.0, 0), "replay_file")
    for _ in range(5):
        world.tick()
    _use(tapped, tap, lambda: tapped.stop_replayer(False), "stop_replayer")
    assert world.tick() > 0


def test_required_files_are_fetched_into_the_clients_folder(tapped, tap, tmp_path):
    names = _use(tapped, tap, lambda: list(tapped.get_required_files("Nav", False)), "get_required_files")
    if not names:
        pytest.skip("this server needs no files on the client")
    assert tapped.set_files_base_folder(str(tmp_path))
    _use(tapped, tap, lambda: tapped.request_file(names[0]), "request_file")
    fetched = [path for path in Path(tmp_path).rglob("*") if path.is_file()]
    assert [path.stat().st_size > 0 for path in fetched] == [True]


def test_request_for_a_file_that_there_is_not_is_refused(tapped):
    with pytest.raises(RuntimeError, match=r"passwd|file"):
        tapped.request_file("../../etc/passwd")


def test_asynchronous_world_is_waited_for(tapped, tap):
    world = tapped.get_world()
    settings = world.get_settings()
    settings.synchronous_mode = False
    _use(tapped, tap, lambda: world.apply_settings(settings), "set_episode_settings")
    first = _use(tapped, tap, lambda: world.wait_for_tick(5.0))
    assert world.wait_for_tick(5.0).frame > first.frame


_MANAGER: list[tuple[str, Callable[[carla.TrafficManager, carla.Vehicle, carla.Vehicle], Any]]] = [
    ("get_port", lambda m, a, b: m.get_port()),
    ("vehicle_percentage_speed_difference", lambda m, a, b: m.vehicle_percentage_speed_difference(a, 10.0)),
    ("vehicle_lane_offset", lambda m, a, b: m.vehicle_lane_offset(a, 0.1)),
    ("set_desired_speed", lambda m, a, b: m.set_desired_speed(a, 30.0)),
    ("global_percentage_speed_difference", lambda m, a, b: m.global_percentage_speed_difference(5.0)),
    ("global_lane_offset", lambda m, a, b: m.global_lane_offset(0.0)),
    ("update_vehicle_lights", lambda m, a, b: m.update_vehicle_lights(a, True)),
    ("collision_detection", lambda m, a, b: m.collision_detection(a, b, True)),
    ("force_lane_change", lambda m, a, b: m.force_lane_change(a, True)),
    ("auto_lane_change", lambda m, a, b: m.auto_lane_change(a, False)),
    ("distance_to_leading_vehicle", lambda m, a, b: m.distance_to_leading_vehicle(a, 2.0)),
    ("ignore_walkers_percentage", lambda m, a, b: m.ignore_walkers_percentage(a, 0.0)),
    ("ignore_vehicles_percentage", lambda m, a, b: m.ignore_vehicles_percentage(a, 0.0)),
    ("ignore_lights_percentage", lambda m, a, b: m.ignore_lights_percentage(a, 0.0)),
    ("ignore_signs_percentage", lambda m, a, b: m.ignore_signs_percentage(a, 0.0)),
    ("set_global_distance_to_leading_vehicle", lambda m, a, b: m.set_global_distance_to_leading_vehicle(2.5)),
    ("keep_slow_lane_rule_percentage", lambda m, a, b: m.keep_slow_lane_rule_percentage(a, 0.0)),
    ("random_left_lanechange_percentage", lambda m, a, b: m.random_left_lanechange_percentage(a, 0.0)),
    ("random_right_lanechange_percentage", lambda m, a, b: m.random_right_lanechange_percentage(a, 0.0)),
    ("set_synchronous_mode", lambda m, a, b: m.set_synchronous_mode(True)),
    ("set_hybrid_physics_mode", lambda m, a, b: m.set_hybrid_physics_mode(False)),
    ("set_hybrid_physics_radius", lambda m, a, b: m.set_hybrid_physics_radius(50.0)),
    ("set_random_device_seed", lambda m, a, b: m.set_random_device_seed(1)),
    ("set_osm_mode", lambda m, a, b: m.set_osm_mode(False)),
    ("set_path", lambda m, a, b: m.set_path(a, [a.get_location() + a.get_transform().get_forward_vector() * 30.0])),
    ("set_route", lambda m, a, b: m.set_route(a, ["Straight"])),
    ("set_respawn_dormant_vehicles", lambda m, a, b: m.set_respawn_dormant_vehicles(False)),
    ("set_boundaries_respawn_dormant_vehicles", lambda m, a, b: m.set_boundaries_respawn_dormant_vehicles(25.0, 100.0)),
    ("get_next_action", lambda m, a, b: m.get_next_action(a)),
    ("get_all_actions", lambda m, a, b: m.get_all_actions(a)),
]


def _manage(_: carla.Client, port: int) -> dict[str, str]:
    """Uses every method of the Traffic Manager; what each one gives or raises."""
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(10.0)
    world = client.get_world()
    manager = client.get_trafficmanager(free_port())
    manager.set_synchronous_mode(True)
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    cars = [world.spawn_actor(blueprint, point) for point in world.get_map().get_spawn_points()[:20:10]]
    world.tick()
    for car in cars:
        car.set_autopilot(True, manager.get_port())
    for _ in range(10):
        world.tick()
    said = {}
    for name, act in _MANAGER:
        try:
            said[name] = repr(act(manager, *cars))[:80]
        except Exception as error:
            said[name] = f"{type(error).__name__}: {error}"
        world.tick()
    manager.shut_down()
    return said


def test_every_method_of_the_traffic_manager(in_child, tap):
    tap.settled()
    said = in_child(_manage, tap.port, deadline_s=60.0)
    methods = {name for name in vars(carla.TrafficManager) if name[0] != "_"} - {"shut_down"}
    assert set(said) == methods
    assert {name: text for name, text in said.items() if "Error" in text} == {}
    exchanges = tap.settled()
    assert {exchange.name for exchange in exchanges} >= {
        "is_traffic_manager_running", "add_traffic_manager_running", "get_required_files", "get_vehicle_light_states",
        "get_weather_parameters", "apply_batch", "reset_all_traffic_lights", "get_actor_bounding_box",
    }  # fmt: skip
    for exchange in exchanges:
        judge(exchange)
