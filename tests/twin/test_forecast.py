"""Forecasts against closed forms: Ornstein-Uhlenbeck and Wiener processes, the CRPS of a normal distribution."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import hil
from hil.bench import Bench
from hil.errors import HilError
from hil.rig import load_rig
from hil.twin.forecast import Belief, Limit, Scenario, estimated, forecast
from hil.twin.forecast.backtest import backtest
from hil.twin.forecast.scores import Scoreboard, coverage, crps, rank

RIG = Path(__file__).parent / "rigs" / "drifter"
A, B = 0.95, 0.3
REAL_NOISE = 0.02  # the block's noise is the sum of four uniforms: its tails end at 3.47 deviations


@pytest.fixture
def bench() -> Iterator[Bench]:
    with hil.open_bench(RIG, history=False) as opened:
        yield opened


# ---- the ensemble ----


def test_the_band_of_a_mean_reverting_walk_is_that_of_theory(bench: Bench, full: Callable[[int, int], int]) -> None:
    """x0 ~ N(3, 0.5), m ~ N(1, 0.4): mean and variance of x(k) in closed form, for every k."""
    n = full(4000, 40_000)
    belief = Belief.of({"walk.x": (3.0, 0.5), "walk.m": (1.0, 0.4)})
    ahead = forecast(bench, belief=belief, signals=["walk.x"], members=n, horizon_s=61, every_s=10)
    k = ahead.time_s
    left = A**k
    mean = 1.0 + left * (3.0 - 1.0)
    variance = left**2 * 0.25 + (1 - left) ** 2 * 0.16 + B**2 * (1 - left**2) / (1 - A**2)
    x = ahead.values["walk.x"]
    assert np.abs(x.mean(axis=0) - mean).max() < 4.5 * np.sqrt(variance / n).max()
    assert np.abs(x.var(axis=0) / variance - 1).max() < 4.5 * math.sqrt(2 / n) + REAL_NOISE
    wanted = mean + stats.norm.ppf([[0.05], [0.95]]) * np.sqrt(variance)
    assert np.abs(ahead.band("walk.x") - wanted).max() < 4.5 * 2.1 * math.sqrt(variance.max() / n) + REAL_NOISE


def test_correlated_beliefs_are_drawn_with_their_correlation(bench: Bench) -> None:
    belief = Belief(("walk.x", "walk.m"), np.array([1.0, 2.0]), np.array([[0.25, -0.18], [-0.18, 0.16]]))
    drawn = forecast(bench, belief=belief, signals=["walk.x"], members=5000, horizon_s=1).drawn
    found = np.cov(drawn["walk.x"], drawn["walk.m"])
    assert np.abs(found - belief.covariance).max() < 0.02


def test_a_walk_with_drift_crosses_a_limit_as_often_and_as_late_as_theory_says(
    bench: Bench, full: Callable[[int, int], int]
) -> None:
    """The first passage of a Wiener process, watched once in a step.

    P(T <= t) = F((v t - L) / (s sqrt t)) + exp(2 v L / s^2) F((-L - v t) / (s sqrt t)) (D. R. Cox, H. D. Miller, The
    Theory of Stochastic Processes, 1965, section 5.7), with L moved by 0.5826 s sqrt(step) as it is seen at steps only
    (M. Broadie, P. Glasserman, S. Kou, Math. Finance 7, 1997).
    """
    n, v, s = full(4000, 40_000), 0.05, B
    plan = Scenario(set={"walk.a": 1.0, "walk.drift": v})
    level, limit = 6.0, Limit("high", "walk.x", high=6.0)
    belief = Belief.of({"walk.x": (0.0, 0.0)})
    crossing = forecast(bench, plan, belief=belief, limits=[limit], members=n, horizon_s=200, seed=3).crossings["high"]
    far, t = level + 0.5826 * s, np.array([50.0, 100.0, 150.0, 199.0])
    root = s * np.sqrt(t)
    theory = stats.norm.cdf((v * t - far) / root) + np.exp(2 * v * far / s**2) * stats.norm.cdf((-far - v * t) / root)
    found = crossing.probability_until(t)
    assert np.abs(found - theory).max() < 4.0 * 0.5 / math.sqrt(n) + 0.004
    assert crossing.interval[0] <= theory[-1] + 0.004
    assert crossing.interval[1] >= theory[-1] - 0.004
    assert crossing.time_s(0.999999) == math.inf
    median = crossing.time_s(0.5)
    before, until = crossing.probability_until([median - 1.0, median])
    assert before < 0.5 <= until


def test_the_estimate_at_the_next_tick_is_that_of_an_exact_filter(bench: Bench) -> None:
    """ekf and ukf of a linear model are the Kalman filter; a step ahead adds what the walk does in it."""
    bench.run(100)
    belief = estimated(bench, "observer", "walk")
    assert belief.names == ("walk.x", "walk.m")
    x, m = bench["observer.x.x"], bench["observer.x.m"]
    assert belief.mean == pytest.approx([A * x + (1 - A) * m, m])
    var = bench["observer.variance.x"], bench["observer.variance.m"]
    cov = (belief.covariance[0, 1] - (1 - A) * var[1]) / A
    assert belief.covariance[0, 0] == pytest.approx(
        A**2 * var[0] + 2 * A * (1 - A) * cov + (1 - A) ** 2 * var[1] + B**2, rel=1e-6
    )
    other = estimated(bench, "wide", "walk")
    assert other.mean == pytest.approx(belief.mean, rel=1e-6)
    assert other.covariance == pytest.approx(belief.covariance, rel=1e-5)


def test_equal_seeds_give_equal_futures_and_the_bench_does_not_move(bench: Bench) -> None:
    bench.run(10)
    before = bench.state_hash
    belief = Belief.of({"walk.x": (0.0, 1.0)})
    one, same, other = (
        forecast(bench, belief=belief, signals=["walk.x"], members=20, horizon_s=50, seed=s, threads=t).values["walk.x"]
        for s, t in ((7, 1), (7, 2), (8, 2))
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert bench.state_hash == before


def test_what_was_sent_to_the_bench_counts_and_planned_changes_come_at_their_time(bench: Bench) -> None:
    bench.run(5)
    bench.set("walk.b", 0.0)
    plan = Scenario(set={"walk.a": 0.0}, at=[(10.0, "walk.m", 4.0)])
    x = forecast(bench, plan, signals=["walk.x"], members=3, horizon_s=20, every_s=1).values["walk.x"]
    assert (x[:, 1:11] == 0.0).all()
    assert (x[:, 11:] == 4.0).all()


@pytest.mark.parametrize(
    ("belief", "what"),
    [
        ({"walk.y": (0.0, 1.0)}, "walk.y"),
        ({"walk.a": (3.0, 0.01)}, "outside its range"),
        ({"walk.x": (math.nan, 1.0)}, "not finite"),
    ],
)
def test_a_belief_that_cannot_be_is_refused(bench: Bench, belief: dict[str, tuple[float, float]], what: str) -> None:
    with pytest.raises(HilError, match=what):
        forecast(bench, belief=Belief.of(belief), signals=["walk.x"], members=3, horizon_s=5)


def test_mistakes_in_plans_numbers_and_observers_are_named(bench: Bench) -> None:
    with pytest.raises(HilError, match="walk\\.mm"):
        forecast(bench, Scenario(set={"walk.mm": 1.0}), signals=["walk.x"], horizon_s=5)
    with pytest.raises(HilError, match="0 members"):
        forecast(bench, signals=["walk.x"], members=0, horizon_s=5)
    with pytest.raises(HilError, match="one of low and high"):
        Limit("both", "walk.x", low=0.0, high=1.0)
    with pytest.raises(HilError, match="no ekf or ukf"):
        estimated(bench, "walk", "walk")
    with pytest.raises(HilError, match="has not had a measurement"):
        estimated(bench, "observer", "walk")


# ---- scores ----


def test_crps_of_a_normal_distribution_is_the_closed_form(full: Callable[[int, int], int]) -> None:
    """s (z (2 F(z) - 1) + 2 f(z) - 1/sqrt(pi)) (T. Gneiting, A. E. Raftery, J. Am. Stat. Assoc. 102, 2007)."""
    n = full(20_000, 200_000)
    y, s = np.array([-2.0, 0.0, 0.7, 3.0]), 1.5
    members = np.random.default_rng(1).normal(0.0, s, (n, 1)) + np.zeros(4)
    z = y / s
    theory = s * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / math.sqrt(math.pi))
    assert crps(members, y) == pytest.approx(theory, abs=5 * s / math.sqrt(n))


def test_crps_of_few_members_is_on_average_that_of_their_distribution() -> None:
    random = np.random.default_rng(2)
    members = random.normal(size=(4, 200_000))
    theory = 2 * stats.norm.pdf(0) - 1 / math.sqrt(math.pi)
    assert crps(members, np.zeros(200_000)).mean() == pytest.approx(theory, abs=0.005)
    pairs = [abs(a - b) for i, a in enumerate(members[:, 0]) for b in members[:i, 0]]
    by_hand = np.abs(members[:, 0]).mean() - np.mean(pairs) / 2
    assert crps(members[:, :1], np.zeros(1))[0] == pytest.approx(by_hand)


def test_ranks_of_true_forecasts_are_uniform() -> None:
    random = np.random.default_rng(3)
    found = rank(random.normal(size=(99, 2000)), random.normal(size=2000))
    assert stats.kstest(found, "uniform").pvalue > 1e-3


def test_the_interval_of_a_coverage_knows_that_rows_of_a_block_err_together() -> None:
    """Blocks that are wholly in or wholly out are worth one row each."""
    random = np.random.default_rng(4)
    blocks = [np.full(50, held) for held in random.random(200) < 0.9]
    found = coverage(blocks)
    width = 2 * 1.96 * math.sqrt(found.share * (1 - found.share) / 200)
    assert found.high - found.low == pytest.approx(width, rel=0.2)
    assert math.isnan(coverage([]).share)


def test_the_scoreboard_judges_each_row_when_it_is_due(bench: Bench) -> None:
    board = Scoreboard()
    with hil.open_bench(RIG, history=False) as plant:
        plant.run(60)
        ahead = forecast(
            plant, belief=estimated(plant, "observer", "walk"), signals=["walk.x"], horizon_s=40, every_s=10
        )
        board.add(ahead)
        seen = 0
        for _ in range(50):
            plant.run(1)
            seen += board.see(plant.time_s - 1.0, {"walk.x": plant["walk.x"]})
    assert seen == len(ahead.time_s)
    assert board.coverage("walk.x").rows == seen
    assert 0.0 < board.mean_crps("walk.x") < 5.0
    assert board.to_dict()["walk.x"]["coverage"]["blocks"] == 1


# ---- what must be seen ----


def test_bands_of_90_percent_hold_in_90_percent_of_500_simulated_runs(full: Callable[[int, int], int]) -> None:
    """Plants with a place and a mean that nobody knows, forecast from the observer's estimate alone."""
    prior = Belief.of({"walk.x": (0.0, 1.0), "walk.m": (0.0, 2.0)})
    with hil.open_bench(RIG, history=False) as bench:
        found = backtest(
            bench, prior, observer="observer", block="walk", signals=["walk.x", "sensor.x"], runs=full(500, 2000),
            members_each=100, before_s=40, horizon_s=60, every_s=5, seed=5,
        )  # fmt: skip
    for signal in ("walk.x", "sensor.x"):
        share = found.coverage(signal)
        assert 0.87 < share.share < 0.93
        assert share.low < 0.9 + 0.01
        assert share.high > 0.9 - 0.01
        by_time = found.inside[signal].mean(axis=0)
        assert (np.abs(by_time - 0.9) < 0.06).all()
    late = found.ranks["walk.x"][:, -1]
    assert stats.kstest(late, "uniform").pvalue > 1e-3


