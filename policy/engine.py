"""The decision engine: one batched turn of a Gemma 4 model over conversations that keep their KV caches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers.models.gemma4.processing_gemma4 import Gemma4Processor

from policy.cache import BatchCache, EpisodeCache
from policy.errors import ImageMismatch
from policy.grammar import DONE, Grammar, legal_logprobs


@dataclass
class Conversation:
    """The state of one episode: its cache, and tokens of its last turn that no forward pass has seen yet."""

    cache: EpisodeCache = field(default_factory=EpisodeCache)
    unseen: list[int] = field(default_factory=list)

    @property
    def length(self) -> int:
        """Tokens in the conversation."""
        return self.cache.length + len(self.unseen)


@dataclass(frozen=True)
class Generation:
    """Tokens of one turn, forced ones included, and the log-probability that each was sampled with (0 if forced)."""

    token_ids: tuple[int, ...]
    logprobs: np.ndarray


def encode_frames(model: Any, processor: Gemma4Processor, frames: Sequence[np.ndarray]) -> Any:
    """Vision features of `frames` (each RGB uint8 (height, width, 3)); `pooler_output` has one (tokens, width) each."""
    images = processor.image_processor(images=list(frames), return_tensors="pt")
    parameter = next(model.parameters())
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return base.get_image_features(
        images["pixel_values"].to(parameter.device, torch.float32),
        images["image_position_ids"].to(parameter.device),
        return_dict=True,
    )


@torch.inference_mode()
def generate_turn(
    model: Any,
    processor: Gemma4Processor,
    grammar: Grammar,
    conversations: Sequence[Conversation],
    contexts: Sequence[Sequence[int]],
    frames: Sequence[np.ndarray],
    seeds: Sequence[Sequence[int]],
    temperature: float,
    names: Sequence[str],
) -> list[Generation]:
    """Read one context with one new frame per conversation, answer each, and keep the caches for the next turn.

    Per round only what no forward pass has seen is fed: the context and the tokens that the grammar forced. A row's
    result depends on its own history and seed, not on which rows share the batch (up to float rounding).
    """
    device = next(model.parameters()).device
    config = model.config.get_text_config()
    both_ways = config.use_bidirectional_attention == "vision"
    masks = grammar.masks.to(device)
    features = encode_frames(model, processor, frames)
    check_images(contexts, [len(item) for item in features.pooler_output], model.config.image_token_id, names)
    batch = BatchCache([conversation.cache for conversation in conversations], device)
    pending = [[*conversation.unseen, *context] for conversation, context in zip(conversations, contexts, strict=True)]
    states = [0] * len(conversations)
    tokens: list[list[int]] = [[] for _ in conversations]
    logprobs: list[list[float]] = [[] for _ in conversations]
    sources = [np.random.default_rng([abs(item) for item in seed]) for seed in seeds]
    while True:
        for row in range(len(conversations)):
            while states[row] != DONE and (only := grammar.forced(states[row])) is not None:
                tokens[row].append(only)
                logprobs[row].append(0.0)
                pending[row].append(only)
                states[row] = grammar.step(states[row], only)
        active = [row for row, state in enumerate(states) if state != DONE]
        if not active:
            break
        fed = [pending[row] if states[row] != DONE else [] for row in range(len(conversations))]
        ids, positions = batch.extend(fed, config.pad_token_id)
        output = model(
            input_ids=ids,
            position_ids=positions.clamp(min=0),
            attention_mask=batch.masks(
                positions, config.sliding_window, ids == model.config.image_token_id if both_ways else None
            ),
            past_key_values=batch.cache,
            mm_encoder_outputs={"image": features} if features is not None else None,
            use_cache=True,
            logits_to_keep=1,
        )
        features = None
        classes = torch.tensor([grammar.class_of(states[row]) for row in active], device=device)
        logits = output.logits[torch.tensor(active, device=device), -1]
        distribution = legal_logprobs(logits, classes, masks, temperature).cpu().numpy()
        for row, chances in zip(active, distribution, strict=True):
            token = _choose(chances, sources[row], temperature)
            pending[row] = [token]
            tokens[row].append(token)
            logprobs[row].append(float(chances[token]))
            states[row] = grammar.step(states[row], token)
    for conversation, cache, rest in zip(conversations, batch.split(), pending, strict=True):
        conversation.cache, conversation.unseen = cache, rest
    return [
        Generation(tuple(made), np.array(chances, np.float32)) for made, chances in zip(tokens, logprobs, strict=True)
    ]


@torch.inference_mode()
def prefill(model: Any, ids: Sequence[int]) -> EpisodeCache:
    """The cache of a text without images, for conversations that begin with it."""
    device = next(model.parameters()).device
    config = model.config.get_text_config()
    batch = BatchCache([EpisodeCache()], device)
    tokens, positions = batch.extend([list(ids)], config.pad_token_id)
    model(
        input_ids=tokens,
        position_ids=positions,
        attention_mask=batch.masks(positions, config.sliding_window),
        past_key_values=batch.cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return batch.split()[0]


def check_images(
    contexts: Sequence[Sequence[int]], features: Sequence[int], image_id: int, names: Sequence[str]
) -> None:
    """Raises ImageMismatch naming the turn whose image placeholders are not as many as its vision features."""
    for context, found, name in zip(contexts, features, names, strict=True):
        placeholders = sum(token == image_id for token in context)
        if placeholders != found:
            raise ImageMismatch(
                f"{name}: {placeholders} image placeholder tokens, but {found} vision features; the processor's "
                "max_soft_tokens and the frame's size must be the same where the prompt is built and where it is read"
            )


def _choose(logprobs: np.ndarray, source: np.random.Generator, temperature: float) -> int:
    if temperature <= 0.0:
        return int(np.argmax(logprobs))
    cumulative = np.cumsum(np.exp(logprobs.astype(np.float64)))
    token = int(np.searchsorted(cumulative, source.random() * cumulative[-1], side="right"))
    return min(token, int(np.flatnonzero(np.isfinite(logprobs))[-1]))
