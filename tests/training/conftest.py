"""A nano policy that has learned nothing, and a few random-policy-free helpers shared by the tests of training."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from policy.checkpoint import load_model
from policy.config import PolicyConfig
from policy.gemma import GemmaPolicy
from rollouts.config import ClusterConfig, RolloutConfig
from rollouts.pool import RolloutPool
from sim.client import SessionConfig
from sim.tasks import TaskConfig


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def pool() -> Iterator[RolloutPool]:
    with RolloutPool(RolloutConfig(workers=2, ray=False), ClusterConfig(), TaskConfig(), SessionConfig()) as made:
        yield made


@pytest.fixture
def policy() -> GemmaPolicy:
    config = PolicyConfig()
    return GemmaPolicy(load_model(config), config)
