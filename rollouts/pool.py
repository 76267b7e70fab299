"""Collecting episodes: many worlds, one policy, decisions batched over whoever waits for one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from policy.interface import Decision, Policy, Turn
from rollouts.config import ClusterConfig, RolloutConfig
from rollouts.episode import Episode, EpisodeTurn, Job
from rollouts.errors import RolloutError
from rollouts.executors import WorkerLost, make_executor
from rollouts.worker import Beginning
from sim.client import SessionConfig
from sim.client.errors import InvalidSession, ServerUnreachable, SessionError, TownUnavailable, VersionMismatch
from sim.errors import PilotageError
from sim.tasks import TaskConfig
from sim.tasks.protocol import InvalidToolCall, StepResult, ToolCall
from sim.tasks.towns import episode_town, pool_of

Item = TypeVar("Item")

UNREADABLE_LIMIT = 3
UNREADABLE = "unreadable"
# What the user must mend: trying again would say the same.
HOPELESS = (InvalidSession, VersionMismatch, TownUnavailable, InvalidToolCall)


@dataclass
class Ledger:
    """What became of the jobs of a pool, over its whole life."""

    jobs: int = 0
    completed: int = 0
    dropped: int = 0
    rescheduled: int = 0
    restarts: int = 0
    failures: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for reports."""
        return asdict(self)


@dataclass
class _Live:
    """An episode in the making on one worker."""

    job: Job
    attempt: int
    id: str
    started: float
    deadline: float
    ticket: object
    beginning: Beginning | None = None
    text: str = ""
    frame: np.ndarray | None = None
    info: dict[str, Any] = field(default_factory=dict)
    decision: Decision | None = None
    turns: list[EpisodeTurn] = field(default_factory=list)
    unreadable: int = 0


