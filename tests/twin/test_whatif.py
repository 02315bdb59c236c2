"""What-ifs: figures against NumPy, common random numbers, and intervals that hold as often as they promise."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import hil
from hil.bench import Bench
from hil.errors import HilError
from hil.twin.forecast import Belief, Course, Limit, Scenario, ensembles, estimated, forecast, whatif
from hil.twin.forecast.kpi import Kpi
from hil.twin.forecast.whatif import paired

RIG = Path(__file__).parent / "rigs" / "drifter"
A, B = 0.95, 0.3
BELIEF = Belief.of({"walk.x": (3.0, 0.5), "walk.m": (1.0, 0.4)})


@pytest.fixture
def bench() -> Iterator[Bench]:
    with hil.open_bench(RIG, history=False) as opened:
        yield opened


def test_figures_are_what_numpy_makes_of_the_rows(bench: Bench) -> None:
    texts = {
        "area": "integral(walk.x) / 60",
        "square": "integral(walk.x ** 2)",
        "away": "mean(abs(walk.x - 1.5))",
        "above": "share(walk.x > 2 and not walk.x >= 3)",
        "both": "walk.m * max(walk.x) - 2 * min(max(walk.x, 2), 9)".replace("min(max(walk.x, 2), 9)", "last(walk.x)"),
        "clipped": "mean(min(max(walk.x, 1), 2))",
        "end": "walk.x",
        "steps": "changes(walk.x)",
    }
    kpis = [Kpi(name, text) for name, text in texts.items()]
    found = ensembles(
        bench, [Scenario()], belief=BELIEF, signals=["walk.x"], members=7, horizon_s=100, every_s=1, kpis=kpis
    )[0]
    x, kpi = found.values["walk.x"], found.kpis
    assert x.shape == (7, 100)
    assert kpi["area"] == pytest.approx(x.mean(axis=1) * 100 / 60)
    assert kpi["square"] == pytest.approx((x**2).mean(axis=1) * 100)
    assert kpi["away"] == pytest.approx(np.abs(x - 1.5).mean(axis=1))
    assert kpi["above"] == pytest.approx(((x > 2) & (x < 3)).mean(axis=1))
    assert kpi["both"] == pytest.approx(found.drawn["walk.m"] * x.max(axis=1) - 2 * x[:, -1])
    assert kpi["clipped"] == pytest.approx(np.clip(x, 1, 2).mean(axis=1))
    assert np.array_equal(kpi["end"], x[:, -1])
    assert np.array_equal(kpi["steps"], np.full(7, 99.0))


@pytest.mark.parametrize(
    "text", ["integral(", "open('x')", "mean(1)", "walk.x and 1", "sum(walk.x)", "mean(walk.x, 1)"]
)
def test_what_is_no_figure_is_refused(text: str) -> None:
    with pytest.raises(HilError, match="cannot be part of a figure"):
        Kpi("bad", text)


def test_a_figure_of_an_unknown_signal_is_refused_by_name(bench: Bench) -> None:
    with pytest.raises(HilError, match="walk\\.y"):
        forecast(bench, kpis=[Kpi("bad", "mean(abs(walk.y))")], members=2, horizon_s=5)


def test_common_random_numbers_cancel_what_both_share(bench: Bench) -> None:
    """A shift of m by 2: x(k) differs by 2 (1 - a^k) in every single member, whatever its noise."""
    plans = [Scenario("now"), Scenario("later", at=[(0.0, "walk.m", 3.0)])]
    belief = Belief.of({"walk.x": (3.0, 0.5)})
    with_m = [Scenario("now", set={"walk.m": 1.0}), Scenario("more", set={"walk.m": 3.0})]
    found = whatif(bench, with_m, {"end": "walk.x"}, belief=belief, signals=["walk.x"], members=50, horizon_s=40)
    apart = found.forecasts["more"].values["walk.x"] - found.forecasts["now"].values["walk.x"]
    k = found.baseline.time_s
    assert np.abs(apart - 2 * (1 - A**k)).max() < 1e-12
    one = found.difference("more", "end")
    assert one.significant
    assert one.low == pytest.approx(one.high)
    assert found.baseline.values["walk.x"].std() > 0.1
    assert whatif(bench, plans, {"end": "walk.x"}, members=5, horizon_s=5).difference("later", "end").difference > 0


def test_the_intervals_hold_together_as_often_as_they_promise(full: Callable[[int, int], int]) -> None:
    """Nothing differs: over many what-ifs of four comparisons, 95 % have no difference that looks significant."""
    random, runs, alarms = np.random.default_rng(5), full(2000, 20_000), 0
    for _ in range(runs):
        base = random.gamma(2.0, size=40)
        others = [base + random.normal(0.0, 1.0, 40) for _ in range(4)]
        alarms += any(paired("k", "s", other, base, 4).significant for other in others)
    assert abs(alarms / runs - 0.05) < 4 * math.sqrt(0.05 * 0.95 / runs) + 0.005


def test_a_difference_that_is_there_is_found_and_its_interval_holds_it() -> None:
    random = np.random.default_rng(6)
    base = random.normal(10.0, 5.0, 200)
    one = paired("k", "s", base - 0.3 + random.normal(0.0, 0.5, 200), base)
    assert one.high < 0.0
    assert one.low < -0.3 < one.high
    assert one.smaller == pytest.approx(0.73, abs=0.1)
    nothing = paired("k", "s", np.full(5, np.nan), base[:5])
    assert not nothing.significant
    assert nothing.members == 0


def test_a_course_leads_each_member_its_own_way(bench: Bench) -> None:
    times, values = np.array([5.0, 10.0]), np.array([[1.0, 2.0], [3.0, 400.0]])
    plan = Scenario(set={"walk.a": 0.0, "walk.b": 0.0})
    course = Course("walk.m", times, values)
    x = forecast(bench, plan, courses=[course], signals=["walk.x"], members=2, horizon_s=20, every_s=1).values["walk.x"]
    assert (x[0, 6:11] == 1.0).all()
    assert (x[0, 11:] == 2.0).all()
    assert (x[1, 6:11] == 3.0).all()
    assert (x[1, 11:] == 100.0).all()  # the end of its range
    with pytest.raises(HilError, match="walk\\.q"):
        forecast(bench, courses=[Course("walk.q", times, values)], signals=["walk.x"], members=2, horizon_s=20)
    many = Course("walk.m", np.arange(1.0, 200.0), np.ones((2, 199)))
    with pytest.raises(HilError, match="do not fit"):
        forecast(bench, courses=[many], signals=["walk.x"], members=2, horizon_s=300)


def test_no_comparison_without_two_names_two_members_and_a_figure(bench: Bench) -> None:
    for plans, kpis in (
        ([Scenario()], {"e": "walk.x"}),
        ([Scenario(), Scenario()], {"e": "walk.x"}),
        ([Scenario("a"), Scenario("b")], {}),
    ):
        with pytest.raises(HilError, match="no comparison"):
            whatif(bench, plans, kpis, horizon_s=5)


def test_five_scenarios_cost_hardly_more_than_five_times_their_ticks() -> None:
    """Of the incubator, 500 members over an hour; seconds are in docs/forecast.md."""
    plans = [Scenario()] + [Scenario(f"{v:g}", set={"setpoint.value": v}) for v in (36.0, 38.0, 42.0, 44.0)]
    kpis = {"energy": "box.P * integral(heater.on)", "quality": "mean(abs(box.air - box.setpoint))"}
    with hil.open_bench("incubator", history=False) as bench:
        bench.run(1800)
        belief, ratios = estimated(bench, "observer", "box"), []
        for _ in range(2):
            begin = time.perf_counter()
            bench.batch(2500, duration_s=3600, record=["box.air"], every=18, needed_only=True)
            between = time.perf_counter()
            found = whatif(bench, plans, kpis, belief=belief, limits=[Limit("cold", "box.air", low=38.0)])
            ratios.append((time.perf_counter() - between) / (between - begin))
    assert min(ratios) < 1.8
    assert found.difference("44", "energy").low > 0.0
    assert found.forecasts["36"].crossings["cold"].probability == 1.0
