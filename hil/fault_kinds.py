"""Kinds of faults: one table for command line, rig file, Python and the core (core/include/hil/fault.h)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class FaultParam:
    """One value of a fault kind.

    Attributes:
        rule: what its unit is: "signal" (the signal's), "rate" (the signal's per second), "time", "number".
        low: smallest allowed value.
        high: largest allowed value.
        required: False where the core has a meaning for its absence.
    """

    name: str
    doc: str
    rule: str
    low: float = -math.inf
    high: float = math.inf
    required: bool = True


@dataclass(frozen=True)
class FaultKind:
    """A kind of fault: its name, its number in the core, what it does, and its values in order."""

    name: str
    number: int
    doc: str
    params: tuple[FaultParam, ...]


KINDS: Mapping[str, FaultKind] = {
    kind.name: kind
    for kind in (
        FaultKind("bias", 1, "value + bias", (FaultParam("bias", "added to the value", "signal"),)),
        FaultKind("gain", 2, "value * gain", (FaultParam("gain", "factor", "number"),)),
        FaultKind(
            "stuck",
            3,
            "holds one value",
            (
                FaultParam(
                    "value", "the value held; without it the last one before the fault", "signal", required=False
                ),
            ),
        ),
        FaultKind(
            "noise",
            4,
            "adds normally distributed noise",
            (FaultParam("deviation", "standard deviation", "signal", low=0.0),),
        ),
        FaultKind(
            "drift",
            5,
            "adds rate * time since activation",
            (
                FaultParam("rate", "change in a second", "rate"),
                FaultParam("limit", "largest drift; without it there is none", "signal", low=0.0, required=False),
            ),
        ),
        FaultKind(
            "dropout",
            6,
            "loses values: the last delivered one stays, with status bad",
            (FaultParam("probability", "of losing the value of a tick, 0 to 1", "number", low=0.0, high=1.0),),
        ),
        FaultKind("delay", 7, "delivers values late", (FaultParam("time", "how late", "time", low=0.0),)),
    )
}


def kinds_text() -> str:
    """One line for each kind, for help texts."""
    lines = []
    for kind in KINDS.values():
        values = ", ".join(param.name if param.required else f"[{param.name}]" for param in kind.params)
        lines.append(f"{kind.name}({values}): {kind.doc}")
    return "\n".join(lines)
