"""GRPO through TRL: its generation seam collects episodes, and its scoring seam respects the grammar.

Of `GRPOTrainer` two private methods are replaced (TRL is pinned; tests/training/test_seam.py fails when they move):
`_generate`, which returns what the policy did in the world instead of generating text, and
`_get_per_token_logps_and_entropies`, which scores under the distribution that was sampled from. Advantages, loss,
optimiser, logging and checkpoints are TRL's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from PIL import Image
from trl import GRPOConfig, GRPOTrainer

from policy.chat import tool_schemas
from policy.engine import check_images
from policy.gemma import GemmaPolicy
from policy.grammar import NOT_GENERATED, Grammar
from rollouts.episode import Episode, Job
from rollouts.pool import RolloutPool
from sim.tasks.protocol import ToolSpec
from training.scoring import choice_logprobs, completion_logits, find_choices

# Episodes per forward pass at most.
BUCKET = 16
Observer = Callable[[int, Sequence[Episode]], None]


def episode_return(prompts: Any, completions: Any, episode_return: Sequence[float], **_: Any) -> list[float]:
    """The reward function: what the environment paid for each episode."""
    return [float(value) for value in episode_return]


def flatten_episode(
    episode: Episode, grammar: Grammar, thoughts: bool = True
) -> tuple[list[int], list[int], list[int], list[float]]:
    """An episode as the learner's sequence: prompt ids, completion ids, mask, sampling log-probabilities.

    The completion is every turn's generated tokens and, between them, the tool responses. The mask is 1 where a token
    was sampled from more than one legal choice: forced and environment tokens carry no signal. Without `thoughts` it
    is 1 in calls only.
    """
    prompt = list(episode.turns[0].decision.context_ids)
    completion: list[int] = []
    logprobs: list[float] = []
    for index, turn in enumerate(episode.turns):
        decision = turn.decision
        if index > 0:
            completion += decision.context_ids
            logprobs += [0.0] * len(decision.context_ids)
        completion += decision.token_ids
        assert decision.logprobs is not None
        logprobs += decision.logprobs.tolist()
    states = grammar.replay(completion)
    mask = []
    calling = False
    for token, state in zip(completion, states, strict=True):
        chosen = state != NOT_GENERATED and grammar.forced(state) is None
        mask.append(int(chosen and (thoughts or calling)))
        # A call lasts from its first token to the end of the turn, where the next thought may begin.
        calling = (calling or token == grammar.call_begins) and state != NOT_GENERATED
    return prompt, completion, mask, logprobs


class EpisodeGRPOTrainer(GRPOTrainer):
    """A `GRPOTrainer` whose completions are whole episodes, collected from `pool` with `policy`.

    The dataset has "prompt" (which nobody reads: the task writes it) and "seed". `observe(step, episodes)` is told of
    every batch of episodes.
    """

    def __init__(
        self,
        *,
        policy: GemmaPolicy,
        pool: RolloutPool,
        tools: Sequence[ToolSpec],
        sampling_seed: int,
        thoughts: bool,
        observe: Observer,
        args: GRPOConfig,
        train_dataset: Dataset,
        peft_config: Any = None,
        **others: Any,
    ) -> None:
        super().__init__(
            model=policy.model,
            reward_funcs=[episode_return],
            args=args,
            train_dataset=train_dataset,
            processing_class=policy.processor,
            peft_config=peft_config,
            **others,
        )
        policy.model = self.model
        # Set after construction, where TRL wants Python functions: here only "there are tools" matters, which makes
        # it take images from tool responses.
        self.tools = tool_schemas(tools)
        self.pilotage = policy
        self.pool = pool
        self.grammar = policy.grammar(tools)
        self.sampling_seed = sampling_seed
        self.thoughts = thoughts
        self.observe = observe
        self._seeds: list[int] = []
        self._scored: torch.Tensor | None = None
        self._masks = self.grammar.masks.to(self.accelerator.device)

    # ---- the generation seam -------------------------------------------------------------------------------------

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        self._seeds = [int(row["seed"]) for row in inputs]
        return super()._generate_and_score_completions(inputs)

    def _generate(self, prompts: list[Any]) -> tuple[Any, ...]:
        """TRL's 8-tuple, from one episode per prompt."""
        started = time.perf_counter()
        episodes = self.rollout(self._seeds)
        self._metrics["train"]["rollout_s"].append(time.perf_counter() - started)
        self.observe(int(self.state.global_step), episodes)
        for name, value in batch_metrics(episodes).items():
            self._metrics["train"][name].append(value)
        rows = [flatten_episode(episode, self.grammar, self.thoughts) for episode in episodes]
        images = [[Image.fromarray(turn.frame) for turn in episode.turns] for episode in episodes]
        for episode in episodes:
            check_images(
                [turn.decision.context_ids for turn in episode.turns],
                self._feature_counts(episode),
                self.pilotage.chat.image_id,
                [f"learner: episode {episode.id}, turn {index}" for index in range(len(episode.turns))],
            )
        completions = [[{"role": "assistant", "content": _transcript(episode)}] for episode in episodes]
        extra = {"episode_return": [episode.episode_return for episode in episodes]}
        prompt_ids, completion_ids, masks, logprobs = (list(column) for column in zip(*rows, strict=True))
        self.state.num_input_tokens_seen += sum(len(ids) for ids in (*prompt_ids, *completion_ids))
        return prompt_ids, completion_ids, masks, completions, logprobs, extra, images, images

    def rollout(self, seeds: Sequence[int]) -> list[Episode]:
        """One episode per seed, in this order; equal seeds are rollouts of one group."""
        counts: dict[int, int] = {}
        jobs = []
        for seed in seeds:
            jobs.append(Job(seed, counts.get(seed, 0), {"split": "train"}))
            counts[seed] = counts.get(seed, 0) + 1
        self.model.eval()
        self.pilotage.new_weights()
        found: dict[tuple[int, int], Episode] = {}
        # Sampling differs between steps even where a seed comes again.
        step_seed = int(np.random.SeedSequence([self.sampling_seed, self.state.global_step]).generate_state(1)[0])
        for episode in self.pool.collect(jobs, self.pilotage, sampling_seed=step_seed):
            found[episode.job.seed, episode.job.rollout] = episode
        self.model.train()
        return [found[job.seed, job.rollout] for job in jobs]

    def _feature_counts(self, episode: Episode) -> list[int]:
        sizes = [turn.frame.shape[:2] for turn in episode.turns]
        return list(self.pilotage.processor._get_num_multimodal_tokens(image_sizes=sizes)["num_image_tokens"])

    # ---- the scoring seam ----------------------------------------------------------------------------------------

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        compute_aux_loss: bool = False,
        pixel_values: torch.Tensor | None = None,
        image_position_ids: torch.Tensor | None = None,
        num_images: Sequence[int] | None = None,
        **_: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Log-probabilities (B, completion) of the completion tokens among the legal ones; 0 where none was chosen."""
        if compute_aux_loss:
            raise NotImplementedError("models with a mixture of experts need their load-balancing loss in this seam")
        size = batch_size or input_ids.size(0)
        ends = np.cumsum([0, *(num_images or [0] * len(input_ids))])
        lengths = attention_mask[:, -logits_to_keep:].sum(dim=1).tolist()
        rows = [ids[seen.bool()].tolist() for ids, seen in zip(input_ids, attention_mask, strict=True)]
        prompts = [row[: len(row) - length] for row, length in zip(rows, lengths, strict=True)]
        completions = [row[len(row) - length :] for row, length in zip(rows, lengths, strict=True)]
        logps = torch.zeros((len(rows), logits_to_keep), device=input_ids.device)
        entropies = torch.zeros_like(logps)
        # Short episodes together: a long one would pad them all to its length.
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        for start in range(0, len(rows), min(size, BUCKET)):
            part = order[start : start + min(size, BUCKET)]
            images = [image for row in part for image in range(int(ends[row]), int(ends[row + 1]))]
            chosen_completions = [completions[row] for row in part]
            with self.accelerator.autocast():
                logits = completion_logits(
                    model,
                    [prompts[row] for row in part],
                    chosen_completions,
                    pixel_values[images].float() if pixel_values is not None else None,
                    image_position_ids[images] if image_position_ids is not None else None,
                    # Checkpointed layers are run twice: they may not write to a cache.
                    share_prefix=not self.args.gradient_checkpointing,
                )
            choices = find_choices(chosen_completions, self.grammar)
            chosen, entropy = choice_logprobs(
                logits, chosen_completions, choices, self._masks, self.pilotage.temperature
            )
            places = (
                torch.tensor([part[row] for row in choices.rows], device=logits.device),
                torch.tensor(choices.columns, device=logits.device),
            )
            logps = logps.index_put(places, chosen)
            entropies = entropies.index_put(places, entropy)
        self._scored = logps.detach()
        return logps, entropies if compute_entropy else None, None

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        started = time.perf_counter()
        loss = super()._compute_loss(model, inputs)
        sampled = inputs.get("sampling_per_token_logps")
        if (
            sampled is not None
            and self._scored is not None
            and self._step % (self.args.steps_per_generation * self.num_iterations) == 0
        ):
            # On the first update of a batch the weights are those that sampled it: both sides must agree.
            difference = ((self._scored - sampled) * inputs["tool_mask"] * inputs["completion_mask"]).abs().max()
            self._metrics["train"]["logprob_max_diff"].append(float(difference))
        self._metrics["train"]["forward_s"].append(time.perf_counter() - started)
        return loss


def batch_metrics(episodes: Sequence[Episode]) -> dict[str, float]:
    """Means over a batch of episodes, for the logs."""
    count = max(len(episodes), 1)
    return {
        "success": sum(episode.success for episode in episodes) / count,
        "collision": sum(episode.outcome == "collision" for episode in episodes) / count,
        "turns": sum(len(episode.turns) for episode in episodes) / count,
        "decision_ms": 1000.0
        * sum(turn.decision.seconds for episode in episodes for turn in episode.turns)
        / max(1, sum(len(episode.turns) for episode in episodes)),
    }


def _transcript(episode: Episode) -> str:
    return "".join(turn.decision.text for turn in episode.turns)
