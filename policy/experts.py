"""Drivers without a network: the privileged expert, random tool calls, and one call for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from policy.interface import Decision, Turn
from sim.tasks.protocol import ToolCall, ToolSpec
from sim.tasks.tools import legal_values


class ExpertPolicy:
    """Reads the ground truth and takes the call that solves it best: the task's upper bound."""

    name = "expert"
    wants_privileged = True

    def decide(self, turns: Sequence[Turn]) -> list[Decision]:
        """The first of `privileged["best"]`. Raises ValueError for a turn without ground truth."""
        return [_decide(turn, self._choose) for turn in turns]

    def forget(self, episode_ids: Sequence[str]) -> None:
        """Nothing is kept."""

    def _choose(self, turn: Turn) -> ToolCall:
        if turn.privileged is None:
            raise ValueError(f"episode {turn.episode_id}: the expert needs the task's ground truth in Turn.privileged")
        best = turn.privileged["best"][0]
        return ToolCall(best["name"], dict(best["arguments"]))


class RandomPolicy:
    """A tool drawn uniformly, then each of its arguments drawn uniformly; the same turn seed draws the same."""

    name = "random"
    wants_privileged = False

    def __init__(self) -> None:
        self._tools: dict[str, tuple[ToolSpec, ...]] = {}

    def decide(self, turns: Sequence[Turn]) -> list[Decision]:
        """One random legal call per turn. Raises ValueError for an episode whose first turn had no tools."""
        return [_decide(turn, self._choose) for turn in turns]

    def forget(self, episode_ids: Sequence[str]) -> None:
        """Drop the tool lists of ended episodes."""
        for episode_id in episode_ids:
            self._tools.pop(episode_id, None)

    def _choose(self, turn: Turn) -> ToolCall:
        if turn.tools:
            self._tools[turn.episode_id] = turn.tools
        if turn.episode_id not in self._tools:
            raise ValueError(f"episode {turn.episode_id}: its first turn named no tools")
        tools = self._tools[turn.episode_id]
        rng = np.random.default_rng([abs(turn.seed), turn.index])
        tool = tools[int(rng.integers(len(tools)))]
        arguments = {}
        for name, schema in tool.parameters["properties"].items():
            values = legal_values(schema)
            arguments[name] = values[int(rng.integers(len(values)))]
        return ToolCall(tool.name, arguments)


class ConstantPolicy:
    """The same call on every turn: what a policy is worth that looks at nothing."""

    wants_privileged = False

    def __init__(self, call: ToolCall) -> None:
        self.call = call
        arguments = ",".join(f"{name}={value}" for name, value in call.arguments.items())
        self.name = f"constant:{call.name}({arguments})"

    def decide(self, turns: Sequence[Turn]) -> list[Decision]:
        """`call`, for each turn."""
        return [_decide(turn, lambda _: self.call) for turn in turns]

    def forget(self, episode_ids: Sequence[str]) -> None:
        """Nothing is kept."""


def _decide(turn: Turn, choose: Callable[[Turn], ToolCall]) -> Decision:
    started = time.perf_counter()
    call = choose(turn)
    return Decision(turn.episode_id, turn.index, call, seconds=time.perf_counter() - started)
