"""Figures of recorded signals: what reports show and tests assert. Arrays in, numbers out, no files.

A time axis is in s and increases. NaN means "no usable value" and is left out of every figure.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.recording.reader import Recording

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

# The core's histogram: 16 buckets an octave of ns, the first 16 one ns wide (core/include/hil/histogram.h).
_STEPS = 16


@dataclass(frozen=True)
class Summary:
    """Figures of one signal, in its unit. All NaN when no sample is usable.

    `rms` is the root of the mean square, `std` the standard deviation, `n` counts the usable samples.
    """

    n: int
    n_bad: int
    first: float
    last: float
    minimum: float
    maximum: float
    mean: float
    rms: float
    std: float


@dataclass(frozen=True)
class Difference:
    """The first row in which two recordings differ."""

    tick: int
    name: str
    a: float
    b: float


def summary(x: Floats) -> Summary:
    """Figures of one signal."""
    good = x[np.isfinite(x)]
    n_bad = int(x.size - good.size)
    if good.size == 0:
        nan = float("nan")
        return Summary(0, n_bad, nan, nan, nan, nan, nan, nan, nan)
    return Summary(
        n=int(good.size),
        n_bad=n_bad,
        first=float(good[0]),
        last=float(good[-1]),
        minimum=float(good.min()),
        maximum=float(good.max()),
        mean=float(good.mean()),
        rms=rms(good),
        std=float(good.std()),
    )


def rms(x: Floats) -> float:
    """Root of the mean square; of an error it is the usual figure for tracking."""
    good = x[np.isfinite(x)]
    return float(np.sqrt(np.mean(np.square(good)))) if good.size else float("nan")


def settling_time_s(t_s: Floats, x: Floats, target: float, band: float) -> float | None:
    """Time after t_s[0] from which |x - target| <= band holds to the end; None when it does not settle.

    The usual definition with an absolute band in the signal's unit (2 % of a step of 0.1 m is band=0.002). A sample
    without a usable value counts as outside.
    """
    outside = np.flatnonzero(~(np.abs(x - target) <= band))
    if outside.size == 0:
        return 0.0 if x.size else None
    after = int(outside[-1]) + 1
    return float(t_s[after] - t_s[0]) if after < x.size else None


def overshoot(x: Floats, target: float, initial: float | None = None) -> float:
    """How far x goes beyond `target`, as a fraction of the step from `initial` (default x[0]); 0 when it does not."""
    good = x[np.isfinite(x)]
    if good.size == 0:
        return float("nan")
    step = target - (float(good[0]) if initial is None else initial)
    if step == 0:
        raise ValueError("overshoot needs a step: target and initial value are equal")
    return max(0.0, float(np.max((good - target) / step)))


def time_where_s(t_s: Floats, mask: Bools) -> float:
    """Total time during which the mask holds; a sample holds until the next one, the last one for a median step."""
    if t_s.size < 2:
        return 0.0
    steps = np.diff(t_s)
    return float(np.append(steps, np.median(steps))[mask].sum())


def time_in_range_s(t_s: Floats, x: Floats, low: float, high: float) -> float:
    """Total time with low <= x <= high; samples without a usable value are outside."""
    return time_where_s(t_s, (x >= low) & (x <= high))


def spans(mask: Bools) -> list[tuple[int, int]]:
    """Runs of True as index pairs [start, stop)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def keep_extremes(columns: Sequence[Floats], max_rows: int, keep: Sequence[int] = ()) -> Ints:
    """Indices of rows that show the same picture with fewer points: at most `max_rows`, plus those in `keep`.

    The rows are cut into equal buckets; of each, the first, the last and the rows with the least and the greatest value
    of every column stay: M4 (Jugel et al., VLDB 2014) with rows shared by all columns, so that a cursor reads one
    instant. No minimum and no maximum is lost, no value is invented.
    """
    n = len(columns[0]) if columns else 0
    if n <= max_rows:
        return np.arange(n, dtype=np.int64)
    buckets = max(1, max_rows // (2 * len(columns) + 2))
    edges = np.linspace(0, n, buckets + 1).astype(np.int64)
    chosen = [edges[:-1], edges[1:] - 1, np.asarray(keep, np.int64)]
    for x in columns:
        # A copy with NaN replaced: argmin of a bucket would else be its first NaN.
        low, high = np.where(np.isnan(x), np.inf, x), np.where(np.isnan(x), -np.inf, x)
        pairs = list(itertools.pairwise(edges))
        chosen.append(np.fromiter((a + low[a:b].argmin() for a, b in pairs), np.int64, buckets))
        chosen.append(np.fromiter((a + high[a:b].argmax() for a, b in pairs), np.int64, buckets))
    rows = np.unique(np.concatenate(chosen))
    return rows[(rows >= 0) & (rows < n)]


def decimate(t_s: Floats, x: Floats, points: int) -> tuple[Floats, Floats]:
    """At most `points` samples of one signal, extremes kept: for plots."""
    rows = keep_extremes([x], points)
    return t_s[rows], x[rows]


def histogram(counts: npt.ArrayLike, edges: npt.ArrayLike, maximum: float) -> dict[str, Any]:
    """A histogram as manifests keep it: edges, counts, p50, p99, p999, max; empty buckets at both ends are left out.

    Args:
        counts: n counts.
        edges: n + 1 edges, increasing.
        maximum: the greatest value seen: caps the percentiles, which else are upper edges of buckets.
    """
    count, edge = np.asarray(counts, np.int64), np.asarray(edges, np.float64)
    used = np.flatnonzero(count)
    if used.size == 0:
        return {"edges": [], "counts": [], "p50": None, "p99": None, "p999": None, "max": None}
    first, stop = int(used[0]), int(used[-1]) + 1
    total = np.cumsum(count)

    def percentile(share: float) -> float:
        bucket = int(np.searchsorted(total, share * total[-1]))
        return float(min(edge[bucket + 1], maximum))

    return {
        "edges": edge[first : stop + 1].tolist(),
        "counts": count[first:stop].tolist(),
        "p50": percentile(0.5),
        "p99": percentile(0.99),
        "p999": percentile(0.999),
        "max": float(maximum),
    }


def core_histogram(counts: npt.ArrayLike, max_ns: float) -> dict[str, Any]:
    """The core's log-linear histogram of ns (struct hil_histogram: its `count` and `max_ns`) as manifests keep it."""
    count = np.asarray(counts, np.int64)
    return histogram(count, core_edges(count.size), max_ns)


def core_edges(buckets: int) -> Floats:
    """Edges of the core's histogram in ns: bucket b holds edges[b] <= value < edges[b + 1]."""
    b = np.arange(buckets + 1)
    octave = np.maximum(b // _STEPS - 1, 0)
    return np.where(b < _STEPS, b, (_STEPS + b % _STEPS) * 2.0**octave).astype(np.float64)


def sampled_histogram(values: npt.NDArray[Any], buckets: int = 592) -> dict[str, Any]:
    """The same form from single values in ns, as from the columns late_ns and exec_ns of a recording."""
    if values.size == 0:
        return histogram([], [0.0], 0.0)
    clipped = np.maximum(values.astype(np.float64), 0.0)
    edges = core_edges(buckets)
    bucket = np.clip(np.searchsorted(edges, clipped, side="right") - 1, 0, buckets - 1)
    return histogram(np.bincount(bucket, minlength=buckets), edges, float(clipped.max()))


def first_difference(a: Recording, b: Recording) -> Difference | None:
    """The first tick and signal in which two recordings differ, bit by bit (NaN equals NaN); None when none does.

    Compares the signals and ticks that both have; the same tick is decided by the order of the names.
    """
    found: list[tuple[int, int, Difference]] = []
    common = [name for name in a.names if name in b]
    for group in {a.group_of(name) for name in common}:
        names = [name for name in common if a.group_of(name) == group]
        ticks_a = a.tick(group)
        columns_a, columns_b = a.columns(names), b.columns(names)
        for order, name in enumerate(names):
            _, rows_a, rows_b = np.intersect1d(ticks_a, b.tick(name), assume_unique=True, return_indices=True)
            xa, xb = columns_a[name][rows_a], columns_b[name][rows_b]
            same = (xa.view(np.int64) == xb.view(np.int64)) | (np.isnan(xa) & np.isnan(xb))
            if not same.all():
                row = int(np.argmin(same))
                tick = int(ticks_a[rows_a[row]])
                found.append((tick, order, Difference(tick, name, float(xa[row]), float(xb[row]))))
    return min(found, key=lambda item: item[:2])[2] if found else None
