"""Comparisons of what was seen with what was expected: each gives an Observation, which is true when it held.

Times are in s since the item began. A comparison of times allows one sample.
"""

from __future__ import annotations

import numpy as np

from hil.commission.results import Number, Observation
from hil.commission.seen import Seen

EDGE = 1.5  # samples by which two times may differ and still be the same


def value(
    seen: Seen, expression: str, *, at_s: float, expected: float | str, tolerance: float, what: str = "",
    applied: Number = None, tag: str = "",
) -> Observation:  # fmt: skip
    """What a signal or arithmetic on signals is at a moment, compared with a number or another such expression."""
    row = seen.row(at_s)
    observed = float(seen.series(expression)[row])
    wanted = float(seen.series(expected)[row]) if isinstance(expected, str) else float(expected)
    ok = abs(observed - wanted) <= tolerance * (1 + 1e-9)
    return Observation(
        tag or expression, what or "value", applied, wanted, observed, ok, tolerance, seen.unit(expression),
        seen.tick(at_s), at_s,
    )  # fmt: skip


def holds(
    seen: Seen, condition: str, *, from_s: float, to_s: float, what: str = "", tag: str = "", applied: Number = None
) -> Observation:
    """A condition at every sample from one time to another."""
    rows = seen.rows(from_s, to_s)
    truth = seen.holds(condition)[rows]
    if not len(truth):
        return Observation(tag or condition, what or condition, applied, condition, None, ok=False)
    broken = None if truth.all() else float(seen.t_s[rows][int(np.argmin(truth))])
    observed = f"held from {from_s:g} s to {to_s:g} s" if broken is None else f"did not hold at {broken:.6g} s"
    return Observation(
        tag or condition, what or condition, applied, condition, observed, broken is None, tick=seen.tick(broken),
        time_s=broken,
    )  # fmt: skip


def becomes(
    seen: Seen, condition: str, *, after_s: float, within_s: float, not_before_s: float = 0.0, what: str = "",
    tag: str = "", applied: Number = None,
) -> Observation:  # fmt: skip
    """A condition comes true so long after a moment: not earlier, not later. It must not be true before."""
    rows = seen.rows(after_s, seen.seconds + 1.0)
    truth, t_s = seen.holds(condition)[rows], seen.t_s[rows]
    edge = EDGE * seen.step_s
    wanted = f"within {within_s:g} s" if not not_before_s else f"after {not_before_s:g} s to {within_s:g} s"
    if not truth.any():
        return Observation(tag or condition, what or condition, applied, wanted, "never", ok=False)
    if rows.start and seen.holds(condition)[rows.start - 1]:
        return Observation(tag or condition, what or condition, applied, wanted, "held already before", ok=False)
    at_s = float(t_s[int(np.argmax(truth))])
    delay = round(at_s - after_s, 9)
    ok = not_before_s - edge <= delay <= within_s + edge
    return Observation(
        tag or condition, what or condition, applied, wanted, f"after {delay:.4g} s", ok, tick=seen.tick(at_s),
        time_s=at_s,
    )  # fmt: skip


def steps(
    seen: Seen, signal: str, *, from_s: float, to_s: float, limit: float, what: str = "", tag: str = "",
    applied: Number = None,
) -> Observation:  # fmt: skip
    """The largest change of a signal from one sample to the next."""
    rows = seen.rows(from_s, to_s)
    change = np.abs(np.diff(seen.series(signal)[rows]))
    at = int(np.argmax(change)) if len(change) else 0
    largest = float(change[at]) if len(change) else float("nan")
    at_s = float(seen.t_s[rows][min(at + 1, len(change))]) if len(change) else from_s
    return Observation(
        tag or signal, what or "largest step", applied, f"at most {limit:g}", largest, bool(largest <= limit), None,
        seen.unit(signal), seen.tick(at_s), at_s,
    )  # fmt: skip


def moves(seen: Seen, signal: str, *, from_s: float, to_s: float, least: float, what: str = "") -> Observation:
    """A signal's largest value less its smallest."""
    part = seen.series(signal)[seen.rows(from_s, to_s)]
    moved = float(np.ptp(part)) if len(part) else 0.0
    return Observation(
        signal, what or "moves", None, f"at least {least:g}", moved, moved >= least, None, seen.unit(signal)
    )


def below(
    seen: Seen, expression: str, *, limit: float, from_s: float, to_s: float, what: str = "", tag: str = ""
) -> Observation:
    """A signal or arithmetic on signals under a limit all the time."""
    return _beyond(seen, expression, limit, (from_s, to_s), -1.0, what, tag)


def above(
    seen: Seen, expression: str, *, limit: float, from_s: float, to_s: float, what: str = "", tag: str = ""
) -> Observation:
    """A signal or arithmetic on signals over a limit all the time."""
    return _beyond(seen, expression, limit, (from_s, to_s), 1.0, what, tag)


def _beyond(
    seen: Seen, expression: str, limit: float, window: tuple[float, float], sign: float, what: str, tag: str
) -> Observation:
    part = seen.series(expression)[seen.rows(*window)]
    nearest = float(sign * np.min(sign * part)) if len(part) else float("nan")
    ok = bool(sign * nearest > sign * limit)
    wanted = f"{'above' if sign > 0 else 'below'} {limit:g}"
    return Observation(
        tag or expression, what or wanted, None, wanted, nearest, ok, None, seen.unit(expression), seen.tick(window[0]),
        window[0],
    )  # fmt: skip
