"""Whether a machine is fit to be judged on: what was stolen from it or throttled while it was measured."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hil import realtime

STOLEN_PERCENT = 5.0  # of all CPU time: above it pairs are no longer hit alike
XDIST = "PYTEST_XDIST_WORKER"


@dataclass(frozen=True)
class Fitness:
    """`why` it is not fit, a sentence each; empty when it is."""

    why: tuple[str, ...] = ()


def look(measured: Mapping[str, Any], throttled_before: int | None = None) -> Fitness:
    """What speaks against a judgement.

    Args:
        measured: of `hil.realtime.MachineWatch`.
        throttled_before: `throttle_count` when the measuring began; None: not compared.
    """
    why = []
    if os.environ.get(XDIST):
        why.append(f"pytest-xdist runs tests beside it ({XDIST} is set): run it with -p no:xdist or -n 0")
    stolen = measured.get("steal_percent") or 0.0
    if stolen > STOLEN_PERCENT:
        why.append(f"{stolen:.1f} % of the CPU time was stolen by the machine's host (limit {STOLEN_PERCENT:g} %)")
    if throttled_before is not None and throttle_count() > throttled_before:
        why.append("a core was throttled while it was measured: let the machine cool, or fix its power limit")
    return Fitness(tuple(why))


def throttle_count() -> int:
    """How often a core was throttled by heat since boot, summed over all; 0 where the machine does not tell."""
    files = (realtime.ROOT / "sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/core_throttle_count")
    return sum(int(text) for text in map(realtime.read, files) if text.isdigit())
