"""Pairs are taken until a bound is settled: a slower side is caught through any noise, and noise alone never fails."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

import numpy as np
import pytest

from hil.latency.paired import MOST_PAIRS, Ratio, at_once, paired, paired_until, without_noise

BOUND = 1.10
Sides = tuple[Callable[[], float], Callable[[], float]]
Noise = Callable[[np.random.Generator], Callable[[], float]]


def scatter(rng: np.random.Generator) -> Callable[[], float]:
    """The ratio of two such sides scatters by 15 %: nine pairs reach from 0.79 to 1.31."""
    return lambda: math.exp(rng.normal(0, 0.15 / math.sqrt(2)))


def hits(rng: np.random.Generator) -> Callable[[], float]:
    """Every third figure is of a core that somebody else had a part of."""
    return lambda: math.exp(rng.normal(0, 0.03)) * (rng.uniform(1.1, 1.5) if rng.random() < 1 / 3 else 1)


def calm(rng: np.random.Generator) -> Callable[[], float]:
    return lambda: math.exp(rng.normal(0, 0.02))


def sides(noise: Noise, slower: float, seed: int) -> Sides:
    draw = noise(np.random.default_rng(seed))
    return lambda: slower * draw(), draw


def neighbour(slower: float, seed: int) -> Sides:
    """For some minutes a neighbour makes the yardstick slow, and the longer code still slower."""
    rng = np.random.default_rng(seed)
    there, share, left = rng.random() < 0.5, 1.0, 0

    def side(factor: float, feels: float) -> float:
        nonlocal there, share, left
        if not left:  # both sides of a pair see the same
            there, share, left = there != (rng.random() < 0.1), rng.uniform(1.1, 1.3), 2
        left -= 1
        return factor * math.exp(rng.normal(0, 0.02)) * (share * rng.uniform(1, feels) if there else 1)

    return lambda: side(slower, 1.2), lambda: side(1.0, 1.0)


def verdicts(make: Callable[[int], Sides], trials: int, **bound: float) -> float:
    """The part of the trials that keep the bound."""
    kept = 0
    for seed in range(trials):
        median = paired_until(*make(seed), pause_s=0, **bound).median  # type: ignore[arg-type]
        kept += median <= bound["at_most"] if "at_most" in bound else median >= bound["at_least"]
    return kept / trials


@pytest.mark.parametrize("noise", [scatter, hits, calm])
def test_a_side_15_percent_slower_is_caught(noise: Noise, full: Callable[[int, int], int]) -> None:
    assert verdicts(lambda seed: sides(noise, 1.15, seed), full(300, 2000), at_most=BOUND) <= 0.01


@pytest.mark.parametrize("noise", [scatter, hits, calm])
def test_a_side_4_percent_slower_passes(noise: Noise, full: Callable[[int, int], int]) -> None:
    assert verdicts(lambda seed: sides(noise, 1.04, seed), full(300, 2000), at_most=BOUND) >= 0.99


@pytest.mark.parametrize(("slower", "low", "high"), [(1.15, 0, 0.01), (1.04, 0.97, 1)])
def test_a_neighbour_that_the_longer_code_feels_more(
    slower: float, low: float, high: float, full: Callable[[int, int], int]
) -> None:
    assert low <= verdicts(lambda seed: neighbour(slower, seed), full(300, 2000), at_most=BOUND) <= high


@pytest.mark.parametrize(("faster", "low", "high"), [(2.6, 0, 0.01), (2.95, 0.99, 1)])
def test_the_other_bound(faster: float, low: float, high: float, full: Callable[[int, int], int]) -> None:
    part = verdicts(lambda seed: sides(scatter, faster, seed), full(200, 2000), at_least=2.8)
    assert low <= part <= high


def test_a_calm_machine_takes_nine_pairs_and_a_failure_all() -> None:
    assert len(paired_until(*sides(calm, 1.0, 1), at_most=BOUND).ratios) == 9
    failed = paired_until(*sides(calm, 1.2, 1), at_most=BOUND, pause_s=0)
    assert len(failed.ratios) + failed.disturbed == MOST_PAIRS


def test_earlier_pairs_stay_in() -> None:
    """Nine slow ones and then twelve good ones: what was seen first is not forgotten."""
    times = iter([1.2] * 9 + [1.0] * 12)
    found = paired_until(lambda: next(times), lambda: 1.0, at_most=BOUND, most=21, pause_s=0)
    assert found == Ratio((1.2,) * 9 + (1.0,) * 12, 1.0, 1.0)


def test_what_ours_alone_has_is_no_disturbance() -> None:
    """Slow in six of ten runs beside an even yardstick: no pair is left out, and the median is the slow one."""
    mine = iter([1.0, 1.3, 1.3, 1.0, 1.3, 1.3, 1.0, 1.3, 1.0, 1.3] * 5)
    found = paired_until(lambda: next(mine), lambda: 1.0, at_most=BOUND, most=50, pause_s=0)
    assert (found.disturbed, found.median) == (0, 1.3)


def test_noise_in_favour_of_the_claim_is_left_out_whole() -> None:
    """A slow yardstick makes ours look fast; a slow ours goes only where the yardstick has slow ones too."""
    pairs = [(1.0, 1.0)] * 10 + [(1.0, 2.0)] * 2 + [(3.0, 1.0), (2.5, 1.0), (2.0, 1.0)]
    assert without_noise(pairs, claims_less=True) == [(1.0, 1.0)] * 10 + [(2.0, 1.0)]
    assert without_noise(pairs, claims_less=False) == [(1.0, 1.0)] * 10


@pytest.mark.parametrize("bounds", [{}, {"at_most": 1.0, "at_least": 1.0}])
def test_one_bound(bounds: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="one of"):
        paired_until(lambda: 1.0, lambda: 1.0, **bounds)  # type: ignore[arg-type]


def test_sides_at_once_run_side_by_side_and_give_each_pair_one_round() -> None:
    together, rounds = threading.Barrier(2, timeout=10), {"a": 0, "b": 0}

    def side(name: str) -> float:
        together.wait()  # nobody passes alone
        rounds[name] += 1
        return rounds[name]

    found = paired(*at_once(lambda: side("a"), lambda: 2 * side("b")), 9)
    assert rounds == {"a": 9, "b": 9}
    assert found.ratios == (0.5,) * 9


def test_a_side_at_once_that_fails_fails_the_pair() -> None:
    def broken() -> float:
        raise OSError("no such program")

    for sides_at_once in (at_once(lambda: 1.0, broken), at_once(broken, lambda: 1.0)):
        with pytest.raises(OSError, match="no such program"):
            paired(*sides_at_once, 1)
