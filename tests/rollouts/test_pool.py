"""Collecting on real Ray actors and embedded servers: the same episodes everywhere, and what failures cost."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import carla
import numpy as np
import psutil
import pytest

from policy.experts import ConstantPolicy, ExpertPolicy, RandomPolicy
from policy.interface import Decision, Policy, Turn
from rollouts.config import ClusterConfig, RolloutConfig
from rollouts.episode import Episode, Job
from rollouts.errors import RolloutError
from rollouts.pool import Ledger, RolloutPool
from sim.client import ServerUnreachable, SessionConfig, TownUnavailable
from sim.errors import PilotageError
from sim.tasks import InvalidTask, InvalidToolCall, TaskConfig, ToolCall

CLUSTER = ClusterConfig(cpus_per_worker=0.5)
OBSERVE = ToolCall("observe")
JOBS = [Job(seed) for seed in range(5)] + [Job(3, 1, {"split": "test"})]
# Who only observes drives on for five calls and more on these seeds.
LONG_SEEDS = (2, 3, 8)
LONG_JOBS = [Job(seed, rollout) for rollout in range(4) for seed in LONG_SEEDS]
BOTH = pytest.mark.parametrize("ray", [False, True], ids=["local", "ray"])


def _open(workers: int, ray: bool, session: SessionConfig | None = None, **options: float) -> RolloutPool:
    config = replace(RolloutConfig(workers=workers, ray=ray), **options)  # type: ignore[arg-type]
    return RolloutPool(config, CLUSTER, TaskConfig(), session or SessionConfig(), {"run": "test"})


@pytest.fixture(scope="module")
def pool() -> Iterator[RolloutPool]:
    """Two Ray workers, shared by all tests: whatever one of them does, the pool must stay usable."""
    import ray

    with _open(2, True) as made:
        yield made
    ray.shutdown()


@pytest.fixture(scope="module")
def local() -> Iterator[RolloutPool]:
    with _open(1, False) as made:
        yield made


class Watch:
    """Passes turns to another policy; keeps them, and knows which episodes are under way."""

    def __init__(self, inner: Policy, hook: Callable[[dict[str, int]], bool] = lambda live: True) -> None:
        self.inner, self.name, self.wants_privileged = inner, inner.name, inner.wants_privileged
        self.hook, self.fired = hook, False
        self.live: dict[str, int] = {}
        self.turns: list[Turn] = []

    def decide(self, turns: Sequence[Turn]) -> list[Decision]:
        self.turns += turns
        self.live |= {turn.episode_id: turn.index for turn in turns}
        self.fired = self.fired or self.hook(self.live)
        return self.inner.decide(turns)

    def forget(self, episode_ids: Sequence[str]) -> None:
        for episode_id in episode_ids:
            self.live.pop(episode_id, None)
        self.inner.forget(episode_ids)


class Mute:
    """Says nothing readable on the turns whose index is in `silent` (on all of them if None), else observes."""

    name, wants_privileged = "mute", False

    def __init__(self, silent: set[int] | None = None) -> None:
        self.silent = silent

    def decide(self, turns: Sequence[Turn]) -> list[Decision]:
        return [
            Decision(turn.episode_id, turn.index, None, error="Nothing was called")
            if self.silent is None or turn.index in self.silent
            else Decision(turn.episode_id, turn.index, OBSERVE)
            for turn in turns
        ]

    def forget(self, episode_ids: Sequence[str]) -> None:
        pass


def _content(episodes: list[Episode]) -> list[tuple]:
    """All of the episodes but ids and times, in the order of jobs."""
    ordered = sorted(episodes, key=lambda episode: (episode.job.seed, episode.job.rollout))
    return [
        (
            (episode.job, episode.outcome, episode.success, episode.episode_return, episode.info0, episode.attempts),
            [(turn.text, turn.decision.call, turn.reward, turn.info) for turn in episode.turns],
            [turn.frame.tobytes() for turn in episode.turns] + [episode.final_frame.tobytes()],
        )
        for episode in ordered
    ]


def _since(pool: RolloutPool, before: Ledger) -> Ledger:
    now = pool.ledger
    numbers = {
        name: getattr(now, name) - getattr(before, name)
        for name in ("jobs", "completed", "dropped", "rescheduled", "restarts")
    }
    return Ledger(**numbers, failures=now.failures[len(before.failures) :])


def _snapshot(pool: RolloutPool) -> Ledger:
    return replace(pool.ledger, failures=list(pool.ledger.failures))


def _warm(pool: RolloutPool) -> list[tuple[int, int]]:
    """Process ids of all workers and their servers, once every worker has one."""
    list(pool.gather("begin", [(seed, {}) for seed in range(pool.workers)]))
    pids = pool.processes()
    assert all(server is not None for _, server in pids)
    return pids  # type: ignore[return-value]


def _strike(pool: RolloutPool, pid: int, signal_number: signal.Signals) -> tuple[list[Episode], Ledger]:
    """Collect, and send a signal while both workers are early in an episode: neither can be at its last call."""

    def hook(live: dict[str, int]) -> bool:
        if len(live) < pool.workers or max(live.values()) > 3:
            return False
        os.kill(pid, signal_number)
        return True

    policy, before = Watch(ConstantPolicy(OBSERVE), hook), _snapshot(pool)
    episodes = list(pool.collect(LONG_JOBS, policy))
    assert policy.fired
    assert not policy.live
    return episodes, _since(pool, before)


def _assert_one_rescheduled(episodes: list[Episode], ledger: Ledger, restarts: int, words: str) -> None:
    assert sorted((e.job.seed, e.job.rollout) for e in episodes) == sorted((j.seed, j.rollout) for j in LONG_JOBS)
    assert (ledger.jobs, ledger.completed) == (len(LONG_JOBS), len(LONG_JOBS))
    assert (ledger.dropped, ledger.rescheduled, ledger.restarts) == (1, 1, restarts)
    (failure,) = ledger.failures
    assert words in failure
    assert "attempt 1" in failure
    assert "\n" not in failure
    (again,) = [episode for episode in episodes if episode.attempts > 1]
    assert again.attempts == 2
    assert failure.startswith(f"seed {again.job.seed}, rollout {again.job.rollout}")
    # The same calls lead to the same episode, also the second time.
    for seed in LONG_SEEDS:
        runs = [[(turn.reward, turn.info) for turn in e.turns] for e in episodes if e.job.seed == seed]
        assert all(run == runs[0] for run in runs)


# ---- the same everywhere ---------------------------------------------------------------------------------------------


def test_ray_and_local_collect_the_same_episodes(pool: RolloutPool, local: RolloutPool) -> None:
    before = _snapshot(pool)
    far, near = (list(where.collect(JOBS, RandomPolicy(), sampling_seed=7)) for where in (pool, local))
    assert _content(far) == _content(near)
    assert _since(pool, before) == Ledger(jobs=len(JOBS), completed=len(JOBS))
    assert all(episode.provenance == {"run": "test", "policy": "random"} for episode in far)
    assert len({episode.id for episode in far}) == len(JOBS)
    other = list(local.collect(JOBS, RandomPolicy(), sampling_seed=8))
    assert _content(other) != _content(near)
    assert len({worker for worker, _ in pool.processes()} - {os.getpid()}) == 2
    assert local.processes()[0][0] == os.getpid()


def test_gathered_views_are_the_same_everywhere(pool: RolloutPool, local: RolloutPool) -> None:
    calls = [(seed, 2, "train") for seed in range(4)]
    far, near = (sorted(where.gather("labelled_views", calls)) for where in (pool, local))
    assert far == near
    assert [seed for seed, _ in far] == [0, 1, 2, 3]


# ---- what failures cost ----------------------------------------------------------------------------------------------


def test_a_killed_server_costs_one_episode(pool: RolloutPool) -> None:
    pids = _warm(pool)
    episodes, ledger = _strike(pool, pids[0][1], signal.SIGKILL)
    _assert_one_rescheduled(episodes, ledger, 0, f"(pid {pids[0][1]}) ended: killed by SIGKILL")
    after = pool.processes()
    assert [worker for worker, _ in after] == [worker for worker, _ in pids]
    assert after[0][1] != pids[0][1]


def test_a_killed_worker_costs_one_episode(pool: RolloutPool) -> None:
    pids = _warm(pool)
    episodes, ledger = _strike(pool, pids[0][0], signal.SIGKILL)
    _assert_one_rescheduled(episodes, ledger, 1, "an environment worker died")
    after = pool.processes()
    assert after[0][0] != pids[0][0]
    assert after[1] == pids[1]
    # Its server does not outlive it.
    _await_end([pids[0][1]])


def test_a_hanging_server_costs_one_episode(pool: RolloutPool, monkeypatch: pytest.MonkeyPatch) -> None:
    pids = _warm(pool)
    # Shorter than sim.timeout_s: the pool is the first to lose its patience.
    monkeypatch.setattr(pool.config, "step_timeout_s", 4.0)
    started = time.monotonic()
    try:
        episodes, ledger = _strike(pool, pids[1][1], signal.SIGSTOP)
        _assert_one_rescheduled(episodes, ledger, 1, "did not answer in time; rollouts.step_timeout_s")
    finally:
        with contextlib.suppress(ProcessLookupError):  # it ends with the worker that the pool has replaced
            os.kill(pids[1][1], signal.SIGCONT)
    assert 4.0 < time.monotonic() - started < 30.0
    after = pool.processes()
    assert after[0] == pids[0]
    assert after[1][0] != pids[1][0]
    _await_end(pids[1])


def test_gather_returns_everything_once_when_servers_are_killed(pool: RolloutPool) -> None:
    pids, before = _warm(pool), _snapshot(pool)
    got = []
    for seed, views in pool.gather("labelled_views", [(seed, 2, "train") for seed in range(8)]):
        if not got:
            for _, server in pids:
                os.kill(server, signal.SIGKILL)
        assert len(views) == 2
        got.append(seed)
    assert sorted(got) == list(range(8))
    ledger = _since(pool, before)
    assert ledger.rescheduled == len(ledger.failures) <= 2
    assert all(line.startswith("labelled_views(") and "SIGKILL" in line for line in ledger.failures)


def test_a_job_that_always_fails_ends_in_one_line() -> None:
    with _open(1, False, SessionConfig(start_timeout_s=0.01), max_attempts=2) as failing:
        with pytest.raises(RolloutError, match=r"^seed 3, rollout 1 failed 2 times, last: .*not ready") as caught:
            list(failing.collect([Job(3, 1)], RandomPolicy()))
        assert "\n" not in str(caught.value)
        assert (failing.ledger.dropped, failing.ledger.rescheduled, failing.ledger.completed) == (2, 1, 0)
        assert len(failing.ledger.failures) == 2


def test_a_job_that_fails_twice_gets_a_new_world() -> None:
    """Where something that is nobody's stands in the way: the car of a spawn that was given up, say."""
    with _open(1, False) as pool:
        first = list(pool.collect([Job(3)], ConstantPolicy(OBSERVE)))
        (server,) = (pid for _, pid in pool.processes())
        port = min(c.laddr.port for c in psutil.Process(server).net_connections() if c.status == psutil.CONN_LISTEN)
        client = carla.Client("127.0.0.1", port)
        world = client.get_world()
        cars = [(car.type_id, car.get_transform(), car) for car in world.get_actors().filter("vehicle.*")]
        for blueprint, place, car in cars:
            car.destroy()
            place.location.z += 0.2
            world.spawn_actor(world.get_blueprint_library().find(blueprint), place)
        second = list(pool.collect([Job(3)], ConstantPolicy(OBSERVE)))
        assert all("collision at spawn" in line for line in pool.ledger.failures)
        assert (pool.ledger.rescheduled, pool.ledger.restarts, second[0].attempts) == (2, 1, 3)
    assert [(e.outcome, e.episode_return, len(e.turns)) for e in first] == [
        (e.outcome, e.episode_return, len(e.turns)) for e in second
    ]


