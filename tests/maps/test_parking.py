"""Cars stand in parking lanes: beside the traffic, not in it, and away from where people wait and look."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from sim.labels import Label
from sim.maps import Town, load_town, load_xodr
from sim.maps.network import RoadNetwork, parse_network
from sim.maps.parked_cars import MODELS, OFF_LANE
from sim.maps.parking import OFF_CROSSWALK, OFF_JUNCTION, OFF_SIGNAL
from sim.maps.roadside import Clearance
from sim.maps.signals import STOP, TRAFFIC_LIGHT, YIELD
from sim.server.blueprints import CATALOGUE
from sim.server.vehicle_looks import look_of_model
from tests.maps.foreign import straight

TOWNS = ("Pilotage02", "Pilotage05", "Grid-train-0007")
DRIVEN = carla.LaneType.Driving | carla.LaneType.Biking | carla.LaneType.Sidewalk


@pytest.fixture(scope="module", params=TOWNS)
def parked(request: pytest.FixtureRequest) -> tuple[Town, np.ndarray]:
    """A town with parking lanes and the numbers of the boxes of the cars in them."""
    town = load_town(request.param)
    cars = np.flatnonzero(town.boxes.tag == Label.CAR)
    on_road = Clearance(parse_network(town.opendrive))(town.boxes.center[cars]) < 0.0
    return town, cars[on_road]


def _outline(town: Town, number: int, wider: float) -> np.ndarray:
    """Points (K, 2) around a box, `wider` m outside it, at most half a metre apart."""
    hx, hy = town.boxes.extent[number, :2] + wider
    u, v = np.linspace(-hx, hx, 2 + int(4 * hx)), np.linspace(-hy, hy, 2 + int(4 * hy))
    local = np.concatenate([[(x, y) for x in u for y in (-hy, hy)], [(x, y) for x in (-hx, hx) for y in v]])
    yaw = np.radians(town.boxes.yaw[number])
    turned = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    return town.boxes.center[number, :2] + local @ turned


def test_parking_lanes_are_neither_empty_nor_full(parked: tuple[Town, np.ndarray]) -> None:
    town, cars = parked
    lanes = [
        section.end - section.start
        for road in parse_network(town.opendrive).roads
        for section in road.sections
        for lane in section.left + section.right
        if lane.kind == "parking"
    ]
    assert 0.2 < len(cars) * 6.0 / sum(lanes) < 0.8
    assert len({tuple(town.boxes.extent[n]) for n in cars}) >= 6


def test_parked_cars_keep_off_driving_lanes_and_look_the_way_their_lane_goes(parked: tuple[Town, np.ndarray]) -> None:
    town, cars = parked
    road_map = carla.Map(town.name, town.opendrive)
    for number in cars.tolist():
        for x, y in _outline(town, number, OFF_LANE - 0.01).tolist():
            place = carla.Location(x, y, float(town.boxes.center[number, 2]))
            assert road_map.get_waypoint(place, False, DRIVEN) is None, (number, x, y)
        middle = carla.Location(*town.boxes.center[number].tolist())
        lane = road_map.get_waypoint(middle, False, carla.LaneType.Parking)
        assert lane is not None
        turn = (lane.transform.rotation.yaw - town.boxes.yaw[number] + 180.0) % 360.0 - 180.0
        assert abs(turn) < 1.0
        floor = town.boxes.center[number, 2] - town.boxes.extent[number, 2]
        assert floor == pytest.approx(lane.transform.location.z, abs=0.02)


def test_parked_cars_leave_junctions_crossings_lights_and_signs_in_view(parked: tuple[Town, np.ndarray]) -> None:
    town, cars = parked
    network = parse_network(town.opendrive)
    junctions = Clearance(RoadNetwork(tuple(road for road in network.roads if road.junction is not None)))
    kinds = (STOP, YIELD, TRAFFIC_LIGHT)
    signals = np.array([(s.pose.x, s.pose.y) for s in town.regulation.plan.signals if s.type in kinds])
    crossings = np.concatenate([c.outline * (1.0, -1.0) for road in network.roads for c in road.crosswalks])
    for number in cars.tolist():
        points = _outline(town, number, 0.0)
        assert junctions(points).min() > OFF_JUNCTION
        for others, least in ((signals, OFF_SIGNAL), (crossings, OFF_CROSSWALK)):
            assert np.linalg.norm(points[:, None] - others[None], axis=-1).min() > least


def test_a_parked_car_is_shown_by_its_own_triangles_and_stands_clear_of_the_next(
    parked: tuple[Town, np.ndarray],
) -> None:
    town, cars = parked
    middles = town.boxes.center[cars, :2]
    apart = np.linalg.norm(middles[:, None] - middles[None], axis=-1) + np.where(np.eye(len(cars)) > 0, np.inf, 0.0)
    assert apart.min() > 4.0
    for number in cars.tolist():
        shown = town.objects.triangles == town.objects.boxes[number]
        assert 200 < shown.sum() < 800
        assert set(town.mesh.tags[shown].tolist()) == {Label.CAR}
        corners = town.mesh.vertices[town.mesh.triangles[shown]].reshape(-1, 3)
        reach = np.linalg.norm(corners - town.boxes.center[number], axis=1)
        assert reach.max() < np.linalg.norm(town.boxes.extent[number]) + 0.02


def test_parked_models_have_the_measures_of_the_catalogue() -> None:
    for model in MODELS:
        look = look_of_model(model.id, (0, 0, 0), 0)
        assert (CATALOGUE[model.id].kind, look.center_x) == (model.kind, 0.0)
        assert model.extent == pytest.approx(look.extent, abs=1e-3)
        assert tuple(model.chassis) == pytest.approx(tuple(look.chassis or ()), abs=1e-3)


@pytest.mark.parametrize(("width", "cars"), [(2.3, True), (1.7, False)])
def test_a_foreign_map_gets_parked_cars_where_its_parking_lane_is_wide_enough(width: float, cars: bool) -> None:
    lane = (
        f'<lane id="-2" type="parking" level="false"><width sOffset="0" a="{width}" b="0" c="0" d="0"/></lane></right>'
    )
    town = load_xodr(straight().replace("</right>", lane), "street")
    stand = (town.boxes.tag == Label.CAR) & (np.abs(town.boxes.center[:, 1]) < 8.0)
    assert stand.any() == cars
