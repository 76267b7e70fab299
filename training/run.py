"""A training run from start to report: the main loop that `pilotage train` walks through."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from policy.checkpoint import load_model, save_checkpoint
from policy.config import PolicyConfig
from policy.experts import ExpertPolicy, RandomPolicy
from policy.gemma import GemmaPolicy
from policy.interface import Policy
from rollouts.config import ClusterConfig, RolloutConfig
from rollouts.episode import Episode, Job
from rollouts.evaluation import summarise, write_evaluation
from rollouts.pool import RolloutPool
from rollouts.replay import SEED_RULE, pick_seeds, render_replay, resimulate_all
from rollouts.report import ReportData, write_report
from rollouts.storage import save_episode, write_atomic
from sim.client import SessionConfig
from sim.tasks import TaskConfig
from sim.tasks.tools import TOOLS
from training.config import EvaluationConfig, LoggingConfig, ReplayConfig, TrainingConfig
from training.console import PhaseBars
from training.folder import MetricsFile, point_latest, record_start
from training.learner import learn
from training.warm_start import warm_start


@dataclass(frozen=True)
class TrainRun:
    """Everything that a run is made of; `config_yaml`, `highlights` and `reproduce` are for its record."""

    name: str
    seed: int
    folder: Path
    resume: bool
    sim: SessionConfig
    task: TaskConfig
    policy: PolicyConfig
    rollouts: RolloutConfig
    cluster: ClusterConfig
    training: TrainingConfig
    evaluation: EvaluationConfig
    replay: ReplayConfig
    logging: LoggingConfig
    config_yaml: str
    highlights: dict[str, Any]
    reproduce: str


@dataclass(frozen=True)
class TrainResult:
    """The evaluation's summary, and the paths of what was made; `interrupted` runs have neither after nor report."""

    folder: Path
    summary: dict[str, Any]
    interrupted: bool


def train(run: TrainRun, bars: PhaseBars) -> TrainResult:
    """Warm start, evaluation before, GRPO, evaluation after, checkpoint, replay, report."""
    facts = record_start(run.folder, run.config_yaml)
    point_latest(run.folder)
    provenance = {"run": run.name, "seed": run.seed, "versions": facts["versions"], "git": facts["git"]}
    began = time.monotonic()
    with (
        RolloutPool(run.rollouts, run.cluster, run.task, run.sim, provenance) as pool,
        kept_ledger(pool, run.folder / "ledger.json"),
    ):
        bars.say(f"{run.name}: {pool.workers} worlds, seed {run.seed}, in {run.folder}")
        loaded = load_model(run.policy) if not run.training.warm_start.enabled else None
        accuracy: dict[str, float] = {}
        if loaded is None:
            warm = warm_start(run.training.warm_start, run.policy, pool, provenance, bars)
            loaded, accuracy = warm.loaded, warm.accuracy
            source = "from the cache" if warm.cached else f"in {warm.seconds:.0f} s"
            bars.say(f"warm start {source}: names {accuracy['scene']:.0%} of held-out scenes right")
        policy = GemmaPolicy(loaded, run.policy)
        episodes: dict[str, list[Episode]] = {}
        episodes["before"] = evaluate(policy, pool, run.evaluation, "before", bars)
        outcome = learn(run.training, run.logging, policy, pool, run.folder, run.seed, run.resume, bars)
        if outcome.interrupted:
            bars.say(f"stopped after {outcome.steps} steps; go on with: pilotage train resume={run.folder}")
            return TrainResult(run.folder, {}, True)
        save_checkpoint(run.folder / "checkpoint", policy.model, policy.processor, run.policy, TOOLS, provenance)
        episodes["after"] = evaluate(policy, pool, run.evaluation, "after", bars)
        if run.evaluation.baselines:
            for baseline in (RandomPolicy(), ExpertPolicy()):
                episodes[baseline.name] = evaluate(baseline, pool, run.evaluation, baseline.name, bars)
    ledger = pool.ledger.as_dict()
    summary = summarise(f"pilotage/{run.task.name}-v0", held_out_seeds(run.evaluation), episodes)
    summary["perception"] = accuracy
    write_evaluation(summary, run.folder / "evaluation.json")
    video: Path | None = None
    seeds: list[int] = []
    if run.replay.enabled:
        video, seeds = film(run, episodes["before"], episodes["after"], bars)
    bars.seconds["everything"] = time.monotonic() - began
    write_atomic(run.folder / "timing.json", json.dumps(bars.seconds, indent=2))
    notes = [f"Warm start: names {accuracy['scene']:.0%} of held-out scenes right."] if accuracy else []
    write_report(
        run.folder / "report.html",
        ReportData(
            name=run.name,
            config=run.highlights,
            machine=facts["machine"],
            versions=facts["versions"],
            evaluation=summary,
            metrics=MetricsFile(run.folder / "metrics.csv", 10**9).rows,
            timing=dict(bars.seconds),
            ledger=ledger,
            reproduce=run.reproduce,
            video=video,
            video_note=f"{SEED_RULE} Seeds {', '.join(map(str, seeds))}.",
            notes=notes,
        ),
    )
    return TrainResult(run.folder, summary, False)


@contextmanager
def kept_ledger(pool: RolloutPool, path: Path) -> Iterator[None]:
    """Write down at the end what happened to the pool's jobs, and all the more when it ends in an error."""
    try:
        yield
    finally:
        write_atomic(path, json.dumps(pool.ledger.as_dict(), indent=2))


def held_out_seeds(config: EvaluationConfig) -> list[int]:
    """The seeds of an evaluation."""
    return list(range(config.first_seed, config.first_seed + config.episodes))


def evaluate(
    policy: Policy, pool: RolloutPool, config: EvaluationConfig, name: str, bars: PhaseBars, **options: Any
) -> list[Episode]:
    """One episode on each held-out seed, in the order of seeds; `options` go to `RolloutPool.collect`."""
    jobs = [Job(seed, 0, {"split": config.split}) for seed in held_out_seeds(config)]
    kept = getattr(policy, "temperature", None)
    if kept is not None and config.temperature >= 0.0:
        policy.temperature = config.temperature  # type: ignore[attr-defined]
    done: list[Episode] = []
    try:
        for episode in pool.collect(jobs, policy, **options):
            done.append(episode)
            rate = sum(item.success for item in done) / len(done)
            bars(f"evaluate {name}", len(done), len(jobs), f"success {rate:.0%}")
    finally:
        if kept is not None:
            policy.temperature = kept  # type: ignore[attr-defined]
    return sorted(done, key=lambda episode: episode.job.seed)


def film(run: TrainRun, before: Sequence[Episode], after: Sequence[Episode], bars: PhaseBars) -> tuple[Path, list[int]]:
    """replay.mp4: the same held-out seeds before and after, side by side; keeps their episodes."""
    seeds = pick_seeds(list(before), list(after), run.replay.seeds)
    columns = []
    for index, (title, episodes) in enumerate((("before RL", before), ("after RL", after))):
        bars("film", index, 3)
        chosen = [episode for seed in seeds for episode in episodes if episode.job.seed == seed]
        for episode in chosen:
            save_episode(episode, run.folder / "episodes" / title.split()[0])
        columns.append((title, resimulate_all(recording(run.task), run.sim, chosen)))
    bars("film", 2, 3)
    render_replay(run.folder / "replay.mp4", columns, speed=run.replay.speed)
    bars("film", 3, 3)
    return run.folder / "replay.mp4", seeds


def recording(task: TaskConfig) -> TaskConfig:
    """The task with its replay camera on, at every tick."""
    return replace(task, record=replace(task.record, enabled=True, every_ticks=1))
