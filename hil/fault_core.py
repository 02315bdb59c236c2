"""What the core gets of a fault: the number of a kind of its own, and four values.

Derived kinds become one of the core's here, with values from the signal's range, its unit, or an electrical divider.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from hil import units
from hil.errors import BenchError
from hil.fault_kinds import ELECTRICAL, KINDS
from hil.faults import FaultSpec
from hil.nearest import did_you_mean

NE43_MA = {"low": 3.6, "high": 21.0}  # NAMUR NE 43: at or beyond these a 4..20 mA line tells of a failure


class Line(Protocol):
    """What is known of a signal."""

    @property
    def unit(self) -> str | None:
        """Unit of its values."""

    @property
    def range(self) -> tuple[float, float] | None:
        """Expected values."""

    @property
    def limits(self) -> tuple[float, float] | None:
        """Limits of the equipment."""


@dataclass(frozen=True)
class Resolving:
    """A fault on its way to the core."""

    spec: FaultSpec
    signals: Mapping[str, Line]
    paths: Mapping[str, int]

    @property
    def line(self) -> Line:
        """The signal that it acts on."""
        return self.signals[self.spec.signal]

    def refuse(self, why: str, mend: str | None = None) -> BenchError:
        """An error at the signal."""
        return BenchError(f"{self.spec}: {why}", where=self.spec.signal, mend=mend)

    def span(self) -> tuple[float, float]:
        """The range, or the limits, that the signal declares."""
        found = self.line.range or self.line.limits
        if found is None or not all(map(math.isfinite, found)):
            raise self.refuse("the signal declares no range", mend="Give it range = [low, high]")
        return found

    def other(self) -> float:
        """Path of the signal that is named first."""
        name = self.spec.words[0]
        if name == self.spec.signal or name not in self.paths:
            why = "needs another signal" if name == self.spec.signal else f"'{name}' is not a signal with a path"
            raise self.refuse(why, did_you_mean(name, [n for n in self.paths if n != self.spec.signal]))
        mine, theirs = self.line.unit, self.signals[name].unit
        if mine is not None and theirs is not None and not units.same_unit(mine, theirs):
            raise self.refuse(f"{name} is in {theirs}, not in {mine}")
        return float(self.paths[name])


def core_fault(
    spec: FaultSpec, period_ns: int, signals: Mapping[str, Line], paths: Mapping[str, int]
) -> tuple[int, tuple[float, ...]]:
    """(enum hil_fault_kind, the event's four values) of a fault whose values are converted.

    Raises:
        BenchError: the signal cannot carry it: no range, no unit, no such other signal, not in volts.
    """
    kind = KINDS[spec.kind]
    if not kind.derived:
        return kind.number, spec.core_values(period_ns)
    to = Resolving(spec, signals, paths)
    if spec.kind in ELECTRICAL and not (to.line.unit and units.compatible(to.line.unit, "V")):
        raise to.refuse("an electrical fault needs a signal in volts")
    found = _DERIVED[spec.kind](to)
    return kind.number, (*found, 0.0, 0.0, 0.0, 0.0)[:4]


def _wrong_unit(to: Resolving) -> tuple[float, ...]:
    mine, wrong = to.line.unit, to.spec.words[0]
    if mine is None:
        raise to.refuse("the signal has no unit")
    if not units.compatible(mine, wrong):
        raise to.refuse(f"{mine} cannot become {wrong}")
    return units.conversion(mine, wrong)


def _wire_break(to: Resolving) -> tuple[float, ...]:
    end = to.spec.words[0]
    if end not in NE43_MA:
        raise to.refuse(f"a wire breaks to low or high, not to '{end}'")
    low, high = to.span()
    return (low + (NE43_MA[end] - 4.0) / 16.0 * (high - low),)


def _divider(to: Resolving) -> tuple[float, float]:
    """(share of the signal, share of what it is shorted to)."""
    resistance, source = to.spec.values[:2]
    if resistance + source <= 0:
        raise to.refuse("one of the resistances must be above 0")
    return resistance / (resistance + source), source / (resistance + source)


def _short_supply(to: Resolving) -> tuple[float, ...]:
    mine, theirs = _divider(to)
    return mine, theirs * to.spec.values[2]


_DERIVED: dict[str, Callable[[Resolving], tuple[float, ...]]] = {
    "nan": lambda _: (1.0,),
    "sign_flip": lambda _: (-1.0, 0.0),
    "wrong_unit": _wrong_unit,
    "wire_break": _wire_break,
    "crosstalk": lambda to: (1.0, to.spec.values[0], to.other()),
    "swap": lambda to: (0.0, 1.0, to.other()),
    "loss": lambda to: (1.0 - to.spec.values[0],),
    "reversed": lambda to: (-1.0, sum(to.span())),
    "frozen": lambda _: (math.nan,),
    "short_ground": lambda to: (_divider(to)[0], 0.0),
    "short_supply": _short_supply,
    "short_pin": lambda to: (*_divider(to), to.other()),
    "open": lambda to: to.spec.values,
    "ground_shift": lambda to: to.spec.values,
    "brown_out": lambda to: (0.0, *to.spec.values),
}
