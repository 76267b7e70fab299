"""RPC connections: requests in, answers out, in order; a tick waits for announced subscriptions."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from sim.server import wire
from sim.server.context import Client, Context
from sim.server.errors import MalformedPacket
from sim.server.streams import StreamHub

log = logging.getLogger(__name__)


class RpcConnection(asyncio.Protocol):
    """One client. Bytes that are no requests drop this connection and nothing else."""

    def __init__(
        self,
        context: Context,
        hub: StreamHub,
        connections: set[RpcConnection],
        tune: Callable[[asyncio.Transport], None],
        on_change: Callable[[], None],
    ) -> None:
        self._context = context
        self._hub = hub
        self._connections = connections
        self._tune = tune
        self._on_change = on_change
        self._reader = wire.RequestReader()
        self._queue: deque[wire.Request] = deque()
        self._transport: asyncio.Transport | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._client = Client()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._tune(transport)
        self._connections.add(self)
        self._on_change()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._retry is not None:
            self._retry.cancel()
        self._connections.discard(self)
        self._context.forget(self._client)
        self._on_change()

    def data_received(self, data: bytes) -> None:
        try:
            self._queue.extend(self._reader.feed(data))
        except MalformedPacket as error:
            log.warning("a client sent a malformed packet (%s): its connection is closed", error)
            self._queue.clear()
            if self._transport is not None:
                self._transport.abort()
            return
        self.pump()

    def pump(self) -> None:
        """Answer queued requests until one must wait."""
        while self._queue and self._transport is not None:
            request = self._queue[0]
            if self._context.ticks(request):
                wait = self._hub.hold_s()
                if wait > 0.0:
                    if self._retry is not None:
                        self._retry.cancel()
                    self._retry = asyncio.get_running_loop().call_later(wait + 0.001, self.pump)
                    return
            self._queue.popleft()
            try:
                answer = self._context.answer(request, self._client)
            except Exception:
                # A bug in one call must not take down the world that other clients share.
                log.exception("%s failed inside the server", request.name)
                answer = wire.rpc_error(request.message_id, f"{request.name}: internal error")
            self._transport.write(answer)
