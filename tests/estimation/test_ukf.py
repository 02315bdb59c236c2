"""The unscented Kalman filter: against filterpy, dense NumPy and the linear filter, over runs, with bad inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from filterpy.kalman import MerweScaledSigmaPoints, UnscentedKalmanFilter
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.stats import chi2

from hil.models import CompiledModel, Input, Model, Output, Param, State, compile_model
from hil.models.math import atan2, cos, sin, sqrt

Made = Callable[..., Any]
Matrix = NDArray[np.float64]
DT_S, FAILED, LEFT_OUT, STATUS = 0.05, 1, 2, 4
BAD = 8
HEAD = 7 + 2
"""Of the block's state, before x: what all estimators keep, and two inputs."""
Q, R = np.diag([1e-5, 1e-5, 4e-6, 1e-4]), [4e-4, 1e-5, 1e-3]
P0 = np.diag([0.04, 0.04, 0.01, 0.09]) + 0.005


class Robot(Model):
    """A cart that steers, seen from a post by range and bearing; its wheels tell its speed."""

    east = State(3.0, unit="m")
    north = State(2.0, unit="m")
    heading = State(0.4, unit="rad")
    speed = State(1.0, unit="m/s")
    turn = Input(unit="rad/s")
    push = Input(unit="m/s**2")
    range = Output(unit="m")
    bearing = Output(unit="rad")
    wheels = Output(unit="m/s")
    drag = Param(0.1, unit="1/s", min=0.0, max=1.0)

    def equations(self) -> dict[str, Any]:
        return {
            "east": self.speed * cos(self.heading),
            "north": self.speed * sin(self.heading),
            "heading": self.turn,
            "speed": self.push - self.drag * self.speed,
        }

    def outputs(self) -> dict[str, Any]:
        distance = sqrt(self.east * self.east + self.north * self.north)
        return {"range": distance, "bearing": atan2(self.north, self.east), "wheels": self.speed + 0.01 * self.push}


class Square(Model):
    """Its output has curvature alone."""

    level = State(0.0)
    squared = Output()

    def equations(self) -> dict[str, Any]:
        return {"level": 0.0}

    def outputs(self) -> dict[str, Any]:
        return {"squared": self.level * self.level}


class Oscillator(Model):
    """A linear one."""

    x = State(1.0)
    v = State(0.0)
    force = Input()
    place = Output()

    def equations(self) -> dict[str, Any]:
        return {"x": self.v, "v": self.force - 4.0 * self.x - 0.2 * self.v}

    def outputs(self) -> dict[str, Any]:
        return {"place": self.x + 0.5 * self.v}


@pytest.fixture(scope="module")
def robot() -> CompiledModel:
    return compile_model(Robot, "rk4")


def filter_of(alone: Made, model: CompiledModel, **more: Any) -> Any:
    return alone("ukf", 5, 13, round(DT_S * 1e9), model=model, **{"Q": Q, "R": R, "P0": P0, **more})


def measured(model: CompiledModel, random: np.random.Generator, ticks: int) -> tuple[Matrix, Matrix, Matrix]:
    """Inputs, states and measurements of a noisy run that stays on one side of the post."""
    x = model.x0 + np.linalg.cholesky(P0) @ random.normal(size=4)
    us = np.column_stack([0.1 + 0.1 * random.normal(size=ticks), 0.1 + 0.2 * random.normal(size=ticks)])
    xs, ys = [], []
    for u in us:
        xs.append(x)
        ys.append(model.output(x, u, model.p0) + np.sqrt(R) * random.normal(size=3))
        x = model.step(x, u, model.p0, DT_S) + np.sqrt(np.diag(Q)) * random.normal(size=4)
    return us, np.array(xs), np.array(ys)


