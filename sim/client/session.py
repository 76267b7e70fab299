"""A CARLA session: one client, one world in synchronous mode, and every actor spawned through it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from types import TracebackType
from typing import Any

import carla

from sim.client.config import SessionConfig
from sim.client.errors import (
    CallFailed,
    InvalidSession,
    ServerDied,
    ServerUnreachable,
    SessionError,
    TownUnavailable,
    VersionMismatch,
)
from sim.client.process import EmbeddedServer
from sim.maps.generator import is_pool, parse_name

CONNECT_DEADLINE_S = 5.0


class Session:
    """Owns a `carla.Client` and a synchronous world. Made by `open_session`; a context manager.

    client, world, map   the `carla` objects; calls on them belong inside `guard()`
    embedded             whether the server is a process of this session
    cache                what users of the session compute once per map; `go_to` changes map and cache
    """

    def __init__(self, config: SessionConfig, server: EmbeddedServer | None) -> None:
        self.config = config
        self.embedded = server is not None
        self.cache: dict[str, Any] = {}
        self._caches: dict[str, dict[str, Any]] = {}
        self._server = server
        self._actors: list[carla.Actor] = []
        self._open = True
        self._unsure = False
        self._restore: carla.WorldSettings | None = None
        self._host, self._port = (server.host, server.port) if server else (config.host, config.port)
        with self.guard():
            self.client = carla.Client(self._host, self._port)
            self.client.set_timeout(config.timeout_s)
            ours, theirs = version("carla"), self.client.get_server_version()
            if ours.split("-")[0] != theirs.split("-")[0]:
                raise VersionMismatch(
                    f"the server at {self._host}:{self._port} is CARLA {theirs}, this client is {ours}; "
                    f"run a {ours} server"
                )
            self.world = self.client.get_world()
            if server is None and config.town and _short(self.world.get_map().name) != _short(config.town):
                self._load(_short(config.town))
            settings = self.world.get_settings()
            self._restore = None if server else self.world.get_settings()
            settings.synchronous_mode = True
            settings.fixed_delta_seconds = config.fixed_delta
            self.world.apply_settings(settings)
            self._arrive()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def server_pid(self) -> int | None:
        """Process id of the embedded server; None for a remote one."""
        return self._server.pid if self._server else None

    def is_alive(self) -> bool:
        """Whether the session is open and, if embedded, its server runs and has answered all calls in time: what it did
        of a call that was given up, such as a spawn, nobody knows."""
        return self._open and not self._unsure and (self._server is None or self._server.is_alive())

    def check(self) -> None:
        """Raises ServerDied or SessionError when the session cannot be used any more."""
        if not self._open:
            raise SessionError("the session is closed; open a new one")
        if self._server is not None and not self._server.is_alive():
            raise ServerDied(
                f"the embedded server (pid {self._server.pid}) ended: {self._server.obituary()}; open a new session"
            )
        if self._unsure:
            raise SessionError(
                "an earlier call was given up and may have been carried out later, so the world is not the one that "
                "was asked for; open a new session"
            )

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Run `carla` calls; their RuntimeErrors become typed errors. Checks the server before and after a failure."""
        self.check()
        try:
            yield
        except RuntimeError as error:
            if isinstance(error, SessionError):
                raise
            self.check()
            words = str(error).strip()
            if "time-out" in words:
                self._unsure = self.embedded
                raise ServerUnreachable(
                    self._host,
                    self._port,
                    f"a call took longer than sim.timeout_s={self.config.timeout_s:g}; check the server or raise it",
                ) from None
            raise CallFailed(f"the CARLA server refused a call: {words}") from None

    def tick(self) -> int:
        """Advance the world by `fixed_delta`; returns the id of the new frame."""
        with self.guard():
            return int(self.world.tick(self.config.timeout_s))

    def spawn(
        self,
        blueprint: str,
        transform: carla.Transform,
        attributes: Mapping[str, str] | None = None,
        attach_to: carla.Actor | None = None,
    ) -> carla.Actor:
        """Spawn an actor that the session will destroy. Raises CallFailed when its place is taken."""
        with self.guard():
            try:
                description = self.blueprints.find(blueprint)
            except IndexError:
                raise CallFailed(f"the server's catalogue has no {blueprint!r}") from None
            for name, value in (attributes or {}).items():
                if description.has_attribute(name):
                    description.set_attribute(name, value)
            actor = self.world.spawn_actor(description, transform, attach_to=attach_to)
        self._actors.append(actor)
        return actor

    def destroy_all(self) -> None:
        """Destroy every actor spawned through this session, sensors first."""
        actors, self._actors = self._actors, []
        if not actors:
            return
        with self.guard():
            sensors = [actor for actor in actors if isinstance(actor, carla.Sensor)]
            for sensor in sensors:
                if sensor.is_listening():
                    sensor.stop()
            bodies = [actor for actor in actors if not isinstance(actor, carla.Sensor)]
            self.client.apply_batch_sync([carla.command.DestroyActor(actor) for actor in (*sensors, *bodies)], False)

    def close(self) -> None:
        """Destroy the session's actors, restore a remote world's settings, end an embedded server. Never raises."""
        if not self._open:
            return
        if self._server is None:
            with contextlib.suppress(SessionError, RuntimeError):
                self.destroy_all()
            if self._restore is not None:
                with contextlib.suppress(RuntimeError):
                    self.world.apply_settings(self._restore)
        elif self._server.is_alive():
            with contextlib.suppress(RuntimeError):
                for actor in self._actors:
                    if isinstance(actor, carla.Sensor) and actor.is_listening():
                        actor.stop()
        self._actors = []
        self._open = False
        if self._server is not None:
            self._server.stop()

    @property
    def town(self) -> str:
        """Name of the map, without a path."""
        return self._town

    def go_to(self, town: str) -> None:
        """Load another town, unless it is the one that the world has: takes a second or so, and ends all actors.

        `world`, `map` and `cache` are the new town's afterwards. Raises TownUnavailable.
        """
        if self._town == _short(town):
            return
        self.destroy_all()
        with self.guard():
            self._load(_short(town))
            self._arrive()

    def _arrive(self) -> None:
        self.map = self.world.get_map()
        self.blueprints = self.world.get_blueprint_library()
        self._town = _short(self.map.name)
        self.cache = self._caches.setdefault(self._town, {})

    def _load(self, town: str) -> None:
        names = sorted(_short(name) for name in self.client.get_available_maps())
        # Nobody lists the towns by seed; a server of Pilotage makes them when they are asked for.
        by_seed = parse_name(town) is not None
        if town not in names and not by_seed:
            raise TownUnavailable(f"sim.town={town!r}: the server has {', '.join(names)}")
        self.client.set_timeout(self.config.load_timeout_s)
        try:
            self.world = self.client.load_world(town, reset_settings=False)
        except RuntimeError as error:
            if not by_seed or "not found" not in str(error):
                raise
            raise TownUnavailable(
                f"sim.town={town!r}: the server at {self._host}:{self._port} has no towns by seed, Pilotage's own has "
                f"(sim=embedded, or `pilotage serve`); `pilotage towns write {town} {town}.xodr` writes the roads for "
                f"an import into CARLA. The server has {', '.join(names)}"
            ) from None
        finally:
            self.client.set_timeout(self.config.timeout_s)


