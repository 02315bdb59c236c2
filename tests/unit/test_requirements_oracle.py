"""Robustness against rtamt's: random formulas over random signals, steps and logic signals among them."""

from __future__ import annotations

import random

import numpy as np
import stl_oracle

from hil.requirements import parse


def _signals(rng: random.Random, samples: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(rng.getrandbits(32))
    return {
        "x": draw.normal(size=samples),
        "y": np.repeat(draw.normal(size=samples), 5)[:samples],
        "z": (draw.random(samples) < 0.3).astype(float),
    }


def test_robustness_is_that_of_rtamt_on_random_formulas_and_signals(full):
    rng, formulas = random.Random(17), full(200, 2000)
    temporal = finite = 0
    for _ in range(formulas):
        ours, theirs = stl_oracle.random_formula(rng, rng.choice((1, 2, 3)))
        values = _signals(rng, rng.choice((2, 3, 7, 30, 60)))
        expected = stl_oracle.rtamt_robustness(theirs, values)
        found = parse(ours).robustness(values, stl_oracle.PERIOD_S)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9, err_msg=f"{ours}\n{theirs}")
        temporal += any(word in theirs for word in ("always", "eventually", "until", "since", "once"))
        finite += bool(np.isfinite(expected).any())
    assert temporal > 0.5 * formulas
    assert finite > 0.8 * formulas


def test_many_runs_at_once_give_what_each_gives_alone():
    rng = random.Random(3)
    for _ in range(100):
        formula = parse(stl_oracle.random_formula(rng, 3)[0])
        runs = [_signals(rng, 50) for _ in range(6)]
        together = {name: np.reshape([run[name] for run in runs], (2, 3, 50)) for name in "xyz"}
        alone = [formula.robustness(run, stl_oracle.PERIOD_S) for run in runs]
        np.testing.assert_array_equal(
            formula.robustness(together, stl_oracle.PERIOD_S), np.reshape(alone, (2, 3, 50)), str(formula)
        )


def test_a_formula_written_out_reads_back_as_itself():
    rng = random.Random(5)
    for _ in range(200):
        formula = parse(stl_oracle.random_formula(rng, 3)[0])
        values = _signals(rng, 40)
        again = parse(str(formula)).robustness(values, stl_oracle.PERIOD_S)
        np.testing.assert_array_equal(again, formula.robustness(values, stl_oracle.PERIOD_S))
