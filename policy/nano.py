"""The nano policy: the true Gemma 4 architecture at a million and a half parameters, with a tokenizer of its own."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable

import torch
from tokenizers import Tokenizer, decoders
from tokenizers.models import Unigram
from transformers import (
    Gemma4Config,
    Gemma4ForConditionalGeneration,
    Gemma4TextConfig,
    Gemma4VisionConfig,
    GenerationConfig,
    PreTrainedTokenizerFast,
)
from transformers.models.gemma4.processing_gemma4 import Gemma4Processor

from policy.processor import build_processor

# Attribute names and texts of Gemma 4's special tokens; transformers looks them up by these names.
SPECIAL = {
    "image_token": "<|image|>",
    "boi_token": "<|image>",
    "eoi_token": "<image|>",
    "audio_token": "<|audio|>",
    "boa_token": "<|audio>",
    "eoa_token": "<audio|>",
    "sot_token": "<|turn>",
    "eot_token": "<turn|>",
    "soc_token": "<|channel>",
    "eoc_token": "<channel|>",
    "think_token": "<|think|>",
    "escape_token": '<|"|>',
    "str_token": "<|tool_response>",
    "etr_token": "<tool_response|>",
    "stc_token": "<|tool_call>",
    "etc_token": "<tool_call|>",
    "std_token": "<|tool>",
    "etd_token": "<tool|>",
}
BASE = {"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>", "unk_token": "<unk>", "mask_token": "<mask>"}
# What Gemma 4's own generation config stops on.
STOPS = ("<eos>", "<turn|>", "<|tool_response>")
PATCH, POOLING = 16, 2
WORD = re.compile(r"[A-Za-z_]+")


def build_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A lossless tokenizer in which every word of `texts` is one token, and any other text is spelt out.

    Words are kept with their leading space, as Gemma's are; digits are single tokens; bytes catch the rest. A space is
    a space: Gemma's "▁" would be lost on texts that contain one.
    """
    bare = {word for text in texts for word in WORD.findall(text)}
    words = sorted(bare | {f" {word}" for word in bare})
    bytes_ = [f"<0x{value:02X}>" for value in range(256)]
    letters = [*string.printable.strip(), "\n", " "]
    vocabulary: list[tuple[str, float]] = [(token, 0.0) for token in (*BASE.values(), *SPECIAL.values(), "<|video|>")]
    # The likeliest segmentation has the fewest pieces: a word costs 1, a letter 10. Bytes stand in for characters that
    # have no piece, never for the text "<0x41>", which spelt out is cheaper.
    scores = {**dict.fromkeys(bytes_, -1000.0), **dict.fromkeys(letters, -10.0), **dict.fromkeys(words, -1.0)}
    vocabulary += list(scores.items())
    unknown = list(BASE.values()).index("<unk>")
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=unknown, byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, padding_side="left", extra_special_tokens=dict(SPECIAL), **BASE
    )


def nano_config(tokenizer: PreTrainedTokenizerFast) -> Gemma4Config:
    """Gemma 4 E2B's pattern in small: sliding and full attention, shared KV layers, per-layer embeddings, a ViT."""
    identify = tokenizer.convert_tokens_to_ids
    vocabulary = len(tokenizer)
    text = Gemma4TextConfig(
        vocab_size=vocabulary,
        vocab_size_per_layer_input=vocabulary,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=4,
        layer_types=["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
        num_kv_shared_layers=2,
        use_double_wide_mlp=True,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=32,
        global_head_dim=64,
        hidden_size_per_layer_input=32,
        sliding_window=256,
        final_logit_softcapping=30.0,
        max_position_embeddings=8192,
        pad_token_id=identify("<pad>"),
        eos_token_id=identify("<eos>"),
        bos_token_id=identify("<bos>"),
    )
    vision = Gemma4VisionConfig(
        hidden_size=96,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=3,
        num_key_value_heads=3,
        head_dim=32,
        patch_size=PATCH,
        pooling_kernel_size=POOLING,
        position_embedding_size=128,
    )
    return Gemma4Config(
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


def build_nano(
    texts: Iterable[str], max_soft_tokens: int, seed: int
) -> tuple[Gemma4ForConditionalGeneration, Gemma4Processor]:
    """An untrained nano model and its processor; `texts` give the tokenizer its words, `seed` the weights."""
    tokenizer = build_tokenizer(texts)
    processor = build_processor(tokenizer, max_soft_tokens, PATCH, POOLING)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Gemma4ForConditionalGeneration(nano_config(tokenizer))
    _make_vision_learnable(model)
    model.generation_config = GenerationConfig(
        eos_token_id=[tokenizer.convert_tokens_to_ids(token) for token in STOPS],
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
    )
    return model.eval(), processor


@torch.no_grad()
def _make_vision_learnable(model: Gemma4ForConditionalGeneration) -> None:
    """Stock initialisation (position tables of ones, weights of 0.02) never learns to see at this width.

    Three times larger vision weights and sine-cosine position tables do; and, several times faster, attention that
    begins soft (Gemma 4 does not scale its logits: unit norms make them one-hot at random) and residual branches that
    begin small.
    """
    for name, weight in model.named_parameters():
        if "q_norm" in name or "k_norm" in name:
            weight.fill_(0.4)
        elif "post_attention_layernorm" in name or "post_feedforward_layernorm" in name:
            weight.fill_(0.3)
    tower = model.model.vision_tower
    for module in (tower, model.model.embed_vision):
        for name, weight in module.named_parameters():
            if weight.dim() == 2 and "norm" not in name:
                weight.mul_(3.0)
    table = tower.patch_embedder.position_embedding_table
    _, length, width = table.shape
    position = torch.arange(length, dtype=torch.float32)[:, None]
    frequency = torch.exp(-torch.arange(0, width // 2, 2) * (4.0 / (width // 2)))
    wave = torch.cat([torch.sin(position * frequency), torch.cos(position * frequency)], dim=1)
    table.zero_()
    table[0, :, : wave.shape[1]] = wave
    table[1, :, width // 2 : width // 2 + wave.shape[1]] = wave