def covariance(it: Any, n: int = 4, head: int = HEAD) -> Matrix:
    """P from the triangle in the block's state."""
    S = np.zeros((n, n))
    S[np.tril_indices(n)] = it.memory()[head + n : head + n + n * (n + 1) // 2]
    return S @ S.T


def transform(images: Matrix, mean_weights: Matrix, weights: Matrix) -> tuple[Matrix, Matrix]:
    mean = mean_weights @ images
    return mean, images - mean


def dense(
    model: CompiledModel, us: Matrix, ys: Matrix, alpha: float, beta: float, kappa: float, scale: Any = None
) -> Matrix:
    """The same with full covariances and the weights of the books; NaN is a measurement left out, `scale` one on R."""
    n, p, x, P, rows = 4, model.p0, model.x0, P0, []
    spread = alpha**2 * (n + kappa)
    mean_weights = np.array([1 - n / spread, *np.full(2 * n, 0.5 / spread)])
    weights = mean_weights.copy()
    weights[0] += 1 - alpha**2 + beta
    for k, y in enumerate(ys):
        if k:
            L = math.sqrt(spread) * np.linalg.cholesky(P).T
            x, off = transform(
                np.array([model.step(i, us[k - 1], p, DT_S) for i in [x, *(x + L), *(x - L)]]), mean_weights, weights
            )
            P = off.T @ (weights[:, None] * off) + Q
        there = np.isfinite(y)
        L = math.sqrt(spread) * np.linalg.cholesky(P).T
        points = np.array([x, *(x + L), *(x - L)])
        seen, off = transform(np.array([model.output(i, us[k], p)[there] for i in points]), mean_weights, weights)
        e = y[there] - seen
        S = off.T @ (weights[:, None] * off) + np.diag(np.array(R)[there]) * (1.0 if scale is None else scale[k])
        K = (points - x).T @ (weights[:, None] * off) @ np.linalg.inv(S)
        x, P = x + K @ e, P - K @ S @ K.T
        innovation = np.zeros(3)
        innovation[there] = e
        nis = e @ np.linalg.inv(S) @ e
        likelihood = -0.5 * (len(e) * math.log(2 * math.pi) + np.linalg.slogdet(S)[1] + nis)
        rows.append([*x, *np.diag(P), *innovation, nis, likelihood])
    return np.array(rows)


OSCILLATOR = np.array([[0.0, 1.0], [-4.0, -0.2]])
SPREADS = [(1.0, 2.0, 0.0), (0.5, 2.0, 0.0), (0.1, 2.0, -1.0), (1.0, 0.0, -1.0), (1.0, 0.5, 2.0)]
"""alpha, beta, kappa; the last two take away what the mean moves."""


@pytest.mark.parametrize(("alpha", "beta", "kappa"), SPREADS)
def test_it_is_filterpys_filter_to_1e_9(
    alone: Made, robot: CompiledModel, alpha: float, beta: float, kappa: float
) -> None:
    us, _, ys = measured(robot, np.random.default_rng(1), 200)
    ours = filter_of(alone, robot, alpha=alpha, beta=beta, kappa=kappa).run(np.hstack([us, ys]))
    points = MerweScaledSigmaPoints(4, alpha, beta, kappa)
    theirs = UnscentedKalmanFilter(4, 3, DT_S, hx=None, fx=None, points=points)
    theirs.x, theirs.P, theirs.Q, theirs.R = robot.x0, P0.copy(), Q, np.diag(R)
    theirs.sigmas_f = points.sigma_points(theirs.x, theirs.P)
    for k, (y, out) in enumerate(zip(ys, ours, strict=True)):
        if k:
            theirs.predict(fx=lambda x, dt, u=us[k - 1]: robot.step(x, u, robot.p0, dt))
        theirs.update(y, hx=lambda x, u=us[k]: robot.output(x, u, robot.p0))
        nis = theirs.y @ theirs.SI @ theirs.y
        row = [*theirs.x, *np.diag(theirs.P), *theirs.y, nis, theirs.log_likelihood]
        assert np.abs(out - row).max() < 1e-9


@pytest.mark.parametrize(("alpha", "beta", "kappa"), SPREADS)
def test_it_is_the_dense_filter_to_1e_9_with_measurements_missing(
    alone: Made, robot: CompiledModel, alpha: float, beta: float, kappa: float
) -> None:
    us, _, ys = measured(robot, np.random.default_rng(2), 200)
    ys[np.random.default_rng(3).random(ys.shape) < 0.3] = np.nan
    it = filter_of(alone, robot, alpha=alpha, beta=beta, kappa=kappa)
    ours = it.run(np.hstack([us, ys]))
    assert np.abs(ours - dense(robot, us, ys, alpha, beta, kappa)).max() < 1e-9
    assert it.memory()[LEFT_OUT] == np.isnan(ys).sum()
    assert it.memory()[FAILED] == 0


def test_of_a_linear_model_it_is_the_kalman_filter(alone: Made) -> None:
    model = compile_model(Oscillator, "exact")
    A = expm(DT_S * OSCILLATOR)
    B = model.step([0, 0], [1], [], DT_S)[:, None]
    noise = {"Q": [[1e-4, 5e-5], [5e-5, 1e-3]], "R": [1e-2], "P0": np.eye(2)}
    ours = alone("ukf", 2, 7, round(DT_S * 1e9), model=model, **noise)
    linear = alone("kalman", 2, 7, round(DT_S * 1e9), A=A, B=B, C=[[1, 0.5]], x0=[1, 0], **noise)
    random = np.random.default_rng(5)
    rows = random.normal(size=(300, 2))
    rows[random.random(300) < 0.1, 1] = np.nan
    assert np.abs(ours.run(rows) - linear.run(rows)).max() < 1e-9


def test_nees_and_nis_stay_inside_their_bands(alone: Made, robot: CompiledModel, full: Callable[..., int]) -> None:
    runs, ticks = full(60, 1000), 60
    it, random, nees, nis = filter_of(alone, robot), np.random.default_rng(6), [], []
    for _ in range(runs):
        it.restart()
        us, xs, ys = measured(robot, random, ticks)
        for u, x, y in zip(us, xs, ys, strict=True):
            out = it.step([*u, *y])
            nis.append(out[-2])
            if it.k % 20 == 0:
                nees.append((x - out[:4]) @ np.linalg.solve(covariance(it), x - out[:4]))
    low, high = chi2.ppf([1e-4, 1 - 1e-4], 3 * len(nis)) / len(nis)
    print(f"NEES {np.mean(nees):.4f} of 4, NIS {np.mean(nis):.4f} of 3, {runs} runs")
    assert 0.97 * low < np.mean(nis) < 1.03 * high
    low, high = chi2.ppf([1e-4, 1 - 1e-4], 4 * len(nees)) / len(nees)
    assert 0.95 * low < np.mean(nees) < 1.05 * high
    assert it.memory()[FAILED] == 0


def test_a_long_run_neither_diverges_nor_loses_rank(alone: Made, full: Callable[..., int]) -> None:
    """Constant inputs: it ends where the Riccati equation does."""
    model = compile_model(Oscillator, "euler")
    Q2, R2 = np.diag([1e-6, 1e-4]), [1e-2]
    it = alone("ukf", 2, 7, round(DT_S * 1e9), model=model, Q=Q2, R=R2, P0=np.eye(2))
    ticks = full(400_000, 10**7)
    it.step([1.0, 0.25])
    for _ in range(10):
        it.state.run(ticks // 10)
        P = covariance(it, 2, 8)
        assert np.linalg.eigvalsh(P).min() > 0
    A, C, riccati = np.eye(2) + DT_S * OSCILLATOR, np.array([[1.0, 0.5]]), np.eye(2)
    for _ in range(3000):
        M = A @ riccati @ A.T + Q2
        riccati = M - M @ C.T @ C @ M / (C @ M @ C.T + R2)
    assert np.allclose(P, riccati, rtol=1e-9, atol=0)
    assert np.allclose(it.memory()[8:10], [0.25, 0.0], atol=1e-9)
    assert it.memory()[FAILED] == 0


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, 1e200])
def test_what_is_not_finite_never_reaches_the_state(alone: Made, robot: CompiledModel, wrong: float) -> None:
    it = filter_of(alone, robot)
    fine = [0.1, 0.0, 3.6, 0.59, 1.0]
    for i in range(5):
        assert np.isfinite(it.step([wrong if j == i else v for j, v in enumerate(fine)])).all()
        assert np.isfinite(it.memory()).all()
        assert [b & BAD for b in it.statuses()[8:11]] == [
            BAD if i == 2 + j else it.statuses()[0] & BAD for j in range(3)
        ]
    assert np.isfinite(it.step([wrong] * 5)).all()
    assert it.memory()[LEFT_OUT] == 6
    it.run([fine] * 3)
    assert not any(it.statuses())


