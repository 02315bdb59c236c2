"""Two things measured in turn, and what the pairs say: median, bootstrap interval, which pairs were disturbed.

Absolute times on a shared machine mean little; a ratio of two runs that alternate holds within some percent.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np

LEAST_PAIRS, MOST_PAIRS = 8, 150
CONFIDENCE = 0.95
RESAMPLES = 1000
DISTURBED = 1.15
"""A yardstick slower than so many times its own lower quartile: somebody else had a part of the processor."""
SCATTER = 4
"""So many times the way from the tenth to the quarter, beyond the quarter: leaves out 4 % of normal times."""
CHANCE = 0.002
"""A median is told to be on one side of a bound when a fair coin would do as much so rarely: 9 pairs of 9."""
PAUSE_S, PAIRS_A_BURST = 0.5, 10
LONGEST, LEAST_S = 5, 0.5
"""A figure whose pairs are disturbed may take so many times its seconds, and so long in any case."""
Side = Callable[[], float]
Pairs = Sequence[tuple[float, float]]


class Shared(float):
    """A figure that was measured while somebody else computed on the same core (quickest.py)."""


@dataclass(frozen=True)
class Ratio:
    """How `a` compares with `b` over alternating runs; above 1 is slower if the figures are times.

    Attributes:
        ratios: of each pair.
        a, b: medians of both sides.
        disturbed: pairs that were measured and left out.
        shared: too few pairs were measured on a core of one's own; it is nothing to judge by.
    """

    ratios: tuple[float, ...]
    a: float
    b: float
    disturbed: int = field(default=0, compare=False)
    shared: bool = field(default=False, compare=False)

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
        spread += f" and {self.disturbed} disturbed" if self.disturbed else ""
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


def paired_for(a: Side, b: Side, seconds: float, most: int = 8 * LEAST_PAIRS) -> Ratio:
    """The same for about so many seconds, but at least LEAST_PAIRS.

    Disturbed pairs are measured anew, up to `most` pairs in all and for LONGEST times the seconds.
    """
    figures: list[tuple[float, float]] = []
    begun = time.monotonic()
    given_up = begun + max(LEAST_S, LONGEST * seconds)
    while len(figures) < LEAST_PAIRS or (len(figures) < most and time.monotonic() < given_up):
        figures.append(_pair(a, b, len(figures)))
        if time.monotonic() > begun + seconds and len(undisturbed(figures)) >= LEAST_PAIRS:
            break
    return settled(figures)


def paired_until(
    a: Side,
    b: Side,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    pairs: int = 9,
    most: int = MOST_PAIRS,
    pause_s: float = PAUSE_S,
) -> Ratio:
    """Measure until it is plain that the median of a/b keeps its bound, or `most` pairs are measured; for tests.

    All undisturbed pairs are judged together, so further pairs are no further tries: they add to what is known. The
    caller asserts on the median that is returned. With pairs that scatter by 15 % a side that is 15 % slower passes a
    bound of 1.10 in less than 1 % of all runs, and one that is 4 % slower fails as rarely; where pairs scatter by 2 %
    the first nine settle it. Lehmann, Testing Statistical Hypotheses, 4.9: the sign test.

    Args:
        a, b: give times; see `paired`.
        at_most, at_least: the bound of the median; exactly one of them.
        pairs: at least so many undisturbed ones.
        most: at most so many measured. What a test of long sides can afford; few pairs tell less.
        pause_s: after each PAIRS_A_BURST further pairs, in s: a neighbour's minute is then not all that is seen.
    """
    if (at_most is None) == (at_least is None):
        raise ValueError("give one of at_most and at_least")
    figures: list[tuple[float, float]] = []
    while len(figures) < most:
        if len(figures) > pairs and (len(figures) - pairs) % PAIRS_A_BURST == 0:
            time.sleep(pause_s)
        figures.append(_pair(a, b, len(figures)))
        kept = without_noise(unshared(figures), claims_less=at_most is not None)
        if len(kept) >= pairs and _plain([x / y for x, y in kept], at_most, at_least):
            break
    kept = without_noise(unshared(figures), claims_less=at_most is not None)
    if len(kept) < min(LEAST_PAIRS, len(figures)):
        kept = figures
    return _ratio(kept, len(figures) - len(kept))


def at_once(a: Side, b: Side) -> tuple[Side, Side]:
    """The same two, measured side by side: the one that is asked first measures both, the other tells what was found.

    For sides that sleep most of the time, so that neither is in the other's way: a machine that changes from one second
    to the next then changes for both.
    """
    left: dict[int, float] = {}

    def asked(which: int) -> float:
        if which not in left:
            with ThreadPoolExecutor(1) as pool:
                other = pool.submit(b)
                left.update(enumerate((a(), other.result())))
        return left.pop(which)

    return partial(asked, 0), partial(asked, 1)


def unshared(figures: Pairs) -> Pairs:
    """The pairs both of whose sides had their core for themselves; the figures themselves do not decide that."""
    return [pair for pair in figures if not any(isinstance(side, Shared) for side in pair)]


def without_noise(figures: Pairs, *, claims_less: bool) -> list[tuple[float, float]]:
    """The pairs that are left when what the machine did to them is taken out, as far as this is fair.

    A side that is slower than DISTURBED times its own lower quartile was disturbed (see `_slow`). Where that favours
    the claim (a slow `b`, if a/b is claimed small), every such pair goes. Where it speaks against the claim, only as
    many go, the slowest: a machine hits both sides alike, and what one side has more of is its own.
    """
    for_it, against = (1, 0) if claims_less else (0, 1)
    gone = set(_slow([pair[for_it] for pair in figures]))
    gone |= set(_slow([pair[against] for pair in figures])[: len(gone)])
    return [pair for i, pair in enumerate(figures) if i not in gone]


def _slow(times: Sequence[float]) -> list[int]:
    """Which of them were disturbed, the slowest first.

    Where undisturbed ones scatter widely themselves, as their quickest quarter tells, only what lies beyond that is.
    """
    if not times:
        return []
    by_time = sorted(times)
    tenth, quarter = by_time[len(times) // 10], by_time[len(times) // 4]
    limit = quarter * max(DISTURBED, (quarter / tenth) ** SCATTER)
    return sorted((i for i, t in enumerate(times) if t > limit), key=lambda i: -times[i])


def _plain(ratios: Sequence[float], at_most: float | None, at_least: float | None) -> bool:
    """Whether so many of them keep the bound that it is not chance."""
    return sum(r <= at_most if at_most is not None else r >= (at_least or 0) for r in ratios) >= _needed(len(ratios))


@cache
def _needed(n: int) -> int:
    """A fair coin thrown n times shows heads so often with CHANCE at most; n + 1 where even n heads are likelier."""
    tail, heads = 0, n + 1
    while tail + math.comb(n, heads - 1) <= CHANCE * 2**n:
        heads -= 1
        tail += math.comb(n, heads)
    return heads


def settled(figures: Pairs) -> Ratio:
    """The ratio of the pairs whose yardstick ran as fast as it mostly did; of all when too few of them are left."""
    kept, shared = undisturbed(figures), len(unshared(figures)) < min(LEAST_PAIRS, len(figures))
    if len(kept) < LEAST_PAIRS:
        kept = list(figures)
    return _ratio(kept, len(figures) - len(kept), shared)


def undisturbed(figures: Pairs) -> list[tuple[float, float]]:
    """Pairs on a core of their own whose second side was not slower than DISTURBED times its lower quartile."""
    figures = unshared(figures)
    if not figures:
        return []
    limit = DISTURBED * float(np.quantile([b for _, b in figures], 0.25))
    return [pair for pair in figures if pair[1] <= limit]


def _pair(a: Side, b: Side, number: int) -> tuple[float, float]:
    if number % 2:
        second = b()
        return a(), second
    first = a()
    return first, b()


def _ratio(figures: Pairs, disturbed: int = 0, shared: bool = False) -> Ratio:
    firsts, seconds = zip(*figures, strict=True)
    ratios = tuple(x / y for x, y in figures)
    return Ratio(ratios, statistics.median(firsts), statistics.median(seconds), disturbed, shared)
