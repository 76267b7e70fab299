"""What a CARLA client in a process of its own does; `in_child` of conftest.py starts it."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import carla


def run(pipe: Connection, port: int, body: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Send (True, result) or (False, traceback) of `body(client, *arguments)` and end the process."""
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(10.0)
    try:
        pipe.send((True, body(client, *arguments)))
    except BaseException:
        pipe.send((False, traceback.format_exc()))
    pipe.close()
    os._exit(0)  # without the wheel's own clean-up, which aborts while a Traffic Manager runs


def free_port() -> int:
    """A port of this machine that nobody listens on, for a Traffic Manager."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])
