"""A dynamic vision sensor: events where the brightness of a pixel crosses thresholds.

Source of the model: CARLA's DVSCamera.cpp, after Rebecq et al., ESIM (CoRL 2018). Brightness is taken to change
linearly between two pictures; a pixel fires each time it has moved by a threshold from where it fired last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from sim.sensors.errors import require

EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("t", "<i8"), ("pol", "?")])
"""Column, row, simulation time (ns), whether it got brighter; 13 bytes, as the wire carries it."""

MIN_THRESHOLD = 0.01
NEVER = -1
MAX_EVENTS = 1 << 22


@dataclass(frozen=True)
class EventModel:
    """Thresholds of rising and falling brightness with their standard deviations, in log brightness or grey levels.

    Raises ImpossibleSensor.
    """

    positive_threshold: float
    negative_threshold: float
    sigma_positive: float
    sigma_negative: float
    refractory_ns: int
    use_log: bool
    log_eps: float

    def __post_init__(self) -> None:
        for name, value in (("positive", self.positive_threshold), ("negative", self.negative_threshold)):
            require(value >= MIN_THRESHOLD, f"dvs: {name}_threshold={value} is below {MIN_THRESHOLD}")
        for name, value in (("positive", self.sigma_positive), ("negative", self.sigma_negative)):
            require(value >= 0.0, f"dvs: sigma_{name}_threshold={value} is negative")
        require(not self.use_log or self.log_eps > 0.0, f"dvs: log_eps={self.log_eps} is not positive")
        require(self.refractory_ns >= 0, f"dvs: refractory_period_ns={self.refractory_ns} is negative")


@njit(cache=True, nogil=True, error_model="numpy")
def _brightness(bgra, use_log, eps, out):  # type: ignore[no-untyped-def]
    for row in range(bgra.shape[0]):
        for column in range(bgra.shape[1]):
            b, g, r = bgra[row, column, 0], bgra[row, column, 1], bgra[row, column, 2]
            grey = 0.2989 * r + 0.587 * g + 0.114 * b
            out[row, column] = math.log(eps + grey / 255.0) if use_log else grey


@njit(cache=True, nogil=True, error_model="numpy")
def _fire(before, now, reference, fired, thresholds, start, span, refractory, keep, events):  # type: ignore[no-untyped-def]
    """Events of one step; returns how many. With `keep` False it only counts and changes nothing."""
    count = 0
    for row in range(now.shape[0]):
        for column in range(now.shape[1]):
            old, new = before[row, column], now[row, column]
            if abs(old - new) <= 1e-6:
                continue
            rising = new >= old
            step = thresholds[0 if rising else 1, row, column]
            level = reference[row, column]
            last = fired[row, column]
            while True:
                following = level + step if rising else level - step
                if rising:
                    crossed = old < following <= new
                else:
                    crossed = new <= following < old
                if not crossed:
                    break
                level = following
                t = start + np.int64((level - old) * span / (new - old))
                if last == NEVER or t - last >= refractory:
                    if keep:
                        events[count].x = column
                        events[count].y = row
                        events[count].t = t
                        events[count].pol = rising
                    count += 1
                    last = t
            if keep:
                reference[row, column] = level
                fired[row, column] = last
    return count


class EventCamera:
    """Remembers what each pixel fired at; give it every picture in order."""

    def __init__(self, model: EventModel, random: np.random.Generator) -> None:
        self._model = model
        self._random = random
        self._before: np.ndarray | None = None
        self._time_ns = 0

    def events(self, bgra: np.ndarray, elapsed_s: float) -> np.ndarray:
        """EVENT (N,) since the picture before, in order of time; none for the first picture.

        bgra uint8 (H, W, 4) at `elapsed_s` of simulation time. A picture with more than 2^22 of them gives none.
        """
        model, shape = self._model, bgra.shape[:2]
        now = np.empty(shape, np.float32)
        _brightness(bgra, model.use_log, model.log_eps, now)
        time_ns = round(elapsed_s * 1e9)
        before, start = self._before, self._time_ns
        self._before, self._time_ns = now, time_ns
        if before is None or before.shape != shape:
            self._reference = now.copy()
            self._fired = np.full(shape, NEVER, np.int64)
            return np.zeros(0, EVENT)
        thresholds = np.empty((2, *shape), np.float32)
        for k, (threshold, sigma) in enumerate(
            ((model.positive_threshold, model.sigma_positive), (model.negative_threshold, model.sigma_negative))
        ):
            thresholds[k] = threshold
            if sigma > 0.0:
                thresholds[k] = np.maximum(threshold + self._random.normal(0.0, sigma, shape), MIN_THRESHOLD)
        arguments = (before, now, self._reference, self._fired, thresholds, start, time_ns - start, model.refractory_ns)
        count = _fire(*arguments, False, np.zeros(0, EVENT))
        if count > MAX_EVENTS:
            self._reference, self._before = now.copy(), now
            return np.zeros(0, EVENT)
        events = np.empty(count, EVENT)
        _fire(*arguments, True, events)
        return events[np.argsort(events["t"], kind="stable")]
