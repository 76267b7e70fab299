"""Conversations that keep their caches say what one plain forward pass over the whole conversation says."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from driving import e2b_shaped, frame, reference_logprobs, turn

from policy.chat import parse_call
from policy.checkpoint import LoadedModel
from policy.config import PolicyConfig
from policy.engine import check_images
from policy.errors import ImageMismatch, InvalidPolicy
from policy.gemma import GemmaPolicy
from policy.interface import Decision, Turn
from policy.processor import build_processor
from sim.tasks.protocol import ToolSpec
from sim.tasks.tools import TOOLS, check_call

# Which episodes decide together in each round: they join late, pause, leave, and meet at different lengths.
RAGGED = (["a", "b"], ["b"], ["a", "b", "c"], ["c"], ["d", "a"], ["b", "c", "a", "d"], ["a"], ["e", "a", "c"])
CPU = PolicyConfig(device="cpu")


def drive(
    policy: GemmaPolicy, rounds: tuple[list[str], ...], sizes: dict[str, tuple[int, int]] | None = None
) -> dict[str, list[tuple[Turn, Decision]]]:
    """Play `rounds`; what each episode saw and decided."""
    history: dict[str, list[tuple[Turn, Decision]]] = {}
    for together in rounds:
        turns = [
            turn(name, len(history.get(name, [])), sum(name.encode()), (sizes or {}).get(name, (192, 352)))
            for name in together
        ]
        for asked, decision in zip(turns, policy.decide(turns), strict=True):
            history.setdefault(asked.episode_id, []).append((asked, decision))
    return history


def assert_exact(policy: GemmaPolicy, history: list[tuple[Turn, Decision]]) -> None:
    """The decisions' log-probabilities are the plain forward pass's to 1e-4."""
    for (asked, decision), expected in zip(history, reference_logprobs(policy, history), strict=True):
        assert decision.logprobs is not None
        assert decision.logprobs.dtype == np.float32
        assert decision.logprobs.shape == (len(decision.token_ids),)
        assert decision.index == asked.index
        np.testing.assert_allclose(decision.logprobs, expected, atol=1e-4)


@pytest.mark.parametrize("thought", ["none", "scene", "free"])
def test_ragged_turns_equal_one_full_forward(nano: LoadedModel, thought: str) -> None:
    """Past the sliding window, with frames of other sizes, and with who decides changing every round."""
    policy = GemmaPolicy(nano, replace(CPU, thought=thought, max_thought_tokens=6, temperature=1.3))
    history = drive(policy, RAGGED, {"b": (288, 528), "c": (240, 240)})
    spread = np.concatenate([decision.logprobs for turns in history.values() for _, decision in turns])
    assert np.ptp(spread) > 0.5, "an even model would hide mistakes"
    for turns in history.values():
        assert_exact(policy, turns)
    longest = sum(len(decision.context_ids) + len(decision.token_ids) for _, decision in history["a"])
    assert longest > 2 * 256


def test_an_e2b_shaped_model_equals_one_full_forward(nano: LoadedModel) -> None:
    """Four sliding layers to a full one, most of them sharing keys and values, pooling by three, clipped layers."""
    processor = build_processor(nano.processor.tokenizer, 70)
    policy = GemmaPolicy(LoadedModel(e2b_shaped(processor.tokenizer), processor, "e2b"), CPU)
    for turns in drive(policy, RAGGED[:6]).values():
        assert_exact(policy, turns)


def test_images_that_are_seen_both_ways_equal_one_full_forward(nano: LoadedModel) -> None:
    """The larger Gemma 4 models let an image's tokens see each other in their sliding layers."""
    processor = build_processor(nano.processor.tokenizer, 70)
    model = e2b_shaped(processor.tokenizer, use_bidirectional_attention="vision")
    policy = GemmaPolicy(LoadedModel(model, processor, "31b"), CPU)
    for turns in drive(policy, RAGGED[:4]).values():
        assert_exact(policy, turns)


