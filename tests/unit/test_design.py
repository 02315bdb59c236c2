"""Designed controllers: LQR, LQI, LQG, gain schedules and PID tuning, judged by what the closed loop then does."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from hil import _core, open_bench
from hil.blocks import block_types
from hil.cli import main
from hil.design import pid
from hil.design.experiment import tune
from hil.design.linear import linearise
from hil.design.lqr import kalman_gain, lqg, lqi, lqr, scheduled_gain
from hil.design.run import design_rig
from hil.design.store import store
from hil.errors import HilError
from hil.models import compile_model
from hil.models.load import load_model
from hil.rig import load_rig
from hil.spec import BlockSpec, Spec

SERVO = Path(__file__).parent / "rigs" / "servo"
SHIPPED = Path(__file__).parents[2] / "rigs"
DT_S = 0.01
LEVELS = ("h1", "h2", "h3", "h4")


def plant(rig, name, **options):
    return linearise(load_model(f"model.py:{name}", SHIPPED / rig), **options)


@pytest.fixture(scope="module")
def motor():
    return plant("dc_motor", "DcMotor").only(["current", "speed"], ["voltage"], ["speed"])


def overshoot(y, start, end):
    return (y.max() - end) / (end - start) if end > start else (end - y.min()) / (start - end)


# ---- linear models ----


def test_motor_has_the_poles_of_its_data_sheet(motor):
    assert np.allclose(sorted(np.linalg.eigvals(motor.A).real), [-10.0, -2.0], atol=0.05)
    A, B = motor.sampled(DT_S)
    rest = np.linalg.solve(np.eye(2) - A, B)
    assert abs(rest[1, 0] - 1 / 10.01) < 1e-6


def test_tanks_rest_where_johanssons_do():
    tanks = plant("quad_tank", "QuadTank", u={"v1": 3.0, "v2": 3.0})
    level = dict(zip(tanks.states, tanks.x0, strict=True))
    assert np.allclose([level[h] for h in ("h1", "h2", "h3", "h4")], [0.1226, 0.1278, 0.0163, 0.0141], atol=1e-4)


def test_names_that_the_model_lacks_are_told(motor):
    with pytest.raises(HilError, match="no sped"):
        motor.only(["sped"])


# ---- state feedback ----


def test_lqr_has_the_margins_that_it_promises(motor):
    """Gain margin of at least a half to twice, phase margin of 60 degrees (Safonov, Athans 1977), less what sampling
    takes."""
    A, B = motor.sampled(0.001)
    feedback = lqr(A, B, np.diag([0.0, 100.0]), [[0.01]])
    for gain in (0.5, 4.0):
        assert np.abs(np.linalg.eigvals(A - gain * B @ feedback.K)).max() < 1
    z = np.exp(1j * np.linspace(1e-4, np.pi, 2000))
    loop = np.array([(feedback.K @ np.linalg.solve(s * np.eye(2) - A, B))[0, 0] for s in z])
    assert np.abs(1 + loop).min() > 0.95


def test_lqr_is_the_limit_of_dynamic_programming(motor):
    A, B = motor.sampled(DT_S)
    Q, R, P = np.diag([0.1, 10.0]), np.array([[0.01]]), np.zeros((2, 2))
    for _ in range(5000):
        K = np.linalg.solve(R + B.T @ P @ B, B.T @ P @ A)
        P = Q + A.T @ P @ (A - B @ K)
    found = lqr(A, B, Q, R)
    assert np.allclose(found.K, K, rtol=1e-9)
    assert np.allclose(found.P, P, rtol=1e-9)


def test_lqg_keeps_the_poles_of_regulator_and_observer(motor):
    A, B = motor.sampled(DT_S)
    feedback = lqr(A, B, np.diag([0.1, 10.0]), [[0.01]])
    L = kalman_gain(A, motor.C, 1e-4 * np.eye(2), [[1e-3]])
    config = lqg(A, B, motor.C, feedback, L)
    inner, into, out = (np.reshape(config[k], s) for k, s in (("A", (2, 2)), ("B", (2, 1)), ("C", (1, 2))))
    whole = np.block([[A, B @ out], [into @ motor.C, inner]])
    wanted = [*np.linalg.eigvals(A - B @ feedback.K), *np.linalg.eigvals(A - L @ motor.C)]
    assert np.allclose(np.sort_complex(np.linalg.eigvals(whole)), np.sort_complex(np.array(wanted)), atol=1e-9)


def test_integral_takes_away_what_a_load_leaves():
    with open_bench(SERVO) as bench:
        bench.run(5)
        speed, volts = bench.history("lqi.speed"), bench.history("lqi.voltage")
    assert overshoot(speed[:2000], 0.0, 1.0) < 0.05
    assert 0.8 < speed[2000:].min() < 0.95, "the load pulls the speed down first"
    assert abs(speed[-1] - 1.0) < 1e-3
    assert np.abs(volts).max() < 24


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"Q": -np.eye(2)}, "positive semidefinite"),
        ({"B": np.zeros((2, 1)), "A": 1.1 * np.eye(2)}, "no solution|stays at"),
    ],
)
def test_weights_and_plants_that_allow_no_design_are_told(changed, told):
    given = {"A": np.eye(2), "B": np.ones((2, 1)), "Q": np.eye(2), "R": np.eye(1), **changed}
    with pytest.raises(HilError, match=told):
        lqr(**given)
    with pytest.raises(HilError):
        lqi(given["A"], given["B"], [[1, 2, 3]], 0.1, np.eye(3), np.eye(1))


# ---- gain schedule ----


class Schedule:
    """The block scheduled_gain alone, from `at` and four levels to two voltages."""

    def __init__(self, config):
        spec = Spec(period_ns=1_000_000_000)
        signals = [spec.signal(name) for name in ("at", *LEVELS, "v1", "v2")]
        given = [config[c.name] for c in block_types()["scheduled_gain"].config]
        spec.blocks.append(BlockSpec("k", "scheduled_gain", signals[:5], signals[5:], [], given))
        self.program = _core.Program(spec)
        self.state = _core.State(self.program)

    def __call__(self, at, levels):
        whole, start = bytearray(self.state.snapshot()), self.program.offset_value(1)
        whole[start : start + 40] = np.array([at, *levels]).tobytes()
        self.state.restore(bytes(whole))
        self.state.run(1)
        return np.array([self.state.get(self.program.offset_value(i)) for i in (6, 7)])


@pytest.fixture(scope="module")
def schedule():
    """Its configuration and the linear tanks, by the voltage of both pumps."""
    models = {volts: plant("quad_tank", "QuadTank", u={"v1": volts, "v2": volts}) for volts in (2.0, 2.75, 3.5)}
    gains = {}
    for volts, model in models.items():
        A, B = model.sampled(1.0)
        gains[volts] = lqr(A, B, np.diag([1e4, 1e4, 0, 0]), 0.1 * np.eye(2)).K
    centre = {volts: model.x0 for volts, model in models.items()}
    bias = {volts: model.u0 for volts, model in models.items()}
    return scheduled_gain(gains, centre, bias), models


def test_schedule_brings_the_tanks_from_one_operating_point_to_another(schedule):
    config, models = schedule
    law = Schedule(config)
    tanks = compile_model(load_model("model.py:QuadTank", SHIPPED / "quad_tank"))
    seconds = {}
    for name, control in (("schedule", lambda x: law(3.5, x)), ("pumps alone", lambda x: np.full(2, 3.5))):
        x, outside = models[2.0].x0, 0
        for k in range(1000):
            x = tanks.step(x, np.clip(control(x), 0, 10), tanks.p0, 1.0, 10)
            outside = k if np.abs(x[:2] - models[3.5].x0[:2]).max() > 0.002 else outside
        seconds[name] = outside
        assert np.abs(x - models[3.5].x0).max() < 0.002
    assert seconds["schedule"] < 0.4 * seconds["pumps alone"], seconds


def test_schedule_lies_on_straight_lines_between_its_points(schedule):
    config, _ = schedule
    law, rng = Schedule(config), np.random.default_rng(1)
    table = [np.reshape(config[name], (3, *shape)) for name, shape in (("gains", (2, 4)), ("centre", 4), ("bias", 2))
             for shape in [np.atleast_1d(shape)]]  # fmt: skip
    for at in (*rng.uniform(1.5, 4.0, 50), 2.0, 2.75, 3.5):
        x = rng.uniform(0, 0.2, 4)
        n, part = np.clip(at, 2.0, 3.5), 0.0
        first = 0 if n < 2.75 else 1
        part = (n - (2.0, 2.75)[first]) / 0.75
        K, centre, bias = ((1 - part) * t[first] + part * t[first + 1] for t in table)
        assert np.allclose(law(at, x), bias + K @ (x - centre), rtol=1e-12, atol=1e-12)
    assert np.isnan(law(np.nan, np.zeros(4))).all()
    assert np.isfinite(law(2.5, np.zeros(4))).all()


def test_schedule_needs_the_same_points_everywhere():
    with pytest.raises(HilError, match="other points"):
        scheduled_gain({0.0: [[1.0]]}, {1.0: [0.0]})


# ---- feed-forward and cascade ----


def test_feed_forward_takes_the_lag_out_of_a_cascade():
    worst = {}
    for forward in (True, False):
        with open_bench(SERVO) as bench:
            if not forward:
                bench.set("wanted_speed.amplitude", 0.0)
                bench.set("wanted_acceleration.amplitude", 0.0)
            bench.run(6)
            error = bench.history("cascade.angle") - bench.history("cascade.reference")
            worst[forward] = np.abs(error[3000:]).max()
    assert worst[True] < 0.08 * worst[False]
    assert 0.1 < worst[False] < 0.6


# ---- PID tuning ----


def test_fit_finds_a_process_with_dead_time_through_noise():
    t = np.arange(0, 60, 0.1)
    y = 3 + 2 * 0.5 * (1 - np.exp(-np.maximum(t - 4, 0) / 10)) + 0.01 * np.random.default_rng(1).normal(size=len(t))
    y[0] = 3
    found = pid.fit_fopdt(t, y, 0.5)
    assert found.gain == pytest.approx(2, rel=0.02)
    assert found.time_constant_s == pytest.approx(10, rel=0.05)
    assert found.dead_time_s == pytest.approx(4, rel=0.05)
    gains = pid.simc(found)
    assert gains.kp == pytest.approx(10 / (2 * 8), rel=0.06)
    assert gains.kp / gains.ki_per_s == pytest.approx(10, rel=0.06)


def test_relay_finds_the_ultimate_point_of_the_motor():
    """It oscillates where the loop meets the relay's describing function: imaginary part -pi hysteresis / (4 d)."""
    found = tune("dc_motor", "pi", "relay", settle_s=3, amplitude=6).found
    w = np.linspace(10, 200, 20_000)
    # A tick of the role, one of the relay, half a sample each of hold and measured mean, of switching; the gate's slew.
    delay = 0.0035 + 6 / 4800
    loop = 2 / ((1j * w) ** 2 + 12 * 1j * w + 20.02) * np.exp(-1j * w * delay)
    at = np.argmax(loop.imag > -np.pi * found["hysteresis"] / (4 * 6))
    assert found["ultimate_period_s"] == pytest.approx(2 * np.pi / w[at], rel=0.1)
    assert found["ultimate_gain"] == pytest.approx(-1 / loop[at].real, rel=0.15)


