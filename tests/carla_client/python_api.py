"""One use of every method of the classes of CARLA's Python API that talk to a server, and what it sends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import carla

Calls = tuple[str, ...]


@dataclass
class Cast:
    """Who plays in the rows of the table."""

    client: carla.Client
    world: carla.World
    vehicle: carla.Vehicle
    walker: carla.Walker
    camera: carla.Sensor
    controller: carla.WalkerAIController
    light: carla.TrafficLight
    prop: carla.Actor
    place: Callable[[float], carla.Transform]

    @property
    def lights(self) -> list[carla.Light]:
        return self.world.get_lightmanager().get_all_lights()


@dataclass(frozen=True)
class Row:
    """`act` uses `api` ("Class.attribute"); `sends` are the calls that then appear on the wire."""

    api: str
    act: Callable[[Cast], Any]
    sends: Calls = ()
    gives: type | None = None

    def __str__(self) -> str:
        return self.api


UP = carla.Vector3D(0.0, 0.0, 1.0)
RED = carla.Color(255, 0, 0)
FL = carla.VehicleWheelLocation.FL_Wheel
DIFFUSE = carla.MaterialParameter.Diffuse
ROOF = carla.Location(0.0, 0.0, 1.0)


def _spawn_and_destroy(cast: Cast, method: str) -> bool:
    blueprint = cast.world.get_blueprint_library().find("vehicle.audi.tt")
    actor = getattr(cast.world, method)(blueprint, cast.place(60.0))
    cast.world.tick()  # the client destroys nothing that it has not seen in a snapshot
    return actor.destroy()


def _blueprint(cast: Cast) -> carla.ActorBlueprint:
    return cast.world.get_blueprint_library().find("vehicle.tesla.model3")


def _on_tick(cast: Cast) -> int:
    heard: list[int] = []
    number = cast.world.on_tick(lambda snapshot: heard.append(snapshot.frame))
    cast.world.tick()
    cast.world.remove_on_tick(number)
    return number


def _listen(cast: Cast) -> bool:
    blueprint = cast.world.get_blueprint_library().find("sensor.other.imu")
    sensor = cast.world.spawn_actor(blueprint, carla.Transform(), attach_to=cast.vehicle)
    sensor.listen(lambda data: None)
    listening = sensor.is_listening()
    cast.world.tick()
    sensor.stop()
    sensor.destroy()
    return listening


def _bones(cast: Cast) -> None:
    control = carla.WalkerBoneControlIn()
    control.bone_transforms = [("crl_hand__R", carla.Transform(carla.Location(0.0, 0.0, 0.2)))]
    cast.walker.set_bones(control)


def _unconvertible(method: Callable[[], Any]) -> str:
    try:
        method()
    except TypeError as error:  # the 0.9.16 wheel has no Python type for what it returns
        return str(error)
    return ""


def _float_texture() -> carla.TextureFloatColor:
    return carla.TextureFloatColor(2, 2)


_GBUFFER = carla.libcarla.GBufferTextureID.SceneColor

ACTOR = [
    Row("Actor.id", lambda c: c.vehicle.id, gives=int),
    Row("Actor.type_id", lambda c: c.vehicle.type_id, gives=str),
    Row("Actor.parent", lambda c: c.camera.parent, gives=carla.Vehicle),
    Row("Actor.semantic_tags", lambda c: c.vehicle.semantic_tags, gives=list),
    Row("Actor.actor_state", lambda c: c.vehicle.actor_state, gives=int),
    Row("Actor.is_alive", lambda c: c.vehicle.is_alive, gives=bool),
    Row("Actor.is_dormant", lambda c: c.vehicle.is_dormant, gives=bool),
    Row("Actor.is_active", lambda c: c.vehicle.is_active, gives=bool),
    Row("Actor.attributes", lambda c: c.vehicle.attributes, gives=dict),
    Row("Actor.bounding_box", lambda c: c.vehicle.bounding_box, ("get_actor_bounding_box",), carla.BoundingBox),
    Row("Actor.get_world", lambda c: c.vehicle.get_world(), gives=carla.World),
    Row("Actor.get_location", lambda c: c.vehicle.get_location(), gives=carla.Location),
    Row("Actor.get_transform", lambda c: c.vehicle.get_transform(), gives=carla.Transform),
    Row("Actor.get_velocity", lambda c: c.vehicle.get_velocity(), gives=carla.Vector3D),
    Row("Actor.get_angular_velocity", lambda c: c.vehicle.get_angular_velocity(), gives=carla.Vector3D),
    Row("Actor.get_acceleration", lambda c: c.vehicle.get_acceleration(), gives=carla.Vector3D),
    Row("Actor.get_component_names", lambda c: c.vehicle.get_component_names(), ("get_actor_component_names",)),
    Row(
        "Actor.get_component_world_transform",
        lambda c: c.vehicle.get_component_world_transform(_first(c.vehicle.get_component_names)),
        ("get_actor_component_world_transform",),
    ),
    Row(
        "Actor.get_component_relative_transform",
        lambda c: c.vehicle.get_component_relative_transform(_first(c.vehicle.get_component_names)),
        ("get_actor_component_relative_transform",),
    ),
    Row("Actor.get_bone_names", lambda c: c.walker.get_bone_names(), ("get_actor_bone_names",)),
    Row(
        "Actor.get_bone_world_transforms",
        lambda c: c.walker.get_bone_world_transforms(),
        ("get_actor_bone_world_transforms",),
    ),
    Row(
        "Actor.get_bone_relative_transforms",
        lambda c: c.walker.get_bone_relative_transforms(),
        ("get_actor_bone_relative_transforms",),
    ),
    Row("Actor.get_socket_names", lambda c: c.vehicle.get_socket_names(), ("get_actor_socket_names",)),
    Row(
        "Actor.get_socket_world_transforms",
        lambda c: c.vehicle.get_socket_world_transforms(),
        ("get_actor_socket_world_transforms",),
    ),
    Row(
        "Actor.get_socket_relative_transforms",
        lambda c: c.vehicle.get_socket_relative_transforms(),
        ("get_actor_socket_relative_transforms",),
    ),
    Row("Actor.set_location", lambda c: c.prop.set_location(c.place(30.0).location), ("set_actor_location",)),
    Row("Actor.set_transform", lambda c: c.prop.set_transform(c.place(30.0)), ("set_actor_transform",)),
    Row("Actor.set_target_velocity", lambda c: c.vehicle.set_target_velocity(UP * 0), ("set_actor_target_velocity",)),
    Row(
        "Actor.set_target_angular_velocity",
        lambda c: c.vehicle.set_target_angular_velocity(UP),
        ("set_actor_target_angular_velocity",),
    ),
    Row(
        "Actor.enable_constant_velocity",
        lambda c: c.vehicle.enable_constant_velocity(carla.Vector3D(1.0, 0.0, 0.0)),
        ("enable_actor_constant_velocity",),
    ),
    Row(
        "Actor.disable_constant_velocity",
        lambda c: c.vehicle.disable_constant_velocity(),
        ("disable_actor_constant_velocity",),
    ),
    Row("Actor.add_impulse", lambda c: c.vehicle.add_impulse(UP), ("add_actor_impulse",)),
    Row("Actor.add_force", lambda c: c.vehicle.add_force(UP), ("add_actor_force",)),
    Row("Actor.add_angular_impulse", lambda c: c.vehicle.add_angular_impulse(UP), ("add_actor_angular_impulse",)),
    # The 0.9.16 client sends the call of the angular impulse for a torque as well.
    Row("Actor.add_torque", lambda c: c.vehicle.add_torque(UP), ("add_actor_angular_impulse",)),
    Row("Actor.set_simulate_physics", lambda c: c.prop.set_simulate_physics(False), ("set_actor_simulate_physics",)),
    Row("Actor.set_collisions", lambda c: c.prop.set_collisions(True), ("set_actor_collisions",)),
    Row("Actor.set_enable_gravity", lambda c: c.prop.set_enable_gravity(True), ("set_actor_enable_gravity",)),
    Row("Actor.destroy", lambda c: _spawn_and_destroy(c, "spawn_actor"), ("destroy_actor",), bool),
]
VEHICLE = [
    Row(
        "Vehicle.apply_control",
        lambda c: c.vehicle.apply_control(carla.VehicleControl(brake=1.0)),
        ("apply_control_to_vehicle",),
    ),
    Row(
        "Vehicle.apply_ackermann_control",
        lambda c: c.vehicle.apply_ackermann_control(carla.VehicleAckermannControl(speed=0.0)),
        ("apply_ackermann_control_to_vehicle",),
    ),
    Row("Vehicle.get_control", lambda c: c.vehicle.get_control(), gives=carla.VehicleControl),
    Row(
        "Vehicle.set_light_state",
        lambda c: c.vehicle.set_light_state(carla.VehicleLightState.Brake),
        ("set_vehicle_light_state",),
    ),
    Row("Vehicle.open_door", lambda c: c.vehicle.open_door(carla.VehicleDoor.FL), ("open_vehicle_door",)),
    Row("Vehicle.close_door", lambda c: c.vehicle.close_door(carla.VehicleDoor.FL), ("close_vehicle_door",)),
    Row(
        "Vehicle.set_wheel_steer_direction",
        lambda c: c.vehicle.set_wheel_steer_direction(FL, 5.0),
        ("set_wheel_steer_direction",),
    ),
    Row(
        "Vehicle.get_wheel_steer_angle",
        lambda c: c.vehicle.get_wheel_steer_angle(FL),
        ("get_wheel_steer_angle",),
        float,
    ),
    Row(
        "Vehicle.set_wheel_pitch_angle", lambda c: c.vehicle.set_wheel_pitch_angle(FL, 5.0), ("set_wheel_pitch_angle",)
    ),
    Row("Vehicle.get_wheel_pitch_angle", lambda c: c.vehicle.get_wheel_pitch_angle(FL), ("get_wheel_pitch_angle",)),
    Row("Vehicle.get_light_state", lambda c: c.vehicle.get_light_state(), gives=carla.VehicleLightState),
    Row(
        "Vehicle.apply_physics_control",
        lambda c: c.vehicle.apply_physics_control(c.vehicle.get_physics_control()),
        ("get_physics_control", "apply_physics_control"),
    ),
    Row(
        "Vehicle.get_physics_control",
        lambda c: c.vehicle.get_physics_control(),
        ("get_physics_control",),
        carla.VehiclePhysicsControl,
    ),
    Row(
        "Vehicle.apply_ackermann_controller_settings",
        lambda c: c.vehicle.apply_ackermann_controller_settings(carla.AckermannControllerSettings()),
        ("apply_ackermann_controller_settings",),
    ),
    Row(
        "Vehicle.get_ackermann_controller_settings",
        lambda c: c.vehicle.get_ackermann_controller_settings(),
        ("get_ackermann_controller_settings",),
    ),
    Row(
        "Vehicle.get_telemetry_data",
        lambda c: c.vehicle.get_telemetry_data(),
        ("get_telemetry_data",),
        carla.VehicleTelemetryData,
    ),
    Row(
        "Vehicle.show_debug_telemetry",
        lambda c: c.vehicle.show_debug_telemetry(False),
        ("show_vehicle_debug_telemetry",),
    ),
    Row("Vehicle.get_speed_limit", lambda c: c.vehicle.get_speed_limit(), gives=float),
    Row(
        "Vehicle.get_traffic_light_state", lambda c: c.vehicle.get_traffic_light_state(), gives=carla.TrafficLightState
    ),
    Row("Vehicle.is_at_traffic_light", lambda c: c.vehicle.is_at_traffic_light(), gives=bool),
    Row("Vehicle.get_traffic_light", lambda c: c.vehicle.get_traffic_light()),
    Row("Vehicle.enable_carsim", lambda c: c.vehicle.enable_carsim(""), ("enable_carsim",)),
    Row("Vehicle.use_carsim_road", lambda c: c.vehicle.use_carsim_road(False), ("use_carsim_road",)),
    Row(
        "Vehicle.enable_chrono_physics",
        lambda c: c.vehicle.enable_chrono_physics(10, 0.005, "", "", "", ""),
        ("enable_chrono_physics",),
    ),
    Row("Vehicle.restore_physx_physics", lambda c: c.vehicle.restore_physx_physics(), ("restore_physx_physics",)),
    Row("Vehicle.get_failure_state", lambda c: c.vehicle.get_failure_state(), gives=carla.VehicleFailureState),
    Row(
        "Vehicle.get_vehicle_bone_world_transforms",
        lambda c: c.vehicle.get_vehicle_bone_world_transforms(),
        ("get_vehicle_bone_world_transforms",),
    ),
]
WALKER = [
    Row(
        "Walker.apply_control",
        lambda c: c.walker.apply_control(carla.WalkerControl(carla.Vector3D(1, 0, 0), 0.1)),
        ("apply_control_to_walker",),
    ),
    Row("Walker.get_control", lambda c: c.walker.get_control(), gives=carla.WalkerControl),
    Row("Walker.get_bones", lambda c: c.walker.get_bones(), ("get_bones_transform",)),
    Row("Walker.set_bones", _bones, ("set_bones_transform",)),
    Row("Walker.blend_pose", lambda c: c.walker.blend_pose(0.5), ("blend_pose",)),
    Row("Walker.show_pose", lambda c: c.walker.show_pose(), ("blend_pose",)),
    Row("Walker.hide_pose", lambda c: c.walker.hide_pose(), ("blend_pose",)),
    Row("Walker.get_pose_from_animation", lambda c: c.walker.get_pose_from_animation(), ("get_pose_from_animation",)),
    Row("WalkerAIController.start", lambda c: c.controller.start(), ("set_actor_simulate_physics",)),
    Row("WalkerAIController.go_to_location", lambda c: c.controller.go_to_location(c.place(20.0).location)),
    Row("WalkerAIController.set_max_speed", lambda c: c.controller.set_max_speed(1.4)),
    Row("WalkerAIController.stop", lambda c: c.controller.stop()),
]
SENSOR = [
    Row("Sensor.listen", _listen, ("get_sensor_token",), bool),
    Row("Sensor.is_listening", lambda c: c.camera.is_listening(), gives=bool),
    Row("Sensor.stop", lambda c: c.camera.stop()),
    Row("ServerSideSensor.enable_gbuffers", lambda c: c.camera.enable_gbuffers(True), ("enable_gbuffers",)),
    Row(
        "ServerSideSensor.set_ignored_vehicles",
        lambda c: c.camera.set_ignored_vehicles([c.vehicle.id]),
        ("set_ignored_vehicles",),
    ),
    Row("ServerSideSensor.get_ignored_vehicles", lambda c: _unconvertible(c.camera.get_ignored_vehicles)),
    Row(
        "ServerSideSensor.listen_to_gbuffer",
        lambda c: c.camera.listen_to_gbuffer(_GBUFFER, lambda data: None),
        ("get_gbuffer_token",),
    ),
    Row("ServerSideSensor.is_listening_gbuffer", lambda c: c.camera.is_listening_gbuffer(_GBUFFER), gives=bool),
    Row("ServerSideSensor.stop_gbuffer", lambda c: c.camera.stop_gbuffer(_GBUFFER), ("get_gbuffer_token",)),
    Row("ServerSideSensor.enable_for_ros", lambda c: c.camera.enable_for_ros(), ("enable_sensor_for_ros",)),
    Row("ServerSideSensor.disable_for_ros", lambda c: c.camera.disable_for_ros(), ("disable_sensor_for_ros",)),
    Row("ServerSideSensor.is_enabled_for_ros", lambda c: c.camera.is_enabled_for_ros(), ("is_sensor_enabled_for_ros",)),
    # Sends nothing unless the sensor is a sensor.other.v2x_custom.
    Row("ServerSideSensor.send", lambda c: c.camera.send("hello")),
]
LIGHT = [
    Row("TrafficSign.trigger_volume", lambda c: c.light.trigger_volume, gives=carla.BoundingBox),
    Row("TrafficLight.state", lambda c: c.light.state, gives=carla.TrafficLightState),
    Row("TrafficLight.get_state", lambda c: c.light.get_state(), gives=carla.TrafficLightState),
    Row(
        "TrafficLight.set_state",
        lambda c: c.light.set_state(carla.TrafficLightState.Green),
        ("set_traffic_light_state",),
    ),
    Row("TrafficLight.set_green_time", lambda c: c.light.set_green_time(7.0), ("set_traffic_light_green_time",)),
    Row("TrafficLight.get_green_time", lambda c: c.light.get_green_time(), gives=float),
    Row("TrafficLight.set_yellow_time", lambda c: c.light.set_yellow_time(2.0), ("set_traffic_light_yellow_time",)),
    Row("TrafficLight.get_yellow_time", lambda c: c.light.get_yellow_time(), gives=float),
    Row("TrafficLight.set_red_time", lambda c: c.light.set_red_time(3.0), ("set_traffic_light_red_time",)),
    Row("TrafficLight.get_red_time", lambda c: c.light.get_red_time(), gives=float),
    Row("TrafficLight.get_elapsed_time", lambda c: c.light.get_elapsed_time(), gives=float),
    # The 0.9.16 client freezes all lights, whichever it is told to.
    Row("TrafficLight.freeze", lambda c: c.light.freeze(False), ("freeze_all_traffic_lights",)),
    Row("TrafficLight.is_frozen", lambda c: c.light.is_frozen(), gives=bool),
    Row("TrafficLight.get_pole_index", lambda c: c.light.get_pole_index(), gives=int),
    Row(
        "TrafficLight.get_group_traffic_lights",
        lambda c: c.light.get_group_traffic_lights(),
        ("get_group_traffic_lights",),
        list,
    ),
    Row("TrafficLight.reset_group", lambda c: c.light.reset_group(), ("reset_traffic_light_group",)),
    Row("TrafficLight.get_affected_lane_waypoints", lambda c: c.light.get_affected_lane_waypoints(), gives=list),
    Row("TrafficLight.get_light_boxes", lambda c: c.light.get_light_boxes(), ("get_light_boxes",), list),
    Row("TrafficLight.get_opendrive_id", lambda c: c.light.get_opendrive_id(), gives=str),
    Row("TrafficLight.get_stop_waypoints", lambda c: c.light.get_stop_waypoints(), gives=list),
]
CLIENT = [
    Row("Client.set_timeout", lambda c: c.client.set_timeout(10.0)),
    Row("Client.get_client_version", lambda c: c.client.get_client_version(), gives=str),
    Row("Client.get_server_version", lambda c: c.client.get_server_version(), ("version",), str),
    Row("Client.get_world", lambda c: c.client.get_world(), gives=carla.World),
    Row("Client.get_available_maps", lambda c: c.client.get_available_maps(), ("get_available_maps",), list),
    Row("Client.get_required_files", lambda c: c.client.get_required_files("", False), ("get_required_files",)),
    Row("Client.apply_batch", lambda c: c.client.apply_batch([], False), ("apply_batch",)),
    Row("Client.apply_batch_sync", lambda c: c.client.apply_batch_sync([], True), ("apply_batch", "tick_cue"), list),
    Row(
        "Client.set_replayer_time_factor",
        lambda c: c.client.set_replayer_time_factor(1.0),
        ("set_replayer_time_factor",),
    ),
    Row(
        "Client.set_replayer_ignore_hero",
        lambda c: c.client.set_replayer_ignore_hero(False),
        ("set_replayer_ignore_hero",),
    ),
    Row(
        "Client.set_replayer_ignore_spectator",
        lambda c: c.client.set_replayer_ignore_spectator(False),
        ("set_replayer_ignore_spectator",),
    ),
]
WORLD = [
    Row("World.id", lambda c: c.world.id, gives=int),
    Row("World.debug", lambda c: c.world.debug, gives=carla.DebugHelper),
    Row("World.load_map_layer", lambda c: c.world.load_map_layer(carla.MapLayer.Props), ("load_map_layer",)),
    Row("World.unload_map_layer", lambda c: c.world.unload_map_layer(carla.MapLayer.NONE), ("unload_map_layer",)),
    Row(
        "World.get_blueprint_library",
        lambda c: c.world.get_blueprint_library(),
        ("get_actor_definitions",),
        carla.BlueprintLibrary,
    ),
    Row(
        "World.get_vehicles_light_states",
        lambda c: dict(c.world.get_vehicles_light_states()),
        ("get_vehicle_light_states",),
        dict,
    ),
    Row("World.get_map", lambda c: c.world.get_map(), gives=carla.Map),
    Row("World.get_random_location_from_navigation", lambda c: c.world.get_random_location_from_navigation()),
    Row("World.get_spectator", lambda c: c.world.get_spectator(), ("get_spectator",), carla.Actor),
    Row("World.get_settings", lambda c: c.world.get_settings(), ("get_episode_settings",), carla.WorldSettings),
    Row(
        "World.apply_settings", lambda c: c.world.apply_settings(c.world.get_settings()), ("set_episode_settings",), int
    ),
    Row("World.get_weather", lambda c: c.world.get_weather(), ("get_weather_parameters",), carla.WeatherParameters),
    Row("World.set_weather", lambda c: c.world.set_weather(c.world.get_weather()), ("set_weather_parameters",)),
    Row("World.get_imui_sensor_gravity", lambda c: c.world.get_imui_sensor_gravity(), ("get_imui_gravity",)),
    Row("World.set_imui_sensor_gravity", lambda c: c.world.set_imui_sensor_gravity(9.81), ("set_imui_gravity",)),
    Row("World.get_snapshot", lambda c: c.world.get_snapshot(), gives=carla.WorldSnapshot),
    Row("World.get_actor", lambda c: c.world.get_actor(c.vehicle.id), gives=carla.Vehicle),
    Row("World.get_actors", lambda c: c.world.get_actors(), gives=carla.ActorList),
    Row("World.spawn_actor", lambda c: _spawn_and_destroy(c, "spawn_actor"), ("spawn_actor", "destroy_actor"), bool),
    Row("World.try_spawn_actor", lambda c: _spawn_and_destroy(c, "try_spawn_actor"), ("spawn_actor",), bool),
    Row("World.tick", lambda c: c.world.tick(), ("tick_cue",), int),
    Row("World.on_tick", _on_tick, gives=int),
    Row("World.remove_on_tick", _on_tick, gives=int),
    Row("World.set_pedestrians_cross_factor", lambda c: c.world.set_pedestrians_cross_factor(0.1)),
    Row("World.set_pedestrians_seed", lambda c: c.world.set_pedestrians_seed(1)),
    Row(
        "World.get_traffic_lights_from_waypoint", lambda c: list(c.world.get_traffic_lights_from_waypoint(_at(c), 50.0))
    ),
    Row("World.get_traffic_lights_in_junction", lambda c: list(c.world.get_traffic_lights_in_junction(_junction(c)))),
    Row("World.reset_all_traffic_lights", lambda c: c.world.reset_all_traffic_lights(), ("reset_all_traffic_lights",)),
    Row("World.get_lightmanager", lambda c: c.world.get_lightmanager(), gives=carla.LightManager),
    Row(
        "World.freeze_all_traffic_lights",
        lambda c: c.world.freeze_all_traffic_lights(False),
        ("freeze_all_traffic_lights",),
    ),
    Row(
        "World.get_level_bbs",
        lambda c: c.world.get_level_bbs(carla.CityObjectLabel.Buildings),
        ("get_all_level_BBs",),
        list,
    ),
    Row(
        "World.get_environment_objects",
        lambda c: c.world.get_environment_objects(carla.CityObjectLabel.Buildings),
        ("get_environment_objects",),
        list,
    ),
    Row(
        "World.enable_environment_objects",
        lambda c: c.world.enable_environment_objects({_object(c)}, True),
        ("enable_environment_objects",),
    ),
    Row(
        "World.cast_ray",
        lambda c: c.world.cast_ray(c.vehicle.get_location() + carla.Location(z=30.0), c.vehicle.get_location()),
        ("cast_ray",),
        list,
    ),
    Row(
        "World.project_point",
        lambda c: c.world.project_point(c.place(5.0).location + ROOF, carla.Vector3D(z=-1.0), 10.0),
        ("project_point",),
        carla.LabelledPoint,
    ),
    Row(
        "World.ground_projection",
        lambda c: c.world.ground_projection(c.place(5.0).location + ROOF, 10.0),
        ("project_point",),
        carla.LabelledPoint,
    ),
    Row(
        "World.get_names_of_all_objects",
        lambda c: c.world.get_names_of_all_objects(),
        ("get_names_of_all_objects",),
        list,
    ),
    Row(
        "World.apply_color_texture_to_object",
        lambda c: c.world.apply_color_texture_to_object(_named(c), DIFFUSE, carla.TextureColor(2, 2)),
        ("apply_color_texture_to_objects",),
    ),
    Row(
        "World.apply_color_texture_to_objects",
        lambda c: c.world.apply_color_texture_to_objects([_named(c)], DIFFUSE, carla.TextureColor(2, 2)),
        ("apply_color_texture_to_objects",),
    ),
    Row(
        "World.apply_float_color_texture_to_object",
        lambda c: c.world.apply_float_color_texture_to_object(_named(c), DIFFUSE, _float_texture()),
        ("apply_float_color_texture_to_objects",),
    ),
    Row(
        "World.apply_float_color_texture_to_objects",
        lambda c: c.world.apply_float_color_texture_to_objects([_named(c)], DIFFUSE, _float_texture()),
        ("apply_float_color_texture_to_objects",),
    ),
    Row(
        "World.apply_textures_to_object",
        lambda c: c.world.apply_textures_to_object(
            _named(c), carla.TextureColor(2, 2), _float_texture(), _float_texture(), _float_texture()
        ),
        ("apply_color_texture_to_objects",),
    ),
    Row(
        "World.apply_textures_to_objects",
        lambda c: c.world.apply_textures_to_objects(
            [_named(c)], carla.TextureColor(2, 2), _float_texture(), _float_texture(), _float_texture()
        ),
        ("apply_color_texture_to_objects",),
    ),
    Row(
        "World.set_annotations_traverse_translucency",
        lambda c: c.world.set_annotations_traverse_translucency(False),
        ("set_annotations_traverse_translucency",),
    ),
]
_DRAWN = ("draw_debug_shape",)
_BOX = carla.BoundingBox(carla.Location(), carla.Vector3D(1, 1, 1))
DEBUG = [
    Row("DebugHelper.draw_point", lambda c: c.world.debug.draw_point(ROOF, life_time=0.1), _DRAWN),
    Row("DebugHelper.draw_line", lambda c: c.world.debug.draw_line(ROOF, ROOF, life_time=0.1), _DRAWN),
    Row("DebugHelper.draw_arrow", lambda c: c.world.debug.draw_arrow(ROOF, ROOF, life_time=0.1), _DRAWN),
    Row("DebugHelper.draw_box", lambda c: c.world.debug.draw_box(_BOX, carla.Rotation(), life_time=0.1), _DRAWN),
    Row("DebugHelper.draw_string", lambda c: c.world.debug.draw_string(ROOF, "here", life_time=0.1), _DRAWN),
    Row("DebugHelper.draw_hud_point", lambda c: c.world.debug.draw_hud_point(ROOF, life_time=0.1), _DRAWN),
    Row("DebugHelper.draw_hud_line", lambda c: c.world.debug.draw_hud_line(ROOF, ROOF, life_time=0.1), _DRAWN),
    Row("DebugHelper.draw_hud_arrow", lambda c: c.world.debug.draw_hud_arrow(ROOF, ROOF, life_time=0.1), _DRAWN),
    Row(
        "DebugHelper.draw_hud_box", lambda c: c.world.debug.draw_hud_box(_BOX, carla.Rotation(), life_time=0.1), _DRAWN
    ),
    Row("DebugHelper.clear_debug_shape", lambda c: c.world.debug.clear_debug_shape(), ("clear_debug_shape",)),
    Row("DebugHelper.clear_debug_string", lambda c: c.world.debug.clear_debug_string(), ("clear_debug_string",)),
]
_STREET = carla.LightGroup.Street


def _managed(act: Callable[[carla.LightManager, list[carla.Light]], Any]) -> Callable[[Cast], Any]:
    """Changes reach the server at the next tick."""

    def use(cast: Cast) -> Any:
        manager = cast.world.get_lightmanager()
        result = act(manager, manager.get_all_lights())
        cast.world.tick()
        return result

    return use


def _one(act: Callable[[carla.Light], Any]) -> Callable[[Cast], Any]:
    """The same with the first light, if the town has any."""
    return _managed(lambda manager, lights: [act(light) for light in lights[:1]])


LIGHTS = [
    Row("LightManager.get_all_lights", _managed(lambda m, ls: m.get_all_lights(_STREET))),
    Row("LightManager.get_turned_on_lights", _managed(lambda m, ls: m.get_turned_on_lights(_STREET))),
    Row("LightManager.get_turned_off_lights", _managed(lambda m, ls: m.get_turned_off_lights(_STREET))),
    Row("LightManager.turn_on", _managed(lambda m, ls: m.turn_on(ls))),
    Row("LightManager.turn_off", _managed(lambda m, ls: m.turn_off(ls))),
    Row("LightManager.set_active", _managed(lambda m, ls: m.set_active(ls, [True] * len(ls)))),
    Row("LightManager.is_active", _managed(lambda m, ls: m.is_active(ls))),
    Row("LightManager.set_color", _managed(lambda m, ls: m.set_color(ls, RED))),
    Row("LightManager.set_colors", _managed(lambda m, ls: m.set_colors(ls, [RED] * len(ls)))),
    Row("LightManager.get_color", _managed(lambda m, ls: m.get_color(ls))),
    Row("LightManager.set_intensity", _managed(lambda m, ls: m.set_intensity(ls, 100.0))),
    Row("LightManager.set_intensities", _managed(lambda m, ls: m.set_intensities(ls, [100.0] * len(ls)))),
    Row("LightManager.get_intensity", _managed(lambda m, ls: m.get_intensity(ls))),
    Row("LightManager.set_light_group", _managed(lambda m, ls: m.set_light_group(ls, _STREET))),
    Row("LightManager.set_light_groups", _managed(lambda m, ls: m.set_light_groups(ls, [_STREET] * len(ls)))),
    Row("LightManager.get_light_group", _managed(lambda m, ls: m.get_light_group(ls))),
    Row("LightManager.set_light_state", _managed(lambda m, ls: m.set_light_state(ls, carla.LightState(50.0)))),
    Row(
        "LightManager.set_light_states",
        _managed(lambda m, ls: m.set_light_states(ls, [carla.LightState(50.0)] * len(ls))),
    ),
    Row("LightManager.get_light_state", _managed(lambda m, ls: m.get_light_state(ls))),
    Row(
        "LightManager.set_day_night_cycle",
        _managed(lambda m, ls: m.set_day_night_cycle(False)),
        ("update_day_night_cycle",),
    ),
    Row("Light.id", _one(lambda light: light.id)),
    Row("Light.location", _one(lambda light: light.location)),
    Row("Light.is_on", _one(lambda light: light.is_on)),
    Row("Light.color", _one(lambda light: light.color)),
    Row("Light.intensity", _one(lambda light: light.intensity)),
    Row("Light.light_group", _one(lambda light: light.light_group)),
    Row("Light.light_state", _one(lambda light: light.light_state)),
    Row("Light.turn_on", _one(lambda light: light.turn_on())),
    Row("Light.turn_off", _one(lambda light: light.turn_off())),
    Row("Light.set_color", _one(lambda light: light.set_color(RED))),
    Row("Light.set_intensity", _one(lambda light: light.set_intensity(100.0))),
    Row("Light.set_light_group", _one(lambda light: light.set_light_group(_STREET))),
    Row("Light.set_light_state", _one(lambda light: light.set_light_state(carla.LightState(50.0)))),
]


def _first(names: Callable[[], list[str]]) -> str:
    try:
        return (list(names()) or ["none"])[0]
    except RuntimeError:  # refused
        return "none"


def _at(cast: Cast) -> carla.Waypoint:
    return cast.world.get_map().get_waypoint(cast.vehicle.get_location())


def _junction(cast: Cast) -> int:
    return next(w for w, _ in cast.world.get_map().get_topology() if w.is_junction).junction_id


def _object(cast: Cast) -> int:
    return cast.world.get_environment_objects(carla.CityObjectLabel.Buildings)[0].id


def _named(cast: Cast) -> str:
    return cast.world.get_names_of_all_objects()[0]


ROWS = [*ACTOR, *VEHICLE, *WALKER, *SENSOR, *CLIENT, *WORLD, *DEBUG, *LIGHTS, *LIGHT]
CLASSES = (
    "Actor", "Vehicle", "Walker", "WalkerAIController", "Sensor", "ServerSideSensor", "TrafficSign", "TrafficLight",
    "Client", "World", "DebugHelper", "LightManager", "Light",
)  # fmt: skip
# Used by tests of their own, because they start an episode, a process or a file.
ELSEWHERE = {
    "Client.set_files_base_folder", "Client.request_file", "Client.reload_world", "Client.load_world",
    "Client.load_world_if_different", "Client.generate_opendrive_world", "Client.start_recorder",
    "Client.stop_recorder", "Client.show_recorder_file_info", "Client.show_recorder_collisions",
    "Client.show_recorder_actors_blocked", "Client.replay_file", "Client.stop_replayer", "Client.get_trafficmanager",
    "Vehicle.set_autopilot",
    "World.wait_for_tick", "World.get_traffic_sign", "World.get_traffic_light",
    "World.get_traffic_light_from_opendrive_id",
}  # fmt: skip
