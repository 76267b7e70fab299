"""Combinations that cannot run, refused before anything starts; each message names the key and the fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conf.errors import ConfigError
from sim.client.config import SessionConfig
from sim.errors import PilotageError
from sim.maps.generator import split_of
from sim.tasks.towns import check_split, episode_town


def check_common(config: Any) -> None:
    """What holds for every command that drives."""
    if "task" in config:
        _check_town(config, config.task.split)
    if "rollouts" in config and config.sim.backend == "carla" and config.rollouts.workers == 0:
        # One running server serves one worker, unless the user says that there are more.
        config.rollouts.workers = 1
    if config.sim.backend not in ("embedded", "carla"):
        raise ConfigError(f'sim.backend={config.sim.backend}: choose "embedded" or "carla" (sim=embedded, sim=carla)')
    if "policy" in config and config.policy.driver == "constant" and not config.policy.call:
        raise ConfigError("policy.call is empty: name the call, e.g. policy.call='brake(intensity=full)'")
    if "evaluation" in config and config.evaluation.episodes < 1:
        raise ConfigError(f"evaluation.episodes={config.evaluation.episodes}: give at least 1")


def check_evaluate(config: Any) -> None:
    """What `pilotage evaluate` needs: no town of the training split, unless the user asks for it."""
    config.task.split = config.evaluation.split
    config.task.train_towns = config.task.train_towns or config.evaluation.train_towns
    if split_of(config.sim.town) == "train" and not config.evaluation.train_towns:
        raise ConfigError(
            f"sim.town={config.sim.town}: a town of the training split shows no generalisation; choose a validation "
            "or test town, or set evaluation.train_towns=true"
        )
    check_common(config)
    _check_evaluation(config)


def check_train(config: Any) -> None:
    """What a training run needs."""
    # The evaluation at its end drives where the run has driven, on roads and in weathers that were held out.
    config.task.train_towns = config.task.train_towns or split_of(config.sim.town) == "train"
    if split_of(config.sim.town) in ("validation", "test"):
        raise ConfigError(
            f"sim.town={config.sim.town}: {split_of(config.sim.town)} towns are never trained on; choose a town of "
            f"the training split, e.g. sim.town={config.sim.town.replace(split_of(config.sim.town), 'train')}"
        )
    check_common(config)
    _check_town(config, "train")
    _check_evaluation(config)
    policy, training = config.policy, config.training
    if policy.driver != "gemma":
        raise ConfigError(
            f"policy.driver={policy.driver}: only a model can be trained; use policy=nano, gemma4_e2b or checkpoint"
        )
    if policy.temperature <= 0.0:
        raise ConfigError(
            f"policy.temperature={policy.temperature}: RL learns from different samples; give a temperature above 0"
        )
    if policy.lora.rank > 0 and policy.train_vision:
        raise ConfigError(
            "policy.train_vision=true with policy.lora.rank > 0: adapters cover the language layers only; "
            "set one of the two to false or 0"
        )
    warm = training.warm_start
    if warm.enabled and policy.thought != "scene":
        raise ConfigError(
            f"policy.thought={policy.thought} with training.warm_start.enabled=true: the warm start teaches scene "
            "descriptions; set policy.thought=scene or training.warm_start.enabled=false"
        )
    if warm.enabled and policy.lora.rank > 0:
        raise ConfigError(
            "training.warm_start.enabled=true with policy.lora.rank > 0: the warm start trains all weights; "
            "set training.warm_start.enabled=false or policy.lora.rank=0"
        )
    if training.group_size < 2:
        raise ConfigError(f"training.group_size={training.group_size}: a group needs at least 2 rollouts")
    update = training.scenes_per_step * training.group_size
    if training.updates_per_batch < 1 or update % training.updates_per_batch:
        raise ConfigError(
            f"training.updates_per_batch={training.updates_per_batch}: it must divide "
            f"training.scenes_per_step * training.group_size={update}"
        )
    if not 0.0 <= training.decay_share <= 1.0:
        raise ConfigError(f"training.decay_share={training.decay_share}: it must be from 0 to 1")
    if training.microbatch and (update // training.updates_per_batch) % training.microbatch:
        raise ConfigError(
            f"training.microbatch={training.microbatch}: it must divide the "
            f"{update // training.updates_per_batch} episodes of one update"
        )
    if config.replay.enabled and config.replay.seeds > config.evaluation.episodes:
        raise ConfigError(
            f"replay.seeds={config.replay.seeds} exceeds evaluation.episodes={config.evaluation.episodes}: the film "
            "shows evaluated episodes"
        )


def _check_evaluation(config: Any) -> None:
    try:
        check_split(config.evaluation.split)
    except PilotageError:
        raise ConfigError(f'evaluation.split={config.evaluation.split}: choose "test" or "validation"') from None
    if config.evaluation.split == "train":
        raise ConfigError('evaluation.split=train: scenes of training show no generalisation; choose "test"')
    _check_town(config, config.evaluation.split)


def _check_town(config: Any, split: str) -> None:
    """Refuse what the task would refuse at its first reset."""
    try:
        episode_town(SessionConfig(**config.sim), split, 0, config.task.train_towns)
    except PilotageError as error:
        raise ConfigError(str(error)) from None


def run_folder(text: str) -> Path:
    """The folder of a run. Raises ConfigError where there is none."""
    folder = Path(text).expanduser().resolve()
    if not (folder / "config.yaml").is_file():
        raise ConfigError(
            f"run={text}: no run there (config.yaml is missing); give the folder of a run, e.g. runs/latest"
        )
    return folder
