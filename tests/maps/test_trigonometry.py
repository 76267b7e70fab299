"""Sine and cosine that do not depend on the processor."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from sim.maps.trigonometry import cosine, sine


@given(st.floats(-25.0, 25.0))
def test_they_are_the_c_librarys_to_its_last_bit(angle: float) -> None:
    assert abs(sine(angle) - math.sin(angle)) <= math.ulp(math.sin(angle))
    assert abs(cosine(angle) - math.cos(angle)) <= math.ulp(math.cos(angle))


def test_a_value_in_which_c_libraries_differ_is_rounded_correctly() -> None:
    # With fused multiply-add glibc 2.36 says 0x1.84efbda22d22cp-3; fifty decimal digits decide.
    angle = float.fromhex("-0x1.6135afdbb85c5p+0")
    with localcontext() as context:
        context.prec = 50
        term = exact = Decimal(1)
        for k in range(1, 60, 2):
            term *= -(Decimal(angle) ** 2) / (k * (k + 1))
            exact += term
    assert cosine(angle) == float(exact)
    assert sine(0.0) == 0.0
    assert cosine(0.0) == 1.0
