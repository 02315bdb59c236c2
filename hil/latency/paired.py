"""Two things measured in turn, and what the pairs say: median, bootstrap interval, which pairs were disturbed.

Absolute times on a shared machine mean little; a ratio of two runs that alternate holds within some percent.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

LEAST_PAIRS = 8
CONFIDENCE = 0.95
RESAMPLES = 1000
DISTURBED = 1.15
"""A yardstick slower than so many times its own lower quartile: somebody else had a part of the processor."""
Side = Callable[[], float]


@dataclass(frozen=True)
class Ratio:
    """How `a` compares with `b` over alternating runs; above 1 is slower if the figures are times.

    Attributes:
        ratios: of each pair.
        a, b: medians of both sides.
        disturbed: pairs that were measured and left out.
    """

    ratios: tuple[float, ...]
    a: float
    b: float
    disturbed: int = field(default=0, compare=False)

    @property
    def median(self) -> float:
        """The figure to assert on."""
        return statistics.median(self.ratios)

    @property
    def low(self) -> float:
        """The smallest ratio of one pair."""
        return min(self.ratios)

    @property
    def high(self) -> float:
        """The largest ratio of one pair."""
        return max(self.ratios)

    @property
    def interval(self) -> tuple[float, float]:
        """Bootstrap interval of the median; see `interval_of`."""
        return interval_of(self.ratios)

    def __str__(self) -> str:
        spread = f"{self.low:.3f} to {self.high:.3f}, {len(self.ratios)} pairs"
        return f"{self.median:.3f} ({spread}; {self.a:.4g} / {self.b:.4g})"


def interval_of(ratios: Sequence[float]) -> tuple[float, float]:
    """Percentile bootstrap of the median, at CONFIDENCE (Efron and Tibshirani, An Introduction to the Bootstrap, 13.3).

    The same ratios give the same interval.
    """
    values = np.asarray(ratios, dtype=np.float64)
    drawn = np.random.default_rng(1).integers(0, len(values), (RESAMPLES, len(values)))
    medians = np.median(values[drawn], axis=1)
    low, high = np.quantile(medians, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def paired(a: Side, b: Side, pairs: int = LEAST_PAIRS) -> Ratio:
    """Measure `a` and `b` in turn, a b b a a b ..., and return the ratio a/b of each pair.

    Both return one figure, such as a median time. Drift of the machine hits both alike, and neither is always first.
    """
    return _ratio([_pair(a, b, i) for i in range(pairs)])


def paired_for(a: Side, b: Side, seconds: float, most: int = 4 * LEAST_PAIRS) -> Ratio:
    """The same for about so many seconds, but at least LEAST_PAIRS; disturbed pairs are measured anew, up to `most`."""
    figures: list[tuple[float, float]] = []
    end = time.monotonic() + seconds
    while len(figures) < most:
        figures.append(_pair(a, b, len(figures)))
        if time.monotonic() > end and len(undisturbed(figures)) >= LEAST_PAIRS:
            break
    return settled(figures)


def settled(figures: Sequence[tuple[float, float]]) -> Ratio:
    """The ratio of the pairs whose yardstick ran as fast as it mostly did; of all when too few of them are left."""
    kept = undisturbed(figures)
    if len(kept) < LEAST_PAIRS:
        kept = list(figures)
    return _ratio(kept, len(figures) - len(kept))


def undisturbed(figures: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Pairs whose second side was not slower than DISTURBED times its lower quartile."""
    limit = DISTURBED * float(np.quantile([b for _, b in figures], 0.25))
    return [pair for pair in figures if pair[1] <= limit]


def _pair(a: Side, b: Side, number: int) -> tuple[float, float]:
    if number % 2:
        second = b()
        return a(), second
    first = a()
    return first, b()


def _ratio(figures: Sequence[tuple[float, float]], disturbed: int = 0) -> Ratio:
    firsts, seconds = zip(*figures, strict=True)
    ratios = tuple(x / y for x, y in figures)
    return Ratio(ratios, statistics.median(firsts), statistics.median(seconds), disturbed)
