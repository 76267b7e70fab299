"""Sensor streams: who listens to what, and which announced subscriptions have not connected yet."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from collections import deque
from collections.abc import Callable

from sim.geometry import Pose
from sim.server import wire
from sim.server.wire import Message

log = logging.getLogger(__name__)

SNAPSHOT_STREAM = 1
EPISODE_STREAMS = 1 << 30
"""Ids from here on are other names of the snapshot stream, one per episode.

A client that loads a world subscribes to the new episode's stream while a thread of its own may still be dropping the
old one's, and it tells streams apart by id alone: with one id for both it stops the new subscription while that is
connecting, and crashes (seen in the 0.9.16 wheel, `LowLevelClient::UnSubscribe` from `~Episode`).
"""

INTRODUCTION_S = 30.0
ACCEPTED_AT_ONCE = 64
MAX_AWAITED = 256


class Subscriber:
    """One stream connection: the client sends the stream's id, then only the server speaks.

    Messages wait in a queue of at most `limit` bytes, but always of the newest one. A subscriber that is further behind
    loses the oldest; `merge(lost, following)` may then return a changed following message.
    """

    def __init__(self, connection: socket.socket, hub: StreamHub, limit: int) -> None:
        self._socket = connection
        self._hub = hub
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._queue: deque[Message] = deque()
        self._rest: list[memoryview] = []  # what is left of the message being sent
        self._queued = 0
        self.stream_id: int | None = None
        self.merge: Callable[[Message, Message], Message] | None = None
        self.closed = False
        self._paused = False
        self._introduction = self._loop.call_later(INTRODUCTION_S, self.close)
        self._loop.add_reader(connection.fileno(), self._read)

    def send(self, message: Message) -> None:
        """Send a message now or as soon as the connection takes it."""
        if self.closed:
            return
        if self._rest or self._paused:
            self._queue.append(message)
            self._queued += _size(message)
            if self._queued > self._limit:
                self._lose_oldest()
            return
        self._rest = _views(message)
        self._write()
        if self._rest and not self.closed:
            self._loop.add_writer(self._socket.fileno(), self._write_more)

    def _write(self) -> None:
        try:
            sent = self._socket.sendmsg(self._rest)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()
            return
        while self._rest and sent >= len(self._rest[0]):
            sent -= len(self._rest.pop(0))
        if sent:
            self._rest[0] = self._rest[0][sent:]

    def _write_more(self) -> None:
        self._write()
        while not self._rest and self._queue and not self._paused and not self.closed:
            message = self._queue.popleft()
            self._queued -= _size(message)
            self._rest = _views(message)
            self._write()
        if not self._rest and not self.closed:
            self._loop.remove_writer(self._socket.fileno())

    def pause(self, seconds: float) -> None:
        """Begin no message for a while; what is sent meanwhile waits in the queue."""
        if not self._paused and not self.closed:
            self._paused = True
            self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._paused = False
        if self._queue and not self._rest and not self.closed:
            self._loop.add_writer(self._socket.fileno(), self._write_more)

    def _lose_oldest(self) -> None:
        log.warning("stream %s: a subscriber is too slow and loses its oldest frames", self.stream_id)
        while self._queued > self._limit and len(self._queue) > 1:
            lost = self._queue.popleft()
            self._queued -= _size(lost)
            if self.merge is not None:
                self._queue[0] = self.merge(lost, self._queue[0])

    def _read(self) -> None:
        try:
            data = self._socket.recv(256)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.close()
        elif self.stream_id is None:
            self._received += data
            if len(self._received) >= 4:
                (self.stream_id,) = struct.unpack_from("<I", self._received)
                self._introduction.cancel()
                self._hub.subscribe(self)

    def close(self) -> None:
        """Hang up."""
        if self.closed:
            return
        self.closed = True
        self._introduction.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        self._queue.clear()
        self._rest.clear()
        self._hub.unsubscribe(self)


def _size(message: Message) -> int:
    return len(message) if isinstance(message, bytes) else sum(len(part) for part in message)


def _views(message: Message) -> list[memoryview]:
    return [memoryview(message)] if isinstance(message, bytes) else [memoryview(part) for part in message]


def snapshot_stream(episode: int) -> int:
    """The id under which an episode's clients subscribe to snapshots."""
    return EPISODE_STREAMS + episode % EPISODE_STREAMS


def canonical(stream_id: int) -> int:
    """The one name of a stream: all episodes' names of the snapshot stream are SNAPSHOT_STREAM."""
    return SNAPSHOT_STREAM if EPISODE_STREAMS <= stream_id < 2 * EPISODE_STREAMS else stream_id


