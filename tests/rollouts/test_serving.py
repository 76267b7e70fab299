"""A policy in an actor decides as it does in this process."""

from __future__ import annotations

import pytest

from policy.config import PolicyConfig
from policy.errors import PolicyLoadError
from policy.factory import make_policy
from rollouts.config import ClusterConfig, RolloutConfig
from rollouts.episode import Job
from rollouts.pool import RolloutPool
from rollouts.serving import ServedPolicy
from sim.client import SessionConfig
from sim.tasks import TaskConfig


def test_a_served_policy_makes_the_same_calls() -> None:
    config = PolicyConfig(seed=3)
    jobs = [Job(seed, 0, {"split": "test"}) for seed in range(4)]
    served = ServedPolicy(config, ClusterConfig(), 1)
    rollouts = RolloutConfig(workers=1, ray=False)
    try:
        with RolloutPool(rollouts, ClusterConfig(), TaskConfig(), SessionConfig()) as pool:
            there, here = (list(pool.collect(jobs, driver)) for driver in (served, make_policy(config)))
    finally:
        served.close()
    calls = [[[turn.decision.call for turn in episode.turns] for episode in side] for side in (there, here)]
    assert calls[0] == calls[1]


def test_missing_weights_are_said_by_the_policys_own_error() -> None:
    with pytest.raises(PolicyLoadError, match="there is no such folder"):
        ServedPolicy(PolicyConfig(model="./missing"), ClusterConfig(), 1)
