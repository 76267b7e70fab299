"""Loading towns: OpenDRIVE text, spawn points, mesh and static collision boxes in one value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sim.errors import PilotageError
from sim.geometry import Pose
from sim.maps.boxes import StaticBoxes
from sim.maps.junctions import junction_meshes
from sim.maps.layouts import LAYOUTS
from sim.maps.markings import crosswalk_meshes, mark_meshes
from sim.maps.network import InvalidOpenDrive, parse_network
from sim.maps.scenery import build_scenery
from sim.maps.spawns import spawn_points
from sim.maps.surface import lane_meshes
from sim.render.mesh import Mesh

DEFAULT_TOWN = "Pilotage01"


class UnknownTown(PilotageError, ValueError):
    """No built-in town has that name; the message lists those that exist."""


@dataclass(frozen=True)
class Town:
    """A town in CARLA's frame: the OpenDRIVE text for clients, and what the server drives on, renders and hits."""

    name: str
    opendrive: str
    spawn_points: tuple[Pose, ...]
    mesh: Mesh
    boxes: StaticBoxes


def available_towns() -> tuple[str, ...]:
    """Names of the built-in towns."""
    return tuple(LAYOUTS)


@lru_cache(maxsize=4)
def load_town(name: str) -> Town:
    """The built-in town `name`; built once per process, identical in every process. Raises UnknownTown."""
    short = name.rsplit("/", 1)[-1]
    if short not in LAYOUTS:
        raise UnknownTown(f"there is no town {name!r}; choose one of {', '.join(LAYOUTS)}")
    return _build(short, LAYOUTS[short]())


def load_xodr(source: str | Path, name: str) -> Town:
    """A town from OpenDRIVE text or the path of an .xodr file. Raises InvalidOpenDrive, FileNotFoundError."""
    text = source if isinstance(source, str) and source.lstrip().startswith("<") else Path(source).read_text("utf-8")
    return _build(name, text)


def _build(name: str, text: str) -> Town:
    network = parse_network(text)
    meshes = junction_meshes(network)
    for road in network.roads:
        meshes += lane_meshes(road)
    for road in network.roads:
        meshes += mark_meshes(road) + crosswalk_meshes(road)
    if not meshes:
        raise InvalidOpenDrive(f"map {name!r} has roads but no lanes")
    scenery = build_scenery(network, name)
    return Town(name, text, spawn_points(network), Mesh.concat([*meshes, scenery.mesh]), scenery.boxes)
