"""Proposals: the best set point where theory knows it, limits kept with their probability, the best window for work."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import hil
from hil.bench import Bench
from hil.errors import HilError
from hil.twin.forecast import Belief, Limit
from hil.twin.forecast.prescribe import Goal, best_setpoint, best_window
from hil.twin.forecast.prescribe.setpoint import least_members

RIG = Path(__file__).parent / "rigs" / "drifter"
A, B = 0.95, 0.3
HOUR = 3600.0


@pytest.fixture
def bench() -> Iterator[Bench]:
    with hil.open_bench(RIG, history=False) as opened:
        opened.run(1)
        yield opened


BELIEF = Belief.of({"walk.x": (2.0, 0.1)})


def test_the_best_set_point_is_that_of_theory(bench: Bench) -> None:
    """mean((x - 2)^2) is least with m = 2, where x stays."""
    goal = Goal("walk.m", -5.0, 5.0, "mean((walk.x - 2) ** 2)")
    advice = best_setpoint(bench, goal, belief=BELIEF, members=200, horizon_s=200)
    assert advice.best is not None
    assert advice.best.value == pytest.approx(2.0, abs=0.35)
    assert advice.best.effect.high < 0.0
    values = [option.value for option in advice.searched]
    assert values == sorted(values)
    assert advice.ranked[0].cost == min(option.cost for option in advice.ranked)


def test_a_limit_is_kept_with_its_probability_and_the_ensembles_own_error_in_mind(bench: Bench) -> None:
    """The last value is to be small but with 90 % above 0: m where P(x(T) < 0) = 10 %, on the safe side of it."""
    deviation = B / math.sqrt(1 - A**2)
    goal = Goal("walk.m", 0.0, 6.0, "walk.x", [Limit("low", "walk.x", low=-1.0)], epsilon=0.1)
    advice = best_setpoint(bench, goal, belief=BELIEF, members=600, horizon_s=100)
    best = advice.best
    assert best is not None
    share, upper = best.crossing["low"]
    assert share < upper <= 0.1
    for option in advice.searched:
        assert option.allowed == (option.crossing["low"][1] <= 0.1)
        if option.value < best.value - 0.4:
            assert not option.allowed
    # at one moment alone it would cross less often than at any of a hundred
    assert stats.norm.cdf((-1.0 - best.value) / deviation) < 0.1


def test_without_a_better_value_nothing_is_proposed(bench: Bench) -> None:
    goal = Goal("walk.drift", -0.001, 0.001, "changes(walk.x)")
    assert best_setpoint(bench, goal, belief=BELIEF, members=50, horizon_s=50).best is None


def test_a_set_point_has_its_resolution(bench: Bench) -> None:
    goal = Goal("walk.m", 0.0, 3.0, "mean((walk.x - 2) ** 2)", resolution=0.25)
    advice = best_setpoint(bench, goal, belief=BELIEF, members=30, horizon_s=50)
    assert all(option.value % 0.25 == 0.0 for option in advice.searched)


def test_too_few_members_are_refused_with_the_number_that_is_needed(bench: Bench) -> None:
    assert least_members(0.1) == 29
    assert 0.9**29 < 0.05 < 0.9**28
    goal = Goal("walk.m", 0.0, 3.0, "walk.x", [Limit("low", "walk.x", low=0.0)], epsilon=0.01)
    with pytest.raises(HilError, match="Take 299 or more"):
        best_setpoint(bench, goal, members=100, horizon_s=5)


# ---- maintenance ----


def test_the_best_time_is_that_of_the_closed_form() -> None:
    """Lives uniform over H = 100 h: work + failure t / H + waste (H - t)^2 / 2 H is least at H - failure / waste."""
    lives = np.random.default_rng(1).uniform(0, 100 * HOUR, 400_000)
    found = best_window(
        lives, now_s=0.0, allowed=[(0, 86400)], duration_s=0, cost_of_work=10, cost_of_failure=60, cost_of_waste=1.0,
        horizon_s=100 * HOUR,
    )  # fmt: skip
    assert found.best.begin_s == pytest.approx(40 * HOUR, abs=2 * HOUR)
    theory = 10 + 60 * 0.4 + 60**2 / 200
    assert found.best.cost == pytest.approx(theory, abs=0.2)
    assert found.best.low < theory < found.best.high
    assert found.best.failure == pytest.approx(0.4, abs=0.02)
    assert found.worth_it == (found.best.cost < 70.0)


def test_only_allowed_times_count_also_over_midnight() -> None:
    lives = np.full(10, 30 * HOUR)
    costs = {"duration_s": HOUR, "cost_of_work": 1.0, "cost_of_failure": 100.0, "cost_of_waste": 0.1}
    found = best_window(lives, now_s=12 * HOUR, allowed=[(22 * HOUR, 2 * HOUR)], **costs)
    assert {w.begin_s % 86400 // HOUR for w in found.candidates} <= {22, 23, 0, 1, 2}
    assert found.best.begin_s == 26 * HOUR  # the next night would be too late
    assert found.best.wasted_s == pytest.approx(16 * HOUR)
    assert found.best.failure == 0.0
    assert found.candidates[-1].failure == 1.0


def test_work_that_costs_more_than_what_it_prevents_is_not_worth_it() -> None:
    found = best_window(
        np.full(5, math.inf), now_s=0, allowed=[(0, 86400)], duration_s=1, cost_of_work=1, cost_of_failure=9
    )
    assert not found.worth_it
    assert found.wait.cost == 0.0


def test_maintenance_that_cannot_be_planned_is_refused() -> None:
    with pytest.raises(HilError, match="no allowed time"):
        best_window(
            [1.0], now_s=0, allowed=[(50_000, 50_100)], duration_s=1, cost_of_work=1, cost_of_failure=9, horizon_s=100
        )
    with pytest.raises(HilError, match="lives are none"):
        best_window([math.nan], now_s=0, allowed=[(0, 1)], duration_s=1, cost_of_work=1, cost_of_failure=9)
