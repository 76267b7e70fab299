"""Footbridges cross motorways high above the lanes, and stand where nobody drives."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from sim.labels import Label
from sim.maps import Town, load_town
from sim.maps.footbridges import MOST, PIER_M, UNDER_M
from sim.maps.network import parse_network
from sim.maps.roadside import Clearance

TOWNS = ["Pilotage04", "Motorway-train-0002", "Motorway-train-0007"]


def _structure(town: Town) -> np.ndarray:
    """Corners (T, 3, 3) of the triangles of bridges."""
    return town.mesh.vertices[town.mesh.triangles[town.mesh.tags == Label.BRIDGE]].astype(np.float64)


@pytest.mark.parametrize("name", TOWNS)
def test_a_bridge_spans_driving_lanes_with_room_for_the_tallest_truck(name: str) -> None:
    town = load_town(name)
    road_map = carla.Map(name, town.opendrive)
    corners = _structure(town)
    assert len(corners) > 50
    deck = corners[np.ptp(corners[:, :, 2], axis=1) < 1e-3]
    deck = deck[deck[:, :, 2].mean(axis=1) > 4.0]
    spanned = set()
    for share in np.linspace(0.02, 0.98, 60):
        # Along the long edge of every level triangle.
        for a, b, c in deck:
            start, end = max(((a, b), (b, c), (c, a)), key=lambda edge: np.linalg.norm(edge[1] - edge[0]))
            point = start + share * (end - start)
            where = carla.Location(float(point[0]), float(point[1]), 0.0)
            lane = road_map.get_waypoint(where, project_to_road=False, lane_type=carla.LaneType.Driving)
            if lane is not None:
                assert point[2] > lane.transform.location.z + UNDER_M - 0.01
                spanned.add((lane.road_id, lane.lane_id))
    # Both directions of a motorway of two lanes each.
    assert len(spanned) >= 4


@pytest.mark.parametrize("name", TOWNS)
def test_piers_and_stairs_stand_off_every_road_and_reach_the_ground(name: str) -> None:
    town = load_town(name)
    clearance = Clearance(parse_network(town.opendrive))
    corners = _structure(town).reshape(-1, 3)
    low = corners[corners[:, 2] < UNDER_M - 0.5]
    assert clearance(low).min() > 0.3
    chosen = town.boxes.tag == Label.BRIDGE
    center, extent = town.boxes.center[chosen], town.boxes.extent[chosen]
    bridges = np.sum(extent[:, 0] > 2.0) / 2
    assert 1 <= bridges <= MOST
    assert np.sum(np.isclose(extent[:, 0], 0.5 * PIER_M)) >= 2 * bridges
    assert np.abs(center[:, 2] - extent[:, 2] - town.ground.heights(center)).max() < 0.06


@pytest.mark.parametrize("name", TOWNS)
def test_a_bridge_has_railings_that_are_fences_as_in_carla_and_belong_to_it(name: str) -> None:
    town = load_town(name)
    owner = town.objects.triangles
    bridges = np.unique(owner[town.mesh.tags == Label.BRIDGE])
    assert all(town.objects.names[number].startswith("Bridge_") for number in bridges)
    railing = np.isin(owner, bridges) & (town.mesh.tags == Label.FENCES)
    top = town.mesh.vertices[town.mesh.triangles[railing]][..., 2].max()
    assert top > UNDER_M + 1.5
    assert railing.sum() > 40


def test_bridges_cost_a_hundredth_of_a_town_and_streets_have_none() -> None:
    town = load_town("Pilotage04")
    owner = town.objects.triangles
    bridges = np.unique(owner[town.mesh.tags == Label.BRIDGE])
    assert np.isin(owner, bridges).sum() < 0.01 * len(owner)
    for name in ("Pilotage01", "Pilotage02", "Pilotage03"):
        assert Label.BRIDGE not in load_town(name).boxes.tag
