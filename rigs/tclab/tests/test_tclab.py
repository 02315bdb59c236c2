"""The Temperature Control Lab under control, as physical claims, at whatever level the board is bound to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

STEP_K = 0.3223  # of the board's converter
TICKS_PER_S = 10
KELVIN = 273.15
SIGMA = 5.670374419e-8


def last(bench: Any, name: str, seconds: float) -> np.ndarray:
    """The signal's newest `seconds`."""
    return bench.history(name)[-round(seconds * TICKS_PER_S) :]


def heat(bench: Any, q1: float, q2: float) -> None:
    """Both heaters at a constant power, whatever the controllers say."""
    bench.force("heater.q1", q1)
    bench.force("heater.q2", q2)


def test_an_unheated_board_stays_at_room_temperature(bench: Any) -> None:
    heat(bench, 0.0, 0.0)
    bench.run(600)
    for name in ("temperature.t1", "temperature.t2"):
        assert last(bench, name, 590) == pytest.approx(21.0, abs=STEP_K / 2)


def test_both_temperatures_settle_at_their_setpoints(bench: Any) -> None:
    bench.run(1200)
    for heater, setpoint in ((1, 40.0), (2, 35.0)):
        settled = last(bench, f"temperature.t{heater}", 200)
        assert settled.mean() == pytest.approx(setpoint, abs=STEP_K)
        assert np.ptp(settled) < 3 * STEP_K
    assert 10.0 < last(bench, "heater.q1", 200).mean() < 60.0


def test_a_setpoint_step_is_followed_without_much_overshoot(bench: Any) -> None:
    bench.run(900)
    bench.set("control1.setpoint", 45.0)
    bench.run(600)
    t1 = last(bench, "temperature.t1", 600)
    assert t1[200 * TICKS_PER_S] > 40.0 + 0.63 * 5.0
    assert t1.max() < 45.0 + 0.3 * 5.0
    assert t1[-100 * TICKS_PER_S :].mean() == pytest.approx(45.0, abs=STEP_K)
    assert bench["control.setpoint1"] == 45.0


def test_a_heater_warms_its_own_sensor_first_and_the_other_less(bench: Any) -> None:
    heat(bench, 60.0, 0.0)
    bench.run(600)
    own, other = (bench.history(f"temperature.t{n}") - 21.0 for n in (1, 2))
    reached = [np.argmax(rise > 1.0) for rise in (own, other)]
    assert 0 < reached[0] < reached[1]
    assert own[-1] > 2.0 * other[-1] > 2.0


def test_a_sensor_goes_on_rising_when_its_heater_is_switched_off(bench: Any) -> None:
    heat(bench, 100.0, 0.0)
    bench.run(60)
    before = bench["temperature.t1"]
    heat(bench, 0.0, 0.0)
    bench.run(60)
    after = last(bench, "temperature.t1", 60)
    # The heater is ahead of the sensor by the lag times the slope, 21 s * 0.3 K/s.
    assert before + 1.5 < after.max() < before + 6.5
    assert np.argmax(after == after.max()) > 5 * TICKS_PER_S


def test_at_rest_the_heat_that_goes_in_is_the_heat_that_goes_out(bench: Any) -> None:
    heat(bench, 50.0, 70.0)
    bench.run(3000)
    heat_in = 0.0072 * 50.0 + 0.0037 * 70.0
    room = 21.0 + KELVIN
    heat_out = 0.0
    for name in ("temperature.t1", "temperature.t2"):
        hot = bench[name] + KELVIN
        heat_out += 5.09 * 1e-3 * (hot - room) + 0.9 * SIGMA * 1e-3 * (hot**4 - room**4)
    assert heat_out == pytest.approx(heat_in, rel=0.01)  # half a step of the converter in 30 K, twice


def test_a_draught_costs_power_but_not_the_temperature(bench: Any) -> None:
    bench.run(900)
    before = last(bench, "heater.q1", 100).mean()
    bench.set("thermal.u", 2 * 5.09)
    bench.run(1200)
    assert last(bench, "temperature.t1", 200).mean() == pytest.approx(40.0, abs=STEP_K)
    assert last(bench, "heater.q1", 200).mean() > before + 8.0


def test_half_the_power_limit_takes_twice_the_percentage(bench: Any) -> None:
    bench.run(900)
    before = last(bench, "heater.q1", 200).mean()
    bench.set("limit1.value", 100.0)
    bench.run(1200)
    assert last(bench, "temperature.t1", 200).mean() == pytest.approx(40.0, abs=STEP_K)
    assert last(bench, "heater.q1", 200).mean() == pytest.approx(2.0 * before, rel=0.05)


def test_a_high_temperature_switches_both_heaters_off_and_latches(bench: Any) -> None:
    bench.fault("temperature.t1=bias(15)@600s..601s")
    bench.run(602)
    assert bench["control.alarm"] == 1.0
    bench.run(100)
    assert bench["temperature.t1"] < 40.0, "it is normal again"
    assert bench["control.alarm"] == 1.0, "and the alarm still there"
    assert np.all(last(bench, "heater.q1", 98) == 0.0)
    assert np.all(last(bench, "heater.q2", 98) == 0.0)
    bench.set("alarm.reset", 1.0)
    bench.run(1)
    bench.set("alarm.reset", 0.0)
    bench.run(600)
    assert bench["control.alarm"] == 0.0
    assert last(bench, "temperature.t1", 50).mean() == pytest.approx(40.0, abs=2 * STEP_K)


def test_a_temperature_that_is_not_told_any_more_switches_both_heaters_off(bench: Any) -> None:
    bench.fault("temperature.t1=dropout(100%)@600s..640s")
    bench.run(620)
    assert bench["heater.q1"] == 0.0
    assert bench["heater.q2"] == 0.0, "the trip cannot watch heater 1 any more"
    assert bench["control.alarm"] == 0.0
    bench.run(600)
    assert bench["heater.q1"] > 0.0, "nothing latches: the temperature is back"
    assert last(bench, "temperature.t1", 50).mean() == pytest.approx(40.0, abs=2 * STEP_K)


def test_a_sensor_that_reads_low_overheats_its_heater_unseen(bench: Any) -> None:
    bench.fault("temperature.t1=bias(-5)@600s..")
    bench.run(1500)
    assert last(bench, "temperature.t1", 100).mean() == pytest.approx(40.0, abs=STEP_K)
    assert last(bench, "temperature.t1.raw", 100).mean() == pytest.approx(45.0, abs=STEP_K)
