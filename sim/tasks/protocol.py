"""What a language model sees of a task: tools, calls, and responses that carry a camera frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

Scalar = str | int | float | bool


@dataclass(frozen=True)
class ToolSpec:
    """A tool as a function schema.

    `parameters` is a JSON schema object: {"type": "object", "properties": {...}, "required": [...]}. A property has
    "type", "description", and, for string, "enum", for integer, "minimum"/"maximum"/"multipleOf", so that its legal
    values are finite.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class ToolCall:
    """A tool's name and its keyword arguments."""

    name: str
    arguments: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class ToolResponse:
    """What comes back from a tool: one sentence and the newest camera frame, RGB uint8 (height, width, 3)."""

    text: str
    frame: np.ndarray


@dataclass(frozen=True)
class StepResult:
    """A tool call's response and its consequences; `info` is described at `ToolEnv`."""

    response: ToolResponse
    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]


class InvalidToolCall(ValueError):
    """The call names no tool or breaks its schema; the message names the argument and its legal values."""


class ToolEnv(Protocol):
    """The `tools` face of a task.

    `info` (plain JSON-able data) always holds:
      outcome        None while the episode runs, then "success" or the reason of failure: "collision",
                     "road_departure", "needless_stop", "timeout", ...
      success        bool
      time_s         simulated seconds since reset
      ego            {"x", "y", "z", "yaw", "speed_kmh"} in the map frame
      events         list of {"type", "time_s", ...} since reset (collision, lane_invasion, ...)
      reward_terms   {term: value} accumulated since reset; their sum is the episode's return so far
      privileged     ground truth that no policy but the expert and the perception warm start may read:
                     {"ahead": "clear" | "person" | "vehicle", "distance_m": float | None,
                      "left": "free" | "blocked" | "absent", "right": likewise,
                      "best": [ToolCall as {"name", "arguments"}]}
                     relative to the lane that the ego is in now
    """

    tools: tuple[ToolSpec, ...]
    system_prompt: str

    def reset(self, *, seed: int, options: Mapping[str, Any] | None = None) -> tuple[ToolResponse, dict[str, Any]]:
        """Start the episode that `seed` draws; returns the first frame with a sentence, and `info`."""

    def call(self, call: ToolCall) -> StepResult:
        """Run one tool to its end in simulated time. Raises InvalidToolCall without advancing the world."""

    def close(self) -> None:
        """Give back the session and its server."""
