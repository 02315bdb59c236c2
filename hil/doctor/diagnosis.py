"""Everything that is known about this machine, found out and measured, and what a bench may expect of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil import realtime
from hil.doctor import (
    board_tools,
    clock,
    costs,
    idle,
    interrupts,
    limits,
    load,
    memory,
    processors,
    quota,
    rates,
    serial,
)
from hil.doctor import wake_up as wake_up_
from hil.doctor.attempts import PRIORITY, try_affinity, try_fifo, try_memory_lock
from hil.doctor.facts import read_facts
from hil.doctor.point import Point
from hil.doctor.wake_up import measure_wake_up


@dataclass(frozen=True)
class Diagnosis:
    """All points, wake-up lateness (us), what single things cost, the rates that held, the conclusion in one sentence.

    Attributes:
        facts: of `read_facts`.
        costs: "pairs" (by point, both sides with "p50_us" and "p99_us"), "clock", "page_fault_ns", "interrupts_per_s".
    """

    points: list[Point]
    wake_up: dict[str, Any]
    grants: dict[str, Any]
    verdict: dict[str, Any]
    conclusion: str
    facts: dict[str, Any]
    costs: dict[str, Any]
    rates: list[dict[str, Any]]


def examine(
    seconds: float = 1.0, *, fix: bool = False, root: Path = realtime.ROOT, cpu: int | None = None
) -> Diagnosis:
    """Look at everything, and measure how late a bare loop wakes up here: about eight times `seconds` in all.

    Args:
        seconds: for the lateness at 1 kHz; half of it for each side of a pair and for each rate.
        fix: sets the latency timers of serial adapters, where this user may.
        root: where /proc, /sys, /dev and /etc are.
        cpu: the CPU of the loop; None: the last one that this process may use.
    """
    watch = realtime.MachineWatch()
    grants = {"fifo": try_fifo(), "priority": PRIORITY, "memory": try_memory_lock(), "affinity": try_affinity()}
    facts = read_facts(root, cpu)
    wake_up = measure_wake_up(seconds)
    found = _costs(root, facts["loop_cpu"], seconds / 2)
    held = rates.measure_rates(facts["loop_cpu"], seconds / 2)
    points = [*found_points(facts, grants), *load.points(facts, watch.measured()), wake_up_.point(wake_up)]
    points += [costs.final_spin(found["pairs"]["final spin"])]
    points += [*serial.points(root, fix=fix), board_tools.point()]
    verdict = realtime.verdict("real", grants, watch)
    return Diagnosis(
        costs.added(points, found),
        wake_up,
        grants,
        verdict,
        _conclusion(verdict, wake_up, rates.fastest(held)),
        facts,
        found,
        rates.plain(held),
    )


def found_points(facts: dict[str, Any], grants: dict[str, Any]) -> list[Point]:
    """What follows from the facts and the grants alone."""
    return [
        *processors.points(facts, grants),
        interrupts.point(facts),
        idle.point(facts),
        quota.point(facts),
        *limits.points(facts, grants),
        *memory.points(facts, grants),
        *clock.points(facts),
    ]


def _costs(root: Path, cpu: int, seconds: float) -> dict[str, Any]:
    watch = costs.InterruptWatch(root, cpu)
    pairs = costs.measure(cpu, seconds)
    return {
        "pairs": pairs,
        "clock": costs.clock_read(),
        "page_fault_ns": costs.page_fault(),
        "interrupts_per_s": watch.per_second(),
    }


def _conclusion(verdict: dict[str, Any], wake_up: dict[str, Any], fastest: int | None) -> str:
    typical, rare, worst = wake_up["p50_us"], wake_up["p99_us"], wake_up["max_us"]
    promise = {
        "best effort": "best effort only",
        "soft real time": "soft real time",
        "real time kernel": "real time on a PREEMPT_RT kernel",
    }[verdict["level"]]
    text = f"This machine can promise {promise}: ticks begin typically {typical:.0f} us late"
    text += f" (99 % within {rare:.0f} us, the worst of {wake_up['ticks']} was {worst:.0f} us)"
    text += f"; it held {fastest} Hz" if fastest else "; it held none of the rates that were tried"
    return text + ("; no guarantee, because it is a virtual machine" if verdict["virtual_machine"] else "")
