"""Loading towns: OpenDRIVE text, spawn points, mesh and static collision boxes in one value."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from sim.errors import PilotageError
from sim.geometry import Pose
from sim.maps.arrows import arrow_meshes
from sim.maps.boxes import StaticBoxes
from sim.maps.embankment import embankments
from sim.maps.generator import SPLITS, STYLES, generated_text, parse_name
from sim.maps.ground import Ground, build_ground
from sim.maps.junctions import junction_meshes
from sim.maps.layouts import LAYOUTS
from sim.maps.markings import crosswalk_meshes, mark_meshes
from sim.maps.network import InvalidOpenDrive, RoadNetwork, parse_xml
from sim.maps.objects import TownObjects, town_objects
from sim.maps.parking import bay_lines, bays
from sim.maps.placed import placed_objects
from sim.maps.regulation import Regulation, read_map
from sim.maps.rumble_kerbs import rumble_kerbs
from sim.maps.scenery import Scenery, build_scenery
from sim.maps.signal_posts import stop_lines
from sim.maps.spawns import spawn_points
from sim.maps.surface import lane_meshes
from sim.maps.terrain import open_ground_height
from sim.render.mesh import Mesh

log = logging.getLogger(__name__)

FARTHEST, NOTHING = 1.0e8, 1.0e-9  # m

DEFAULT_TOWN = "Pilotage01"


class UnknownTown(PilotageError, ValueError):
    """No built-in town has that name; the message lists those that exist."""


@dataclass(frozen=True)
class Town:
    """A town in CARLA's frame: the OpenDRIVE text for clients, and what the server drives on, renders and hits.

    `objects` tells which triangles and boxes are one thing; `navigable` whether pedestrians get a navigation mesh,
    `unseen` which objects no camera sees; `lamps` float64 (N, 3) is where street lamps hang (m). `regulation` holds
    its traffic lights, signs and speed limits.
    """

    name: str
    opendrive: str
    spawn_points: tuple[Pose, ...]
    mesh: Mesh
    boxes: StaticBoxes
    objects: TownObjects
    regulation: Regulation
    ground: Ground
    navigable: bool = True
    unseen: tuple[int, ...] = ()
    lamps: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))


def available_towns() -> tuple[str, ...]:
    """Names of the built-in towns."""
    return tuple(LAYOUTS)


@lru_cache(maxsize=4)
def load_town(name: str) -> Town:
    """The built-in or generated town `name`; built once per process, identical in every process. Raises UnknownTown."""
    short = name.rsplit("/", 1)[-1]
    return _build(short, town_text(short))


def is_town(name: str) -> bool:
    """Whether `name` is a built-in town or a generated one, such as Grid-train-0007."""
    return name in LAYOUTS or parse_name(name) is not None


def town_text(name: str) -> str:
    """OpenDRIVE text of the built-in or generated town `name`. Raises UnknownTown."""
    if name in LAYOUTS:
        return LAYOUTS[name]()
    if parse_name(name) is None:
        styles = ", ".join(f"{style}-{SPLITS[0]}-0000" for style in STYLES)
        raise UnknownTown(f"there is no town {name!r}; choose one of {', '.join(LAYOUTS)}, or one by seed: {styles}")
    return generated_text(name)


def load_xodr(source: str | Path, name: str) -> Town:
    """A town from OpenDRIVE text or the path of an .xodr file. Raises InvalidOpenDrive, FileNotFoundError."""
    given = isinstance(source, str) and source.lstrip().startswith("<")
    text = str(source) if given else Path(source).read_text("utf-8-sig")
    with reading():
        return _build(name, text)


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Whatever a file of another maker breaks is a fault of the map: InvalidOpenDrive instead of what was raised."""
    try:
        yield
    except PilotageError:
        raise
    except MemoryError as error:
        raise InvalidOpenDrive(f"it asks for more memory than there is ({error})") from error
    except (ValueError, LookupError, ArithmeticError) as error:
        log.exception("a map breaks the reader")
        raise InvalidOpenDrive(f"the reader cannot make sense of it ({type(error).__name__}: {error})") from error


def _build(name: str, text: str) -> Town:
    network, regulation = read_map(text)
    surfaces = road_surfaces(network) + painted_rules(network, regulation) + embankments(network)
    if not surfaces:
        raise InvalidOpenDrive(f"map {name!r} has roads but no lanes")
    placed = placed_objects(parse_xml(text), network) if "<object" in text else []
    scenery = build_scenery(network, name, regulation, placed=placed)
    return assemble(name, text, network, regulation, surfaces, scenery)


def road_surfaces(network: RoadNetwork, wider: float = 0.0) -> list[tuple[str, Mesh]]:
    """Meshes of junctions, lanes and paint, each with the key of its junction or road; `wider` m at junctions."""
    surfaces = junction_meshes(network)
    for road in network.roads:
        surfaces += [(road.id, mesh) for mesh in lane_meshes(road, wider if road.junction is not None else 0.0)]
    for road in network.roads:
        surfaces += [(road.id, mesh) for mesh in mark_meshes(road) + crosswalk_meshes(road)]
    return surfaces


def painted_rules(network: RoadNetwork, regulation: Regulation) -> list[tuple[str, Mesh]]:
    """Stop lines, turn arrows, lines between parking bays and kerbs of race tracks, each with its road's id."""
    arrows, bay_marks = arrow_meshes(network, regulation.plan), bay_lines(bays(network, regulation))
    return stop_lines(regulation) + arrows + bay_marks + rumble_kerbs(network)


def assemble(
    name: str,
    text: str,
    network: RoadNetwork,
    regulation: Regulation,
    surfaces: list[tuple[str, Mesh]],
    scenery: Scenery,
) -> Town:
    """A town from its parts."""
    mesh = Mesh.concat([*(part for _, part in surfaces), scenery.mesh])
    if not np.all(np.abs(mesh.vertices) < FARTHEST):
        raise InvalidOpenDrive(f"something in map {name!r} is more than {FARTHEST:g} m from its origin")
    # Where a sine comes near zero, what remains of it depends on the processor.
    mesh.vertices[np.abs(mesh.vertices) < NOTHING] = 0.0
    objects = town_objects(surfaces, scenery.mesh, scenery.owners, scenery.boxes, mesh, len(scenery.lamps))
    ground = build_ground([part for _, part in surfaces], open_ground_height(network))
    spawns = spawn_points(network)
    return Town(name, text, spawns, mesh, scenery.boxes, objects, regulation, ground, lamps=scenery.lamps)
