"""Corridors, sites, draws and footprints, on the built-in town and without a server."""

from __future__ import annotations

import math

import carla
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.maps import load_town
from sim.scenarios import InvalidScenario, NoSite, draw_episode, find_sites, split_sites
from sim.scenarios.draw import KINDS, stop_distance, swerve_distance
from sim.scenarios.footprint import Footprint
from sim.scenarios.weather import TEST_RANGES, TRAIN_RANGES

TOWN = load_town("Pilotage01")
MAP = carla.Map("Pilotage01", TOWN.opendrive)
POINTS = [carla.Transform(carla.Location(p.x, p.y, p.z), carla.Rotation(yaw=p.yaw)) for p in TOWN.spawn_points]
SITES = split_sites(find_sites(MAP, POINTS))
CORRIDORS = [site.corridor(MAP) for site in (*SITES["train"][::23], *SITES["test"][::23])]


@given(st.sampled_from(CORRIDORS), st.floats(-5.0, 135.0), st.floats(-9.0, 9.0))
def test_frenet_inverts_pose(corridor, s: float, d: float) -> None:
    x, y, _, _ = corridor.pose(s, d)
    assert corridor.frenet(np.array([[x, y]]))[0] == pytest.approx((s, d), abs=1e-6)


@given(st.sampled_from(CORRIDORS), st.floats(1.0, 125.0), st.floats(-12.0, 12.0))
def test_a_corridors_lanes_are_the_maps_driving_lanes_of_that_direction(corridor, s: float, d: float) -> None:
    edges = [lane.offset + side * 0.5 * lane.width for lane in corridor.lanes for side in (-1, 1)]
    if min(abs(d - edge) for edge in edges) < 0.06:
        return  # on a line either answer is right
    x, y, z, yaw = corridor.pose(s, d)
    waypoint = MAP.get_waypoint(carla.Location(x, y, z), project_to_road=False, lane_type=carla.LaneType.Driving)
    same = waypoint is not None and math.cos(math.radians(waypoint.transform.rotation.yaw - yaw)) > 0.0
    assert same == (corridor.left_edge < d < corridor.right_edge)


def test_training_and_test_sites_share_no_road() -> None:
    roads = {split: {site.road_id for site in sites} for split, sites in SITES.items()}
    assert roads["train"]
    assert roads["test"]
    assert not roads["train"] & roads["test"]


def test_both_splits_can_stage_every_kind() -> None:
    for split in ("train", "test"):
        drawn = [draw_episode(seed, split, SITES) for seed in range(300)]
        assert {draw.kind for draw in drawn} == {kind for kind, _ in KINDS}
        for draw in drawn:
            assert (draw.site.left > 0, draw.site.right > 0) == (draw.left != "absent", draw.right != "absent")
            assert 30.0 <= 3.6 * draw.speed <= 60.0


def test_weather_of_the_splits_is_disjoint() -> None:
    azimuths = {
        split: [draw_episode(seed, split, SITES).weather.sun_azimuth_angle for seed in range(100)]
        for split in ("train", "test")
    }
    assert max(azimuths["train"]) <= 240.0 <= min(azimuths["test"])
    # Every two skies of different splits differ in something but the azimuth, too.
    for seen in TRAIN_RANGES:
        for unseen in TEST_RANGES:
            assert any(
                low > other_high or high < other_low
                for (low, high), (other_low, other_high) in zip(seen, unseen, strict=True)
            )


def test_left_and_right_are_drawn_alike() -> None:
    drawn = [draw_episode(seed, "train", SITES) for seed in range(1500)]
    left = sum(draw.left == "free" for draw in drawn)
    right = sum(draw.right == "free" for draw in drawn)
    # Two draws of the same share p=0.34 out of 1500 differ by less than 4.5 standard deviations.
    assert abs(left - right) < 4.5 * math.sqrt(2 * 1500 * 0.34 * 0.66)


def test_near_obstacles_can_be_swerved_but_not_braked_for_and_far_ones_braked_for() -> None:
    for seed in range(300):
        draw = draw_episode(seed, "train", SITES)
        if draw.kind.startswith("near"):
            assert swerve_distance(draw.speed) * 1.1 <= draw.gap <= stop_distance(draw.speed) * 0.85
        elif draw.kind != "clear":
            assert draw.gap >= 1.25 * stop_distance(draw.speed)


def test_the_same_seed_draws_the_same_and_another_another() -> None:
    assert draw_episode(7, "train", SITES) == draw_episode(7, "train", SITES)
    assert draw_episode(7, "train", SITES) != draw_episode(8, "train", SITES)
    assert draw_episode(7, "train", SITES).site != draw_episode(7, "test", SITES).site


def test_impossible_draws_are_named() -> None:
    with pytest.raises(InvalidScenario, match="split"):
        draw_episode(0, "holdout", SITES)
    with pytest.raises(InvalidScenario, match="seed"):
        draw_episode(-1, "train", SITES)
    with pytest.raises(NoSite, match="split"):
        draw_episode(0, "train", {"train": (), "test": ()})


@given(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0), st.floats(0.0, 360.0), st.floats(0.0, 360.0), st.floats(0.2, 3.0))
def test_footprints_overlap_where_sampled_points_do(x: float, y: float, yaw: float, other: float, size: float) -> None:
    a, b = Footprint(0.0, 0.0, yaw, 2.0, 0.9), Footprint(x, y, other, size, 0.3)
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 41)), -1).reshape(-1, 2)
    c, s = math.cos(math.radians(other)), math.sin(math.radians(other))
    points = np.array([x, y]) + (grid * [size, 0.3]) @ np.array([[c, s], [-s, c]])
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    local = points @ np.array([[c, -s], [s, c]])
    inside = bool(np.any((np.abs(local[:, 0]) <= 2.0) & (np.abs(local[:, 1]) <= 0.9)))
    if inside:
        assert a.overlaps(b)
        assert b.overlaps(a)
    elif a.overlaps(b):
        # The grid misses slivers thinner than its step.
        assert a.overlaps(b, 0.0)
        assert not a.overlaps(b, -0.3)
