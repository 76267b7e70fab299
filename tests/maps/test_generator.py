"""Towns by style, split and seed, as the real CARLA client reads them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import defaultdict
from xml.etree import ElementTree

import carla
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.maps import UnknownTown, load_town
from sim.maps.generator import NAMED, SPLITS, STYLES, generated_text, parse_name, road_digest, split_of, town_name
from sim.maps.layouts import LAYOUTS
from sim.maps.network import LaneSection, Road, RoadNetwork, parse_network
from sim.maps.spawns import spawn_points
from sim.maps.town import town_text

FAST = [town_name(style, split, seed) for style in STYLES for split, seed in (("train", 7), ("test", 3))]
WIDE = [town_name(style, split, seed) for style in STYLES for split in SPLITS for seed in range(40, 60)]


def _lanes(network: RoadNetwork) -> list[tuple[Road, LaneSection, int]]:
    return [
        (road, section, lane.id)
        for road in network.roads
        for section in road.sections
        for lane in section.left + section.right
        if lane.kind == "driving"
    ]


def _check_roads(name: str) -> None:
    """Lanes meet, nothing ends, everything can be reached, spawn points are good."""
    text = town_text(name)
    road_map, network = carla.Map(name, text), parse_network(text)
    ways: dict[tuple[int, int, int], set[tuple[int, int, int]]] = defaultdict(set)
    for road, section, lane in _lanes(network):
        s = section.end - 0.001 if lane < 0 else section.start + 0.001
        end = road_map.get_waypoint_xodr(int(road.id), lane, s)
        after = end.next(0.002)
        assert after, f"{name}: lane {lane} of road {road.id} is a dead end"
        for waypoint in after:
            gap = waypoint.transform.location.distance(end.transform.location)
            turn = (waypoint.transform.rotation.yaw - end.transform.rotation.yaw + 180.0) % 360.0 - 180.0
            assert gap < 0.01, f"{name}: road {road.id} to {waypoint.road_id}"
            assert abs(turn) < 0.5, f"{name}: road {road.id} to {waypoint.road_id}"
            assert abs(waypoint.lane_width - end.lane_width) < 0.01
        beside = [lane for lane in (end.get_left_lane(), end.get_right_lane()) if lane is not None]
        after += [
            waypoint
            for waypoint in beside
            if waypoint.lane_type == carla.LaneType.Driving and waypoint.lane_id * end.lane_id > 0
        ]
        ways[end.road_id, end.section_id, end.lane_id] |= {(w.road_id, w.section_id, w.lane_id) for w in after}
    back: dict[tuple[int, int, int], set[tuple[int, int, int]]] = defaultdict(set)
    for lane_from, targets in ways.items():
        for target in targets:
            back[target].add(lane_from)
    start = next(iter(ways))
    assert _reached(ways, start) == set(ways), f"{name}: some lanes cannot be driven to"
    assert _reached(back, start) == set(ways), f"{name}: some lanes lead nowhere"
    spawns = spawn_points(network)
    assert len(spawns) >= 60
    points = np.array([[pose.x, pose.y] for pose in spawns])
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1) + 1e9 * np.eye(len(points))
    assert distance.min() >= 8.0
    for pose in spawns:
        waypoint = road_map.get_waypoint(carla.Location(pose.x, pose.y, pose.z), project_to_road=False)
        assert waypoint is not None
        assert waypoint.lane_type == carla.LaneType.Driving
        assert pose.z == pytest.approx(waypoint.transform.location.z + 0.3, abs=0.01)


def _reached(
    ways: dict[tuple[int, int, int], set[tuple[int, int, int]]], start: tuple[int, int, int]
) -> set[tuple[int, int, int]]:
    seen, frontier = {start}, [start]
    while frontier:
        new = ways.get(frontier.pop(), set()) - seen
        seen |= new
        frontier += new
    return seen


@pytest.mark.parametrize("name", [*FAST, *NAMED])
def test_lanes_of_generated_towns_meet_lead_on_and_reach_each_other(name: str) -> None:
    _check_roads(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", WIDE)
def test_lanes_meet_lead_on_and_reach_each_other_for_many_seeds(name: str) -> None:
    _check_roads(name)


@pytest.mark.parametrize("style", ["Grid", "Suburb", "Motorway", "Track"])
def test_links_between_roads_and_their_lanes_hold_in_both_directions(style: str) -> None:
    roads = {
        road.get("id"): road for road in ElementTree.fromstring(town_text(town_name(style, "train", 7))).iter("road")
    }
    checked = 0
    for number, road in roads.items():
        link = road.find("link/successor")
        if road.get("junction") != "-1" or link is None or link.get("elementType") != "road":
            continue
        other = roads[link.get("elementId")]
        back = other.find("link/predecessor")
        assert back is not None
        assert (back.get("elementType"), back.get("elementId")) == ("road", number)
        last, first = road.findall("lanes/laneSection")[-1], other.findall("lanes/laneSection")[0]
        before = {lane.get("id"): lane for lane in last.iter("lane")}
        after = {lane.get("id"): lane for lane in first.iter("lane")}
        for lanes, others, way, opposite in (
            (before, after, "successor", "predecessor"),
            (after, before, "predecessor", "successor"),
        ):
            for lane_id, lane in lanes.items():
                target = lane.find(f"link/{way}")
                if target is not None:
                    answer = others[target.get("id")].find(f"link/{opposite}")
                    assert answer is not None
                    assert answer.get("id") == lane_id
                    checked += 1
    assert checked >= 4


def test_traffic_lights_stop_the_lanes_that_lead_to_their_junction() -> None:
    name = town_name("Grid", "train", 7)
    road_map = carla.Map(name, town_text(name))
    lights = [mark for mark in road_map.get_all_landmarks() if mark.type == "1000001"]
    assert len(lights) >= 12
    for mark in lights:
        for first, last in mark.get_lane_validities():
            for lane in range(first, last + 1):
                if lane == 0:
                    continue
                waypoint = road_map.get_waypoint_xodr(mark.road_id, lane, mark.s)
                assert waypoint is not None
                assert any(after.is_junction for after in waypoint.next(20.0))


@pytest.mark.parametrize("style", ["Suburb", "Rural", "Motorway"])
def test_side_roads_give_way_by_signs(style: str) -> None:
    name = town_name(style, "train", 7)
    marks = carla.Map(name, town_text(name)).get_all_landmarks()
    assert [mark for mark in marks if mark.type in ("205", "206")]


def test_hills_rise_and_fall_without_steps_and_at_most_ten_percent() -> None:
    network = parse_network(town_text(town_name("Rural", "train", 7)))
    profiles = [road.reference(np.arange(0.0, road.length, 1.0))[:, 2] for road in network.roads if road.length > 60]
    assert max(float(np.ptp(heights)) for heights in profiles) > 3.0
    assert max(float(np.abs(np.diff(heights)).max()) for heights in profiles) < 0.1


@given(st.sampled_from(sorted(STYLES)), st.sampled_from(SPLITS), st.integers(0, 9999))
@settings(max_examples=25, deadline=None)
def test_any_seed_of_any_split_gives_a_town_whose_name_says_so(style: str, split: str, seed: int) -> None:
    name = town_name(style, split, seed)
    found = parse_name(name)
    assert found is not None
    assert (found.style, found.split, found.seed) == (style, split, seed)
    assert split_of(f"/Game/Carla/Maps/{name}") == split
    network = parse_network(generated_text(name))
    assert len(network.roads) > 8


def test_no_two_towns_of_different_splits_have_the_same_roads() -> None:
    digests: dict[str, set[str]] = {split: set() for split in SPLITS}
    for style in STYLES:
        for split in SPLITS:
            digests[split] |= {road_digest(generated_text(town_name(style, split, seed))) for seed in range(20)}
    assert all(len(found) == 20 * len(STYLES) for found in digests.values())
    assert not digests["train"] & digests["test"]
    assert not digests["train"] & digests["validation"]
    assert not digests["validation"] & digests["test"]


def test_the_digest_of_roads_does_not_depend_on_the_towns_name() -> None:
    text = generated_text(town_name("Track", "train", 0))
    assert road_digest(text) == road_digest(text.replace("Track-train-0000", "Elsewhere"))
    assert road_digest(text) != road_digest(generated_text(town_name("Track", "train", 1)))


def test_a_town_is_the_same_text_in_another_process() -> None:
    names = [town_name(style, "train", 7) for style in STYLES]
    program = (
        "import hashlib, sys\nfrom sim.maps.generator import generated_text\n"
        "for name in sys.argv[1:]: print(hashlib.sha256(generated_text(name).encode()).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", program, *names], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert other == [hashlib.sha256(generated_text(name).encode()).hexdigest() for name in names]


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("Pilotage01", "074340d3d00ba6000a438abd3d515378a6b5a7ea6fa2333dd74559928523a19e"),
        ("Pilotage02", "b7597ae7d497ef7162566cd9f889ed3e6d8b7d03895b0bbc7d826793a9716129"),
    ],
)
def test_the_roads_that_policies_were_trained_on_stay_byte_identical(name: str, digest: str) -> None:
    assert hashlib.sha256(LAYOUTS[name]().encode()).hexdigest() == digest


@pytest.mark.parametrize(
    "name", ["Grid-train-7", "Grid-dev-0007", "grid-train-0007", "Grid-train-00070", "City-test-0001"]
)
def test_names_that_are_almost_right_are_refused_with_an_example(name: str) -> None:
    assert parse_name(name) is None
    with pytest.raises(UnknownTown, match="Grid-train-0000"):
        load_town(name)
    with pytest.raises(ValueError, match="Grid-train-0007"):
        generated_text(name)


def test_a_seed_that_does_not_fit_into_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="0 to 9999"):
        town_name("Grid", "train", 10_000)
