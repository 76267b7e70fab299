"""Intervals and comparisons for a few dozen episodes: Wilson, interquartile mean, bootstraps, McNemar.

Formulas of Wilson (1927) as in Newcombe, "Two-sided confidence intervals for the single proportion" (1998); IQM and its
stratified bootstrap of Agarwal et al., "Deep RL at the Edge of the Statistical Precipice" (2021); exact McNemar test of
Fagerland et al., "The McNemar test for binary matched-pairs data" (2013).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Z95 = 1.959964
RESAMPLES = 2000
Statistic = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Interval:
    """Both ends of a confidence interval, in the unit of what was measured."""

    low: float
    high: float


def wilson(k: int, n: int, z: float = Z95) -> Interval:
    """Score interval of a share of `k` successes in `n` trials, within [0, 1]; the whole of it for no trials.

    `centre = (p + z²/2n) / (1 + z²/n)`, `half = z √(p(1-p)/n + z²/4n²) / (1 + z²/n)`. Raises ValueError unless
    0 <= k <= n.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} successes of {n} trials")
    if n == 0:
        return Interval(0.0, 1.0)
    p, shrink = k / n, 1.0 + z * z / n
    centre = (p + z * z / (2 * n)) / shrink
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / shrink
    # Rounding may leave 0/n and n/n a hair off the ends that the formula gives.
    return Interval(0.0 if k == 0 else centre - half, 1.0 if k == n else centre + half)


def iqm(values: np.ndarray | Sequence[float]) -> np.ndarray:
    """Mean of the middle half along the last axis: a quarter, rounded down, is cut off at each end (as rliable does).

    Raises ValueError without values.
    """
    array = np.sort(np.asarray(values, np.float64), axis=-1)
    n = array.shape[-1] if array.ndim else 0
    if n == 0:
        raise ValueError("the interquartile mean of no values")
    return array[..., n // 4 : n - n // 4].mean(axis=-1)


def stratified_bootstrap(
    strata: Sequence[Sequence[float]],
    statistic: Statistic = iqm,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile interval of `statistic` over all strata together; values are redrawn within each stratum.

    `statistic` maps (resamples, n) to (resamples,). The same seed gives the same interval. Raises ValueError without
    values.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for stratum in strata:
        values = np.asarray(stratum, np.float64)
        if len(values):
            parts.append(values[rng.integers(len(values), size=(resamples, len(values)))])
    if not parts:
        raise ValueError("a bootstrap of no values")
    return _percentiles(statistic(np.concatenate(parts, axis=1)), level)


def paired_bootstrap_difference(
    before: Sequence[float],
    after: Sequence[float],
    resamples: int = RESAMPLES,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile interval of the mean of `after - before`, pairs redrawn together (same position, same seed).

    Raises ValueError for no pairs or different lengths.
    """
    if len(before) != len(after) or not len(before):
        raise ValueError(f"{len(before)} values before and {len(after)} after are no pairs")
    differences = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    return stratified_bootstrap([differences.tolist()], lambda x: x.mean(axis=-1), resamples, level, seed)


def mcnemar(only_before: int, only_after: int) -> float:
    """Two-sided exact p-value that success changed, from the numbers of pairs that succeeded only once.

    Twice the smaller tail of Binomial(only_before + only_after, 1/2), at most 1; 1 where no pair differs.
    """
    n = only_before + only_after
    tail = sum(math.comb(n, i) for i in range(min(only_before, only_after) + 1))
    return min(1.0, 2.0 * tail / 2**n)


def _percentiles(draws: np.ndarray, level: float) -> Interval:
    outside = 50.0 * (1.0 - level)
    low, high = np.percentile(draws, [outside, 100.0 - outside])
    return Interval(float(low), float(high))