class StreamHub:
    """Subscribers by stream id; all names of the snapshot stream are one stream.

    A client asks for a stream's token, goes on, and connects a little later from another thread. `announce` marks the
    stream as awaited; ticks are held until it is connected, or a fast server's next frame would be lost.
    """

    def __init__(self, wait_s: float, max_backlog: int) -> None:
        self.on_subscribe: Callable[[Subscriber], None] = lambda subscriber: None
        self.on_arrival: Callable[[], None] = lambda: None
        self._wait_s = wait_s
        self._max_backlog = max_backlog
        self._subscribers: dict[int, list[Subscriber]] = {}
        self._awaited: dict[int, list[float]] = {}

    def announce(self, stream_id: int) -> None:
        """A client is about to connect to this stream."""
        stream_id = canonical(stream_id)
        now = time.monotonic()
        self._forget_late_ones(now)
        if len(self._awaited) < MAX_AWAITED:
            self._awaited.setdefault(stream_id, []).append(now + self._wait_s)
            del self._awaited[stream_id][:-MAX_AWAITED]

    def hold_s(self) -> float:
        """Seconds that a tick should still wait for announced subscriptions; 0 when none is awaited."""
        if not self._awaited:
            return 0.0
        now = time.monotonic()
        self._forget_late_ones(now)
        return max((max(deadlines) - now for deadlines in self._awaited.values()), default=0.0)

    def _forget_late_ones(self, now: float) -> None:
        for stream_id in list(self._awaited):
            left = [deadline for deadline in self._awaited[stream_id] if deadline > now]
            if left:
                self._awaited[stream_id] = left
            else:
                del self._awaited[stream_id]

    def listen(self, listener: socket.socket, tune: Callable[[socket.socket], None]) -> None:
        """Accept stream connections on a listening socket, in the running event loop."""
        loop = asyncio.get_running_loop()
        listener.setblocking(False)

        def accept() -> None:
            for _ in range(ACCEPTED_AT_ONCE):
                try:
                    connection, _ = listener.accept()
                except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                    return
                except OSError as error:
                    # Out of descriptors: those who are connected go on, the others wait.
                    log.error("no more stream connections for a second: %s", error)
                    loop.remove_reader(listener.fileno())
                    loop.call_later(1.0, loop.add_reader, listener.fileno(), accept)
                    return
                connection.setblocking(False)
                tune(connection)
                Subscriber(connection, self, self._max_backlog)

        loop.add_reader(listener.fileno(), accept)

    def subscribe(self, subscriber: Subscriber) -> None:
        """A connection named its stream. Unknown and dead streams stay open and silent: a client whose
        stream closes reconnects at once, for ever."""
        assert subscriber.stream_id is not None
        stream_id = subscriber.stream_id = canonical(subscriber.stream_id)
        self._subscribers.setdefault(stream_id, []).append(subscriber)
        waiting = self._awaited.get(stream_id)
        if waiting:
            waiting.pop(0)
            if not waiting:
                del self._awaited[stream_id]
        self.on_subscribe(subscriber)
        self.on_arrival()

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """The connection is gone."""
        if subscriber.stream_id is None:
            return
        listeners = self._subscribers.get(subscriber.stream_id, [])
        if subscriber in listeners:
            listeners.remove(subscriber)
        if not listeners:
            self._subscribers.pop(subscriber.stream_id, None)

    def has_listener(self, stream_id: int) -> bool:
        """Whether anyone would receive a message on this stream."""
        return stream_id in self._subscribers

    def pause(self, stream_id: int, seconds: float) -> None:
        """Send nothing for a while to those who listen now; they get it afterwards."""
        for subscriber in self._subscribers.get(stream_id, ()):
            subscriber.pause(seconds)

    def publish(self, stream_id: int, message: Message) -> None:
        """Send a message to all listeners."""
        for subscriber in tuple(self._subscribers.get(stream_id, ())):
            subscriber.send(message)


def snapshot_message(frame: int, elapsed_s: float, body: bytes) -> bytes:
    """A world snapshot as a stream message."""
    header = wire.stream_header(wire.SNAPSHOT_STREAM_TYPE, frame, elapsed_s, Pose(0.0, 0.0, 0.0))
    return wire.stream_message(header, body)


def merge_snapshots(lost: Message, following: Message) -> Message:
    """`following` with the flags of a snapshot that a slow client loses: it must learn that the map has changed."""
    assert isinstance(lost, bytes)
    assert isinstance(following, bytes)
    flags = wire.snapshot_flags(lost)
    return wire.with_snapshot_flags(following, flags) if flags else following
