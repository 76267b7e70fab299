"""Gantries stand across fast carriageways and tell who drives there which lane leaves."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from sim.labels import Label
from sim.maps import Town, load_town
from sim.maps.arrows import approaches
from sim.maps.gantries import BEFORE_FORK, UNDER
from sim.maps.network import parse_network

BLUE = (22, 66, 138)


def _panels(town: Town) -> list[np.ndarray]:
    """Corners (4, 3) of the blue faces, low left first as drivers see them."""
    blue = (town.mesh.colors == BLUE).all(axis=1) & (town.mesh.tags == Label.TRAFFIC_SIGNS)
    pairs = town.mesh.triangles[blue].reshape(-1, 6)
    return [town.mesh.vertices[np.array([pair[0], pair[1], pair[2], pair[5]])].astype(float) for pair in pairs]


@pytest.mark.parametrize("name", ["Pilotage04", "Motorway-train-0007", "Motorway-test-0003"])
def test_panels_hang_high_over_the_lanes_and_face_who_drives_there(name: str) -> None:
    town = load_town(name)
    road_map = carla.Map(name, town.opendrive)
    panels = _panels(town)
    assert len(panels) >= 5
    for panel in panels:
        middle = panel.mean(axis=0)
        lane = road_map.get_waypoint(carla.Location(*middle[:2].tolist(), 0.0))
        assert panel[:, 2].min() > lane.transform.location.z + UNDER
        right, ahead = lane.transform.get_right_vector(), lane.transform.get_forward_vector()
        # From its left to its right corners as the driver has left and right.
        across = (panel[0] - panel[1])[:2] @ np.array([right.x, right.y])
        along = (panel[0] - panel[1])[:2] @ np.array([ahead.x, ahead.y])
        assert abs(across) > 2.0
        assert abs(along) < 0.05 * abs(across)
        grey = (town.mesh.colors == (128, 130, 132)).all(axis=1) & (town.mesh.tags == Label.TRAFFIC_SIGNS)
        backs = town.mesh.vertices[town.mesh.triangles[grey]].mean(axis=1).astype(float)
        back = backs[np.argmin(np.linalg.norm(backs - middle, axis=1))]
        assert (back - middle)[:2] @ np.array([ahead.x, ahead.y]) > 0.1


def test_before_a_fork_the_lane_that_leaves_has_a_panel_of_its_own() -> None:
    town = load_town("Pilotage04")
    panels = _panels(town)
    middles = np.array([panel.mean(axis=0)[:2] for panel in panels])
    road_map = carla.Map("Pilotage04", town.opendrive)
    every = approaches(parse_network(town.opendrive))
    found = 0
    for approach in every:
        road, exits = approach.road, [one.exits for one in every if one.road.id == approach.road.id]
        if road.speeds[:, 1].min() < 70.0 or len(set(exits)) < 2 or exits.count(approach.exits) > 1:
            continue
        s = road.length - BEFORE_FORK if approach.forward else BEFORE_FORK
        lane = road_map.get_waypoint_xodr(int(road.id), approach.lane, s)
        right, ahead = lane.transform.get_right_vector(), lane.transform.get_forward_vector()
        gap = middles - np.array([lane.transform.location.x, lane.transform.location.y])
        over = (np.abs(gap @ [right.x, right.y]) < 0.3) & (np.abs(gap @ [ahead.x, ahead.y]) < 10.0)
        (panel,) = np.flatnonzero(over)
        assert np.linalg.norm((panels[panel][0] - panels[panel][1])[:2]) < lane.lane_width
        found += 1
    assert found == 2


@pytest.mark.parametrize("name", ["Pilotage01", "Pilotage03", "Pilotage06", "Pilotage07"])
def test_streets_and_slow_roads_have_none(name: str) -> None:
    assert not _panels(load_town(name))
