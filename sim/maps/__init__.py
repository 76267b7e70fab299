"""OpenDRIVE towns: the built-in generator, a reader for any .xodr, and mesh, spawn points and boxes made from it."""

from sim.maps.boxes import StaticBoxes
from sim.maps.library import BrokenMap, MapLibrary
from sim.maps.network import InvalidOpenDrive
from sim.maps.town import DEFAULT_TOWN, Town, UnknownTown, available_towns, load_town, load_xodr

__all__ = [
    "DEFAULT_TOWN",
    "BrokenMap",
    "InvalidOpenDrive",
    "MapLibrary",
    "StaticBoxes",
    "Town",
    "UnknownTown",
    "available_towns",
    "load_town",
    "load_xodr",
]
