"""What the policy tests share: frames, turns, whole conversations, and the plain forward pass they are held to."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers import Gemma4Config, Gemma4ForConditionalGeneration, Gemma4TextConfig, Gemma4VisionConfig

from policy.gemma import GemmaPolicy
from policy.grammar import NOT_GENERATED, legal_logprobs
from policy.interface import Decision, Turn
from sim.tasks.emergency import SYSTEM_PROMPT
from sim.tasks.tools import TOOLS

# One thread: two that wait for each other on a busy machine take fifty times longer.
torch.set_num_threads(1)


def frame(seed: int, height: int = 192, width: int = 352) -> np.ndarray:
    """Coarse coloured blocks, other ones for each seed."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.ascontiguousarray(np.kron(blocks, np.ones((height // 6, width // 8, 1), np.uint8)))


def turn(episode: str, index: int, seed: int = 0, size: tuple[int, int] = (192, 352)) -> Turn:
    """The `index`-th turn of an episode; what it shows and says depends on its name, index and nothing else."""
    look = sum(episode.encode()) * 100 + index
    return Turn(
        episode, index, f"Speed {30 + look % 30} km/h.", frame(look, *size),
        SYSTEM_PROMPT if index == 0 else "", TOOLS if index == 0 else (), None, seed,
    )  # fmt: skip


def sharpen(model: Any, factor: float = 4.0) -> None:
    """Weights of a random model that make what it reads matter: small ones attend evenly and hide mistakes."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "language_model.layers" in name and weight.dim() == 2:
                weight.mul_(factor)


@torch.no_grad()
def reference_logits(model: Any, processor: Any, ids: list[int], frames: list[np.ndarray]) -> torch.Tensor:
    """Logits (length, vocabulary) of one unpadded forward pass over a whole conversation, without any cache."""
    images = processor.image_processor(images=frames, return_tensors="pt")
    tokens = torch.tensor([ids])
    return model(
        input_ids=tokens,
        mm_token_type_ids=(tokens == processor.image_token_id).long(),
        pixel_values=images["pixel_values"],
        image_position_ids=images["image_position_ids"],
        use_cache=False,
    ).logits[0]


def reference_logprobs(policy: GemmaPolicy, history: list[tuple[Turn, Decision]]) -> list[np.ndarray]:
    """The log-probabilities of each decision, from `reference_logits` and a replay of the grammar."""
    prompt = list(history[0][1].context_ids)
    completion: list[int] = []
    for index, (_, decision) in enumerate(history):
        completion += [*(decision.context_ids if index else ()), *decision.token_ids]
    frames = [turn.frame for turn, _ in history]
    logits = reference_logits(policy.model, policy.processor, prompt + completion, frames)
    grammar = policy.grammar(history[0][0].tools)
    states = grammar.replay(completion)
    made = [position for position, state in enumerate(states) if state != NOT_GENERATED]
    classes = torch.tensor([grammar.class_of(states[position]) for position in made])
    before = torch.tensor([len(prompt) + position - 1 for position in made])
    table = legal_logprobs(logits[before], classes, grammar.masks, policy.temperature)
    flat = table[torch.arange(len(made)), torch.tensor([completion[position] for position in made])].numpy()
    ends = np.cumsum([len(decision.token_ids) for _, decision in history])
    return np.split(flat, ends[:-1])


def e2b_shaped(tokenizer: Any, **text_options: Any) -> Gemma4ForConditionalGeneration:
    """A random model with every structural feature of Gemma 4 E2B, and small widths."""
    identify = tokenizer.convert_tokens_to_ids
    vocabulary = len(tokenizer) + 10  # E2B's embedding is wider than its tokenizer, too
    text = Gemma4TextConfig(
        **{
            "vocab_size": vocabulary,
            "vocab_size_per_layer_input": vocabulary,
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 15,
            "layer_types": (["sliding_attention"] * 4 + ["full_attention"]) * 3,
            "num_kv_shared_layers": 9,
            "use_double_wide_mlp": True,
            "num_attention_heads": 4,
            "num_key_value_heads": 1,
            "head_dim": 16,
            "global_head_dim": 32,
            "hidden_size_per_layer_input": 16,
            "sliding_window": 128,
            "final_logit_softcapping": 30.0,
            "max_position_embeddings": 8192,
            "pad_token_id": identify("<pad>"),
            "eos_token_id": identify("<eos>"),
            "bos_token_id": identify("<bos>"),
            **text_options,
        }
    )
    vision = Gemma4VisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=16,
        patch_size=16,
        pooling_kernel_size=3,
        position_embedding_size=256,
        use_clipped_linears=True,
    )
    config = Gemma4Config(
        text_config=text,
        vision_config=vision,
        audio_config=None,
        image_token_id=identify("<|image|>"),
        boi_token_id=identify("<|image>"),
        eoi_token_id=identify("<image|>"),
        video_token_id=identify("<|video|>"),
        audio_token_id=identify("<|audio|>"),
        boa_token_id=identify("<|audio>"),
        eoa_token_index=identify("<audio|>"),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = Gemma4ForConditionalGeneration(config).eval()
    sharpen(model)
    return model
