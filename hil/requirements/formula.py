"""Formulas of signal temporal logic and their robustness: how far a trace is from breaking or from meeting them.

Discrete time, uniformly sampled. The robustness of `x < c` is c - x, in the unit of x; and is the smaller, or the
greater of two, not the negative. The windows of G, F and U take the samples that exist: one that lies wholly behind
the end gives +inf for G and -inf for F and U, as H gives +inf and O and S -inf before the start. These are the
conventions of rtamt's discrete-time offline monitor (Ničković, Yamaguchi: RTAMT, ATVA 2020), with one difference:
`<->` is here the smaller of both implications, so that its sign tells its truth, where rtamt takes -|a - b|.
A NaN makes whatever depends on it NaN, and a NaN is not satisfied.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hil.requirements import windows
from hil.requirements.errors import FormulaError
from hil.requirements.terms import Number, Signal, Term
from hil.requirements.trace import Trace, make_trace

if TYPE_CHECKING:
    from hil.requirements.verdict import Verdict

Floats = npt.NDArray[np.float64]
HALF = 0.5  # a logic signal holds from here on
TOLERANCE = 1e-6  # of a period, for windows that binary fractions of seconds miss by a hair


@dataclass(frozen=True)
class Window:
    """From `start_s` to `end_s` from now, both included; end_s may be inf.

    Raises:
        FormulaError: it is negative, or ends before it starts.
    """

    start_s: float = 0.0
    end_s: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.start_s < math.inf:
            raise FormulaError(f"the window {self} does not start at 0 s or later", mend="Use H, O or S for the past")
        if not self.start_s <= self.end_s:
            raise FormulaError(f"the window {self} ends before it starts", mend="Write [start,end]")

    def __str__(self) -> str:
        return f"[{self.start_s:.12g}s,{self.end_s:.12g}{'s' * math.isfinite(self.end_s)}]"

    def samples(self, period_s: float) -> tuple[int, int | None]:
        """First and last sample in it, counted from now; the last is None where it has no end.

        Raises:
            FormulaError: no sample lies in it.
        """
        first = math.ceil(self.start_s / period_s - TOLERANCE)
        if math.isinf(self.end_s):
            return first, None
        last = math.floor(self.end_s / period_s + TOLERANCE)
        if last < first:
            raise FormulaError(f"no sample lies in the window {self}, one is taken every {period_s:g} s")
        return first, last


class Formula(ABC):
    """A formula. `& | ~` and `.implies()` work in Python as `and or not ->` do in text."""

    @abstractmethod
    def value(self, trace: Trace) -> Floats:
        """Robustness at each sample, shape (..., n), or () where it is the same at each."""

    @property
    def parts(self) -> tuple[Formula, ...]:
        """The formulas that it is made of."""
        return ()

    @cached_property
    def signals(self) -> frozenset[str]:
        """Names of all signals in it."""
        return frozenset().union(*(part.signals for part in self.parts))

    @cached_property
    def horizon_s(self) -> float:
        """How far it looks into the future, inf where to the end of the trace."""
        return max((part.horizon_s for part in self.parts), default=0.0)

    @cached_property
    def least_s(self) -> float:
        """How long a trace must be for each window with an end to fit in, seen from the first sample."""
        return max((part.least_s for part in self.parts), default=0.0)

    @property
    def inside(self) -> bool:
        """True when each part of it stands under G, F or U, so that it speaks about a whole trace."""
        return bool(self.parts) and all(part.inside for part in self.parts)

    def robustness(self, values: Mapping[str, npt.ArrayLike], period_s: float) -> Floats:
        """Robustness at each sample: above 0 it holds, below 0 it does not, at 0 the trace is on the edge.

        Args:
            values: arrays by signal, shape (..., n): the last axis is time, the leading ones are runs.
            period_s: time between samples.

        Returns:
            Shape (..., n), in the unit of the signals compared.

        Raises:
            FormulaError: an unknown signal, lengths that differ, a window without a sample.
        """
        return self.of_trace(make_trace(values, self.signals, period_s))

    def of_trace(self, trace: Trace) -> Floats:
        """Robustness at each sample of a trace, shape (..., n)."""
        result = np.asarray(self.value(trace))
        shape = np.broadcast_shapes(result.shape, (trace.samples,), *(v.shape for v in trace.values.values()))
        return np.broadcast_to(result, shape)

    def holds(self, trace: Trace) -> npt.NDArray[np.bool_]:
        """Whether it holds at each sample, also where the robustness is 0; shape (..., n)."""
        return np.asarray(self.of_trace(replace(trace, crisp=True)) > 0)

    def evaluate(self, values: Mapping[str, npt.ArrayLike], period_s: float, *, partial: bool = False) -> Verdict:
        """The verdict at the first sample, for each run.

        Args:
            values: as for `robustness`.
            period_s: time between samples.
            partial: judge also a trace that ends before the windows of the formula do, by what there is.

        Raises:
            FormulaError: as `robustness`; a window reaches beyond the end of the trace.
        """
        from hil.requirements.verdict import judge

        return judge(self, make_trace(values, self.signals, period_s), partial)

    def implies(self, other: object) -> Formula:
        """`self -> other`."""
        return Or((Not(self), formula(other)))

    def __and__(self, other: object) -> Formula:
        return And((self, formula(other)))

    def __or__(self, other: object) -> Formula:
        return Or((self, formula(other)))

    def __invert__(self) -> Formula:
        return Not(self)

    def __bool__(self) -> bool:
        raise FormulaError("a formula has no truth of its own", mend="Write & | ~ for and, or, not, and call evaluate")


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


@dataclass(frozen=True, eq=False)
class Edge(Formula):
    """rise: it holds now and did not at the sample before; fall: the reverse. Before the start neither held."""

    name: str
    part: Formula

    def value(self, trace: Trace) -> Floats:
        now = _full(self.part, trace)
        before = windows.shifted(now, -1, -np.inf if self.name == "rise" else np.inf)
        return np.minimum(-before, now) if self.name == "rise" else np.minimum(before, -now)

    @property
    def parts(self) -> tuple[Formula, ...]:
        return (self.part,)

    def __str__(self) -> str:
        return f"{self.name}({self.part})"


@dataclass(frozen=True, eq=False)
class Timed(Formula):
    """G, F over the future, H, O over the past: at each, or at one sample of the window."""

    name: str
    part: Formula
    window: Window = Window()

    def value(self, trace: Trace) -> Floats:
        x = _full(self.part, trace)
        over: Callable[..., Floats] = windows.future_min if self.name in "GH" else windows.future_max
        turn = slice(None, None, -1 if self.name in "HO" else 1)
        return over(x[..., turn], *self.window.samples(trace.period_s))[..., turn]

    @property
    def parts(self) -> tuple[Formula, ...]:
        return (self.part,)

    @cached_property
    def horizon_s(self) -> float:
        return self.part.horizon_s + (self.window.end_s if self.name in "GF" else 0.0)

    @cached_property
    def least_s(self) -> float:
        return self.part.least_s + (_least(self.window) if self.name in "GF" else 0.0)

    @property
    def inside(self) -> bool:
        return self.name in "GF"

    def __str__(self) -> str:
        return f"{self.name}{_window(self.window)}{self.part}"


@dataclass(frozen=True, eq=False)
class Until(Formula):
    """`left U right`: right comes in the window and left holds until the sample before; S the same into the past."""

    name: str
    left: Formula
    right: Formula
    window: Window = Window()

    def value(self, trace: Trace) -> Floats:
        turn = slice(None, None, -1 if self.name == "S" else 1)
        left, right = _full(self.left, trace)[..., turn], _full(self.right, trace)[..., turn]
        return windows.until(left, right, *self.window.samples(trace.period_s))[..., turn]

    @property
    def parts(self) -> tuple[Formula, ...]:
        return (self.left, self.right)

    @cached_property
    def horizon_s(self) -> float:
        own = self.window.end_s if self.name == "U" else 0.0
        return own + max(self.left.horizon_s, self.right.horizon_s)

    @cached_property
    def least_s(self) -> float:
        own = _least(self.window) if self.name == "U" else 0.0
        return own + max(self.left.least_s, self.right.least_s)

    @property
    def inside(self) -> bool:
        return self.name == "U"

    def __str__(self) -> str:
        return f"({self.left} {self.name}{_window(self.window)}{self.right})"


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


def _least(window: Window) -> float:
    return window.end_s if math.isfinite(window.end_s) else window.start_s


def _window(window: Window) -> str:
    return " " if window == Window() else f"{window} "


def _full(part: Formula, trace: Trace) -> Floats:
    """Its robustness with a time axis, also where it is the same at each sample."""
    x = part.value(trace)
    return x if x.ndim else np.broadcast_to(x, (trace.samples,))
