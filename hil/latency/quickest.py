"""How long a step takes while its core is its own.

A processor of a virtual machine may share its core with another machine's (simultaneous multithreading). While that one
computes, code of many independent instructions takes up to twice as long and a chain of dependent ones no longer than
before: even the ratio of two codes changes, by two fifths for these loops, and back within a millisecond. So a step is
measured in chunks that are shorter than most of such turns, each between two looks whether anybody else computes there
(yardsticks/neighbour.h), until enough of them had the core for themselves; from a core that is shared at the moment it
moves on to the next one.
"""

from __future__ import annotations

import itertools
import os
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

from hil.latency.own_core import on_our_own
from hil.latency.paired import Shared
from hil.latency.place import USABLE, measured_place

CHUNK_NS = 150_000
LEAST_TICKS = 10  # of a chunk
ALONE = 5  # chunks of a place that are enough
LEAST_ALONE = 3  # in the midst of a single one a neighbour may have come and gone
PLACES = 9
"""In memory: where program and state lie is chance, worth up to a tenth, and one in twenty costs a quarter more."""
Step = Callable[[int], object]


def quickest(steps: Sequence[Step], seconds: float) -> Callable[[], float]:
    """Gives the nanoseconds a tick: of each place its quickest chunk, and their median; Shared where none was alone.

    Args:
        steps: run so many ticks, each at a place of its own; one alone is measured PLACES times.
        seconds: that all take together where somebody else computes there all the time; else less.
    """
    for step in steps:
        step(1000)  # pages and caches
    ticks = max(LEAST_TICKS, round(CHUNK_NS / _ns_a_tick(steps[0], 1000)))
    places = [steps[i % len(steps)] for i in range(max(PLACES, len(steps)))]
    each_ns = round(seconds * 1e9 / len(places))

    return partial(quickest_of, [partial(_ns_a_tick, step, ticks) for step in places], each_ns)


def quickest_of(chunks: Sequence[Callable[[], float]], each_ns: int) -> float:
    """The median of the quickest figure of each place, at the measured priority; Shared where none was alone."""
    with measured_place():
        found = [quickest_chunk(chunk, each_ns) for chunk in chunks]
    alone = [figure for figure in found if not isinstance(figure, Shared)]
    return statistics.median(alone) if alone else Shared(statistics.median(found))


def quickest_chunk(chunk: Callable[[], float], most_ns: int) -> float:
    """The smallest figure of ALONE chunks that had the core for themselves; Shared, of all, where LEAST_ALONE had not.

    Leaves this thread on another core: call it within `measured_place`.
    """
    alone, shared = list[float](), list[float]()
    end, others = time.perf_counter_ns() + most_ns, itertools.cycle(USABLE)
    before = on_our_own()
    while len(alone) < ALONE and time.perf_counter_ns() < end:
        if not before:
            os.sched_setaffinity(0, {next(others)})
            on_our_own()  # the first look on a core is slow
            before = on_our_own()
            if not before and shared:
                continue
        figure = chunk()
        after = on_our_own()
        (alone if before and after else shared).append(figure)
        before = after
    return min(alone) if len(alone) >= LEAST_ALONE else Shared(min(alone + shared or [chunk()]))


def _ns_a_tick(step: Step, ticks: int) -> float:
    began = time.perf_counter_ns()
    step(ticks)
    return (time.perf_counter_ns() - began) / ticks
