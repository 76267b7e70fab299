"""Open ground under a town and hills at its horizon."""

from __future__ import annotations

import numpy as np

from sim.labels import Label
from sim.maps.network import RoadNetwork
from sim.maps.props import HILL, place
from sim.maps.surface import offset_points
from sim.render.mesh import Mesh

GROUND_Z = -0.08
GROUND_MARGIN = 1100.0
GROUND_CELL = 110.0


def _reference_points(network: RoadNetwork) -> np.ndarray:
    return np.concatenate(
        [offset_points(road.reference(np.linspace(0, road.length, 16)), np.zeros(16)) for road in network.roads]
    )


def open_ground_height(network: RoadNetwork) -> float:
    """z (m) of the level grass around the roads."""
    return float(_reference_points(network)[:, 2].min()) + GROUND_Z


def ground(network: RoadNetwork) -> tuple[Mesh, np.ndarray, np.ndarray]:
    """Level grass `GROUND_Z` m off the lowest road; with its lowest and highest corner (3,) in m."""
    points = _reference_points(network)
    level = float(points[:, 2].min()) + GROUND_Z
    low, high = points.min(axis=0) - GROUND_MARGIN, points.max(axis=0) + GROUND_MARGIN
    low[2] = high[2] = level
    counts = np.ceil((high - low)[:2] / GROUND_CELL).astype(int)
    x = np.linspace(low[0], high[0], counts[0] + 1)
    y = np.linspace(low[1], high[1], counts[1] + 1)
    grid = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    vertices = np.concatenate([grid, np.full((len(grid), 1), level)], axis=1)
    i, j = np.meshgrid(np.arange(counts[0]), np.arange(counts[1]), indexing="ij")
    across = counts[1] + 1
    corner = (i * across + j).reshape(-1)
    quads = [corner, corner + across, corner + across + 1, corner, corner + across + 1, corner + 1]
    shade = np.round(6 * np.sin(i * 1.7 + j * 0.6) + 4 * np.sin(i * 0.4 - j * 2.1)).reshape(-1).astype(int)
    colors = np.clip(np.array([96, 124, 70]) + shade[:, None], 0, 255).repeat(2, axis=0)
    return Mesh.build(vertices, np.stack(quads, axis=1), colors, Label.TERRAIN), low, high


def hills(low: np.ndarray, high: np.ndarray, rng: np.random.Generator) -> list[Mesh]:
    """A ring of far hills, so that the horizon is not a straight edge and differs by direction."""
    count = 44
    angle = 2 * np.pi * (np.arange(count) + rng.uniform(-0.4, 0.4, count)) / count
    reach = 0.5 * (high - low)[:2] * 0.96
    foot = np.empty((count, 3))
    foot[:, :2] = 0.5 * (low + high)[:2] + reach * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    foot[:, 2] = low[2] - 1.0
    width = rng.uniform(140.0, 320.0, count)
    size = np.stack([width, width * rng.uniform(0.7, 1.2, count), rng.uniform(18.0, 75.0, count)], axis=1)
    color = np.array([98, 120, 92]) + rng.uniform(-12, 12, (count, 1))
    return [place(HILL, foot, size, rng.uniform(0, 360, count), color, Label.TERRAIN)]
