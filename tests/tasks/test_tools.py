"""Tool schemas: which calls are legal, and what illegal ones are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.tasks import InvalidToolCall, ToolCall
from sim.tasks.tools import TOOLS, all_calls, check_call, legal_values

LEGAL = {(call.name, tuple(sorted(call.arguments.items()))) for call in all_calls()}


def test_the_list_of_calls_is_complete_and_legal() -> None:
    assert len(LEGAL) == len(all_calls()) == 1 + 2 + 3 + 1 + 4
    for call in all_calls():
        check_call(call)


@given(
    st.sampled_from([*(tool.name for tool in TOOLS), "fly"]),
    st.dictionaries(
        st.sampled_from(["direction", "intensity", "kmh", "speed"]),
        st.one_of(
            st.sampled_from(["left", "right", "light", "full", "up"]), st.integers(20, 70), st.floats(), st.booleans()
        ),
        max_size=2,
    ),
)
def test_exactly_the_listed_calls_are_legal(name: str, arguments: dict) -> None:
    typed = all(type(value) in (str, int) for value in arguments.values())
    if typed and (name, tuple(sorted(arguments.items()))) in LEGAL:
        check_call(ToolCall(name, arguments))
    else:
        with pytest.raises(InvalidToolCall):
            check_call(ToolCall(name, arguments))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (ToolCall("fly"), "observe"),
        (ToolCall("lane_change"), "'left' or 'right'"),
        (ToolCall("lane_change", {"direction": "up"}), "'left' or 'right'"),
        (ToolCall("maintain_speed", {"kmh": 45}), "30 or 40 or 50 or 60"),
        (ToolCall("maintain_speed", {"kmh": 40.0}), "kmh=40.0"),
        (ToolCall("observe", {"seconds": 1}), "seconds"),
    ],
)
def test_an_illegal_call_is_told_what_would_be_legal(call: ToolCall, words: str) -> None:
    with pytest.raises(InvalidToolCall, match=words):
        check_call(call)


def test_a_schema_without_finite_values_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        legal_values({"type": "string"})
