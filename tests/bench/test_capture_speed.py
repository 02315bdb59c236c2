"""What captures cost a tick: quad_tank with 8 of them that wait for their triggers, beside the same bench without."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import yardstick
from place import measured_place

import hil
from hil.bench import Bench

pytestmark = pytest.mark.bench

CAPTURES = 8
GATE = 2.0  # a tick of quad_tank with 8 captures, of 4 signals each, beside one without
BATCH = 500  # ticks between two looks at the rings, which are not part of a tick
SIGNALS = ["sensor.h1", "sensor.h2", "pump.v1", "pump.v2"]


def side(bench: Bench, ticks: int) -> Callable[[], float]:
    """Time of a tick in ns, without what Python does between ticks."""
    assert bench.engine is not None
    loop = bench.engine.loop

    def run() -> float:
        took = 0
        for _ in range(ticks // BATCH):
            begin = time.perf_counter_ns()
            done = loop.run(BATCH)
            took += time.perf_counter_ns() - begin
            assert done == BATCH
            bench._drain()
        return took / (ticks // BATCH * BATCH)

    return run


@pytest.fixture
def benches() -> Iterator[Callable[[int], Bench]]:
    """`benches(n)`: an open bench with n captures that have looked at their first tick."""
    with ExitStack() as stack:

        def opened(captures: int, condition: str = "sensor.h1 > 9") -> Bench:
            bench = stack.enter_context(hil.open_bench("quad_tank", time="virtual", history=False))
            for _ in range(captures):
                bench.capture(SIGNALS, condition, 0.1, 5000.0, timeout_s=1e6)
            bench.run(0.5)
            return bench

        yield opened


@pytest.mark.parametrize("condition", ["sensor.h1 > 9", "sensor.h1 > 0"], ids=["waiting", "in their windows"])
def test_captures_cost_little_of_a_tick(
    benches: Callable[..., Bench], full: Callable[[int, int], int], condition: str
) -> None:
    ticks = full(10_000, 20_000)
    several, none = side(benches(CAPTURES, condition), ticks), side(benches(0), ticks)
    with measured_place():
        several(), none()
        found = yardstick.paired_until(several, none, at_most=GATE, pairs=full(12, 24))
    print(f"\na tick with {CAPTURES} captures / without: {found} ns, {(found.a - found.b) / CAPTURES:.1f} ns for each")
    assert found.median <= GATE


def test_the_gate_sees_captures_that_cost_more(benches: Callable[..., Bench]) -> None:
    long = " or ".join(f"sensor.h{n % 4 + 1} > {9 + n}" for n in range(24))
    heavy, none = side(benches(16, long), 5_000), side(benches(0), 5_000)
    with measured_place():
        heavy(), none()
        found = yardstick.paired_until(heavy, none, at_least=GATE)
    print(f"\na tick with 16 captures of 24 comparisons / without: {found} ns")
    assert found.median > GATE
