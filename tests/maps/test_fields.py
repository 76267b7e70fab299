"""Fields lie on the open ground of the country, beside the roads and beside each other."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from sim.labels import Label
from sim.maps import Town, load_town
from sim.maps.fields import LIFT, OFF_ROADS

ANY = carla.LaneType.Any


def _corners(town: Town) -> np.ndarray:
    """Corners (T, 3, 3) of the triangles of fields: the decals of terrain."""
    chosen = (town.mesh.tags == Label.TERRAIN) & (town.mesh.layers > 0)
    return town.mesh.vertices[town.mesh.triangles[chosen]].astype(float)


@pytest.mark.parametrize("name", ["Pilotage04", "Pilotage06", "Rural-train-0007"])
def test_fields_lie_flat_on_the_open_ground_and_off_the_roads_and_their_banks(name: str) -> None:
    town = load_town(name)
    corners = _corners(town)
    assert len(corners) > 200
    assert corners[..., 2] == pytest.approx(town.ground.open_height + LIFT, abs=1e-4)
    road_map = carla.Map(name, town.opendrive)
    middles = np.concatenate([corners.mean(axis=1), corners.reshape(-1, 3)])
    # Nothing that vehicles stand on lies over a field: neither a road nor the bank under one.
    under = town.ground.heights(middles)
    assert under == pytest.approx(np.full(len(under), town.ground.open_height), abs=1e-4)
    for x, y, _ in middles[::7].tolist():
        lane = road_map.get_waypoint(carla.Location(x, y, 0.0), lane_type=ANY).transform.location
        assert np.hypot(lane.x - x, lane.y - y) > OFF_ROADS


@pytest.mark.parametrize("name", ["Pilotage06", "Rural-train-0007"])
def test_fields_do_not_overlap(name: str) -> None:
    corners = _corners(load_town(name))[..., :2]
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    for point in corners.mean(axis=1):
        d = point - a
        u = (d[:, 0] * ac[:, 1] - d[:, 1] * ac[:, 0]) / area
        v = (ab[:, 0] * d[:, 1] - ab[:, 1] * d[:, 0]) / area
        assert ((u > 0.0) & (v > 0.0) & (u + v < 1.0)).sum() == 1


@pytest.mark.parametrize("name", ["Pilotage01", "Pilotage03", "Pilotage05"])
def test_towns_have_no_fields(name: str) -> None:
    assert len(_corners(load_town(name))) == 0