def open_session(config: SessionConfig) -> Session:
    """Start an embedded server or connect to a running one; the world is in synchronous mode.

    Raises InvalidSession, ServerUnreachable, ServerDied, VersionMismatch, TownUnavailable.
    """
    if is_pool(config.town):
        raise InvalidSession(
            f"sim.town={config.town!r} stands for many towns, a session drives in one: name it, e.g. "
            "Grid-train-0000, or let a task draw one for each episode (sim.tasks.make_tool_env)"
        )
    if config.backend not in ("embedded", "carla"):
        raise InvalidSession(f'sim.backend={config.backend!r}: choose "embedded" or "carla"')
    for name in ("timeout_s", "start_timeout_s", "load_timeout_s", "fixed_delta"):
        if not getattr(config, name) > 0.0:
            raise InvalidSession(f"sim.{name}={getattr(config, name)!r}: it must be positive")
    if config.fixed_delta > 0.1:
        raise InvalidSession(f"sim.fixed_delta={config.fixed_delta!r}: CARLA's physics needs 0.1 s or less")
    if config.backend == "carla":
        _probe(config.host, config.port)
        return Session(config, None)
    server = EmbeddedServer(config)
    try:
        return Session(config, server)
    except BaseException:
        server.stop()
        raise


def _short(town: str) -> str:
    return town.replace("\\", "/").rsplit("/", 1)[-1]


def _probe(host: str, port: int) -> None:
    """A plain TCP connection fails at once with a clear reason where carla.Client would only time out."""
    fix = "start one (`pilotage serve`, or CarlaUE4) or set sim.host and sim.port"
    if not 0 < port < 65535:
        raise InvalidSession(f"sim.port={port!r}: choose a port from 1 to 65534")
    try:
        with socket.create_connection((host, port), timeout=CONNECT_DEADLINE_S):
            pass
    except OSError as error:
        raise ServerUnreachable(host, port, f"{error.strerror or error}: {fix}") from None
