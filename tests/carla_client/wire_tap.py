"""A TCP relay between a CARLA client and a server that remembers every call and its answer.

It runs in a process of its own: the client holds Python's lock while it waits for answers.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import msgpack


@dataclass
class Exchange:
    """A call and, once it came, its answer: `error` is msgpack-rpc's, `result` the packed Response."""

    name: str
    asynchronous: bool
    arguments: list[Any]
    answered: bool = False
    error: Any = None
    result: Any = None


@dataclass
class _Link:
    """One client's connection."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: dict[int, Exchange] = field(default_factory=dict)


class WireTap:
    """Relays connections to its port on to `server_port`."""

    def __init__(self, server_port: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(server_port, theirs), daemon=True)
        self._process.start()
        self.port = int(self._pipe.recv())

    def close(self) -> None:
        """End the relay and its connections."""
        self._process.kill()
        self._process.join(10.0)

    def settled(self) -> list[Exchange]:
        """All exchanges since the last time, in the order in which clients sent them, once every one is answered."""
        self._pipe.send(None)
        return list(self._pipe.recv())


def _serve(server_port: int, pipe: Connection) -> None:
    relay = _Relay(server_port)
    pipe.send(relay.port)
    with contextlib.suppress(EOFError):
        while True:
            pipe.recv()
            pipe.send(relay.settled())


class _Relay:
    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.exchanges: list[Exchange] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def settled(self, timeout_s: float = 5.0) -> list[Exchange]:
        deadline = time.monotonic() + timeout_s
        while any(not exchange.answered for exchange in self.exchanges) and time.monotonic() < deadline:
            time.sleep(0.001)
        settled, self.exchanges = self.exchanges, []
        return settled

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                link = _Link()
                threading.Thread(target=self._relay, args=(client, server, link, self._ask), daemon=True).start()
                threading.Thread(target=self._relay, args=(server, client, link, self._answer), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket, link: _Link, read: Any) -> None:
        unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, max_buffer_size=1 << 28)
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                unpacker.feed(data)
                for message in unpacker:
                    read(message, link)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _ask(self, message: list[Any], link: _Link) -> None:
        _, number, name, params = message
        exchange = Exchange(name, bool(params[0][0]), params[1:])
        with link.lock:
            link.waiting[number] = exchange
        self.exchanges.append(exchange)

    def _answer(self, message: list[Any], link: _Link) -> None:
        _, number, error, result = message
        with link.lock:
            exchange = link.waiting.pop(number)
        exchange.error, exchange.result, exchange.answered = error, result, True
