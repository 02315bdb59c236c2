"""Captures do not disturb the loop: ticks of quad_tank that are missed with them and without them, in turns, over the
wire against its emulated PLC at 1 kHz."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from missed_ticks import undisturbed

import hil
from hil.bench import Bench
from hil.capture import State

pytestmark = pytest.mark.realtime
CAPTURES = 8
SIGNALS = ["sensor.h1", "sensor.h2", "pump.v1", "pump.v2"]


def _arm(bench: Bench, seconds: float) -> None:
    """Half of them take window after window and write them, half wait for what does not come."""
    for number in range(CAPTURES // 2):
        bench.capture(SIGNALS, f"sensor.h{number + 1} > 0", 0.1, 0.4, timeout_s=seconds, count=10_000)
        bench.capture(SIGNALS, f"held(sensor.h{number + 1} > 9, 0.1)", 0.5, 0.1, timeout_s=2 * seconds)


def _run(rig: Path, captures: bool, seconds: float) -> tuple[int, int]:
    """Missed ticks, and windows that were taken."""
    with hil.open_bench(rig, time="real") as bench:
        if captures:
            _arm(bench, seconds)
        bench.run(seconds)
        assert bench["plc.running"] == 1.0
    result = bench.finish()
    assert result.passed, result.reason
    made = list(bench.captures)
    assert all(capture.state is not State.ERROR for capture in made)
    return result.overruns, sum(piece.closed for capture in made for piece in capture.pieces)


def test_the_loop_misses_no_more_ticks_with_captures_than_without(
    rig_copy: Callable[..., Path], full: Callable[[int, int], int]
) -> None:
    pairs, seconds = full(3, 6), full(1, 10)
    rig = rig_copy("quad_tank")

    def missed(captures: bool) -> int:
        overruns, windows = _run(rig, captures, seconds)
        assert not captures or windows >= CAPTURES / 2 * 2 * seconds, "they had work to do"
        return overruns

    undisturbed(missed, pairs, seconds * 1000)
