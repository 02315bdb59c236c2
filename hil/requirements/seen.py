"""What was seen where something was expected: the sample that decides, for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hil import units
from hil.requirements.formula import Formula
from hil.requirements.trace import make_trace
from hil.requirements.window import Window
from hil.rig.expectation import Expectation

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """The value that decides about an expectation.

    Of one that has to hold, the worst value; of one with a delay, that with which it came true, or the one that came
    nearest.

    Attributes:
        value: in `unit`.
        unit: the one that the expectation is written in.
        at_s: its moment, counted as the expectation's.
    """

    value: float
    unit: str
    at_s: float

    def __str__(self) -> str:
        return f"{self.value:.6g}{' ' + self.unit if self.unit not in ('', '1', 'bool') else ''} at {self.at_s:.9g} s"


def seen_in(
    values: Mapping[str, Floats], unit: str | None, period_s: float, expected: Expectation, condition: Formula
) -> Seen | None:
    """What was seen; None when the trace ends before the expectation does.

    Args:
        values: the signal, one value a sample, from bench time 0 on.
        unit: of the signal.
        period_s: time between samples.
        expected: what was expected.
        condition: its condition, read.

    Raises:
        FormulaError: no sample lies in its window.
    """
    first, last, stay = window_of(expected, period_s)
    x = values[expected.signal]
    if last + stay >= len(x):
        return None
    part = slice(first, last + stay + 1)
    trace = make_trace(values, condition.signals, period_s)
    margin = np.broadcast_to(condition.value(trace).reshape(-1), x.shape)[part]
    came = _all_of(condition.holds(trace).reshape(-1)[part], stay)
    start = int(np.argmax(came) if came.any() else np.argmax(_least_of(margin, stay)))
    at = first + start
    if not (expected.within_s and came.any()):
        at += int(np.argmin(margin[start : start + stay + 1]))
    scale, offset = units.conversion(unit, expected.unit) if unit and expected.unit != unit else (1.0, 0.0)
    return Seen(float(x[at]) * scale + offset, expected.unit, at * period_s)


def window_of(expected: Expectation, period_s: float) -> tuple[int, int, int]:
    """First and last sample at which it may begin to hold, and how many more it has to.

    Raises:
        FormulaError: no sample lies in its window.
    """
    first, last = _samples(expected.time_s, expected.within_s or expected.hold_s, period_s)
    if expected.within_s:
        return first, last, _samples(0.0, expected.hold_s, period_s)[1]
    return first, first, last - first


def _samples(begin_s: float, length_s: float, period_s: float) -> tuple[int, int]:
    first, last = Window(begin_s, begin_s + length_s).samples(period_s)
    assert last is not None  # it has an end
    return first, last


def _all_of(holds: npt.NDArray[np.bool_], stay: int) -> npt.NDArray[np.bool_]:
    return np.asarray(np.lib.stride_tricks.sliding_window_view(holds, stay + 1).all(axis=-1))


def _least_of(margin: Floats, stay: int) -> Floats:
    return np.asarray(np.lib.stride_tricks.sliding_window_view(margin, stay + 1).min(axis=-1))