def test_calls_are_legal_and_forced_tokens_are_free(policy: GemmaPolicy) -> None:
    for turns in drive(policy, RAGGED).values():
        for _, decision in turns:
            assert decision.error is None
            assert decision.call is not None
            assert parse_call(decision.text) == decision.call
            check_call(decision.call)
            assert decision.text.endswith("<tool_call|><|tool_response>")
            assert decision.logprobs is not None
            grammar = policy.grammar(TOOLS)
            forced = [grammar.forced(state) is not None for state in grammar.replay(decision.token_ids)]
            assert (decision.logprobs[forced] == 0.0).all()
            assert (decision.logprobs[np.logical_not(forced)] < 0.0).all()


def test_contexts_and_tokens_make_up_the_conversation(policy: GemmaPolicy) -> None:
    turns = drive(policy, (["a"],) * 3)["a"]
    chat = policy.chat
    assert list(turns[0][1].context_ids) == chat.prompt(turns[0][0].system, TOOLS, turns[0][0].text, 66)
    for (_, before), (asked, decision) in pairwise(turns):
        assert before.call is not None
        assert list(decision.context_ids) == chat.response(before.call.name, asked.text, 66)


def test_a_seed_decides_whatever_the_batch(nano: LoadedModel) -> None:
    together = drive(GemmaPolicy(nano, CPU), (["a", "b", "c", "d"],) * 3)
    for name in "abcd":
        alone = drive(GemmaPolicy(nano, CPU), ([name],) * 3)[name]
        assert [d.token_ids for _, d in alone] == [d.token_ids for _, d in together[name]]
        for (_, one), (_, other) in zip(alone, together[name]):
            np.testing.assert_allclose(one.logprobs, other.logprobs, atol=1e-4)


def test_seeds_explore(policy: GemmaPolicy) -> None:
    """The same scene under other seeds gives other decisions."""
    turns = [replace(turn("a", 0), episode_id=f"a{seed}", seed=seed) for seed in range(12)]
    assert len({decision.token_ids for decision in policy.decide(turns)}) > 1


def test_sampling_follows_the_distribution(nano: LoadedModel) -> None:
    """Frequencies of first choices over 300 seeds are within four standard errors of their probabilities."""
    policy = GemmaPolicy(nano, replace(CPU, thought="none"))
    firsts: dict[int, list[float]] = {}
    for start in range(0, 300, 50):
        turns = [replace(turn("a", 0), episode_id=str(seed), seed=seed) for seed in range(start, start + 50)]
        for decision in policy.decide(turns):
            assert decision.logprobs is not None
            place = int(np.flatnonzero(decision.logprobs)[0])
            firsts.setdefault(decision.token_ids[place], []).append(float(np.exp(decision.logprobs[place])))
    assert len(firsts) > 1
    for chances in firsts.values():
        chance = chances[0]
        assert abs(len(chances) / 300 - chance) <= 4.0 * np.sqrt(chance * (1.0 - chance) / 300)


def test_temperature_zero_takes_the_likeliest(nano: LoadedModel) -> None:
    policy = GemmaPolicy(nano, replace(CPU, temperature=0.0))
    history = drive(policy, (["a", "b"],) * 2)
    other = GemmaPolicy(nano, replace(CPU, temperature=0.0))
    for name, turns in history.items():
        assert_exact(policy, turns)
        for asked, decision in turns:
            (again,) = other.decide([replace(asked, seed=asked.seed + 99)])
            assert again.token_ids == decision.token_ids, f"a seed changed a greedy decision of {name}"
    grammar = policy.grammar(TOOLS)
    for _, decision in history["a"]:
        assert decision.logprobs is not None
        for state, logprob in zip(grammar.replay(decision.token_ids), decision.logprobs):
            choices = int(grammar.masks[grammar.class_of(state)].sum())
            assert logprob >= -np.log(choices) - 1e-6


def test_forget_drops_a_conversation_and_knows_no_strangers(policy: GemmaPolicy) -> None:
    drive(policy, (["a", "b"],))
    policy.forget(["a", "nobody"])
    with pytest.raises(InvalidPolicy, match="episode a"):
        policy.decide([turn("a", 1)])
    assert policy.decide([turn("b", 1)])[0].call is not None
    assert policy.decide([turn("a", 0)])[0].index == 0


