"""The server process: its kernels, its worlds, and the line that says where they listen."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import time

from numba.core import event

from sim.maps import BrokenMap, MapLibrary, UnknownTown
from sim.server import calls as _calls  # noqa: F401 (fills the registry of calls)
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
    with event.install_listener("numba:compile", _Patience()):
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


def compile_kernels() -> None:
    """Compile, or load from Numba's cache, what ticks, cameras, other sensors and walkers' navigation run."""
    from sim.navigation.mesh import warm_up as compile_navigation
    from sim.render.lamplight import warm_up as compile_lamplight
    from sim.render.overlay import warm_up as compile_overlay
    from sim.render.renderer import warm_up as compile_renderer
    from sim.sensors.kernels import warm_up as compile_sensors
    from sim.server import dynamics, right_of_way

    began = time.monotonic()
    dynamics.warm_up()
    right_of_way.warm_up()
    compile_renderer()
    compile_overlay()
    compile_lamplight()
    compile_sensors()
    compile_navigation()
    log.info("kernels ready after %.1f s", time.monotonic() - began)


class _Patience(event.Listener):
    """Tells the user what takes so long as soon as anything is compiled rather than loaded from Numba's cache."""

    def __init__(self) -> None:
        self._told = False

    def on_start(self, event: event.Event) -> None:
        if not self._told:
            self._told = True
            print("compiling the simulator for this machine: once, about half a minute", file=sys.stderr, flush=True)

    def on_end(self, event: event.Event) -> None:
        pass


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
