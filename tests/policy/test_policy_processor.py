"""As many image tokens as vision features, for every frame and budget, with or without torchvision."""

from __future__ import annotations

import numpy as np
import pytest
from driving import e2b_shaped, frame, turn
from transformers.models.gemma4.image_processing_pil_gemma4 import Gemma4ImageProcessorPil

from policy.checkpoint import LoadedModel, load_model
from policy.config import PolicyConfig
from policy.engine import encode_frames
from policy.gemma import GemmaPolicy
from policy.processor import build_processor, chat_template, versions

SIZES = [(192, 352), (288, 528), (240, 240), (180, 320), (720, 1280), (96, 960), (48, 48)]


@pytest.mark.parametrize("pooling", [2, 3])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_tokens_are_as_many_as_features(nano: LoadedModel, pooling: int, size: tuple[int, int]) -> None:
    model, processor = nano.model, nano.processor
    if pooling == 3:
        processor = build_processor(nano.processor.tokenizer, 70)
        model = e2b_shaped(processor.tokenizer)
    policy = GemmaPolicy(LoadedModel(model, processor, ""), PolicyConfig(device="cpu"))
    asked = [turn("a", 0, size=size), turn("b", 0)]
    counted = policy._image_tokens(asked)
    features = encode_frames(model, processor, [item.frame for item in asked]).pooler_output
    assert counted == [len(item) for item in features]
    (decision, _) = policy.decide(asked)
    assert sum(token == policy.chat.image_id for token in decision.context_ids) == counted[0]


@pytest.mark.parametrize(("size", "tokens"), [((192, 352), 66), ((288, 528), 66), ((384, 384), 64)])
def test_known_token_counts(policy: GemmaPolicy, size: tuple[int, int], tokens: int) -> None:
    assert policy._image_tokens([turn("a", 0, size=size)]) == [tokens]


@pytest.mark.parametrize("budget", [70, 140, 280])
def test_a_budget_bounds_the_tokens(budget: int) -> None:
    loaded = load_model(PolicyConfig(device="cpu", max_soft_tokens=budget))
    policy = GemmaPolicy(loaded, PolicyConfig(device="cpu", max_soft_tokens=budget))
    (counted,) = policy._image_tokens([turn("a", 0)])
    assert 0.8 * budget <= counted <= budget
    features = encode_frames(loaded.model, loaded.processor, [frame(0)]).pooler_output
    assert len(features[0]) == counted


def test_torchvision_is_not_needed(nano: LoadedModel) -> None:
    """The image processor is PIL's wherever torchvision is; without it the processor still is one of images."""
    assert isinstance(nano.processor.image_processor, Gemma4ImageProcessorPil)
    made = nano.processor(text="<|image|>", images=[frame(0)], add_special_tokens=False)
    assert list(made["input_ids"][0]).count(nano.processor.image_token_id) == 66
    assert set(versions()) == {"transformers", "trl", "torchvision"}


def test_the_template_shows_images_of_tool_responses() -> None:
    """Older revisions of the template drop them silently."""
    tools_part = chat_template().split("format_tool_response_block(ns_tname.name, ns_txt.s)")[1]
    assert "<|image|>" in tools_part.split("format_tool_response_block")[0]


def test_frames_are_not_mirrored_or_swapped(nano: LoadedModel) -> None:
    """The first patch is the frame's upper left corner, red first."""
    picture = np.zeros((192, 352, 3), np.uint8)
    picture[:16, :16, 0] = 255
    images = nano.processor.image_processor(images=[picture], return_tensors="pt")
    where = images["image_position_ids"][0].tolist()
    first = images["pixel_values"][0][where.index([0, 0])].reshape(16, 16, 3)
    assert first[:, :, 0].mean() > 0.8
    assert first[:, :, 1:].mean() < 0.1
    assert images["pixel_values"][0][where.index([5, 5])].abs().max() < 0.1
