"""What stands around the roads, drawn from a seed that is a hash of the town's name."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.errors import PilotageError
from sim.maps.boxes import BoxList, StaticBoxes
from sim.maps.buildings import STYLES, buildings
from sim.maps.farms import farms
from sim.maps.fences import fences
from sim.maps.fields import fields
from sim.maps.footbridges import footbridges
from sim.maps.furniture import guard_rails, lamps
from sim.maps.gantries import gantries
from sim.maps.hydrants import hydrants
from sim.maps.network import RoadNetwork
from sim.maps.parked_cars import parked_cars
from sim.maps.parking import bays
from sim.maps.placed import PlacedObject, placed_meshes
from sim.maps.regulation import Regulation
from sim.maps.roadside import Clearance, Roadside, roadsides
from sim.maps.signal_posts import signal_meshes
from sim.maps.signals import TRAFFIC_LIGHT
from sim.maps.terrain import ground, hills, open_ground_height
from sim.maps.trees import trees
from sim.maps.yards import yards
from sim.render.mesh import Mesh

MAX_DRESSED_LENGTH = 200.0e3  # m
SUBURB_KMH, MOTORWAY_KMH = 31.0, 95.0


class UnknownStyle(PilotageError, ValueError):
    """No scenery has that style; the message lists those that exist."""


@dataclass(frozen=True)
class Scenery:
    """Mesh and collision boxes of the surroundings; `owners` (T,): the box that each triangle shows, -1 for none.

    `lamps` float64 (N, 3): where the lamps of lamp posts hang (m); the first N boxes are their posts.
    """

    mesh: Mesh
    boxes: StaticBoxes
    owners: np.ndarray
    lamps: np.ndarray

    def extended(self, mesh: Mesh, boxes: StaticBoxes, owners: np.ndarray) -> Scenery:
        """These surroundings with more things in them, whose `owners` count from the first of `boxes`."""
        shifted = np.where(owners >= 0, owners + len(self.boxes), -1).astype(np.int32)
        every = np.concatenate([self.owners, shifted])
        return Scenery(Mesh.concat([self.mesh, mesh]), self.boxes.joined(boxes), every, self.lamps)


def derived_style(network: RoadNetwork, sides: list[Roadside], regulation: Regulation) -> str:
    """The style of scenery that a map's own sidewalks, traffic lights and speed limits suggest."""
    paved = sum(int(side.paved.sum()) for side in sides)
    places = sum(len(side.paved) for side in sides)
    limits = np.concatenate([np.zeros(0), *(road.speeds[:, 1] for road in network.roads)])
    usual = float(np.median(limits)) if len(limits) else 50.0
    if places and paved > 0.3 * places:
        signalised = any(signal.type == TRAFFIC_LIGHT for signal in regulation.plan.signals)
        return "suburb" if usual <= SUBURB_KMH and not signalised else "downtown"
    return "motorway" if len(limits) and usual > MOTORWAY_KMH else "rural"


def build_scenery(
    network: RoadNetwork,
    name: str,
    regulation: Regulation,
    rails: bool = True,
    style: str = "",
    placed: Sequence[PlacedObject] = (),
) -> Scenery:
    """Terrain, hills, buildings, trees, lamp posts, signals and (`rails`) guard rails around `network`.

    `style` is one of `buildings.STYLES`: which houses there are; without one the map's own (`derived_style`).
    `placed` are the map's own things: where it has houses or trees of its own, no others are made up.
    `name` seeds every draw. Maps of more than MAX_DRESSED_LENGTH of roads get terrain and signals alone: the rest would
    take gigabytes.
    """
    if style and style not in STYLES:
        raise UnknownStyle(f"there is no style of scenery {style!r}; choose one of {', '.join(STYLES)}")
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    boxes = BoxList()
    plain, low, high = ground(network)
    if sum(road.length for road in network.roads) > MAX_DRESSED_LENGTH:
        meshes = [plain, *signal_meshes(regulation, boxes), *placed_meshes(list(placed), boxes)]
        return Scenery(Mesh.concat(meshes), boxes.build(), boxes.owners(meshes), np.zeros((0, 3)))
    clearance, sides = Clearance(network), roadsides(network)
    posts, heads = lamps(sides, clearance, boxes)
    meshes = [plain, *hills(low, high, rng), *posts]
    if rails:
        meshes += guard_rails(sides, clearance, boxes)
    style = style or derived_style(network, sides, regulation)
    own = {one.kind for one in placed}
    houses = np.zeros((0, 3))
    if "house" not in own:
        houses, walls = buildings(sides, clearance, boxes, rng, style)
        meshes += walls
    if "tree" not in own:
        meshes += trees(sides, clearance, houses, boxes, rng, open_ground_height(network))
    meshes += placed_meshes(list(placed), boxes)
    meshes += signal_meshes(regulation, boxes)
    meshes += yards(sides, clearance, boxes, zlib.crc32(f"{name}/yards".encode()), style)
    fence_seed = zlib.crc32(f"{name}/fences".encode())
    meshes += fences(sides, clearance, boxes, fence_seed, style, open_ground_height(network))
    meshes += hydrants(sides, clearance, boxes)
    if style in ("rural", "motorway"):
        open_ground, farmed = open_ground_height(network), np.zeros((0, 3))
        if "house" not in own:
            farmed, walls = farms(sides, clearance, boxes, zlib.crc32(f"{name}/farms".encode()), open_ground)
            meshes += walls
        meshes += fields(sides, clearance, farmed, zlib.crc32(f"{name}/fields".encode()), open_ground)
    meshes += gantries(network, clearance, boxes)
    if style in ("rural", "motorway"):
        meshes += footbridges(network, clearance, boxes, open_ground_height(network))
    meshes += parked_cars(bays(network, regulation), boxes, zlib.crc32(f"{name}/parked".encode()))
    return Scenery(Mesh.concat(meshes), boxes.build(), boxes.owners(meshes), heads)