@BOTH
def test_an_unknown_town_is_told_at_once(ray: bool, pool: RolloutPool) -> None:
    _assert_told_at_once(ray, SessionConfig(town="Nowhere"), 1, TownUnavailable, "sim.town='Nowhere'")


@BOTH
def test_a_closed_port_is_told_at_once(ray: bool, pool: RolloutPool) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        session = SessionConfig(backend="carla", port=min(port, 65000))
        _assert_told_at_once(ray, session, 2, ServerUnreachable, "no CARLA server answers at 127.0.0.1:")


def _assert_told_at_once(ray: bool, session: SessionConfig, workers: int, kind: type, words: str) -> None:
    started = time.monotonic()
    with _open(workers, ray, session) as hopeless:
        for attempt in (
            lambda: list(hopeless.collect(JOBS, RandomPolicy())),
            lambda: list(hopeless.gather("labelled_views", [(1, 1, "train")])),
        ):
            with pytest.raises(kind) as caught:
                attempt()
            assert type(caught.value) is kind
            assert str(caught.value).startswith(words)
            assert "\n" not in str(caught.value)
        assert hopeless.ledger.rescheduled == 0
    assert time.monotonic() - started < 20.0


# ---- what the policy gets and says -----------------------------------------------------------------------------------


def test_a_pool_that_finds_no_cpus_says_who_holds_them(pool: RolloutPool, monkeypatch: pytest.MonkeyPatch) -> None:
    _warm(pool)
    monkeypatch.setattr("rollouts.executors.CPU_PATIENCE_S", 0.5)
    with pytest.raises(RolloutError, match=r"another pool.*rollouts\.workers"):
        _open(64, True)


