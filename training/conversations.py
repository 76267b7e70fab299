"""Batches for the warm start: conversations about unrelated frames, answered with what is seen and a random call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from policy.chat import Chat, format_call, format_thought
from policy.perception import describe
from sim.tasks.protocol import ToolCall, ToolSpec
from sim.tasks.tools import legal_values
from training.views import View, augment

IGNORED = -100


@dataclass(frozen=True)
class Batch:
    """Right-padded `input_ids`, `attention_mask`, `labels` (conversations, tokens) and the frames in reading order."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor
    frames: list[np.ndarray]


def random_call(tools: Sequence[ToolSpec], rng: np.random.Generator) -> ToolCall:
    """A tool drawn uniformly, then each of its arguments: it tells nothing about which manoeuvre is right."""
    tool = tools[int(rng.integers(len(tools)))]
    arguments = {}
    for name, schema in tool.parameters["properties"].items():
        values = legal_values(schema)
        arguments[name] = values[int(rng.integers(len(values)))]
    return ToolCall(tool.name, arguments)


def build_batch(
    chat: Chat,
    system: str,
    tools: Sequence[ToolSpec],
    image_tokens: int,
    conversations: Sequence[Sequence[View]],
    rng: np.random.Generator,
) -> Batch:
    """One conversation per sequence of views; labels cover what the model writes, and nothing else."""
    rows: list[tuple[list[int], list[int]]] = []
    frames = []
    for views in conversations:
        ids: list[int] = []
        labels: list[int] = []
        called = ""
        for index, view in enumerate(views):
            frame, truth = augment(view, rng)
            frames.append(frame)
            text = f"Speed {round(view.speed_kmh)} km/h."
            if index == 0:
                context = chat.prompt(system, tools, text, image_tokens)
            else:
                context = chat.response(called, text, image_tokens)
            call = random_call(tools, rng)
            called = call.name
            answer = chat.ids((format_thought(describe(truth)) if chat.thinking else "") + format_call(call))
            ids += context + answer
            labels += [IGNORED] * len(context) + answer
        rows.append((ids, labels))
    width = max(len(ids) for ids, _ in rows)
    pad = chat.tokenizer.pad_token_id
    return Batch(
        torch.tensor([ids + [pad] * (width - len(ids)) for ids, _ in rows]),
        torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in rows]),
        torch.tensor([labels + [IGNORED] * (width - len(labels)) for _, labels in rows]),
        frames,
    )
