"""What runs came to: detected or not, safe or a hazard, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hil.campaign.handling import Handling, Seen, handling
from hil.campaign.plan import Expectation
from hil.campaign.space import Run
from hil.requirements import at_each_sample

OUTCOMES = ("safe detected", "safe undetected", "hazard detected", "hazard undetected", "crash")
HAZARDS = OUTCOMES[2:]
CRASH = OUTCOMES.index("crash")
FAULT = "fault."
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Signals of runs that were forked at one tick.

    Attributes:
        values: shape (runs, n) each, from the fork on.
        before: the same of the healthy run up to the fork, shape (m,) each.
        first: tick of the fork.
        period_s: time between rows.
    """

    values: Mapping[str, Floats]
    before: Mapping[str, Floats]
    first: int
    period_s: float


@dataclass(frozen=True)
class Verdicts:
    """One element a run. Times count from the begin of its first fault; NaN: it never came.

    Attributes:
        outcome: index into OUTCOMES.
        robustness: of `safe`, from the fork on; -inf of a crash.
        requirement: robustness of `requirement` over the whole run; NaN without one.
        handling: how the faults were handled.
    """

    outcome: npt.NDArray[np.int64]
    detected_s: Floats
    hazard_s: Floats
    robustness: Floats
    requirement: Floats
    handling: Handling


def judge(expect: Expectation, runs: Sequence[Run], rows: Rows) -> Verdicts:
    """The verdicts of runs forked at one tick."""
    values = {**rows.values, **_acting(expect, runs, rows)}
    seen = Seen(values, rows.period_s, _begins_s(runs, rows))
    safe = at_each_sample(expect.safe).evaluate(values, rows.period_s, partial=True)
    detected, detected_s = _detected(expect, seen)
    hazard, hazard_s = ~safe.satisfied, safe.at_s - np.nan_to_num(seen.zero_s)
    detected &= ~(hazard & (detected_s > hazard_s))  # a detection behind the hazard comes too late
    crash = ~np.logical_and.reduce([np.isfinite(v).all(axis=-1) for v in rows.values.values()], axis=0)
    outcome = np.where(crash, CRASH, 2 * hazard + ~detected).astype(np.int64)
    robustness = np.where(crash, -np.inf, safe.robustness)
    handled = handling(expect, seen, detected_s, hazard | crash, hazard_s)
    return Verdicts(outcome, detected_s, hazard_s, robustness, _requirement(expect, values, rows, len(runs)), handled)


def _requirement(expect: Expectation, values: Mapping[str, Floats], rows: Rows, n: int) -> Floats:
    if expect.requirement is None:
        return np.full(n, np.nan)
    formula = at_each_sample(expect.requirement)
    return np.asarray(formula.evaluate(_from_start(values, rows), rows.period_s, partial=True).robustness)


def _begins_s(runs: Sequence[Run], rows: Rows) -> Floats:
    """Begin of each run's first fault since the first row; NaN without one."""
    starts = [np.nan if run.start_s is None else float(round(run.start_s / rows.period_s)) for run in runs]
    return (np.array(starts) - rows.first) * rows.period_s


def signals_of(expect: Expectation) -> list[str]:
    """Signals of the bench that the formulas read."""
    return sorted({name for f in expect.formulas for name in f.signals if not name.startswith(FAULT)})


def _detected(expect: Expectation, seen: Seen) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Whether and when; of a formula about the future only whether."""
    never = np.full(seen.zero_s.shape, np.nan)
    if expect.detect is None:
        return np.zeros(never.shape, dtype=bool), never
    if expect.detect.horizon_s > 0.0:
        return at_each_sample(expect.detect).evaluate(seen.values, seen.period_s, partial=True).satisfied, never
    detected_s = seen.first_s(expect.detect, np.zeros(never.shape))
    in_time = np.inf if expect.within_s is None else expect.within_s + 0.5 * seen.period_s
    return detected_s <= in_time, detected_s


def _acting(expect: Expectation, runs: Sequence[Run], rows: Rows) -> dict[str, Floats]:
    """`fault.<name>` for the formulas that ask for it: 1 while one of its faults acts."""
    wanted = {name for f in expect.formulas for name in f.signals if name.startswith(FAULT)}
    n = next(iter(rows.values.values())).shape[-1]
    found = {name: np.zeros((len(runs), n)) for name in wanted}
    for i, run in enumerate(runs):
        for fault in run.faults:
            if FAULT + fault.slot in wanted:
                found[FAULT + fault.slot][i, _sample(fault.start_s, rows) : _sample(fault.end_s, rows)] = 1.0
    return found


def _sample(time_s: float | None, rows: Rows) -> int | None:
    return None if time_s is None else max(0, round(time_s / rows.period_s) - rows.first)


def _from_start(values: Mapping[str, Floats], rows: Rows) -> dict[str, Floats]:
    """The healthy run up to the fork in front of each."""
    found = {}
    for name, after in values.items():
        before = rows.before.get(name, np.zeros(rows.first))
        found[name] = np.concatenate([np.broadcast_to(before, (len(after), rows.first)), after], axis=-1)
    return found
