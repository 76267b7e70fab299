"""Options of collecting episodes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class RolloutConfig:
    """How episodes are collected.

    workers           environments that run side by side, each with a world of its own; 0 takes one more than the
                      machine has cores, at most 8
    ray               run them as Ray actors; false runs them in this process, one after the other, for debugging
    max_attempts      an episode whose worker fails is scheduled anew this many times in all
    step_timeout_s    longest time that one tool call may take
    start_timeout_s   longest time that a worker's first reset may take: its server starts, and compiles if it must
    policy_actor      `pilotage evaluate`: the policy decides in a Ray actor of its own, wherever the cluster has a GPU
    """

    workers: int = 0
    ray: bool = True
    max_attempts: int = 4
    step_timeout_s: float = 60.0
    start_timeout_s: float = 300.0
    policy_actor: bool = False


@dataclass
class ClusterConfig:
    """Which Ray cluster is used.

    address           "" starts one on this machine; "auto" joins the running one; or host:port
    cpus_per_worker   CPUs that one environment worker asks for
    gpus_per_policy   GPUs that a policy actor asks for
    """

    address: str = ""
    cpus_per_worker: float = 1.0
    gpus_per_policy: float = 0.0
