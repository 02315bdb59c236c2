"""The peers of docs/timing.md do the same work as HIL, and the page holds a row of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yardstick

from hil.latency.bus import our_server

pytest.importorskip("control", reason="python-control is not installed: pip install 'hil[design]'")
pytest.importorskip("fmpy", reason="FMPy is not installed: pip install 'hil[fmi]'")
import timing_peers as peers
import timing_table

pytestmark = pytest.mark.bench


def test_python_control_and_the_block_give_the_same_response() -> None:
    assert peers.same_response() < 1e-9


def test_the_extended_filter_of_the_table_is_that_of_filterpy() -> None:
    """Its Jacobian is the slope of its equations."""
    x, dt = np.array([0.1, -0.2, 0.3, 0.4]), 1e-3
    change, F = peers.cart_pole(x, 1.0, dt)
    for i in range(4):
        moved = peers.cart_pole(x + 1e-6 * np.eye(4)[i], 1.0, dt)[0]
        np.testing.assert_allclose((F[:, i] - np.eye(4)[i]) / dt, (moved - change) / 1e-6, atol=1e-4)
    assert peers.filterpy_ekf_ns(20) > 0


def test_every_read_of_pymodbus_reaches_the_server() -> None:
    with our_server() as server:
        before = server.counters()["requests"]
        assert peers.pymodbus_us(server.port, 50) > 0.0
        assert server.counters()["requests"] == before + 50


def test_a_row_says_how_many_times_as_long_the_other_takes() -> None:
    row = timing_table.pair("work", "other 1.0", "ns", lambda: 10.0, lambda: 25.0, 4)
    assert timing_table._line(row) == "| work | other 1.0 | 10 ns | 25 ns | **2.5** | 2.5 ... 2.5 |"
    missing = timing_table.Row("work", "other 1.0", "ns", None, "no network")
    assert "not measured: no network" in timing_table.page([row, missing], 4, (0.5, 1.25))
    assert "was 0.5 when the first row began and 1.2 at the end" in timing_table.page([row], 4, (0.5, 1.25))
    assert row.ratio == yardstick.Ratio((2.5,) * 4, 25.0, 10.0)


def test_the_page_compares_with_each_of_the_field() -> None:
    text = (Path(__file__).parents[2] / "docs/timing.md").read_text()
    for other in ("C (gcc", "libmodbus", "pymodbus", "pyserial", "filterpy", "FMPy", "python-control"):
        rows = [line for line in text.splitlines() if line.startswith("| ") and f"| {other}" in line]
        assert rows, other
        assert any("**" in row for row in rows), f"{other}: not measured"
    for work in ("PLC program", "extended Kalman filter"):
        assert f"| {work}" in text
