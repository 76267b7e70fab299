"""`pilotage serve`: embedded CARLA worlds alone, for any CARLA client."""

from __future__ import annotations

import os
import sys

from omegaconf import DictConfig

from sim.server.config import PORT_STEP, ServerConfig, command_line, option_names


def run(config: DictConfig) -> int:
    """Replace this process by the server, so that signals and the exit code are its own."""
    server = ServerConfig(**{name: config[name] for name in option_names()})
    ports = [server.port + PORT_STEP * index for index in range(server.worlds)] if server.port else ["free ports"]
    print(f"Serving {server.town} on {server.host}:{', '.join(map(str, ports))}; stop with Ctrl-C.", flush=True)
    os.execv(sys.executable, [sys.executable, "-m", "sim.server", *command_line(server)])
