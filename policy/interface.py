"""The contract between whoever drives and whoever collects episodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sim.tasks.protocol import ToolCall, ToolSpec


@dataclass(frozen=True)
class Turn:
    """What the world said since the policy's last decision in this episode.

    index       0 for the first turn of the episode, then one more each turn
    text        the sentence of the reset (turn 0) or of the tool response
    frame       RGB uint8 (height, width, 3)
    system      system prompt, tools: given on turn 0 (later turns may leave them empty)
    privileged  the task's ground truth; None unless the policy asks for it (`Policy.wants_privileged`)
    seed        the sampling seed of this decision: same weights, same history, same seed, same decision
    """

    episode_id: str
    index: int
    text: str
    frame: np.ndarray
    system: str = ""
    tools: tuple[ToolSpec, ...] = ()
    privileged: dict | None = None
    seed: int = 0


@dataclass(frozen=True)
class Decision:
    """A policy's answer to one Turn.

    call         the tool call, or None where the text could not be parsed; then `error` says why
    text         the generated text, special tokens included ("" for policies without tokens)
    context_ids  token ids appended to the conversation before generation: the whole prompt on turn 0, afterwards the
                 tool response with its image placeholders
    token_ids    generated ids, forced (only legal choice) ones included
    logprobs     float32 (len(token_ids),): log-probability of each under the sampling distribution; 0.0 where forced
    """

    episode_id: str
    index: int
    call: ToolCall | None
    error: str | None = None
    text: str = ""
    context_ids: tuple[int, ...] = ()
    token_ids: tuple[int, ...] = ()
    logprobs: np.ndarray | None = None
    seconds: float = 0.0
    policy_version: int = 0


class Policy(Protocol):
    """Batched and stateful per episode id."""

    name: str
    wants_privileged: bool

    def decide(self, turns: Sequence[Turn]) -> list[Decision]:
        """One decision per turn, in order. Turns of one call belong to different episodes."""

    def forget(self, episode_ids: Sequence[str]) -> None:
        """Drop the state (KV cache) of ended or abandoned episodes; unknown ids are ignored."""
