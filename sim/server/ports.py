"""Listening sockets: for each world a pair of neighbouring ports, RPC calls and streams."""

from __future__ import annotations

import contextlib
import socket

from sim.server.config import PORT_STEP
from sim.server.errors import ServerStartError

Pair = tuple[socket.socket, socket.socket]
RPC_QUEUE, STREAM_QUEUE = 256, 1024


def bind_pairs(host: str, port: int, worlds: int) -> list[Pair]:
    """Listening sockets of all worlds: world i on `port` + 10 i and the port above; port 0 picks free even ones.

    Raises ServerStartError, with all sockets closed.
    """
    last = port + PORT_STEP * (worlds - 1)
    if port < 0 or last > 65534:
        raise ServerStartError(
            f"port {last if port >= 0 else port} is out of range: choose --port 0 (free ports) to "
            f"{65534 - PORT_STEP * (worlds - 1)}"
        )
    pairs: list[Pair] = []
    try:
        for index in range(worlds):
            pairs.append(_bind_pair(host, port + PORT_STEP * index if port else 0))
    except BaseException:
        for pair in pairs:
            for listener in pair:
                listener.close()
        raise
    return pairs


def _bind_pair(host: str, port: int) -> Pair:
    for _ in range(1 if port else 200):
        first, second = _listener(host), _listener(host)
        try:
            base = port or _free_even_port(host)
            first.bind((host, base))
            second.bind((host, base + 1))
            first.listen(RPC_QUEUE)
            second.listen(STREAM_QUEUE)
            return first, second
        except (OSError, OverflowError) as error:
            first.close()
            second.close()
            if port or isinstance(error, socket.gaierror):
                raise ServerStartError(
                    f"cannot listen on {host}, ports {port} and {port + 1} ({getattr(error, 'strerror', error)}); "
                    "stop what listens there, or choose another --port (0 takes free ones)"
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


def raise_descriptor_limit() -> None:
    """Allow as many open sockets as the system lets this user have."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = hard if hard != resource.RLIM_INFINITY else 65536
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, 65536), hard))
