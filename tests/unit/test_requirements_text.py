"""The text of formulas: how tightly operators bind, units, and the column of a mistake."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hil.expressions import Condition
from hil.requirements import FormulaError, parse
from hil.requirements.trace import make_trace

UNITS = {"plant.h1": "m", "sensor.h1": "m", "sensor.cm": "cm", "heat.t": "degC", "room.t": "degC", "v": "m/s"}
UNITS |= {"plc.alarm": "bool", "n": None}


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("not n < 1", "not (n < 1)"),
        ("G n < 1 & n > 0", "(G (n < 1)) & (n > 0)"),
        ("n < 1 | n < 2 & n < 3", "n < 1 | (n < 2 & n < 3)"),
        ("n<1 -> n<2 -> n<3", "n<1 -> (n<2 -> n<3)"),
        ("n<1 & n<2 -> n<3 | n<4", "(n<1 & n<2) -> (n<3 | n<4)"),
        ("n<1 U n<2 & n<3", "((n<1) U (n<2)) & n<3"),
        ("1 + 2 * n < 3 - 1 - 1", "(1 + (2 * n)) < ((3 - 1) - 1)"),
        ("0.1 < n <= 0.9", "0.1 < n & n <= 0.9"),
        ("-n < -1", "(0 - n) < -1"),
        ("!plc.alarm && n || n", "(not plc.alarm and n) or n"),
        ("always[0,1] eventually[0,1] n", "G[0s,1s] F[0s,1s] n"),
        ("historically n since once n", "(H n) S (O n)"),
        ("min(n, 1, 2) < max(n, 3)", "min(min(n, 1), 2) < max(n, 3)"),
        ("G[500ms,2min] n", "G[0.5s,120s] n"),
        ("F[1s,inf] n", "F[1s,inf] (n >= 0.5)"),
        ("n = 1", "n == 1"),
    ],
)
def test_operators_bind_as_in_the_table(text, same):
    assert str(parse(text, UNITS)) == str(parse(same, UNITS))


@pytest.mark.parametrize(
    ("text", "converted"),
    [
        ("sensor.h1 < 12cm", "(sensor.h1 < 0.12m)"),
        ("12 cm > n", None),
        ("12cm > sensor.h1", "(0.12m > sensor.h1)"),
        ("abs(plant.h1 - sensor.h1) <= 2mm", "(abs((plant.h1 - sensor.h1)) <= 0.002m)"),
        ("sensor.h1 < sensor.cm", "(sensor.h1 < (sensor.cm * 0.01))"),
        ("heat.t > 373.15K", "(heat.t > 100.0degC)"),
        ("abs(heat.t - room.t) < 2K", "(abs((heat.t - room.t)) < 2.0degC)"),
        ("heat.t - 2K > room.t", "((heat.t - 2.0degC) > room.t)"),
        ("v < 3.6km/h", "(v < 1.0m/s)"),
        ("2*sensor.h1 < 12cm", "((2.0 * sensor.h1) < 0.12m)"),
        ("sensor.h1 < 0.12", "(sensor.h1 < 0.12)"),
    ],
)
def test_numbers_with_units_are_converted_to_the_signal(text, converted):
    if converted is None:
        with pytest.raises(FormulaError):
            parse(text, UNITS)
    else:
        assert str(parse(text, UNITS)) == converted


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "there is no formula"),
        ("G[0s,60s](n < )", 15, "a signal, number or bracket is missing"),
        ("G[0s,60s(n < 1)", 9, r"'\]' is missing"),
        ("G[2s,1s] n", 2, r"the window \[2s,1s\] ends before it starts"),
        ("G[-2s,1s] n", 2, r"the window \[-2s,1s\] does not start at 0 s"),
        ("G[0s,1kg] n", 6, "'kg' is no unit of time"),
        ("G[0s] n", 5, "',' is missing"),
        ("(n < 1", 7, r"'\)' is missing"),
        ("n < 1)", 6, r"'\)' is one too many"),
        ("n n", 3, "'n' is one too many"),
        ("n < 1 $ 2", 7, r"'\$' has no meaning"),
        ("n + 1", 1, "is neither true nor false"),
        ("(n < 1) + 1 < 2", 9, "is true or false, not a number"),
        ("and n", 1, "something is missing before 'and'"),
        ("n and", 6, "a signal, number or bracket is missing"),
        ("sensr.h1 < 1", 1, "there is no signal 'sensr.h1'. Did you mean sensor.h1"),
        ("sensor.h1 < 2kg", 11, "unit 'kg' does not convert to 'm'"),
        ("sensor.h1 < 2cmm", 13, "'cmm' is not a unit"),
        ("min(n) < 1", 1, "does not take 1 values"),
        ("(" * 100 + "n" + ")" * 100, 61, "more than 60 brackets deep"),
        ("n" + " + 1" * 200 + " < 1", 603, "more than 150 operators"),
    ],
)
def test_a_mistake_is_one_line_with_its_column_and_the_mend(text, column, message):
    with pytest.raises(FormulaError, match=message) as caught:
        parse(text, UNITS)
    line = str(caught.value)
    assert f"column {column}:" in line
    assert "\n" not in line
    assert caught.value.mend
    assert len(line) < 400


def test_the_longest_formula_that_is_read_can_be_evaluated():
    text = "(" * 50 + "n" + " + 1" * 150 + " < 1" + " and n < 2)" * 50
    assert parse(text, UNITS).evaluate({"n": np.zeros(3)}, 1.0).robustness == -149
    arrows = parse(" -> ".join(["n"] * 50), UNITS)
    assert arrows.evaluate({"n": np.ones(3)}, 1.0).satisfied


@pytest.mark.parametrize(
    "text",
    [
        "n > 0.1 and not v",
        "abs(n - v) < 0.5 or v",
        "max(n, v) > 0.2 and 0 < n < 1",
        "not n or n == v",
        "-n * 2 + v / 4 >= 0",
    ],
)
def test_a_condition_of_a_bench_means_the_same_as_a_requirement(text):
    draw = np.random.default_rng(4)
    values = {name: np.round(draw.normal(size=200), 1) for name in ("n", "v")}
    condition, trace = Condition(text, values), make_trace(values, frozenset(values), 1.0)
    expected = [condition(lambda name, i=i: values[name][i]) for i in range(200)]
    np.testing.assert_array_equal(parse(text).holds(trace), expected)
    assert 0 < sum(expected) < 200


def test_random_text_is_read_or_refused_in_one_line(full):
    rng = random.Random(11)
    pieces = ["G", "F[0s,2s]", "U", "S[1,2]", "(", ")", "[", "]", ",", "n", "plant.h1", "<", "->", "<->", "not", "and"]
    pieces += [
        "|",
        "!",
        "-",
        "+",
        "*",
        "/",
        "1",
        "2cm",
        "0.5",
        "rise",
        "min",
        "abs",
        "==",
        "inf",
        "$",
        "µ",
        "\n",
        "1e999",
    ]
    texts, read = full(3000, 100_000), 0
    for _ in range(texts):
        text = " ".join(rng.choices(pieces, k=rng.randint(0, 9)))
        mistake = ""
        try:
            parse(text, UNITS)
            read += 1
        except FormulaError as error:
            mistake = str(error)
        assert "\n" not in mistake, text
    assert read > texts // 200
