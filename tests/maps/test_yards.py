"""Things between sidewalks and houses stand clear of lanes and of each other."""

from __future__ import annotations

import numpy as np

from sim.labels import Label
from sim.maps import Town, load_town
from sim.maps.network import parse_network
from sim.maps.roadside import Clearance
from sim.maps.yards import OFF_LANES


def _grid(town: Town, number: int) -> np.ndarray:
    """Points (K, 2) at most half a metre apart all over a box's footprint, its edge included."""
    extent, yaw = town.boxes.extent[number], np.radians(town.boxes.yaw[number])
    u, v = np.meshgrid(*(half * np.linspace(-1, 1, 2 + int(4 * half)) for half in extent[:2]))
    turned = np.stack([u * np.cos(yaw) - v * np.sin(yaw), u * np.sin(yaw) + v * np.cos(yaw)], axis=-1)
    return town.boxes.center[number, :2] + turned.reshape(-1, 2)


def test_parked_cars_and_street_furniture_leave_a_metre_to_lanes_and_stand_in_nothing(town: Town, paved: bool) -> None:
    boxes = town.boxes
    chosen = np.flatnonzero(np.isin(boxes.tag, [Label.CAR, Label.STATIC]))
    for tag in (Label.CAR, Label.STATIC):
        assert (tag in boxes.tag) == paved
    clearance = Clearance(parse_network(town.opendrive))
    # Those in parking lanes: tests/maps/test_parking.py.
    parked = {n for n in chosen.tolist() if boxes.tag[n] == Label.CAR and clearance(boxes.center[[n]])[0] < 0.0}
    angle = np.radians(boxes.yaw)
    for number in chosen.tolist():
        points = _grid(town, number)
        assert number in parked or clearance(points).min() > OFF_LANES - 0.01
        offset = points[:, None] - boxes.center[None, :, :2]
        along = np.abs(offset[..., 0] * np.cos(angle) + offset[..., 1] * np.sin(angle)) < boxes.extent[:, 0]
        across = np.abs(offset[..., 1] * np.cos(angle) - offset[..., 0] * np.sin(angle)) < boxes.extent[:, 1]
        inside = (along & across).any(axis=0)
        inside[number] = False
        assert not inside.any(), (number, np.flatnonzero(inside))


def test_parked_cars_are_tagged_as_cars_and_belong_to_the_layer_of_parked_vehicles(town: Town, paved: bool) -> None:
    cars = [n for n, name in enumerate(town.objects.names) if name.startswith("ParkedVehicle_")]
    assert bool(cars) == paved
    if not paved:
        return
    assert {int(town.objects.tags[n]) for n in cars} == {Label.CAR}
    assert {int(town.objects.layers[n]) for n in cars} == {16}
    shown = np.isin(town.objects.triangles, cars)
    assert set(town.mesh.tags[shown].tolist()) == {Label.CAR}


def test_a_town_with_sidewalks_has_red_hydrants_behind_them() -> None:
    boxes = load_town("Pilotage05").boxes
    small = (boxes.tag == Label.STATIC) & (np.abs(boxes.extent - np.array([0.2, 0.2, 0.39])).max(axis=1) < 1e-9)
    assert small.sum() >= 10
    town = load_town("Pilotage05")
    for number in np.flatnonzero(small)[:5].tolist():
        shown = town.mesh.triangles[town.objects.triangles == town.objects.boxes[number]]
        corners = town.mesh.vertices[shown].reshape(-1, 3)
        assert np.abs(corners - boxes.center[number]).max() < 0.4
        color = town.mesh.colors[town.objects.triangles == town.objects.boxes[number]].astype(int)
        assert (color[:, 0] > 2 * color[:, 1]).all()