@pytest.mark.parametrize("inflation", [0.0, 9.0])
def test_a_stale_measurement_counts_less_or_not_at_all(alone: Made, robot: CompiledModel, inflation: float) -> None:
    us, _, ys = measured(robot, np.random.default_rng(7), 100)
    us[1::2], ys[1::2] = us[::2], ys[::2]
    it = filter_of(alone, robot, stale_inflation=inflation, max_age_ns=round(DT_S * 5e8))
    ours = np.array([it.hold() if k % 2 else it.step([*us[k], *ys[k]]) for k in range(100)])
    if not inflation:
        ys[1::2] = np.nan
    assert np.abs(ours - dense(robot, us, ys, 1, 2, 0, np.where(np.arange(100) % 2, inflation, 1.0))).max() < 1e-9
    assert it.memory()[LEFT_OUT] == (0 if inflation else 150)


def test_a_singular_innovation_leaves_the_state_alone(alone: Made, robot: CompiledModel) -> None:
    it = filter_of(alone, robot, R=[0, 0, 0], Q=np.zeros((4, 4)), P0=np.zeros((4, 4)))
    unchanged(it, [0.0, 0.0, 3.6, 0.6, 1.0])


def test_a_covariance_that_the_weights_make_negative_leaves_the_state_alone(alone: Made) -> None:
    """kappa = -0.5: the centre's weight is -1, and of a square the whole variance is that of the mean's shift."""
    it = alone("ukf", 1, 5, model=compile_model(Square, "euler"), Q=[0], R=[1e-3], P0=[1], beta=0, kappa=-0.5)
    unchanged(it, [0.5])
    safe = alone("ukf", 1, 5, model=compile_model(Square, "euler"), Q=[0], R=[1e-3], P0=[1])
    assert abs(safe.step([0.5])[2] - (0.5 - 1.0)) < 1e-12
    assert safe.memory()[FAILED] == 0


def unchanged(it: Any, row: list[float]) -> None:
    """A sample that is refused."""
    before = it.memory()
    out = it.step(row)
    after = it.memory()
    assert after[FAILED] == 1
    assert (np.delete(after, [FAILED, STATUS]) == np.delete(before, [FAILED, STATUS])).all()
    assert all(bits & BAD for bits in it.statuses())
    assert np.isfinite(out).all()
