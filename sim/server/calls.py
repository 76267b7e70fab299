"""The calls that CARLA's client makes, by name."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sim.maps import Town
from sim.server import batch, queries, wire
from sim.server.actors import Actor, VehicleControl, WalkerControl
from sim.server.blueprints import CATALOGUE, read_description
from sim.server.errors import BadArguments, CallError
from sim.server.powertrain import engine_rpm, read_control
from sim.server.registry import CALLS, call
from sim.server.settings import read_settings
from sim.server.streams import StreamHub
from sim.server.unsupported import UNSUPPORTED
from sim.server.wire import integer, items, number, text, vector
from sim.server.world import World

log = logging.getLogger(__name__)
VERSION = "0.9.16"
TICKING = frozenset({"tick_cue"})


class Client:
    """What the server remembers of one RPC connection."""

    def __init__(self) -> None:
        self.traffic_managers: set[int] = set()


class Calls:
    """Carries out clients' calls on a world."""

    def __init__(self, world: World, hub: StreamHub, load_town: Callable[[str], Town], towns: tuple[str, ...]) -> None:
        self.world = world
        self.hub = hub
        self._load_town = load_town
        self._towns = towns
        self._imported: Callable[[], Town] | None = None
        self._managers: dict[int, str] = {}
        self._client = Client()

    def ticks(self, request: wire.Request) -> bool:
        """Whether a request advances the world, and must therefore wait for announced subscriptions."""
        if request.name in TICKING:
            return True
        return request.name == "apply_batch" and len(request.params) > 1 and bool(request.params[1])

    def answer(self, request: wire.Request, client: Client) -> bytes:
        """Carry out a request; always returns a response."""
        known = CALLS.get(request.name)
        if known is None:
            if request.name in UNSUPPORTED:
                refusal = f"{request.name} is not supported by Pilotage's embedded server"
                return wire.response(request.message_id, wire.failure(refusal, UNSUPPORTED[request.name]))
            return wire.rpc_error(request.message_id, f"no function {request.name!r:.80}")
        self._client = client
        try:
            if len(request.params) < len(known.readers):
                raise BadArguments(f"{len(known.readers)} arguments expected, got {len(request.params)}")
            arguments = [read(value) for read, value in zip(known.readers, request.params, strict=False)]
            result = known.method(self, *arguments)
        except CallError as error:
            if request.is_async:
                log.debug("%s: %s", request.name, error)
            return wire.response(request.message_id, wire.failure(str(error), known.void))
        except (BadArguments, OverflowError) as error:
            log.warning("%s: %s", request.name, error)
            return wire.rpc_error(request.message_id, f"{request.name}: {error}")
        if known.unwrapped:
            return wire.response(request.message_id, result)
        return wire.response(request.message_id, wire.VOID_SUCCESS if known.void else wire.success(result))

    def forget(self, client: Client) -> None:
        """A client is gone: drop the traffic managers that it registered."""
        for port in client.traffic_managers:
            self._managers.pop(port, None)

    # ---- session -------------------------------------------------------------------------------------------------

    @call("version")
    def version(self) -> str:
        return VERSION

    @call("get_available_maps")
    def get_available_maps(self) -> list[str]:
        return [f"/Game/Carla/Maps/{name}" for name in self._towns]

    @call("get_episode_info")
    def get_episode_info(self) -> list[Any]:
        return [self.world.episode, [wire.token(1, self.world.stream_port)]]

    @call("get_sensor_token", takes=(integer,))
    def get_sensor_token(self, stream_id: int) -> list[bytes]:
        self.hub.announce(stream_id)
        return [wire.token(stream_id & 0xFFFFFFFF, self.world.stream_port)]

    @call("get_map_info")
    def get_map_info(self) -> list[Any]:
        town = self.world.town
        return [f"Carla/Maps/{town.name}", [wire.transform(point) for point in town.spawn_points]]

    @call("get_map_data")
    def get_map_data(self) -> str:
        return self.world.town.opendrive

    @call("get_required_files", takes=(text,))
    def get_required_files(self, folder: str) -> list[str]:
        return []

    @call("load_new_episode", takes=(text, bool), void=True)
    def load_new_episode(self, name: str, reset_settings: bool) -> None:
        short = name.rsplit("/", 1)[-1]
        if not short or short == self.world.town.name:
            town: Town = self.world.town
        elif short == "OpenDriveMap" and self._imported is not None:
            town = self._imported()
        else:
            try:
                town = self._load_town(short)
            except ValueError as error:
                raise CallError(f"map {name!r} not found: {error}") from error
        self.world.load(town, reset_settings)

    @call("copy_opendrive_to_file", takes=(text,), void=True)
    def copy_opendrive_to_file(self, opendrive: str) -> None:
        from sim.maps import InvalidOpenDrive, load_xodr

        if not opendrive.lstrip().startswith("<"):  # anything else would name a file of this machine
            raise CallError("the OpenDRIVE text cannot be read: it is not XML")
        try:
            town = load_xodr(opendrive, "OpenDriveMap")
        except (InvalidOpenDrive, ValueError, KeyError) as error:
            raise CallError(f"the OpenDRIVE text cannot be read: {error}") from error
        self._imported = lambda: town

    @call("get_episode_settings")
    def get_episode_settings(self) -> list[Any]:
        return self.world.settings.packed()

    @call("set_episode_settings", takes=(read_settings,))
    def set_episode_settings(self, settings: Any) -> int:
        self.world.settings = settings
        self.world.on_pace_change()
        return self.world.frame

    @call("tick_cue")
    def tick_cue(self) -> int:
        return self.world.tick() if self.world.settings.synchronous else self.world.frame + 1

    @call("get_weather_parameters")
    def get_weather_parameters(self) -> list[float]:
        return list(self.world.scene.weather)

    @call("set_weather_parameters", takes=(items,), void=True)
    def set_weather_parameters(self, weather: list[Any]) -> None:
        self.world.set_weather(tuple(number(value) for value in items(weather, 14)))

    # ---- actors --------------------------------------------------------------------------------------------------

    @call("get_actor_definitions")
    def get_actor_definitions(self) -> list[Any]:
        return [blueprint.packed() for blueprint in CATALOGUE.values()]

    @call("get_actors_by_id", takes=(items,))
    def get_actors_by_id(self, ids: list[Any]) -> list[Any]:
        actors = self.world.actors
        return [actors[i].packed(self.world.stream_port) for i in ids if isinstance(i, int) and i in actors]

    @call("get_spectator")
    def get_spectator(self) -> list[Any]:
        return self.world.spectator.packed(self.world.stream_port)

    @call("spawn_actor", takes=(read_description, wire.pose))
    def spawn_actor(self, description: Any, pose: Any) -> list[Any]:
        return self.world.spawn(description, pose).packed(self.world.stream_port)

    @call("spawn_actor_with_parent", takes=(read_description, wire.pose, integer))
    def spawn_actor_with_parent(self, description: Any, pose: Any, parent: int) -> list[Any]:
        return self.world.spawn(description, pose, parent).packed(self.world.stream_port)

    @call("destroy_actor", takes=(integer,))
    def destroy_actor(self, actor_id: int) -> bool:
        return self.world.destroy(actor_id)

    @call("get_actor_bounding_box", takes=(integer,))
    def get_actor_bounding_box(self, actor_id: int) -> list[Any]:
        return self.world.actor(actor_id).bounding_box()

    @call("set_actor_transform", takes=(integer, wire.pose), void=True)
    def set_actor_transform(self, actor_id: int, pose: Any) -> None:
        self.world.move(self.world.actor(actor_id), pose)

    @call("set_actor_location", takes=(integer, vector), void=True)
    def set_actor_location(self, actor_id: int, location: tuple[float, float, float]) -> None:
        actor = self.world.actor(actor_id)
        now = actor.relative if actor.parent is not None and actor.relative is not None else actor.pose
        row = self.world.row(actor)
        if row is not None and actor.parent is None:
            now = now._replace(pitch=float(row["pitch"]), yaw=float(row["yaw"]), roll=float(row["roll"]))
        self.world.move(actor, now._replace(x=location[0], y=location[1], z=location[2]))

    @call("set_actor_target_velocity", takes=(integer, vector), void=True)
    def set_actor_target_velocity(self, actor_id: int, velocity: tuple[float, float, float]) -> None:
        row = self.world.row(self.world.actor(actor_id))
        if row is not None:
            row["vx"], row["vy"], row["vz"] = velocity
            row["fresh"] = 1

    @call("set_actor_target_angular_velocity", takes=(integer, vector), void=True)
    def set_actor_target_angular_velocity(self, actor_id: int, velocity: tuple[float, float, float]) -> None:
        row = self.world.row(self.world.actor(actor_id))
        if row is not None:
            row["wx"], row["wy"], row["wz"] = velocity

    @call("enable_actor_constant_velocity", takes=(integer, vector), void=True)
    def enable_actor_constant_velocity(self, actor_id: int, velocity: tuple[float, float, float]) -> None:
        row = self.world.row(self.world.vehicle(actor_id))
        assert row is not None
        row["hold"], row["hold_vx"], row["hold_vy"] = 1, velocity[0], velocity[1]

    @call("disable_actor_constant_velocity", takes=(integer,), void=True)
    def disable_actor_constant_velocity(self, actor_id: int) -> None:
        row = self.world.row(self.world.vehicle(actor_id))
        assert row is not None
        row["hold"] = 0

    @call("add_actor_impulse", takes=(integer, vector), void=True)
    def add_actor_impulse(self, actor_id: int, impulse: tuple[float, float, float]) -> None:
        self.world.push(self.world.actor(actor_id), impulse)

    @call("add_actor_force", takes=(integer, vector), void=True)
    def add_actor_force(self, actor_id: int, force: tuple[float, float, float]) -> None:
        self.world.add_force(self.world.actor(actor_id), force)

    @call("add_actor_angular_impulse", takes=(integer, vector), void=True)
    def add_actor_angular_impulse(self, actor_id: int, impulse: tuple[float, float, float]) -> None:
        self.world.push(self.world.actor(actor_id), (0.0, 0.0, 0.0), impulse[2])

    @call("add_actor_torque", takes=(integer, vector), void=True)
    def add_actor_torque(self, actor_id: int, torque: tuple[float, float, float]) -> None:
        self.world.add_force(self.world.actor(actor_id), (0.0, 0.0, 0.0), torque[2])

    @call("set_actor_simulate_physics", takes=(integer, bool), void=True)
    def set_actor_simulate_physics(self, actor_id: int, enabled: bool) -> None:
        actor = self.world.actor(actor_id)
        row = self.world.row(actor)
        if row is not None:
            row["simulate"] = enabled and actor.parent is None
            if not enabled:
                for name in ("vx", "vy", "vz", "wx", "wy", "wz", "ax", "ay", "az"):
                    row[name] = 0.0

    @call("set_actor_collisions", takes=(integer, bool), void=True)
    def set_actor_collisions(self, actor_id: int, enabled: bool) -> None:
        row = self.world.row(self.world.actor(actor_id))
        if row is not None:
            row["collide"] = enabled

    @call("set_actor_enable_gravity", takes=(integer, bool), void=True)
    def set_actor_enable_gravity(self, actor_id: int, enabled: bool) -> None:
        row = self.world.row(self.world.actor(actor_id))
        if row is not None:
            row["gravity"] = enabled

    @call("set_actor_dead", takes=(integer,), void=True)
    def set_actor_dead(self, actor_id: int) -> None:
        row = self.world.row(self.world.actor(actor_id))
        if row is not None:
            row["down"] = 1

    @call("set_actor_autopilot", takes=(integer, bool), void=True)
    def set_actor_autopilot(self, actor_id: int, enabled: bool) -> None:
        # The client's Traffic Manager drives; the server only accepts the flag.
        self.world.vehicle(actor_id)

    # ---- vehicles and walkers ------------------------------------------------------------------------------------

    @call("apply_control_to_vehicle", takes=(integer, items), void=True)
    def apply_control_to_vehicle(self, actor_id: int, control: list[Any]) -> None:
        throttle, steer, brake, hand_brake, reverse, manual, gear = items(control, 7)
        self.world.control_vehicle(
            self.world.vehicle(actor_id),
            VehicleControl(
                number(throttle), number(steer), number(brake), bool(hand_brake), bool(reverse), bool(manual),
                max(-1, min(16, integer(gear))),
            ),
        )  # fmt: skip

    @call("apply_control_to_walker", takes=(integer, items), void=True)
    def apply_control_to_walker(self, actor_id: int, control: list[Any]) -> None:
        direction, speed, jump = items(control, 3)
        self.world.control_walker(self._walker(actor_id), WalkerControl(vector(direction), number(speed), bool(jump)))

    def _walker(self, actor_id: int) -> Actor:
        actor = self.world.actor(actor_id)
        if not actor.is_walker:
            raise CallError(f"actor {actor_id} ({actor.description.blueprint.id}) is not a walker")
        return actor

    @call("get_physics_control", takes=(integer,))
    def get_physics_control(self, actor_id: int) -> list[Any]:
        actor = self.world.vehicle(actor_id)
        assert actor.physics is not None
        return actor.physics.packed(actor.description.blueprint, actor.pose)

    @call("apply_physics_control", takes=(integer, read_control), void=True)
    def apply_physics_control(self, actor_id: int, control: Any) -> None:
        self.world.set_physics(self.world.vehicle(actor_id), control)

    @call("get_vehicle_light_states")
    def get_vehicle_light_states(self) -> list[list[int]]:
        return [[actor.id, actor.lights] for actor in self.world.actors.values() if actor.is_vehicle]

    @call("get_vehicle_light_state", takes=(integer,))
    def get_vehicle_light_state(self, actor_id: int) -> list[int]:
        return [self.world.vehicle(actor_id).lights]

    @call("set_vehicle_light_state", takes=(integer, items), void=True)
    def set_vehicle_light_state(self, actor_id: int, flags: list[Any]) -> None:
        self.world.vehicle(actor_id).lights = integer(items(flags, 1)[0]) & 0xFFFFFFFF

    @call("get_wheel_steer_angle", takes=(integer, integer))
    def get_wheel_steer_angle(self, actor_id: int, wheel: int) -> float:
        row = self.world.row(self.world.vehicle(actor_id))
        assert row is not None
        return float(row["wheel_angle"]) * 57.29577951308232 if wheel < 2 else 0.0

    @call("get_telemetry_data", takes=(integer,))
    def get_telemetry_data(self, actor_id: int) -> list[Any]:
        actor = self.world.vehicle(actor_id)
        row = self.world.row(actor)
        assert row is not None
        assert actor.physics is not None
        speed = float((row["vx"] ** 2 + row["vy"] ** 2) ** 0.5)
        control = actor.vehicle_control
        rpm = engine_rpm(actor.physics, speed)
        wheels = [[w.tire_friction, 0.0, 0.0, speed / (w.radius / 100.0), *[0.0] * 7] for w in actor.physics.wheels]
        drag = float(row["air_drag"]) * speed * speed
        return [speed, control.steer, control.throttle, control.brake, rpm, float(control.gear), drag, wheels]

    # ---- batches -------------------------------------------------------------------------------------------------

    @call("apply_batch", takes=(items, bool), raw=True)
    def apply_batch(self, commands: list[Any], tick: bool) -> list[Any]:
        results = [batch.run(self, self.world, command) for command in commands]
        if tick:
            self.tick_cue()
        return results

    @call("_apply_walker_state", takes=(integer, wire.pose, number), void=True)
    def _apply_walker_state(self, actor_id: int, pose: Any, speed: float) -> None:
        walker = self._walker(actor_id)
        self.world.move(walker, pose)
        walker.walker_control = replace(walker.walker_control, speed=speed)

    @call("_accept", takes=(integer,), void=True)
    def _accept(self, actor_id: int) -> None:
        self.world.actor(actor_id)

    # ---- traffic managers of clients -----------------------------------------------------------------------------

    @call("is_traffic_manager_running", takes=(integer,))
    def is_traffic_manager_running(self, port: int) -> bool:
        return port in self._managers

    @call("get_traffic_manager_running", takes=(integer,))
    def get_traffic_manager_running(self, port: int) -> list[Any]:
        return [self._managers.get(port, ""), port if port in self._managers else 0]

    @call("add_traffic_manager_running", takes=(items,))
    def add_traffic_manager_running(self, endpoint: list[Any]) -> bool:
        host, port = items(endpoint, 2)
        if integer(port) in self._managers:
            return False
        self._managers[port] = text(host)
        self._client.traffic_managers.add(port)
        return True

    @call("destroy_traffic_manager", takes=(integer,))
    def destroy_traffic_manager(self, port: int) -> bool:
        return self._managers.pop(port, None) is not None

    @call("reset_all_traffic_lights", void=True)
    def reset_all_traffic_lights(self) -> None:
        """No town has traffic lights yet."""

    @call("freeze_all_traffic_lights", takes=(bool,), void=True)
    def freeze_all_traffic_lights(self, frozen: bool) -> None:
        """No town has traffic lights yet."""

    # ---- the town ------------------------------------------------------------------------------------------------

    @call("query_lights_state")
    def query_lights_state(self) -> list[Any]:
        return []

    @call("get_all_level_BBs", takes=(integer,))
    def get_all_level_bounding_boxes(self, label: int) -> list[Any]:
        return queries.level_boxes(self.world, label)

    @call("get_environment_objects", takes=(integer,))
    def get_environment_objects(self, label: int) -> list[Any]:
        return queries.environment_objects(self.world, label)

    @call("get_names_of_all_objects")
    def get_names_of_all_objects(self) -> list[str]:
        return [entry[3] for entry in queries.environment_objects(self.world, queries.ANY)]

    @call("cast_ray", takes=(vector, vector))
    def cast_ray(self, start: Any, end: Any) -> list[Any]:
        return queries.cast_ray(self.world, start, end)

    @call("project_point", takes=(vector, vector, number))
    def project_point(self, start: Any, direction: Any, distance: float) -> list[Any]:
        end = tuple(a + distance * b for a, b in zip(start, direction))
        hits = queries.cast_ray(self.world, start, end)
        return [True, hits[0]] if hits else [False, [[0.0, 0.0, 0.0], 0]]

    @call("draw_debug_shape", void=True)
    @call("clear_debug_shape", void=True)
    @call("clear_debug_string", void=True)
    def draw_debug_shape(self) -> None:
        """Nobody looks through a spectator's window here."""
