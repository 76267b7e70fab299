"""The world that clients share: an episode, its actors, and the tick that advances them."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable

import numpy as np

from sim.geometry import Pose
from sim.maps import Town
from sim.maps.objects import Layer
from sim.sensors.inertial import GRAVITY
from sim.server import ackermann, parts, powertrain, wire
from sim.server.actors import Actor, VehicleControl, WalkerControl, spectator
from sim.server.attachment import RIGID, spring_arm
from sim.server.blueprints import Description
from sim.server.bodies import PROP, BodyTable
from sim.server.dynamics import Dynamics
from sim.server.embodiment import embody, place, push
from sim.server.errors import CallError
from sim.server.ether import Ether
from sim.server.friction_zones import FrictionZones, is_trigger
from sim.server.guard import LIMIT, put_back, runaways
from sim.server.lights import LightManager
from sim.server.recorder import Recorder
from sim.server.right_of_way import RightOfWay
from sim.server.scene import SUN_ALTITUDE, Scene
from sim.server.sensors import Contact, Moment, Schedule, Sensor, make_sensor
from sim.server.settings import EpisodeSettings
from sim.server.signals import Signals
from sim.server.snapshots import Motion, Roster, observe
from sim.server.streams import SNAPSHOT_STREAM, StreamHub, canonical, snapshot_message
from sim.server.suspension import TOUCH
from sim.server.visibility import TownView

log = logging.getLogger(__name__)
EPISODE_CHANGE_S = 0.05
ASYNC_DELTA_S = 0.05
JUMP_MS = 4.2  # Unreal's default for characters: jumps of 0.9 m


class World:
    """One simulated world. Not thread safe: all calls come from the server's event loop."""

    def __init__(self, town: Town, hub: StreamHub, seed: int, stream_port: int) -> None:
        self.seed = seed
        self.stream_port = stream_port
        self.frame = 1
        self.episode = 0
        self._hub = hub
        self._next_stream = SNAPSHOT_STREAM + 1
        self._next_actor = 1
        self.settings = EpisodeSettings()
        self.recorder = Recorder()
        self.imu_gravity = GRAVITY
        self.on_pace_change: Callable[[], None] = lambda: None
        # What a snapshot gives as the operating system's time; nothing in the world depends on it.
        self.platform_s: Callable[[], float] = lambda: self.elapsed_s
        self._begin(town)

    # ---- episodes ------------------------------------------------------------------------------------------------

    def _begin(self, town: Town, layers: int = Layer.ALL) -> None:
        self.town = town
        self.episode += 1
        self.elapsed_s = 0.0
        self.delta_s = self.settings.fixed_delta_s or ASYNC_DELTA_S
        self.view = TownView(town, layers)
        self.scene = Scene(self.view.cameras, self.view.rays, getattr(self, "scene", None))
        self.lights = self.scene.lamps = LightManager(town.lamps, self.scene.weather[SUN_ALTITUDE])
        self.table = BodyTable()
        self.dynamics = Dynamics(self.table, town.ground, self.view.statics())
        self.friction_zones = FrictionZones()
        self.actors: dict[int, Actor] = {}
        self._by_row: dict[int, Actor] = {}
        self._sensors: dict[int, tuple[Sensor, Schedule]] = {}
        self._flags = wire.MAP_CHANGED
        self._motion: dict[int, Motion] = {}
        self._roster: Roster | None = None
        self._past: tuple[tuple[float, dict[int, tuple[float, ...]]], ...] = ()
        self.ether = Ether()
        self._spring_loaded: set[int] = set()
        self._carried: set[int] = set()
        self._by_ackermann: set[int] = set()
        self.spectator = spectator(self._new_actor_id())
        self.actors[self.spectator.id] = self.spectator
        self.signals = Signals(town.regulation, self._new_actor_id)
        self.actors.update(self.signals.actors)
        self.right_of_way = RightOfWay(self.signals)
        self.scene.signals = self.signals
        self._snapshot = self._make_snapshot()

    def load(self, town: Town, reset_settings: bool, layers: int = Layer.ALL) -> None:
        """Start a new episode in `town` with these map layers: no actors, clock at zero, default weather."""
        self.recorder.end_episode()
        for actor in self.actors.values():
            actor.alive = False
        if reset_settings:
            self.settings = EpisodeSettings()
        self.frame += 1
        self._begin(town, layers)
        # The client that asked drops its subscription now and makes another one. The 0.9.16 wheel can crash when a
        # message arrives while it does: none is sent before it has had the time. Newcomers get theirs at once.
        self._hub.pause(SNAPSHOT_STREAM, EPISODE_CHANGE_S)
        self._hub.publish(SNAPSHOT_STREAM, self._snapshot)
        self.on_pace_change()

    def show(self) -> None:
        """Let cameras, rays and bodies meet what is left of the town after `view` has changed."""
        self.scene.show(self.view.cameras, self.view.rays)
        self.dynamics.statics = self.view.statics()

    def has_stream(self, stream_id: int) -> bool:
        """Whether a live sensor, or the world itself, sends on this stream."""
        return canonical(stream_id) == SNAPSHOT_STREAM or any(
            sensor.actor.stream_id == stream_id for sensor, _ in self._sensors.values()
        )

    def sensor(self, actor_id: int) -> Sensor:
        """The streaming sensor of a live actor. Raises CallError."""
        actor = self.actor(actor_id)
        if actor_id not in self._sensors:
            raise CallError(f"actor {actor_id} ({actor.description.blueprint.id}) is not a sensor that streams")
        return self._sensors[actor_id][0]

    @property
    def snapshot(self) -> bytes:
        """The newest snapshot message."""
        return self._snapshot

    # ---- actors --------------------------------------------------------------------------------------------------

    def _new_actor_id(self) -> int:
        self._next_actor += 1
        return self._next_actor - 1

    def actor(self, actor_id: int) -> Actor:
        """A live actor. Raises CallError."""
        found = self.actors.get(actor_id)
        if found is None:
            raise CallError(f"actor {actor_id} not found: it was destroyed or never existed")
        return found

    def vehicle(self, actor_id: int) -> Actor:
        """A live vehicle. Raises CallError."""
        found = self.actor(actor_id)
        if not found.is_vehicle:
            raise CallError(f"actor {actor_id} ({found.description.blueprint.id}) is not a vehicle")
        return found

    def spawn(
        self, description: Description, pose: Pose, parent_id: int = 0, attachment: int = RIGID, socket: str = ""
    ) -> Actor:
        """Bring an actor into the world, on its own or attached to a parent (`sim.server.attachment`).

        Raises CallError when its place is taken or an attribute is impossible.
        """
        if max(map(abs, pose)) > LIMIT:
            raise CallError(f"Spawn failed because {pose} is further away than {LIMIT:g} m")
        parent = self.actor(parent_id) if parent_id else None
        blueprint = description.blueprint
        actor = Actor(self._next_actor, description, pose, parent)
        if parent is not None:
            actor.arm, actor.relative = spring_arm(attachment, pose)
            actor.mount = attachment, pose
            actor.socket = socket
            self._follow(actor, 0.0)
        if blueprint.id.startswith("sensor."):
            sensor = make_sensor(actor, self.seed, actor.id - self.spectator.id)
            if sensor is not None:
                actor.stream_id = self._next_stream
                self._next_stream += 1
                self._sensors[actor.id] = (sensor, Schedule(sensor.sensor_tick))
                sensor.prepare(self.scene)
        elif is_trigger(actor):
            self.friction_zones.add(actor)
        elif not description.bodiless:
            self._embody(actor)
        self._new_actor_id()
        self.actors[actor.id] = actor
        self._roster = None
        return actor

    def _follow(self, actor: Actor, delta_s: float) -> None:
        """Place an attached actor; its parent must be placed already."""
        parent = actor.parent
        socket = parts.socket(parent, actor.socket) if actor.socket and parent is not None else None
        actor.place(delta_s, socket)

    def spawn_as(self, actor_id: int, description: Description, pose: Pose) -> Actor:
        """Spawn under an id that no live actor has; younger actors get higher ids. Raises CallError, as `spawn`."""
        following, self._next_actor = self._next_actor, actor_id
        try:
            return self.spawn(description, pose)
        finally:
            self._next_actor = max(following, self._next_actor)

    def id_is_new(self, actor_id: int) -> bool:
        """Whether no actor of this episode has had an id; clients remember by id what they have seen of it."""
        return not self.spectator.id <= actor_id < self._next_actor

    def _embody(self, actor: Actor) -> None:
        row = embody(actor, self.table)
        assert actor.row is not None
        if actor.parent is None and row["kind"] != PROP and self.dynamics.occupied(actor.row):
            self.table.release(actor.row)
            raise CallError("Spawn failed because of collision at spawn position")
        self._by_row[actor.row] = actor
        self.right_of_way.forget(actor.row)

    def destroy(self, actor_id: int) -> bool:
        """Remove an actor; what is attached to it stays. The spectator, lights and signs stay too (False).

        Raises CallError for an unknown one.
        """
        actor = self.actor(actor_id)
        if actor is self.spectator or actor_id in self.signals.actors:
            return False
        actor.alive = False
        del self.actors[actor_id]
        self._roster = None
        for other in self.actors.values():
            if other.parent is actor:
                other.parent = other.relative = other.arm = None
        self._sensors.pop(actor_id, None)
        self._spring_loaded.discard(actor_id)
        self._by_ackermann.discard(actor_id)
        self.friction_zones.remove(actor_id)
        self.friction_zones.forget(actor_id)
        if actor.row is not None:
            self.table.release(actor.row)
            del self._by_row[actor.row]
        return True

    def row(self, actor: Actor) -> np.void | None:
        """The body of an actor, or None; valid until the next spawn."""
        return None if actor.row is None else self.table.rows[actor.row]

    # ---- commands ------------------------------------------------------------------------------------------------

    def control_vehicle(self, actor: Actor, control: VehicleControl) -> None:
        """Hold these pedals and this wheel until told otherwise (or for one tick, without sticky control)."""
        if actor.id in self._by_ackermann and actor.ackermann is not None:
            self._by_ackermann.discard(actor.id)
            actor.ackermann.stop()
        self._obey(actor, control)
        if not actor.description.flag("sticky_control"):
            self._spring_loaded.add(actor.id)

    def control_by_ackermann(self, actor: Actor, control: ackermann.AckermannControl) -> None:
        """Follow this command until an ordinary control takes over."""
        if actor.ackermann is None:
            actor.ackermann = ackermann.AckermannController()
        actor.ackermann.target = control
        self._by_ackermann.add(actor.id)

    def _obey(self, actor: Actor, control: VehicleControl) -> None:
        actor.vehicle_control = control
        row = self.row(actor)
        assert row is not None
        row["throttle"], row["brake"] = min(1.0, max(0.0, control.throttle)), min(1.0, max(0.0, control.brake))
        row["steer"] = min(1.0, max(-1.0, control.steer))
        row["hand_brake"], row["reverse"] = control.hand_brake, control.reverse or control.gear < 0
        row["manual"], row["wanted_gear"] = control.manual_gear_shift, control.gear

    def control_walker(self, actor: Actor, control: WalkerControl) -> None:
        """Walk in a direction of the world until told otherwise; the body turns to it."""
        actor.walker_control = control
        row = self.row(actor)
        assert row is not None
        x, y, _ = control.direction
        length = math.hypot(x, y)
        speed = control.speed / length if length > 1e-6 else 0.0
        row["walk_x"], row["walk_y"] = speed * x, speed * y
        if length > 1e-6 and control.speed > 0.0 and not row["down"]:
            row["yaw"] = math.degrees(math.atan2(y, x))
        if control.jump and not row["down"]:
            foot = float(row["z"] - row["foot"])
            if foot < self.town.ground.height(float(row["x"]), float(row["y"]), foot) + TOUCH:
                row["vz"] = JUMP_MS

    def move(self, actor: Actor, pose: Pose) -> None:
        """Teleport; relative to the parent when attached. A body keeps its velocity, as in CARLA. Raises CallError."""
        if max(map(abs, pose)) > LIMIT:
            raise CallError(f"actor {actor.id} cannot be moved to {pose}: nothing is further away than {LIMIT:g} m")
        if actor.id in self.signals.actors:
            raise CallError(f"actor {actor.id} cannot be moved: lights and signs stay where the map has them")
        if actor.parent is not None:
            actor.relative = pose
            self._follow(actor, 0.0)
        else:
            actor.pose = pose
        self._put(actor)

    def _put(self, actor: Actor) -> None:
        """Write an actor's pose into its body, if it has one; a fallen walker stands up."""
        row = self.row(actor)
        if row is not None:
            place(row, actor)
            row["down"] = 0
        elif is_trigger(actor):
            self.friction_zones.add(actor)

    def carry(self, walker: Actor, pose: Pose) -> None:
        """Set down a walker that its client's navigation leads; it moves as fast as the way takes until the tick."""
        row = self.row(walker)
        if row is not None and not row["simulate"]:
            step_s = self.settings.fixed_delta_s or self.delta_s
            for name, new in zip(("x", "y", "z"), pose):
                row["v" + name] = (new - row[name]) / step_s
            self._carried.add(walker.id)
        self.move(walker, pose)

    def _set_down(self) -> None:
        for actor_id in sorted(self._carried & self.actors.keys()):
            row = self.row(self.actors[actor_id])
            if row is not None:
                row["vx"] = row["vy"] = row["vz"] = 0.0
        self._carried.clear()

    def set_physics(self, actor: Actor, control: powertrain.PhysicsControl) -> None:
        """Replace a vehicle's physics control. Raises CallError."""
        assert actor.row is not None
        powertrain.apply_control(control, actor.description.blueprint, self.table, actor.row)
        actor.physics = control
        self.friction_zones.reapply(actor, self.table)

    def add_force(
        self, actor: Actor, force: tuple[float, float, float], torque: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ) -> None:
        """Push with a force (N) and turn with a torque (N m) during the next tick; both in the world's frame."""
        a, b = actor.force, actor.torque
        actor.force = (a[0] + force[0], a[1] + force[1], a[2] + force[2])
        actor.torque = (b[0] + torque[0], b[1] + torque[1], b[2] + torque[2])

    # ---- the tick ------------------------------------------------------------------------------------------------

    def tick(self, delta_s: float | None = None) -> int:
        """Advance the world by one step and send what it shows; returns the frame made."""
        self.delta_s = delta_s or self.settings.fixed_delta_s or ASYNC_DELTA_S
        self._apply_forces()
        self._steer_by_ackermann()
        self.friction_zones.update(self._by_row.values(), self.table)
        self._stop_runaways()
        contacts = self._contacts(self.dynamics.step(self.delta_s, self.settings.longest_substep_s(self.delta_s)))
        self._stop_runaways()
        self._release_controls()
        self.signals.advance(self.delta_s)
        self.recorder.before_snapshot(self)
        self.right_of_way.observe(self.table, self.delta_s)
        self.frame += 1
        self.elapsed_s += self.delta_s
        self._past = ((self.delta_s, self._motion), *self._past[:1])
        self._snapshot = self._make_snapshot()
        self._flags = 0
        self.recorder.after_snapshot(self, self._motion, contacts)
        self._hub.publish(SNAPSHOT_STREAM, self._snapshot)
        self._emit(contacts)
        self.scene.shapes.expire(self.elapsed_s)
        self._set_down()
        return self.frame

    def _stop_runaways(self) -> None:
        for index in runaways(self.table):
            actor = self._by_row[index]
            log.warning("actor %d left the world of finite numbers: it is put back", actor.id)
            put_back(self.table, index, actor.pose)

    def _apply_forces(self) -> None:
        for actor in self._by_row.values():
            if any(actor.force) or any(actor.torque):
                force, torque, dt = actor.force, actor.torque, self.delta_s
                impulse = (force[0] * dt, force[1] * dt, force[2] * dt)
                row = self.row(actor)
                assert row is not None
                push(row, impulse, (torque[0] * dt, torque[1] * dt, torque[2] * dt))
                actor.force = actor.torque = (0.0, 0.0, 0.0)

    def _steer_by_ackermann(self) -> None:
        for actor_id in sorted(self._by_ackermann):
            actor = self.actors[actor_id]
            row = self.row(actor)
            assert row is not None
            assert actor.ackermann is not None
            yaw = math.radians(row["yaw"])
            speed = math.cos(yaw) * row["vx"] + math.sin(yaw) * row["vy"]
            self._obey(actor, actor.ackermann.run(float(speed), float(row["max_steer"]), self.delta_s))

    def _release_controls(self) -> None:
        for actor_id in sorted(self._spring_loaded):
            self.control_vehicle(self.actors[actor_id], VehicleControl())
        self._spring_loaded.clear()

    def _contacts(self, touched: Iterable[tuple[int, int, float, float]]) -> list[Contact]:
        found = []
        for first, second, x, y in touched:
            actor = self._by_row[first]
            other = self._by_row[second] if second >= 0 else None
            tag = 0 if second >= 0 else int(self.town.boxes.tag[-1 - second])
            found.append(Contact(actor, other, (x, y, 0.0), tag))
            if other is not None:
                found.append(Contact(other, actor, (-x, -y, 0.0)))
        return found

    def _make_snapshot(self) -> bytes:
        if self._roster is None:
            self._roster = Roster(self.actors, self.signals.actors)
        flags = self._flags | (wire.LIGHTS_PENDING if self.lights.take_pending() else 0)
        header = wire.snapshot_header(self.episode, self.platform_s(), self.delta_s, flags)
        records, self._motion = observe(
            self._roster, self.table, self.right_of_way, self._keep_up, self._motion, self.delta_s
        )
        return snapshot_message(self.frame, self.elapsed_s, header + self.signals.records() + records)

    def _keep_up(self, actor: Actor) -> None:
        self._follow(actor, self.delta_s)
        if actor.row is not None:
            self._put(actor)

    def _emit(self, contacts: list[Contact]) -> None:
        due = []
        for sensor, schedule in self._sensors.values():
            if not self._hub.has_listener(sensor.actor.stream_id):
                schedule.restart()
            elif schedule.due(self.elapsed_s) and not (self.settings.no_rendering and hasattr(sensor, "fov")):
                due.append(sensor)
        if not due:
            return
        moment = Moment(
            self.frame,
            self.elapsed_s,
            self.delta_s,
            self.actors,
            contacts,
            self._motion,
            self._past,
            self.scene,
            self.town.opendrive,
            self.stream_port,
            self.table,
            self.imu_gravity,
            self.ether,
            due,
        )
        for sensor in due:
            try:
                messages = sensor.messages(moment)
            except Exception:
                # The world has moved already: one broken sensor must not take the tick from everybody.
                log.exception("%s %d failed", sensor.actor.description.blueprint.id, sensor.actor.id)
                continue
            for message in messages:
                self._hub.publish(sensor.actor.stream_id, message)

    def set_weather(self, values: tuple[float, ...]) -> None:
        """CARLA's 14 weather parameters."""
        self.scene.set_weather(values)
        self.lights.sun(values[SUN_ALTITUDE])