class RolloutPool:
    """Owns the workers. A context manager; `ledger` counts what happened to all jobs so far."""

    def __init__(
        self,
        config: RolloutConfig,
        cluster: ClusterConfig,
        task: TaskConfig,
        session: SessionConfig,
        provenance: dict[str, Any] | None = None,
    ) -> None:
        self.config, self.task, self.session = config, task, session
        self.ledger = Ledger()
        self.provenance = dict(provenance or {})
        self._pooled = pool_of(session) is not None
        # The town that each worker's world has, as far as it is known: changing it takes a second.
        self._towns: dict[int, str] = {}
        self._executor = make_executor(config, cluster, task, session)
        self._fresh = set(range(self._executor.size))
        self._count = 0

    def __enter__(self) -> RolloutPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def workers(self) -> int:
        """Environments that run side by side."""
        return self._executor.size

    def close(self) -> None:
        """End all workers."""
        self._executor.close()

    def processes(self) -> list[tuple[int, int | None]]:
        """Process ids of each worker and of its server; only between two `collect`s."""
        tickets = [self._executor.submit(index, "processes") for index in range(self.workers)]
        return [self._executor.result(ticket) for ticket in tickets]

    # ---- the main loop -------------------------------------------------------------------------------------------

    def collect(
        self,
        jobs: Iterable[Job],
        policy: Policy,
        *,
        sampling_seed: int = 0,
        see: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> Iterator[Episode]:
        """Drive every job to its end; episodes come in the order in which they finish.

        `see` changes the frames that the policy gets (for controls such as a blank image), not those that are kept.
        An episode whose worker dies is dropped and its job scheduled anew. Raises RolloutError for a job that failed
        `max_attempts` times, and at once what only the user can mend (a wrong host, an unknown town).
        """
        waiting = deque((job, 1) for job in jobs)
        self.ledger.jobs += len(waiting)
        live: dict[int, _Live] = {}
        try:
            while waiting or live:
                for worker in range(self.workers):
                    if worker not in live and waiting:
                        job, attempt = self._next(worker, waiting, self._job_town)
                        live[worker] = self._begin(worker, job, attempt)
                asking: list[tuple[int, _Live]] = []
                for worker, done in self._arrivals(live):
                    episode = live[worker]
                    try:
                        over = self._receive(episode, self._result(worker, episode.ticket, done))
                    except (SessionError, WorkerLost) as error:
                        waiting.append(self._drop(worker, live.pop(worker), policy, error))
                        continue
                    if over:
                        policy.forget([episode.id])
                        self.ledger.completed += 1
                        yield self._finish(live.pop(worker), policy)
                    else:
                        asking.append((worker, episode))
                self._decide(asking, policy, sampling_seed, see)
        finally:
            policy.forget([episode.id for episode in live.values()])
            self._abandon([episode.ticket for episode in live.values()])

    def gather(
        self,
        method: str,
        calls: Iterable[tuple[Any, ...]],
        job_of: Callable[[tuple[Any, ...]], Job] | None = None,
    ) -> Iterator[Any]:
        """Results of `method` of the workers for each of `calls`, as they come; failures as in `collect`.

        `job_of` names the episode whose scene a call asks for, so that workers stay in their towns.
        """
        place = (lambda call: self._job_town(job_of(call))) if job_of is not None else None
        waiting = deque((call, 1) for call in calls)
        busy: dict[int, tuple[tuple[Any, ...], int, object, float]] = {}
        try:
            while waiting or busy:
                for worker in range(self.workers):
                    if worker not in busy and waiting:
                        call, attempt = self._next(worker, waiting, place)
                        ticket = self._executor.submit(worker, method, *call)
                        busy[worker] = (call, attempt, ticket, time.monotonic() + self.config.start_timeout_s)
                done = self._executor.wait([item[2] for item in busy.values()], 1.0)
                for worker, (call, attempt, ticket, deadline) in list(busy.items()):
                    there = ticket in done
                    if not there and time.monotonic() < deadline:
                        continue
                    del busy[worker]
                    try:
                        result = self._result(worker, ticket, there)
                    except (SessionError, WorkerLost) as error:
                        self._reschedule(f"{method}{call}", attempt, error)
                        self._renew(worker, attempt, error)
                        waiting.append((call, attempt + 1))
                    else:
                        yield result
        finally:
            self._abandon([item[2] for item in busy.values()])

    # ---- its steps -----------------------------------------------------------------------------------------------

    def _job_town(self, job: Job) -> str:
        split = str(job.options.get("split", self.task.split))
        return episode_town(self.session, split, job.seed, self.task.train_towns)

    def _next(
        self, worker: int, waiting: deque[tuple[Item, int]], town: Callable[[Item], str] | None
    ) -> tuple[Item, int]:
        """What a worker does next: the first that waits; of a pool of towns the first in the town that it is in, else
        in one where no other is."""
        if not self._pooled or town is None:
            return waiting.popleft()
        towns = [town(item) for item, _ in waiting]
        own = self._towns.pop(worker, None)
        others = set(self._towns.values())
        free = [index for index, name in enumerate(towns) if name not in others]
        chosen = towns.index(own) if own in towns else (free or [0])[0]
        self._towns[worker] = towns[chosen]
        item = waiting[chosen]
        del waiting[chosen]
        return item

    def _begin(self, worker: int, job: Job, attempt: int) -> _Live:
        self._count += 1
        now = time.monotonic()
        patience = self.config.start_timeout_s if worker in self._fresh else self.config.step_timeout_s
        self._fresh.discard(worker)
        ticket = self._executor.submit(worker, "begin", job.seed, job.options)
        return _Live(job, attempt, f"{job.seed}.{job.rollout}.{self._count}", now, now + patience, ticket)

    def _arrivals(self, live: dict[int, _Live]) -> list[tuple[int, bool]]:
        """Workers whose call is done (True) or overdue (False); waits for at least one."""
        nearest = min(episode.deadline for episode in live.values())
        tickets = [episode.ticket for episode in live.values()]
        done = self._executor.wait(tickets, max(0.0, nearest - time.monotonic()))
        now = time.monotonic()
        arrived = [(worker, episode.ticket in done, episode.deadline) for worker, episode in live.items()]
        return [(worker, there) for worker, there, deadline in arrived if there or now >= deadline]

    def _result(self, worker: int, ticket: object, done: bool) -> Any:
        """What a call came to. A worker that died or is overdue is replaced: its next call finds a new one."""
        try:
            if not done:
                raise WorkerLost(
                    "an environment worker did not answer in time; rollouts.step_timeout_s and "
                    "rollouts.start_timeout_s allow more"
                )
            return self._executor.result(ticket)
        except WorkerLost:
            self._executor.restart(worker)
            self._fresh.add(worker)
            self.ledger.restarts += 1
            raise

    def _receive(self, episode: _Live, result: Beginning | StepResult) -> bool:
        """Take in what a worker returned; True when the episode is over."""
        if isinstance(result, Beginning):
            episode.beginning = result
            episode.text, episode.frame, episode.info = result.text, np.array(result.frame), result.info
            return False
        assert episode.decision is not None
        assert episode.frame is not None
        episode.turns.append(
            EpisodeTurn(episode.text, episode.frame, episode.decision, float(result.reward), result.info)
        )
        episode.text, episode.frame = result.response.text, np.array(result.response.frame)
        episode.info = result.info
        return result.terminated or result.truncated

    def _decide(
        self,
        asking: list[tuple[int, _Live]],
        policy: Policy,
        sampling_seed: int,
        see: Callable[[np.ndarray], np.ndarray] | None,
    ) -> None:
        while asking:
            decisions = policy.decide([_turn(episode, policy, sampling_seed, see) for _, episode in asking])
            again = []
            for (worker, episode), decision in zip(asking, decisions, strict=True):
                episode.decision = decision
                if decision.call is None:
                    if self._unreadable(worker, episode, decision):
                        again.append((worker, episode))
                    continue
                self._submit(worker, episode, "act", decision.call)
            asking = again

    def _submit(self, worker: int, episode: _Live, method: str, *arguments: Any) -> None:
        episode.ticket = self._executor.submit(worker, method, *arguments)
        episode.deadline = time.monotonic() + self.config.step_timeout_s

    def _unreadable(self, worker: int, episode: _Live, decision: Decision) -> bool:
        """A text without a call: the world stands still and the policy is told; True while it may try again.

        The third time it loses its say: the car keeps its lane until the episode ends by itself.
        """
        assert episode.frame is not None
        episode.unreadable += 1
        if episode.unreadable >= UNREADABLE_LIMIT:
            self._submit(worker, episode, "act", ToolCall("observe"))
            return False
        episode.turns.append(EpisodeTurn(episode.text, episode.frame, decision, 0.0, episode.info))
        episode.text = f"{decision.error}. Call one tool."
        return True

    def _drop(self, worker: int, episode: _Live, policy: Policy, error: PilotageError) -> tuple[Job, int]:
        policy.forget([episode.id])
        self.ledger.dropped += 1
        job = episode.job
        self._reschedule(f"seed {job.seed}, rollout {job.rollout}", episode.attempt, error, bool(episode.turns))
        self._renew(worker, episode.attempt, error)
        self._fresh.add(worker)
        return job, episode.attempt + 1

    def _reschedule(self, what: str, attempt: int, error: PilotageError, begun: bool = False) -> None:
        """Put down a failure; raises where another attempt is pointless, or one too many."""
        self.ledger.failures.append(f"{what}, attempt {attempt}: {error}")
        remote = isinstance(error, ServerUnreachable) and self.session.backend != "embedded" and not begun
        if isinstance(error, HOPELESS) or remote:
            raise error
        if attempt >= self.config.max_attempts:
            first = next(line for line in self.ledger.failures if line.startswith(f"{what}, attempt "))
            raise RolloutError(
                f"{what} failed {attempt} times, last: {error}; first: {first.split(': ', 1)[1]}; "
                "`pilotage doctor` checks the simulator, rollouts.max_attempts allows more"
            ) from error
        self.ledger.rescheduled += 1

    def _renew(self, worker: int, attempt: int, error: PilotageError) -> None:
        """A second failure of the same job may be the world's fault: the next attempt finds new ones."""
        if attempt >= 2 and not isinstance(error, WorkerLost):
            self._executor.restart(worker)
            self.ledger.restarts += 1

    def _finish(self, episode: _Live, policy: Policy) -> Episode:
        assert episode.beginning is not None
        assert episode.frame is not None
        last = episode.turns[-1].info
        return Episode(
            id=episode.id,
            job=episode.job,
            turns=tuple(episode.turns),
            info0=episode.beginning.info,
            outcome=str(last["outcome"]),
            success=bool(last["success"]),
            episode_return=float(sum(turn.reward for turn in episode.turns)),
            final_frame=episode.frame,
            seconds=time.monotonic() - episode.started,
            attempts=episode.attempt,
            provenance={**self.provenance, "policy": policy.name},
        )

    def _abandon(self, tickets: list[object]) -> None:
        """An interrupted collection leaves calls running: their workers finish them before they are used again."""
        for ticket in tickets:
            try:
                self._executor.wait([ticket], 5.0)
            except Exception:  # Ray itself may be going down
                return


def _turn(episode: _Live, policy: Policy, sampling_seed: int, see: Callable[[np.ndarray], np.ndarray] | None) -> Turn:
    assert episode.beginning is not None
    assert episode.frame is not None
    first = not episode.turns
    job = episode.job
    entropy = [job.seed, job.rollout, episode.attempt, sampling_seed]
    return Turn(
        episode_id=episode.id,
        index=len(episode.turns),
        text=episode.text,
        frame=see(episode.frame.copy()) if see is not None else episode.frame,
        system=episode.beginning.system if first else "",
        tools=episode.beginning.tools if first else (),
        privileged=episode.info["privileged"] if policy.wants_privileged else None,
        seed=int(np.random.SeedSequence(entropy).generate_state(1)[0]),
    )
