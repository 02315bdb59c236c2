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
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hil.requirements.errors import FormulaError
from hil.requirements.trace import Trace, make_trace

if TYPE_CHECKING:
    from hil.requirements.verdict import Verdict

Floats = npt.NDArray[np.float64]


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
        trace = make_trace(values, self.signals, period_s)
        result = np.empty((math.prod(trace.shape), trace.samples))
        for runs, part in trace.split():
            result[runs] = self.value(part)
        return result.reshape((*trace.shape, trace.samples))

    def holds(self, trace: Trace) -> npt.NDArray[np.bool_]:
        """Whether it holds at each sample, also where the robustness is 0; shape (..., n)."""
        truth = self.value(replace(trace, crisp=True)) > 0
        return np.broadcast_to(truth, (*trace.shape, trace.samples))

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
        from hil.requirements.logic import Not, Or, formula

        return Or((Not(self), formula(other)))

    def __and__(self, other: object) -> Formula:
        from hil.requirements.logic import And, formula

        return And((self, formula(other)))

    def __or__(self, other: object) -> Formula:
        from hil.requirements.logic import Or, formula

        return Or((self, formula(other)))

    def __invert__(self) -> Formula:
        from hil.requirements.logic import Not

        return Not(self)

    def __bool__(self) -> bool:
        raise FormulaError("a formula has no truth of its own", mend="Write & | ~ for and, or, not, and call evaluate")
