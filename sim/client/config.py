"""Options of a CARLA session."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class SessionConfig:
    """Which CARLA world a session uses.

    backend           "embedded" starts a server process of its own; "carla" connects to one that runs already
    host              address of the running server (backend "carla" only)
    port              RPC port of the running server (backend "carla" only); its streams use port + 1
    town              map to drive in; "" keeps the running server's map. Tasks take several, and each episode draws one
                      of its split: a style ("Grid"), or styles and towns by seed joined by "+"
    towns_per_split   how many towns of each split a style stands for, from seed 0000 on
    timeout_s         longest time that one call to the server may take; a real CARLA server needs about 20
    start_timeout_s   longest time until an embedded server is ready; the first start on a machine compiles
    load_timeout_s    longest time that loading a map may take
    fixed_delta       simulated seconds per tick
    seed              seeds the embedded server's sensor noise
    """

    backend: str = "embedded"
    host: str = "127.0.0.1"
    port: int = 2000
    town: str = "Pilotage01"
    timeout_s: float = 5.0
    start_timeout_s: float = 180.0
    load_timeout_s: float = 120.0
    fixed_delta: float = 0.05
    seed: int = 0
    towns_per_split: int = 16
