"""The task as a Gymnasium environment: `gymnasium.make("pilotage/EmergencyManeuver-v0")` after `import sim.tasks`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np

from sim.client import SessionConfig
from sim.tasks.config import TaskConfig
from sim.tasks.emergency import EmergencyManeuver
from sim.tasks.errors import InvalidTask
from sim.tasks.protocol import InvalidToolCall, ToolCall, ToolResponse
from sim.tasks.tools import all_calls

ID = "pilotage/EmergencyManeuver-v0"
MAX_SPEED_KMH = 200.0


class EmergencyManeuverEnv(gymnasium.Env[Any, Any]):
    """One step is one manoeuvre; it lasts 0.5 to 6 simulated seconds.

    Observation: {"image": RGB uint8 (height, width, 3) of the front camera, "speed": float32 (1,) in km/h}.
    Action, `face="maneuver"`: Discrete, an index into `calls` (observe, lane_change left/right, brake light/firm/full,
    emergency_stop, maintain_speed 30/40/50/60).
    `face="tools"` is the same task for language models and no Gymnasium action space: take `sim.tasks.make_tool_env`,
    or `env.unwrapped.tool_env`, whose `call` takes a ToolCall and returns image and text.
    Reward, `info` and the ends of episodes are described at `sim.tasks.protocol.ToolEnv`. `reset(seed=n)` starts
    episode n of the split; a reset without a seed draws the next one from the generator that the last seed set.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 2}  # noqa: RUF012 - declared so by Env

    def __init__(
        self,
        task: TaskConfig | None = None,
        session: SessionConfig | None = None,
        face: str = "maneuver",
        render_mode: str | None = None,
    ) -> None:
        if face != "maneuver":
            hint = "; for tool calls use sim.tasks.make_tool_env" if face == "tools" else ""
            raise InvalidTask(f'face={face!r}: this environment has the face "maneuver"{hint}')
        if render_mode not in (None, "rgb_array"):
            raise InvalidTask(f'render_mode={render_mode!r}: choose "rgb_array" or None')
        self.render_mode = render_mode
        self.tool_env = EmergencyManeuver(task or TaskConfig(), session or SessionConfig())
        self.calls: tuple[ToolCall, ...] = all_calls(self.tool_env.tools)
        camera = self.tool_env.config.camera
        self.action_space = gymnasium.spaces.Discrete(len(self.calls))
        self.observation_space: gymnasium.Space[Any] = gymnasium.spaces.Dict(
            {
                "image": gymnasium.spaces.Box(0, 255, (camera.height, camera.width, 3), np.uint8),
                "speed": gymnasium.spaces.Box(0.0, MAX_SPEED_KMH, (1,), np.float32),
            }
        )
        self._frame: np.ndarray | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Start an episode; `options` may set "split"."""
        super().reset(seed=seed)
        episode = seed if seed is not None else int(self.np_random.integers(2**31))
        response, info = self.tool_env.reset(seed=episode, options=options)
        return self._observe(response, info), info

    def step(self, action: np.int64) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Run the manoeuvre `calls[action]` to its end."""
        if not self.action_space.contains(action):
            raise InvalidToolCall(f"action {action!r}: choose an integer from 0 to {len(self.calls) - 1}")
        result = self.tool_env.call(self.calls[int(action)])
        observation = self._observe(result.response, result.info)
        return observation, result.reward, result.terminated, result.truncated, result.info

    def render(self) -> np.ndarray | None:  # type: ignore[override]
        """The newest camera frame, RGB uint8; None without `render_mode="rgb_array"`."""
        return self._frame if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Give back the session and its server."""
        self.tool_env.close()

    def _observe(self, response: ToolResponse, info: Mapping[str, Any]) -> dict[str, np.ndarray]:
        self._frame = response.frame
        speed = min(MAX_SPEED_KMH, float(info["ego"]["speed_kmh"]))
        return {"image": response.frame, "speed": np.array([speed], np.float32)}


def register() -> None:
    """Make the id known to Gymnasium; safe to call twice."""
    if ID not in gymnasium.registry:
        gymnasium.register(ID, entry_point="sim.tasks.gym_face:EmergencyManeuverEnv")
