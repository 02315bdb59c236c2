"""The extended Kalman filter of compiled models: generated and in loops, against NumPy, over runs, with broken inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2

from hil.models import CompiledModel, Input, Model, Output, Param, State, compile_model
from hil.models.math import cos, sin

Made = Callable[..., Any]
Matrix = NDArray[np.float64]
DT_S, FAILED = 0.01, 1
Q, R, P0 = np.diag([1e-6, 1e-4]), [1e-4, 4e-4], np.diag([0.01, 0.04])


class Pendulum(Model):
    """A driven pendulum: its angle's sine and its speed are measured."""

    angle = State(0.3, unit="rad")
    speed = State(0.0, unit="rad/s")
    torque = Input(unit="1/s**2")
    sine = Output()
    rate = Output(unit="rad/s")
    stiffness = Param(9.0, unit="1/s**2", min=0.0, max=100.0)
    damping = Param(0.3, unit="1/s", min=0.0, max=10.0)

    def equations(self) -> dict[str, Any]:
        return {
            "angle": self.speed,
            "speed": self.torque - self.stiffness * sin(self.angle) - self.damping * self.speed,
        }

    def outputs(self) -> dict[str, Any]:
        return {"sine": sin(self.angle), "rate": self.speed * cos(0.1 * self.angle)}


@pytest.fixture(scope="module")
def pendulum() -> CompiledModel:
    return compile_model(Pendulum, "euler", ekf=True)


def filter_of(alone: Made, model: CompiledModel, **more: Any) -> Any:
    config = {"Q": Q, "R": R, "P0": P0, **more}
    return alone("ekf", 3, 8, round(DT_S * 1e9), model=model, **config)


def dense(model: CompiledModel, us: Matrix, ys: Matrix, *, order: int = 1) -> Matrix:
    """The same in NumPy, all measurements at once; F = 1 + h A, or with h^2 A^2 / 2 as well."""
    p, x, P, rows = model.p0, model.x0, P0, []
    for k, y in enumerate(ys):
        if k:
            hA = DT_S * model.jacobian(x, us[k - 1], p)[0]
            F = np.eye(2) + hA + (hA @ hA / 2 if order == 2 else 0)
            x, P = model.step(x, us[k - 1], p, DT_S), F @ P @ F.T + Q
        there = np.isfinite(y)
        C = model.jacobian(x, us[k], p)[2][there]
        e = (y - model.output(x, us[k], p))[there]
        S = C @ P @ C.T + np.diag(np.array(R)[there])
        K = P @ C.T @ np.linalg.inv(S)
        x, P = x + K @ e, P - K @ C @ P
        innovation = np.zeros(2)
        innovation[there] = e
        nis = e @ np.linalg.inv(S) @ e
        likelihood = -0.5 * (len(e) * math.log(2 * math.pi) + np.linalg.slogdet(S)[1] + nis)
        rows.append([*x, *np.diag(P), *innovation, nis, likelihood])
    return np.array(rows)


def measured(model: CompiledModel, random: np.random.Generator, ticks: int) -> tuple[Matrix, Matrix, Matrix]:
    """Inputs, states and measurements of a noisy run."""
    x = model.x0 + np.linalg.cholesky(P0) @ random.normal(size=2)
    us, xs, ys = random.normal(size=(ticks, 1)), [], []
    for u in us:
        xs.append(x)
        ys.append(model.output(x, u, model.p0) + np.sqrt(R) * random.normal(size=2))
        x = model.step(x, u, model.p0, DT_S) + np.sqrt(np.diag(Q)) * random.normal(size=2)
    return us, np.array(xs), np.array(ys)


@pytest.mark.parametrize("generated", [True, False], ids=["generated", "loops"])
def test_it_is_the_textbook_filter_to_1e_9(alone: Made, pendulum: CompiledModel, generated: bool) -> None:
    model = pendulum if generated else compile_model(Pendulum, "euler")
    assert model.generated_ekf == generated
    us, _, ys = measured(model, np.random.default_rng(1), 300)
    ys[np.random.default_rng(2).random(ys.shape) < 0.2] = np.nan
    ours = filter_of(alone, model).run(np.hstack([us, ys]))
    assert np.abs(ours - dense(model, us, ys, order=1 if generated else 2)).max() < 1e-9


@pytest.mark.parametrize("method", ["rk4", "semi_implicit", "discrete"])
def test_every_method_of_a_model_has_a_filter(alone: Made, method: str) -> None:
    model = compile_model(Pendulum, method, ekf=True)
    assert model.generated_ekf == (method != "semi_implicit")
    if method == "discrete":
        return  # the pendulum's equations are no sampled model; that it compiles is what counts
    us, xs, ys = measured(model, np.random.default_rng(3), 400)
    it = filter_of(alone, model)
    error = it.run(np.hstack([us, ys]))[100:, :2] - xs[100:]
    assert 0.001 < error[:, 0].std() < 0.03
    assert 0.005 < error[:, 1].std() < 0.05


def test_nees_and_nis_stay_inside_their_bands(alone: Made, pendulum: CompiledModel, full: Callable[..., int]) -> None:
    """A weak nonlinearity: close to what a linear filter has."""
    runs, ticks, n = full(100, 1000), 100, 2
    it, random, nees, nis = filter_of(alone, pendulum), np.random.default_rng(4), [], []
    for _ in range(runs):
        it.restart()
        us, xs, ys = measured(pendulum, random, ticks)
        for u, x, y in zip(us, xs, ys, strict=True):
            out = it.step([*u, *y])
            if it.k % 10 == 0:
                a, b, c = it.memory()[10:13]
                e = x - out[:2]
                nees.append(e @ np.linalg.solve([[a, b], [b, c]], e))
            nis.append(out[-2])
    low, high = chi2.ppf([1e-4, 1 - 1e-4], n * len(nis)) / len(nis)
    assert 0.97 * low < np.mean(nis) < 1.03 * high
    assert 1.8 < np.mean(nees) < 2.2


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, 1e200])
def test_what_is_not_finite_never_reaches_the_state(alone: Made, pendulum: CompiledModel, wrong: float) -> None:
    it = filter_of(alone, pendulum)
    for row in ([0.0, wrong, 0.1], [0.0, 0.1, wrong], [wrong, 0.1, 0.1], [wrong, wrong, wrong], [0.0, 0.1, 0.1]):
        assert np.isfinite(it.step(row)).all()
        assert np.isfinite(it.memory()).all()


def test_a_singular_innovation_leaves_the_state_alone(alone: Made, pendulum: CompiledModel) -> None:
    it = filter_of(alone, pendulum, R=[0, 0], Q=np.zeros((2, 2)), P0=np.zeros((2, 2)))
    before = it.memory()
    out = it.step([0.0, 0.3, 0.1])
    after = it.memory()
    assert after[FAILED] == 1
    assert (np.delete(after, [FAILED, 4]) == np.delete(before, [FAILED, 4])).all()
    assert all(bits & 8 for bits in it.statuses())
    assert np.isfinite(out).all()
