"""What stands around the roads, drawn from a seed that is a hash of the town's name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.labels import Label
from sim.maps.boxes import StaticBoxes
from sim.maps.network import RoadNetwork
from sim.maps.surface import offset_points
from sim.render.mesh import Mesh

GROUND_Z = -0.08
GROUND_MARGIN = 900.0
GROUND_CELL = 60.0


@dataclass(frozen=True)
class Scenery:
    """Mesh and collision boxes of the surroundings."""

    mesh: Mesh
    boxes: StaticBoxes


def build_scenery(network: RoadNetwork, name: str) -> Scenery:
    """Terrain around `network`; `name` seeds every random draw."""
    boxes = StaticBoxes(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.uint8))
    return Scenery(_ground(network), boxes)


def _ground(network: RoadNetwork) -> Mesh:
    points = np.concatenate(
        [offset_points(road.reference(np.linspace(0, road.length, 16)), np.zeros(16)) for road in network.roads]
    )
    low, high = points[:, :2].min(axis=0) - GROUND_MARGIN, points[:, :2].max(axis=0) + GROUND_MARGIN
    counts = np.ceil((high - low) / GROUND_CELL).astype(int)
    x = np.linspace(low[0], high[0], counts[0] + 1)
    y = np.linspace(low[1], high[1], counts[1] + 1)
    grid = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    level = float(points[:, 2].min()) + GROUND_Z
    vertices = np.concatenate([grid, np.full((len(grid), 1), level)], axis=1)
    i, j = np.meshgrid(np.arange(counts[0]), np.arange(counts[1]), indexing="ij")
    corner = (i * (counts[1] + 1) + j).reshape(-1)
    across = counts[1] + 1
    triangles = np.stack(
        [corner, corner + across, corner + across + 1, corner, corner + across + 1, corner + 1], axis=1
    )
    shade = np.round(7 * np.sin(i * 1.7 + j * 0.6) + 5 * np.sin(i * 0.4 - j * 2.1)).reshape(-1).astype(int)
    colors = np.clip(np.array([96, 124, 70]) + shade[:, None], 0, 255).repeat(2, axis=0)
    return Mesh.build(vertices, triangles, colors, Label.TERRAIN)
