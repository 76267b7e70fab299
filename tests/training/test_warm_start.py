"""The warm start teaches seeing and speaking, and nothing about which manoeuvre is right."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from policy.chat import Chat, parse_call
from policy.checkpoint import load_model
from policy.config import PolicyConfig
from policy.perception import describe
from rollouts.pool import RolloutPool
from sim.tasks.emergency import SYSTEM_PROMPT
from sim.tasks.tools import TOOLS
from training.config import WarmStartConfig
from training.conversations import IGNORED, build_batch, random_call
from training.errors import TrainingError
from training.imitation import learn_to_look
from training.views import View, augment, collect_views
from training.warm_start import fingerprint, warm_start

TINY = WarmStartConfig(
    scenes=3, views_per_scene=4, look_steps=2, look_batch=4, speak_steps=2, conversations=2, turns=2, check_views=4,
    min_accuracy=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def views(pool: RolloutPool) -> list[View]:
    return collect_views(pool, range(40, 52), 4, "train", lambda done: None)


def test_views_are_the_same_whoever_collects_them(pool: RolloutPool, views: list[View]) -> None:
    again = collect_views(pool, [41], 4, "train", lambda done: None)
    assert [view.jpeg for view in again] == [view.jpeg for view in views[4:8]]
    assert [view.privileged for view in again] == [view.privileged for view in views[4:8]]


def test_the_call_after_a_scene_says_nothing_about_it(views: list[View]) -> None:
    chat = Chat(load_model(PolicyConfig()).processor, thinking=True)
    rng = np.random.default_rng(0)
    calls: Counter[str] = Counter()
    for _ in range(12):
        batch = build_batch(
            chat, SYSTEM_PROMPT, TOOLS, 66, [views[start : start + 4] for start in range(0, 48, 4)], rng
        )
        for row in batch.labels:
            text = chat.tokenizer.decode([token for token in row.tolist() if token != IGNORED])
            for part in text.split("<|tool_response>")[:-1]:
                assert part.startswith("<|channel>thought\nleft ")
                calls[parse_call(part + "<|tool_response>").name] += 1
    shares = np.array([calls[tool.name] for tool in TOOLS]) / sum(calls.values())
    # Uniform over the tools: 576 draws, four standard deviations.
    assert np.all(np.abs(shares - 0.2) < 4 * np.sqrt(0.2 * 0.8 / 576))
    assert random_call(TOOLS, np.random.default_rng(5)) == random_call(TOOLS, np.random.default_rng(5))


def test_labels_cover_what_the_model_writes_and_nothing_else(views: list[View]) -> None:
    chat = Chat(load_model(PolicyConfig()).processor, thinking=True)
    batch = build_batch(chat, SYSTEM_PROMPT, TOOLS, 66, [views[:3], views[3:5]], np.random.default_rng(1))
    assert len(batch.frames) == 5
    for ids, labels, seen in zip(batch.input_ids, batch.labels, batch.attention_mask, strict=True):
        taught = labels != IGNORED
        assert bool((ids[taught] == labels[taught]).all())
        assert chat.image_id not in labels[taught].tolist()
        assert bool((seen[taught] == 1).all())


def test_a_mirrored_view_swaps_the_sides_it_names(views: list[View]) -> None:
    view = next(view for view in views if view.privileged["left"] != view.privileged["right"])
    seen = {describe(augment(view, np.random.default_rng(seed))[1]) for seed in range(12)}
    assert describe(view.privileged) in seen
    assert len(seen) == 2


def test_looking_can_be_learned(views: list[View]) -> None:
    """On a few frames the loss must fall far below chance (4 questions of 3 answers: 4.4 nats)."""
    loaded = load_model(PolicyConfig())
    config = WarmStartConfig(look_steps=60, look_batch=8)
    losses = learn_to_look(loaded, config, views[:8], lambda *args: None)
    assert np.mean(losses[-5:]) < 2.0 < np.mean(losses[:3])


def test_equal_warm_starts_are_taken_from_the_cache(
    pool: RolloutPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILOTAGE_CACHE", str(tmp_path))
    first = warm_start(TINY, PolicyConfig(), pool, {}, lambda *args: None)
    again = warm_start(TINY, PolicyConfig(), pool, {}, lambda *args: None)
    assert not first.cached
    assert again.cached
    assert first.folder == again.folder
    for result in (first, again):
        trained = {name for name, weight in result.loaded.model.named_parameters() if weight.requires_grad}
        assert trained
        assert not any("vision" in name for name in trained)
    for mine, theirs in zip(first.loaded.model.parameters(), again.loaded.model.parameters(), strict=True):
        assert bool((mine == theirs).all())
    other = fingerprint(WarmStartConfig(scenes=4), PolicyConfig(), pool)
    assert other != fingerprint(WarmStartConfig(scenes=5), PolicyConfig(), pool)
    assert other != fingerprint(WarmStartConfig(scenes=4), PolicyConfig(seed=1), pool)


def test_a_warm_start_that_does_not_see_stops_the_run(
    pool: RolloutPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILOTAGE_CACHE", str(tmp_path))
    strict = WarmStartConfig(**{**vars(TINY), "min_accuracy": 1.01})
    with pytest.raises(TrainingError, match="min_accuracy"):
        warm_start(strict, PolicyConfig(), pool, {}, lambda *args: None)
    assert not list(tmp_path.iterdir())
