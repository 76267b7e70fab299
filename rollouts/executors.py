"""Where workers run: as Ray actors, or in this process. Both take a call and say later what came of it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from rollouts.config import ClusterConfig, RolloutConfig
from rollouts.errors import RolloutError
from rollouts.worker import EnvWorker
from sim.client import SessionConfig
from sim.errors import PilotageError
from sim.tasks import TaskConfig
from sim.tasks.protocol import InvalidToolCall

REMOTE_PORT_STEP = 10
CPU_PATIENCE_S = 10.0


class WorkerLost(PilotageError):
    """A worker process died, or did not answer in time."""


class Executor(Protocol):
    """Workers by index. A worker runs one call at a time."""

    size: int

    def submit(self, worker: int, method: str, *arguments: Any) -> object:
        """Start a call; returns its ticket."""

    def wait(self, tickets: Sequence[object], timeout_s: float) -> list[object]:
        """Tickets that are done, at least one unless `timeout_s` passed."""

    def result(self, ticket: object) -> Any:
        """What a done call returned; raises what it raised, WorkerLost if its worker died."""

    def restart(self, worker: int) -> None:
        """Replace a worker that hangs or has died."""

    def close(self) -> None:
        """End all workers and their worlds."""


def worker_count(config: RolloutConfig) -> int:
    """`config.workers`, or the default for this machine."""
    if config.workers < 0:
        raise RolloutError(f"rollouts.workers={config.workers}: give a positive number, or 0 for the machine's default")
    return config.workers or min(8, (os.cpu_count() or 1) + 1)


def session_of(session: SessionConfig, worker: int) -> SessionConfig:
    """The session of one worker: running CARLA servers are expected 10 ports apart, one for each worker."""
    return replace(session, port=session.port + REMOTE_PORT_STEP * worker)


def check_options(config: RolloutConfig) -> None:
    """Raises RolloutError for an option that cannot be."""
    for name in ("max_attempts", "step_timeout_s", "start_timeout_s"):
        if not getattr(config, name) > 0:
            raise RolloutError(f"rollouts.{name}={getattr(config, name)!r}: it must be positive")


def make_executor(config: RolloutConfig, cluster: ClusterConfig, task: TaskConfig, session: SessionConfig) -> Executor:
    """Workers as configured; they open their worlds with their first episode. Raises RolloutError, InvalidTask."""
    check_options(config)
    if config.ray:
        return RayExecutor(config, cluster, task, session)
    return LocalExecutor(config, task, session)


@dataclass(frozen=True, eq=False)
class _Done:
    """A ticket of the local executor: what the call returned, or raised."""

    value: Any = None
    error: PilotageError | None = None


class LocalExecutor:
    """Workers in this process: a call is run when it is submitted."""

    def __init__(self, config: RolloutConfig, task: TaskConfig, session: SessionConfig) -> None:
        self.size = worker_count(config)
        self._make = lambda index: EnvWorker(task, session_of(session, index))
        self._workers = [self._make(index) for index in range(self.size)]

    def submit(self, worker: int, method: str, *arguments: Any) -> object:
        try:
            return _Done(getattr(self._workers[worker], method)(*arguments))
        except PilotageError as error:
            return _Done(error=error)

    def wait(self, tickets: Sequence[object], timeout_s: float) -> list[object]:
        return list(tickets)

    def result(self, ticket: object) -> Any:
        assert isinstance(ticket, _Done)
        if ticket.error is not None:
            raise ticket.error
        return ticket.value

    def restart(self, worker: int) -> None:
        self._workers[worker].close()
        self._workers[worker] = self._make(worker)

    def close(self) -> None:
        for worker in self._workers:
            worker.close()


class RayExecutor:
    """Workers as Ray actors. Ray neither retries a call, which would run a manoeuvre twice, nor restarts an actor: the
    pool does, and counts it.
    """

    def __init__(self, config: RolloutConfig, cluster: ClusterConfig, task: TaskConfig, session: SessionConfig) -> None:
        import ray

        self.size = worker_count(config)
        # What is wrong with the task is said here: an actor whose constructor raises is only dead.
        EnvWorker(task, session).close()
        start_ray(cluster, self.size)
        if not cluster.address:
            require_cpus(self.size * cluster.cpus_per_worker)
        self._ray = ray
        actor = ray.remote(max_restarts=0, max_task_retries=0, num_cpus=cluster.cpus_per_worker)(EnvWorker)
        self._make = lambda index: actor.remote(task, session_of(session, index))
        self._workers = [self._make(index) for index in range(self.size)]

    def submit(self, worker: int, method: str, *arguments: Any) -> object:
        return getattr(self._workers[worker], method).remote(*arguments)

    def wait(self, tickets: Sequence[object], timeout_s: float) -> list[object]:
        done, _ = self._ray.wait(list(tickets), num_returns=1, timeout=timeout_s)
        if done:
            # Whatever else has arrived shares the next decision's batch.
            done, _ = self._ray.wait(list(tickets), num_returns=len(tickets), timeout=0)
        return list(done)

    def result(self, ticket: object) -> Any:
        from ray.exceptions import GetTimeoutError, OutOfMemoryError, RayActorError, RayTaskError

        try:
            return self._ray.get(ticket, timeout=30.0)
        except RayTaskError as error:
            cause = error.cause
            if isinstance(cause, PilotageError | InvalidToolCall):
                raise cause from None
            raise
        except (RayActorError, OutOfMemoryError, GetTimeoutError) as error:
            raise WorkerLost(f"an environment worker died: {str(error).strip().splitlines()[0]}") from None

    def restart(self, worker: int) -> None:
        self._ray.kill(self._workers[worker], no_restart=True)
        self._workers[worker] = self._make(worker)

    def close(self) -> None:
        if not self._ray.is_initialized():
            return
        closing = [worker.close.remote() for worker in self._workers]
        self._ray.wait(closing, num_returns=len(closing), timeout=5.0)
        for worker in self._workers:
            self._ray.kill(worker, no_restart=True)


def require_cpus(needed: float) -> None:
    """Wait a little for so many free CPUs of this process's Ray. Raises RolloutError while others hold them.

    Workers that cannot be placed would wait in silence until `start_timeout_s`; a pool that has just been closed gives
    its CPUs back within moments.
    """
    import ray

    deadline = time.monotonic() + CPU_PATIENCE_S
    while (free := ray.available_resources().get("CPU", 0.0)) < needed:
        if time.monotonic() > deadline:
            raise RolloutError(
                f"Ray has {free:g} free CPUs and the workers ask for {needed:g}: another pool of this process holds "
                "them. Close it first, or lower rollouts.workers or cluster.cpus_per_worker"
            )
        time.sleep(0.1)


def start_ray(cluster: ClusterConfig, workers: int) -> None:
    """Start or join Ray, quietly; nothing happens if this process has joined already. Raises RolloutError."""
    import logging

    import ray

    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if cluster.address:
        options["address"] = cluster.address
    else:
        # Room for every worker whatever the number of cores: they wait for each other, not for a scheduler.
        cpus = max(os.cpu_count() or 1, int(workers * cluster.cpus_per_worker) + 1)
        options |= {"num_cpus": cpus, "include_dashboard": False}
    started = time.monotonic()
    try:
        ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        waited = time.monotonic() - started
        raise RolloutError(
            f"cluster.address={cluster.address!r}: Ray could not be started or joined within {waited:.0f} s "
            f"({str(error).strip().splitlines()[0]})"
        ) from None
