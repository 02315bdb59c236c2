"""How long a step takes while its core is its own.

A processor of a virtual machine may share its core with another machine's (simultaneous multithreading). While that one
computes, code of many independent instructions takes up to twice as long and a chain of dependent ones no longer than
before: even the ratio of two codes changes, by two fifths for these loops, and back within a millisecond. So the figure
of a step is that of the quickest of many chunks which are shorter than such a turn, and a pair of figures holds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from hil.latency.place import measured_place

CHUNK_NS = 150_000
LEAST_TICKS, LEAST_CHUNKS = 10, 3  # of a chunk; of a place
PLACES = 9
"""In memory: where program and state lie is chance, worth up to a tenth, and one in twenty costs a quarter more."""
Step = Callable[[int], object]


def quickest(steps: Sequence[Step], seconds: float) -> Callable[[], float]:
    """Gives the nanoseconds a tick: of each place its quickest chunk, and of the places their median.

    Args:
        steps: run so many ticks, each at a place of its own; one alone is measured PLACES times.
        seconds: that all take together, about, once they are warm; at least LEAST_CHUNKS chunks of each.
    """
    for step in steps:
        step(1000)  # pages and caches
    ticks = max(LEAST_TICKS, round(CHUNK_NS / _ns_a_tick(steps[0], 1000)))
    each_ns = seconds * 1e9 / max(PLACES, len(steps))

    def of_place(step: Step) -> float:
        best, chunks, end = float("inf"), 0, time.perf_counter_ns() + each_ns
        while chunks < LEAST_CHUNKS or time.perf_counter_ns() < end:
            best = min(best, _ns_a_tick(step, ticks))
            chunks += 1
        return best

    def measured() -> float:
        with measured_place():
            return statistics.median(of_place(steps[i % len(steps)]) for i in range(max(PLACES, len(steps))))

    return measured


def _ns_a_tick(step: Step, ticks: int) -> float:
    began = time.perf_counter_ns()
    step(ticks)
    return (time.perf_counter_ns() - began) / ticks
