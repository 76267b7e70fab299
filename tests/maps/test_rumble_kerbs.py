"""Race tracks have red and white kerbs in their bends, which are part of the road."""

from __future__ import annotations

import itertools

import carla
import numpy as np
import pytest

from sim.labels import Label
from sim.maps import load_town
from sim.maps.network import parse_network
from sim.maps.rumble_kerbs import rumble_kerbs
from sim.render.mesh import Mesh


def _kerbs(name: str) -> tuple[list[Mesh], carla.Map]:
    text = load_town(name).opendrive
    return [mesh for _, mesh in rumble_kerbs(parse_network(text))], carla.Map(name, text)


@pytest.mark.parametrize("name", ["Pilotage07", "Track-train-0003"])
def test_kerbs_of_a_track_lie_on_shoulders_beside_bends(name: str) -> None:
    kerbs, road_map = _kerbs(name)
    assert len(kerbs) >= 12
    turning = 0
    for mesh in kerbs:
        assert set(mesh.tags.tolist()) == {Label.ROADS}
        assert mesh.layers.min() >= 1
        for corners in mesh.vertices[mesh.triangles[::4]].astype(np.float64):
            middle = carla.Location(*corners.mean(axis=0).tolist())
            shoulder = road_map.get_waypoint(middle, project_to_road=False, lane_type=carla.LaneType.Any)
            assert shoulder is not None
            assert shoulder.lane_type == carla.LaneType.Shoulder
            beside = road_map.get_waypoint(middle)
            before, after = beside.previous(15.0), beside.next(15.0)
            if not (before and after):
                continue
            turn = (after[0].transform.rotation.yaw - before[0].transform.rotation.yaw + 180.0) % 360.0 - 180.0
            turning += abs(turn) > 5.0
    assert turning > 0.9 * sum(len(mesh.triangles[::4]) for mesh in kerbs)


def test_kerbs_are_red_and_white_in_turn_and_cost_a_thirtieth_of_the_town_at_most() -> None:
    kerbs, _ = _kerbs("Pilotage07")
    for mesh in kerbs:
        red = (mesh.colors[::2, 0] > 1.5 * mesh.colors[::2, 1]).tolist()
        assert all(first != second for first, second in itertools.pairwise(red))
    assert sum(len(mesh.triangles) for mesh in kerbs) < len(load_town("Pilotage07").mesh.triangles) / 30


@pytest.mark.parametrize("name", ["Pilotage01", "Pilotage04", "Pilotage06"])
def test_streets_have_no_kerbs_of_a_track(name: str) -> None:
    assert _kerbs(name)[0] == []
