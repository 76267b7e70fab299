"""Sensor streams: who listens to what, and which announced subscriptions have not connected yet."""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections.abc import Callable

from sim.geometry import Pose
from sim.server import wire

log = logging.getLogger(__name__)


class StreamHub:
    """Subscribers by stream id.

    A client asks for a stream's token, goes on, and connects a little later from another thread. `announce` marks the
    stream as awaited; ticks are held until it is connected, or a fast server's next frame would be lost.
    """

    def __init__(self, wait_s: float, max_backlog: int) -> None:
        self.on_subscribe: Callable[[int, asyncio.Transport], None] = lambda stream_id, transport: None
        self.on_arrival: Callable[[], None] = lambda: None
        self._wait_s = wait_s
        self._max_backlog = max_backlog
        self._subscribers: dict[int, list[asyncio.Transport]] = {}
        self._awaited: dict[int, list[float]] = {}

    def announce(self, stream_id: int) -> None:
        """A client is about to connect to this stream."""
        self._awaited.setdefault(stream_id, []).append(time.monotonic() + self._wait_s)

    def hold_s(self) -> float:
        """Seconds that a tick should still wait for announced subscriptions; 0 when none is awaited."""
        if not self._awaited:
            return 0.0
        now = time.monotonic()
        for stream_id in list(self._awaited):
            left = [deadline for deadline in self._awaited[stream_id] if deadline > now]
            if left:
                self._awaited[stream_id] = left
            else:
                del self._awaited[stream_id]
        return max((max(deadlines) - now for deadlines in self._awaited.values()), default=0.0)

    def subscribe(self, stream_id: int, transport: asyncio.Transport) -> None:
        """A stream connection named its stream. Unknown and dead streams stay open and silent: a client whose
        stream closes reconnects at once, for ever."""
        self._subscribers.setdefault(stream_id, []).append(transport)
        waiting = self._awaited.get(stream_id)
        if waiting:
            waiting.pop(0)
            if not waiting:
                del self._awaited[stream_id]
        self.on_subscribe(stream_id, transport)
        self.on_arrival()

    def unsubscribe(self, stream_id: int, transport: asyncio.Transport) -> None:
        """The connection is gone."""
        listeners = self._subscribers.get(stream_id, [])
        if transport in listeners:
            listeners.remove(transport)
        if not listeners:
            self._subscribers.pop(stream_id, None)

    def has_listener(self, stream_id: int) -> bool:
        """Whether anyone would receive a message on this stream."""
        return stream_id in self._subscribers

    def publish(self, stream_id: int, message: bytes, droppable: bool = True) -> None:
        """Send a message to all listeners; one that is too far behind misses droppable messages."""
        for transport in self._subscribers.get(stream_id, ()):
            if transport.is_closing():
                continue
            if droppable and transport.get_write_buffer_size() > self._max_backlog:
                log.warning("stream %d: a subscriber is too slow, frame dropped", stream_id)
                continue
            transport.write(message)


class StreamConnection(asyncio.Protocol):
    """One subscription: the client sends the stream's id, everything else goes to the client."""

    def __init__(self, hub: StreamHub, tune: Callable[[asyncio.Transport], None]) -> None:
        self._hub = hub
        self._tune = tune
        self._received = b""
        self._stream_id: int | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._tune(transport)

    def data_received(self, data: bytes) -> None:
        if self._stream_id is not None or self._transport is None:
            return
        self._received += data
        if len(self._received) >= 4:
            (self._stream_id,) = struct.unpack_from("<I", self._received)
            assert self._stream_id is not None
            self._hub.subscribe(self._stream_id, self._transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._stream_id is not None and self._transport is not None:
            self._hub.unsubscribe(self._stream_id, self._transport)


def snapshot_message(frame: int, elapsed_s: float, body: bytes) -> bytes:
    """A world snapshot as a stream message."""
    header = wire.stream_header(wire.SNAPSHOT_STREAM_TYPE, frame, elapsed_s, Pose(0.0, 0.0, 0.0))
    return wire.stream_message(header, body)
