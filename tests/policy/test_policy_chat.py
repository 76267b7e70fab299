"""The conversation's tokens are the template's own, calls survive being written and read, no text is lost."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from driving import frame
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.chat import Chat, format_call, format_thought, parse_call, tool_schemas
from policy.checkpoint import LoadedModel
from policy.nano import BASE, SPECIAL
from policy.perception import all_scenes
from sim.tasks.emergency import SYSTEM_PROMPT
from sim.tasks.protocol import InvalidToolCall, ToolCall
from sim.tasks.tools import TOOLS, all_calls, legal_values

MARKS = (*BASE.values(), *SPECIAL.values(), "<|video|>")
plain_text = st.text().filter(lambda text: not any(mark in text for mark in MARKS))
# Half of the texts are made of what the vocabulary is made of, where segmentation can go wrong.
texts = plain_text | st.lists(
    st.sampled_from(
        ["▁", " ", "<0x41>", "<0xZZ>", "left", "Speed", "\n", "é", "漢", "🙂", "\u0301", "<", "|", '"', "\r"]
    )
).map("".join)
names = st.from_regex(r"[A-Za-z_][A-Za-z_0-9]{0,8}", fullmatch=True)
scalars = texts | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
calls = st.builds(ToolCall, names, st.dictionaries(names, scalars, max_size=4))


def message(call: ToolCall, thought: str | None) -> dict[str, Any]:
    """An assistant's message as chat templates want it."""
    function = {"name": call.name, "arguments": dict(call.arguments)}
    made = {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": function}]}
    return made if thought is None else {**made, "reasoning": thought}


@settings(deadline=None, max_examples=15)
@given(
    st.lists(
        st.tuples(st.sampled_from(all_calls()), st.sampled_from(all_scenes()), plain_text), min_size=1, max_size=4
    ),
    st.booleans(),
)
def test_pieces_are_what_the_template_renders(
    nano: LoadedModel, turns: list[tuple[ToolCall, str, str]], thinking: bool
) -> None:
    """The template sees the whole conversation, the processor expands its images: the same tokens as ours."""
    chat = Chat(nano.processor, thinking)
    first = "Speed 45 km/h."
    pieces = chat.prompt(SYSTEM_PROMPT, TOOLS, first, 66)
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": SYSTEM_PROMPT},
        {"role": "user", "content": [{"type": "text", "text": first}, {"type": "image"}]},
    ]
    for index, (call, scene, said) in enumerate(turns):
        pieces += chat.ids((format_thought(scene) if thinking else "") + format_call(call))
        messages.append(message(call, scene if thinking else None))
        if index < len(turns) - 1:
            pieces += chat.response(call.name, said, 66)
            content = [{"type": "text", "text": said}, {"type": "image"}]
            messages.append({"role": "tool", "name": call.name, "content": content})
    rendered = nano.processor.apply_chat_template(
        messages, tools=tool_schemas(TOOLS), tokenize=False, enable_thinking=thinking
    )
    frames = [frame(index) for index in range(len(turns))]
    whole = nano.processor(text=rendered, images=frames, add_special_tokens=False)
    assert pieces == list(whole["input_ids"][0])


@pytest.mark.parametrize("call", all_calls(), ids=format_call)
def test_a_legal_call_survives_writing_tokens_and_reading(chat: Chat, call: ToolCall) -> None:
    written = format_thought(all_scenes()[7]) + format_call(call)
    assert parse_call(chat.tokenizer.decode(chat.ids(written), skip_special_tokens=False)) == call


@settings(deadline=None, max_examples=300)
@given(calls)
def test_any_call_survives_writing_and_reading(call: ToolCall) -> None:
    read = parse_call(format_call(call))
    assert read == call
    assert {key: type(value) for key, value in read.arguments.items()} == {
        key: type(value) for key, value in call.arguments.items()
    }


@settings(deadline=None, max_examples=300)
@given(
    st.text()
    | st.lists(st.sampled_from(["<|tool_call>call:", "x", "{", "}", "a:", '<|"|>', "1", ".", ",", "<tool_call|>"])).map(
        "".join
    )
    | texts.map(lambda body: "<|tool_call>call:f{" + body + "}<tool_call|>")
)
def test_reading_any_text_gives_a_call_or_says_why_not(text: str) -> None:
    with contextlib.suppress(InvalidToolCall):
        assert isinstance(parse_call(text), ToolCall)


@pytest.mark.parametrize("number", ["9" * 5000, "1." + "9" * 5000, "1e" + "9" * 50])
def test_absurd_numbers_are_invalid_calls(number: str) -> None:
    """Python refuses integers of more than 4,300 digits with an error of its own."""
    with pytest.raises(InvalidToolCall):
        parse_call(f"<|tool_call>call:maintain_speed{{kmh:{number}}}<tool_call|>")


def test_arguments_are_not_given_twice_and_a_call_is_closed() -> None:
    with pytest.raises(InvalidToolCall, match="twice"):
        parse_call("<|tool_call>call:f{a:1,a:2}<tool_call|>")
    with pytest.raises(InvalidToolCall, match="no tool call"):
        parse_call("<|tool_call>call:f{a:1}")


@settings(deadline=None, max_examples=300)
@given(texts)
def test_the_nano_tokenizer_loses_nothing(chat: Chat, text: str) -> None:
    ids = chat.ids(text)
    assert chat.tokenizer.decode(ids, skip_special_tokens=False) == text
    assert not set(ids) & set(chat.tokenizer.all_special_ids)


def test_what_a_call_and_a_scene_say_are_single_tokens(chat: Chat) -> None:
    """One decision, one token: RL has few choices to credit."""
    words = {tool.name for tool in TOOLS}
    for tool in TOOLS:
        for name, schema in tool.parameters["properties"].items():
            words |= {name} | {value for value in legal_values(schema) if isinstance(value, str)}
    assert {word: len(chat.ids(word)) for word in words} == dict.fromkeys(words, 1)
    for scene in all_scenes():
        assert len(chat.ids(scene)) == len(scene.split())


def test_special_tokens_are_single_tokens(chat: Chat) -> None:
    assert {mark: len(chat.ids(mark)) for mark in MARKS} == dict.fromkeys(MARKS, 1)