def test_see_changes_what_the_policy_gets_but_not_what_is_kept(local: RolloutPool) -> None:
    def blank(frame: np.ndarray) -> np.ndarray:
        frame[:] = 0
        return frame

    plain, blind = Watch(ConstantPolicy(OBSERVE)), Watch(ConstantPolicy(OBSERVE))
    kept, kept_blind = list(local.collect(JOBS, plain)), list(local.collect(JOBS, blind, see=blank))
    assert all(turn.frame.any() for turn in plain.turns)
    assert not any(turn.frame.any() for turn in blind.turns)
    assert _content(kept) == _content(kept_blind)


def test_only_who_asks_gets_the_truth(local: RolloutPool) -> None:
    random, expert = Watch(RandomPolicy()), Watch(ExpertPolicy())
    list(local.collect(JOBS[:2], random))
    episodes = list(local.collect(JOBS[:2], expert))
    assert all(turn.privileged is None for turn in random.turns)
    assert all(turn.privileged["best"] for turn in expert.turns)  # type: ignore[index]
    assert all(episode.success for episode in episodes)
    for turn in expert.turns:
        assert bool(turn.system) == bool(turn.tools) == (turn.index == 0)


@pytest.mark.parametrize("where", ["local", "pool"])
def test_a_policy_that_cannot_be_read_is_told_and_the_episode_ends(where: str, request: pytest.FixtureRequest) -> None:
    policy = Watch(Mute())
    (episode,) = request.getfixturevalue(where).collect([Job(2)], policy)
    assert not policy.live
    assert episode.outcome == "collision"
    assert all(turn.decision.call is None for turn in episode.turns)
    told = "Nothing was called. Call one tool."
    assert [turn.text == told for turn in policy.turns[:4]] == [False, True, True, False]
    assert [turn.index for turn in policy.turns] == list(range(len(policy.turns)))
    # The world stood still for the first two.
    times = [turn.info["time_s"] for turn in episode.turns]
    assert times[:2] == [0.0, 0.0]
    assert all(later > earlier for earlier, later in pairwise(times[1:]))
    assert [turn.reward for turn in episode.turns[:2]] == [0.0, 0.0]