def test_bands_hold_on_the_incubator_with_its_thermostat_and_coarse_thermometers(
    full: Callable[[int, int], int],
) -> None:
    """Heaters of 17 to 20 W that nobody knows; the observer's Q and R are those of this simulated box."""
    rig = load_rig("incubator")
    law = {"Q": tuple(np.diag([1e-4, 1e-5, 1e-7]).ravel()), "R": (6e-4,)}
    observer = rig.blocks["observer"]
    rig = replace(rig, blocks={**rig.blocks, "observer": replace(observer, config={**observer.config, **law})})
    prior = Belief.of({"box.T_h": (23.0, 5.0), "box.T": (22.0, 1.0), "box.P": (18.7, 1.0)})
    with hil.open_bench(rig, history=False) as bench:
        for side in ("left", "right"):
            bench.set(f"noise_{side}.deviation", 0.03)
        found = backtest(
            bench, prior, observer="observer", block="box", signals=["box.air", "box.heater"], runs=full(500, 1000),
            members_each=40, before_s=1500, horizon_s=1200, every_s=200, seed=11,
        )  # fmt: skip
    for signal in found.inside:
        assert 0.87 < found.coverage(signal).share < 0.93, signal


def test_bands_hold_with_the_shipped_observer_where_the_box_is_as_vague_as_it_says(
    full: Callable[[int, int], int],
) -> None:
    """Its Q lets heater, air and power wander: so they do, in the plants and in the members."""
    with hil.open_bench("incubator", history=False) as bench:
        for side in ("left", "right"):
            bench.set(f"noise_{side}.deviation", 0.05)  # of two thermometers: R
        bench.run(3)
        law = estimated(bench, "observer", "box", noise=True)
        prior = Belief(law.names, np.array([23.0, 22.0, 18.7]), np.diag([25.0, 1.0, 1.0]), law.noise, law.noise_s)
    with hil.open_bench("incubator", history=False) as bench:
        for side in ("left", "right"):
            bench.set(f"noise_{side}.deviation", 0.05)
        found = backtest(
            bench, prior, observer="observer", block="box", signals=["box.air", "box.heater"], runs=full(500, 1000),
            members_each=40, before_s=1500, horizon_s=1200, every_s=200, seed=11, noise=True,
        )  # fmt: skip
    for signal in found.inside:
        assert 0.87 < found.coverage(signal).share < 0.93, signal


