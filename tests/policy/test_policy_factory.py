"""Every driver is made from its config; what cannot be made says what to write instead."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from driving import turn
from hypothesis import given
from hypothesis import strategies as st

from policy.config import PolicyConfig
from policy.errors import InvalidPolicy, PolicyLoadError
from policy.experts import ConstantPolicy, ExpertPolicy, RandomPolicy
from policy.factory import DRIVERS, make_policy, parse_constant
from policy.gemma import GemmaPolicy
from policy.interface import Policy
from sim.tasks.protocol import ToolCall
from sim.tasks.tools import TOOLS, all_calls, check_call

CONFIG = PolicyConfig(device="cpu", call="brake(intensity=full)")
KINDS = {"gemma": GemmaPolicy, "expert": ExpertPolicy, "random": RandomPolicy, "constant": ConstantPolicy}


def written(call: ToolCall) -> str:
    return f"{call.name}({', '.join(f'{name}={value}' for name, value in call.arguments.items())})"


@pytest.mark.parametrize("driver", DRIVERS)
def test_each_driver_drives(driver: str) -> None:
    policy: Policy = make_policy(replace(CONFIG, driver=driver))
    assert isinstance(policy, KINDS[driver])
    assert policy.wants_privileged == (driver == "expert")
    best = {"name": "lane_change", "arguments": {"direction": "left"}}
    for index in range(2):
        asked = [replace(turn(name, index, 5), privileged={"best": [best]}) for name in "ab"]
        decisions = policy.decide(asked)
        assert [(item.episode_id, item.index) for item in decisions] == [("a", index), ("b", index)]
        for decision in decisions:
            assert decision.call is not None
            check_call(decision.call)
    policy.forget(["a", "b", "unknown"])
    assert policy.name


def test_the_expert_takes_the_first_of_the_best_and_needs_the_truth() -> None:
    best = [{"name": "brake", "arguments": {"intensity": "full"}}, {"name": "observe", "arguments": {}}]
    (decision,) = ExpertPolicy().decide([replace(turn("a", 0), privileged={"best": best})])
    assert decision.call == ToolCall("brake", {"intensity": "full"})
    with pytest.raises(ValueError, match="episode a"):
        ExpertPolicy().decide([turn("a", 0)])


def test_random_calls_follow_the_seed_and_reach_everything() -> None:
    policy, other = RandomPolicy(), RandomPolicy()
    turns = [replace(turn("a", 0, seed), episode_id=str(seed)) for seed in range(300)]
    calls = [decision.call for decision in policy.decide(turns)]
    assert calls == [decision.call for decision in other.decide(turns[::-1])][::-1]
    assert all(call in calls for call in all_calls())
    shares = {tool.name: sum(call.name == tool.name for call in calls if call) / 300 for tool in TOOLS}
    assert all(abs(share - 0.2) < 0.1 for share in shares.values()), shares
    policy.forget(["0"])
    with pytest.raises(ValueError, match="episode 0"):
        policy.decide([replace(turn("a", 1), episode_id="0")])


@pytest.mark.parametrize("call", all_calls(), ids=written)
def test_every_legal_call_can_be_the_constant(call: ToolCall) -> None:
    assert parse_constant(written(call)) == call
    assert parse_constant(f"  {written(call).replace('(', ' ( ').replace('=', ' = ')} ") == call
    policy = make_policy(replace(CONFIG, driver="constant", call=written(call)))
    assert policy.name == f"constant:{written(call).replace(' ', '')}"
    assert policy.decide([turn("a", 0)])[0].call == call


def test_a_constant_without_arguments_needs_no_brackets() -> None:
    assert parse_constant("observe") == ToolCall("observe")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "no call"),
        ("brake(", "no call"),
        ("fly()", "observe, lane_change, brake"),
        ("brake", "intensity"),
        ("brake(full)", "name=value"),
        ("brake(intensity=hard)", "'light' or 'firm' or 'full'"),
        ("brake(intensity=full,intensity=light)", "twice"),
        ("maintain_speed(kmh=35)", "30 or 40"),
        ("maintain_speed(kmh=--30)", "30 or 40"),
        ("maintain_speed(kmh=²)", "30 or 40"),
        ("maintain_speed(kmh=" + "9" * 5000 + ")", "30 or 40"),
        ("observe(now=1)", "no arguments"),
    ],
)
def test_an_impossible_constant_is_explained_with_examples(text: str, hint: str) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        parse_constant(text)
    line = str(caught.value)
    assert hint in line
    assert "policy.call=" in line
    assert "for example observe()" in line
    assert "\n" not in line


@given(st.text() | st.text("brakeintsy()=,-0123456789²", max_size=40))
def test_any_text_is_a_constant_or_an_invalid_policy(text: str) -> None:
    with contextlib.suppress(InvalidPolicy):
        check_call(parse_constant(text))


def test_an_unknown_driver_is_named_with_the_known_ones() -> None:
    with pytest.raises(InvalidPolicy, match=r"policy\.driver='human'.*gemma.*expert.*random.*constant"):
        make_policy(replace(CONFIG, driver="human"))


def test_loading_errors_pass_through() -> None:
    with pytest.raises(PolicyLoadError, match="no such folder"):
        make_policy(replace(CONFIG, model="./gone"))


@pytest.mark.parametrize("options", [{"thought": "aloud"}, {"temperature": -1.0}, {"temperature": float("nan")}])
def test_impossible_options_fail_before_the_first_turn(options: dict) -> None:
    with pytest.raises(InvalidPolicy, match=f"policy.{next(iter(options))}"):
        make_policy(replace(CONFIG, **options))