def test_step_tuned_motor_overshoots_little():
    found = tune("dc_motor", "pi", "step", settle_s=3, amplitude=2, duration_s=4)
    assert found.found["gain"] == pytest.approx(1 / 10.01, rel=0.02)
    assert found.found["misfit"] < 0.02
    with open_bench("dc_motor") as bench:
        for name, value in found.values.items():
            bench.set(f"pi.{name}", value)
        bench.run(4)
        speed = bench.history("plant.speed")
    assert overshoot(speed, 0.0, 1.0) < 0.12
    assert abs(speed[-1] - 1.0) < 0.005


def test_relay_tuned_level_comes_to_its_set_point_and_stays():
    found = tune("quad_tank", "level1", "relay", amplitude=1.0, duration_s=60)
    with open_bench("quad_tank") as bench:
        bench.run(5)
        for name, value in found.values.items():
            bench.set(f"level1.{name}", value)
        bench.set("level1.setpoint", 0.134)
        bench.run(60)
        level = bench.history("plant.h1")
    assert level.max() < 0.134 + 0.25 * 0.01
    assert np.abs(level[-10_000:] - 0.134).max() < 0.001


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("dc_motor", "py", "step", {}), "no pid block"),
        (("dc_motor", "pi", "guess", {}), "no method"),
        (("dc_motor", "pi", "step", {"rule": "tyreus_luyben"}), "no rule"),
        (("dc_motor", "pi", "relay", {"amplitude": 30.0}), "leaves the output's range"),
        (("dc_motor", "pi", "relay", {"duration_s": 0.05}), "no steady oscillation"),
    ],
)
def test_experiments_that_cannot_be_made_are_told(args, told):
    rig, loop, method, options = args
    with pytest.raises(HilError, match=told):
        tune(rig, loop, method, **options)


