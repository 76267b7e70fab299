"""What a batch of episodes says about each policy, with intervals, as plain data, terminal rows and a file."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rollouts.episode import Episode
from rollouts.statistics import iqm, mcnemar, paired_bootstrap_difference, stratified_bootstrap, wilson
from rollouts.storage import write_atomic
from sim.errors import PilotageError
from sim.tasks.protocol import ToolCall

POLICIES = ("random", "before", "after", "expert")
DIFFERENCES = (("before", "after"),)
TABLE_COLUMNS = ("policy", "success", "95%", "crashes", "return", "95%", "calls/s")
UNREADABLE = "unreadable"


class EvaluationError(PilotageError, ValueError):
    """Episodes that cannot be summed up; the message names the policy and the fix."""


def summarise(task: str, seeds: Sequence[int], episodes: Mapping[str, Sequence[Episode]]) -> dict[str, Any]:
    """The evaluation as plain JSON data.

    `episodes` maps "random", "before", "after", "expert" (any of them, or other names) to what was collected on
    `seeds`. Rates are shares of the episodes that ended, 0 to 1, with Wilson's 95 % interval; returns are
    dimensionless, the interval is that of the IQM, bootstrapped within kinds of scene; `decisions_per_s` counts
    deciding only, not simulating, and is 0 where no time was measured. "differences" has "after-before" (percentage
    points; only seeds that both ended; a paired bootstrap and McNemar's exact p) where both are given. Raises
    EvaluationError for a policy without episodes, or on the same seed twice where pairs are needed.
    """
    names = [name for name in POLICIES if name in episodes] + [name for name in episodes if name not in POLICIES]
    differences = {
        f"{after}-{before}": _difference(before, episodes[before], after, episodes[after])
        for before, after in DIFFERENCES
        if before in episodes and after in episodes
    }
    return {
        "task": task,
        "seeds": [int(seed) for seed in seeds],
        "policies": {name: _policy(name, episodes[name]) for name in names},
        "differences": differences,
    }


def call_text(call: ToolCall | None) -> str:
    """A call as people write it, "lane_change(direction=left)"; "unreadable" where the policy's text held none."""
    if call is None:
        return UNREADABLE
    return f"{call.name}({', '.join(f'{name}={value}' for name, value in call.arguments.items())})"


def scene_kind(episode: Episode) -> str:
    """The kind of scene that the seed drew; "unknown" for tasks that name none."""
    return str(episode.info0.get("scenario", {}).get("kind", "unknown"))


def collided(episode: Episode) -> bool:
    """Whether the ego hit anything."""
    events = episode.turns[-1].info.get("events", []) if episode.turns else []
    return episode.outcome == "collision" or any(event["type"] == "collision" for event in events)


def table_rows(summary: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One row of text per policy, under TABLE_COLUMNS (80 characters hold them); the return is the IQM."""
    rows: list[tuple[str, ...]] = []
    for name, entry in summary["policies"].items():
        success, collisions, returns = entry["success"], entry["collisions"], entry["return"]
        rows.append(
            (
                name,
                f"{100 * success['rate']:.0f}% {success['k']}/{success['n']}",
                f"{100 * success['low']:.0f}–{100 * success['high']:.0f}",
                f"{100 * collisions['rate']:.0f}%",
                f"{returns['iqm']:+.2f}",
                f"{returns['low']:+.2f}…{returns['high']:+.2f}",
                _speed(entry["decisions_per_s"]),
            )
        )
    return rows


def write_evaluation(summary: Mapping[str, Any], path: str | Path) -> None:
    """Write the summary as strict JSON. Raises StorageError."""
    write_atomic(path, json.dumps(summary, indent=2, allow_nan=False) + "\n")


def _speed(per_second: float) -> str:
    if per_second == 0.0:
        return "–"
    return f"{per_second:,.0f}" if per_second >= 100.0 else f"{per_second:.3g}"


def _policy(name: str, episodes: Sequence[Episode]) -> dict[str, Any]:
    if not episodes:
        raise EvaluationError(f"policy {name!r} ended no episode; see the failures of the workers, or leave it out")
    kinds = sorted({scene_kind(episode) for episode in episodes})
    by_kind = {kind: [episode for episode in episodes if scene_kind(episode) == kind] for kind in kinds}
    returns = np.array([episode.episode_return for episode in episodes])
    interval = stratified_bootstrap([[episode.episode_return for episode in part] for part in by_kind.values()])
    decisions = [turn.decision for episode in episodes for turn in episode.turns]
    seconds = math.fsum(decision.seconds for decision in decisions)
    return {
        "episodes": len(episodes),
        "success": _share([episode.success for episode in episodes]),
        "outcomes": _counts(episode.outcome for episode in episodes),
        "collisions": _share([collided(episode) for episode in episodes]),
        "return": {
            "mean": float(returns.mean()),
            "iqm": float(iqm(returns)),
            "low": interval.low,
            "high": interval.high,
        },
        "decisions": len(decisions),
        "decisions_per_s": len(decisions) / seconds if seconds > 0.0 else 0.0,
        "calls": _counts(call_text(decision.call) for decision in decisions),
        "by_kind": {
            kind: {"k": sum(episode.success for episode in part), "n": len(part)} for kind, part in by_kind.items()
        },
    }


def _share(flags: Sequence[bool]) -> dict[str, float]:
    k, n = sum(bool(flag) for flag in flags), len(flags)
    interval = wilson(k, n)
    return {"k": k, "n": n, "rate": k / n, "low": interval.low, "high": interval.high}


def _counts(names: Any) -> dict[str, int]:
    """Most frequent first, ties by name."""
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _difference(
    before: str, episodes_before: Sequence[Episode], after: str, episodes_after: Sequence[Episode]
) -> dict[str, float]:
    one, two = _by_seed(before, episodes_before), _by_seed(after, episodes_after)
    both = sorted(set(one) & set(two))
    if not both:
        raise EvaluationError(f"{before!r} and {after!r} share no seed; evaluate them on the same seeds")
    first = [float(one[key].success) for key in both]
    second = [float(two[key].success) for key in both]
    interval = paired_bootstrap_difference(first, second)
    return {
        "success_points": 100.0 * (float(np.mean(second)) - float(np.mean(first))),
        "low": 100.0 * interval.low,
        "high": 100.0 * interval.high,
        "mcnemar_p": mcnemar(
            sum(a > b for a, b in zip(first, second, strict=True)),
            sum(b > a for a, b in zip(first, second, strict=True)),
        ),
    }


def _by_seed(name: str, episodes: Sequence[Episode]) -> dict[tuple[int, int], Episode]:
    found: dict[tuple[int, int], Episode] = {}
    for episode in episodes:
        key = (episode.job.seed, episode.job.rollout)
        if key in found:
            raise EvaluationError(f"policy {name!r} has seed {key[0]} (rollout {key[1]}) twice; pairs need it once")
        found[key] = episode
    return found
