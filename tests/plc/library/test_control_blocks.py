"""PID, RAMP, INTEGRAL, DERIVATIVE and HYSTERESIS against their equations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from st_blocks import Block

from hil.plc import CompiledProgram


@pytest.fixture
def pid(program: CompiledProgram) -> Block:
    return Block(program, "PID")


def test_proportional_action_is_gain_times_error(pid: Block) -> None:
    pid.call(0, SP=3.0, PV=1.0, KP=4.0)
    assert (pid["XOUT"], pid["ERR"], pid["LIM"]) == (8.0, 2.0, False)
    pid.call(10, PV=5.0)
    assert (pid["XOUT"], pid["LIM"]) == (0.0, True)


def test_integral_action_repeats_the_proportional_one_once_in_tr(pid: Block) -> None:
    for k in range(101):
        pid.call(100 * k, SP=1.0, PV=0.0, KP=2.0, TR=10.0)
    assert pid["XOUT"] == pytest.approx(2.0 + 2.0, rel=1e-6)


def test_derivative_acts_against_a_rising_process_value(pid: Block) -> None:
    for k in range(200):
        pid.call(10 * k, SP=0.0, PV=0.5 * k * 0.01, KP=1.0, TD=2.0, MN=-100.0)
    ramp = 0.5 * 199 * 0.01
    assert pid["XOUT"] == pytest.approx(-ramp - 2.0 * 0.5, rel=1e-3)
    pid.call(2000, SP=10.0)
    assert pid["XOUT"] - 10 > -3, "a step of the set point gives no derivative"


def test_by_hand_the_output_is_x0_and_the_change_to_automatic_makes_no_step(pid: Block) -> None:
    for k in range(10):
        pid.call(100 * k, AUTO=False, X0=37.5, SP=20.0, PV=17.0 + 0.1 * k, KP=3.0, TR=5.0, TD=1.0)
        assert pid["XOUT"] == pytest.approx(37.5, abs=1e-5)
    pid.call(1000, AUTO=True, PV=18.0)
    moved = -3.0 * 0.1 + 3.0 * 2.0 * 0.1 / 5.0  # P follows PV, I its error; D has settled
    assert pid["XOUT"] == pytest.approx(37.5 + moved, abs=0.02)


def test_change_to_automatic_without_time_passing_keeps_the_output_exactly(pid: Block) -> None:
    pid.call(0, AUTO=False, X0=61.0, SP=20.0, PV=17.0, KP=3.0, TR=5.0)
    pid.call(0, AUTO=True)
    assert pid["XOUT"] == 61.0
    pid.call(0, AUTO=False, X0=250.0)
    assert (pid["XOUT"], pid["LIM"]) == (100.0, True)


@pytest.mark.parametrize("gain", [2.0, -2.0])
def test_integral_does_not_wind_up_at_a_limit(gain: float, pid: Block) -> None:
    sign = math.copysign(1, gain)
    for k in range(1000):
        pid.call(100 * k, SP=30.0 * sign, PV=0.0, KP=gain, TR=1.0)
    assert pid["XOUT"] == 100.0
    assert pid["integral"] <= 100.0
    pid.call(100_100, PV=31.0 * sign)
    assert pid["XOUT"] < 100.0, "leaves the limit in the first call with the error turned"
    assert not pid["LIM"]


def test_closed_loop_settles_on_the_set_point_as_the_equation_in_numpy_does(pid: Block) -> None:
    """A lag of 5 s with gain 2, controlled every 50 ms; the same difference equation beside it."""
    level, shadow, integral = 0.0, 0.0, 0.0
    for k in range(2000):
        pid.call(50 * k, SP=40.0, PV=level, KP=1.5, TR=4.0)
        level += 0.05 / 5.0 * (2.0 * pid["XOUT"] - level)
        error = float(np.float32(40.0) - np.float32(shadow))
        if k:
            step = 1.5 * error * 0.05 / 4.0
            top, bottom = 100.0 - 1.5 * error, -1.5 * error
            integral = (
                min(integral + step, max(integral, top)) if step > 0 else max(integral + step, min(integral, bottom))
            )
        out = float(np.clip(1.5 * error + integral, 0.0, 100.0))
        shadow += 0.05 / 5.0 * (2.0 * out - shadow)
        assert pid["XOUT"] == pytest.approx(out, abs=1e-4)
    assert level == pytest.approx(40.0, abs=1e-3)


def test_ramp_goes_straight_from_one_value_to_the_other(program: CompiledProgram) -> None:
    ramp = Block(program, "RAMP")
    ramp.call(0, RUN=False, X0=10.0, X1=30.0, TR=4_000_000_000)
    assert (ramp["XOUT"], ramp["BUSY"]) == (10.0, False)
    for now, expected in ((100, 10.0), (1100, 15.0), (3100, 25.0), (4099, 29.995)):
        ramp.call(now, RUN=True)
        assert (ramp["XOUT"], ramp["BUSY"]) == (pytest.approx(expected, rel=1e-6), True)
    ramp.call(4100)
    assert (ramp["XOUT"], ramp["BUSY"]) == (30.0, False)
    ramp.call(9000, RUN=False)
    assert ramp["XOUT"] == 10.0
    ramp.call(9010, RUN=True, TR=0)
    assert (ramp["XOUT"], ramp["BUSY"]) == (30.0, False)


def test_integral_adds_what_flows_while_it_runs(program: CompiledProgram) -> None:
    total = Block(program, "INTEGRAL")
    total.call(1000, RUN=True, R1=True, X0=5.0, XIN=2.0)
    assert (total["XOUT"], total["Q"]) == (5.0, False)
    for k in range(1, 1001):
        total.call(1000 + 10 * k, R1=False)
    assert (total["XOUT"], total["Q"]) == (pytest.approx(25.0, rel=1e-6), True)
    total.call(12_000, RUN=False)
    total.call(12_500, RUN=True)
    assert total["XOUT"] == pytest.approx(26.0, rel=1e-6), "what passed while it held does not count"
    total.call(99_999, CYCLE=100_000_000)
    assert total["XOUT"] == pytest.approx(26.2, rel=1e-6)


def test_derivative_of_a_straight_line_is_its_slope(program: CompiledProgram) -> None:
    rate = Block(program, "DERIVATIVE")
    rate.call(0, RUN=False, XIN=7.0)
    for k in range(6):
        rate.call(20 * (k + 1), RUN=True, XIN=7.0 + 3.0 * 0.02 * (k + 1))
    assert rate["XOUT"] == pytest.approx(3.0, rel=1e-4)
    rate.call(140, RUN=False)
    assert rate["XOUT"] == 0.0


def test_hysteresis_changes_only_beyond_its_band(program: CompiledProgram) -> None:
    q = Block(program, "HYSTERESIS")
    found = []
    for value in (4.0, 5.5, 6.0, 6.01, 5.0, 4.0, 3.99, 6.0, 7.0):
        q.call(0, XIN1=value, XIN2=5.0, EPS=1.0)
        found.append(q["Q"])
    assert found == [False, False, False, True, True, True, False, False, True]
