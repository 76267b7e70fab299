"""What RL must show, at the quickstart's full length: it improves, it looks, and its choice follows what it sees.

Slow (about twenty minutes on two cores the first time). PILOTAGE_LEARNED=<run> takes the run of a finished quickstart
instead of making one; PILOTAGE_SEED chooses the seed of the one that is made.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from policy.config import PolicyConfig
from policy.factory import make_policy
from policy.gemma import GemmaPolicy
from policy.perception import mirror_frame
from rollouts.config import ClusterConfig, RolloutConfig
from rollouts.episode import Episode, Job
from rollouts.evaluation import scene_kind
from rollouts.pool import RolloutPool
from rollouts.statistics import mcnemar
from sim.client import SessionConfig
from sim.tasks import TaskConfig

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
PILOTAGE = Path(sys.executable).with_name("pilotage")
SEEDS = range(2_000_000, 2_000_150)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = os.environ.get("PILOTAGE_LEARNED")
    if given:
        return Path(given).resolve()
    folder = tmp_path_factory.mktemp("quickstart")
    seed = os.environ.get("PILOTAGE_SEED", "0")
    subprocess.run([str(PILOTAGE), "train", f"seed={seed}", "hydra.run.dir=run"], cwd=folder, check=True, timeout=3000)
    return folder / "run"


@pytest.fixture(scope="module")
def driver(learned: Path) -> GemmaPolicy:
    made = make_policy(PolicyConfig(model=str(learned / "checkpoint")))
    assert isinstance(made, GemmaPolicy)
    return made


@pytest.fixture(scope="module")
def worlds() -> Iterator[RolloutPool]:
    with RolloutPool(RolloutConfig(), ClusterConfig(), TaskConfig(), SessionConfig()) as made:
        yield made


def test_rl_adds_twenty_five_points_with_intervals_apart(learned: Path) -> None:
    policies = json.loads((learned / "evaluation.json").read_text())["policies"]
    before, after = policies["before"]["success"], policies["after"]["success"]
    assert min(before["n"], after["n"]) >= 100
    assert after["rate"] - before["rate"] >= 0.25
    assert after["low"] > before["high"]
    assert policies["expert"]["success"]["rate"] >= 0.97


def test_a_blank_image_takes_the_success_away(driver: GemmaPolicy, worlds: RolloutPool) -> None:
    seeing = drive(driver, worlds, None)
    blind = drive(driver, worlds, lambda frame: np.full_like(frame, 127))
    only_seeing = sum(seeing[seed].success and not blind[seed].success for seed in SEEDS)
    only_blind = sum(blind[seed].success and not seeing[seed].success for seed in SEEDS)
    assert only_seeing > only_blind
    assert mcnemar(only_blind, only_seeing) < 0.01


def test_the_choice_of_lane_follows_the_mirrored_image(driver: GemmaPolicy, worlds: RolloutPool) -> None:
    driver.temperature = 0.0
    try:
        straight, mirrored = drive(driver, worlds, None), drive(driver, worlds, mirror_frame)
    finally:
        driver.temperature = driver.config.temperature
    followed = swerves = 0
    for seed in SEEDS:
        if scene_kind(straight[seed]) not in ("near_left", "near_right"):
            continue
        before, after = first_direction(straight[seed]), first_direction(mirrored[seed])
        if before is not None:
            swerves += 1
            followed += after is not None and after != before
    assert swerves >= 20
    assert followed / swerves >= 0.6


def drive(driver: GemmaPolicy, worlds: RolloutPool, see: object) -> dict[int, Episode]:
    jobs = [Job(seed, 0, {"split": "test"}) for seed in SEEDS]
    return {episode.job.seed: episode for episode in worlds.collect(jobs, driver, see=see)}  # type: ignore[arg-type]


def first_direction(episode: Episode) -> str | None:
    call = episode.turns[0].decision.call
    return str(call.arguments["direction"]) if call is not None and call.name == "lane_change" else None
