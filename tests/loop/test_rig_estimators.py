"""Estimators of a rig file in the run: their numbers, a lost measurement, a singular innovation."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from hil import open_bench
from hil.checks import check_rig
from hil.errors import RigError
from hil.replay import replay
from hil.rig import load_rig

OBSERVER = Path(__file__).parents[1] / "firmware" / "rigs" / "observer"
HEAD = """
[rig]
name = "cart"
period_s = 0.01

[signals]
"push" = { unit = "N", limits = [-5.0, 5.0], safe = 0.5 }
"sensor.place" = { unit = "m" }

[record]
all = {}

[blocks.plant]
model = "model.py:Cart"
in = { push = "push" }
x0 = { place = 1.0 }

[blocks.sensor]
type = "gain"
gain = 1.0
in = { u = "plant.place" }
out = { y = "sensor.place" }

[blocks.feedback]
type = "weighted_sum"
in = { u = ["linear.x.place", "linear.x.speed"] }
out = { y = "push" }
weights = [-2.0, -2.0]

[blocks.linear]
type = "kalman"
states = ["place", "speed"]
in = { u = ["push"], y = ["sensor.place"] }
A = [[1.0, 0.009990006663335001], [0.0, 0.9980019986673331]]
B = [[4.996668332500294e-05], [0.009990006663335001]]
C = [[1.0, 0.0]]
"""
COVARIANCES = """
Q = [1e-9, 1e-6]
R = [1e-6]
P0 = [1.0, 1.0]
"""
EKF = """
[blocks.observer]
type = "ekf"
model = "MODEL"
in = { push = "push", place = "sensor.place" }
"""
MODEL = """
from hil.models import Input, Model, Param, State

class Cart(Model):
    place = State(0.0, unit="m", output=True)
    speed = State(0.0, unit="m/s", output=True)
    push = Input(unit="N")
    R = Param(0.2, unit="1/s", min=0.0, max=9.0)
    def equations(self):
        return {"place": self.speed, "speed": self.push - self.R * self.speed}
"""
SOURCE = """
static const struct hil_model_name x[] = {{"place", "m", "", 0, -1e9, 1e9}, {"speed", "m/s", "", 0, -1e9, 1e9}};
static const struct hil_model_name u[] = {{"push", "N", "", 0, 0, 0}};
static const struct hil_model_name y[] = {{"place", "m", "", 0, 0, 0}};
static const struct hil_model_name p[] = {{"R", "1/s", "", 0.2, 0.0, 9.0}};

static void ode(const double *x, const double *u, const double *p, double *dx)
{
    dx[0] = x[1];
    dx[1] = u[0] - p[0] * x[1];
}

static void step(double *x, const double *u, const double *p, double dt_s, uint32_t substeps)
{
    double dx[2], h = dt_s / substeps;
    for (uint32_t i = 0; i < substeps; i++) {
        ode(x, u, p, dx);
        x[0] += h * dx[0] + h * h / 2 * dx[1];
        x[1] += h * dx[1] - h * h / 2 * p[0] * dx[1];
    }
}

static void output(const double *x, const double *u, const double *p, double *y)
{
    y[0] = x[0];
}

static void jacobian(const double *x, const double *u, const double *p, double *a, double *b, double *c, double *d)
{
    a[0] = 0, a[1] = 0, a[2] = 1, a[3] = -p[0];
    b[0] = 0, b[1] = 1;
    c[0] = 1, c[1] = 0;
    d[0] = 0;
}

const struct hil_model hil_model_v1 = {
    HIL_MODEL_ABI, 2, 1, 1, 1, 0, HIL_MODEL_HASH, "Cart", "rk4", x, u, y, p, step, ode, output, jacobian,
};
"""


def write(folder: Path, text: str) -> Path:
    (folder / "rig.toml").write_text(text, encoding="utf-8")
    (folder / "model.py").write_text(MODEL, encoding="utf-8")
    (folder / "cart.c").write_text(SOURCE, encoding="utf-8")
    return folder


@pytest.fixture
def cart(tmp_path: Path) -> Path:
    """A cart that a Kalman filter's estimates bring home, with an ekf of its model beside it."""
    return write(tmp_path, HEAD + COVARIANCES + EKF.replace("MODEL", "model.py:Cart") + COVARIANCES)


def far(bench: object, a: str, b: str) -> float:
    one, other = (np.asarray(bench.history(name)) for name in (a, b))  # type: ignore[attr-defined]
    return float(np.abs(one - other).max())


SIGNALS = [
    *(f"{group}.{state}" for group in ("x", "variance") for state in ("place", "speed")),
    "nis",
    "log_likelihood",
]


