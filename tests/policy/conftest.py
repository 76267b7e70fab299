"""One nano model for all tests that leave its weights alone."""

from __future__ import annotations

import pytest
from driving import sharpen

from policy.chat import Chat
from policy.checkpoint import LoadedModel, load_model
from policy.config import PolicyConfig
from policy.gemma import GemmaPolicy


@pytest.fixture(scope="session")
def nano() -> LoadedModel:
    """The nano model in float32 on the CPU, its language layers sharpened."""
    loaded = load_model(PolicyConfig(device="cpu"))
    sharpen(loaded.model)
    return loaded


@pytest.fixture(scope="session")
def chat(nano: LoadedModel) -> Chat:
    return Chat(nano.processor, thinking=True)


@pytest.fixture
def policy(nano: LoadedModel) -> GemmaPolicy:
    return GemmaPolicy(nano, PolicyConfig(device="cpu"))
