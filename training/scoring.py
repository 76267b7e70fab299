"""What the learner's weights say about episodes that were sampled: the forward pass of GRPO."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from policy.cache import BatchCache, EpisodeCache
from policy.grammar import NOT_GENERATED, Grammar, legal_logprobs
from training.errors import TrainingError


@dataclass(frozen=True)
class Choices:
    """The places where tokens were chosen: row and column in the completions, and the class of legal tokens there."""

    rows: list[int]
    columns: list[int]
    classes: list[int]


def find_choices(completions: Sequence[Sequence[int]], grammar: Grammar) -> Choices:
    """Every token of the completions that was sampled from more than one legal choice."""
    rows, columns, classes = [], [], []
    for row, completion in enumerate(completions):
        for column, state in enumerate(grammar.replay(completion)):
            if state != NOT_GENERATED and grammar.forced(state) is None:
                rows.append(row)
                columns.append(column)
                classes.append(grammar.class_of(state))
    return Choices(rows, columns, classes)


def completion_logits(
    model: Any,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    pixel_values: torch.Tensor | None,
    image_position_ids: torch.Tensor | None,
    share_prefix: bool,
) -> torch.Tensor:
    """Logits (rows, longest completion, vocabulary) that predict each completion token; completions end at the right.

    With `share_prefix` what all prompts begin with (the system turn and its tools, most of a prompt) is computed once,
    gradients included, instead of once per row. Positions, masks and caches are the decision engine's own.
    """
    config = model.config.get_text_config()
    if config.use_bidirectional_attention == "vision":
        raise TrainingError(
            "models that attend both ways within an image (26B-A4B, 31B) can drive, but not be trained yet; "
            "use policy=nano, gemma4_e2b or an E4B checkpoint"
        )
    device = next(model.parameters()).device
    rows = [[*prompt, *completion] for prompt, completion in zip(prompts, completions, strict=True)]
    shared = _common_prefix(prompts, int(model.config.image_token_id)) if share_prefix and len(rows) > 1 else 0
    prefix = EpisodeCache()
    if shared:
        batch = BatchCache([EpisodeCache()], device)
        ids, positions = batch.extend([rows[0][:shared]], config.pad_token_id)
        model(
            input_ids=ids,
            position_ids=positions,
            attention_mask=batch.masks(positions, config.sliding_window),
            past_key_values=batch.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        prefix = batch.split()[0]
    batch = BatchCache.repeat(prefix, len(rows), device)
    ids, positions = batch.extend([row[shared:] for row in rows], config.pad_token_id)
    longest = max(len(completion) for completion in completions)
    output = model(
        input_ids=ids,
        position_ids=positions.clamp(min=0),
        attention_mask=batch.masks(positions, config.sliding_window),
        past_key_values=batch.cache if shared else None,
        pixel_values=pixel_values,
        image_position_ids=image_position_ids,
        use_cache=bool(shared),
        logits_to_keep=longest + 1,
    )
    logits: torch.Tensor = output.logits[:, :-1]
    return logits


def choice_logprobs(
    logits: torch.Tensor,
    completions: Sequence[Sequence[int]],
    choices: Choices,
    masks: torch.Tensor,
    temperature: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probability of each chosen token among the legal ones, and the entropy (nats) of each choice; (choices,)."""
    device, longest = logits.device, logits.shape[1]
    ends = torch.tensor([len(completion) for completion in completions], device=device)
    rows = torch.tensor(choices.rows, device=device)
    columns = torch.tensor(choices.columns, device=device)
    classes = torch.tensor(choices.classes, device=device)
    legal = legal_logprobs(logits[rows, longest - ends[rows] + columns], classes, masks, temperature)
    tokens = [completions[row][column] for row, column in zip(choices.rows, choices.columns, strict=True)]
    chosen = legal.gather(1, torch.tensor(tokens, device=device)[:, None])[:, 0]
    finite = torch.isfinite(legal)
    entropy = -torch.where(finite, legal.exp() * legal.masked_fill(~finite, 0.0), torch.zeros_like(legal)).sum(dim=1)
    return chosen, entropy


def _common_prefix(prompts: Sequence[Sequence[int]], image_id: int) -> int:
    """How many tokens all prompts begin with, ending before the first image."""
    length = 0
    for tokens in zip(*prompts, strict=False):
        if len(set(tokens)) > 1 or tokens[0] == image_id:
            break
        length += 1
    return length
