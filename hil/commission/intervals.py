"""Conditions simple enough to reason about: a comparison with a number, a binary signal, or several at once.

By them a cause is brought about without being told how, and contradictions of a matrix are found.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from hil.commission.acts import number
from hil.errors import RigError

_NAME = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*"
_COMPARE = re.compile(rf"(?P<name>{_NAME})\s*(?P<op><=|>=|==|<|>)\s*(?P<value>[^<>=]+)")
_BINARY = re.compile(rf"(?P<no>not\s+|!\s*)?(?P<name>{_NAME})")
HALF = 0.5  # from it on a binary signal is on


@dataclass(frozen=True)
class Interval:
    """Values of one signal, ends included where `closed` says so."""

    low: float = -math.inf
    high: float = math.inf
    low_closed: bool = False
    high_closed: bool = False

    def within(self, other: Interval) -> bool:
        """Every value of it is one of the other's."""
        low = self.low > other.low or (self.low == other.low and (other.low_closed or not self.low_closed))
        high = self.high < other.high or (self.high == other.high and (other.high_closed or not self.high_closed))
        return low and high

    def meets(self, other: Interval) -> bool:
        """Some value is in both."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        if low != high:
            return low < high
        return all(part.contains(low) for part in (self, other))

    def contains(self, value: float) -> bool:
        """The value is in it."""
        low = value > self.low or (value == self.low and self.low_closed)
        return low and (value < self.high or (value == self.high and self.high_closed))


Simple = dict[str, Interval]


def simple(text: str, units: dict[str, str | None]) -> Simple | None:
    """Interval by signal of a condition, all of which have to hold; None for one that is not so simple."""
    found: Simple = {}
    for part in re.split(r"\s+and\s+|\s*&&?\s*", text.strip()):
        one = _one(part.strip().strip("()").strip(), units)
        if one is None or one[0] in found:
            return None
        found[one[0]] = one[1]
    return found


def _one(part: str, units: dict[str, str | None]) -> tuple[str, Interval] | None:
    compared = _COMPARE.fullmatch(part)
    if compared is None:
        binary = _BINARY.fullmatch(part)
        if binary is None or binary["name"] not in units:
            return None
        off = Interval(high=HALF)
        return binary["name"], off if binary["no"] else Interval(low=HALF, low_closed=True)
    name = compared["name"]
    if name not in units:
        return None
    try:
        value = number(compared["value"].strip(), units[name])
    except RigError:
        return None
    closed = "=" in compared["op"]
    if compared["op"] == "==":
        return name, Interval(value, value, True, True)
    if compared["op"].startswith(">"):
        return name, Interval(low=value, low_closed=closed)
    return name, Interval(high=value, high_closed=closed)


def implies(a: Simple, b: Simple) -> bool:
    """Whenever `a` holds, `b` does."""
    return all(name in a and a[name].within(interval) for name, interval in b.items())


def exclude(a: Simple, b: Simple) -> bool:
    """Both cannot hold at once."""
    return any(name in b and not interval.meets(b[name]) for name, interval in a.items())


def inside(interval: Interval, margin: float) -> float:
    """A value inside an interval, by a margin where it is open to one side; 1 and 0 for binary signals."""
    if interval.low == interval.high:
        return interval.low
    if interval == Interval(low=HALF, low_closed=True):
        return 1.0
    if interval == Interval(high=HALF):
        return 0.0
    if math.isinf(interval.high):
        return interval.low + margin
    if math.isinf(interval.low):
        return interval.high - margin
    return 0.5 * (interval.low + interval.high)
