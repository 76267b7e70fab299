"""A world's clock: when an asynchronous world ticks, and how long a step without a fixed length is.

The four modes are CARLA's (documentation, "Synchrony and time-step"):

    asynchronous, variable step   ticks `VARIABLE_FPS` times a second; a step lasts as long as real time went on
    asynchronous, fixed step      ticks as fast as the server can, at most `FASTEST_FPS` times a second
    synchronous, fixed step       ticks when a client says so
    synchronous, variable step    the same, and a step lasts as long as real time went on since the last one

A variable step is never longer than `LONGEST_STEP_S`, beyond which CARLA's physics is not to be trusted either.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from sim.server.world import World

log = logging.getLogger(__name__)
VARIABLE_FPS, FASTEST_FPS = 30.0, 1000.0
SHORTEST_STEP_S, LONGEST_STEP_S = 0.001, 0.1


class Clock:
    """Ticks one world. An asynchronous world rests while `is_watched()` says that no client is connected."""

    def __init__(self, world: World, is_watched: Callable[[], bool], max_fps: float = 0.0) -> None:
        self._world = world
        self._is_watched = is_watched
        self._max_fps = max_fps
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._last_tick = time.monotonic()

    def update(self) -> None:
        """Start or stop after a change of settings or clients."""
        running = self._is_watched() and not self._world.settings.synchronous
        if not running and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        elif running and self._timer is None:
            self._due = self._last_tick = time.monotonic()
            self._arm()

    def tick(self) -> int:
        """Advance the world by one step; returns the frame made."""
        now = time.monotonic()
        elapsed, self._last_tick = now - self._last_tick, now
        fixed = self._world.settings.fixed_delta_s
        return self._world.tick(fixed or min(LONGEST_STEP_S, max(SHORTEST_STEP_S, elapsed)))

    def _arm(self) -> None:
        fps = self._max_fps or (FASTEST_FPS if self._world.settings.fixed_delta_s else VARIABLE_FPS)
        now = time.monotonic()
        self._due = max(self._due + 1.0 / fps, now)
        self._timer = asyncio.get_running_loop().call_later(self._due - now, self._fire)

    def _fire(self) -> None:
        self._timer = None
        try:
            self.tick()
        except Exception:
            log.exception("a tick failed")
        if self._is_watched() and not self._world.settings.synchronous:
            self._arm()
