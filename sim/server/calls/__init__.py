"""The calls that CARLA's client makes, a module per subject; importing this package fills `registry.CALLS`."""

from sim.server.calls import (
    actors,
    batches,
    debug,
    instruments,
    lights,
    managers,
    maps,
    parts,
    recording,
    session,
    signals,
    textures,
    town,
    vehicles,
    walkers,
)

__all__ = [
    "actors",
    "batches",
    "debug",
    "instruments",
    "lights",
    "managers",
    "maps",
    "parts",
    "recording",
    "session",
    "signals",
    "textures",
    "town",
    "vehicles",
    "walkers",
]
