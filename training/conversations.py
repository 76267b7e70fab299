"""Batches for the warm start: conversations about unrelated frames, answered with what is seen and a random call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
    """Conversations as tensors, right-padded (conversations, tokens).

    labels  the tokens that the model writes, IGNORED elsewhere
    turns   at every token of a call the number of its turn, counted through the batch; -1 elsewhere
    frames, scenes  what each turn shows, in that order
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor
    turns: torch.Tensor
    frames: list[np.ndarray]
    scenes: list[dict[str, Any]]


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
    rows: list[tuple[list[int], list[int], list[int]]] = []
    frames, scenes = [], []
    for views in conversations:
        ids: list[int] = []
        labels: list[int] = []
        turns: list[int] = []
        called = ""
        for index, view in enumerate(views):
            frame, truth = augment(view, rng)
            frames.append(frame)
            scenes.append(truth)
            text = f"Speed {round(view.speed_kmh)} km/h."
            if index == 0:
                context = chat.prompt(system, tools, text, image_tokens)
            else:
                context = chat.response(called, text, image_tokens)
            call = random_call(tools, rng)
            called = call.name
            thought = chat.ids(format_thought(describe(truth))) if chat.thinking else []
            written = chat.ids(format_call(call))
            ids += context + thought + written
            labels += [IGNORED] * len(context) + thought + written
            turns += [-1] * len(context + thought) + [len(frames) - 1] * len(written)
        rows.append((ids, labels, turns))
    width = max(len(ids) for ids, _, _ in rows)
    pad = chat.tokenizer.pad_token_id
    return Batch(
        torch.tensor([ids + [pad] * (width - len(ids)) for ids, _, _ in rows]),
        torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _, _ in rows]),
        torch.tensor([labels + [IGNORED] * (width - len(labels)) for _, labels, _ in rows]),
        torch.tensor([turns + [-1] * (width - len(turns)) for _, _, turns in rows]),
        frames,
        scenes,
    )
