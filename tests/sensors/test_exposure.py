"""Exposure and gamma of RGB cameras."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.sensors.exposure import manual_stops, response


def test_the_defaults_change_nothing() -> None:
    assert response(0.0, 2.2) is None
    assert manual_stops(100.0, 200.0, 1.4) == 0.0


@given(stops=st.floats(-6.0, 6.0), gamma=st.floats(0.5, 5.0))
def test_levels_keep_their_order_and_black_stays_black(stops: float, gamma: float) -> None:
    table = response(stops, gamma)
    if table is not None:
        assert (np.diff(table.astype(int)) >= 0).all()
        assert table[0] == 0


def test_a_stop_is_twice_the_light() -> None:
    table = response(1.0, 2.2)
    assert table is not None
    assert (table[100] / 255.0) ** 2.2 == pytest.approx(2.0 * (100 / 255.0) ** 2.2, rel=0.02)


def test_a_larger_gamma_lifts_the_middle_and_keeps_white() -> None:
    flat, steep = response(0.0, 3.0), response(0.0, 1.5)
    assert flat is not None
    assert steep is not None
    assert flat[100] > 100 > steep[100]
    assert flat[255] == steep[255] == 255


@pytest.mark.parametrize(
    ("iso", "shutter", "fstop", "stops"), [(200, 200, 1.4, 1), (100, 400, 1.4, -1), (100, 200, 2.8, -2)]
)
def test_manual_exposure_counts_in_stops(iso: float, shutter: float, fstop: float, stops: float) -> None:
    assert manual_stops(iso, shutter, fstop) == pytest.approx(stops)


def test_nonsense_gives_a_table_all_the_same() -> None:
    for values in ((0.0, 0.0, 0.0), (-5.0, 1e30, -1.0), (1e30, -1.0, 1e-30)):
        assert response(manual_stops(*values), 0.0) is not None