def test_process_noise_has_its_covariance_and_its_pace(bench: Bench, full: Callable[[int, int], int]) -> None:
    """A walk that stands still by itself: after k additions k times the covariance of one, and nothing in between."""
    n, noise = full(4000, 40_000), np.array([[0.04, 0.03], [0.03, 0.09]])
    belief = Belief(("walk.x", "walk.m"), np.zeros(2), np.zeros((2, 2)), noise, 5.0)
    still = Scenario(set={"walk.a": 1.0, "walk.b": 0.0})
    options = {"belief": belief, "signals": ["walk.x", "walk.m"], "members": n, "horizon_s": 101, "every_s": 1}
    values = forecast(bench, still, **options).values
    end = np.cov(values["walk.x"][:, -1], values["walk.m"][:, -1])
    assert np.abs(end / (20 * noise) - 1).max() < 5 * math.sqrt(2 / n) + 0.03
    moved = np.diff(values["walk.m"][:3], axis=1) != 0.0
    assert np.flatnonzero(moved.any(axis=0)).size == 20
    assert np.array_equal(values["walk.x"], forecast(bench, still, threads=1, **options).values["walk.x"])


def test_process_noise_keeps_a_parameter_within_its_range(bench: Bench) -> None:
    belief = Belief(("walk.a",), np.array([0.9]), np.zeros((1, 1)), np.array([[0.25]]), 1.0)
    a = forecast(bench, belief=belief, signals=["walk.a"], members=50, horizon_s=50).values["walk.a"]
    assert a.min() == 0.0
    assert a.max() == 1.0


def test_an_ensemble_costs_hardly_more_than_its_ticks() -> None:
    """500 members over an hour of the incubator beside as many bare runs; seconds are in docs/forecast.md."""
    with hil.open_bench("incubator", history=False) as bench:
        bench.run(1800)
        belief = Belief.of({"box.T": (bench["box.T"], 0.1), "box.P": (18.7, 0.5)})
        ratios = []
        for _ in range(3):
            begin = time.perf_counter()
            bench.batch(500, duration_s=3600)
            between = time.perf_counter()
            ahead = forecast(bench, belief=belief, signals=["box.air"], members=500, horizon_s=3600)
            ratios.append((time.perf_counter() - between) / (between - begin))
        assert min(ratios) < 1.5
    assert ahead.values["box.air"].shape == (500, 200)
