"""Two recordings bit by bit: what differs first is named with its tick, and nothing else makes a difference."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest

from hil import open_bench
from hil.compare import compare
from hil.errors import RecordingError
from hil.recording import Group, Recording, RecordingWriter

SPECIAL = [0.0, -0.0, math.nan, math.inf, 5e-324, 1.0]


def run(folder, rig="quad_tank", seconds=1.0, faults=(), change=None):
    with open_bench(rig, record=folder, faults=faults) as bench:
        if change:
            change(bench)
        bench.run(seconds)
    return Recording(folder)


def written(folder, values, *, ticks=None, period_s=0.001, status=None):
    """A recording of the column `x` with these values."""
    ticks = np.arange(len(values)) if ticks is None else np.array(ticks)
    group = Group([("x", "m"), ("y", "m")], status_columns=["x"])
    writer = RecordingWriter(folder, {}, {"period_s": period_s}, {"signals": group})
    rows = np.column_stack([values, np.zeros(len(values))])
    flags = np.zeros((len(values), 1), np.uint8) if status is None else np.array(status, np.uint8)[:, None]
    writer.write_rows("signals", ticks, ticks * 3, ticks * 5, rows, flags)
    writer.close({"ticks": int(ticks[-1]) + 1})
    return Recording(folder)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run(tmp_path_factory.mktemp("plain") / "r")


def test_the_same_run_is_identical(plain, tmp_path):
    found = compare(plain, run(tmp_path / "r"))
    assert (found.identical, found.first_difference, found.differences) == (True, None, [])
    assert found.signals == len(plain.names) > 30
    assert found.rows == 1000


def test_one_ulp_in_a_parameter_is_found_and_located(plain, tmp_path):
    def one_ulp(bench):
        bench.set("level1.kp", math.nextafter(135.0, 200.0), at=0.3)

    other = run(tmp_path / "r", change=one_ulp)
    found = compare(plain, other)
    # The same by another way: row by row, until something differs.
    bits = [np.column_stack([one[n].view(np.uint64) for n in plain.names]) for one in (plain, other)]
    rows = np.flatnonzero((bits[0] != bits[1]).any(axis=1))
    first = found.first_difference
    assert first is not None, "the change reached a recorded signal"
    assert first.tick == rows[0] >= 300
    column = int(np.flatnonzero(bits[0][rows[0]] != bits[1][rows[0]])[0])
    assert (first.signal, first.what) == (plain.names[column], "value")
    assert (first.a, first.b) == (plain[first.signal][first.tick], other[first.signal][first.tick])
    assert (int(first.a_bits, 16), int(first.b_bits, 16)) == tuple(int(b[rows[0], column]) for b in bits)
    assert [d.tick for d in found.differences] == sorted(d.tick for d in found.differences)


def test_a_status_alone_is_a_difference(plain, tmp_path):
    found = compare(plain, run(tmp_path / "r", faults=["sensor.h4=bias(0)@0.4s"]))
    first = found.first_difference
    assert (first.tick, first.signal, first.what) == (400, "sensor.h4", "status")
    assert first.a_bits == "00"
    assert int(first.b_bits, 16) != 0
    assert {difference.what for difference in found.differences} == {"status"}


def test_a_run_that_is_shorter_differs_where_it_ends(plain, tmp_path):
    first = compare(plain, run(tmp_path / "r", seconds=0.9)).first_difference
    assert (first.tick, first.what, first.rows) == (900, "rows", 100)
    assert first.a == plain[first.signal][900]
    assert (first.b, first.b_bits) == (None, "")


def test_rows_that_one_has_lost_do_not_hide_an_earlier_difference(tmp_path):
    a = written(tmp_path / "a", [1.0, 2.0, 3.0, 4.0])
    b = written(tmp_path / "b", [1.0, 2.5, 4.0], ticks=[0, 1, 3])
    found = compare(a, b)
    assert [(d.tick, d.what) for d in found.differences] == [(1, "value"), (2, "rows")]
    assert found.rows == 3


@pytest.mark.parametrize("at", range(len(SPECIAL)))
def test_every_bit_counts_and_any_nan_is_nan(tmp_path, at):
    a = written(tmp_path / "a", SPECIAL)
    other_nan = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_0000_0123))[0]
    assert compare(a, written(tmp_path / "b", [other_nan if math.isnan(v) else v for v in SPECIAL])).identical
    changed = list(SPECIAL)
    changed[at] = {0: -0.0, 1: 0.0, 2: 0.0}.get(at, 2.0)
    first = compare(a, written(tmp_path / "c", changed)).first_difference
    assert (first.tick, first.signal, first.what, first.rows) == (at, "x", "value", 1)
    assert first.a_bits != first.b_bits


def test_what_is_left_out_or_only_in_one_makes_no_difference(plain, tmp_path):
    a = written(tmp_path / "a", [1.0, 2.0])
    b = written(tmp_path / "b", [1.0, 3.0])
    assert compare(a, b, leave_out=["x"]).identical
    with pytest.raises(RecordingError, match="no signal in common"):
        compare(a, b, leave_out=["x", "y"])
    with pytest.raises(RecordingError, match="base period"):
        compare(a, written(tmp_path / "c", [1.0], period_s=0.01))
    with pytest.raises(RecordingError, match="no signal in common"):
        compare(a, plain)
