"""The server process: sockets, the event loop, and the clock of asynchronous mode."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable

from sim.server import calls as _calls  # noqa: F401 (fills the registry of calls)
from sim.server.config import ServerConfig
from sim.server.context import Context
from sim.server.errors import ServerStartError
from sim.server.rpc import RpcConnection
from sim.server.streams import StreamConnection, StreamHub
from sim.server.world import ASYNC_DELTA_S, SNAPSHOT_STREAM, World

log = logging.getLogger(__name__)
SEND_BUFFER_BYTES = 4 * 1024 * 1024


def bind_pair(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """Listening sockets on `port` and the one above; port 0 picks a free even one. Raises ServerStartError."""
    if not 0 <= port <= 65534:
        raise ServerStartError(f"server.port={port} is out of range: choose 0 (any free pair) to 65534")
    for _ in range(1 if port else 200):
        first, second = _listener(host), _listener(host)
        try:
            base = port or _free_even_port(host)
            first.bind((host, base))
            second.bind((host, base + 1))
            first.listen(64)
            second.listen(256)
            return first, second
        except OSError as error:
            first.close()
            second.close()
            if port:
                raise ServerStartError(
                    f"cannot listen on {host}:{port} and {port + 1} ({error.strerror}); choose another server.port"
                ) from error
    raise ServerStartError(f"no free pair of ports on {host}")


def _free_even_port(host: str) -> int:
    # Linux hands out odd ports to bind(0): the even one below is as likely to be free.
    with _listener(host) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1]) & ~1


def _listener(host: str) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return listener


def _tune(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)


class AsyncClock:
    """Ticks an asynchronous world in real time while clients are connected."""

    def __init__(self, world: World, connections: set[RpcConnection]) -> None:
        self._world = world
        self._connections = connections
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0

    def update(self) -> None:
        """Start or stop after a change of settings or clients."""
        running = bool(self._connections) and not self._world.settings.synchronous
        if not running and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        elif running and self._timer is None:
            self._next = time.monotonic()
            self._arm()

    def _arm(self) -> None:
        period = self._world.settings.fixed_delta_s or ASYNC_DELTA_S
        now = time.monotonic()
        self._next = max(self._next + period, now)
        self._timer = asyncio.get_running_loop().call_later(self._next - now, self._fire)

    def _fire(self) -> None:
        self._timer = None
        try:
            self._world.tick()
        except Exception:
            log.exception("a tick failed")
        if self._connections and not self._world.settings.synchronous:
            self._arm()


async def serve(config: ServerConfig, on_ready: Callable[[str, int], None]) -> None:
    """Run a server until it is cancelled; `on_ready` gets host and port once connections are accepted."""
    from sim.maps import BrokenMap, MapLibrary, UnknownTown

    try:
        library = MapLibrary(config.maps, _say)
        town = library.load(config.town)
    except (UnknownTown, BrokenMap) as error:
        raise ServerStartError(f"server.town={config.town!r}: {error}") from error
    _compile()
    rpc_socket, stream_socket = bind_pair(config.host, config.port)
    port = int(rpc_socket.getsockname()[1])
    hub = StreamHub(config.subscription_wait_s, config.max_backlog_mb * 1024 * 1024)
    world = World(town, hub, config.seed, port + 1)
    world.scene.prepare()
    connections: set[RpcConnection] = set()
    context = Context(world, hub, library)
    clock = AsyncClock(world, connections)
    world.on_pace_change = clock.update

    def on_subscribe(stream_id: int, transport: asyncio.Transport) -> None:
        if stream_id == SNAPSHOT_STREAM:
            transport.write(world.snapshot)

    def on_arrival() -> None:
        for connection in list(connections):
            connection.pump()

    hub.on_subscribe, hub.on_arrival = on_subscribe, on_arrival
    loop = asyncio.get_running_loop()
    rpc = await loop.create_server(
        lambda: RpcConnection(context, hub, connections, _tune, clock.update), sock=rpc_socket
    )
    streams = await loop.create_server(lambda: StreamConnection(hub, _tune), sock=stream_socket)
    async with rpc, streams:
        on_ready(config.host, port)
        await asyncio.Event().wait()


def _say(text: str) -> None:
    """One line for whoever reads the terminal, and one for whoever reads the log."""
    log.info("%s", text)
    print(text, file=sys.stderr, flush=True)


def _compile() -> None:
    from sim.render.renderer import warm_up as compile_renderer
    from sim.server import dynamics

    began = time.monotonic()
    dynamics.warm_up()
    compile_renderer()
    log.info("kernels ready after %.1f s", time.monotonic() - began)


def run(config: ServerConfig) -> None:
    """Run a server in this process until interrupted; prints the ready line on stdout. Raises ServerStartError."""
    if config.host not in ("127.0.0.1", "localhost", "::1"):
        log.warning("listening on %s: anyone who can reach this port controls the simulator", config.host)
    if config.exit_with_parent:
        threading.Thread(target=_exit_at_end_of_stdin, daemon=True).start()

    def announce(host: str, port: int) -> None:
        ready = {"event": "ready", "host": host, "port": port, "pid": os.getpid(), "town": config.town}
        print(json.dumps(ready), flush=True)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(config, announce))


def _exit_at_end_of_stdin() -> None:
    with contextlib.suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    os._exit(0)
