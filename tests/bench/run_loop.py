"""A cart-pole bench with gate and recorder in the real-time thread, for N ticks: what the counting tests start.

python run_loop.py TICKS PERIOD_US [LIBRARY]     prints JSON: ticks, frames lost, and what LIBRARY counted
"""

from __future__ import annotations

import ctypes
import json
import sys

from cart_pole_bench import RECORDED, CartPoleBench
from place import CPU

from hil import _core

KINDS = ("memory", "locks", "clocks", "sleeps")


def main(ticks: int, period_us: int, library: str | None) -> None:
    """Run the loop and print what was counted. Nothing drains the ring: a full one is counted, never waited for."""
    bench = CartPoleBench(gated=True, period_ns=period_us * 1000)
    program, numbers = bench.program, bench.numbers
    values = [(program.offset_value(numbers[n]), 1) for n in RECORDED]
    statuses = [program.offset_status(numbers[n]) for n in RECORDED]
    entries = len(bench.spec.blocks) + len(bench.spec.paths)
    loop = _core.Loop(_core.State(program), groups=[(1, values, statuses)], timed_entries=entries, hash_every=1000)
    loop.start(cpu=CPU, n_ticks=ticks)
    ended = loop.join()
    counted = {}
    if library:
        calls = ctypes.CDLL(library).tick_calls
        calls.restype = ctypes.c_ulong
        counted = {kind: calls(i) for i, kind in enumerate(KINDS)}
    print(json.dumps({"ended": ended, **loop.counters, **counted}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
