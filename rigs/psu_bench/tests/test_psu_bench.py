"""A converter on the bench, as physical claims: simulated in virtual time, or on emulated or real instruments.

In real time a sweep takes as long as it takes, so there only its first points are run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

SETTLED = 15  # rows of a point, from its end
SWEEP_S = 29.0
VOLTAGES, CURRENTS = (8.0, 12.0, 18.0, 24.0), (0.1, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)


def point(bench: Any, number: int, name: str) -> float:
    """Mean of a signal while a point of operation is settled."""
    rows = np.flatnonzero(bench.history("sweep.point") == number)
    return float(bench.history(name)[rows[-SETTLED:]].mean())


@pytest.fixture
def swept(bench: Any) -> Any:
    bench.run(SWEEP_S if bench.time == "virtual" else 3.4)
    return bench


def points(bench: Any) -> range:
    """Numbers of the points that were run to their end."""
    return range(28 if bench.time == "virtual" else 3)


def test_the_supply_and_the_load_do_what_they_are_told(swept: Any) -> None:
    for number in points(swept):
        assert point(swept, number, "psu.voltage") == pytest.approx(VOLTAGES[number // 7], abs=0.02)
        assert point(swept, number, "load.current") == pytest.approx(CURRENTS[number % 7], abs=0.01)


def test_the_output_falls_by_twelve_millivolts_for_each_ampere(swept: Any) -> None:
    current = np.array([point(swept, n, "load.current") for n in points(swept)])
    voltage = np.array([point(swept, n, "meter.voltage") for n in points(swept)])
    slope, start = np.polyfit(current, voltage, 1)
    assert slope == pytest.approx(-0.012, abs=0.0006)
    assert start == pytest.approx(5.0, abs=0.002)


def test_efficiency_has_its_best_near_one_ampere_and_falls_with_the_input_voltage(swept: Any) -> None:
    if swept.time != "virtual":
        assert point(swept, 2, "converter.efficiency") == pytest.approx(0.925, abs=0.01)
        return
    efficiency = np.array([point(swept, n, "converter.efficiency") for n in range(28)]).reshape(4, 7)
    assert np.all(np.argmax(efficiency, axis=1) == 2)
    assert np.all(np.diff(efficiency, axis=0) < 0.0)
    assert efficiency[1, 2] == pytest.approx(0.904, abs=0.004)
    assert efficiency[:, 0].max() < 0.84


def test_four_wires_matter(swept: Any) -> None:
    """The load's own voltage is that behind its cables: 30 mV for each ampere lower than the meter's."""
    for number in points(swept):
        drop = point(swept, number, "meter.voltage") - point(swept, number, "load.voltage")
        assert drop == pytest.approx(0.03 * point(swept, number, "load.current"), abs=0.001)


def test_a_failed_switch_trips_supply_and_load(bench: Any) -> None:
    if bench.bindings["desk"] != "mil":
        pytest.skip("a converter is broken only in simulation")
    bench.run(9.5)
    bench.set("converter.short", 1.0)
    bench.run(0.5)
    assert bench["converter.alarm"] == 1.0
    assert bench["psu.on"] == bench["load.on"] == 0.0
    bench.run(0.5)
    assert bench["meter.voltage"] < 0.1
    assert bench.history("meter.voltage").max() < 13.0


def test_a_lost_meter_switches_off(bench: Any) -> None:
    bench.run(2.0)
    bench.fault("meter.voltage=dropout(100%)")
    bench.run(1.6)
    assert bench["psu.on"] == 0.0


def test_the_supply_limits_its_current(bench: Any) -> None:
    bench.set("limit.value", 0.2)
    bench.run(3.4)
    assert bench["psu.current"] < 0.22
    assert bench["psu.voltage"] < 7.0, "it has left constant voltage"
