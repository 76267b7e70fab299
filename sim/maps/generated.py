"""Worlds from a client's OpenDRIVE text, with the parameters of `carla.OpendriveGenerationParameters`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sim.geometry import arctan2
from sim.labels import Label
from sim.maps.boxes import BoxList
from sim.maps.embankment import embankments
from sim.maps.network import InvalidOpenDrive, RoadNetwork
from sim.maps.props import BOX, place
from sim.maps.regulation import read_map
from sim.maps.roadside import Clearance, roadsides
from sim.maps.scenery import Scenery, build_scenery
from sim.maps.town import Town, assemble, painted_rules, reading, road_surfaces
from sim.render.mesh import Mesh

WALL_THICKNESS = 0.3
WALL_GAP = 0.1
_CONCRETE = (158, 156, 150)


@dataclass(frozen=True)
class GenerationParameters:
    """How a world is made from OpenDRIVE; fields and defaults as in CARLA 0.9.16.

    vertex_distance, max_road_length  (m) accepted; meshes here are as fine as the road's curves need, in one piece
    wall_height                       m; walls along the edges of roads outside junctions, 0 for none
    additional_width                  m added outside the outermost lanes of junctions
    smooth_junctions                  accepted; junctions are one surface at any rate
    enable_mesh_visibility            whether cameras see the roads and the walls; bodies and rays meet them always
    enable_pedestrian_navigation      whether walkers get a navigation mesh
    """

    vertex_distance: float = 2.0
    max_road_length: float = 50.0
    wall_height: float = 1.0
    additional_width: float = 0.6
    smooth_junctions: bool = True
    enable_mesh_visibility: bool = True
    enable_pedestrian_navigation: bool = True


def generated_town(text: str, name: str, parameters: GenerationParameters) -> Town:
    """A town from OpenDRIVE text. Raises InvalidOpenDrive."""
    with reading():
        network, regulation = read_map(text)
        surfaces = road_surfaces(network, parameters.additional_width)
        surfaces += painted_rules(network, regulation) + embankments(network)
        if not surfaces:
            raise InvalidOpenDrive("the map has roads but no lanes")
        scenery = build_scenery(network, name, regulation, rails=parameters.wall_height <= 0.0)
        if parameters.wall_height > 0.0:
            scenery = _with_walls(scenery, network, parameters.wall_height)
        town = assemble(name, text, network, regulation, surfaces, scenery)
        return replace(
            town,
            navigable=parameters.enable_pedestrian_navigation,
            unseen=()
            if parameters.enable_mesh_visibility
            else tuple(
                number
                for number, tag in enumerate(town.objects.tags.tolist())
                if tag in (Label.ROADS, Label.SIDEWALKS, Label.ROAD_LINES, Label.GROUND, Label.WALLS)
            ),
        )


def _with_walls(scenery: Scenery, network: RoadNetwork, height: float) -> Scenery:
    """Concrete walls just outside the outermost lanes of roads, open where another road comes near."""
    clearance, boxes = Clearance(network), BoxList()
    meshes = []
    for side in roadsides(network):
        line = side.at(np.arange(len(side.yaw)), WALL_GAP + 0.5 * WALL_THICKNESS)
        free = clearance(line) > 0.0
        chord = np.diff(line, axis=0)
        middle = 0.5 * (line[1:] + line[:-1])
        open_way = free[1:] & free[:-1]
        if not open_way.any():
            continue
        chord, middle = chord[open_way], middle[open_way]
        length = np.hypot(chord[:, 0], chord[:, 1])
        size = np.stack([length, np.full(len(length), WALL_THICKNESS), np.full(len(length), height)], axis=1)
        # The foot of a wall on a slope reaches down to the lower end of its chord.
        drop = 0.5 * np.abs(chord[:, 2])
        foot = middle - np.stack([np.zeros(len(drop)), np.zeros(len(drop)), drop], axis=1)
        size[:, 2] += 2.0 * drop
        yaw = np.degrees(arctan2(chord[:, 1], chord[:, 0]))
        color = np.tile(np.array(_CONCRETE), (len(foot), 1))
        numbers = boxes.add(foot, size, yaw, Label.WALLS)
        meshes.append(boxes.tie(place(BOX, foot, size, yaw, color, Label.WALLS), numbers))
    return scenery.extended(Mesh.concat(meshes), boxes.build(), boxes.owners(meshes))