def test_new_weights_drop_every_cache(nano: LoadedModel) -> None:
    """After an update nothing of the old weights is left: open conversations end, prompts are read again."""
    model = e2b_shaped(nano.processor.tokenizer)
    processor = build_processor(nano.processor.tokenizer, 70)
    policy = GemmaPolicy(LoadedModel(model, processor, "e2b"), CPU)
    before = drive(policy, (["a"],))["a"][0][1]
    state = {name: weight * 1.5 for name, weight in model.state_dict().items() if "gate_proj" in name}
    policy.new_weights(state)
    with pytest.raises(InvalidPolicy, match="not open"):
        policy.decide([turn("a", 1)])
    turns = drive(policy, (["a"],))["a"]
    assert (before.policy_version, turns[0][1].policy_version) == (0, 1)
    assert_exact(policy, turns)
    with pytest.raises(InvalidPolicy, match="belong"):
        policy.new_weights({"nowhere.weight": torch.zeros(1)})


def test_a_prompt_for_another_token_budget_names_episode_and_turn(policy: GemmaPolicy) -> None:
    """As when a run's processor and its prompts disagree about policy.max_soft_tokens."""
    drive(policy, (["a"], ["a", "b"]))
    policy._image_tokens = lambda turns: [66, 65][: len(turns)]  # type: ignore[method-assign]
    with pytest.raises(ImageMismatch, match=r"episode b, turn 1: 65 .* 66 vision features.*max_soft_tokens"):
        policy.decide([turn("a", 2), turn("b", 1)])
    del policy._image_tokens
    assert len(policy.decide([turn("a", 2), turn("b", 1)])) == 2, "a refused turn spoils no conversation"


def test_check_images_accepts_equal_numbers() -> None:
    check_images([[1, 7, 7], [7]], [2, 1], 7, ["a", "b"])
    with pytest.raises(ImageMismatch, match="b"):
        check_images([[1, 7, 7], []], [2, 1], 7, ["a", "b"])


def test_the_context_limit_is_named_and_exact(nano: LoadedModel) -> None:
    """A prompt that just fits is fine, although its system turn comes from a cache."""
    fits = len(GemmaPolicy(nano, CPU).decide([turn("a", 0)])[0].context_ids)
    policy = GemmaPolicy(nano, replace(CPU, max_context_tokens=fits))
    policy.decide([turn("a", 0)])
    with pytest.raises(InvalidPolicy, match=r"episode a, turn 1.*max_context_tokens"):
        policy.decide([turn("a", 1)])
    with pytest.raises(InvalidPolicy, match="max_context_tokens"):
        GemmaPolicy(nano, replace(CPU, max_context_tokens=fits - 1)).decide([turn("a", 0)])


def test_turns_with_other_tools_do_not_share_a_call(policy: GemmaPolicy) -> None:
    fewer: tuple[ToolSpec, ...] = TOOLS[:2]
    with pytest.raises(InvalidPolicy, match="tools"):
        policy.decide([turn("a", 0), replace(turn("b", 0), tools=fewer)])
    assert policy.decide([]) == []


def test_a_decision_does_not_get_slower_with_the_conversation(nano: LoadedModel) -> None:
    """Without caches turn 16 costs about eight times what turn 2 does."""
    policy = GemmaPolicy(nano, CPU)
    seconds: dict[int, list[float]] = {}
    for repeat in range(2):
        for index in range(17):
            asked = [turn(name, index, repeat) for name in "abcd"]
            started = time.perf_counter()
            policy.decide(asked)
            seconds.setdefault(index, []).append(time.perf_counter() - started)
    early = min(min(seconds[index]) for index in (1, 2, 3))
    late = min(min(seconds[index]) for index in (14, 15, 16))
    assert late < 2.5 * early, (early, late)


def test_a_frame_matters(policy: GemmaPolicy) -> None:
    """Features of the new frame reach the decision's distribution."""
    one, other = turn("a", 0), replace(turn("a", 0), episode_id="b", frame=frame(1))
    decisions = policy.decide([one, other])
    first = [float(d.logprobs[np.flatnonzero(d.logprobs)[0]]) for d in decisions if d.logprobs is not None]
    assert first[0] != pytest.approx(first[1], abs=1e-6)
