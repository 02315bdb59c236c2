"""What requirements say about traces: margins, truth on the edge, moments of violation, the ends of a trace."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hil.requirements import (
    FormulaError,
    always,
    at_each_sample,
    eventually,
    historically,
    iff,
    once,
    parse,
    rise,
    signal,
    since,
    until,
)

PERIOD_S = 0.1


def logic(*ones: tuple[float, float], samples: int = 101) -> np.ndarray:
    """A logic signal that is 1 in each [start_s, end_s)."""
    time_s = np.arange(samples) * PERIOD_S
    return sum(((time_s >= a - 1e-9) & (time_s < b - 1e-9)).astype(float) for a, b in ones) + np.zeros(samples)


def test_the_margin_of_a_limit_is_the_distance_of_the_peak():
    level = np.sin(np.linspace(0, np.pi, 101)) * 0.8
    verdict = parse("G[0s,10s](level < 0.9)").evaluate({"level": level}, PERIOD_S)
    assert verdict.satisfied
    assert verdict.robustness == pytest.approx(0.1)
    assert math.isnan(verdict.at_s)


def test_a_limit_is_violated_where_it_is_first_passed():
    level = np.arange(101) * 0.01
    verdict = parse("G(level < 0.9)").evaluate({"level": level}, PERIOD_S)
    assert not verdict.satisfied
    assert verdict.robustness == pytest.approx(-0.1)
    assert verdict.at_s == pytest.approx(9.0)  # 0.9 itself is not below 0.9
    assert verdict.known_s == pytest.approx(9.0)


def test_each_run_has_its_own_verdict_and_moment():
    fault = np.stack([logic((3, 9)), logic((3, 9)), logic((9, 9)), logic((2, 4), (5, 8))])
    alarm = np.stack([logic((4.5, 9)), logic((5.5, 9)), logic(), logic((3, 4))])
    formula = at_each_sample(parse("rise(fault) -> F[0s,2s] alarm"))
    verdict = formula.evaluate({"fault": fault, "alarm": alarm}, PERIOD_S)
    assert verdict.satisfied.tolist() == [True, False, True, False]
    np.testing.assert_allclose(verdict.at_s, [np.nan, 3.0, np.nan, 5.0])
    np.testing.assert_allclose(verdict.known_s, [np.nan, 5.0, np.nan, 7.0])


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("x < 1", False),
        ("x <= 1", True),
        ("not (x < 1)", True),
        ("x == 1", True),
        ("x != 1", False),
        ("not (x != 1)", True),
        ("x > 1 or x < 1", False),
        ("half", True),
        ("not half", False),
        ("G(x >= 1 and half)", True),
        ("half <-> x >= 1", True),
        ("half <-> x > 1", False),
    ],
)
def test_on_the_edge_the_comparison_itself_decides(text, truth):
    values = {"x": np.ones(5), "half": np.full(5, 0.5)}
    verdict = parse(text).evaluate(values, PERIOD_S)
    assert verdict.robustness == 0
    assert bool(verdict.satisfied) is truth
    assert math.isnan(verdict.at_s) is truth


def test_a_window_behind_the_end_holds_for_always_and_not_for_eventually():
    x = {"x": np.array([5.0, 4.0, 3.0])}
    np.testing.assert_array_equal(parse("G[0.1s,0.2s](x > 0)").robustness(x, PERIOD_S), [3, 3, np.inf])
    np.testing.assert_array_equal(parse("F[0.1s,0.2s](x > 0)").robustness(x, PERIOD_S), [4, 3, -np.inf])
    np.testing.assert_array_equal(parse("H[0.1s,0.2s](x > 0)").robustness(x, PERIOD_S), [np.inf, 5, 4])
    np.testing.assert_array_equal(parse("O[0.1s,0.2s](x > 0)").robustness(x, PERIOD_S), [-np.inf, 5, 5])


def test_since_remembers_the_start_button_until_stop():
    values = {"start": logic((1, 1.2), (6, 6.1)), "stop": logic((4, 4.5)), "motor": logic((1, 4), (6, 10.2))}
    assert parse("G(motor <-> (not stop S start))").evaluate(values, PERIOD_S).satisfied
    values["motor"] = logic((1, 4.2), (6, 10.2))
    assert parse("G(motor <-> (not stop S start))").evaluate(values, PERIOD_S).at_s == pytest.approx(4.0)


def test_a_nan_is_never_satisfied_and_says_where():
    x = np.zeros(11)
    x[4] = np.nan
    for text in ("G(x < 1)", "G(not (x > 1))", "G(x < 1 or x > 2)"):
        verdict = parse(text).evaluate({"x": x}, PERIOD_S)
        assert math.isnan(verdict.robustness)
        assert not verdict.satisfied
        assert verdict.at_s == pytest.approx(0.4)
    assert parse("G[0s,0.3s](x < 1)").evaluate({"x": x}, PERIOD_S).satisfied


def test_the_moment_is_found_through_not_and_nested_always():
    values = {"a": logic((7, 8)), "b": logic((2, 3))}
    for text, at_s in [
        ("not F a", 7.0),
        ("not F (a or b)", 2.0),
        ("G[1s,5s](not b) & G !a", 2.0),
        ("G[0s,5s] G[1s,4s] !a", 7.0),
        ("F[0s,1s] b", 0.0),
        ("G(not (a or b))", 2.0),
    ]:
        assert parse(text).evaluate(values, PERIOD_S).at_s == pytest.approx(at_s), text


def test_formulas_written_in_python_are_those_of_the_text():
    rng = np.random.default_rng(2)
    values = {name: rng.normal(size=(4, 50)) for name in ("level", "a", "b")}
    level, a, b = signal("level"), signal("a"), signal("b")
    for ours, text in [
        (always(0, 2, level < 0.9), "G[0s,2s](level < 0.9)"),
        ((a > 0).implies(eventually(0, 2, b)), "a > 0 -> F[0s,2s] b"),
        (abs(a - b) <= 0.02, "abs(a - b) <= 0.02"),
        ((2 * a + 1 >= b / 2) & ~(-a > b) | (a.equals(b)), "2*a + 1 >= b/2 and not -a > b or a == b"),
        (until(0.5, 1, a < 1, b > 1), "(a < 1) U[0.5s,1s] (b > 1)"),
        (since(0, math.inf, a < 1, b > 1), "(a < 1) S (b > 1)"),
        (historically(0, 1, once(0, math.inf, rise(a > 0))), "H[0,1] O rise(a > 0)"),
        (iff(a > 0, b > 0), "a > 0 <-> b > 0"),
    ]:
        np.testing.assert_array_equal(ours.robustness(values, PERIOD_S), parse(text).robustness(values, PERIOD_S), text)


def test_signals_and_horizon_are_those_of_the_formula():
    formula = parse("G[0s,60s](a.x -> F[0s,2s] (b.y U[1s,3s] H[0s,9s] c))")
    assert formula.signals == {"a.x", "b.y", "c"}
    assert formula.horizon_s == 65.0
    assert parse("G(a)").horizon_s == math.inf


def test_a_requirement_is_meant_at_each_sample_unless_it_speaks_of_time_itself():
    assert str(at_each_sample(parse("a -> F[0s,2s] b"))).startswith("G ")
    for text in ("G a", "F[0s,2s] a", "G a & F b", "a U b"):
        assert str(at_each_sample(parse(text))) == str(parse(text))


def test_a_window_between_two_samples_is_refused():
    with pytest.raises(FormulaError, match=r"no sample lies in the window \[0.01s,0.02s\]"):
        parse("G[0.01s,0.02s] a").robustness({"a": np.ones(5)}, PERIOD_S)


def test_a_window_beyond_the_end_is_refused_unless_partial():
    formula, values = parse("G[0s,60s](level < 0.9)"), {"level": np.zeros(101)}
    with pytest.raises(FormulaError, match="reach to 60 s, beyond the end of the trace at 10 s"):
        formula.evaluate(values, PERIOD_S)
    assert formula.evaluate(values, PERIOD_S, partial=True).satisfied


def test_windows_far_behind_any_end_are_empty():
    x = {"x": np.ones(4)}
    np.testing.assert_array_equal(parse("G[1e300s,1e308s](x > 0)").robustness(x, 1e-9), [np.inf] * 4)
    np.testing.assert_array_equal(parse("(x > 0) U[1e300s,inf] (x > 0)").robustness(x, 1e-9), [-np.inf] * 4)


def test_no_runs_give_no_verdicts_and_a_grid_of_runs_gives_a_grid():
    formula = parse("G(x < 1 and y)")
    assert formula.evaluate({"x": np.ones((0, 5)), "y": np.ones(5)}, PERIOD_S).at_s.shape == (0,)
    x = np.zeros((2, 1, 5))
    x[1, 0, 3] = 2
    y = np.ones((1, 3, 5))
    y[0, 2, 1] = 0
    verdict = formula.evaluate({"x": x, "y": y}, PERIOD_S)
    assert verdict.satisfied.tolist() == [[True, True, False], [False, False, False]]
    np.testing.assert_allclose(verdict.at_s, [[np.nan, np.nan, 0.1], [0.3, 0.3, 0.1]])


def test_more_runs_than_are_looked_at_at_once_each_keep_their_verdict():
    level = np.zeros((300, 1000))
    late = np.arange(0, 300, 7)
    level[late, 3 * late] = 1
    verdict = parse("G(level < 1)").evaluate({"level": level}, 0.5)
    assert np.flatnonzero(~verdict.satisfied).tolist() == late.tolist()
    np.testing.assert_array_equal(verdict.at_s[late], 1.5 * late)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"levl": np.zeros(3)}, "no signal 'level'. Did you mean levl"),
        ({"level": np.zeros(0)}, "no sample"),
        ({"level": np.zeros(3), "b": np.zeros(4)}, "differ in their number of samples .b: 4, level: 3."),
    ],
)
def test_values_that_do_not_fit_are_refused(values, message):
    with pytest.raises(FormulaError, match=message):
        parse("level < 1 or b" if "b" in values else "level < 1").robustness(values, PERIOD_S)


def test_a_formula_is_not_taken_for_its_truth_in_python():
    with pytest.raises(FormulaError, match="has no truth of its own"):
        bool(signal("a") < 1)
    with pytest.raises(FormulaError, match="neither true nor false"):
        always(0, 1, 3)
