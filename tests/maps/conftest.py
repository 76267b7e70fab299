"""Towns, the real CARLA client's reading of them, and a way to ask a mesh for its height."""

from __future__ import annotations

from collections.abc import Callable

import carla
import numpy as np
import pytest

from sim.maps import Town, available_towns, load_town
from sim.maps.network import RoadNetwork, parse_network

Heights = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@pytest.fixture(scope="session", params=available_towns())
def town(request: pytest.FixtureRequest) -> Town:
    return load_town(request.param)


@pytest.fixture(scope="session")
def network(town: Town) -> RoadNetwork:
    return parse_network(town.opendrive)


@pytest.fixture(scope="session")
def paved(network: RoadNetwork) -> bool:
    """Whether the town has sidewalks: only then do houses line its streets and people walk and cross them."""
    lanes = [lane for road in network.roads for section in road.sections for lane in section.left + section.right]
    return any(lane.kind == "sidewalk" for lane in lanes)


@pytest.fixture(scope="session")
def road_map(town: Town) -> carla.Map:
    return carla.Map(town.name, town.opendrive)


@pytest.fixture(scope="session")
def heights_at() -> Heights:
    """z (N,) in m of the highest of the triangles over points (N, 2), by barycentric coordinates; NaN where none is."""

    def heights(vertices: np.ndarray, triangles: np.ndarray, points: np.ndarray) -> np.ndarray:
        corners = vertices.astype(np.float64)[triangles]
        a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
        # Kerbs stand upright and have no area from above.
        level = np.abs(area) > 1e-6
        a, ab, ac, area = a[level], ab[level], ac[level], area[level]
        result = np.full(len(points), np.nan)
        for number, point in enumerate(points):
            d = point - a[:, :2]
            u = (d[:, 0] * ac[:, 1] - d[:, 1] * ac[:, 0]) / area
            v = (ab[:, 0] * d[:, 1] - ab[:, 1] * d[:, 0]) / area
            inside = (u >= -1e-4) & (v >= -1e-4) & (u + v <= 1 + 1e-4)
            if inside.any():
                result[number] = np.max(a[inside, 2] + u[inside] * ab[inside, 2] + v[inside] * ac[inside, 2])
        return result

    return heights
