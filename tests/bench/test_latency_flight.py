"""The flight recorder of `hil bench`: the worst tick's guilty block is named, whether that tick overran or not."""

from __future__ import annotations

import pytest

from hil.latency.headroom import NAME, with_burn
from hil.latency.trace import trace
from hil.rig import load_rig

pytestmark = pytest.mark.bench

SECONDS = 0.3  # 300 ticks of 1 ms


@pytest.mark.parametrize(("slope_ns", "overran"), [(2_000.0, False), (10_000.0, True)], ids=["in time", "overrun"])
def test_the_block_that_wastes_more_and_more_is_the_guilty_one(slope_ns: float, overran: bool) -> None:
    for _ in range(10):
        told = trace(with_burn(load_rig("quad_tank"), slope_ns), SECONDS)["flight"]
        if overran or told["worst_late_ns"] < told["worst_exec_ns"]:
            break  # else the worst tick is one that began late, for which no block is to blame
    print(f"\ntick {told['worst']}: {told['text']}, guilty {told['guilty']}")
    assert told["guilty"] == NAME
    assert told["overran"] >= overran, "a neighbour may make one more tick overrun, none fewer"
    first = told["blocks"][0]
    assert first["ns"] > 1.2 * first["mean_ns"]
    assert sum(each["ns"] for each in told["blocks"]) <= told["worst_exec_ns"]
