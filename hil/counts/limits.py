"""The limits of counted figures. Exact, or two-sided where a kernel may choose between two ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# (low, high) for each tick of the loop, transaction of a bus, exchange with a microcontroller. A tick sleeps once or,
# when it is late, not at all; half of them show that the right thread was counted.
LIMITS: dict[str, tuple[float, float]] = {
    "tick.allocations": (0.0, 0.0),
    "tick.locks": (0.0, 0.0),
    "tick.gil": (0.0, 0.0),
    "tick.system_calls": (0.0, 0.0),  # beside its sleep
    "tick.sleeps": (0.5, 1.0),
    "tick.switches": (0.5, 1.0),
    "bus.allocations": (0.0, 0.0),
    "bus.locks": (0.0, 0.0),
    "bus.gil": (0.0, 0.0),
    # A request is sent and its answer received; a second part comes on top. The first cycle has only one.
    "bus.system_calls": (1.9, 2.5),
    "bus.waits": (0.0, 1.1),
    "bus.switches": (0.0, 3.0),
    "link.allocations": (0.0, 0.0),
    "link.gil": (0.0, 0.0),
    # An image is written and one read; a message, or Python's look at the counters, comes on top now and then.
    "link.system_calls": (1.9, 2.3),
    # It waits for its period and for its device, and lets go of its lock meanwhile.
    "link.waits": (1.5, 2.8),
    "link.locks": (1.5, 2.8),
    "link.switches": (0.5, 4.0),
}


def outside(found: Mapping[str, Any], limits: Mapping[str, tuple[float, float]] | None = None) -> list[str]:
    """What is beyond its limits, one line a figure; a figure that was not counted is no fault."""
    told = []
    for name, (low, high) in (LIMITS if limits is None else limits).items():
        group, _, key = name.partition(".")
        value = (found.get(group) or {}).get(key)
        if value is not None and not low <= value <= high:
            wanted = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            told.append(f"{name}: {value:g}, expected {wanted}")
    return told
