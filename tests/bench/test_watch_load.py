"""A day at the bench does not disturb the loop: ticks that are missed with an instrument, captures and `hil watch` in a
terminal, and without all of them, in turns, at 1 kHz."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from missed_ticks import undisturbed
from terminals import Terminal, terminals
from test_instruments_beside_the_loop import supplied

import hil
from hil.control import ControlServer

pytestmark = pytest.mark.realtime
LOOKS_HZ = 8


def _run(rig: Path, seconds: float, terminal: Terminal | None) -> int:
    """Missed ticks of a run, alone or with all that a day brings."""
    level = "mil" if terminal is None else "pil"
    with hil.open_bench(rig, time="real", bind={"controller": "mil", "supply": level}) as bench:
        server = ControlServer(bench)
        server.start()
        try:
            if terminal is not None:
                bench.capture(["plant.speed"], "plant.speed > -1", 0.1, 0.4, timeout_s=2 * seconds, count=10_000)
                bench.capture(["plant.speed"], "held(plant.speed > 9, 0.1)", 0.5, 0.1, timeout_s=2 * seconds)
                terminal.watches("--rate", str(LOOKS_HZ))  # it has begun before ticks are counted
            bench.run(seconds)
            if terminal is not None:
                terminal.sees(f"{bench.time_s:.2f} s")
                assert sum(piece.closed for one in bench.captures for piece in one.pieces) >= seconds
                terminal.keys("q")
        finally:
            server.close()
    result = bench.finish()
    assert result.passed, result.reason
    return result.overruns


def test_the_loop_misses_no_more_ticks_with_a_day_at_the_bench_than_without(
    tmp_path: Path, full: Callable[[int, int], int]
) -> None:
    pairs, seconds = full(3, 2), full(2, 60)
    (tmp_path / "rig").mkdir()
    rig = supplied(tmp_path / "rig")
    with terminals(tmp_path) as made:
        terminal = made("watcher")
        undisturbed(lambda beside: _run(rig, seconds, terminal if beside else None), pairs, seconds * 1000)
