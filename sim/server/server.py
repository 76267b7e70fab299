"""The server process: its kernels, its worlds, and the line that says where they listen."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import time

from sim.maps import BrokenMap, MapLibrary, UnknownTown
from sim.server import calls as _calls  # noqa: F401 (fills the registry of calls)
from sim.server.compiling import compile_kernels
from sim.server.config import ServerConfig
from sim.server.errors import ServerStartError
from sim.server.hosting import HostedWorld
from sim.server.ports import bind_pairs, raise_descriptor_limit

log = logging.getLogger(__name__)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# A thread that computes hands the interpreter over after this time, when another world's thread waits for it.
SWITCH_INTERVAL_S = 0.001


def run(config: ServerConfig) -> None:
    """Run a server in this process until interrupted; prints the ready line on stdout. Raises ServerStartError."""
    if config.worlds < 1:
        raise ServerStartError(f"worlds={config.worlds}: give at least 1")
    if config.host not in LOOPBACK:
        print(
            f"warning: listening on {config.host}: anyone who can reach this machine controls the simulator; "
            "CARLA's protocol knows no passwords",
            file=sys.stderr,
            flush=True,
        )
    raise_descriptor_limit()
    # First of all the ports: a taken one must not be found out after half a minute of compiling.
    pairs = bind_pairs(config.host, config.port, config.worlds)
    try:
        library = MapLibrary(config.maps, _say)
        town = library.load(config.town)
    except (UnknownTown, BrokenMap) as error:
        raise ServerStartError(f"server.town={config.town!r}: {error}") from error
    compile_kernels()
    worlds = [HostedWorld(pair, town, config, library) for pair in pairs]
    if len(worlds) > 1:
        sys.setswitchinterval(SWITCH_INTERVAL_S)
    for world in worlds:
        world.start()
    ports = [world.port for world in worlds]
    ready = {"event": "ready", "host": config.host, "port": ports[0], "ports": ports, "pid": os.getpid()}
    with contextlib.suppress(KeyboardInterrupt):
        signal.signal(signal.SIGTERM, _interrupt)
        print(json.dumps({**ready, "town": config.town}), flush=True)
        while any(world.is_alive() for world in worlds):
            time.sleep(1.0)
    for world in worlds:
        world.stop()


def _say(text: str) -> None:
    """One line for whoever reads the terminal, and one for whoever reads the log."""
    log.info("%s", text)
    print(text, file=sys.stderr, flush=True)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
