"""A batch of 1,000 runs on two threads beside two batches of 500, each alone with a thread, a bench and all memory.

Where nobody else wants a core two such threads do twice the work of one, and the batch has to do 1.8 times: nine tenths
of theirs. A core may be somebody else's for a while, and then theirs is what this machine gives. Threads begin with the
policy of the one that starts them: under SCHED_FIFO, where permitted, neighbours disturb less. A planted obstacle, two
threads of the batch that share one core, does not keep the gate.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import yardstick
from place import PRIORITY

from hil import open_bench
from hil.bench import Bench

pytestmark = pytest.mark.bench

GATE = 1.8 / 2.0
RUNS = 1000
MOST = 40
BREATH_S = 0.02  # before each side: Linux takes a processor from SCHED_FIFO for 5 % of a second that this fills


@contextmanager
def on_cores(count: int) -> Iterator[None]:
    """This thread, and those that it starts, on so many cores, under SCHED_FIFO where permitted."""
    cpus, policy, param = os.sched_getaffinity(0), os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setaffinity(0, sorted(cpus)[:count])
    if yardstick.may_use_fifo():
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, param)
        os.sched_setaffinity(0, cpus)


def seconds(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def batch(bench: Bench, runs: int, threads: int, ticks: int) -> None:
    assert bench.batch(runs, ticks, threads=threads, reduce=["max(plant.h1)"]).threads == threads


def apart(benches: tuple[Bench, Bench], ticks: int) -> None:
    threads = [threading.Thread(target=batch, args=(bench, RUNS // 2, 1, ticks)) for bench in benches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def share(full: Callable[[int, int], int], cores: int, **bound: float) -> yardstick.Ratio:
    """What the batch does on two threads, as a share of what two threads that share nothing do at that moment."""
    ticks, pairs = full(1200, 2000), full(9, 12)
    with (
        open_bench("quad_tank", history=False) as one,
        open_bench("quad_tank", history=False) as other,
        open_bench("quad_tank", history=False) as bench,
    ):

        def measured(work: Callable[[], None], cores: int) -> float:
            time.sleep(BREATH_S)
            with on_cores(cores):
                return seconds(work)

        def fair() -> float:
            return measured(lambda: apart((one, other), ticks), 2)

        def ours() -> float:
            return measured(lambda: batch(bench, RUNS, 2, ticks), cores)

        fair(), ours()  # pages and caches
        found = yardstick.paired_until(fair, ours, pairs=pairs, most=MOST, **bound)
        alone = measured(lambda: batch(bench, RUNS, 1, ticks), 1)
    print(f"\n{RUNS:,} runs: two threads are {alone / found.b:.2f} times as fast as one; beside two apart {found} s")
    return found


@pytest.fixture(autouse=True)
def two_cores() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("this process may use one core only")


def test_a_thousand_runs_on_two_cores(full: Callable[[int, int], int]) -> None:
    assert share(full, 2, at_least=GATE).median >= GATE


def test_the_gate_sees_two_threads_that_share_a_core(full: Callable[[int, int], int]) -> None:
    assert share(full, 1, at_most=GATE).median < GATE
