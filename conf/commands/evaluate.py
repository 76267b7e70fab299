"""`pilotage evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from conf.commands.table import evaluation_table
from conf.validate import check_evaluate


def run(config: DictConfig) -> int:
    """Evaluate one driver on held-out seeds; prints the table and writes evaluation.json."""
    check_evaluate(config)
    from training.process import prepare_process, quiet_libraries

    prepare_process()
    quiet_libraries()
    from policy.factory import make_policy
    from rollouts.evaluation import summarise, write_evaluation
    from rollouts.executors import worker_count
    from rollouts.pool import RolloutPool
    from rollouts.serving import ServedPolicy
    from training.console import PhaseBars
    from training.run import evaluate, held_out_seeds

    values: Any = OmegaConf.to_object(config)
    folder = Path(HydraConfig.get().runtime.output_dir).resolve()
    console = Console()
    driver: Any
    if values.rollouts.policy_actor:
        driver = ServedPolicy(values.policy, values.cluster, worker_count(values.rollouts))
    else:
        driver = make_policy(values.policy)
    name = values.policy.model if values.policy.driver == "gemma" else driver.name
    with PhaseBars(console) as bars, RolloutPool(values.rollouts, values.cluster, values.task, values.sim) as pool:
        episodes = evaluate(driver, pool, values.evaluation, driver.name, bars)
    summary = summarise(f"pilotage/{values.task.name}-v0", held_out_seeds(values.evaluation), {str(name): episodes})
    write_evaluation(summary, folder / "evaluation.json")
    console.print(evaluation_table(summary))
    console.print(f"  {folder / 'evaluation.json'}", highlight=False, soft_wrap=True)
    return 0
