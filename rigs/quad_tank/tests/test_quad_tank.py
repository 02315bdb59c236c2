"""The quadruple tank and its PLC, as physical claims. In virtual time, with the PLC's blocks behind its registers.

Levels at rest with 3 V on both pumps: K. H. Johansson, "The Quadruple-Tank Process" (2000), table I.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

STEADY_M = (0.1226, 0.1278, 0.0163, 0.0141)
SETPOINT_M = {"h1": 0.124, "h2": 0.128}
MM = 1e-3
TICKS_PER_S = 1000


def last(bench: Any, name: str, seconds: float) -> np.ndarray:
    """The signal's newest `seconds`."""
    return bench.history(name)[-round(seconds * TICKS_PER_S) :]


def stop_control(bench: Any, volts: float = 3.0) -> None:
    """Both pumps at a constant voltage, whatever the PLC says."""
    bench.force("pump.v1", volts)
    bench.force("pump.v2", volts)


def test_three_volts_hold_johanssons_levels(bench: Any) -> None:
    stop_control(bench)
    bench.run(600)
    for tank, level in enumerate(STEADY_M, 1):
        assert bench[f"plant.h{tank}"] == pytest.approx(level, abs=0.1 * MM)


def test_both_levels_settle_at_their_setpoints(bench: Any) -> None:
    bench.run(120)
    for tank, setpoint in SETPOINT_M.items():
        settled = last(bench, f"plant.{tank}", 20)
        assert settled.mean() == pytest.approx(setpoint, abs=0.1 * MM)
        assert np.ptp(settled) < 0.5 * MM


def test_a_setpoint_step_is_followed_without_much_overshoot(bench: Any) -> None:
    bench.run(60)
    bench.set("level1.setpoint", 0.134)
    bench.run(90)
    level = last(bench, "plant.h1", 90)
    assert level[20 * TICKS_PER_S] > 0.124 + 0.63 * 0.010
    assert level.max() < 0.134 + 0.2 * 0.010
    assert level[-TICKS_PER_S:].mean() == pytest.approx(0.134, abs=0.2 * MM)
    assert bench["plc.setpoint_h1"] == pytest.approx(0.134, abs=1e-8)


def test_a_pump_reaches_its_lower_tank_at_once_and_the_crosswise_one_late(bench: Any) -> None:
    stop_control(bench)
    bench.run(1)
    bench.force("pump.v1", 5.0)
    bench.run(5)
    own, cross = (last(bench, f"plant.h{tank}", 5) for tank in (1, 2))
    # Minimum phase: 70 % of pump 1 flows into tank 1 directly, the rest into tank 2 through tank 4.
    assert own[-1] - own[0] > 5 * (cross[-1] - cross[0]) > 0


def test_a_leak_costs_voltage_but_not_the_level(bench: Any) -> None:
    bench.run(60)
    before = last(bench, "pump.v1", 5).mean()
    bench.set("plant.leak1", 2e-6)
    bench.run(200)
    assert last(bench, "plant.h1", 10).mean() == pytest.approx(SETPOINT_M["h1"], abs=0.3 * MM)
    assert last(bench, "pump.v1", 5).mean() > before + 0.5


def test_a_transmitter_that_reads_a_centimetre_high_lowers_the_level_by_a_centimetre(bench: Any) -> None:
    bench.fault("sensor.h1=bias(1cm)@20s..")
    bench.run(200)
    assert last(bench, "plant.h1", 20).mean() == pytest.approx(SETPOINT_M["h1"] - 0.01, abs=0.2 * MM)
    assert last(bench, "plant.h2", 20).mean() == pytest.approx(SETPOINT_M["h2"], abs=0.2 * MM)


def test_a_stuck_transmitter_is_held_and_the_level_recovers_afterwards(bench: Any) -> None:
    bench.fault("sensor.h1=stuck@8s..14s")
    bench.run(100)
    sensor = bench.history("sensor.h1")
    stuck = sensor[8000:14000]
    assert np.ptp(stuck) == 0.0
    assert stuck[0] == sensor[7999]
    assert np.ptp(sensor[14000:15000]) > 0.0
    assert last(bench, "plant.h1", 10).mean() == pytest.approx(SETPOINT_M["h1"], abs=0.3 * MM)


def test_levels_hold_while_a_third_of_the_values_is_lost(bench: Any) -> None:
    bench.fault("sensor.h1=dropout(30%)")
    bench.fault("sensor.h2=dropout(30%)")
    bench.run(120)
    for tank, setpoint in SETPOINT_M.items():
        assert last(bench, f"plant.{tank}", 20).mean() == pytest.approx(setpoint, abs=0.3 * MM)


def test_a_transmitter_that_is_nearly_a_second_late_does_not_make_the_loop_swing(bench: Any) -> None:
    bench.run(60)
    bench.fault("sensor.h1=delay(0.9s)@60s..")
    bench.set("level1.setpoint", 0.134)
    bench.run(90)
    settled = last(bench, "plant.h1", 20)
    assert settled.mean() == pytest.approx(0.134, abs=0.3 * MM)
    assert np.ptp(settled) < 0.5 * MM


