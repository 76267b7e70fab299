"""A model can say every legal call and nothing else, and a learner finds the states that the sampler was in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.chat import Chat, format_call, format_thought, parse_call
from policy.errors import InvalidPolicy
from policy.grammar import DONE, NOT_GENERATED, Grammar, IllegalToken, legal_logprobs
from policy.perception import all_scenes
from sim.tasks.tools import TOOLS, all_calls

grammars = pytest.mark.parametrize("thought", ["none", "scene"])


def legal(grammar: Grammar, state: int) -> list[int]:
    """Legal tokens of a state, from its mask."""
    return torch.nonzero(grammar.masks[grammar.class_of(state)]).flatten().tolist()


def walk(grammar: Grammar, tokens: list[int]) -> list[int]:
    """States before each token and after the last."""
    states = [0]
    for token in tokens:
        states.append(grammar.step(states[-1], token))
    return states


def sentences(grammar: Grammar, state: int = 0) -> list[list[int]]:
    """All that can be said from `state`, by following the masks."""
    if state == DONE:
        return [[]]
    return [
        [token, *rest] for token in legal(grammar, state) for rest in sentences(grammar, grammar.step(state, token))
    ]


@grammars
def test_exactly_the_legal_turns_can_be_said(chat: Chat, thought: str) -> None:
    grammar = Grammar(chat, TOOLS, thought, 8)
    thoughts = [format_thought(scene) for scene in all_scenes()] if thought == "scene" else [""]
    wanted = {tuple(chat.ids(said + format_call(call))) for said in thoughts for call in all_calls()}
    said = sentences(grammar)
    assert len(said) == len(wanted)
    assert {tuple(sentence) for sentence in said} == wanted


def test_fewer_tools_are_fewer_calls(chat: Chat) -> None:
    grammar = Grammar(chat, TOOLS[:2], "none", 8)
    read = [parse_call(chat.tokenizer.decode(said, skip_special_tokens=False)) for said in sentences(grammar)]
    assert sorted(map(repr, read)) == sorted(map(repr, all_calls(TOOLS[:2])))


@grammars
def test_forced_is_where_one_token_is_legal(chat: Chat, thought: str) -> None:
    grammar = Grammar(chat, TOOLS, thought, 8)
    for sentence in sentences(grammar)[::17]:
        for state in walk(grammar, sentence)[:-1]:
            choices = legal(grammar, state)
            assert grammar.forced(state) == (choices[0] if len(choices) == 1 else None)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(0, 565))
def test_any_other_token_raises(chat: Chat, pick: int, token: int) -> None:
    grammar = Grammar(chat, TOOLS, "none", 8)
    rng = np.random.default_rng(pick)
    call = all_calls()[int(rng.integers(len(all_calls())))]
    states = walk(grammar, chat.ids(format_call(call)))
    state = states[int(rng.integers(len(states)))]
    if state != DONE and token in legal(grammar, state):
        grammar.step(state, token)
    else:
        with pytest.raises(IllegalToken, match=str(token)):
            grammar.step(state, token)


@pytest.mark.parametrize("limit", [1, 5])
def test_free_thoughts_end_in_time_and_hold_no_special_token(chat: Chat, limit: int) -> None:
    grammar = Grammar(chat, TOOLS, "free", limit)
    state, spoken = 0, 0
    special = set(chat.tokenizer.all_special_ids) | set(chat.ids("<|image|><|audio|><|video|><|image><image|><|turn>"))
    close = chat.ids("<channel|>")[0]
    for token in chat.ids("<|channel>thought\n"):
        assert grammar.forced(state) == token
        state = grammar.step(state, token)
    word = chat.ids(" vehicle")[0]
    while grammar.forced(state) is None:
        choices = set(legal(grammar, state))
        assert choices & special == {close}
        assert choices == set(range(len(chat.tokenizer))) - special | {close}
        state, spoken = grammar.step(state, word), spoken + 1
    assert spoken == limit
    assert grammar.forced(state) == close
    with pytest.raises(IllegalToken):
        grammar.step(state, word)
    calls = {tuple(said) for said in sentences(grammar, grammar.step(state, close))}
    assert calls == {tuple(chat.ids(format_call(call))) for call in all_calls()}


def test_a_free_thought_may_be_short(chat: Chat) -> None:
    grammar = Grammar(chat, TOOLS, "free", 50)
    said = chat.ids("<|channel>thought\nleft free\n<channel|>" + format_call(all_calls()[3]))
    assert walk(grammar, said)[-1] == DONE


@pytest.mark.parametrize("thought", ["none", "scene", "free"])
def test_replay_finds_the_states_of_every_turn(chat: Chat, thought: str) -> None:
    """Environment tokens between turns are nobody's choice; each turn of the model starts over."""
    grammar = Grammar(chat, TOOLS, thought, 8)
    completion: list[int] = []
    wanted: list[int] = []
    for index, call in enumerate(all_calls()[:6]):
        said = chat.ids(("" if thought == "none" else format_thought(all_scenes()[index * 5])) + format_call(call))
        completion += said
        wanted += walk(grammar, said)[:-1]
        if index < 5:
            heard = chat.response(call.name, f"Speed {index}.", 7)
            completion += heard
            wanted += [NOT_GENERATED] * len(heard)
    assert grammar.replay(completion) == wanted
    # Cut anywhere, as a length limit does, what is left keeps its states.
    assert grammar.replay(completion[:-4]) == wanted[:-4]
    assert grammar.replay([]) == []


def test_replay_refuses_what_could_not_have_been_sampled(chat: Chat) -> None:
    grammar = Grammar(chat, TOOLS, "none", 8)
    with pytest.raises(IllegalToken):
        grammar.replay(chat.ids("<|tool_call>call:fly{}<tool_call|><|tool_response>"))


@pytest.mark.parametrize(("thought", "limit", "word"), [("aloud", 8, "thought"), ("free", 0, "max_thought_tokens")])
def test_impossible_thoughts_are_named(chat: Chat, thought: str, limit: int, word: str) -> None:
    with pytest.raises(InvalidPolicy, match=word):
        Grammar(chat, TOOLS, thought, limit)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0, 2.0])
def test_legal_logprobs_are_a_distribution_over_legal_tokens(chat: Chat, temperature: float) -> None:
    """Also in half precision, and where the model's vocabulary is wider than the tokenizer's."""
    grammar = Grammar(chat, TOOLS, "scene", 8)
    states = walk(grammar, chat.ids(format_thought(all_scenes()[0]) + format_call(all_calls()[1])))[:-1]
    classes = torch.tensor([grammar.class_of(state) for state in states])
    logits = torch.randn(len(states), grammar.masks.shape[1] + 9, dtype=torch.bfloat16)
    table = legal_logprobs(logits, classes, grammar.masks, temperature)
    assert table.dtype == torch.float32
    for row, state, scores in zip(table, states, logits.float()):
        choices = legal(grammar, state)
        assert torch.nonzero(torch.isfinite(row)).flatten().tolist() == choices
        expected = torch.log_softmax(scores[choices] / (temperature or 1.0), dim=0)
        torch.testing.assert_close(row[choices], expected)
