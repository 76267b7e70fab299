"""`pilotage train`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from conf.commands.table import evaluation_table
from conf.validate import check_train

INTERRUPTED = 130


def run(config: DictConfig) -> int:
    """Train; prints the table and the paths of what was made."""
    check_train(config)
    from training.process import prepare_process, quiet_libraries

    prepare_process()
    quiet_libraries()
    from training.console import PhaseBars
    from training.run import TrainRun, train

    settings = HydraConfig.get()
    values: Any = OmegaConf.to_object(config)
    folder = Path(settings.runtime.output_dir).resolve()
    overrides = [item for item in settings.overrides.task if not item.startswith("resume=")]
    console = Console()
    with PhaseBars(console) as bars:
        result = train(
            TrainRun(
                name=values.name,
                seed=values.seed,
                folder=folder,
                resume=bool(values.resume),
                sim=values.sim,
                task=values.task,
                policy=values.policy,
                rollouts=values.rollouts,
                cluster=values.cluster,
                training=values.training,
                evaluation=values.evaluation,
                replay=values.replay,
                logging=values.logging,
                config_yaml=OmegaConf.to_yaml(config),
                highlights=highlights(config),
                reproduce=shlex.join(["pilotage", "train", *overrides]),
            ),
            bars,
        )
    if result.interrupted:
        return INTERRUPTED
    console.print(evaluation_table(result.summary))
    for name in ("report.html", "replay.mp4", "evaluation.json", "checkpoint", "metrics.csv", "tensorboard"):
        if (folder / name).exists():
            console.print(f"  {name:16} {folder / name}", highlight=False, soft_wrap=True)
    return 0


def highlights(config: DictConfig) -> dict[str, Any]:
    """Options that the report shows; config.yaml has all of them."""
    keys = (
        "seed", "task.name", "sim.backend", "sim.town", "policy.model", "policy.thought", "policy.temperature",
        "training.steps", "training.scenes_per_step", "training.group_size", "training.updates_per_batch",
        "training.learning_rate", "training.loss_type", "training.beta", "evaluation.episodes",
    )  # fmt: skip
    return {key: OmegaConf.select(config, key) for key in keys}
