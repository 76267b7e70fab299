"""A policy drives a task in this process, without a pool."""

from __future__ import annotations

from policy.interface import Policy, Turn
from sim.tasks import EmergencyManeuver


def drive(env: EmergencyManeuver, policy: Policy, seed: int, split: str) -> str:
    """The outcome of one episode."""
    response, info = env.reset(seed=seed, options={"split": split})
    for index in range(env.config.max_calls):
        truth = info["privileged"] if policy.wants_privileged else None
        turn = Turn("e", index, response.text, response.frame, "", env.tools if index == 0 else (), truth, seed)
        call = policy.decide([turn])[0].call
        assert call is not None
        result = env.call(call)
        response, info = result.response, result.info
        if result.terminated or result.truncated:
            break
    policy.forget(["e"])
    return str(info["outcome"])
