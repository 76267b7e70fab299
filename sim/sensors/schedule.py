"""When a sensor is due."""

from __future__ import annotations


class Schedule:
    """A sensor is due at its first listened-to tick, then every `sensor_tick` seconds without drift."""

    def __init__(self, sensor_tick: float) -> None:
        self._period = sensor_tick
        self._next: float | None = None

    def restart(self) -> None:
        """The next tick is the first again."""
        self._next = None

    def due(self, elapsed_s: float) -> bool:
        """Whether to emit now; call once per tick while someone listens."""
        if self._period <= 0.0:
            return True
        # Sums of 0.05 fall short of multiples of the period by rounding: a millisecond of tolerance.
        if self._next is not None and elapsed_s < self._next - 1e-3:
            return False
        self._next = elapsed_s + self._period if self._next is None else self._next + self._period
        if self._next <= elapsed_s:
            self._next = elapsed_s + self._period
        return True
