"""How late the real-time loop wakes up, beside a thread that only sleeps: same policy, same CPU, at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import yardstick
from place import PRIORITY, shallow_sleep

from hil.latency.wakeup import SPIN_NS, bare_us, loop_us, sleepers

pytestmark = [pytest.mark.bench, pytest.mark.realtime, pytest.mark.usefixtures("real_time_priority")]

GATE = 1.10
SPIN_GATE_NS = 1000
PERIOD_NS = 1_000_000


@pytest.fixture(autouse=True)
def awake() -> Iterator[None]:
    """Both sides are measured with processors out of deep sleep; the yardstick does it for itself only."""
    with shallow_sleep():
        yield


def policy() -> str:
    return f"SCHED_FIFO {PRIORITY}" if yardstick.may_use_fifo() else "SCHED_OTHER (SCHED_FIFO is not permitted here)"


def test_the_loop_wakes_up_as_a_bare_sleeper_does(full: Callable[[int, int], int]) -> None:
    ticks, pairs = full(400, 2000), full(9, 16)
    found = yardstick.paired_until(*sleepers(ticks, PERIOD_NS), at_most=GATE, pairs=pairs, most=60)
    print(f"\nwake-up p50, real-time loop / clock_nanosleep: {found} us, {policy()}")
    assert found.median <= GATE


def test_the_gate_sees_a_fifth_more() -> None:
    ours, theirs = sleepers(400, PERIOD_NS)
    found = yardstick.paired_until(lambda: 1.2 * ours(), theirs, at_least=GATE, most=60)
    assert found.median > GATE


def spin(ticks: int, late_ns: float = 0.0, **bound: float) -> tuple[yardstick.Ratio, float]:
    """p50 over what is allowed, a microsecond, and that of bare C in between."""
    bare: list[float] = []

    def allowed() -> float:
        bare.append(1e3 * bare_us(ticks, PERIOD_NS, SPIN_NS))
        return SPIN_GATE_NS

    found = yardstick.paired_until(
        lambda: 1e3 * loop_us(ticks, PERIOD_NS, SPIN_NS) + late_ns, allowed, most=60, **bound
    )
    return found, float(np.median(bare))


def test_a_final_spin_ends_within_a_microsecond(full: Callable[[int, int], int]) -> None:
    found, bare = spin(full(300, 2000), at_most=1.0)
    print(f"\nwake-up p50 with a final spin: {found.a:.0f} ns (bare: {bare:.0f} ns), {policy()}; of the gate: {found}")
    assert found.median <= 1.0


def test_the_gate_sees_a_spin_that_ends_late() -> None:
    assert spin(200, late_ns=1.5 * SPIN_GATE_NS, at_least=1.0)[0].median > 1.0
