"""The operators of time as Python functions; `& | ~` and `.implies()` are the formulas' own."""

from __future__ import annotations

import math

from hil.requirements.formula import Formula
from hil.requirements.logic import And, formula
from hil.requirements.temporal import Edge, Timed, Until
from hil.requirements.window import Window


def always(start_s: float, end_s: float, part: object) -> Formula:
    """G: `part` holds at each sample from start_s to end_s from now, both included; end_s may be inf."""
    return Timed("G", formula(part), Window(start_s, end_s))


def eventually(start_s: float, end_s: float, part: object) -> Formula:
    """F: `part` holds at one sample at least from start_s to end_s from now."""
    return Timed("F", formula(part), Window(start_s, end_s))


def historically(start_s: float, end_s: float, part: object) -> Formula:
    """H: `part` held at each sample from end_s ago to start_s ago."""
    return Timed("H", formula(part), Window(start_s, end_s))


def once(start_s: float, end_s: float, part: object) -> Formula:
    """O: `part` held at one sample at least from end_s ago to start_s ago."""
    return Timed("O", formula(part), Window(start_s, end_s))


def until(start_s: float, end_s: float, left: object, right: object) -> Formula:
    """U: `right` comes between start_s and end_s from now, and `left` holds until the sample before."""
    return Until("U", formula(left), formula(right), Window(start_s, end_s))


def since(start_s: float, end_s: float, left: object, right: object) -> Formula:
    """S: `right` held between end_s and start_s ago, and `left` at each sample after it."""
    return Until("S", formula(left), formula(right), Window(start_s, end_s))


def rise(part: object) -> Formula:
    """`part` holds now and did not at the sample before."""
    return Edge("rise", formula(part))


def fall(part: object) -> Formula:
    """`part` does not hold now and did at the sample before."""
    return Edge("fall", formula(part))


def iff(left: object, right: object) -> Formula:
    """Both hold or neither does."""
    left, right = formula(left), formula(right)
    return And((left.implies(right), right.implies(left)))


def at_each_sample(part: object) -> Formula:
    """A requirement on a whole trace: `G(part)`, or `part` itself where all of it stands under G, F or U.

    `fault.h1 -> F[0s,2s] plc.alarm_h1` alone speaks about the first sample only; as a requirement it is meant at each.
    """
    found = formula(part)
    return found if found.inside else always(0.0, math.inf, found)
