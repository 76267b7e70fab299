"""How hard the task is: the expert solves it, and nobody who does not look does."""

from __future__ import annotations

import pytest

from policy.experts import ConstantPolicy, ExpertPolicy, RandomPolicy
from policy.interface import Policy, Turn
from sim.tasks import EmergencyManeuver
from sim.tasks.tools import all_calls
from tests.tasks.driving import drive

CONSTANTS = [ConstantPolicy(call) for call in all_calls()]
BLIND = [policy for policy in CONSTANTS if "maintain_speed" not in policy.name]


def success(env: EmergencyManeuver, policy: Policy, seeds: range, split: str = "test") -> float:
    """Share of episodes that end in success."""
    return sum(drive(env, policy, seed, split) == "success" for seed in seeds) / len(seeds)


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_expert_solves_the_task(env: EmergencyManeuver, split: str) -> None:
    assert success(env, ExpertPolicy(), range(100), split) >= 0.97


@pytest.mark.parametrize("policy", BLIND, ids=lambda policy: policy.name)
def test_no_constant_call_solves_the_task(env: EmergencyManeuver, policy: ConstantPolicy) -> None:
    # 0.40 and two standard deviations of 40 episodes.
    assert success(env, policy, range(300, 340)) <= 0.40 + 0.155


def test_random_calls_rarely_solve_the_task(env: EmergencyManeuver) -> None:
    assert 0.10 <= success(env, RandomPolicy(), range(300, 360)) <= 0.40


def test_random_calls_are_repeatable_and_cover_all_tools(env: EmergencyManeuver) -> None:
    response, _ = env.reset(seed=0)
    turns = [Turn("e", 0, "", response.frame, "", env.tools, None, seed) for seed in range(300)]
    first, second = (RandomPolicy().decide(turns) for _ in range(2))
    assert [decision.call for decision in first] == [decision.call for decision in second]
    assert {str(decision.call) for decision in first} == {str(call) for call in all_calls()}


def test_the_expert_says_what_it_lacks(env: EmergencyManeuver) -> None:
    response, _ = env.reset(seed=0)
    with pytest.raises(ValueError, match="ground truth"):
        ExpertPolicy().decide([Turn("e", 0, "", response.frame)])


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("policy", CONSTANTS, ids=lambda policy: policy.name)
def test_no_constant_call_solves_the_task_at_length(env: EmergencyManeuver, policy: ConstantPolicy, split: str) -> None:
    # 0.40 and one standard deviation of 300 episodes.
    assert success(env, policy, range(1000, 1300), split) <= 0.40 + 0.03


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "test"])
def test_the_expert_solves_the_task_at_length(env: EmergencyManeuver, split: str) -> None:
    assert success(env, ExpertPolicy(), range(1000, 1400), split) >= 0.97
