"""Copies of the state beside a copy of as many bytes, and many runs at once beside a plain one."""

from __future__ import annotations

import os
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from hil.bench import Bench
from hil.errors import HilError
from hil.fmi.load import refuse_opaque
from hil.latency.place import measured_place
from hil.latency.quickest import quickest_of
from hil.latency.run import Run
from hil.latency.step import places

RUNS = 64
REPEATS, CALLS = 9, 8  # samples of a place, calls of a sample: one call is some ticks of a clock of 40 ns
KEPT = 7
"""Results that are kept: each call gets another place in memory, and a copy between two places of the same low address
bits takes half as long again. A number that does not divide CALLS."""
PLACES = 9
"""Of plain runs, whose median counts: in one process of three some state lies where a tick takes 1.6 times as long."""
MOST_NS = 10_000_000  # of a place, where somebody else computes on the core
Work = Callable[[], object]
TICK_NS = 500.0  # about; it only sizes a side


def measure(run: Run) -> None:
    """Snapshot, restore and fork; a batch on one thread beside plain runs, and on all cores beside one."""
    with places(run.rig) as benches:
        try:
            refuse_opaque(benches[0].built.fmus, "fork", copies=True)
        except HilError as error:
            run.skipped["batch"] = str(error)
            return
        _copies(run, benches)
        _batches(run, benches[0])


def _copies(run: Run, benches: Sequence[Bench]) -> None:
    size = benches[0].built.program.state_size
    what = f"copy of {size} bytes into a new object"
    raw = _each([partial(bytes, bytearray(size)) for _ in benches])
    works: dict[str, list[Work]] = {
        "snapshot": [it.snapshot for it in benches],
        "restore": [partial(it.restore, it.snapshot()) for it in benches],
        "fork": [it.fork for it in benches],
    }
    found = {n: run.pair(f"batch.{n}", _each(each), raw, 0.1, yardstick=what, unit="ns") for n, each in works.items()}
    run.figures["batch"] = {"state_bytes": size} | {f"{name}_ns": ratio.a for name, ratio in found.items()}


def _each(works: Sequence[Work]) -> Callable[[], float]:
    """Gives the nanoseconds of a call: of each place the quickest median of REPEATS samples, and their median."""
    kept = deque[object](maxlen=KEPT)

    def calls(work: Work) -> None:
        for _ in range(CALLS):
            kept.append(work())

    def chunk(work: Work) -> float:
        return statistics.median(_ns(partial(calls, work)) for _ in range(REPEATS)) / CALLS

    return partial(quickest_of, [partial(chunk, work) for work in works], MOST_NS)


def _ns(work: Callable[[], object]) -> int:
    began = time.perf_counter_ns()
    work()
    return time.perf_counter_ns() - began


def _batches(run: Run, bench: Bench) -> None:
    cores = len(os.sched_getaffinity(0))
    ticks = max(100, round(run.seconds * 0.35 / 32 * 1e9 / RUNS / TICK_NS))
    each = RUNS * ticks // PLACES
    states = [bench.state.copy() for _ in range(PLACES)]
    kept = deque[object](maxlen=KEPT)

    def batch(threads: int) -> float:
        return _ns(lambda: kept.append(bench.batch(RUNS, ticks, threads=threads, every=ticks))) / RUNS / ticks

    def on_one_core() -> float:
        with measured_place():
            return batch(1)

    def plain() -> float:
        with measured_place():
            return statistics.median(_ns(partial(it.run, each)) for it in states) / each

    batch(1)  # the first thread's pages: twice the time
    what = "the same ticks of one state in a plain run"
    one = run.pair("batch.runs", on_one_core, plain, 0.35, yardstick=what, unit="ns")
    figures = {"tick_ns": one.a, "runs": RUNS, "ticks": ticks, "cores": cores}
    if cores > 1:
        what = f"the same batch on one thread (1/{cores} is the limit)"
        why_not = "the other cores are not the bench's own"
        both = run.pair(
            "batch.cores", lambda: batch(cores), lambda: batch(1), 0.35, yardstick=what, unit="ns", why_not=why_not
        )
        figures["speed_up"] = 1 / both.median
    run.figures["batch"] |= figures
