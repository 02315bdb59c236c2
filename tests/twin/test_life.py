"""Remaining useful life against the inverse Gaussian distribution, and against lives that came."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from hil.errors import HilError
from hil.twin.forecast.life import Life, passed, wear

V, S = 0.02, 0.3


def known(distance: float, drift: float = V, diffusion: float = S) -> Life:
    return Life(0.0, np.array([distance]), np.array([drift]), np.array([diffusion]))


@pytest.mark.parametrize("distance", [0.5, 5.0, 60.0])
def test_the_first_passage_is_inverse_gaussian(distance: float) -> None:
    mean, shape = distance / V, (distance / S) ** 2
    theory = stats.invgauss(mean / shape, scale=shape)
    times = theory.ppf([0.01, 0.2, 0.5, 0.8, 0.99])
    assert known(distance).probability(times) == pytest.approx(theory.cdf(times), abs=1e-9)
    assert known(distance).quantile(0.5) == pytest.approx(theory.ppf(0.5), rel=1e-4)
    drawn = known(distance).draws(20_000, seed=1)
    assert stats.kstest(drawn, theory.cdf).pvalue > 1e-3


def test_what_moves_away_may_never_arrive() -> None:
    """P(ever) = exp(2 v L / s^2) (Cox and Miller 1965, section 5.7)."""
    life = known(2.0, drift=-V)
    theory = math.exp(-2 * V * 2.0 / S**2)
    assert life.ever == pytest.approx(theory, abs=1e-6)
    assert life.quantile(theory + 0.01) == math.inf
    assert np.isfinite(life.draws(50_000)).mean() == pytest.approx(theory, abs=0.01)
    assert life.to_dict()["time_s"]["0.95"] is None


def test_what_is_used_up_has_no_life_left() -> None:
    assert passed(1.0, np.array([0.0, -1.0]), np.array([V, V]), np.array([S, S])).tolist() == [1.0, 1.0]
    assert known(0.0).draws(3).tolist() == [0.0, 0.0, 0.0]


def test_lives_end_within_their_bands_as_often_as_these_promise(full: Callable[[int, int], int]) -> None:
    """Histories of 30 noisy rows; drift, diffusion and noise are found from each alone."""
    runs, random, ranks = full(500, 4000), np.random.default_rng(0), []
    for run in range(runs):
        x = np.cumsum(random.normal(V * 10, S * math.sqrt(10), 30))
        found = wear(np.arange(30) * 10.0, x + random.normal(0.0, 0.3, 30), draws=1000, seed=run)
        comes = random.wald(8.0 / V, (8.0 / S) ** 2)
        ranks.append(float(found.life(x[-1] + 8.0).probability(comes)))
    inside = np.mean((np.array(ranks) > 0.05) & (np.array(ranks) < 0.95))
    assert 0.87 < inside < 0.93


def test_what_wears_downwards_is_found_too_and_noise_is_told_from_wear() -> None:
    random, t = np.random.default_rng(2), np.arange(200) * 60.0
    x = 18.7 - 1.0 / 3600 * t + np.cumsum(random.normal(0.0, 2e-3 * math.sqrt(60), 200))
    found = wear(t, x + random.normal(0.0, 0.1, 200))
    assert found.drift.mean() == pytest.approx(-1.0 / 3600, abs=4 * 2e-3 / math.sqrt(t[-1]))
    assert np.quantile(found.diffusion, 0.01) < 2e-3 < np.quantile(found.diffusion, 0.999)
    assert found.noise.mean() == pytest.approx(0.1, rel=0.2)
    assert found.level.mean() == pytest.approx(x[-1], abs=0.15)
    life = found.life(10.5)
    assert life.quantile(0.05) < (x[-1] - 10.5) * 3600 < life.quantile(0.95)


def test_a_straight_line_wears_without_a_doubt() -> None:
    t = np.arange(20) * 100.0
    life = wear(t, 5.0 - 0.001 * t).life(1.0)
    assert life.quantile(0.5) == pytest.approx((3.1 - 1.0) / 0.001, rel=0.01)


def test_courses_have_the_law_of_the_wear() -> None:
    random, t = np.random.default_rng(3), np.arange(400) * 10.0
    x = np.cumsum(random.normal(V * 10, S * math.sqrt(10), 400))
    found = wear(t, x)
    course = found.course("box.P", 20_000, [100.0, 400.0])
    mean = found.level.mean() + found.drift.mean() * course.time_s
    spread = found.level.var() + course.time_s**2 * found.drift.var() + (found.diffusion**2).mean() * course.time_s
    assert course.values.mean(axis=0) == pytest.approx(mean, abs=0.25)
    assert course.values.var(axis=0) == pytest.approx(spread, rel=0.1)


def test_histories_that_tell_nothing_are_refused() -> None:
    with pytest.raises(HilError, match="5 rows tell no drift"):
        wear(np.arange(6.0), [1, 2, math.nan, 4, 5, 6])
    with pytest.raises(HilError, match="must rise"):
        wear([0, 1, 2, 2, 3, 4], np.arange(6.0))
