"""Episode settings, as the client reads and writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.server.errors import CallError
from sim.server.wire import integer, items, number


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
    """A client's settings. Raises BadArguments for a wrong shape, CallError for an impossible time step."""
    parts = items(value, 11)
    delta = items(parts[2])
    fixed = number(delta[1]) if len(delta) == 2 and delta[0] else 0.0
    if not 0.0 <= fixed <= 1.0:
        raise CallError(f"settings: fixed_delta_seconds={fixed} is not within 0 to 1 s")
    # The client's delta is a float32 of what the user wrote: 0.05 arrives as 0.0500000007.
    fixed = round(fixed, 7)
    return EpisodeSettings(
        bool(parts[0]),
        bool(parts[1]),
        fixed,
        bool(parts[3]),
        number(parts[4]),
        integer(parts[5]),
        number(parts[6]),
        bool(parts[7]),
        number(parts[8]),
        number(parts[9]),
        bool(parts[10]),
    )
