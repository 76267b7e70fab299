"""The emergency in every town, and episodes that draw their town from a pool: which, by whom, and never of another
split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import carla
import numpy as np
import pytest

from policy.experts import ExpertPolicy
from sim.client import InvalidSession, SessionConfig, TownUnavailable, open_session
from sim.client.process import EmbeddedServer
from sim.maps.generator import SPLITS, STYLES, parse_name, town_pool
from sim.maps.network import RoadNetwork
from sim.maps.regulation import read_map
from sim.maps.spawns import spawn_points
from sim.maps.town import town_text
from sim.scenarios import NoSite, draw_episode, town_sites
from sim.scenarios.draw import KINDS
from sim.tasks import CameraConfig, EmergencyManeuver, InvalidTask, TaskConfig, make_tool_env
from tests.tasks.driving import drive

SMALL = CameraConfig(width=64, height=32)
POOL = SessionConfig(town="+".join(STYLES), towns_per_split=2)


def _map(name: str) -> tuple[carla.Map, list[carla.Transform]]:
    text = town_text(name)
    network: RoadNetwork = read_map(text)[0]
    points = [carla.Transform(carla.Location(p.x, p.y, p.z), carla.Rotation(yaw=p.yaw)) for p in spawn_points(network)]
    return carla.Map(name, text), points


def test_the_quickstarts_episodes_stay_what_they_were() -> None:
    """Sites and draws of Pilotage01, to the last bit: what a policy was trained and measured on."""
    sites = town_sites(*_map("Pilotage01"))
    known = repr(sites["train"]) + repr(sites["test"])
    assert hashlib.sha256(known.encode()).hexdigest() == (
        "3097e7f4866f7ce94c3e4ba2e8960582a43af7e4aa41752754a2a4dc1927cc50"
    )
    seeds = (*range(100), 1_000_000, 1_000_119, 10_000_000, 20_000_000)
    drawn = [draw_episode(seed, split, sites) for split in ("train", "test") for seed in seeds]
    assert hashlib.sha256(repr(drawn).encode()).hexdigest() == (
        "f598260d7055f7a92efcb844c8b00ab93216bb471f4fc353cb2ee39e148a0323"
    )


def test_the_quickstarts_stretches_are_steered_as_straight_ones() -> None:
    town, points = _map("Pilotage01")
    for site in {site.road_id: site for sites in town_sites(town, points).values() for site in sites}.values():
        corridor = site.corridor(town)
        assert all(corridor.curvature(s) == 0.0 for s in np.arange(0.0, corridor.length, 5.0))


@pytest.mark.parametrize("style", STYLES)
def test_every_style_has_room_for_emergencies_in_each_split(style: str) -> None:
    for seed in range(3):
        for split in SPLITS:
            town, points = _map(f"{style}-{split}-{seed:04d}")
            whole, parts = town_sites(town, points, shared=False), town_sites(town, points)
            assert {site.road_id for site in parts["train"]}.isdisjoint(site.road_id for site in parts["test"])
            for name, sites in (("train", parts), ("test", parts), (split, whole)):
                drawn = [draw_episode(number, name, sites) for number in range(30)]
                assert {draw.kind for draw in drawn} >= {"clear", "stop"}
                assert {draw.kind for draw in drawn} <= {kind for kind, _ in KINDS}
                for draw in drawn:
                    assert 30.0 <= 3.6 * draw.speed <= 60.0
                    assert draw.line + 6.0 <= draw.site.length
                    assert (draw.site.left > 0, draw.site.right > 0) == (draw.left != "absent", draw.right != "absent")


def test_a_town_without_room_is_named_with_the_fix() -> None:
    road = town_text("Suburb-train-0000")
    with pytest.raises(NoSite, match=r"'Roundabouts' has no stretch of 60 m.*set sim.town"):
        town_sites(carla.Map("Roundabouts", road), [])


def test_a_corridor_knows_how_much_its_road_bends() -> None:
    """Against the change of the waypoints' heading; the frame (s, d) stays invertible on bends."""
    town, points = _map("Suburb-train-0000")
    corridors = [site.corridor(town) for site in town_sites(town, points)["train"]]
    bent = [corridor for corridor in corridors if corridor.curvature(0.5 * corridor.length) != 0.0]
    assert len(bent) > 3
    for corridor in bent:
        s = np.arange(4.0, corridor.length - 4.0, 1.0)
        turned = np.degrees(np.sum([corridor.curvature(at) for at in s]))
        assert turned == pytest.approx(corridor.heading(s[-1]) - corridor.heading(s[0]), abs=1.0)
        at = np.array([corridor.pose(one, 1.0)[:2] for one in s])
        np.testing.assert_allclose(corridor.frenet(at)[:, 0], s, atol=0.05)


# ---- pools -----------------------------------------------------------------------------------------------------------


def test_a_pool_has_towns_of_each_split_and_no_town_twice() -> None:
    pool = town_pool("Grid+Rural+Grid-test-0077", 3)
    assert pool.towns["train"] == (
        "Grid-train-0000", "Rural-train-0000", "Grid-train-0001", "Rural-train-0001", "Grid-train-0002",
        "Rural-train-0002",
    )  # fmt: skip
    assert "Grid-test-0077" in pool.towns["test"]
    for split in SPLITS:
        drawn = {pool.town(split, seed) for seed in range(200)}
        assert drawn == set(pool.towns[split])
        assert {parsed.split for name in drawn if (parsed := parse_name(name))} == {split}
    assert len({pool.town("train", seed) for seed in range(8)}) == 1