# ---- kept in the rig ----


def test_design_is_what_the_rigs_files_hold():
    for rig in (SERVO, Path(__file__).parents[1] / "firmware" / "rigs" / "mpc"):
        assert design_rig(rig, write=False) == []


def test_store_changes_its_keys_and_leaves_the_rest(tmp_path):
    toml = tmp_path / "rig.toml"
    toml.write_text(
        '# top\n[blocks.a]  # law\ntype = "x"\nweights = [\n  1.0, # old ]\n]\n\n# next\n[blocks.b]\nk = 1\n'
    )
    long = list(range(20))
    assert store(tmp_path, {"a": {"weights": [2.0, 3.0], "table": long}, "b": {"k": 2.5}})
    assert toml.read_text() == (
        '# top\n[blocks.a]  # law\ntype = "x"\nweights = [2.0, 3.0]\ntable = "a.csv:table"\n\n'
        "# next\n[blocks.b]\nk = 2.5\n"
    )
    assert (tmp_path / "a.csv").read_text().split() == ["table", *(f"{v:.1f}" for v in long)]
    assert store(tmp_path, {"b": {"k": 2.5}}) == []
    with pytest.raises(HilError, match=r"no table \[blocks.c\]"):
        store(tmp_path, {"c": {"k": 1}})


def test_commands_design_and_tune(rig_copy, tmp_path, capfd):
    copy = tmp_path / "servo"
    shutil.copytree(SERVO, copy, ignore=shutil.ignore_patterns("__*"))
    designed = (copy / "rig.toml").read_text()
    (copy / "rig.toml").write_text(designed.replace("weights = [-", "weights = [-1"))
    assert main(["design", str(copy), "--check"]) == 1
    assert main(["design", str(copy)]) == 0
    assert (copy / "rig.toml").read_text() == designed
    motor = str(rig_copy("dc_motor"))
    step = ["--method", "step", "--settle", "3", "--amplitude", "2", "--duration", "4", "--write"]
    assert main(["tune", motor, "pi", *step]) == 0
    assert "written: rig.toml" in capfd.readouterr().out
    assert 20 < load_rig(motor).blocks["pi"].params["kp"] < 40
    assert main(["tune", motor, "pj", "--method", "step"]) == 2
    assert "no pid block pj" in capfd.readouterr().err


def test_a_rig_without_design_is_told(rig_copy):
    with pytest.raises(HilError, match=r"design\.py: there is no such file"):
        design_rig(rig_copy("dc_motor"))
