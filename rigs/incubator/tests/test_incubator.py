"""The heated box as physical claims."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

P, G_B, ROOM = 18.7, 0.57635, 22.0


def test_the_box_comes_to_rest_where_heat_and_loss_are_equal(bench: Any) -> None:
    bench.force("heater.on", 1.0)
    bench.run(10_000)
    assert bench["box.air"] == pytest.approx(ROOM + P / G_B, abs=0.05)
    assert bench["box.heater"] > bench["box.air"] + 5.0


def test_the_thermostat_holds_the_box_between_its_two_points(bench: Any) -> None:
    bench.run(9000)
    air = bench.history("box.air")[5000:]
    heater = bench.history("heater.on")[5000:]
    assert 38.5 < air.min() < 39.0
    assert 41.0 < air.max() < 43.0, "the hot heater goes on warming the box after it is off"
    assert 4 < np.count_nonzero(np.diff(heater)) < 40


def test_an_open_lid_cools_the_box_and_the_heater_stays_on(bench: Any) -> None:
    bench.run(6000)
    bench.set("box.G_b", 14.0)
    bench.run(600)
    assert bench["box.air"] < 25.0
    assert bench["heater.on"] == 1.0


def test_the_thermometer_reads_in_steps_of_a_sixteenth(bench: Any) -> None:
    bench.run(1000)
    read = bench.history("box.temperature")[3:]
    assert np.array_equal(read * 16, np.round(read * 16))
    assert np.abs(read - bench.history("box.air")[3:]).max() <= 0.5 / 16 + 1e-9
