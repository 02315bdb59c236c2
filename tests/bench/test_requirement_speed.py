"""Robustness of 10^5 samples against rtamt's discrete-time offline monitor, run in turn in one process."""

from __future__ import annotations

import time

import numpy as np
import pytest
import stl_oracle

from hil.requirements import parse

SAMPLES = 100_000
CASES = [
    ("G[0s,2.5s](x < 0.9)", "always[0,10](x < 0.9)"),
    ("x > 0.5 -> F[0s,25s] y > 1", "(x > 0.5) implies eventually[0,100](y > 1)"),
    ("(x < 1) U[0s,2.5s] (y > 1)", "(x < 1) until[0,10](y > 1)"),
    ("(x < 1) U (y > 1)", "(x < 1) until (y > 1)"),
]


@pytest.mark.bench
@pytest.mark.parametrize(("ours", "theirs"), CASES, ids=[ours for ours, _ in CASES])
def test_robustness_of_a_hundred_thousand_samples_is_20_times_as_fast_as_rtamt(ours, theirs, full):
    draw = np.random.default_rng(7)
    values = {name: draw.normal(size=SAMPLES) for name in "xyz"}
    data = {"time": list(range(SAMPLES)), **{name: v.tolist() for name, v in values.items()}}
    formula, ratios = parse(ours), []
    for _ in range(full(1, 5)):
        monitor = stl_oracle.monitor(theirs)  # it counts on from the last trace, so each gets its own
        start = time.perf_counter()
        expected = monitor.evaluate(data)
        theirs_s = time.perf_counter() - start
        ratios += [theirs_s / _seconds(formula, values) for _ in range(5)]  # ms, so one alone would be chance
    found = formula.robustness(values, stl_oracle.PERIOD_S)
    np.testing.assert_allclose(found, [value for _, value in expected], rtol=0, atol=1e-9)
    ratio = float(np.median(ratios))
    print(f"{ours}: {ratio:.0f} times as fast")
    assert ratio >= 20


def test_the_length_of_a_window_does_not_set_the_time():
    x = np.random.default_rng(7).normal(size=SAMPLES)
    short, long = parse("G[0s,1s](x < 0.9)"), parse("G[0s,5000s](x < 0.9)")
    ratios = [_seconds(long, {"x": x}) / _seconds(short, {"x": x}) for _ in range(15)]
    assert np.median(ratios) < 30  # 5,000 times as many samples in it


def _seconds(formula, values) -> float:
    start = time.perf_counter()
    formula.robustness(values, stl_oracle.PERIOD_S)
    return time.perf_counter() - start
