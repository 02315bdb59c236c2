"""Copies of the state beside a copy of as many bytes, and many runs at once beside a plain one."""

from __future__ import annotations

import os
import statistics
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from hil.bench import Bench, open_bench
from hil.errors import HilError
from hil.fmi.load import refuse_opaque
from hil.latency.place import measured_place
from hil.latency.run import Run

RUNS = 64
REPEATS, CALLS = 40, 8  # samples of a side, calls of a sample: one call is some ticks of a clock of 40 ns
KEPT = 7
"""Results that are kept: each call gets another place in memory, and a copy between two places of the same low address
bits takes half as long again. A number that does not divide CALLS."""
PLACES = 9
"""Of plain runs, whose median counts: in one process of three some state lies where a tick takes 1.6 times as long."""
TICK_NS = 500.0  # about; it only sizes a side


def measure(run: Run) -> None:
    """Snapshot, restore and fork; a batch on one thread beside plain runs, and on all cores beside one."""
    with open_bench(run.rig, history=False, use_rig_faults=False) as bench:
        try:
            refuse_opaque(bench.built.fmus, "fork", copies=True)
        except HilError as error:
            run.skipped["batch"] = str(error)
            return
        _copies(run, bench)
        _batches(run, bench)


def _copies(run: Run, bench: Bench) -> None:
    buffer, data = bytearray(bench.built.program.state_size), bench.snapshot()
    what = f"copy of {len(buffer)} bytes into a new object"
    raw = _each(lambda: bytes(buffer))
    snapshot = run.pair("batch.snapshot", _each(bench.snapshot), raw, 0.1, yardstick=what, unit="ns")
    restore = run.pair("batch.restore", _each(lambda: bench.restore(data)), raw, 0.1, yardstick=what, unit="ns")
    fork = run.pair("batch.fork", _each(bench.fork), raw, 0.1, yardstick=what, unit="ns")
    run.figures["batch"] = {
        "state_bytes": len(buffer), "snapshot_ns": snapshot.a, "restore_ns": restore.a, "fork_ns": fork.a
    }  # fmt: skip


def _each(work: Callable[[], object]) -> Callable[[], float]:
    """Gives the median nanoseconds of a call, of REPEATS samples."""
    kept = deque[object](maxlen=KEPT)

    def calls() -> None:
        for _ in range(CALLS):
            kept.append(work())

    def measured() -> float:
        with measured_place():
            return statistics.median(_ns(calls) for _ in range(REPEATS)) / CALLS

    return measured


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
