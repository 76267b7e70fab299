"""Every kind of road mark is painted where and as the map says."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from sim.labels import Label
from sim.maps import load_town
from sim.maps.markings import BOTTS_DIAMETER, mark_meshes
from sim.maps.network import parse_network
from sim.render.mesh import Mesh
from tests.maps.foreign import straight


def _painted(mark: str) -> list[Mesh]:
    (road,) = parse_network(straight(mark)).roads
    return [mesh for mesh in mark_meshes(road) if len(mesh.triangles)]


def _spans(mesh: Mesh) -> np.ndarray:
    """First and last x (N, 2) of each dash."""
    x = mesh.vertices[:, 0].reshape(-1, 4)
    return np.stack([x.min(axis=1), x.max(axis=1)], axis=1)


def test_a_described_line_has_the_maps_own_dashes_gaps_offset_width_and_colour() -> None:
    (line,) = _painted(
        '<roadMark sOffset="10" type="broken" color="yellow" width="0.12"><type name="t" width="0.3">'
        '<line length="2" space="4" tOffset="0.5" sOffset="1" width="0.3"/></type></roadMark>'
    )
    spans = _spans(line)
    assert spans[:2] == pytest.approx(np.array([[11.0, 13.0], [17.0, 19.0]]), abs=1e-4)
    # 0.5 m left of the lane's outer edge, which lies 3.5 m right of the reference line; right is +y.
    assert (line.vertices[:, 1].min(), line.vertices[:, 1].max()) == pytest.approx((2.85, 3.15), abs=1e-4)
    assert tuple(line.colors[0]) == (222, 178, 44)


def test_explicit_lines_are_painted_once_each() -> None:
    lines = _painted(
        '<roadMark sOffset="0" type="custom" color="white"><explicit><line length="5" tOffset="0" sOffset="20"/>'
        '<line length="7" tOffset="0" sOffset="40"/></explicit></roadMark>'
    )
    assert [(mesh.vertices[:, 0].min(), mesh.vertices[:, 0].max()) for mesh in lines] == [(20.0, 25.0), (40.0, 47.0)]


@pytest.mark.parametrize(
    ("kind", "lines"),
    [("solid", 1), ("broken", 1), ("solid solid", 2), ("solid broken", 2), ("broken solid", 2), ("broken broken", 2),
     ("botts dots", 1), ("curb", 1), ("edge", 0), ("grass", 0), ("none", 0), ("custom", 0)],
)  # fmt: skip
def test_each_kind_of_mark_paints_as_many_lines_as_its_name_says(kind: str, lines: int) -> None:
    painted = _painted(f'<roadMark sOffset="0" type="{kind}" color="white" width="0.2"/>')
    assert len(painted) == lines
    expected = Label.SIDEWALKS if kind == "curb" else Label.ROAD_LINES
    assert all(set(mesh.tags.tolist()) == {expected} for mesh in painted)


def test_the_first_word_of_a_double_mark_is_the_line_nearer_to_the_roads_centre() -> None:
    solid, broken = _painted('<roadMark sOffset="0" type="solid broken" color="white" width="0.1"/>')
    assert solid.vertices[:, 1].max() < broken.vertices[:, 1].min()
    assert len(broken.triangles) == 2 * 23


def test_botts_dots_are_dots() -> None:
    (dots,) = _painted('<roadMark sOffset="0" type="botts dots" color="white" width="0.15"/>')
    assert np.ptp(_spans(dots), axis=1) == pytest.approx(np.full(len(_spans(dots)), BOTTS_DIAMETER), abs=1e-4)
    assert len(dots.triangles) > 200


@pytest.mark.parametrize("color", ["yellow", "red", "blue", "green", "orange", "violet"])
def test_colours_differ_from_white(color: str) -> None:
    (line,) = _painted(f'<roadMark sOffset="0" type="solid" color="{color}" width="0.15"/>')
    (white,) = _painted('<roadMark sOffset="0" type="solid" color="standard" width="0.15"/>')
    assert tuple(line.colors[0]) != tuple(white.colors[0])


def test_a_hostile_dash_length_does_not_fill_the_memory() -> None:
    (line,) = _painted(
        '<roadMark sOffset="0" type="broken"><type name="t"><line length="1e-6" space="1e-6" tOffset="0" sOffset="0"/>'
        "</type></roadMark>"
    )
    assert len(line.triangles) <= 2 * 401


@pytest.mark.parametrize("name", ["Pilotage04", "Motorway-train-0002"])
def test_lines_of_a_motorway_run_on_through_its_forks_as_the_client_reads_them(name: str) -> None:
    text = load_town(name).opendrive
    road_map, network = carla.Map(name, text), parse_network(text)
    names = {road.id: road.name for road in network.roads}
    painted = (carla.LaneMarkingType.Broken, carla.LaneMarkingType.Solid)
    inner = found = 0
    for road in network.roads:
        if road.junction is None or {names[road.predecessor[1]], names[road.successor[1]]} != {"Motorway"}:
            continue
        for s in np.arange(5.0, road.length - 5.0, 10.0):
            lane = road_map.get_waypoint_xodr(int(road.id), -1, float(s))
            assert lane.is_junction
            assert lane.right_lane_marking.type in painted
            inner += lane.left_lane_marking.color == carla.LaneMarkingColor.Yellow
            found += 1
    # Of two lanes that go on one has the edge on its left.
    assert found >= 30
    assert inner == found // 2
