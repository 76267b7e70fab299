"""The learner sees exactly what the policy did: same tokens, same images, same distribution."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import get_scheduler

from policy.errors import ImageMismatch
from policy.gemma import GemmaPolicy
from rollouts.episode import Job
from rollouts.pool import RolloutPool
from sim.tasks.tools import TOOLS
from training.config import TrainingConfig
from training.grpo import EpisodeGRPOTrainer, flatten_episode
from training.learner import grpo_config, seed_dataset


@pytest.fixture
def trainer(policy: GemmaPolicy, pool: RolloutPool, tmp_path: Path) -> EpisodeGRPOTrainer:
    config = TrainingConfig(steps=1, scenes_per_step=2, group_size=3, updates_per_batch=1, epochs=1, save_steps=0)
    return EpisodeGRPOTrainer(
        policy=policy,
        pool=pool,
        tools=TOOLS,
        sampling_seed=0,
        thoughts=True,
        observe=lambda step, episodes: None,
        args=grpo_config(config, tmp_path, 0),
        train_dataset=seed_dataset(config, 0),
    )


def test_learner_log_probabilities_agree_with_the_samplers(trainer: EpisodeGRPOTrainer) -> None:
    inputs = [{"prompt": [{"role": "user", "content": "drive"}], "seed": seed} for seed in (3, 3, 3, 5, 5, 5)]
    output = trainer._generate_and_score_completions(inputs)
    ids = torch.cat([output["prompt_ids"], output["completion_ids"]], dim=1)
    mask = torch.cat([output["prompt_mask"], output["completion_mask"]], dim=1)
    assert max(output["num_images"]) > 1, "no episode of several turns: the test would say little"
    with torch.no_grad():
        logps, entropies, _ = trainer._get_per_token_logps_and_entropies(
            trainer.model,
            ids,
            mask,
            output["completion_ids"].size(1),
            batch_size=4,
            compute_entropy=True,
            pixel_values=output["pixel_values"],
            image_position_ids=output["image_position_ids"],
            num_images=output["num_images"],
        )
    learned = output["tool_mask"] * output["completion_mask"]
    difference = ((logps - output["sampling_per_token_logps"]) * learned).abs().max()
    assert difference < 1e-4
    # Sampled tokens had a choice, and a choice has entropy; everything else scores nothing.
    assert entropies is not None
    assert bool((entropies[learned.bool()] > 0).all())
    assert bool((logps[~learned.bool()] == 0).all())


def test_one_step_of_training_changes_language_weights_and_not_the_frozen_vision_tower(
    trainer: EpisodeGRPOTrainer,
) -> None:
    before = {name: weight.detach().clone() for name, weight in trainer.model.named_parameters()}
    trainer.args.warmup_steps = 0
    trainer.args.lr_scheduler_type = "constant"
    trainer.train()
    changed = {name for name, w in trainer.model.named_parameters() if not torch.equal(w.detach(), before[name])}
    assert any("language_model.layers" in name for name in changed)
    assert not any("vision_tower" in name or "embed_vision" in name for name in changed)
    assert trainer._metrics["train"] == {} or "logprob_max_diff" in trainer.state.log_history[0]
    assert trainer.state.log_history[0]["logprob_max_diff"] < 1e-4


def test_a_sequence_masks_what_the_policy_did_not_choose(policy: GemmaPolicy, pool: RolloutPool) -> None:
    grammar = policy.grammar(TOOLS)
    for episode in pool.collect([Job(seed) for seed in range(6)], policy):
        prompt, completion, mask, logprobs = flatten_episode(episode, grammar)
        assert len(completion) == len(mask) == len(logprobs)
        images = sum(token == policy.chat.image_id for token in (*prompt, *completion))
        assert images == 66 * len(episode.turns)
        assert all(chance == 0.0 for chance, chosen in zip(logprobs, mask, strict=True) if not chosen)
        sampled = sum(int(np.count_nonzero(turn.decision.logprobs)) for turn in episode.turns)
        assert sum(mask) >= sampled
        assert all(token != policy.chat.image_id for token, chosen in zip(completion, mask, strict=True) if chosen)


def test_a_turn_with_another_number_of_placeholders_is_named(trainer: EpisodeGRPOTrainer, pool: RolloutPool) -> None:
    whole = trainer.rollout([3])[0]
    short = tuple(token for token in whole.turns[0].decision.context_ids if token != trainer.pilotage.chat.image_id)
    broken = replace(whole.turns[0], decision=replace(whole.turns[0].decision, context_ids=short))
    trainer.rollout = lambda seeds: [replace(whole, turns=(broken, *whole.turns[1:]))]  # type: ignore[method-assign]
    with pytest.raises(ImageMismatch, match=r"turn 0: 0 image placeholder tokens, but 66 vision features"):
        trainer._generate([None])


@pytest.mark.parametrize(("share", "last"), [(0.5, 0.1), (0.0, 1.0)])
def test_the_learning_rate_warms_up_holds_and_falls_in_a_line(share: float, last: float, tmp_path: Path) -> None:
    args = grpo_config(TrainingConfig(steps=100, warmup_steps=10, decay_share=share), tmp_path, 0)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=args.learning_rate)
    given = {"scheduler_specific_kwargs": args.lr_scheduler_kwargs}
    schedule = get_scheduler(args.lr_scheduler_type, optimizer, args.warmup_steps, args.max_steps, **given)
    rates = []
    for _ in range(100):
        rates.append(schedule.get_last_lr()[0] / args.learning_rate)
        optimizer.step()
        schedule.step()
    assert rates[0] < rates[5] < rates[9] < 1.0
    assert rates[10:51] == [1.0] * 41
    assert rates[75] == pytest.approx(0.5 + 0.5 * last)
    assert rates[99] == pytest.approx(last + 0.02 * (1.0 - last))


def test_the_scenario_sampler_draws_no_seed_twice_and_repeats_itself() -> None:
    config = TrainingConfig(steps=50, scenes_per_step=8, updates_per_batch=1, epochs=1)
    first, again, other = (seed_dataset(config, seed)["seed"][:] for seed in (0, 0, 1))
    assert list(first) == list(again) != list(other)
    assert len(set(first)) == len(first) == 400
