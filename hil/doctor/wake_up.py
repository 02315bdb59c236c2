"""How late the core's own real-time thread wakes up, with an empty program: the floor of every bench here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hil.doctor.attempts import PRIORITY
from hil.doctor.point import OK, WARN, Point

PERIOD_NS = 1_000_000
LATENCY_FILE = "/dev/cpu_dma_latency"
GOOD_PART = 0.25  # of a period


@dataclass(frozen=True)
class Way:
    """How the loop is run.

    Attributes:
        priority: of SCHED_FIFO; 0: an ordinary thread.
        cpu: to which it is pinned; -1: to none.
        spin_ns: final part of each wait that is not slept.
        awake: holds /dev/cpu_dma_latency, so that no CPU sleeps deeply.
    """

    priority: int = PRIORITY
    cpu: int = -1
    spin_ns: int = 0
    awake: bool = True


@contextlib.contextmanager
def held_awake(wanted: bool) -> Iterator[bool]:
    """Keeps the CPUs out of deep sleep, where permitted; gives whether it is so."""
    try:
        file = os.open(LATENCY_FILE, os.O_WRONLY) if wanted else None
    except OSError:
        file = None
    try:
        if file is not None:
            os.write(file, bytes(4))
        yield file is not None
    finally:
        if file is not None:
            os.close(file)


def measure_wake_up(seconds: float = 1.0, way: Way | None = None, period_ns: int = PERIOD_NS) -> dict[str, Any]:
    """Lateness of a bare loop: the core's own real-time thread with an empty program.

    Args:
        seconds: how long; at least one tick.
        way: how it is run; default: SCHED_FIFO where permitted, not pinned, kept awake.
        period_ns: of the loop.

    Returns:
        "p50_us", "p99_us", "max_us" (lower edges of buckets 6 % wide but for the last), "ticks", "missed": ticks that
        began after the next was due, "priority" (0: SCHED_FIFO was not granted).

    Raises:
        BenchError: the core cannot start a thread.
    """
    from hil import _core
    from hil.spec import Spec

    way = way or Way()
    ticks = max(1, round(seconds * 1e9 / period_ns))
    loop = _core.Loop(_core.State(_core.Program(Spec(period_ns=period_ns))), input_ring=0, sample_ring=0)
    with held_awake(way.awake):
        loop.start(priority=way.priority, cpu=way.cpu, spin_ns=way.spin_ns, n_ticks=ticks)
        loop.join()
    late, edges = loop.late, _core.histogram_edges()
    return {
        "p50_us": percentile(late["counts"], edges, 0.5) / 1e3,
        "p99_us": percentile(late["counts"], edges, 0.99) / 1e3,
        "max_us": late["max_ns"] / 1e3,
        "ticks": ticks,
        "missed": loop.counters["missed"],
        "priority": way.priority if loop.granted[0] == 0 else 0,
    }


def percentile(counts: list[int], edges: list[int], part: float) -> float:
    """Lower edge of the bucket (6 % wide) in which this part of all counts is reached."""
    wanted, seen = part * sum(counts), 0
    for count, edge in zip(counts, edges, strict=True):
        seen += count
        if seen >= wanted and seen:
            return float(edge)
    return 0.0


def point(found: dict[str, Any]) -> Point:
    """The measured lateness at 1 kHz."""
    value = f"p50 {found['p50_us']:.0f} us, p99 {found['p99_us']:.0f} us, max {found['max_us']:.0f} us"
    how = "SCHED_FIFO" if found["priority"] else "without priority"
    level = OK if found["p99_us"] < GOOD_PART * PERIOD_NS / 1e3 else WARN
    mend = None if level == OK else "Mend the points above, or use a longer period"
    return Point("wake-up", level, value, f"how late a bare 1 kHz loop woke up ({how}, {found['ticks']} ticks)", mend)
