"""Joint estimation of states and parameters: what an augmented model is, convergence, bounds, consistency."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2

from hil.errors import RigError
from hil.models import CompiledModel, Input, Model, Output, Param, State, compile_model
from hil.models.augment import augmented
from hil.models.math import sin, sqrt

Made = Callable[..., Any]
Matrix = NDArray[np.float64]
DT_S, FAILED = 0.01, 1
HEAD = 7 + 1
"""Of the block's state, before x: what all estimators keep, and the input."""
TRUE = (7.0, 0.5)
R = [1e-4]
WALK = 1e-3
"""Deviation of the stiffness's random walk, per sample."""


class Pendulum(Model):
    """A driven pendulum of which the angle is measured."""

    damping = Param(0.3, unit="1/s", min=0.0, max=2.0, doc="of the bearing")
    stiffness = Param(9.0, unit="1/s**2", min=5.0, max=20.0)
    angle = State(0.5, unit="rad")
    speed = State(0.0, unit="rad/s")
    torque = Input(unit="1/s**2")
    seen = Output(unit="rad")

    def equations(self) -> dict[str, Any]:
        return {
            "angle": self.speed,
            "speed": self.torque - self.stiffness * sin(self.angle) - self.damping * self.speed,
        }

    def outputs(self) -> dict[str, Any]:
        return {"seen": self.angle}


class Decay(Model):
    """Without outputs of its own, linear."""

    method = "exact"
    level = State(1.0, min=0.0, max=2.0, clamp=True)
    rate = Param(0.5, min=0.0, max=1.0)

    def equations(self) -> dict[str, Any]:
        return {"level": -self.rate * self.level}


class Sampled(Decay):
    """A sampled one."""

    method = "discrete"

    def equations(self) -> dict[str, Any]:
        return {"level": self.rate * self.level}


class Tank(Model):
    """Its outflow has no value below the bottom, and no slope there."""

    level = State(0.02, unit="m", min=1e-3, max=0.5, clamp=True, output=True)
    outlet = Param(0.02, min=0.0, max=0.1)

    def equations(self) -> dict[str, Any]:
        return {"level": -self.outlet * sqrt(self.level)}


PENDULUM = augmented(Pendulum, ["stiffness", "damping"])
KINDS = ["ekf", "ukf"]


@pytest.fixture(scope="module")
def truth() -> CompiledModel:
    return compile_model(Pendulum, "rk4")


@pytest.fixture(scope="module")
def joint() -> CompiledModel:
    return compile_model(PENDULUM, "rk4", ekf=True)


def filter_of(alone: Made, kind: str, model: CompiledModel, **more: Any) -> Any:
    config = {"Q": np.diag([1e-10, 1e-8, 0, 0]), "R": R, "P0": np.diag([1e-2, 1e-2, 9.0, 0.04]), **more}
    return alone(kind, 2, 11, round(DT_S * 1e9), model=model, **config)


def measured(
    model: CompiledModel, random: np.random.Generator, ticks: int, params: Any = TRUE, start: Any = (0.5, 0.0)
) -> tuple[Matrix, Matrix]:
    """Rows of input and measurement, states: a pendulum driven by steps of torque. TRUE is stiffness, damping."""
    rows, xs, x, u = [], [], np.array(start), 0.0
    for k in range(ticks):
        xs.append(x)
        u = 6.0 * random.normal() if k % 50 == 0 else u
        rows.append([u, x[0] + 1e-2 * random.normal()])
        x = model.step(x, [u], params[::-1], DT_S) + [1e-5, 1e-4] * random.normal(size=2)
    return np.array(rows), np.array(xs)


def test_parameters_become_the_last_states_in_the_order_asked_for() -> None:
    info = PENDULUM.info()
    assert [v.name for v in info.x] == ["angle", "speed", "stiffness", "damping"]
    assert [v.name for v in augmented(Pendulum, ["damping"]).info().p] == ["stiffness"]
    assert info.p == ()
    assert [v.name for v in info.y] == ["seen"]
    stiffness, damping = info.x[2:]
    assert (stiffness.value, stiffness.min, stiffness.max, stiffness.unit, stiffness.clamp) == (
        *(9.0, 5.0, 20.0, "1/s**2"),
        True,
    )
    assert damping.doc == "of the bearing"
    assert [v.name for v in Pendulum.info().p] == ["damping", "stiffness"]


def test_they_stay_as_they_are_and_the_states_move_as_before(truth: CompiledModel, joint: CompiledModel) -> None:
    x = joint.step([0.4, 1.0, 7.0, 0.5], [2.0], [], DT_S, 10)
    assert (x[:2] == truth.step([0.4, 1.0], [2.0], [0.5, 7.0], DT_S, 10)).all()
    assert (x[2:] == [7.0, 0.5]).all()
    twice = compile_model(augmented(augmented(Pendulum, ["stiffness"]), ["damping"]), "rk4")
    assert (twice.step([0.4, 1.0, 7.0, 0.5], [2.0], [], DT_S, 10) == x).all()


def test_no_parameter_becomes_an_output_and_no_method_is_lost() -> None:
    decay, sampled = augmented(Decay, ["rate"]), augmented(Sampled, ["rate"])
    assert [v.name for v in decay.info().y] == ["level"]
    assert decay.info().x[0].clamp
    assert (decay.info().method, sampled.info().method) == ("rk4", "discrete")
    assert (compile_model(sampled).step([0.8, 0.25], [], [], DT_S) == [0.2, 0.25]).all()


