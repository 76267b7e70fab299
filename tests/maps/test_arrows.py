"""Arrows on lanes say where the real CARLA client finds a way on from them."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from sim.labels import Label
from sim.maps import Town, load_town, load_xodr
from sim.maps.arrows import LEFT, LENGTH, RIGHT, ROUND_DEG, STRAIGHT, STRAIGHT_DEG, Approach, approaches, arrow_meshes
from sim.maps.network import parse_network
from sim.maps.regulation import read_map
from sim.maps.town import available_towns
from sim.render.mesh import Mesh
from tests.maps.foreign import straight


def _arrows(town: Town) -> list[tuple[str, Mesh]]:
    network, regulation = read_map(town.opendrive)
    return arrow_meshes(network, regulation.plan)


def _before_junction(road_map: carla.Map, approach: Approach) -> carla.Waypoint:
    s = approach.road.length - 0.05 if approach.forward else 0.05
    return road_map.get_waypoint_xodr(int(approach.road.id), approach.lane, s)


def _ways_on(waypoint: carla.Waypoint) -> set[str]:
    """Movements that the client's topology offers from the end of a lane, by the change of yaw over the junction."""
    ways = set()
    for inside in waypoint.next(0.3):
        path = [inside, *inside.next_until_lane_end(1.0)]
        yaws = np.unwrap(np.radians([waypoint.transform.rotation.yaw, *(p.transform.rotation.yaw for p in path)]))
        turn = float(np.degrees(yaws[-1] - yaws[0]))
        if abs(turn) < STRAIGHT_DEG:
            ways.add(STRAIGHT)
        elif abs(turn) < ROUND_DEG:
            # CARLA's yaw grows to the right.
            ways.add(RIGHT if turn > 0 else LEFT)
    return ways


@pytest.mark.parametrize("name", available_towns())
def test_movements_of_every_approach_are_those_that_the_client_can_drive(name: str) -> None:
    town = load_town(name)
    road_map = carla.Map(name, town.opendrive)
    found = approaches(parse_network(town.opendrive))
    assert found
    for approach in found:
        waypoint = _before_junction(road_map, approach)
        assert not waypoint.is_junction
        assert _ways_on(waypoint) == approach.movements, (approach.road.id, approach.lane)


@pytest.mark.parametrize("name", ["Pilotage01", "Pilotage02", "Pilotage05"])
def test_arrows_lie_inside_one_driving_lane_and_point_along_its_travel(name: str) -> None:
    town = load_town(name)
    road_map = carla.Map(name, town.opendrive)
    arrows = _arrows(town)
    assert len(arrows) >= 20
    for _, mesh in arrows:
        corners = mesh.vertices[mesh.triangles.reshape(-1)].astype(np.float64)
        assert set(mesh.tags.tolist()) == {Label.ROAD_LINES}
        assert mesh.layers.min() >= 1
        tail = carla.Location(*corners[:2].mean(axis=0).tolist())
        lane = road_map.get_waypoint(tail, project_to_road=False)
        assert lane is not None
        assert not lane.is_junction
        forward, right = (
            np.array([v.x, v.y]) for v in (lane.transform.get_forward_vector(), lane.transform.get_right_vector())
        )
        offset = corners[:, :2] - np.array([tail.x, tail.y])
        middle = np.array([tail.x - lane.transform.location.x, tail.y - lane.transform.location.y]) @ right
        assert (offset @ forward).min() > -0.1
        assert 3.5 < (offset @ forward).max() < LENGTH + 0.1
        assert np.abs(offset @ right + middle).max() < 0.5 * lane.lane_width - 0.2


@pytest.mark.parametrize("name", ["Pilotage02", "Pilotage05"])
def test_the_side_to_which_an_arrow_reaches_is_a_way_on_from_its_lane(name: str) -> None:
    town = load_town(name)
    road_map = carla.Map(name, town.opendrive)
    seen = set()
    for _, mesh in _arrows(town):
        corners = mesh.vertices[mesh.triangles.reshape(-1)].astype(np.float64)
        tail = corners[:2].mean(axis=0)
        lane = road_map.get_waypoint(carla.Location(*tail.tolist()))
        right = lane.transform.get_right_vector()
        across = (corners - tail)[:, :2] @ np.array([right.x, right.y])
        sides = {way for way, reach in ((RIGHT, across.max()), (LEFT, -across.min())) if reach > 1.0}
        end = lane.next_until_lane_end(0.5)[-1]
        ways = _ways_on(end)
        assert sides == ways - {STRAIGHT}
        seen |= ways
    assert seen == {LEFT, RIGHT, STRAIGHT}


