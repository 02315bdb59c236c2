"""How long it took to handle a fault, beside the time that there is for it.

A fault occurs, is detected after the fault detection time interval, and the fault reaction time interval later the safe
state is reached; both together are the fault handling time interval (ISO 26262-1:2018, 3.55, 3.59, 3.56). It has to lie
within the fault tolerant time interval (3.61), which is the time from a fault to a possible hazardous event if nothing
reacts. In process industries that limit is called process safety time (IEC 61508-4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hil.campaign.plan import Expectation
from hil.requirements import Formula
from hil.requirements.trace import make_trace

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
WORDS = ("in time", "late")


@dataclass(frozen=True)
class Seen:
    """What is known of runs; one element a run, times in s since the begin of its first fault, NaN: never.

    Attributes:
        values: signals, shape (runs, n) each.
        period_s: time between rows.
        zero_s: begin of the first fault since the first row; NaN without a fault.
    """

    values: Mapping[str, Floats]
    period_s: float
    zero_s: Floats

    def first_s(self, formula: Formula, since_s: Floats) -> Floats:
        """First moment at or after `since_s` at which a formula without a future holds."""
        holds = np.array(formula.holds(make_trace(self.values, formula.signals, self.period_s)))
        time_s = np.arange(holds.shape[-1]) * self.period_s - self.zero_s[:, None]
        holds &= time_s > since_s[:, None] - 0.5 * self.period_s
        first_s = np.take_along_axis(time_s, np.argmax(holds, axis=-1)[:, None], axis=-1)[:, 0]
        return np.asarray(np.where(holds.any(axis=-1), first_s, np.nan))


@dataclass(frozen=True)
class Handling:
    """One element a run, times in s.

    Attributes:
        reaction_s: from the detection to the safe state; NaN: never.
        handled_s: from the begin of the first fault to the safe state; NaN: never.
        late: 1: beyond the fault tolerant time interval, or not before the hazard; 0: in time; -1: not judged, as the
            plan has no limit, the run no fault, or its fault neither was detected nor did harm.
    """

    reaction_s: Floats
    handled_s: Floats
    late: npt.NDArray[np.int8]


def handling(expect: Expectation, seen: Seen, detected_s: Floats, hazard: Bools, hazard_s: Floats) -> Handling:
    """How runs handled their faults."""
    begin_s = np.where(np.isnan(seen.zero_s), np.nan, 0.0) if expect.detect is None else detected_s
    if expect.safe_state is not None:
        handled_s = seen.first_s(expect.safe_state, begin_s)
    else:
        handled_s = begin_s + expect.reaction_s if expect.detect is not None else np.full(begin_s.shape, np.nan)
    late = np.full(begin_s.shape, -1, dtype=np.int8)
    if expect.ftti_s is not None:
        noticed = np.isfinite(handled_s if expect.detect is None else detected_s)
        judged = np.isfinite(seen.zero_s) & (noticed | hazard)
        slack = 0.5 * seen.period_s
        in_time = (handled_s <= expect.ftti_s + slack) & ~(hazard & ~(handled_s <= hazard_s + slack))
        late[judged] = ~in_time[judged]
    return Handling(handled_s - begin_s, handled_s, late)
