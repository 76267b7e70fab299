"""The two stages of the warm start: the vision tower learns to look, then the whole model learns to speak."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from policy.chat import Chat
from policy.checkpoint import LoadedModel
from policy.perception import AHEAD, NEAR_M, SIDES
from sim.tasks.emergency import SYSTEM_PROMPT
from sim.tasks.tools import TOOLS
from training.config import WarmStartConfig
from training.conversations import IGNORED, build_batch
from training.views import View, augment, endless

# progress(phase, done, total, note)
Progress = Callable[[str, int, int, str], None]
HEAD_WIDTH, HEAD_DROPOUT, QUESTIONS = 128, 0.2, 4
HELD_WEIGHT = 0.5
# Of a call's tokens against a thought's: calls are drawn at random, so that most of their gradient is noise.
CALL_WEIGHT = 0.25
# Of the learning rate, for the vision tower once it can look: at the full rate speaking undoes some of what it learned.
SEEN_RATE = 0.3


def learn_to_look(
    loaded: LoadedModel, config: WarmStartConfig, views: Sequence[View], progress: Progress
) -> list[float]:
    """Train the vision tower and its projection to answer what is left, right and ahead, and how far.

    The answers come from a head that reads all soft tokens at once and is thrown away: a language model alone takes
    several times as many frames to teach a tower that begins from noise. Returns the loss (nats) of every step.
    """
    model = loaded.model
    device = next(model.parameters()).device
    seeing = {name: weight for name, weight in model.named_parameters() if _sees(name)}
    for weight in seeing.values():
        weight.requires_grad_(True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        width = image_token_count(loaded, views[0]) * model.config.get_text_config().hidden_size
        head = nn.Sequential(
            nn.Linear(width, HEAD_WIDTH), nn.GELU(), nn.Dropout(HEAD_DROPOUT), nn.Linear(HEAD_WIDTH, 3 * QUESTIONS)
        ).to(device)
    step_all = _Optimizer(seeing, list(head.parameters()), config, config.look_steps, 1.0)
    rng = np.random.default_rng([config.seed, 1])
    order = endless(len(views), rng)
    losses: list[float] = []
    for step in range(config.look_steps):
        chosen = [augment(views[next(order)], rng) for _ in range(config.look_batch)]
        images = loaded.processor.image_processor(images=[frame for frame, _ in chosen], return_tensors="pt")
        features = model.get_image_features(
            images["pixel_values"].to(device, torch.float32), images["image_position_ids"].to(device), return_dict=True
        ).pooler_output
        answers = head(torch.stack(list(features)).flatten(1).float()).view(-1, QUESTIONS, 3)
        truth = torch.tensor([_answers(scene) for _, scene in chosen], device=device)
        loss = nn.functional.cross_entropy(answers.flatten(0, 1), truth.flatten()) * QUESTIONS
        step_all(loss)
        losses.append(float(loss.detach()))
        if step % 5 == 4 or step + 1 == config.look_steps:
            progress("learn to look", step + 1, config.look_steps, f"loss {np.mean(losses[-40:]):.2f}")
    return losses


def learn_to_speak(
    loaded: LoadedModel, config: WarmStartConfig, views: Sequence[View], progress: Progress
) -> list[float]:
    """Train the whole model to describe frames and to make calls, drawn at random, in the right syntax.

    A second throw-away head reads the scene from the states in which a call is written. Calls are random here, so
    nothing else would keep the scene there; RL, which turns these states into choices, would have to learn to look
    back at the thought first, and settles for one call for ever before it does. Returns the loss of every step, in
    nats per generated token, those of calls weighted down.
    """
    model, chat = loaded.model, Chat(loaded.processor, thinking=True)
    device = next(model.parameters()).device
    weights = {name: weight for name, weight in model.named_parameters() if "audio" not in name}
    for weight in weights.values():
        weight.requires_grad_(True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        head = nn.Linear(model.config.get_text_config().hidden_size, 3 * QUESTIONS).to(device)
    states: list[torch.Tensor] = []
    hook = model.lm_head.register_forward_pre_hook(lambda module, arguments: states.append(arguments[0]))
    step_all = _Optimizer(weights, list(head.parameters()), config, config.speak_steps, SEEN_RATE)
    rng = np.random.default_rng([config.seed, 2])
    order = endless(len(views), rng)
    image_tokens = image_token_count(loaded, views[0])
    losses: list[float] = []
    model.train()
    for step in range(config.speak_steps):
        groups = [[views[next(order)] for _ in range(config.turns)] for _ in range(config.conversations)]
        batch = build_batch(chat, SYSTEM_PROMPT, TOOLS, image_tokens, groups, rng)
        images = loaded.processor.image_processor(images=batch.frames, return_tensors="pt")
        output = model(
            input_ids=batch.input_ids.to(device),
            attention_mask=batch.attention_mask.to(device),
            pixel_values=images["pixel_values"].to(device, torch.float32),
            image_position_ids=images["image_position_ids"].to(device),
        )
        labels = batch.labels[:, 1:].flatten().to(device)
        logits = output.logits[:, :-1].flatten(0, 1).float()
        held = batch.turns[:, 1:] >= 0
        weight = (labels != IGNORED) * torch.where(held.flatten().to(device), CALL_WEIGHT, 1.0)
        per_token = nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none")
        loss = (per_token * weight).sum() / weight.sum()
        truth = torch.tensor([_answers(scene) for scene in batch.scenes])[batch.turns[:, 1:][held]].to(device)
        answers = head(states.pop()[:, :-1][held.to(device)].float()).view(-1, QUESTIONS, 3)
        step_all(loss + HELD_WEIGHT * nn.functional.cross_entropy(answers.flatten(0, 1), truth.flatten()))
        losses.append(float(loss.detach()))
        if step % 5 == 4 or step + 1 == config.speak_steps:
            progress("learn to speak", step + 1, config.speak_steps, f"loss {np.mean(losses[-40:]):.3f}")
    hook.remove()
    model.eval()
    return losses


def image_token_count(loaded: LoadedModel, view: View) -> int:
    """Soft tokens of a frame of this size."""
    counted = loaded.processor._get_num_multimodal_tokens(image_sizes=[view.frame().shape[:2]])
    return int(counted["num_image_tokens"][0])


def _sees(name: str) -> bool:
    return "vision_tower" in name or "embed_vision" in name


class _Optimizer:
    """Muon for the layers' matrices and AdamW for everything else; linear warm-up, cosine decay, clipped gradients.

    `seeing_rate` scales the learning rates of the vision tower and its projection.
    """

    def __init__(
        self,
        weights: Mapping[str, nn.Parameter],
        extra: Sequence[nn.Parameter],
        config: WarmStartConfig,
        steps: int,
        seeing_rate: float,
    ) -> None:
        muon, adam = config.muon_learning_rate, config.learning_rate
        matrices: list[dict[str, Any]] = []
        rest: list[dict[str, Any]] = [{"params": list(extra), "lr": adam}]
        for name, weight in weights.items():
            rate = seeing_rate if _sees(name) else 1.0
            # Embeddings are looked up, not multiplied: orthogonal updates make no sense there.
            if muon > 0.0 and weight.dim() == 2 and "embed_tokens" not in name:
                matrices.append({"params": [weight], "lr": rate * muon})
            else:
                rest.append({"params": [weight], "lr": rate * adam})
        self._all = [weight for group in (*matrices, *rest) for weight in group["params"]]
        self._parts: list[Any] = [torch.optim.AdamW(rest, weight_decay=config.weight_decay, betas=(0.9, 0.98))]
        if matrices:
            self._parts.append(torch.optim.Muon(matrices, weight_decay=config.weight_decay))
        self._schedules = [
            torch.optim.lr_scheduler.LambdaLR(part, lambda step: _rate(step, steps)) for part in self._parts
        ]

    def __call__(self, loss: torch.Tensor) -> None:
        loss.backward()
        nn.utils.clip_grad_norm_(self._all, 1.0)
        for part, schedule in zip(self._parts, self._schedules, strict=True):
            part.step()
            part.zero_grad(set_to_none=True)
            schedule.step()


def _answers(scene: dict[str, Any]) -> list[int]:
    distance = 0 if scene["ahead"] == "clear" else 1 if float(scene["distance_m"]) < NEAR_M else 2
    return [SIDES.index(scene["left"]), SIDES.index(scene["right"]), AHEAD.index(scene["ahead"]), distance]


def _rate(step: int, steps: int) -> float:
    warm = max(1, steps // 20)
    if step < warm:
        return (step + 1) / warm
    return 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
