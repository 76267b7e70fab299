"""Options of the embedded CARLA server: one dataclass for `python -m sim.server` and `pilotage serve`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

PORT_STEP = 10
"""Distance between the RPC ports of two worlds of one process: CARLA's own servers need three ports each."""


@dataclass
class ServerConfig:
    """How one embedded server process runs.

    host                  address to listen on; anything but 127.0.0.1 exposes an unauthenticated simulator
    port                  RPC port of the first world, streams use port + 1; 0 picks free pairs
    worlds                independent worlds in this process: world i listens on port + 10 i
    town                  town loaded at start
    maps                  folder of .xodr files that clients can load by name; "" for none
    recordings            folder of the recorder's files, made when needed; "" for one in the user's cache
    seed                  seeds sensor noise; physics and pictures depend on commands alone
    max_fps               asynchronous ticks per second at most; 0: 30 in real time, 1000 with a fixed time step
    exit_with_parent      end with the process (on Linux: the thread) that started this one, and at the end of stdin
    subscription_wait_s   longest time that a tick waits for announced sensor subscriptions to connect
    max_backlog_mb        a subscriber that is this far behind loses the oldest frames
    log_level             least serious messages on stderr: debug, info, warning or error
    """

    host: str = "127.0.0.1"
    port: int = 2000
    worlds: int = 1
    town: str = "Pilotage01"
    maps: str = ""
    recordings: str = ""
    seed: int = 0
    max_fps: float = 0.0
    exit_with_parent: bool = False
    subscription_wait_s: float = 2.0
    max_backlog_mb: int = 64
    log_level: str = "warning"


def option_names() -> tuple[str, ...]:
    """Names of the options, as in Python."""
    return tuple(entry.name for entry in fields(ServerConfig))


def parse(arguments: list[str] | None) -> ServerConfig:
    """The options of a command line, `--exit-with-parent` for `exit_with_parent`. Exits with 2 and a usage message."""
    meaning = _meanings()
    types = get_type_hints(ServerConfig)
    parser = argparse.ArgumentParser(prog="python -m sim.server", description="Embedded CARLA 0.9.16 server")
    for entry in fields(ServerConfig):
        flag, text = "--" + entry.name.replace("_", "-"), meaning[entry.name].replace("%", "%%")
        if types[entry.name] is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=entry.default, help=text)
        else:
            kind: Any = types[entry.name]
            choices = ["debug", "info", "warning", "error"] if entry.name == "log_level" else None
            parser.add_argument(
                flag, type=kind, default=entry.default, help=f"{text} (default: {entry.default})", choices=choices
            )
    return ServerConfig(**vars(parser.parse_args(arguments)))


def command_line(config: ServerConfig) -> list[str]:
    """Arguments that `parse` reads back as `config`."""
    arguments = []
    for entry in fields(ServerConfig):
        flag, value = "--" + entry.name.replace("_", "-"), getattr(config, entry.name)
        if isinstance(value, bool):
            arguments.append(flag if value else "--no-" + flag[2:])
        else:
            arguments.append(f"{flag}={value}")
    return arguments


def _meanings() -> dict[str, str]:
    """What the class's documentation says of each option."""
    words: dict[str, str] = {}
    names = set(option_names())
    for line in (ServerConfig.__doc__ or "").splitlines():
        name, _, text = line.strip().partition(" ")
        if name in names:
            words[name] = text.strip()
    return words
