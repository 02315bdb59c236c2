"""Whether a requirement held in each run, by how much, and since when it did not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hil.requirements.errors import FormulaError
from hil.requirements.formula import Formula
from hil.requirements.logic import And, Not, Or
from hil.requirements.temporal import Timed
from hil.requirements.trace import Trace

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Verdict:
    """The outcome at the first sample. Arrays have the shape of the runs, () for one run.

    Attributes:
        robustness: the margin, in the unit of the signals compared; NaN where a NaN decides.
        satisfied: whether it held. Where the robustness is 0, `<` differs from `<=` here.
        at_s: moment of violation from the first sample, NaN where satisfied: the first sample at which what G demands
            at each sample does not hold; for `G(fault -> F[0s,2s] alarm)` the moment of the fault.
        known_s: from when on the violation is certain, NaN where satisfied: here 2 s later, or the end of the trace.
    """

    robustness: Floats
    satisfied: npt.NDArray[np.bool_]
    at_s: Floats
    known_s: Floats


def judge(formula: Formula, trace: Trace, partial: bool = False) -> Verdict:
    """The verdict on each run of a trace.

    Raises:
        FormulaError: a window reaches beyond the end of the trace, and `partial` is False.
    """
    if not partial and formula.least_s > trace.duration_s + 0.5 * trace.period_s:
        raise FormulaError(
            f"its windows reach to {formula.least_s:g} s, beyond the end of the trace at {trace.duration_s:g} s",
            where=str(formula),
            mend="Record longer or shorten the window",
        )
    columns = np.empty((4, math.prod(trace.shape)))
    for runs, part in trace.split():
        columns[:, runs] = _judged(formula, part)
    robustness, satisfied, at_s, known_s = columns.reshape((4, *trace.shape))
    return Verdict(robustness, np.asarray(satisfied > 0), at_s, known_s)


def _judged(formula: Formula, trace: Trace) -> Floats:
    """The four attributes of a verdict as rows, of a trace whose only leading axis is that of the runs."""
    robustness = np.broadcast_to(formula.value(trace), (*trace.shape, trace.samples))[:, 0]
    satisfied = robustness > 0
    if (edge := robustness == 0).any():
        satisfied[edge] = formula.holds(trace.runs(edge))[:, 0]
    at_s, known_s = np.full(trace.shape, np.nan), np.full(trace.shape, np.nan)
    if (broken := ~satisfied).any():  # only these are looked at closely, in a campaign mostly few
        start, known = _violation(formula, trace.runs(broken), np.zeros(int(broken.sum()), dtype=np.int64))
        at_s[broken], known_s[broken] = start * trace.period_s, np.minimum(known, trace.duration_s)
    return np.stack((robustness, satisfied, at_s, known_s))


def _violation(formula: Formula, trace: Trace, at: Ints) -> tuple[Ints, Floats]:
    """Sample of the violation, and time from which it is certain, of runs that violate `formula` at sample `at`.

    G leads to the first sample where its part fails, `and` to the earliest of its parts that fail.
    """
    if isinstance(formula, Timed) and formula.name == "G":
        first, last = formula.window.samples(trace.period_s)
        ticks, failed = np.arange(trace.samples), ~formula.part.holds(trace)
        failed &= ticks >= at[:, None] + first
        if last is not None:
            failed &= ticks <= at[:, None] + last
        return _violation(formula.part, trace, np.argmax(failed, axis=-1))
    if isinstance(formula, And):
        return _earliest(formula, trace, at)
    if isinstance(formula, Not) and (inner := _pushed(formula.part)) is not None:
        return _violation(inner, trace, at)
    return at, np.asarray(at * trace.period_s + formula.horizon_s, dtype=np.float64)


def _pushed(part: Formula) -> Formula | None:
    """`not F x` as `G not x`, `not (a or b)` as `not a and not b`; None where neither is meant."""
    if isinstance(part, Timed) and part.name == "F":
        return Timed("G", Not(part.part), part.window)
    return And(tuple(Not(one) for one in part.parts)) if isinstance(part, Or) else None


def _earliest(formula: And, trace: Trace, at: Ints) -> tuple[Ints, Floats]:
    start, known = np.full(at.shape, trace.samples), np.full(at.shape, np.inf)
    for part in formula.parts:
        failed = ~part.holds(trace)[np.arange(len(at)), at]
        its_start, its_known = _violation(part, trace, at)
        earlier = failed & (its_start < start)
        start, known = np.where(earlier, its_start, start), np.where(earlier, its_known, known)
    return start, known
