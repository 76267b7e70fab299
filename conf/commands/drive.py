"""`pilotage drive`."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from conf.validate import check_common


def run(config: DictConfig) -> int:
    """Drive one episode and print it call by call; returns 0 whatever its outcome."""
    check_common(config)
    from training.process import prepare_process, quiet_libraries

    prepare_process()
    quiet_libraries()
    from policy.factory import make_policy
    from rollouts.config import ClusterConfig, RolloutConfig
    from rollouts.episode import Job
    from rollouts.evaluation import call_text
    from rollouts.pool import RolloutPool

    values: Any = OmegaConf.to_object(config)
    driver = make_policy(values.policy)
    with RolloutPool(RolloutConfig(workers=1, ray=False), ClusterConfig(), values.task, values.sim) as pool:
        episode = next(iter(pool.collect([Job(values.seed, 0, {"split": values.task.split})], driver)))
    table = Table(
        "time", "reads", "thinks", "calls", "reward", title=f"{values.task.name}, seed {values.seed}", box=None
    )
    clock = 0.0
    for turn in episode.turns:
        thought = turn.decision.text.partition("<channel|>")[0].removeprefix("<|channel>thought").strip()
        table.add_row(f"{clock:.1f} s", turn.text, thought, call_text(turn.decision.call), f"{turn.reward:+.2f}")
        clock = float(turn.info["time_s"])
    console = Console()
    console.print(table)
    console.print(f"{episode.outcome} after {clock:.1f} s, return {episode.episode_return:+.2f}", highlight=False)
    return 0
