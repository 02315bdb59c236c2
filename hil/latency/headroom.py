"""How much more a tick may cost: a block wastes more and more of each, until the first tick is late."""

from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

from hil.bench import open_bench
from hil.latency.place import CPU
from hil.latency.yardstick import may_use_fifo
from hil.rig import Block, Rig
from hil.rig.description import Loop, ModelRef, Signal, Wire

NAME, STATE = "hil_burn", "wasted"
SOURCE = Path(__file__).with_name("burn.c")
REPEATS = 3
GRACE_TICKS = 20
SHORT_NS = 2_000_000
PRIORITY = 40


def headroom(rig: Rig, seconds: float) -> dict[str, Any]:
    """Time that a tick had left when the first overran: us, percent of the period, and of each ramp.

    The rig runs in real time with its roles simulated. A ramp goes from nothing to the whole period; the figure is the
    median of some.
    """
    if any(block.type == "fmu" for block in rig.blocks.values()):
        return {"headroom_us": None, "headroom_percent": None, "headroom_of_each_us": []}
    fast = replace(rig, period_ns=min(rig.period_ns, SHORT_NS))  # a slow rig does the same in a tick
    ticks = max(100, round(seconds / REPEATS / fast.period_s))
    found = [rig.period_ns - fast.period_ns + _ramp(fast, ticks) for _ in range(REPEATS)]
    left_ns = statistics.median(found)
    return {
        "headroom_us": left_ns / 1e3,
        "headroom_percent": 100 * left_ns / rig.period_ns,
        "headroom_of_each_us": [ns / 1e3 for ns in found],
    }


def _ramp(rig: Rig, ticks: int) -> float:
    """Nanoseconds that were wasted in the tick of the first overrun; the whole period when there was none."""
    slope_ns = 1.05 * rig.period_ns / ticks
    bind = dict.fromkeys(rig.roles, "mil")
    wasteful = with_burn(rig, slope_ns)
    with open_bench(wasteful, time="real", bind=bind, history=False, use_rig_faults=False) as bench:
        bench.run(ticks * rig.period_s)
        return min(float(rig.period_ns), bench[f"{NAME}.{STATE}"])


def with_burn(rig: Rig, slope_ns: float) -> Rig:
    """The rig with a block that wastes so much more of each tick, alone on the measured core, ended by an overrun."""
    signal = f"{NAME}.{STATE}"
    out = (Wire(STATE, signal),)
    block = Block(NAME, "model", (), out, {"slope": slope_ns}, {}, ModelRef(str(SOURCE), "", "discrete"))
    priority = PRIORITY if may_use_fifo() else 0
    return replace(
        rig,
        loop=Loop("stop", GRACE_TICKS, priority=priority, cpu=CPU),
        blocks={**rig.blocks, NAME: block},
        signals={**rig.signals, signal: Signal(signal, "ns", producer=NAME)},
        events=(),
    )
