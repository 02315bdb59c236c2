"""Moving-horizon estimation beside the Kalman filter where both are exact, and beside the block `ekf` elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hil.errors import HilError
from hil.estimation.mhe import Unknown, estimate
from hil.models import Input, Model, Output, Param, State, compile_model
from hil.models.math import sin

Matrix = NDArray[np.float64]
Made = Callable[..., Any]
A, B, C = np.array([[0.99, 0.1], [-0.1, 0.97]]), np.array([0.0, 0.1]), np.array([1.0, 0.5])


class Oscillator(Model):
    """A sampled linear one; a weighted sum of its states is measured."""

    method = "discrete"
    a = State(0.5)
    b = State(0.0)
    u = Input()
    y = Output()

    def equations(self) -> dict[str, Any]:
        return {"a": 0.99 * self.a + 0.1 * self.b, "b": -0.1 * self.a + 0.97 * self.b + 0.1 * self.u}

    def outputs(self) -> dict[str, Any]:
        return {"y": self.a + 0.5 * self.b}


LINEAR = {"R": [0.04], "P0": np.array([[0.2, 0.05], [0.05, 0.1]])}
NOISE = {"full": np.diag([1e-3, 2e-3]), "singular": np.outer([0.03, 0.05], [0.03, 0.05])}


def oscillation(rows: int, Q: Matrix) -> tuple[Matrix, Matrix]:
    """Inputs and measurements, a sixth of them missing."""
    random = np.random.default_rng(1)
    x, us, ys = np.array([0.5, 0.0]), random.normal(size=(rows, 1)), []
    for u in us:
        ys.append(C @ x + 0.2 * random.normal())
        x = A @ x + B * u + random.multivariate_normal([0, 0], Q)
    measured = np.array(ys)[:, None]
    measured[random.random(rows) < 1 / 6] = np.nan
    return us, measured


def kalman(us: Matrix, ys: Matrix, Q: Matrix) -> Matrix:
    x, P, rows = np.array([0.5, 0.0]), LINEAR["P0"], []
    for k, (y,) in enumerate(ys):
        if k:
            x, P = A @ x + B * us[k - 1], A @ P @ A.T + Q
        if np.isfinite(y):
            gain = P @ C / (C @ P @ C + 0.04)
            x, P = x + gain * (y - C @ x), P - np.outer(gain, C @ P)
        rows.append(x)
    return np.array(rows)


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("horizon", [1, 7, 1000])
def test_of_a_linear_model_it_is_the_kalman_filter(horizon: int, noise: str) -> None:
    Q = NOISE[noise]
    us, ys = oscillation(50, Q)
    found = estimate(Oscillator, 0.1, us, ys, horizon=horizon, Q=Q, **LINEAR)
    assert found.failed == 0
    assert np.abs(found.x - kalman(us, ys, Q)).max() < 1e-6


def test_both_solvers_find_the_same() -> None:
    us, ys = oscillation(12, NOISE["full"])
    bounds = {"a": (-0.2, 0.45)}
    one, other = (
        estimate(Oscillator, 0.1, us, ys, horizon=5, Q=NOISE["full"], solver=solver, bounds=bounds, **LINEAR)
        for solver in ("sqp", "ipopt")
    )
    assert one.failed == other.failed == 0
    assert np.abs(one.x - other.x).max() < 1e-5
    assert one.x[:, 0].max() == pytest.approx(0.45, abs=1e-9)


class Pendulum(Model):
    """Driven, the sine of its angle is measured."""

    method = "euler"
    angle = State(0.3, unit="rad")
    speed = State(0.0, unit="rad/s")
    torque = Input(unit="1/s**2")
    sine = Output()
    stiffness = Param(9.0, unit="1/s**2", min=0.0, max=100.0)
    damping = Param(0.3, unit="1/s", min=0.0, max=10.0)

    def equations(self) -> dict[str, Any]:
        return {
            "angle": self.speed,
            "speed": self.torque - self.stiffness * sin(self.angle) - self.damping * self.speed,
        }

    def outputs(self) -> dict[str, Any]:
        return {"sine": sin(self.angle)}


DT_S = 0.05
SWING = {"Q": np.diag([1e-6, 1e-4]), "R": [1e-2], "P0": np.diag([1.0, 4.0])}


def swing(seed: int, rows: int = 80) -> tuple[Matrix, Matrix, Matrix]:
    """Inputs, states, measurements."""
    random, model = np.random.default_rng(seed), compile_model(Pendulum, ekf=True)
    x, us, xs, ys = np.array([random.uniform(-1, 1), random.normal()]), random.normal(size=(rows, 1)), [], []
    for u in us:
        xs.append(x)
        ys.append(model.output(x, u, model.p0) + 0.1 * random.normal(size=1))
        x = model.step(x, u, model.p0, DT_S) + np.sqrt(np.diag(SWING["Q"])) * random.normal(size=2)
    return us, np.array(xs), np.array(ys)


def rms(error: Matrix) -> float:
    return float(np.sqrt(np.mean(error**2)))


def test_from_a_bad_guess_it_finds_the_pendulum_where_the_filter_is_lost(
    alone: Made, full: Callable[[int, int], int]
) -> None:
    """The guess lies 1.5 rad and 2 rad/s off. Beyond a quarter of a turn the sine has two answers: the filter takes the
    wrong one in most runs and stays there; that the pendulum hangs between stops is what it cannot be told."""
    model, errors = compile_model(Pendulum, ekf=True), []
    for seed in range(full(4, 20)):
        us, xs, ys = swing(seed, 60)
        guess = xs[0] + np.array([1.5, 2.0]) * np.random.default_rng(seed).choice([-1, 1], 2)
        ekf = alone("ekf", 2, 7, round(DT_S * 1e9), model=model, x0=guess, **SWING)
        filtered = ekf.run(np.hstack([us, ys]))[:, :2]
        found = estimate(Pendulum, DT_S, us, ys, horizon=12, x0=guess, bounds={"angle": (-1.6, 1.6)}, **SWING)
        assert found.failed == 0
        errors.append((rms(found.x - xs), rms(filtered - xs)))
    print(f"\nRMSE, and the filter's: {np.round(errors, 3).tolist()}")
    ours, filters = np.array(errors).T
    assert np.median(filters) > 1.0
    assert ours.max() < 0.5
    assert (ours < filters).mean() > 0.8  # a filter's first step may come out right by chance


def test_a_parameter_is_found_and_stays_within_its_bounds() -> None:
    us, _, ys = swing(1, 120)
    given = {"horizon": 15, "values": {"stiffness": 6.0}, **SWING}
    found = estimate(Pendulum, DT_S, us, ys, unknown={"stiffness": Unknown(3.0, 0.02)}, **given)
    assert found.params["stiffness"][0] == pytest.approx(6.0, abs=0.5)
    assert np.abs(found.params["stiffness"][80:] - 9.0).max() < 0.7
    given["bounds"] = {"stiffness": (5.0, 8.0)}
    bounded = estimate(Pendulum, DT_S, us, ys, unknown={"stiffness": Unknown(3.0)}, **given).params["stiffness"]
    assert bounded.min() >= 5.0
    assert bounded.max() == pytest.approx(8.0, abs=1e-6)
    assert bounded.max() <= 8.0


class Tank(Model):
    """It runs empty; its level is measured with noise."""

    level = State(0.3, unit="m", min=0.0, max=1.0, clamp=True, output=True)
    inflow = Input(unit="m/s")
    leak = Param(0.5, unit="1/s", min=0.0, max=10.0)

    def equations(self) -> dict[str, Any]:
        return {"level": self.inflow - self.leak * self.level}


class Bottomless(Tank):
    """As far as a filter knows that nobody tells of the floor."""

    level = State(0.3, unit="m", output=True)


def test_no_level_is_below_the_floor(alone: Made) -> None:
    noise = {"Q": [[1e-4]], "R": [4e-3], "P0": [[0.1]]}
    random = np.random.default_rng(5)
    true = 0.3 * np.exp(-0.05 * np.arange(150))
    ys, us = (true + math.sqrt(4e-3) * random.normal(size=150))[:, None], np.zeros((150, 1))
    free, held = (
        alone("ekf", 2, 5, 100_000_000, model=compile_model(model, ekf=True), **noise, x0=[0.3]).run(
            np.hstack([us, ys])
        )[:, 0]
        for model in (Bottomless, Tank)
    )
    found = estimate(Tank, 0.1, us, ys, horizon=8, **noise)
    level = found.x[:, 0]
    assert found.failed == 0
    assert (free < 0).mean() > 0.1
    assert level.min() >= 0.0
    assert held.min() >= 0.0
    assert rms(level - true) < rms(held - true) < rms(free - true)


def test_a_window_that_cannot_be_solved_is_told_and_passes() -> None:
    us, ys = oscillation(40, NOISE["full"])
    wrong = ys.copy()
    wrong[10] = 1e300
    good, found = (estimate(Oscillator, 0.1, us, y, horizon=4, Q=NOISE["full"], **LINEAR) for y in (ys, wrong))
    lost = slice(10, 15)  # while it lies in the window
    assert (found.failed, np.isnan(found.cost).sum()) == (5, 5)
    assert np.isnan(found.cost[lost]).all()
    assert np.isfinite(found.x).all()
    assert (found.x[:10] == good.x[:10]).all()
    assert np.abs(found.x[30:] - good.x[30:]).max() < 0.1


GOOD: dict[str, Any] = {"horizon": 3, "Q": np.eye(2), "R": [1.0], "P0": np.eye(2)}
REFUSED = [
    ({"horizon": 0}, "horizon"),
    ({"horizon": 2.5}, "horizon"),
    ({"substeps": True}, "substeps"),
    ({"Q": np.diag([1.0, -1.0])}, "Q: is not positive semidefinite"),
    ({"Q": np.eye(3)}, "Q: has the shape"),
    ({"P0": np.diag([1.0, 0.0])}, "P0: is not positive definite"),
    ({"R": [0.0]}, "R: "),
    ({"R": [1.0, 1.0]}, "R: "),
    ({"x0": [0.0] * 3}, "x0: "),
    ({"x0": [0.0, math.nan]}, "x0: "),
    ({"values": {"stifness": 1.0}}, r"values\[stifness\].*stiffness"),
    ({"unknown": {"angle": Unknown(1.0)}}, r"unknown\[angle\]"),
    ({"unknown": {"damping": Unknown(0.0)}}, r"unknown\[damping\]"),
    ({"bounds": {"damping": (0.0, 1.0)}}, r"bounds\[damping\]"),
    ({"bounds": {"angle": (1.0, 1.0)}}, r"bounds\[angle\]"),
    ({"bounds": {"angle": (math.nan, 1.0)}}, r"bounds\[angle\]"),
    ({"method": "rk5"}, "method: .*rk4"),
    ({"solver": "snopt"}, "solver: "),
    ({"inputs": np.zeros((4, 2))}, "inputs: has the shape"),
    ({"outputs": np.zeros((5, 1))}, "outputs: 4 rows of inputs, 5 of outputs"),
    ({"period_s": 0.0}, "period_s"),
]


@pytest.mark.parametrize(("changed", "why"), REFUSED, ids=[str(c) for c, _ in REFUSED])
def test_a_wrong_argument_is_named(changed: dict[str, Any], why: str) -> None:
    given = {"period_s": 0.1, "inputs": np.zeros((4, 1)), "outputs": np.zeros((4, 1)), **GOOD, **changed}
    with pytest.raises(HilError, match=why):
        estimate(Pendulum, given.pop("period_s"), given.pop("inputs"), given.pop("outputs"), **given)
