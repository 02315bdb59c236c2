"""Comparisons, and what joins formulas at one sample: not, and, or."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
import numpy.typing as npt

from hil.requirements.errors import FormulaError
from hil.requirements.formula import Formula
from hil.requirements.terms import Number, Signal, Term
from hil.requirements.trace import Trace

Floats = npt.NDArray[np.float64]
HALF = 0.5  # a logic signal holds from here on


@dataclass(frozen=True, eq=False)
class Compare(Formula):
    """`left op right`."""

    op: str
    left: Term
    right: Term

    def value(self, trace: Trace) -> Floats:
        left, right = self.left.value(trace), self.right.value(trace)
        with np.errstate(invalid="ignore"):
            gap = right - left if self.op[0] == "<" else left - right
        if self.op in ("==", "!="):
            gap = -np.abs(gap) if self.op == "==" else np.abs(gap)
        if not trace.crisp:
            return np.asarray(gap)
        held = gap >= 0 if self.op in ("<=", ">=", "==") else gap > 0
        return np.where(np.isnan(gap), np.nan, np.where(held, 1.0, -1.0))

    @cached_property
    def signals(self) -> frozenset[str]:
        return self.left.signals | self.right.signals

    def __str__(self) -> str:
        return f"({self.left} {self.op} {self.right})"


@dataclass(frozen=True, eq=False)
class Not(Formula):
    """It does not hold."""

    part: Formula

    def value(self, trace: Trace) -> Floats:
        return np.asarray(-self.part.value(trace))

    @property
    def parts(self) -> tuple[Formula, ...]:
        return (self.part,)

    def __str__(self) -> str:
        return f"not {self.part}"


@dataclass(frozen=True, eq=False)
class And(Formula):
    """All hold."""

    operands: tuple[Formula, ...]

    def value(self, trace: Trace) -> Floats:
        return np.asarray(reduce(np.minimum, (part.value(trace) for part in self.operands)))

    @property
    def parts(self) -> tuple[Formula, ...]:
        return self.operands

    def __str__(self) -> str:
        return f"({' and '.join(map(str, self.parts))})"


@dataclass(frozen=True, eq=False)
class Or(Formula):
    """One holds at least."""

    operands: tuple[Formula, ...]

    def value(self, trace: Trace) -> Floats:
        return np.asarray(reduce(np.maximum, (part.value(trace) for part in self.operands)))

    @property
    def parts(self) -> tuple[Formula, ...]:
        return self.operands

    def __str__(self) -> str:
        return f"({' or '.join(map(str, self.parts))})"


def formula(value: object) -> Formula:
    """A formula of a formula or a bare signal, which holds from 0.5 on.

    Raises:
        FormulaError: it is neither.
    """
    if isinstance(value, Formula):
        return value
    if isinstance(value, Signal):
        return Compare(">=", value, Number(HALF))
    raise FormulaError(f"'{value}' is neither true nor false", mend="Compare it with something, as in 'x < 0.9'")
