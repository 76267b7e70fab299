"""Intervals against published vectors, against scipy, and against what they promise: coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rollouts.statistics import Interval, iqm, mcnemar, paired_bootstrap_difference, stratified_bootstrap, wilson


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (147, 219, 60.7, 73.0),
        (155, 220, 64.1, 76.1),
        (121, 220, 48.4, 61.4),
        (192, 220, 82.2, 91.0),
        (5, 5, 56.6, 100.0),
        (8, 8, 67.6, 100.0),
        (45, 50, 78.6, 95.7),
    ],
)
def test_wilson_gives_the_published_intervals(k: int, n: int, low: float, high: float) -> None:
    interval = wilson(k, n)
    assert round(100 * interval.low, 1) == low
    assert round(100 * interval.high, 1) == high


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_scipy(pair: tuple[int, int]) -> None:
    k, n = pair
    theirs = stats.binomtest(k, n).proportion_ci(method="wilson")
    ours = wilson(k, n)
    assert ours.low == pytest.approx(theirs.low, abs=1e-6)
    assert ours.high == pytest.approx(theirs.high, abs=1e-6)
    assert 0.0 <= ours.low <= k / n <= ours.high <= 1.0


def test_wilson_of_nothing_says_nothing() -> None:
    assert wilson(0, 0) == Interval(0.0, 1.0)
    with pytest.raises(ValueError, match="3 successes of 2"):
        wilson(3, 2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_iqm_is_scipys_trimmed_mean(values: list[float]) -> None:
    assert float(iqm(values)) == pytest.approx(stats.trim_mean(values, 0.25), rel=1e-9, abs=1e-6)


def test_bootstrap_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        interval = stratified_bootstrap([rng.normal(3.0, 1.0, 60).tolist()], resamples=400, seed=trial)
        covered += interval.low <= 3.0 <= interval.high
    assert 0.88 <= covered / 200 <= 0.99


def test_bootstrap_redraws_within_strata_only() -> None:
    # Two constant strata leave nothing to vary; mixed up they would.
    interval = stratified_bootstrap([[0.0] * 10, [1.0] * 10], lambda x: x.mean(axis=-1))
    assert interval == Interval(0.5, 0.5)
    mixed = stratified_bootstrap([[0.0] * 10 + [1.0] * 10], lambda x: x.mean(axis=-1))
    assert mixed.low < 0.4 < 0.6 < mixed.high
    assert mixed == stratified_bootstrap([[0.0] * 10 + [1.0] * 10], lambda x: x.mean(axis=-1))
    with pytest.raises(ValueError, match="no values"):
        stratified_bootstrap([[]])


def test_pairs_are_narrower_than_two_samples() -> None:
    rng = np.random.default_rng(1)
    difficulty = rng.normal(0, 5, 40)
    before, after = difficulty + rng.normal(0, 0.1, 40), difficulty + 1 + rng.normal(0, 0.1, 40)
    interval = paired_bootstrap_difference(before.tolist(), after.tolist())
    assert interval.low > 0.9
    assert interval.high < 1.1
    theirs = stats.bootstrap((after - before,), np.mean, method="percentile", random_state=0).confidence_interval
    assert interval.low == pytest.approx(theirs.low, abs=0.01)
    with pytest.raises(ValueError, match="no pairs"):
        paired_bootstrap_difference([1.0], [1.0, 2.0])


@pytest.mark.parametrize(("b", "c"), [(0, 0), (0, 5), (3, 12), (7, 7), (1, 40), (20, 4)])
def test_mcnemar_is_the_exact_binomial_test(b: int, c: int) -> None:
    theirs = stats.binomtest(min(b, c), b + c, 0.5).pvalue if b + c else 1.0
    assert mcnemar(b, c) == pytest.approx(theirs)
