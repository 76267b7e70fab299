"""Options of the embedded CARLA server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ServerConfig:
    """How one embedded server process runs.

    host                  address to listen on; anything but 127.0.0.1 exposes an unauthenticated simulator
    port                  RPC port; streams use port + 1; 0 picks a free pair
    town                  town loaded at start
    maps                  folder of .xodr files that clients can load by name; "" for none
    seed                  seeds sensor noise; physics and pictures depend on commands alone
    exit_with_parent      end when stdin reaches end of file, so that no server outlives the process that started it
    subscription_wait_s   longest time that a tick waits for announced sensor subscriptions to connect
    max_backlog_mb        sensor frames are dropped for a subscriber that is this far behind
    """

    host: str = "127.0.0.1"
    port: int = 2000
    town: str = "Pilotage01"
    maps: str = ""
    seed: int = 0
    exit_with_parent: bool = False
    subscription_wait_s: float = 0.3
    max_backlog_mb: int = 64
