"""Gemma 4's conversation format: the prompt, the tool responses that grow it, and the calls that come back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from transformers.models.gemma4.processing_gemma4 import Gemma4Processor

from sim.tasks.protocol import InvalidToolCall, Scalar, ToolCall, ToolSpec

QUOTE = '<|"|>'
CALL = re.compile(r"<\|tool_call>call:([A-Za-z_]\w*)\{(.*?)\}<tool_call\|>", re.DOTALL)
NUMBER = r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?"
ARGUMENT = re.compile(rf'([A-Za-z_]\w*):(<\|"\|>(.*?)<\|"\|>|{NUMBER}|true|false)(?:,|\Z)', re.DOTALL)
CALL_END = "<tool_call|><|tool_response>"


def tool_schemas(tools: Sequence[ToolSpec]) -> list[dict[str, Any]]:
    """`tools` as JSON function schemas, the form that chat templates and other clients read."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": {key: _plain(value) for key, value in tool.parameters.items()},
            },
        }
        for tool in tools
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, (list, tuple)) else value


def format_call(call: ToolCall) -> str:
    """A call in Gemma 4's syntax, with the tokens that end the model's turn."""
    arguments = ",".join(f"{name}:{_literal(value)}" for name, value in _sorted(call.arguments))
    return f"<|tool_call>call:{call.name}{{{arguments}}}{CALL_END}"


def _sorted(arguments: Mapping[str, Scalar]) -> list[tuple[str, Scalar]]:
    """In the order of Jinja's `dictsort`."""
    return sorted(arguments.items(), key=lambda item: item[0].lower())


def _literal(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{QUOTE}{value}{QUOTE}" if isinstance(value, str) else str(value)


def format_thought(thought: str) -> str:
    """A thought in Gemma 4's syntax: it stands before the call."""
    return f"<|channel>thought\n{thought}\n<channel|>"


def parse_call(text: str) -> ToolCall:
    """The first tool call in generated `text`. Raises InvalidToolCall for anything else, quoting what was there."""
    found = CALL.search(text)
    if found is None:
        raise InvalidToolCall(f"no tool call in {text[-80:]!r}")
    name, body = found.group(1), found.group(2)
    arguments: dict[str, Scalar] = {}
    position = 0
    while position < len(body):
        argument = ARGUMENT.match(body, position)
        if argument is None:
            raise InvalidToolCall(f"{name}: the arguments {body!r} are malformed at character {position}")
        key, literal, quoted = argument.groups()
        if key in arguments:
            raise InvalidToolCall(f"{name}: the argument {key!r} is given twice")
        arguments[key] = quoted if literal.startswith(QUOTE) else _scalar(literal)
        position = argument.end()
    return ToolCall(name, arguments)


def _scalar(literal: str) -> Scalar:
    if literal in ("true", "false"):
        return literal == "true"
    return float(literal) if set(literal) & set(".eE") else int(literal)


class Chat:
    """Token ids of a conversation, piece by piece and never re-tokenised.

    The pieces concatenate to what the chat template renders for the whole conversation; a test holds them to it.
    """

    def __init__(self, processor: Gemma4Processor, thinking: bool) -> None:
        self.processor = processor
        self.tokenizer = processor.tokenizer
        self.thinking = thinking
        self.image_id = int(self.tokenizer.image_token_id)
        self.turn_id = self.ids("<|turn>")[-1]

    def ids(self, text: str) -> list[int]:
        """Token ids of `text`; special tokens in it count as such."""
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def prompt(self, system: str, tools: Sequence[ToolSpec], text: str, image_tokens: int) -> list[int]:
        """The conversation up to the model's first turn: system and tools, then a sentence and a frame."""
        content = [{"type": "text", "text": text}, {"type": "image"}]
        messages = [{"role": "system", "content": system}, {"role": "user", "content": content}]
        rendered = self.tokenizer.apply_chat_template(
            messages,
            chat_template=self.processor.chat_template,
            tools=tool_schemas(tools),
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=self.thinking,
        )
        return self.ids(rendered.replace("<|image|>", self._image(image_tokens)))

    def response(self, tool: str, text: str, image_tokens: int) -> list[int]:
        """What a tool's response appends after the `<|tool_response>` that the model ends its turn with."""
        return self.ids(f"response:{tool}{{value:{QUOTE}{text}{QUOTE}}}<tool_response|>{self._image(image_tokens)}")

    def _image(self, tokens: int) -> str:
        processor = self.processor
        return f"{processor.boi_token}{processor.image_token * tokens}{processor.eoi_token}"
