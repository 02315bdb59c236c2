"""What a tick of the rig costs beside a closed loop written by hand, by block, and what room a period has left."""

from __future__ import annotations

import ctypes
import itertools
import statistics
import time
from collections.abc import Callable

from hil.bench import Bench, open_bench
from hil.latency.headroom import headroom
from hil.latency.place import measured_place
from hil.latency.programs import build
from hil.latency.run import Run
from hil.latency.trace import trace

SEED = 1
START = (0.0, 0.0, 0.05, 0.0)
CHUNKS = 9  # of a side: its figure is their median
Step = Callable[[int], None]
HAND = "closed loop of a cart-pole written by hand in C (cart_pole_loop.c), a tick"


def measure(run: Run) -> None:
    """Ticks in virtual time, all roles simulated."""
    with open_bench(run.rig, history=False, use_rig_faults=False) as bench:
        hand = by_hand()
        side_s = run.seconds / 32
        ours, theirs = median_of(in_copies(bench), side_s), median_of(hand, side_s)
        found = run.pair("step", ours, theirs, 0.5, yardstick=HAND, unit="ns")
        run.figures["step"] = {
            "tick_ns": found.a,
            "by_hand_ns": found.b,
            **trace(run.rig, run.seconds / 4),
            **headroom(run.rig, run.seconds / 4),
        }


def by_hand(name: str = "cart_pole_loop") -> Step:
    """Runs the hand-written loop for so many ticks."""
    library = ctypes.CDLL(str(build(name)))
    library.cart_pole_run.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64]
    library.cart_pole_run.restype = None

    def run(ticks: int) -> None:
        x = (ctypes.c_double * 4)(*START)
        library.cart_pole_run(x, SEED, ticks)

    return run


def in_copies(bench: Bench) -> Step:
    """Runs ticks in copies of the bench's state, in turn: where one lies in memory is chance, worth some percent."""
    if bench.built.fmus:
        return bench.state.run
    states = itertools.cycle([bench.state.copy() for _ in range(CHUNKS)])
    return lambda ticks: next(states).run(ticks)


def median_of(step: Step, seconds: float) -> Callable[[], float]:
    """Gives the median nanoseconds a tick over chunks that take about so long together, at the measured place."""
    step(1000)  # pages and caches
    began = time.perf_counter_ns()
    step(1000)
    ticks = max(10, round(1000 * seconds * 1e9 / CHUNKS / max(1, time.perf_counter_ns() - began)))

    def measured() -> float:
        with measured_place():
            return statistics.median(_ns_a_tick(step, ticks) for _ in range(CHUNKS))

    return measured


def _ns_a_tick(step: Step, ticks: int) -> float:
    began = time.perf_counter_ns()
    step(ticks)
    return (time.perf_counter_ns() - began) / ticks
