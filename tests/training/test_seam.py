"""TRL's private seam is where it was: these fail, loudly and first, when a new TRL moves it."""

from __future__ import annotations

import inspect

from trl import GRPOTrainer

from training.grpo import EpisodeGRPOTrainer


def test_generate_takes_prompts_and_its_caller_unpacks_eight_values() -> None:
    assert list(inspect.signature(GRPOTrainer._generate).parameters) == ["self", "prompts"]
    source = inspect.getsource(GRPOTrainer._generate_and_score_completions)
    names = ("prompt_ids_list", "completion_ids_list", "tool_mask_list", "completions", "sampling_per_token_logps_list",
             "extra_fields", "images", "tool_images")  # fmt: skip
    flat = "".join(source.split())
    assert "(" + ",".join(names) + ",)=self._generate(prompts)" in flat


def test_images_of_tool_responses_are_taken_where_there_are_tools() -> None:
    source = inspect.getsource(GRPOTrainer._generate_and_score_completions)
    assert "if self.tools and any(imgs for imgs in tool_images) and self._is_vlm:" in source


def test_scoring_passes_only_arguments_that_our_scoring_takes() -> None:
    theirs = set(inspect.signature(GRPOTrainer._get_per_token_logps_and_entropies).parameters)
    ours = inspect.signature(EpisodeGRPOTrainer._get_per_token_logps_and_entropies).parameters
    assert {"pixel_values", "image_position_ids", "num_images", "compute_entropy"} <= theirs
    assert list(ours)[:8] == list(inspect.signature(GRPOTrainer._get_per_token_logps_and_entropies).parameters)[:8]
    assert any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in ours.values())


def test_the_loss_masks_with_the_tool_mask_and_reads_the_sampling_log_probabilities() -> None:
    source = inspect.getsource(GRPOTrainer)
    assert 'mask = completion_mask if "tool_mask" not in inputs else completion_mask * inputs["tool_mask"]' in source
    assert 'output["sampling_per_token_logps"] = sampling_per_token_logps' in source