def test_a_policy_recovers_from_one_unreadable_answer(local: RolloutPool) -> None:
    (episode,) = local.collect([Job(3)], Mute({1}))
    assert [turn.decision.call for turn in episode.turns[:3]] == [OBSERVE, None, OBSERVE]
    assert episode.success
    (plain,) = local.collect([Job(3)], ConstantPolicy(OBSERVE))
    assert episode.episode_return == plain.episode_return
    assert len(episode.turns) == len(plain.turns) + 1


@pytest.mark.parametrize("where", ["local", "pool"])
def test_an_impossible_call_is_the_policys_fault(where: str, request: pytest.FixtureRequest) -> None:
    collecting: RolloutPool = request.getfixturevalue(where)
    with pytest.raises(InvalidToolCall, match="fly") as caught:
        list(collecting.collect(JOBS, ConstantPolicy(ToolCall("fly"))))
    assert type(caught.value) is InvalidToolCall
    assert len(list(collecting.collect(JOBS[:2], RandomPolicy()))) == 2


# ---- options and ends ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"), [("workers", -1), ("max_attempts", 0), ("step_timeout_s", 0.0), ("start_timeout_s", -1.0)]
)
@BOTH
def test_impossible_options_are_named(ray: bool, name: str, value: float) -> None:
    with pytest.raises(RolloutError, match=rf"^rollouts\.{name}={value}: ") as caught:
        _open(**{"workers": 2, "ray": ray, name: value})  # type: ignore[arg-type]
    assert isinstance(caught.value, PilotageError)


