"""Kinds of faults: one table for command line, rig file, Python and the core (core/include/hil/fault.h).

docs/faults.md defines each of them; hil/fault_core.py tells how those that are `derived` become one of the core's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class FaultParam:
    """One value of a fault kind.

    Attributes:
        rule: what its unit is: "signal" (a difference in the signal's), "value" (a value of the signal), "rate" (the
            signal's per second), "time", "number", "whole" (a whole number), "ohm".
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
    """A kind of fault: its name, its number in the core, what it does, and its values in order.

    Attributes:
        words: names of the texts that come before the values: another signal, a unit, an end of the range.
        derived: has no number of its own; becomes another kind with values computed from the signal.
    """

    name: str
    number: int
    doc: str
    params: tuple[FaultParam, ...] = ()
    words: tuple[str, ...] = ()
    derived: bool = False

    @property
    def usage(self) -> str:
        """What stands in its brackets: "rate, [limit]"."""
        return ", ".join([*self.words, *(p.name if p.required else f"[{p.name}]" for p in self.params)])


def _p(name: str, rule: str, doc: str, low: float = -math.inf, high: float = math.inf) -> FaultParam:
    """A required value, or with a name in brackets one that may be left out."""
    bare = name.strip("[]")
    return FaultParam(bare, doc, rule, low, high, required=bare == name)


_R = (_p("resistance", "ohm", "of the fault", 0.0), _p("source", "ohm", "of what drives the line", 0.0))
_SENSOR = (
    FaultKind("bias", 1, "value + bias", (_p("bias", "signal", "added to the value"),)),
    FaultKind("gain", 2, "value * gain", (_p("gain", "number", "factor"),)),
    FaultKind("stuck", 3, "holds one value", (_p("[value]", "value", "held; without it the last one"),)),
    FaultKind("noise", 4, "adds normal noise", (_p("deviation", "signal", "standard deviation", 0.0),)),
    FaultKind(
        "drift",
        5,
        "adds rate * time since activation",
        (_p("rate", "rate", "change in a second"), _p("[limit]", "signal", "largest drift; without it none", 0.0)),
    ),
    FaultKind(
        "dropout",
        6,
        "loses values: the last delivered one stays, with status bad",
        (_p("probability", "number", "of losing the value of a tick, 0 to 1", 0.0, 1.0),),
    ),
    FaultKind("delay", 7, "delivers values late", (_p("time", "time", "how late", 0.0),)),
    FaultKind(
        "spike",
        8,
        "adds a size for one tick: once, in each period, or by chance",
        (
            _p("size", "signal", "added"),
            _p("[period]", "time", "from one to the next; 0: once", 0.0),
            _p("[probability]", "number", "of one in a tick; 0: by the period", 0.0, 1.0),
        ),
    ),
    FaultKind("quantise", 9, "rounds to whole steps", (_p("step", "signal", "of resolution", 0.0),)),
    FaultKind(
        "saturate", 10, "keeps within two values", (_p("low", "value", "smallest"), _p("high", "value", "largest"))
    ),
    FaultKind(
        "dead_zone",
        11,
        "shows nothing near a centre, and less beyond",
        (_p("width", "signal", "to each side of the centre", 0.0), _p("[centre]", "value", "0 without it")),
    ),
    FaultKind("jitter", 12, "delivers values late by chance", (_p("time", "time", "largest delay", 0.0),)),
    FaultKind("affine", 13, "value * gain + offset", (_p("gain", "number", "factor"), _p("offset", "signal", "added"))),
    FaultKind("bit_flip", 19, "inverts a bit of the double", (_p("bit", "whole", "0 (lowest) to 63 (sign)", 0, 63),)),
    FaultKind("nan", 6, "every value is lost, as a NaN on the wire is", derived=True),
    FaultKind("sign_flip", 13, "-value", derived=True),
    FaultKind("wrong_unit", 13, "a value in another unit read as the signal's", words=("unit",), derived=True),
    FaultKind("wire_break", 3, "4..20 mA line at 3.6 mA or 21 mA (NAMUR NE 43)", words=("low|high",), derived=True),
    FaultKind(
        "crosstalk",
        14,
        "value + factor * another signal",
        (_p("factor", "number", "share of the other"),),
        words=("signal",),
        derived=True,
    ),
    FaultKind("swap", 14, "another signal instead", words=("signal",), derived=True),
)
_ACTUATOR = (
    FaultKind(
        "loss", 2, "loss of effectiveness: value * (1 - share)", (_p("share", "number", "lost", 0, 1),), derived=True
    ),
    FaultKind(
        "runaway",
        15,
        "goes to a value by itself",
        (_p("rate", "rate", "at which", 0.0), _p("limit", "value", "where it ends")),
    ),
    FaultKind("rate_limit", 16, "follows slowly", (_p("rate", "rate", "largest change in a second", 0.0),)),
    FaultKind("backlash", 17, "play: follows at half a width", (_p("width", "signal", "of the play", 0.0),)),
    FaultKind(
        "stiction",
        18,
        "sticks, then slips",
        (
            _p("band", "signal", "distance at which it breaks loose", 0.0),
            _p("[slip]", "signal", "short of the value after it; 0 without", 0.0),
        ),
    ),
    FaultKind("reversed", 13, "low + high of the range - value", derived=True),
    FaultKind("frozen", 3, "holds its last value", derived=True),
)
_ELECTRICAL = (
    FaultKind("short_ground", 13, "short or leakage to ground", _R, derived=True),
    FaultKind("short_supply", 13, "short to the supply", (*_R, _p("supply", "value", "its voltage")), derived=True),
    FaultKind("short_pin", 14, "short to another signal's pin", _R, words=("signal",), derived=True),
    FaultKind("open", 3, "open line: what the input pulls to", (_p("pull", "value", "of the input"),), derived=True),
    FaultKind("ground_shift", 1, "value + shift", (_p("shift", "signal", "of the reference"),), derived=True),
    FaultKind("brown_out", 10, "between 0 and what is left", (_p("supply", "value", "left", 0.0),), derived=True),
)
_CONTROLLER = (
    FaultKind("stop", 3, "it does not step; its outputs get old", derived=True),
    FaultKind("reset", 3, "it is held in reset and begins anew, with what was set", derived=True),
    FaultKind(
        "overrun",
        20,
        "a step takes so long; those that are due meanwhile are lost",
        (_p("time", "time", "of it", 0.0),),
        derived=True,
    ),
    FaultKind("clock_drift", 20, "its clock runs faster", (_p("ppm", "number", "by", -1e5, 1e5),), derived=True),
    FaultKind(
        "clock_step",
        20,
        "its clock jumps: steps are made up for, or left out",
        (_p("time", "time", "by"),),
        derived=True,
    ),
    FaultKind(
        "upset",
        0,
        "inverts a bit of a block's state or parameter once",
        (_p("bit", "whole", "0 (lowest) to 63 (sign)", 0, 63),),
        words=("variable",),
        derived=True,
    ),
)
CONTROLLER = frozenset(kind.name for kind in _CONTROLLER)
ELECTRICAL = frozenset(kind.name for kind in _ELECTRICAL)
KINDS: Mapping[str, FaultKind] = {kind.name: kind for kind in (*_SENSOR, *_ACTUATOR, *_ELECTRICAL, *_CONTROLLER)}


def kinds_text() -> str:
    """One line for each kind, for help texts."""
    return "\n".join(f"{kind.name}({kind.usage}): {kind.doc}" for kind in KINDS.values())