def test_a_filter_of_matrices_and_one_of_their_model_agree_in_every_signal(cart: Path) -> None:
    with open_bench(cart) as bench:
        bench.run(10)
        for name in SIGNALS:
            size = np.abs(bench.history(f"linear.{name}")).max()
            assert far(bench, f"linear.{name}", f"observer.{name}") <= 1e-6 * max(1.0, size), name
        assert far(bench, "linear.innovation.1", "observer.innovation.place") <= 1e-6
        assert abs(bench["plant.place"]) < 1e-3, "the estimates brought the cart home"


def test_a_model_in_c_estimates_as_the_class_does(tmp_path: Path) -> None:
    in_c = EKF.replace("MODEL", "cart.c").replace("blocks.observer", "blocks.in_c") + COVARIANCES
    write(tmp_path, HEAD + COVARIANCES + EKF.replace("MODEL", "model.py:Cart") + COVARIANCES + in_c)
    assert [str(found) for found in check_rig(load_rig(tmp_path)) if found.severity == "error"] == []
    with open_bench(tmp_path) as bench:
        bench.run(5)
        for name in SIGNALS:
            size = np.abs(bench.history(f"in_c.{name}")).max()
            assert far(bench, f"in_c.{name}", f"observer.{name}") <= 1e-4 * max(1.0, size), name  # F to (h A)^2 / 2


def test_a_source_without_jacobian_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, HEAD + COVARIANCES + EKF.replace("MODEL", "cart.c") + COVARIANCES)
    (tmp_path / "cart.c").write_text(SOURCE.replace("output, jacobian,", "output, NULL,"), encoding="utf-8")
    with pytest.raises(RigError, match=r"blocks.observer.model: hil_model_v1 has no jacobian function"):
        load_rig(tmp_path)


def test_the_observers_parameter_is_not_the_plants(cart: Path) -> None:
    with open_bench(cart) as bench:
        bench.set("plant.R", 2.0, at=1.0)
        bench.run(2)
        assert bench["observer.R"] == 0.2
        assert bench.history("observer.nis")[110:].max() > 10 * bench.history("observer.nis")[50:100].max()


def test_a_lost_sensor_widens_the_estimate_and_makes_nothing_bad(cart: Path) -> None:
    with open_bench(cart) as bench:
        bench.fault("sensor.place=dropout(100%)@2s..3s")
        bench.run(4)
        variance = bench.history("observer.variance.place")
        result = bench.finish()
    assert result.passed, result.reason
    assert (np.diff(variance[202:298]) > 0).all()
    assert variance[395] < 1.01 * variance[195] < variance[300]


def test_a_singular_innovation_in_the_run_makes_gated_outputs_safe(tmp_path: Path) -> None:
    """An exact sensor of a plant without noise: a second sample of what is known already has nothing to divide by."""
    exact = "Q = [0.0, 0.0]\nR = [0.0]\nP0 = [1.0, 0.0]\n"
    write(tmp_path, HEAD + exact)
    assert [str(found) for found in check_rig(load_rig(tmp_path)) if found.severity == "error"] == []
    with open_bench(tmp_path) as bench:
        bench.run(0.05)
        push = np.asarray(bench.history("push"))
        assert bench["linear.failed"] == 4.0
        assert push[0] == pytest.approx(-2.0), "the first sample can be used"
        assert (push[1:] == 0.5).all(), "the safe value"
        assert np.isfinite(bench.history("linear.x.place")).all()


def test_a_recording_of_estimators_replays(tmp_path: Path) -> None:
    shutil.copytree(OBSERVER, tmp_path / "rig")
    with open_bench(tmp_path / "rig", record=tmp_path / "r") as bench:
        bench.run(0.5)
        bench.finish()
    assert replay(tmp_path / "r")["identical"]


def test_a_rod_is_balanced_by_what_the_filter_makes_of_its_angle() -> None:
    with open_bench(OBSERVER) as bench:
        bench.run(20)
        angle, nis = bench.history("rod.angle"), bench.history("controller.nis")[1001::10]
        speed, variance = (bench.history(f"controller.{name}")[1001::10] for name in ("speed", "speed_variance"))
        others = [bench.history(f"controller.{name}_speed")[1001::10] for name in ("kalman", "luenberger")]
        pull, joint_nis = bench["controller.pull"], bench.history("controller.ukf_nis")[1001::10]
        nees = (speed - bench.history("rod.speed")[1000:-1:10]) ** 2 / variance
    assert angle[0] > 0.29
    assert np.abs(angle[2000:]).max() < 0.04
    assert 0.9 < nis.mean() < 1.1, "R and Q describe the noise that there is"
    assert 0.8 < nees.mean() < 1.1
    assert pull == pytest.approx(9.81, abs=2.0), "0.8 is one deviation, as the rod hardly moves; it began at 6"
    assert 0.9 < joint_nis.mean() < 1.1
    for other in others:
        assert np.abs(other[100:] - speed[100:]).max() < 0.04