@BOTH
def test_an_unknown_task_is_named(ray: bool) -> None:
    with pytest.raises(InvalidTask, match=r"task\.name='Parking'"):
        RolloutPool(RolloutConfig(workers=2, ray=ray), CLUSTER, TaskConfig(name="Parking"), SessionConfig())


def test_an_abandoned_collection_leaves_the_pool_usable(pool: RolloutPool, local: RolloutPool) -> None:
    def fail(live: dict[str, int]) -> bool:
        raise ZeroDivisionError

    before = _snapshot(pool)
    policy = Watch(RandomPolicy())
    collecting = pool.collect(JOBS, policy)
    next(collecting)
    collecting.close()  # type: ignore[attr-defined]
    assert not policy.live
    with pytest.raises(ZeroDivisionError):
        list(pool.collect(JOBS, Watch(RandomPolicy(), fail)))
    gathering = pool.gather("labelled_views", [(seed, 2, "train") for seed in range(4)])
    next(gathering)
    gathering.close()  # type: ignore[attr-defined]
    after = list(pool.collect(JOBS, RandomPolicy(), sampling_seed=7))
    assert _content(after) == _content(list(local.collect(JOBS, RandomPolicy(), sampling_seed=7)))
    ledger = _since(pool, before)
    assert (ledger.jobs, ledger.completed, ledger.dropped) == (3 * len(JOBS), len(JOBS) + 1, 0)
    assert list(pool.collect([], RandomPolicy())) == []


def test_closing_ends_workers_and_servers(pool: RolloutPool) -> None:
    pids = _warm(pool)
    pool.close()
    _await_end([pid for pair in pids for pid in pair])
    pool.close()


def _await_end(pids: Sequence[int]) -> None:
    deadline = time.monotonic() + 15.0
    while left := [pid for pid in pids if _runs(pid)]:
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.1)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_workers_stay_in_the_towns_of_a_pool_and_no_job_is_lost() -> None:
    """Jobs that wait for other towns are passed over, and every one is done; groups share their scene."""
    session = SessionConfig(town="Track+Grid", towns_per_split=1)
    jobs = [Job(seed, rollout) for seed in (0, 8, 1, 9) for rollout in range(2)]
    with _open(1, False, session) as pool:
        done = list(pool.collect(jobs, ConstantPolicy(ToolCall("emergency_stop"))))
    towns = [episode.info0["scenario"]["town"] for episode in done]
    assert sorted(towns) == towns[::-1] == ["Grid-train-0000"] * 4 + ["Track-train-0000"] * 4
    assert {(episode.job.seed, episode.job.rollout) for episode in done} == {(job.seed, job.rollout) for job in jobs}
    first, second = (next(episode for episode in done if episode.job == Job(0, rollout)) for rollout in range(2))
    assert first.info0 == second.info0
