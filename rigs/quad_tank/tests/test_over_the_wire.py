"""The same claims with the PLC in another process, behind Modbus TCP."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hil import open_bench

lockstep = pytest.mark.bench_options(time="lockstep", bind={"plc": "pil"})
realtime = pytest.mark.bench_options(time="real", bind={"plc": "pil"})


@lockstep
def test_the_emulated_plc_gives_the_same_levels_bit_by_bit(bench: Any) -> None:
    fault = "sensor.h1=stuck@1s..2s"
    bench.fault(fault)
    bench.run(3)
    with open_bench("quad_tank", faults=[fault]) as simulated:
        simulated.run(3)
        for name in ("plant.h1", "plant.h2", "plant.h3", "plant.h4", "pump.v1", "pump.v2", "plc.error_h1"):
            assert np.array_equal(bench.history(name), simulated.history(name)), name


@lockstep
def test_a_high_level_trips_over_the_wire(bench: Any) -> None:
    bench.fault("sensor.h1=bias(0.07)@1s..2s")
    bench.run(3)
    assert bench["plc.alarm_h1"] == 1.0
    assert bench["pump.v1"] == 0.0


@realtime
@pytest.mark.realtime
def test_levels_stay_where_they_are_in_real_time(bench: Any) -> None:
    bench.run(4)
    assert bench["plc.running"] == 1.0
    assert bench["plant.h1"] == pytest.approx(0.1235, abs=1e-3)
    assert bench["plant.h2"] == pytest.approx(0.128, abs=1e-3)
    assert bench.status("pump.v1") == 0
