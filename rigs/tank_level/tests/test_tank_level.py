"""The level loop as physical claims, at every level: blocks, library, emulated or real board."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

TICKS_PER_S = 100
STEP_S = 2.0  # the rig's own set-point step from 10 to 12 cm
MM = 1e-3


def last(bench: Any, name: str, seconds: float) -> np.ndarray:
    """The signal's newest `seconds`."""
    return bench.history(name)[-round(seconds * TICKS_PER_S) :]


def hold(bench: Any, setpoint: float) -> None:
    """Another set-point instead of the rig's step: of two events at a tick the last wins."""
    bench.set("setpoint.value", setpoint, at=STEP_S)


def test_three_volts_hold_the_level_of_torricellis_law(bench: Any) -> None:
    bench.force("pump.v", 3.0)
    bench.run(30)
    jet_m_s = 3.33e-6 * 3.0 / 0.071e-4
    assert bench["plant.h"] == pytest.approx(jet_m_s**2 / (2 * 9.81), abs=0.05 * MM)


def test_a_step_is_followed_as_the_design_says(bench: Any) -> None:
    bench.run(35)
    level = bench.history("plant.h")[round(STEP_S * TICKS_PER_S) :]
    assert np.argmax(level > 0.1 + 0.63 * 0.02) / TICKS_PER_S == pytest.approx(4.5, abs=0.3)
    assert level.max() - 0.12 == pytest.approx(0.94 * MM, abs=0.2 * MM)
    assert np.abs(level[1500:] - 0.12).max() < 1.0 * MM
    assert bench["controller.running"] == 1.0
    assert bench["controller.alarm"] == 0.0


def test_a_hole_costs_two_millimetres_and_the_pump_makes_up_for_it(bench: Any) -> None:
    hold(bench, 0.1)
    bench.run(5)
    bench.set("plant.leak", 1e-6)
    bench.run(30)
    lowest = 0.1 - last(bench, "plant.h", 30).min()
    assert 1.2 * MM < lowest < 2.2 * MM
    assert bench["pump.v"] == pytest.approx(2.986 * 8.1 / 7.1, abs=0.15)


def test_the_board_runs_twenty_times_a_second_and_answers_a_tick_later(bench: Any) -> None:
    bench.run(4)
    volts = bench.history("pump.v.raw")
    (changed,) = np.nonzero(np.diff(volts[:400]))
    assert len(changed) > 60
    assert set((changed + 1) % 5) == {1}, "inputs of a tick that is a multiple of 5, outputs one tick later"


def test_voltage_never_leaves_its_limits_or_its_rate(bench: Any) -> None:
    hold(bench, 0.18)
    bench.run(5)
    bench.set("setpoint.value", 0.05)
    bench.run(3)
    volts = bench.history("pump.v")
    assert (volts.min(), volts.max()) == (0.0, 10.0)
    assert np.abs(np.diff(volts)).max() <= 50.0 / TICKS_PER_S + 1e-9


def test_a_saturated_controller_does_not_wind_up(bench: Any) -> None:
    hold(bench, 0.16)
    bench.run(35)
    assert np.count_nonzero(bench.history("pump.v") == 10.0) > 2 * TICKS_PER_S
    assert bench.history("plant.h").max() < 0.16 + 4 * MM


def test_a_high_level_stops_the_pump_until_it_is_reset(bench: Any) -> None:
    bench.fault("sensor.h=bias(0.1)@5s..6s")
    bench.run(10)
    alarm = bench.history("controller.alarm")
    assert 5.0 <= np.argmax(alarm > 0) / TICKS_PER_S <= 5.1
    assert np.all(last(bench, "pump.v", 4.5) == 0.0), "the level is normal again, the alarm stays"
    assert bench["controller.running"] == 0.0
    bench.set("reset.value", 1.0)
    bench.run(0.2)
    bench.set("reset.value", 0.0)
    bench.run(15)
    assert bench["controller.alarm"] == 0.0
    assert bench["pump.v"] > 1.0


def test_a_broken_wire_stops_the_pump_and_it_comes_back_without_a_jump(bench: Any) -> None:
    bench.fault("sensor.h=stuck(-0.02)@5s..8s")
    bench.run(10)
    volts = bench.history("pump.v")
    assert np.all(volts[550:800] == 0.0)
    assert np.abs(np.diff(volts[800:])).max() < 0.2
    assert volts[-1] > 0.2


def test_the_run_switch_stops_the_pump(bench: Any) -> None:
    hold(bench, 0.1)
    bench.run(3)
    bench.set("run.value", 0.0)
    bench.run(0.2)
    assert bench["controller.running"] == 0.0
    assert bench["pump.v"] == 0.0
    level = bench["plant.h"]
    bench.run(5)
    empty_after_s = 28e-4 / 0.071e-4 * math.sqrt(2 * level / 9.81)
    assert bench["plant.h"] == pytest.approx(level * (1 - 5 / empty_after_s) ** 2, abs=0.01 * MM), (
        "Torricelli's parabola"
    )


def test_a_blocked_outlet_is_seen_by_the_pump(bench: Any) -> None:
    hold(bench, 0.1)
    bench.run(5)
    bench.set("plant.a", 0.0)
    bench.run(20)
    assert bench["pump.v"] < 0.5
    assert bench["plant.h"] < 0.13


def test_a_transmitter_that_is_stuck_low_makes_the_tank_spill(bench: Any) -> None:
    bench.fault("sensor.h=stuck(0.05)@5s..")
    bench.run(25)
    assert bench["plant.h"] == 0.25
    assert bench["controller.alarm"] == 0.0, "it believes its transmitter"