WRONG_TOWNS = [
    ("Grid-test-0007", "train", "never trained on.*Grid-train-0007"),
    ("Grid-validation-0007", "train", "never trained on"),
    ("Grid-train-0007", "test", "no generalisation.*Grid-test-0007.*train_towns=true"),
    ("Grid-train-0007", "validation", "no roads for validation.*Grid-validation-0000"),
    ("Pilotage01", "validation", "no roads for validation"),
    ("Grid-train-0001+Grid-train-0002", "test", "none of these towns is of the test split"),
    ("Grid-test-0001+Rural-validation-0002", "train", "none of these towns is of the train split"),
]


@pytest.mark.parametrize(("town", "split", "words"), WRONG_TOWNS)
def test_who_builds_the_task_in_python_meets_no_town_of_another_split(town: str, split: str, words: str) -> None:
    env = make_tool_env(TaskConfig(camera=SMALL), SessionConfig(town=town))
    with pytest.raises(InvalidTask, match=words):
        env.reset(seed=0, options={"split": split})
    assert env._session is None  # type: ignore[attr-defined]
    with pytest.raises(InvalidTask, match=words):
        make_tool_env(TaskConfig(split=split, camera=SMALL), SessionConfig(town=town)).reset(seed=0)


@pytest.mark.parametrize(
    ("session", "words"),
    [
        (SessionConfig(town="Grid+Pilotage01"), "'Pilotage01' belongs to no split"),
        (SessionConfig(town="Grid+"), "'' belongs to no split"),
        (SessionConfig(town="Grid", towns_per_split=0), "towns_per_split=0"),
    ],
)
def test_pools_that_mean_nothing_are_refused_at_once(session: SessionConfig, words: str) -> None:
    with pytest.raises(InvalidTask, match=words):
        make_tool_env(TaskConfig(), session)


def test_a_session_alone_refuses_a_pool() -> None:
    with pytest.raises(InvalidSession, match="stands for many towns"):
        open_session(SessionConfig(town="Grid"))


@pytest.fixture(scope="module")
def pooled() -> Iterator[EmergencyManeuver]:
    made = EmergencyManeuver(TaskConfig(camera=SMALL), POOL)
    yield made
    made.close()


def test_an_episode_is_the_same_whichever_towns_its_world_has_seen(pooled: EmergencyManeuver) -> None:
    seeds = (3, 8, 3)
    seen = {}
    for seed in seeds:
        response, info = pooled.reset(seed=seed, options={"split": "test"})
        frame, before = seen.setdefault(seed, (response.frame, info))
        np.testing.assert_array_equal(frame, response.frame)
        assert before == info
        assert info["scenario"]["town"].split("-")[1] == "test"
    assert len({info["scenario"]["town"] for _, info in seen.values()}) == 2
    fresh = EmergencyManeuver(TaskConfig(camera=SMALL), POOL)
    try:
        response, info = fresh.reset(seed=8, options={"split": "test"})
    finally:
        fresh.close()
    np.testing.assert_array_equal(seen[8][0], response.frame)
    assert seen[8][1] == info


def test_the_world_changes_only_with_the_town(pooled: EmergencyManeuver) -> None:
    pooled.reset(seed=0)
    assert pooled._session is not None
    world = pooled._session.world.id
    for seed in range(1, 8):
        pooled.reset(seed=seed)
        assert pooled._session.world.id == world
    pooled.reset(seed=8)
    assert pooled._session.world.id != world


def test_training_and_test_episodes_never_share_a_town(pooled: EmergencyManeuver) -> None:
    towns = {
        split: {pooled.reset(seed=seed, options={"split": split})[1]["scenario"]["town"] for seed in (16,)}
        for split in SPLITS
    }
    for split, names in towns.items():
        assert {parsed.split for name in names if (parsed := parse_name(name))} == {split}


def test_the_expert_solves_emergencies_in_generated_towns(pooled: EmergencyManeuver) -> None:
    outcomes = [drive(pooled, ExpertPolicy(), seed, "test") for seed in range(32)]
    assert sum(outcome == "success" for outcome in outcomes) >= 31


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("style", STYLES)
def test_the_expert_solves_emergencies_in_every_style_at_length(style: str, split: str) -> None:
    env = EmergencyManeuver(TaskConfig(camera=SMALL), SessionConfig(town=style, towns_per_split=16))
    try:
        outcomes = [drive(env, ExpertPolicy(), seed, split) for seed in range(128)]
    finally:
        env.close()
    assert sum(outcome == "success" for outcome in outcomes) >= 0.95 * len(outcomes)


def test_towns_by_seed_are_loaded_by_a_server_that_runs_already() -> None:
    server = EmbeddedServer(SessionConfig(town="Pilotage07"))
    try:
        remote = SessionConfig(backend="carla", host=server.host, port=server.port, town="Track-train-0001")
        with open_session(remote) as session:
            assert session.town == "Track-train-0001"
            session.go_to("Pilotage07")
            assert session.world.get_settings().synchronous_mode
            with pytest.raises(TownUnavailable, match=r"Nowhere.*the server has .*Pilotage07"):
                session.go_to("Nowhere")
            assert session.tick() > 0
    finally:
        server.stop()
