"""`pilotage replay`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from conf.errors import ConfigError
from conf.validate import check_common, run_folder


def run(config: DictConfig) -> int:
    """Film the episodes that a run has kept in episodes/before and episodes/after, side by side."""
    check_common(config)
    from rollouts.replay import render_replay, replay_still, resimulate_all
    from rollouts.storage import list_episodes, load_episode

    values: Any = OmegaConf.to_object(config)
    folder = run_folder(values.run)
    # The run's own task and world: its episodes mean nothing in another one.
    saved: Any = OmegaConf.load(folder / "config.yaml")
    task: Any = OmegaConf.to_object(OmegaConf.merge(config.task, saved.task))
    kept = ("town", "seed", "towns_per_split")
    sim = OmegaConf.to_object(OmegaConf.merge(config.sim, {key: saved.sim[key] for key in kept if key in saved.sim}))
    filmed: Any = replace(task, record=replace(task.record, enabled=True, every_ticks=1))
    columns = []
    for kind, title in (("before", "before RL"), ("after", "after RL")):
        paths = list_episodes(folder / "episodes" / kind)
        episodes = sorted((load_episode(path) for path in paths), key=lambda episode: episode.job.seed)
        if episodes:
            columns.append((title, resimulate_all(filmed, sim, episodes[: values.replay.seeds])))  # type: ignore[arg-type]
    if not columns:
        raise ConfigError(f"run={values.run}: it has kept no episodes; train with replay.enabled=true")
    output = Path(values.output).expanduser() if values.output else folder / "replay.mp4"
    frames = render_replay(output, columns, speed=values.replay.speed)
    if values.still:
        replay_still(values.still, columns)
    Console().print(f"  {output}  ({frames} frames)", highlight=False, soft_wrap=True)
    return 0
