"""What judges missed ticks sees a disturbance, and is not misled by the bursts of a busy machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from missed_ticks import undisturbed

import hil

# Takes the first 4 ms of each 10 ms of one core, before each loop: of all cores at once, as a loop moves to a free one.
TAKES = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(98))
print("takes", flush=True)
while True:
    time.sleep(10e-3 - time.monotonic() % 10e-3)
    while time.monotonic() % 10e-3 < 4e-3:
        pass
"""


def planted(*missed: int) -> Callable[[bool], int]:
    """Runs that miss this many ticks, in the order in which they are made."""
    left: Iterator[int] = iter(missed)
    return lambda beside: next(left)


def test_a_burst_in_one_run_is_no_disturbance() -> None:
    undisturbed(planted(46, 0, 0, 2, 1, 0), pairs=3, ticks=1000)


def test_what_one_round_shows_and_its_repeat_does_not_is_no_disturbance() -> None:
    undisturbed(planted(46, 0, 0, 20, 30, 0, 3, 3, 0, 40, 3, 3), pairs=3, ticks=1000)


def test_more_in_each_pair_is_a_disturbance() -> None:
    with pytest.raises(AssertionError, match="10 of 1,000 ticks more"):
        undisturbed(planted(*2 * [10, 0, 0, 10, 10, 0]), pairs=3, ticks=1000)


@pytest.mark.realtime
@pytest.mark.usefixtures("real_time_priority")
def test_a_process_that_takes_the_core_is_seen(rig_copy: Callable[..., Path]) -> None:
    rig = rig_copy("quad_tank")

    def run(beside: bool) -> int:
        command = [sys.executable, "-c", TAKES]
        cores = sorted(os.sched_getaffinity(0)) if beside else []
        takers = [subprocess.Popen([*command, str(core)], stdout=subprocess.PIPE, text=True) for core in cores]
        try:
            for taker in takers:
                assert taker.stdout
                assert taker.stdout.readline() == "takes\n"
            with hil.open_bench(rig, time="real", bind={"plc": "mil"}) as bench:
                bench.run(0.5)
        finally:
            for taker in takers:
                taker.kill()
                taker.communicate()
        return bench.finish().overruns

    with pytest.raises(AssertionError, match="ticks more are missed"):
        undisturbed(run, pairs=1, ticks=500)
