"""`pilotage serve`: the embedded CARLA server alone, for any CARLA client."""

from __future__ import annotations

import os
import sys

from omegaconf import DictConfig


def run(config: DictConfig) -> int:
    """Replace this process by the server, so that signals and the exit code are its own."""
    arguments = ["--host", config.host, "--port", str(config.port), "--town", config.town, "--seed", str(config.seed)]
    if config.maps:
        arguments += ["--maps", config.maps]
    print(f"Serving {config.town} on {config.host}:{config.port}; stop with Ctrl-C.", flush=True)
    os.execv(sys.executable, [sys.executable, "-m", "sim.server", *arguments])
