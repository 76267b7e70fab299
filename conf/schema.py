"""The types behind the YAML: unknown keys and wrong types are refused when a config is composed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from hydra.core.config_store import ConfigStore

from policy.config import PolicyConfig
from rollouts.config import ClusterConfig, RolloutConfig
from sim.client.config import SessionConfig
from sim.server.config import ServerConfig
from sim.tasks.config import TaskConfig
from training.config import EvaluationConfig, LoggingConfig, ReplayConfig, TrainingConfig


@dataclass
class TrainSchema:
    """`pilotage train`."""

    name: str = "train"
    seed: int = 0
    resume: Optional[str] = None  # noqa: UP045 - OmegaConf reads the annotation
    sim: SessionConfig = field(default_factory=SessionConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    rollouts: RolloutConfig = field(default_factory=RolloutConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    replay: ReplayConfig = field(default_factory=ReplayConfig)
    logging: LoggingConfig = field(default_factory=LoggingConfig)


@dataclass
class EvaluateSchema:
    """`pilotage evaluate`."""

    name: str = "evaluate"
    sim: SessionConfig = field(default_factory=SessionConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    rollouts: RolloutConfig = field(default_factory=RolloutConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)


@dataclass
class ReplaySchema:
    """`pilotage replay`; `run` is a run's folder, its recorded episodes are filmed. `still` also writes a picture."""

    name: str = "replay"
    run: str = "runs/latest"
    output: str = ""
    still: str = ""
    sim: SessionConfig = field(default_factory=SessionConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    replay: ReplayConfig = field(default_factory=ReplayConfig)


@dataclass
class DriveSchema:
    """`pilotage drive`: one episode, told call by call."""

    name: str = "drive"
    seed: int = 0
    sim: SessionConfig = field(default_factory=SessionConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)


@dataclass
class ServeSchema(ServerConfig):
    """`pilotage serve`."""

    name: str = "serve"


@dataclass
class DoctorSchema:
    """`pilotage doctor`; `quick` leaves out what starts a simulator."""

    name: str = "doctor"
    quick: bool = False
    sim: SessionConfig = field(default_factory=SessionConfig)


def register() -> None:
    """Make the schemas known to Hydra."""
    store = ConfigStore.instance()
    for command, schema in (
        ("train", TrainSchema),
        ("evaluate", EvaluateSchema),
        ("replay", ReplaySchema),
        ("drive", DriveSchema),
        ("serve", ServeSchema),
        ("doctor", DoctorSchema),
    ):
        store.store(name=f"{command}_schema", node=schema)
