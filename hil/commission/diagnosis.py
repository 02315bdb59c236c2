"""Hints at the cause of a failed loop check: wrong scaling, a shift, or another tag in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hil.commission.check import Check
from hil.commission.results import Observation
from hil.commission.seen import Seen

STRAIGHT = 0.02  # of the span: how far points may lie from a straight line that explains them


def explain(check: Check, seen: Seen, found: Sequence[Observation], others: dict[str, str]) -> list[Observation]:
    """The same observations, the first failed one with a hint.

    Args:
        check: only loop checks are explained.
        seen: what was seen.
        found: what it came to.
        others: where the other tags are read: expression by tag.
    """
    first = next((n for n, observation in enumerate(found) if not observation.ok), None)
    if check.kind != "loop" or first is None:
        return list(found)
    points = [
        o for o in found if isinstance(o.applied, float) and isinstance(o.observed, float) and o.time_s is not None
    ]
    note = _elsewhere(seen, points, others) or _line(points)
    return [replace(o, note=note) if n == first and note else o for n, o in enumerate(found)]


def _elsewhere(seen: Seen, points: Sequence[Observation], others: dict[str, str]) -> str:
    """The tag in whose place the values arrive."""
    if len(points) < 3:
        return ""
    applied = np.array([float(o.expected) for o in points if isinstance(o.expected, float)])
    for tag, expression in others.items():
        if expression not in seen.values or tag == points[0].tag:
            continue
        column = seen.series(expression)
        there = np.array([column[seen.row(o.time_s or 0.0)] for o in points])
        if len(applied) == len(there) and np.ptp(there) > 0:
            close = np.abs(there - applied) <= STRAIGHT * np.ptp(applied)
            if close.all():
                return f"it arrives in place of {tag}: the two are swapped"
    return ""


def _line(points: Sequence[Observation]) -> str:
    """Gain and shift, where a straight line explains what was seen."""
    pairs = [
        (float(o.expected), float(o.observed))
        for o in points
        if isinstance(o.expected, float) and isinstance(o.observed, float)
    ]
    inside = pairs[:5]
    if len(inside) < 3:
        return ""
    x, y = np.array(inside).T
    span = float(np.ptp(x))
    if not span:
        return ""
    if np.ptp(y) < STRAIGHT * span:
        return "it does not follow"
    gain, shift = np.polyfit(x, y, 1)
    if np.abs(gain * x + shift - y).max() > STRAIGHT * span * max(1.0, abs(gain)):
        return ""
    parts = [f"scaled by {gain:.4g}"] if abs(gain - 1) > 0.002 else []
    parts += [f"shifted by {shift:.4g}"] if abs(shift) > 0.002 * span else []
    return f"as if {' and '.join(parts)}" if parts else ""
