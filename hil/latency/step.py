"""What a tick of the rig costs beside a closed loop written by hand, by block, and what room a period has left."""

from __future__ import annotations

import ctypes
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from hil.bench import Bench, open_bench
from hil.latency.headroom import headroom
from hil.latency.place import measured_place
from hil.latency.programs import build
from hil.latency.run import Run
from hil.latency.trace import trace
from hil.rig import Rig

SEED = 1
START = (0.0, 0.0, 0.05, 0.0)
CHUNKS = PLACES = 9  # of a side: its figure is their median, each of another place in memory
Step = Callable[[int], None]
HAND = "closed loop of a cart-pole written by hand in C (cart_pole_loop.c), a tick"


def measure(run: Run) -> None:
    """Ticks in virtual time, all roles simulated."""
    with places(run.rig) as benches:
        hand = by_hand()
        side_s = run.seconds / 32
        ours, theirs = median_of(in_copies(benches), side_s), median_of(hand, side_s)
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


@contextmanager
def places(rig: Rig) -> Iterator[list[Bench]]:
    """The same bench at several places in memory: where program and state lie is chance, worth up to a tenth."""
    foreign = any(block.type == "fmu" for block in rig.blocks.values())  # may be a library that can be opened once only
    with ExitStack() as stack:
        count = 1 if foreign else PLACES
        yield [stack.enter_context(open_bench(rig, history=False, use_rig_faults=False)) for _ in range(count)]


def in_copies(benches: list[Bench]) -> Step:
    """Runs ticks in copies of the benches' states, in turn."""
    states = [bench.state if bench.built.fmus else bench.state.copy() for bench in benches]
    turns = itertools.cycle(states)
    return lambda ticks: next(turns).run(ticks)


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
