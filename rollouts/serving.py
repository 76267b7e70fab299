"""A policy in a Ray actor of its own, on a GPU that this process need not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policy.config import PolicyConfig
from policy.factory import make_policy
from policy.interface import Decision, Turn
from rollouts.config import ClusterConfig
from rollouts.errors import RolloutError
from rollouts.executors import start_ray
from sim.errors import PilotageError

LOAD_DEADLINE_S, DECIDE_DEADLINE_S = 900.0, 300.0


class PolicyServer:
    """What runs in the actor: the policy itself."""

    def __init__(self, config: PolicyConfig) -> None:
        self._config = config

    def load(self) -> tuple[str, bool]:
        """Make the policy; its name and whether it wants the ground truth.

        Not in the constructor: Ray reports a failure there as an actor's death, and the policy's own words are lost.
        """
        self._policy = make_policy(self._config)
        return self._policy.name, self._policy.wants_privileged

    def decide(self, turns: Sequence[Turn], temperature: float | None) -> list[Decision]:
        """The policy's decisions, sampled at `temperature` where it samples."""
        if temperature is not None and hasattr(self._policy, "temperature"):
            self._policy.temperature = temperature
        return self._policy.decide(turns)

    def forget(self, episode_ids: Sequence[str]) -> None:
        """Drop the state of ended episodes."""
        self._policy.forget(episode_ids)


class ServedPolicy:
    """A `Policy` whose decisions are made by a `PolicyServer`. Not restarted: its caches would be gone with it."""

    def __init__(self, config: PolicyConfig, cluster: ClusterConfig, workers: int = 1) -> None:
        import ray

        start_ray(cluster, workers + 1)
        self._ray = ray
        self.temperature = config.temperature
        actor = ray.remote(num_gpus=cluster.gpus_per_policy, num_cpus=1)(PolicyServer)
        self._server = actor.remote(config)
        self.name, self.wants_privileged = self._get(self._server.load.remote(), LOAD_DEADLINE_S)

    def decide(self, turns: Sequence[Turn]) -> list[Decision]:
        """As the policy itself. Raises RolloutError if the actor dies or does not answer in time."""
        decisions: list[Decision] = self._get(
            self._server.decide.remote(list(turns), self.temperature), DECIDE_DEADLINE_S
        )
        return decisions

    def forget(self, episode_ids: Sequence[str]) -> None:
        """As the policy itself."""
        self._server.forget.remote(list(episode_ids))

    def close(self) -> None:
        """End the actor."""
        self._ray.kill(self._server, no_restart=True)

    def _get(self, reference: Any, deadline_s: float) -> Any:
        from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError

        try:
            return self._ray.get(reference, timeout=deadline_s)
        except RayTaskError as error:
            if isinstance(error.cause, PilotageError):
                raise error.cause from None
            raise
        except GetTimeoutError:
            raise RolloutError(
                f"the policy actor gave no answer within {deadline_s:.0f} s; if no machine of the cluster has "
                "cluster.gpus_per_policy GPUs free, lower it"
            ) from None
        except RayActorError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, PilotageError):
                raise cause from None
            raise RolloutError(f"the policy actor died: {str(error).strip().splitlines()[-1]}") from None
