"""Figures against responses whose figures are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil import analysis
from hil.recording import Group, Recording, RecordingWriter

T_S = np.arange(0.0, 10.0, 0.001)


def test_a_first_order_lag_settles_after_four_time_constants() -> None:
    lag = 1.0 - np.exp(-T_S / 0.5)
    settled = analysis.settling_time_s(T_S, lag, target=1.0, band=0.02)
    assert settled == pytest.approx(-0.5 * np.log(0.02), abs=0.002)
    assert analysis.overshoot(lag, target=1.0) == 0.0


def test_overshoot_of_a_second_order_system() -> None:
    zeta, omega = 0.4, 5.0
    damped = omega * np.sqrt(1 - zeta**2)
    y = 1 - np.exp(-zeta * omega * T_S) * (np.cos(damped * T_S) + zeta * omega / damped * np.sin(damped * T_S))
    expected = np.exp(-zeta * np.pi / np.sqrt(1 - zeta**2))  # Ogata, Modern Control Engineering, 5.3
    assert analysis.overshoot(y, target=1.0) == pytest.approx(expected, rel=1e-4)
    assert analysis.overshoot(-3.0 * y, target=-3.0) == pytest.approx(expected, rel=1e-4), "a step downwards"


def test_what_leaves_the_band_again_has_not_settled() -> None:
    x = np.zeros(100)
    x[-1] = 1.0
    assert analysis.settling_time_s(np.arange(100.0), x, target=0.0, band=0.1) is None
    x[-1] = np.nan
    assert analysis.settling_time_s(np.arange(100.0), x, target=0.0, band=0.1) is None


def test_figures_leave_out_what_is_not_usable() -> None:
    figures = analysis.summary(np.array([3.0, np.nan, -4.0, np.inf]))
    assert (figures.n, figures.n_bad) == (2, 2)
    assert (figures.minimum, figures.maximum, figures.first, figures.last) == (-4.0, 3.0, 3.0, -4.0)
    assert figures.rms == pytest.approx(np.sqrt(12.5))
    assert np.isnan(analysis.summary(np.array([np.nan])).mean)


def test_time_in_range() -> None:
    x = np.sin(2 * np.pi * T_S / 5.0)
    assert analysis.time_in_range_s(T_S, x, 0.0, 2.0) == pytest.approx(5.0, abs=0.01)


@given(
    n=st.integers(1, 5000),
    columns=st.integers(1, 4),
    rows=st.integers(10, 500),
    seed=st.integers(0, 1000),
    spikes=st.lists(st.tuples(st.integers(0, 10**9), st.floats(-1e9, 1e9)), max_size=5),
)
def test_thinning_keeps_every_extreme_and_invents_nothing(
    n: int, columns: int, rows: int, seed: int, spikes: list[tuple[int, float]]
) -> None:
    data = [np.random.default_rng(seed + i).normal(size=n) for i in range(columns)]
    for at, height in spikes:
        data[at % columns][at % n] = height
    data[0][seed % n] = np.nan
    kept = analysis.keep_extremes(data, rows)
    assert len(kept) <= max(rows, 2 * columns + 2)
    assert np.all(np.diff(kept) > 0)
    assert kept[0] == 0
    assert kept[-1] == n - 1
    for x in data:
        if np.isfinite(x).any():
            assert np.nanmin(x[kept]) == np.nanmin(x)
            assert np.nanmax(x[kept]) == np.nanmax(x)


def test_core_buckets_hold_their_values() -> None:
    """The same edges as hil_histogram_edge in core/include/hil/histogram.h."""
    edges = analysis.core_edges(592)
    assert edges[:18].tolist() == list(range(18))
    assert edges[32:35].tolist() == [32, 34, 36]
    assert edges[592] == 2.0**40
    values = np.array([0, 15, 16, 31, 32, 33, 1000, 999_999, 2**39])
    found = analysis.sampled_histogram(values)
    assert sum(found["counts"]) == len(values)
    assert found["max"] == 2**39


def test_percentiles_of_a_histogram_are_within_a_bucket() -> None:
    values = np.random.default_rng(1).lognormal(10.0, 0.5, 100_000)
    found = analysis.sampled_histogram(values)
    for key, share in (("p50", 50), ("p99", 99), ("p999", 99.9)):
        assert 1.0 <= found[key] / np.percentile(values, share) < 1.07
    assert found["max"] == values.max()
    assert analysis.core_histogram([0] * 592, 0)["p50"] is None


def record(folder: Path, values: np.ndarray) -> Recording:
    writer = RecordingWriter(folder, {}, {"period_s": 0.001}, {"signals": Group([("a", ""), ("b", "")])})
    ticks = np.arange(len(values))
    writer.write_rows("signals", ticks, ticks, ticks, values)
    writer.close({"ticks": len(values)})
    return Recording(folder)


def test_the_first_difference_names_tick_and_signal(tmp_path: Path) -> None:
    values = np.random.default_rng(2).normal(size=(3000, 2))
    values[7, 0] = np.nan
    other = values.copy()
    other[1234:, 1] += 1e-12
    other[2000, 0] = 5.0
    a, b = record(tmp_path / "a", values), record(tmp_path / "b", other)
    found = analysis.first_difference(a, b)
    assert found is not None
    assert (found.tick, found.name) == (1234, "b")
    assert (found.a, found.b) == (values[1234, 1], other[1234, 1])
    assert analysis.first_difference(a, a) is None
