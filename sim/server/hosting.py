"""One world with its sockets, event loop and thread. A process hosts several, which share code and map data alone."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from pathlib import Path

from sim.maps import MapLibrary, Town
from sim.server.clock import Clock
from sim.server.config import ServerConfig
from sim.server.context import Context
from sim.server.ports import Pair
from sim.server.recorder import Recorder
from sim.server.rpc import RpcConnection
from sim.server.streams import SNAPSHOT_STREAM, StreamHub, Subscriber, merge_snapshots
from sim.server.world import World

log = logging.getLogger(__name__)
SEND_BUFFER_BYTES = 4 * 1024 * 1024


class HostedWorld:
    """A world on a pair of ports. Everything that touches it runs in its own thread, in the order of arrival."""

    def __init__(self, pair: Pair, town: Town, config: ServerConfig, library: MapLibrary) -> None:
        self._rpc_socket, self._stream_socket = pair
        self.port = int(self._rpc_socket.getsockname()[1])
        self._hub = StreamHub(config.subscription_wait_s, config.max_backlog_mb * 1024 * 1024)
        self._world = World(town, self._hub, config.seed, self.port + 1)
        self._world.recorder = Recorder(Path(config.recordings) if config.recordings else None)
        self._world.scene.prepare()
        self._connections: set[RpcConnection] = set()
        self._clock = Clock(self._world, lambda: bool(self._connections), config.max_fps)
        self._world.on_pace_change = self._clock.update
        self._world.platform_s = time.monotonic
        self._context = Context(self._world, self._hub, library, self._clock.tick)
        self._thread = threading.Thread(target=self._run, name=f"world-{self.port}", daemon=True)
        self._accepting = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    def start(self) -> None:
        """Start the thread; returns once connections are accepted, or once the thread has ended."""
        self._thread.start()
        while not self._accepting.wait(0.05) and self._thread.is_alive():
            pass

    def is_alive(self) -> bool:
        """Whether the world's thread runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the world's thread."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(5.0)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception:
            # The other worlds of this process go on.
            log.exception("the world on port %d ended", self.port)

    async def _serve(self) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()

        def on_subscribe(subscriber: Subscriber) -> None:
            if subscriber.stream_id == SNAPSHOT_STREAM:
                subscriber.merge = merge_snapshots
                subscriber.send(self._world.snapshot)

        def on_arrival() -> None:
            for connection in list(self._connections):
                connection.pump()

        self._hub.on_subscribe, self._hub.on_arrival = on_subscribe, on_arrival
        rpc = await loop.create_server(
            lambda: RpcConnection(
                self._context, self._hub, self._connections,
                lambda transport: _tune(transport.get_extra_info("socket")), self._clock.update,
            ),
            sock=self._rpc_socket,
        )  # fmt: skip
        self._hub.listen(self._stream_socket, _tune)
        async with rpc:
            self._accepting.set()
            await self._stop.wait()


def _tune(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
