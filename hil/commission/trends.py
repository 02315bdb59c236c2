"""Short trends of what an item saw: few points, and no excursion lost."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from hil.commission.results import Trend
from hil.commission.seen import Floats, Seen

BUCKETS = 120  # of each the smallest and the largest value is kept
DIGITS = 7


def trends(seen: Seen, names: Iterable[str], offset_s: float = 0.0) -> list[Trend]:
    """Trends of those names that were seen; times have `offset_s` added."""
    found = []
    for name in dict.fromkeys(names):
        if name in seen.values and len(seen.ticks):
            rows = kept(seen.values[name])
            times = tuple(round(float(t) + offset_s, 6) for t in seen.t_s[rows])
            found.append(Trend(name, seen.unit(name), times, tuple(_digits(float(y)) for y in seen.values[name][rows])))
    return found


def kept(y: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows that show a signal: its ends, and in each bucket where it is smallest and largest."""
    n = len(y)
    if n <= 2 * BUCKETS:
        return np.arange(n)
    edges = np.linspace(0, n, BUCKETS + 1).astype(np.int64)
    rows = {0, n - 1}
    for low, high in pairwise(edges):
        part = y[low:high]
        if np.isfinite(part).any():
            rows |= {int(low + np.nanargmin(part)), int(low + np.nanargmax(part))}
    return np.array(sorted(rows))


def _digits(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
