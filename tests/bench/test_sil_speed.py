"""What a controller costs more as the firmware's library (SIL) than as blocks (MIL), in the same loop.

The difference of two ticks of one rig, measured in turn. It is a time, as it has no yardstick to be a ratio to; so the
median of pairs is taken, and the first good of a few batches, as a neighbour on the processor can only add.
"""

from __future__ import annotations

import statistics
import time

import pytest
from place import measured_place

from hil import open_bench

pytestmark = pytest.mark.bench

MOST_NS = 20.0
BATCHES = 5


def ns_per_tick(state, ticks: int) -> float:
    begin = time.perf_counter_ns()
    state.run(ticks)
    return (time.perf_counter_ns() - begin) / ticks


def difference(mil, sil, ticks: int, pairs: int) -> float:
    found = []
    for i in range(pairs):
        first, second = (mil, sil) if i % 2 else (sil, mil)
        a, b = ns_per_tick(first, ticks), ns_per_tick(second, ticks)
        found.append(b - a if i % 2 else a - b)
    return statistics.median(found)


ONE_BLOCK = """
[rig]
name = "one_block"
period_s = 0.001
[signals]
"y" = { unit = "V" }
"u" = { unit = "V", limits = [-12, 12], safe = 0, max_age_s = 0.02 }
[blocks.plant]
type = "lag"
in = { u = "u" }
out = { y = "y" }
time_constant_s = 0.1
[roles.controller]
[blocks.pi]
role = "controller"
type = "pid"
in = { setpoint = 1.0, measurement = "y" }
out = { u = "u" }
kp = 2.0
ki_per_s = 5.0
lo = -12
hi = 12
[devices.board]
role = "controller"
url = "serial:///dev/ttyACM0"
firmware = "one_block"
map = "board.csv"
"""


@pytest.fixture(scope="module")
def one_block(tmp_path_factory):
    """A rig whose controller is one block."""
    folder = tmp_path_factory.mktemp("one_block")
    (folder / "rig.toml").write_text(ONE_BLOCK)
    (folder / "board.csv").write_text("tag,direction,type\ny,write,float64\nu,read,float64\n")
    return folder


def batches(rig, full):
    """Differences of some batches, in ns; ends with the first that is small enough."""
    ticks, pairs = full(50_000, 300_000), full(12, 24)
    mil, sil = (open_bench(rig, bind={"controller": level}) for level in ("mil", "sil"))
    with measured_place(), mil, sil:
        for bench in (mil, sil):
            bench.state.run(1000)
        for _ in range(BATCHES):
            yield difference(mil.state, sil.state, ticks, pairs)


def test_a_sil_step_costs_at_most_20_ns_more_than_the_mil_block(one_block, full) -> None:
    for more in batches(one_block, full):
        print(f"\na SIL step takes {more:.1f} ns more than the MIL block")
        if more <= MOST_NS:
            return
    pytest.fail(f"a SIL step takes {more:.1f} ns more than the MIL block, at most {MOST_NS:g} are allowed")


def test_the_gate_sees_a_controller_that_is_stepped_twice(one_block, full) -> None:
    """A planted slowdown: twice as many ticks at SIL."""
    ticks = full(50_000, 300_000)
    mil, sil = (open_bench(one_block, bind={"controller": level}) for level in ("mil", "sil"))
    with measured_place(), mil, sil:
        found = statistics.median(
            2 * ns_per_tick(sil.state, ticks) - ns_per_tick(mil.state, ticks) for _ in range(BATCHES)
        )
    assert found > MOST_NS


def test_what_it_is_with_nine_outputs_and_ten_blocks(full) -> None:
    """Shown, not gated: each value that crosses the boundary costs some ns more in a program of its own."""
    print(f"\ndc_motor: a SIL step takes {next(batches('dc_motor', full)):.1f} ns more than the MIL blocks")
