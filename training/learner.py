"""Building and running the trainer: TRL's config from ours, resumable checkpoints, a Ctrl-C that loses nothing."""

from __future__ import annotations

import contextlib
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from datasets import Dataset
from safetensors import SafetensorError
from transformers import PrinterCallback, TrainerCallback
from trl import GRPOConfig

from policy.checkpoint import lora_config
from policy.gemma import GemmaPolicy
from rollouts.episode import Episode
from rollouts.pool import RolloutPool
from rollouts.storage import save_episode
from sim.tasks.tools import TOOLS
from training.config import LoggingConfig, TrainingConfig
from training.console import PhaseBars
from training.errors import InvalidTraining, TrainingError
from training.folder import MetricsFile
from training.grpo import EpisodeGRPOTrainer

TRAIN_SEED_RANGE = 1_000_000


@dataclass(frozen=True)
class LearnerResult:
    """Steps done, and whether a Ctrl-C ended it early."""

    steps: int
    interrupted: bool


def learn(
    config: TrainingConfig,
    logging: LoggingConfig,
    policy: GemmaPolicy,
    pool: RolloutPool,
    folder: Path,
    seed: int,
    resume: bool,
    bars: PhaseBars,
) -> LearnerResult:
    """Online RL: collect a batch of episodes, take the optimiser step(s), again. Resumes from the last checkpoint."""
    checkpoint = last_checkpoint(folder / "trainer") if resume else None
    step = int(checkpoint.name.rsplit("-", 1)[1]) if checkpoint else 0
    callback = _Watch(MetricsFile(folder / "metrics.csv", step), bars, config)
    trainer = _Trainer(
        policy=policy,
        pool=pool,
        tools=TOOLS,
        sampling_seed=seed,
        thoughts=config.train_thoughts,
        observe=_keeper(folder / "episodes" / "train", logging.keep_episodes),
        args=grpo_config(config, folder, seed),
        train_dataset=seed_dataset(config, seed),
        peft_config=lora_config(policy.config) if not hasattr(policy.model, "peft_config") else None,
        callbacks=[callback, *_tensorboard(logging, folder)],
    )
    callback.trainer = trainer
    # metrics.csv and the bar say what TRL's printer would.
    trainer.remove_callback(PrinterCallback)
    bars("learn to drive", step, config.steps, "")
    with _graceful_interrupt(callback, bars):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    done = int(trainer.state.global_step)
    if callback.stop and done < config.steps:
        return LearnerResult(done, True)
    policy.model.eval()
    policy.new_weights()
    return LearnerResult(done, False)


def grpo_config(config: TrainingConfig, folder: Path, seed: int) -> GRPOConfig:
    """TRL's options from ours. Raises InvalidTraining."""
    batch = config.scenes_per_step * config.group_size
    if config.group_size < 2:
        raise InvalidTraining(f"training.group_size={config.group_size}: a group needs at least 2 rollouts")
    if min(config.scenes_per_step, config.updates_per_batch, config.epochs, config.steps) < 1:
        raise InvalidTraining("training.steps, scenes_per_step, updates_per_batch and epochs must be at least 1")
    if not 0.0 <= config.decay_share <= 1.0:
        raise InvalidTraining(f"training.decay_share={config.decay_share}: it must be from 0 to 1")
    if batch % config.updates_per_batch:
        raise InvalidTraining(
            f"training.updates_per_batch={config.updates_per_batch}: it must divide the batch of {batch} episodes"
        )
    update = batch // config.updates_per_batch
    micro = config.microbatch or update
    if update % micro:
        raise InvalidTraining(
            f"training.microbatch={micro}: it must divide the {update} episodes of one update "
            "(scenes_per_step * group_size / updates_per_batch)"
        )
    return GRPOConfig(
        output_dir=str(folder / "trainer"),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=update // micro,
        steps_per_generation=batch // micro,
        num_generations=config.group_size,
        num_iterations=config.epochs,
        max_steps=config.steps,
        learning_rate=config.learning_rate,
        lr_scheduler_type="warmup_stable_decay",
        lr_scheduler_kwargs={
            "num_decay_steps": round(config.decay_share * config.steps),
            "decay_type": "linear",
            "min_lr_ratio": 0.1,
        },
        warmup_steps=config.warmup_steps,
        max_grad_norm=config.max_grad_norm,
        optim=config.optimizer,
        beta=config.beta,
        epsilon=config.epsilon,
        scale_rewards=config.scale_rewards,
        loss_type=config.loss_type,
        entropy_coef=config.entropy_coef,
        gradient_checkpointing=config.gradient_checkpointing,
        max_completion_length=None,
        shuffle_dataset=False,
        logging_steps=1,
        save_strategy="steps" if config.save_steps else "no",
        save_steps=config.save_steps or 10**9,
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
        seed=seed,
        bf16=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        log_completions=False,
    )


