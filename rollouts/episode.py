"""The one record of what happened in an episode; imitation, GRPO, evaluation, replay and export all read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from policy.interface import Decision


@dataclass(frozen=True)
class EpisodeTurn:
    """One observation, the decision that answered it, and what the decision led to.

    text     what the policy read (reset sentence or tool response)
    frame    what it saw, RGB uint8 (height, width, 3)
    decision the policy's answer
    reward   of the step that the decision led to
    info     the task's `info` after that step (see sim.tasks.protocol.ToolEnv)
    """

    text: str
    frame: np.ndarray
    decision: Decision
    reward: float
    info: dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One episode to collect.

    seed     of the task's draw (scenario, weather, traffic)
    rollout  distinguishes repeats of one seed; sampling seeds derive from (seed, rollout, turn, attempt)
    options  passed to the task's reset (for example {"split": "test"})
    """

    seed: int
    rollout: int = 0
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Episode:
    """A finished episode.

    info0       the task's `info` at reset, before any decision
    outcome     "success", or the task's reason of failure
    episode_return  sum of rewards (dimensionless)
    final_frame the frame after the last decision, which no policy has looked at
    attempts    1 + the times that it was rescheduled after a worker died
    provenance  task and session config, seeds, software versions, policy name and version, worker
    """

    id: str
    job: Job
    turns: tuple[EpisodeTurn, ...]
    info0: dict[str, Any]
    outcome: str
    success: bool
    episode_return: float
    final_frame: np.ndarray
    seconds: float
    attempts: int = 1
    provenance: dict[str, Any] = field(default_factory=dict)
