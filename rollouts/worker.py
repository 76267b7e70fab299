"""One environment and the world it drives in: the code that runs in every worker. It never imports torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from sim.client import SessionConfig
from sim.tasks import TaskConfig, make_tool_env
from sim.tasks.perception import perception_frames
from sim.tasks.protocol import StepResult, ToolCall, ToolSpec

JPEG_QUALITY = 95


@dataclass(frozen=True)
class Beginning:
    """The first observation of an episode, and what its task tells a policy once."""

    text: str
    frame: np.ndarray
    info: dict[str, Any]
    system: str
    tools: tuple[ToolSpec, ...]


class EnvWorker:
    """A `ToolEnv` by remote control. Its world is opened by the first episode, and anew after it has died."""

    def __init__(self, task: TaskConfig, session: SessionConfig) -> None:
        self._env = make_tool_env(task, session)

    def begin(self, seed: int, options: dict[str, Any]) -> Beginning:
        """Start the episode that `seed` draws."""
        response, info = self._env.reset(seed=seed, options=options)
        return Beginning(response.text, response.frame, info, self._env.system_prompt, self._env.tools)

    def act(self, call: ToolCall) -> StepResult:
        """Run one tool to its end."""
        return self._env.call(call)

    def labelled_views(
        self, seed: int, count: int, split: str
    ) -> tuple[int, list[tuple[bytes, dict[str, Any], float]]]:
        """`seed`, and frames (JPEG) of its scene with their ground truth and a speed (see `perception_frames`)."""
        rng = np.random.default_rng([seed, 7])
        views = []
        for frame, truth, speed in perception_frames(self._env, seed, count, rng, split):  # type: ignore[arg-type]
            jpeg = cv2.imencode(".jpg", frame[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
            views.append((jpeg.tobytes(), truth, speed))
        return seed, views

    def processes(self) -> tuple[int, int | None]:
        """Process ids of this worker and of its embedded server (None before the first episode, or if remote)."""
        session = getattr(self._env, "_session", None)
        return os.getpid(), session.server_pid if session is not None else None

    def close(self) -> None:
        """Give back the world."""
        self._env.close()
