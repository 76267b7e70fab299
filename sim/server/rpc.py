"""RPC connections: requests in, answers out, in order; a tick waits for announced subscriptions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from sim.server import wire
from sim.server.context import Client, Context
from sim.server.errors import MalformedPacket
from sim.server.framing import Request, RequestReader
from sim.server.streams import StreamHub

log = logging.getLogger(__name__)
# One client's calls are carried out for this long before others have their turn.
TURN_S = 0.02
LARGE_PENDING, MAX_PENDING = 256 * 1024, 256 * 1024 * 1024


class RpcConnection(asyncio.Protocol):
    """One client. Bytes that are no requests drop this connection and nothing else.

    A client that does not read its answers, or whose tick is held, is not read from meanwhile: what it sends waits
    in the sockets.
    """

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
        self._reader = RequestReader()
        self._next: Request | None = None  # taken from the reader, and waiting
        self._transport: asyncio.Transport | None = None
        self._later: asyncio.Handle | None = None
        self._is_full = False
        self._client = Client()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._tune(transport)
        self._connections.add(self)
        self._on_change()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._later is not None:
            self._later.cancel()
        self._connections.discard(self)
        self._context.forget(self._client)
        self._on_change()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self.pump()

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
        except MalformedPacket as error:
            self._drop(error)
            return
        if self._reader.pending > LARGE_PENDING:
            self._keep_within_memory()
        if self._later is None:
            self.pump()

    def _keep_within_memory(self) -> None:
        if sum(connection._reader.pending for connection in self._connections) > MAX_PENDING:
            largest = max(self._connections, key=lambda connection: connection._reader.pending)
            largest._drop(MalformedPacket("unfinished requests of all clients take too much memory"))

    def _drop(self, error: MalformedPacket) -> None:
        log.warning("a client sent a malformed packet (%s): its connection is closed", error)
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def pump(self) -> None:
        """Answer requests until one must wait."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._transport is None:
            return
        wait = self._answer()
        if self._transport is None:
            return
        if wait is not None:
            loop = asyncio.get_running_loop()
            self._later = loop.call_later(wait + 0.001, self.pump) if wait else loop.call_soon(self.pump)
        if wait is not None or self._is_full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _answer(self) -> float | None:
        """Answer what can be answered; returns how long (s) the next request must wait, or None when all is done."""
        loop = asyncio.get_running_loop()
        end = loop.time() + TURN_S
        while self._transport is not None and not self._is_full:
            try:
                request = self._next or self._reader.next_request()
            except MalformedPacket as error:
                self._drop(error)
                return None
            if request is None:
                return None
            self._next = request
            if loop.time() > end:
                return 0.0
            if self._context.ticks(request):
                wait = self._hub.hold_s()
                if wait > 0.0:
                    return wait
            self._next = None
            try:
                answer = self._context.answer(request, self._client)
            except Exception:
                # A bug in one call must not take down the world that other clients share.
                log.exception("%s failed inside the server", request.name)
                answer = wire.rpc_error(request.message_id, f"{request.name}: internal error")
            self._transport.write(answer)
        return None