def test_the_heads_of_an_arrow_with_two_ways_lie_apart_along_the_lane() -> None:
    """Or from the low angle of a driver the two run into one, a bolt of lightning."""
    seen = 0
    for _, mesh in _arrows(load_town("Pilotage02")):
        corners = mesh.vertices[mesh.triangles].astype(np.float64)[..., :2]
        tail = corners[0, :2].mean(axis=0)
        ahead = corners[1, 1] - corners[0, 0]
        ahead /= np.linalg.norm(ahead)
        # Shaft of two triangles, then the head that points ahead, then an arm of two and a head to a side.
        if len(corners) != 6:
            continue
        first, second = ((corners[n] - tail) @ ahead for n in (2, 5))
        assert first.min() - second.max() > 0.8
        seen += 1
    assert seen >= 10


def test_streets_of_one_lane_get_arrows_only_where_somebody_may_go_elsewhere() -> None:
    # Roundabouts and motorway exits: nothing to choose, nothing to say.
    assert not _arrows(load_town("Pilotage03"))
    assert not _arrows(load_town("Pilotage06"))


def test_a_map_with_arrows_of_its_own_gets_none_on_those_roads() -> None:
    town = load_town("Pilotage02")
    road = _arrows(town)[0][0]
    marker = f'id="{road}" junction="-1"'
    assert town.opendrive.count(marker) == 1
    head, tail = town.opendrive.split(marker)
    own = '<object id="77001" type="roadMark" subtype="arrowLeft" name="" s="5" t="0" zOffset="0"/>'
    body, rest = tail.split("</road>", 1)
    if "<objects>" in body:
        body = body.replace("<objects>", f"<objects>{own}", 1)
    else:
        body = body + f"<objects>{own}</objects>"
    other = load_xodr(f"{head}{marker}{body}</road>{rest}", "own")
    assert [key for key, _ in _arrows(other)].count(road) == 1
    assert len(_arrows(other)) > 10


@pytest.mark.parametrize(
    ("words", "sides"),
    [
        ('name="Stencil_ArrowType4R" type="-1"', {RIGHT}),
        ('name="Stencil_ArrowType4L" type="-1"', {LEFT}),
        ('name="" type="roadMark" subtype="arrowStraightLeft"', {STRAIGHT, LEFT}),
        ('name="" type="roadMark" subtype="arrowLeftRight"', {LEFT, RIGHT}),
        ('name="arrow" type="roadMark"', {STRAIGHT}),
    ],
)
@pytest.mark.parametrize("t", [-1.75, 1.75])
def test_a_maps_own_arrow_is_painted_at_its_place_and_points_along_its_lane(
    words: str, sides: set[str], t: float
) -> None:
    item = f'<object id="7" {words} s="60" t="{t}" zOffset="0" hdg="0" length="4" width="1.6"/>'
    town = load_xodr(straight(objects=item), "own")
    ((road, mesh),) = _arrows(town)
    assert road == "1"
    paint = mesh.vertices[mesh.triangles.reshape(-1)].astype(np.float64)
    inside = (town.mesh.tags == Label.ROAD_LINES) & (town.mesh.layers > 0)
    drawn = town.mesh.vertices[np.unique(town.mesh.triangles[inside])]
    assert paint[:, 0].min() == pytest.approx(drawn[:, 0].min())
    # Traffic on the right (t < 0) goes along +x, on the left along -x; in CARLA's frame y is -t.
    ahead = 1.0 if t < 0.0 else -1.0
    along, right = ahead * (paint[:, 0] - 60.0), ahead * (paint[:, 1] + t)
    assert along.min() == pytest.approx(-2.0, abs=1e-3)
    assert along.max() == pytest.approx(2.0, abs=1e-3) if STRAIGHT in sides else along.max() > 0.5
    assert np.ptp(right) == pytest.approx(1.6, abs=1e-3)
    tail = right[along < -1.9]
    shaft = 0.5 * (tail.min() + tail.max())
    reach = {RIGHT: right.max() - shaft, LEFT: shaft - right.min()}
    for way, other in ((RIGHT, LEFT), (LEFT, RIGHT)):
        assert (reach[way] > 1.5 * reach[other]) == (way in sides and other not in sides)
    tip = right[along > 1.999]
    assert (len(tip) > 0 and np.abs(tip - shaft).max() < 1e-3) == (STRAIGHT in sides)


def test_an_arrow_beside_the_lanes_is_not_painted_on_the_grass() -> None:
    item = '<object id="7" name="arrow" type="sign" s="60" t="9" zOffset="2" hdg="0" length="4" width="1.6"/>'
    assert not _arrows(load_xodr(straight(objects=item), "own"))
