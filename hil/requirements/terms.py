"""Arithmetic over signals: what stands on either side of a comparison."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hil.requirements.errors import FormulaError
from hil.requirements.trace import Trace

if TYPE_CHECKING:
    from hil.requirements.logic import Compare

Floats = npt.NDArray[np.float64]
BINARY: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "min": np.minimum,
    "max": np.maximum,
}


class Term(ABC):
    """A number at each sample. `+ - * /` and the comparisons `< <= > >=` work in Python as they do in text."""

    @abstractmethod
    def value(self, trace: Trace) -> Floats:
        """Shape (..., n), or () where it is the same at each sample."""

    @property
    @abstractmethod
    def signals(self) -> frozenset[str]:
        """Names of all signals in it."""

    def compare(self, op: str, other: object) -> Compare:
        """The formula `self op other`, op one of < <= > >= == !=."""
        from hil.requirements.logic import Compare

        return Compare(op, self, term(other))

    def equals(self, other: object) -> Compare:
        """`self == other`, which Python keeps for comparing the terms themselves."""
        return self.compare("==", other)

    def differs(self, other: object) -> Compare:
        """`self != other`."""
        return self.compare("!=", other)

    def __lt__(self, other: object) -> Compare:
        return self.compare("<", other)

    def __le__(self, other: object) -> Compare:
        return self.compare("<=", other)

    def __gt__(self, other: object) -> Compare:
        return self.compare(">", other)

    def __ge__(self, other: object) -> Compare:
        return self.compare(">=", other)

    def __add__(self, other: object) -> Binary:
        return Binary("+", self, term(other))

    def __radd__(self, other: object) -> Binary:
        return Binary("+", term(other), self)

    def __sub__(self, other: object) -> Binary:
        return Binary("-", self, term(other))

    def __rsub__(self, other: object) -> Binary:
        return Binary("-", term(other), self)

    def __mul__(self, other: object) -> Binary:
        return Binary("*", self, term(other))

    def __rmul__(self, other: object) -> Binary:
        return Binary("*", term(other), self)

    def __truediv__(self, other: object) -> Binary:
        return Binary("/", self, term(other))

    def __rtruediv__(self, other: object) -> Binary:
        return Binary("/", term(other), self)

    def __neg__(self) -> Binary:
        return Binary("-", Number(0.0), self)

    def __abs__(self) -> Abs:
        return Abs(self)


@dataclass(frozen=True, eq=False)
class Signal(Term):
    """The value of a signal."""

    name: str

    def value(self, trace: Trace) -> Floats:
        return trace[self.name]

    @property
    def signals(self) -> frozenset[str]:
        return frozenset((self.name,))

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False)
class Number(Term):
    """A constant; its unit, if it has one, until it is converted to that of a signal."""

    number: float
    unit: str | None = None

    def value(self, trace: Trace) -> Floats:  # noqa: ARG002
        return np.asarray(self.number)

    @property
    def signals(self) -> frozenset[str]:
        return frozenset()

    def __str__(self) -> str:
        return f"{self.number!r}{self.unit or ''}"


@dataclass(frozen=True, eq=False)
class Binary(Term):
    """`left op right`, op a key of BINARY. A division by zero gives inf or NaN as in IEEE 754."""

    op: str
    left: Term
    right: Term

    def value(self, trace: Trace) -> Floats:
        with np.errstate(all="ignore"):
            result: Floats = BINARY[self.op](self.left.value(trace), self.right.value(trace))
        return result

    @property
    def signals(self) -> frozenset[str]:
        return self.left.signals | self.right.signals

    def __str__(self) -> str:
        named = self.op.isalpha()
        return f"{self.op}({self.left}, {self.right})" if named else f"({self.left} {self.op} {self.right})"


@dataclass(frozen=True, eq=False)
class Abs(Term):
    """Absolute value."""

    part: Term

    def value(self, trace: Trace) -> Floats:
        return np.asarray(np.abs(self.part.value(trace)))

    @property
    def signals(self) -> frozenset[str]:
        return self.part.signals

    def __str__(self) -> str:
        return f"abs({self.part})"


def signal(name: str) -> Signal:
    """The signal of this name, to write formulas with in Python."""
    return Signal(name)


def term(value: object) -> Term:
    """A term of a term or number.

    Raises:
        FormulaError: it is neither.
    """
    if isinstance(value, Term):
        return value
    if isinstance(value, int | float | np.number):
        return Number(float(value))
    raise FormulaError(f"{value!r} is neither a signal nor a number", mend="Write signal('plant.h1') or 0.9")
