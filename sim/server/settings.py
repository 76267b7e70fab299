"""Episode settings, as the client reads and writes them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sim.server.errors import CallError
from sim.server.wire import integer, items, number

MAX_SUBSTEPS = 1000
# CARLA sets no limit, and one of its examples takes steps of 3 s. This is what 1000 substeps of 5 ms cover.
MAX_DELTA_S = 5.0


@dataclass(frozen=True)
class EpisodeSettings:
    """CARLA's WorldSettings; `fixed_delta_s` 0 means that the server chooses the time step."""

    synchronous: bool = False
    no_rendering: bool = False
    fixed_delta_s: float = 0.0
    substepping: bool = True
    max_substep_delta_s: float = 0.01
    max_substeps: int = 10
    max_culling_distance: float = 0.0
    deterministic_ragdolls: bool = True
    tile_stream_distance: float = 3000.0
    actor_active_distance: float = 2000.0
    spectator_as_ego: bool = True

    def longest_substep_s(self, step_s: float) -> float:
        """The physics substep (s) that these settings ask for in a step of `step_s`; infinite without substepping.

        CARLA divides a step into as few substeps of at most `max_substep_delta_s` as it takes, but never into more
        than `max_substeps`.
        """
        return max(self.max_substep_delta_s, step_s / self.max_substeps) if self.substepping else math.inf

    def packed(self) -> list[Any]:
        """Wire form."""
        return [
            self.synchronous,
            self.no_rendering,
            [True, self.fixed_delta_s] if self.fixed_delta_s > 0.0 else [False],
            self.substepping,
            self.max_substep_delta_s,
            self.max_substeps,
            self.max_culling_distance,
            self.deterministic_ragdolls,
            self.tile_stream_distance,
            self.actor_active_distance,
            self.spectator_as_ego,
        ]


def read_settings(value: object) -> EpisodeSettings:
    """A client's settings. Raises BadArguments for a wrong shape, CallError for impossible time steps."""
    parts = items(value, 11)
    delta = items(parts[2])
    fixed = number(delta[1]) if len(delta) == 2 and delta[0] else 0.0
    if not 0.0 <= fixed <= MAX_DELTA_S:
        raise CallError(f"settings: fixed_delta_seconds={fixed} is not within 0 to {MAX_DELTA_S:g} s")
    substep, substeps = number(parts[4]), integer(parts[5])
    if not 0.0 < substep <= 1.0:
        raise CallError(f"settings: max_substep_delta_time={substep} is not within 0 to 1 s")
    if not 1 <= substeps <= MAX_SUBSTEPS:
        raise CallError(f"settings: max_substeps={substeps} is not within 1 to {MAX_SUBSTEPS}")
    # The client's delta is a float32 of what the user wrote: 0.05 arrives as 0.0500000007.
    fixed = round(fixed, 7)
    return EpisodeSettings(
        bool(parts[0]),
        bool(parts[1]),
        fixed,
        bool(parts[3]),
        substep,
        substeps,
        number(parts[6]),
        bool(parts[7]),
        number(parts[8]),
        number(parts[9]),
        bool(parts[10]),
    )
