"""Farms stand beside country roads with their doors to the road, clear of trees, fields and each other."""

from __future__ import annotations

import numpy as np
import pytest

from sim.labels import Label
from sim.maps import Town, load_town
from sim.maps.farms import OFF_ROADS
from sim.maps.network import parse_network
from sim.maps.roadside import Clearance, roadsides

GATE = (70, 52, 42)


def _outline(town: Town, number: int, wider: float = 0.0) -> np.ndarray:
    """Points (K, 2) all over a box's footprint, `wider` m around it included."""
    hx, hy = town.boxes.extent[number, :2] + wider
    u, v = np.meshgrid(np.linspace(-hx, hx, 13), np.linspace(-hy, hy, 13))
    yaw = np.radians(town.boxes.yaw[number])
    turned = np.stack([u * np.cos(yaw) - v * np.sin(yaw), u * np.sin(yaw) + v * np.cos(yaw)], axis=-1)
    return town.boxes.center[number, :2] + turned.reshape(-1, 2)


def _holds(town: Town, number: int, points: np.ndarray) -> np.ndarray:
    yaw = np.radians(town.boxes.yaw[number])
    d = points - town.boxes.center[number, :2]
    along, across = d @ [np.cos(yaw), np.sin(yaw)], d @ [-np.sin(yaw), np.cos(yaw)]
    return (np.abs(along) < town.boxes.extent[number, 0]) & (np.abs(across) < town.boxes.extent[number, 1])


@pytest.mark.parametrize("name", ["Pilotage04", "Pilotage06", "Rural-test-0002"])
def test_farms_stand_in_nothing_and_leave_room_to_the_road(name: str) -> None:
    town = load_town(name)
    farms = np.flatnonzero(town.boxes.tag == Label.BUILDINGS)
    assert len(farms) >= 8
    assert len(farms) % 2 == 0
    clearance = Clearance(parse_network(town.opendrive))
    fields = (town.mesh.tags == Label.TERRAIN) & (town.mesh.layers > 0)
    patches = town.mesh.vertices[town.mesh.triangles[fields]][..., :2].astype(float)
    for number in farms.tolist():
        points = _outline(town, number)
        assert clearance(points).min() > OFF_ROADS - 5.0
        assert not _holds(town, number, patches.reshape(-1, 2)).any()
        for other in range(len(town.boxes)):
            if other != number and np.hypot(*(town.boxes.center[other] - town.boxes.center[number])[:2]) < 30.0:
                assert not _holds(town, other, points).any()
                assert not _holds(town, number, town.boxes.center[[other], :2]).any()


def test_the_gate_of_a_barn_is_on_the_side_of_the_road() -> None:
    town = load_town("Pilotage06")
    edges = np.concatenate([side.edge[:, :2] for side in roadsides(parse_network(town.opendrive))])
    gates = (town.mesh.colors == GATE).all(axis=1) & (town.mesh.tags == Label.BUILDINGS)
    middles = town.mesh.vertices[town.mesh.triangles[gates]].mean(axis=1)[:, :2].astype(float)
    barns = town.objects.triangles[gates]
    assert len(np.unique(barns)) >= 8
    for barn in np.unique(barns).tolist():
        gate = middles[barns == barn].mean(axis=0)
        (box,) = np.flatnonzero(town.objects.boxes == barn)
        middle = town.boxes.center[box, :2]
        distance = [np.hypot(*(edges - point).T).min() for point in (gate, middle)]
        assert distance[0] < distance[1] - 3.0


def test_roundabouts_have_no_guard_rail_around_their_island() -> None:
    town = load_town("Pilotage03")
    assert Label.GUARD_RAIL not in town.boxes.tag
    assert Label.GUARD_RAIL in load_town("Pilotage07").boxes.tag