def seed_dataset(config: TrainingConfig, seed: int) -> Dataset:
    """The scenario sampler: seeds of training scenes in the order in which they are drawn."""
    batches = -(-config.steps // (config.updates_per_batch * config.epochs))
    rng = np.random.default_rng([seed, 3])
    seeds = rng.choice(TRAIN_SEED_RANGE, size=batches * config.scenes_per_step, replace=False)
    return Dataset.from_dict(
        {"prompt": [[{"role": "user", "content": "drive"}]] * len(seeds), "seed": [int(item) for item in seeds]}
    )


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint of the trainer."""
    whole = [path for path in folder.glob("checkpoint-*") if (path / "trainer_state.json").is_file()]
    return max(whole, key=lambda path: int(path.name.rsplit("-", 1)[1]), default=None)


class _Trainer(EpisodeGRPOTrainer):
    def create_model_card(self, *_: Any, **__: Any) -> None:
        """TRL would describe a model for its hub beside every checkpoint; the run's report says more."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        target = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        try:
            super()._save_checkpoint(model, trial)
        except (OSError, RuntimeError, SafetensorError) as error:
            shutil.rmtree(target, ignore_errors=True)
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise TrainingError(
                f"the checkpoint {target} could not be written ({first}); free some disk space and continue with "
                f"`pilotage train resume={target.parent.parent}`"
            ) from None


class _Watch(TrainerCallback):
    """Moves the bar, writes metrics.csv, anneals the entropy bonus, and stops after the current step when asked to."""

    def __init__(self, metrics: MetricsFile, bars: PhaseBars, config: TrainingConfig) -> None:
        self.metrics, self.bars, self.config, self.steps = metrics, bars, config, config.steps
        self.stop = False
        self.trainer: EpisodeGRPOTrainer | None = None

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.trainer is not None and args.entropy_coef:
            share = min(1.0, state.global_step / max(1, self.config.steps - 1))
            start, end = self.config.entropy_coef, self.config.entropy_coef_end
            self.trainer.entropy_coef = start + share * (end - start)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if logs and "reward" in logs:
            values = {key: float(value) for key, value in logs.items() if isinstance(value, (int, float))}
            self.metrics.add({"step": float(state.global_step), **values})
            recent = self.metrics.rows[-10:]
            success = sum(row.get("success", 0.0) for row in recent) / len(recent)
            reward = sum(row["reward"] for row in recent) / len(recent)
            self.bars("learn to drive", state.global_step, self.steps, f"reward {reward:+.2f} success {success:.0%}")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.stop:
            control.should_save = True
            control.should_training_stop = True


def _tensorboard(logging: LoggingConfig, folder: Path) -> list[TrainerCallback]:
    if not logging.tensorboard:
        return []
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations import TensorBoardCallback

    return [TensorBoardCallback(tb_writer=SummaryWriter(log_dir=str(folder / "tensorboard")))]


@contextlib.contextmanager
def _graceful_interrupt(watch: _Watch, bars: PhaseBars) -> Iterator[None]:
    """The first Ctrl-C ends after the current step and saves; the second at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        if watch.stop:
            raise KeyboardInterrupt
        watch.stop = True
        bars.say("Ctrl-C: finishing this step and saving; once more ends at once.")

    try:
        before = signal.signal(signal.SIGINT, ask)
    except ValueError:  # not the main thread: whoever runs us handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _keeper(folder: Path, count: int) -> Callable[[int, Sequence[Episode]], None]:
    def keep(step: int, episodes: Sequence[Episode]) -> None:
        for episode in episodes[:count]:
            save_episode(episode, folder / f"step-{step:05d}")

    return keep