@pytest.mark.parametrize(
    ("names", "text", "mend"),
    [
        (["stifness"], "'stifness' is no parameter of Pendulum", "stiffness"),
        (["angle"], "'angle' is no parameter", ""),
        (["damping", "damping"], "'damping' stands twice", "once"),
        ([], "names no parameter", "damping, stiffness"),
    ],
)
def test_a_wrong_name_is_refused_in_one_line(names: list[str], text: str, mend: str) -> None:
    with pytest.raises(RigError) as error:
        augmented(Pendulum, names)
    assert text in str(error.value)
    assert mend in str(error.value)
    assert "test_joint.py:Pendulum" in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_it_finds_the_true_parameters(alone: Made, truth: CompiledModel, joint: CompiledModel, kind: str) -> None:
    """From 9 and 0.3 to 7 and 0.5 within four of its own deviations, which have shrunk a hundredfold."""
    rows, xs = measured(truth, np.random.default_rng(1), 3000)
    it = filter_of(alone, kind, joint)
    out = it.run(rows)
    deviations = np.sqrt(out[-1, 6:8])
    assert (np.abs(out[-1, 2:4] - TRUE) < 4 * deviations).all()
    assert deviations[0] < 0.03
    assert deviations[1] < 0.01
    assert np.abs(out[1000:, 0] - xs[1000:, 0]).max() < 0.02
    assert it.memory()[FAILED] == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("true", "bound"), [(3.0, 5.0), (26.0, 20.0)])
def test_the_estimate_stays_within_its_bounds_when_the_data_pull_beyond(
    alone: Made, truth: CompiledModel, joint: CompiledModel, kind: str, true: float, bound: float
) -> None:
    rows, _ = measured(truth, np.random.default_rng(2), 1500, (true, 0.3))
    it = filter_of(alone, kind, joint, Q=np.diag([1e-10, 1e-8, WALK**2, 1e-10]))
    out = it.run(rows)
    assert ((out[:, 2] >= 5.0) & (out[:, 2] <= 20.0)).all()
    assert ((out[:, 3] >= 0.0) & (out[:, 3] <= 2.0)).all()
    assert np.mean(out[500:, 2] == bound) > 0.5
    assert (out[500:, 6] > 1e-6).all()  # held there, not certain of it
    assert it.memory()[FAILED] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_it_leaves_the_bound_when_the_data_do(
    alone: Made, truth: CompiledModel, joint: CompiledModel, kind: str
) -> None:
    """The plant's stiffness rises from below the bound to 9: a random walk of 0.02 a sample follows."""
    random = np.random.default_rng(3)
    low, xs = measured(truth, random, 1000, (3.0, 0.3))
    high, _ = measured(truth, random, 1500, (9.0, 0.3), xs[-1])
    it = filter_of(alone, kind, joint, Q=np.diag([1e-10, 1e-8, 4e-4, 1e-10]))
    assert it.run(low)[-1, 2] < 5.5
    assert abs(it.run(high)[-300:, 2].mean() - 9.0) < 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_a_clamped_state_stays_within_its_clamps_after_a_measurement(alone: Made, kind: str) -> None:
    """Below the bottom the root is not a number; the measurements say it is there."""
    model = compile_model(augmented(Tank, ["outlet"]), "rk4", ekf=kind == "ekf")
    it = alone(kind, 1, 7, 100_000_000, model=model, Q=np.diag([1e-6, 1e-8]), R=[1e-4], P0=np.diag([1e-2, 1e-4]))
    random = np.random.default_rng(4)
    out = it.run([[-0.02 + 0.01 * random.normal()] for _ in range(300)])
    assert np.isfinite(out).all()
    assert (out[:, 0] >= 1e-3).all()
    assert np.mean(out[50:, 0] == 1e-3) > 0.5
    assert ((out[:, 1] >= 0.0) & (out[:, 1] <= 0.1)).all()
    assert it.memory()[FAILED] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_its_errors_are_as_large_as_it_says(
    alone: Made, truth: CompiledModel, joint: CompiledModel, full: Callable[..., int], kind: str
) -> None:
    """NEES of all four over runs whose start and parameters are drawn from P0; NIS of what it predicts."""
    runs, ticks = full(20, 1000), 150
    start, P0 = np.array([0.5, 0.0, 9.0, 0.3]), np.diag([1e-2, 1e-2, 0.25, 1e-3])
    it, random, nees, nis = filter_of(alone, kind, joint, P0=P0), np.random.default_rng(5), [], []
    for _ in range(runs):
        it.restart()
        drawn = start + np.sqrt(np.diag(P0)) * random.normal(size=4)
        rows, xs = measured(truth, random, ticks, drawn[2:], drawn[:2])
        out = it.run(rows)
        nis += list(out[:, -2])
        e = np.array([*xs[-1], *drawn[2:]]) - out[-1, :4]
        nees.append(e @ np.linalg.solve(covariance(it, kind), e))
    print(f"{kind}: NEES {np.mean(nees):.4f} of 4, NIS {np.mean(nis):.4f} of 1, {runs} runs")
    for values, n in ((nis, 1), (nees, 4)):
        low, high = chi2.ppf([1e-4, 1 - 1e-4], n * len(values)) / len(values)
        assert 0.97 * low < np.mean(values) < 1.03 * high
    assert it.memory()[FAILED] == 0


def covariance(it: Any, kind: str) -> Matrix:
    """P from the triangle in the block's state: of P itself (ekf), or S with P = S S'."""
    L = np.zeros((4, 4))
    L[np.tril_indices(4)] = it.memory()[HEAD + 4 : HEAD + 14]
    return L @ L.T if kind == "ukf" else L + np.tril(L, -1).T
