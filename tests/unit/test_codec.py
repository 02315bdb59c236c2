"""Registers: rounding, saturation, and never a reading outside the limits."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hil._core import through_register

BOOL, U16, I16, U32, I32, U64, I64, F32, F64 = range(9)
INF = math.inf


@pytest.mark.parametrize(
    ("kind", "value", "raw"),
    [
        (U16, 2.5, 2), (U16, 3.5, 4), (U16, -1.0, 0), (U16, 1e9, 65535), (I16, -2.5, 0xFFFE), (I16, -40000.0, 0x8000),
        (I32, -1.0, 0xFFFFFFFF), (U32, 2.0**40, 2**32 - 1), (U64, 2.0**53, 2**53), (U64, 2.0**51 + 0.5, 2**51),
        (U64, 2.0**51 + 1.5, 2**51 + 2), (I64, -(2.0**63), 2**63), (BOOL, 0.5, 1), (BOOL, 0.49, 0), (U16, math.nan, 0),
    ],
)  # fmt: skip
def test_values_are_rounded_to_nearest_even_and_saturate(kind, value, raw):
    assert through_register(kind, 1.0, 0.0, -INF, INF, value)[0] == raw


@pytest.mark.parametrize(("kind", "exact", "beyond"), [(U64, 2.0**53, 2.0**53 + 2), (I64, -(2.0**53), -(2.0**53) - 2)])
def test_64_bit_integers_are_exact_to_2_53_and_bad_beyond(kind, exact, beyond):
    assert through_register(kind, 1.0, 0.0, -INF, INF, exact)[1] == exact
    assert math.isnan(through_register(kind, 1.0, 0.0, -INF, INF, beyond)[1])


def thousandths(low, high):
    """Limits, scales and offsets as people write them."""
    return st.integers(low, high).map(lambda n: n / 1000)


def test_no_rounding_leads_past_a_limit(full):
    @settings(max_examples=full(2000, 100_000), deadline=None)
    @given(
        st.sampled_from([U16, I16, I32, F32]),
        thousandths(1, 10_000),
        st.booleans(),
        thousandths(-50_000, 50_000),
        thousandths(-100_000, 100_000),
        thousandths(500, 100_000),
        st.floats(-300.0, 300.0),
    )
    def check(kind, scale, negative, offset, lo, width, value):
        hi = lo + max(width, 3 * scale)
        scale = -scale if negative else scale
        if kind != F32:  # the limits have to be within the register's reach
            ends = sorted(raw * scale + offset for raw in ((0, 65535) if kind == U16 else (-32768, 32767)))
            assume(ends[0] <= lo and hi <= ends[1])
        reading = through_register(kind, scale, offset, lo, hi, value)[1]
        slack = 2e-6 * abs(scale) if kind != F32 else 2e-9 * (abs(reading) + 2 * abs(offset))
        assert lo - slack <= reading <= hi + slack

    check()


def test_a_reading_is_within_half_a_step_inside_the_limits():
    for value in np.linspace(-3, 12, 1501):
        reading = through_register(U16, 0.1, -5.0, -5.0, 10.0, value)[1]
        assert abs(reading - min(max(value, -5.0), 10.0)) <= 0.05 + 1e-9