def test_a_high_level_stops_the_pump_of_that_tank_and_latches(bench: Any) -> None:
    bench.run(5)
    bench.fault("sensor.h1=bias(0.07)@5s..6s")
    bench.run(2)
    assert bench["plc.alarm_h1"] == 1.0
    assert bench["plc.alarm_h2"] == 0.0
    bench.run(3)
    assert bench["sensor.h1"] < 0.13, "the level is normal again"
    assert bench["plc.alarm_h1"] == 1.0, "and the alarm still there"
    assert np.all(last(bench, "pump.v1", 2) == 0.0)
    assert np.all(last(bench, "pump.v2", 2) > 1.0)


def test_an_alarm_that_is_reset_lets_the_pump_start_without_a_jump(bench: Any) -> None:
    bench.fault("sensor.h1=bias(0.07)@2s..3s")
    bench.run(4)
    bench.set("alarm1.reset", 1.0)
    bench.run(0.1)
    bench.set("alarm1.reset", 0.0)
    bench.run(200)
    assert bench["plc.alarm_h1"] == 0.0
    assert np.abs(np.diff(last(bench, "pump.v1", 200.0))).max() <= 50.0 / TICKS_PER_S + 1e-9
    assert last(bench, "plant.h1", 10).mean() == pytest.approx(SETPOINT_M["h1"], abs=0.3 * MM)


def test_a_high_level_in_an_upper_tank_stops_the_pump_that_fills_it(bench: Any) -> None:
    bench.run(1)
    bench.fault("sensor.h3=stuck(0.2)@1s..2s")
    bench.run(2)
    assert bench["plc.alarm_h2"] == 1.0
    assert bench["pump.v2"] == 0.0
    assert bench["pump.v1"] > 1.0


def test_a_lost_level_signal_stops_the_pump_until_it_is_back(bench: Any) -> None:
    bench.run(5)
    bench.fault("sensor.h1=stuck(-0.02)@5s..8s")
    bench.run(1)
    assert bench["pump.v1"] == 0.0
    bench.run(1.5)
    assert np.all(last(bench, "pump.v1", 1) == 0.0)
    bench.run(200)
    assert bench["plc.alarm_h1"] == 0.0
    assert last(bench, "plant.h1", 5).mean() == pytest.approx(SETPOINT_M["h1"], abs=0.3 * MM)


def test_a_transmitter_stuck_low_fills_the_tank_unseen(bench: Any) -> None:
    """What the PLC cannot know: above the interlock's 10 mm it believes the transmitter."""
    bench.fault("sensor.h1=stuck(0.05)@5s..")
    bench.run(300)
    assert bench["plant.h1"] > 0.19
    assert bench["plc.alarm_h1"] == 0.0
    assert bench["pump.v1"] > 9.9


def test_nothing_moves_a_pump_beyond_its_limits_or_its_rate(bench: Any) -> None:
    bench.run(1)
    bench.force("pump.v1", 25.0)
    bench.run(1)
    assert bench["pump.v1"] == 10.0
    bench.force("pump.v1", -25.0)
    bench.run(1)
    volts = bench.history("pump.v1")
    assert volts.min() >= 0.0
    assert volts.max() <= 10.0
    assert np.abs(np.diff(volts)).max() <= 50.0 / TICKS_PER_S + 1e-9


def test_the_run_switch_stops_both_pumps(bench: Any) -> None:
    bench.run(1)
    bench.set("run.value", 0.0)
    bench.run(0.5)
    assert bench["plc.running"] == 0.0
    assert (bench["pump.v1"], bench["pump.v2"]) == (0.0, 0.0)


def test_without_pumps_the_tanks_run_empty_and_no_further(bench: Any) -> None:
    stop_control(bench, 0.0)
    bench.run(600)
    for tank in range(1, 5):
        level = bench.history(f"plant.h{tank}")
        assert level.min() >= 0.0
        assert level[-1] < 1 * MM


def test_the_plc_sees_levels_in_hundredths_of_a_millimetre(bench: Any) -> None:
    bench.run(2)
    error = last(bench, "plc.error_h1", 1) / 1e-5
    assert np.allclose(error, np.round(error), atol=1e-6)
    volts = last(bench, "pump.v1", 1)[np.abs(np.diff(last(bench, "pump.v1", 1.001))) == 0.0] / 1e-3
    assert np.allclose(volts, np.round(volts), atol=1e-6)


def test_the_same_seed_gives_the_same_noise_and_another_seed_another(bench: Any) -> None:
    bench.run(1)
    deviation = bench.history("sensor.h1") - bench.history("plant.h1")
    assert 0.05 * MM < deviation[200:].std() < 0.2 * MM
    assert abs(deviation[200:].mean()) < 0.02 * MM


def test_a_weak_pump_is_made_up_for(bench: Any) -> None:
    bench.fault("pump.v1=gain(0.8)@10s..")
    bench.run(200)
    assert last(bench, "plant.h1", 10).mean() == pytest.approx(SETPOINT_M["h1"], abs=0.3 * MM)
    wanted = last(bench, "pump.v1.raw", 10)
    assert np.median(last(bench, "pump.v1", 10) / wanted) == pytest.approx(0.8)
