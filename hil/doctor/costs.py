"""What single properties of the machine cost, measured: each side beside the other, in turns, in one run."""

from __future__ import annotations

import dataclasses
import mmap
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from hil.doctor import interrupts
from hil.doctor.attempts import PRIORITY
from hil.doctor.point import OK, Point
from hil.doctor.wake_up import Way, measure_wake_up

TURNS = 2
SPIN_NS = 150_000  # longer than nearly every wake-up of a virtual machine takes
READS, PAGES = 20_000, 1024
Measured = dict[str, Any]


def pairs(cpu: int) -> dict[str, tuple[str, Way, str, Way]]:
    """What is compared, by the name of its point: two ways to run the loop, each with its name."""
    with_all = Way(PRIORITY, cpu)
    return {
        "SCHED_FIFO": ("with it", with_all, "without", Way(0, cpu)),
        "CPUs": ("pinned", with_all, "free to move", Way(PRIORITY, -1)),
        "idle states": ("kept awake", with_all, "not", Way(PRIORITY, cpu, awake=False)),
        "final spin": (f"spin_us = {SPIN_NS // 1000}", Way(PRIORITY, cpu, SPIN_NS), "without", with_all),
    }


def measure(cpu: int, seconds: float) -> dict[str, Measured]:
    """Lateness (us) of both sides of each pair, a b b a: a drift of the machine hits both alike.

    Args:
        cpu: of the loop.
        seconds: that each side lasts in all.

    Returns:
        by point: side -> {"p50_us", "p99_us", "ticks"}, medians and largest of the turns.
    """
    return {name: _pair(pair, seconds / TURNS) for name, pair in pairs(cpu).items()}


def _pair(pair: tuple[str, Way, str, Way], seconds: float) -> Measured:
    first, first_way, second, second_way = pair
    found: dict[str, list[Measured]] = {first: [], second: []}
    sides = [(first, first_way), (second, second_way)]
    for turn in range(TURNS):
        for name, way in sides[:: -1 if turn % 2 else 1]:
            found[name].append(measure_wake_up(seconds, way))
    return {name: _together(runs) for name, runs in found.items()}


def _together(runs: list[Measured]) -> Measured:
    return {
        "p50_us": statistics.median(run["p50_us"] for run in runs),
        "p99_us": max(run["p99_us"] for run in runs),
        "ticks": sum(run["ticks"] for run in runs),
    }


def in_words(found: Measured) -> str:
    """One line of a pair."""
    return "; ".join(f"{name}: p50 {run['p50_us']:.1f} us, p99 {run['p99_us']:.0f} us" for name, run in found.items())


def _per_call(call: Callable[[], object]) -> float:
    """ns, the least of five rounds."""
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter_ns()
        for _ in range(READS // 5):
            call()
        best = min(best, (time.perf_counter_ns() - start) / (READS // 5))
    return best


def clock_read() -> Measured:
    """What reading the monotonic clock takes (ns), less the call of a function that does nothing.

    "system_call_ns" is the same for a clock that always takes a system call: a mapped clock is far below.
    """
    nothing = _per_call(int)
    return {
        "read_ns": round(max(0.0, _per_call(time.monotonic_ns) - nothing), 1),
        "system_call_ns": round(max(0.0, _per_call(time.process_time_ns) - nothing), 1),
    }


def page_fault() -> float:
    """What the first touch of a page takes (ns), less a later one: of each the least of five rounds."""
    first, later = float("inf"), float("inf")
    for _ in range(5):
        with mmap.mmap(-1, PAGES * mmap.PAGESIZE) as room:
            first = min(first, _touched(room))
            later = min(later, _touched(room))
    return round(max(0.0, first - later), 1)


def _touched(room: mmap.mmap) -> float:
    """Ns for each page."""
    start = time.perf_counter_ns()
    for at in range(0, len(room), mmap.PAGESIZE):
        room[at] = 1
    return (time.perf_counter_ns() - start) / PAGES


class InterruptWatch:
    """Counts the interrupts of a CPU from its making on."""

    def __init__(self, root: Path, cpu: int) -> None:
        self._root, self._cpu = root, cpu
        self._before, self._start_s = interrupts.total(root, cpu), time.monotonic()

    def per_second(self) -> float:
        """All interrupts of that CPU, the kernel's own among them, a second since then."""
        spent = time.monotonic() - self._start_s
        return round((interrupts.total(self._root, self._cpu) - self._before) / spent, 1) if spent > 0 else 0.0


def final_spin(found: Measured) -> Point:
    """A pair without a point of its own: the machine is not to blame, the rig chooses."""
    spin, plain = found.values()
    value = f"p50 {spin['p50_us']:.1f} us with it, {plain['p50_us']:.1f} us without"
    meaning = f"[loop] spin_us = {SPIN_NS // 1000}: the last part of each wait is spent awake; it takes CPU time"
    return Point("final spin", OK, value, meaning)


def added(points: Iterable[Point], costs: Measured) -> list[Point]:
    """The points with their costs."""
    words = {name: in_words(pair) for name, pair in costs["pairs"].items()}
    clock = costs["clock"]
    words["clock"] = (
        f"{clock['read_ns']:.0f} ns a reading; by a system call it would be {clock['system_call_ns']:.0f} ns"
    )
    words["locked memory"] = f"the first touch of a page takes {costs['page_fault_ns'] / 1e3:.2f} us"
    words["interrupts"] = f"{costs['interrupts_per_s']:.0f} a second on the loop's CPU while it was measured"
    return [dataclasses.replace(point, cost=point.cost or words.get(point.name)) for point in points]
