"""The bank of hypotheses: Bayes' rule in NumPy beside it, likelihoods that are missing, estimators that fail."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hil import _core
from hil.spec import BlockSpec, RoleSpec, Spec, TagSpec

Matrix = NDArray[np.float64]
TYPES = {t["name"]: t for t in _core.block_types()}
DT_S, FLOOR, BAD, STALE = 0.01, 1e-6, 8, 1
EXTERNAL, FLOAT64 = 1, 8


def fields(kind: str, key: str, given: dict[str, Any]) -> list[list[float]]:
    """Configuration or parameters in the order of the type, with its presets."""
    rows = TYPES[kind][key]
    presets = [[f["preset"]] if key == "params" or f["min_n"] == f["max_n"] == 1 else [] for f in rows]
    return [np.ravel(given.get(f["name"], preset)).tolist() for f, preset in zip(rows, presets, strict=True)]


class Bank:
    """N likelihoods from outside in each tick, behind them the bank; `filters` stand between, each with one input."""

    def __init__(self, n: int, filters: list[dict[str, Any]] | None = None, max_age_ns: int = 0, **given: Any) -> None:
        spec = Spec(period_ns=round(DT_S * 1e9))
        tags = [
            TagSpec(spec.signal(f"in{i}"), spec.signal(f"in{i}.inner"), FLOAT64, max_age_ns=max_age_ns)
            for i in range(1 if filters else n)
        ]
        likelihoods = [] if filters else [t.outer for t in tags]
        for i, config in enumerate(filters or []):
            outputs = [spec.signal(f"f{i}.{k}") for k in range(5)]
            settings = fields("kalman", "config", config)
            spec.blocks.append(BlockSpec(f"f{i}", "kalman", [tags[0].outer], outputs, [], settings))
            likelihoods.append(outputs[-1])
        self.out = [spec.signal(f"out{i}") for i in range(2 + n)]
        params = [p[0] for p in fields("hypotheses", "params", given)]
        config = fields("hypotheses", "config", given)
        spec.blocks.append(BlockSpec("bank", "hypotheses", likelihoods, self.out, params, config))
        spec.roles.append(RoleSpec("outside", [], tags, binding=EXTERNAL))
        self.program = _core.Program(spec)
        self.state = _core.State(self.program)
        self.bank = len(spec.blocks) - 1

    def step(self, *values: float, latch: bool = True) -> Matrix:
        """One tick; most probable, decided, probabilities."""
        if latch:
            now = self.state.tick * round(DT_S * 1e9)
            self.state.latch(1, np.array(values, dtype=float).tobytes(), now)
        self.state.run(1)
        return np.array([self.state.get(self.program.offset_value(i)) for i in self.out])

    def statuses(self) -> list[int]:
        return [self.state.get_byte(self.program.offset_status(i)) for i in self.out]

    def memory(self) -> Matrix:
        at, n = self.program.offset_mem(self.bank), self.program.block_n_state(self.bank)
        return np.array([self.state.get(at + 8 * i) for i in range(n)])


def lifted(p: Matrix) -> Matrix:
    p = np.maximum(p, FLOOR)
    return p / p.sum()


def bayes(prior: Matrix, T: Matrix, logs: Matrix) -> Matrix:
    """The same in NumPy; NaN is a likelihood that is missing, at most for a few samples."""
    p, rows = lifted(prior), []
    for k, log in enumerate(logs):
        p = lifted(p @ T if k else p)
        there = np.isfinite(log)
        if there.any():
            weighed = p[there] * np.exp(log[there] - log[there].max())
            p[there] = p[there].sum() * weighed / weighed.sum()
            p = lifted(p)
        rows.append(p)
        p = p.copy()
    return np.array(rows)


def markov(n: int, mean_s: float) -> Matrix:
    stay = math.exp(-DT_S / mean_s)
    return np.full((n, n), (1 - stay) / (n - 1)) + np.eye(n) * (stay - (1 - stay) / (n - 1))


def random_transition(n: int) -> Matrix:
    T = np.random.default_rng(n).random((n, n)) + 30 * np.eye(n)
    return T / T.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("n", [2, 3, 16])
@pytest.mark.parametrize("way", ["static", "mean_time", "matrix"])
def test_it_is_bayes_rule_to_1e_12(n: int, way: str) -> None:
    random = np.random.default_rng(10 * n)
    T = {"static": np.eye(n), "mean_time": markov(n, 0.7), "matrix": random_transition(n)}[way]
    given = {"static": {}, "mean_time": {"mean_time_between_changes_s": 0.7}, "matrix": {"transition": T}}[way]
    prior = random.dirichlet(np.ones(n))
    logs = 40 * random.normal(size=(300, n)) - 1000
    logs[random.random(logs.shape) < 0.1] = np.nan
    bank = Bank(n, prior=prior, **given)
    ours, theirs = np.array([bank.step(*row) for row in logs]), bayes(prior, T, logs)
    assert np.abs(ours[:, 2:] / theirs - 1).max() < 1e-12 * 300
    assert (ours[:, 0] == theirs.argmax(axis=1)).all()
    assert (ours[:, 2:] >= FLOOR / (1 + n * FLOOR)).all()


def test_likelihoods_of_any_size_neither_overflow_nor_vanish() -> None:
    bank = Bank(3)
    for logs in ([-1e149, 1e149, 0.0], [1e5, 1e5 - 800.0, -1e149], [-1e149, -1e149, -1e149], [-1e6, 0.0, -1e6]):
        out = bank.step(*logs)
        assert np.isfinite(bank.memory()).all()
        assert out[2:].sum() == pytest.approx(1.0, abs=1e-15)
    assert out[0] == 1.0


def test_a_hypothesis_that_was_refuted_for_long_comes_back() -> None:
    bank = Bank(2)
    for _ in range(5000):
        bank.step(0.0, -50.0)
    assert bank.step(0.0, 0.0)[3] == pytest.approx(FLOOR, rel=1e-5)
    needed = math.ceil(math.log(19 / FLOOR) / 2.0)  # to odds of 19 : 1 at 2 a sample
    values = [bank.step(-2.0, 0.0)[3] for _ in range(needed)]
    assert values[-2] < 0.95 < values[-1]


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, 1e200])
def test_what_is_no_likelihood_leaves_its_hypothesis_and_gives_a_status(wrong: float) -> None:
    bank = Bank(3, prior=[0.5, 0.3, 0.2])
    out = bank.step(wrong, 0.0, math.log(2.0))
    assert out[2:] == pytest.approx([0.5, 0.5 * 0.3 / 0.7, 0.5 * 0.4 / 0.7], rel=1e-12)
    assert [s & BAD for s in bank.statuses()] == [BAD, BAD, BAD, 0, 0]  # the most probable one says nothing
    assert bank.step(wrong, wrong, wrong)[2:] == pytest.approx(out[2:], rel=1e-12)
    assert np.isfinite(bank.memory()).all()
    out = bank.step(0.0, 3.0, 0.0)
    assert (out[0], bank.statuses()) == (1.0, [0] * 5)
    bank.step(wrong, 0.0, 0.0)
    assert [s & BAD for s in bank.statuses()] == [0, 0, BAD, 0, 0]  # the most probable one is sure of itself


def test_a_likelihood_that_is_stale_is_missing() -> None:
    bank = Bank(2, max_age_ns=round(2.5 * DT_S * 1e9))
    bank.step(0.0, -0.1)
    rows, stale = [], []
    for _ in range(6):
        rows.append(bank.step(latch=False)[2])
        stale.append(bank.statuses()[2] & STALE)
    first = stale.index(STALE)
    assert first == 2
    assert (np.diff(rows[:first]) > 0).all()  # until then the last one counts again
    assert rows[first:] == [rows[first - 1]] * 4


def test_a_decision_takes_its_time_and_ends_with_its_cause() -> None:
    bank = Bank(2, threshold=0.9, hold_s=0.05)
    logs = [(0.0, -3.0)] * 10 + [(-9.0, 0.0)] * 10
    decided = [bank.step(*row)[1] for row in logs]
    assert decided[:5] == [-1.0] * 5  # above 0.9 from the first sample on, for 0.05 s at the sixth
    assert decided[5:10] == [0.0] * 5
    first = decided.index(1.0)
    assert decided[first - 5 : first] == [-1.0] * 5
    assert bank.step(math.nan, 0.0)[1] == 1.0


def test_what_is_not_heard_is_not_decided() -> None:
    bank = Bank(2, prior=[0.99, 0.01], hold_s=0.02, give_up_samples=0.0)
    assert [bank.step(math.nan, 0.0)[1] for _ in range(50)] == [-1.0] * 50
    assert [bank.step(0.0, 0.0)[1] for _ in range(3)] == [-1.0, -1.0, 0.0]


SOUND = {"A": 1.0, "C": 1.0, "Q": 0.01, "R": 0.04, "P0": 1.0, "x0": 0.0}
SINGULAR = {"A": 1.0, "C": 1.0, "Q": 0.0, "R": 0.0, "P0": 0.0, "x0": 0.0}


def test_an_estimator_that_fails_for_good_loses_to_those_that_work() -> None:
    """Its innovation has no variance: it says bad in every sample."""
    bank = Bank(3, [SINGULAR, SOUND, {**SOUND, "C": -5.0, "x0": 9.0}], prior=[0.98, 0.01, 0.01], hold_s=0.01)
    random = np.random.default_rng(1)
    rows = np.array([bank.step(0.2 * random.normal()) for _ in range(10)])
    assert rows[:, 2] == pytest.approx(0.98, rel=1e-5)  # but for what the floor takes
    assert (rows[:, 1] == -1).all()
    assert bank.statuses()[0] & BAD
    rows = np.array([bank.step(0.2 * random.normal()) for _ in range(10)])
    assert rows[:, 2].max() < 1.1 * FLOOR
    assert rows[-1, :2].tolist() == [1.0, 1.0]
    assert [s & BAD for s in bank.statuses()] == [0, 0, BAD, 0, 0]


def test_a_measurement_that_is_missing_changes_no_probability() -> None:
    """An estimator without a measurement has the likelihood 1, as all others of the bank."""
    bank = Bank(2, [SOUND, {**SOUND, "x0": 0.5}])
    before = bank.step(0.1)[2:]
    assert (bank.step(math.nan)[2:] == before).all()
    assert not any(bank.statuses())
    assert (bank.step(0.1)[2:] != before).all()


@pytest.mark.parametrize(
    ("n", "given", "why"),
    [
        (1, {}, "2 to 16"),
        (17, {}, "2 to 16"),
        (2, {"prior": [0.5, 0.6]}, "prior needs"),
        (2, {"prior": [1.0]}, "prior needs"),
        (2, {"prior": [1.5, -0.5]}, "prior needs"),
        (2, {"floor": 0.0}, "floor must"),
        (2, {"floor": math.nan}, "floor must"),
        (2, {"give_up_samples": 1.5}, "whole number"),
        (2, {"mean_time_between_changes_s": -1.0}, "mean_time_between_changes_s must"),
        (2, {"mean_time_between_changes_s": 1.0, "transition": np.eye(2)}, "not both"),
        (2, {"transition": np.eye(3)}, "a row and a column"),
        (2, {"transition": [[0.9, 0.2], [0.0, 1.0]]}, "sum 1"),
        (2, {"transition": [[math.nan, 1.0], [0.0, 1.0]]}, "sum 1"),
        (8, {"floor": 0.01}, "never reached"),
    ],
)
def test_bad_configuration_is_refused_by_name(n: int, given: dict[str, Any], why: str) -> None:
    with pytest.raises(_core.BuildError, match=why):
        Bank(n, **given)
