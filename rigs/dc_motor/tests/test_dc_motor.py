"""The speed loop as physical claims, at every level: blocks, library, emulated or real board.

All times are short, since an emulated board takes its time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

TICKS_PER_S = 1000
COUNTS_PER_REV = 20000
TIMER_HZ = 84e6
STEP_RAD = 2 * math.pi / COUNTS_PER_REV
SETPOINT_S = 0.1  # the rig's own set-point step to 1 rad/s


def run_to(bench: Any, setpoint: float, seconds: float) -> None:
    """The step of the rig's profile, to another speed (of two events at a tick the last wins); then so many seconds."""
    bench.run(SETPOINT_S)
    bench.set("pi.setpoint", setpoint)
    bench.run(seconds)


def last(bench: Any, name: str, seconds: float) -> np.ndarray:
    """The signal's newest `seconds`."""
    return bench.history(name)[-round(seconds * TICKS_PER_S) :]


def test_a_step_is_followed_as_the_design_says(bench: Any) -> None:
    bench.run(1.4)
    speed = bench.history("plant.speed")[round(SETPOINT_S * TICKS_PER_S) :]
    rise_s = (np.argmax(speed > 0.9) - np.argmax(speed > 0.1)) / TICKS_PER_S
    assert rise_s == pytest.approx(0.316, abs=0.01)
    assert speed.max() == pytest.approx(1.042, abs=0.005)
    assert np.abs(speed[900:] - 1.0).max() < 0.02
    assert bench["controller.setpoint"] == 1.0
    assert bench["controller.trip"] == 0.0


def test_speed_holds_under_a_load_step(bench: Any) -> None:
    bench.run(1.1)
    bench.set("load.value", 0.02)
    bench.run(0.9)
    loaded = last(bench, "plant.speed", 0.9)
    assert 0.85 < loaded.min() < 0.89, "a load of 20 mN m costs an eighth of the speed for a moment"
    assert np.abs(loaded[550:] - 1.0).max() < 0.02
    assert last(bench, "controller.voltage", 0.1).mean() > 11.5, "2 A more through 1 ohm, and not all of it yet"


@pytest.mark.parametrize(("start", "setpoint"), [(2**31 - 200, 0.5), (-(2**31) + 200, -0.5)])
def test_a_wrap_of_the_counter_is_no_jump(bench: Any, start: int, setpoint: float) -> None:
    bench.set("encoder.offset", start)
    run_to(bench, setpoint, 0.4)
    count = bench.history("encoder.count")
    assert np.abs(np.diff(count)).max() > 2**31, "it has wrapped"
    error = bench.history("controller.speed")[1:] - bench.history("plant.speed")[:-1]
    assert np.abs(error).max() < 0.04, "less than where the shaft begins to turn; a jump would be 1e9"
    assert np.abs(error[-100:]).max() < 0.002


def test_the_controller_sees_counter_and_timer_exactly(bench: Any) -> None:
    """The M/T method on whole numbers, from what was sent a tick before: any bit lost on the way would show."""
    bench.set("encoder.offset", 2**31 - 300)
    bench.run(0.5)
    counts = bench.history("encoder.count").astype(np.int64)
    edges = bench.history("encoder.edge").astype(np.int64)
    speed = bench.history("controller.speed")
    assert np.array_equal(counts, bench.history("encoder.count"))
    moving = [k for k in range(301, 499) if counts[k] != counts[k - 1]]
    assert len(moving) > 150
    for k in moving:
        moved, ticks = (counts[k] - counts[k - 1]) % 2**32, (edges[k] - edges[k - 1]) % 2**32
        assert speed[k + 1] == pytest.approx(moved * STEP_RAD * TIMER_HZ / ticks, rel=1e-14)


def test_at_low_speed_timing_beats_counting(bench: Any) -> None:
    run_to(bench, 0.02, 0.6)
    speed = last(bench, "plant.speed", 0.2)
    measured = np.abs(last(bench, "controller.speed", 0.2) - speed).max()
    counted = np.abs(np.diff(last(bench, "encoder.count", 0.201)) * STEP_RAD * TICKS_PER_S - speed).max()
    assert speed.mean() == pytest.approx(0.02, rel=0.1)
    assert counted > 0.2, "an edge each 16 ms: one count is fifteen times the speed"
    assert measured < 1e-2 * counted


def test_the_shaft_turns_round_without_a_wrong_speed(bench: Any) -> None:
    run_to(bench, 0.3, 0.4)
    bench.set("pi.setpoint", -0.3)
    bench.run(0.5)
    speed, measured = last(bench, "plant.speed", 0.5), last(bench, "controller.speed", 0.5)
    assert speed[-1] < -0.25
    # Between two edges only the mean speed is known, and here the shaft changes its speed by 2 rad/s in a second.
    assert np.abs(measured - speed).max() < 0.05


def test_voltage_never_leaves_its_limits_or_its_rate(bench: Any) -> None:
    run_to(bench, 5.0, 0.2)
    bench.set("pi.setpoint", -5.0)
    bench.run(0.2)
    volts = bench.history("controller.voltage")
    assert (volts.min(), volts.max()) == (-24.0, 24.0)
    assert np.abs(np.diff(volts)).max() <= 4800.0 / TICKS_PER_S + 1e-9


def test_a_saturated_controller_does_not_wind_up(bench: Any) -> None:
    run_to(bench, 5.0, 0.6)
    assert bench["controller.voltage"] == 24.0
    bench.set("pi.setpoint", 1.0)
    bench.run(0.05)
    assert bench["controller.voltage"] < 12.0


def test_a_stuck_counter_stops_the_motor_until_it_is_reset(bench: Any) -> None:
    bench.fault("encoder.count=stuck@0.5s..0.7s")
    bench.run(0.7)
    trip = bench.history("controller.trip")
    assert 0.6 < np.argmax(trip > 0) / TICKS_PER_S < 0.615, "pushed without motion for 0.1 s"
    assert bench.history("plant.speed").max() < 1.3, "it could run at 2.4 rad/s"
    assert np.all(last(bench, "controller.voltage", 0.05) == 0.0)
    bench.set("trip.reset", 1.0)
    bench.run(0.01)
    bench.set("trip.reset", 0.0)
    bench.run(0.5)
    assert bench["controller.trip"] == 0.0
    assert bench["plant.speed"] > 0.8


def test_a_broken_armature_wire_trips(bench: Any) -> None:
    run_to(bench, 0.3, 0.3)
    bench.set("plant.R", 1000.0)
    bench.run(1.0)
    assert bench["controller.trip"] == 1.0
    assert bench["controller.voltage"] == 0.0


def test_without_its_timer_the_speed_is_counted_and_still_holds(bench: Any) -> None:
    bench.fault("encoder.edge=stuck@0.5s..")
    bench.run(1.2)
    measured, speed = last(bench, "controller.speed", 0.2), last(bench, "plant.speed", 0.2)
    assert np.ptp(measured) == pytest.approx(STEP_RAD * TICKS_PER_S, rel=1e-6), "one count per sample"
    assert np.abs(speed - 1.0).max() < 0.05


def test_a_slipped_counter_disturbs_one_sample(bench: Any) -> None:
    bench.run(0.9)
    bench.set("encoder.offset", 500)
    bench.run(0.2)
    measured, speed = last(bench, "controller.speed", 0.2), last(bench, "plant.speed", 0.2)
    assert np.count_nonzero(measured > 2.0) == 1
    assert np.ptp(speed) < 0.05
