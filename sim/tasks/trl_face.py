"""The task as TRL's `environment_factory` wants it: an object whose public methods are the tools."""

from __future__ import annotations

from typing import Any, Literal

from PIL import Image

from sim.client import SessionConfig
from sim.tasks.config import TaskConfig
from sim.tasks.errors import InvalidTask
from sim.tasks.protocol import InvalidToolCall, ToolCall, ToolEnv, ToolResponse

Content = list[dict[str, Any]]


class EmergencyManeuverTools:
    """`GRPOTrainer(environment_factory=...)` of TRL 1.16: every public method but `reset` and `get_reward` is a tool.

    A dataset row's "seed" (and "split") choose the episode. Tools return content blocks, an image and a sentence;
    after the end of the episode they say so and change nothing, since TRL's loop cannot be told to stop.
    """

    def __init__(self, task: TaskConfig | None = None, session: SessionConfig | None = None) -> None:
        from sim.tasks import make_tool_env

        self._env: ToolEnv = make_tool_env(task or TaskConfig(), session or SessionConfig())
        self._return = 0.0
        self._ended: str | None = None
        self._last: ToolResponse | None = None

    def reset(self, **kwargs: Any) -> Content:
        """Start the episode of the dataset row's "seed"; other columns than "seed" and "split" are ignored."""
        if kwargs.get("seed") is None:
            raise InvalidTask('the dataset needs a column "seed" of integers: each row is one episode of the task')
        options = {"split": kwargs["split"]} if kwargs.get("split") else None
        self._last, _ = self._env.reset(seed=int(kwargs["seed"]), options=options)
        self._return, self._ended = 0.0, None
        return _content(self._last)

    def get_reward(self) -> float:
        """Sum of the episode's rewards."""
        return self._return

    def observe(self) -> Content:
        """Keep speed and lane for half a second.

        Returns:
            The front camera's frame and the speed.
        """
        return self._call("observe")

    def lane_change(self, direction: Literal["left", "right"]) -> Content:
        """Swerve into the next lane at once.

        Args:
            direction: Side.

        Returns:
            The front camera's frame and the speed.
        """
        return self._call("lane_change", direction=direction)

    def brake(self, intensity: Literal["light", "firm", "full"]) -> Content:
        """Brake for one second.

        Args:
            intensity: Strength.

        Returns:
            The front camera's frame and the speed.
        """
        return self._call("brake", intensity=intensity)

    def emergency_stop(self) -> Content:
        """Brake fully until standstill.

        Returns:
            The front camera's frame and the speed.
        """
        return self._call("emergency_stop")

    def maintain_speed(self, kmh: Literal[30, 40, 50, 60]) -> Content:
        """Drive at a speed for one second.

        Args:
            kmh: Speed.

        Returns:
            The front camera's frame and the speed.
        """
        return self._call("maintain_speed", kmh=kmh)

    def _call(self, name: str, **arguments: Any) -> Content:
        if self._last is None:
            raise InvalidTask("no episode runs; call reset first")
        if self._ended is not None:
            return _content(ToolResponse(f"The drive is over: {self._ended}.", self._last.frame))
        try:
            result = self._env.call(ToolCall(name, arguments))
        except InvalidToolCall as error:
            # What the model got wrong is the model's to read; the world has not moved.
            return _content(ToolResponse(f"Error: {error}", self._last.frame))
        self._last = result.response
        self._return += result.reward
        if result.terminated or result.truncated:
            self._ended = str(result.info["outcome"])
        return _content(result.response)

    def _close(self) -> None:
        self._env.close()


def _content(response: ToolResponse) -> Content:
    return [
        {"type": "image", "image": Image.fromarray(response.frame)},
        {"type": "text", "text": response.text},
    ]
