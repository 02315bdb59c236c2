"""Records of an oscilloscope on the bench's time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from desk import until

import hil
from hil.errors import BenchError, BusError
from hil.instruments.waveform import read_waveform

pytestmark = pytest.mark.realtime
TICK_S = 0.01


def test_a_waveform_lies_on_the_benchs_time_within_its_stated_error(tmp_path: Path) -> None:
    """The signal is a ramp of 1 V/s, so every sample says when it was taken, on the clock of the emulated desk."""
    rig = scope_rig(tmp_path)
    slack_s = 2 * TICK_S + 0.005  # the desk computes in ticks, the bench reads in ticks; a count of the scope
    with hil.open_bench(rig, time="real", record=tmp_path / "r") as bench:
        bench.start()
        assert until(lambda: bench.time_s > 1.2)
        before_s = behind_s(bench)
        for attempt in range(1, 21):
            name = f"ramp_{attempt}"
            shot = bench.instrument("scope").waveform(1, name=name)
            after_s = behind_s(bench)
            if abs(after_s - before_s) < TICK_S:
                break  # else one of the two loops missed ticks meanwhile: their clocks have moved apart
            before_s = after_s
        else:
            pytest.fail("the clocks of bench and desk moved apart in each of twenty attempts")
        with pytest.raises(BenchError, match=f"there is a waveform {name} already"):
            bench.instrument("scope").waveform(1, name=name)
        bench.stop()
        entry = bench.waveforms[name]
    assert bench.finish().passed
    late = shot.time_s - shot.value
    assert abs(np.median(late) - after_s) < shot.error_s + slack_s
    assert np.ptp(late) < 0.2 * np.ptp(shot.value), "their distances are right as well"
    assert 0.0 < shot.error_s < 0.5
    times, values, metadata = read_waveform(tmp_path / f"r/waveforms/{name}.arrow")
    assert np.array_equal(values, shot.value)
    assert np.array_equal(times, shot.time_s)
    assert float(metadata["error_s"]) == shot.error_s
    assert json.loads((tmp_path / "r/manifest.json").read_text())["waveforms"][name] == entry


def test_a_trigger_of_the_scopes_own_is_waited_for(tmp_path: Path) -> None:
    with hil.open_bench(scope_rig(tmp_path), time="real") as bench:
        bench.start()
        assert until(lambda: bench.time_s > 1.0)
        scope = bench.instrument("scope")
        armed_s = bench.time_s
        scope.arm()
        shot = scope.waveform(1, wait_s=5.0)
        ended_s = bench.time_s
        bench.stop()
    assert armed_s - shot.error_s <= shot.time_s[-1] == pytest.approx(ended_s, abs=0.2)
    assert shot.time_s[0] < shot.trigger_s < shot.time_s[-1]


def test_only_an_oscilloscope_has_waveforms() -> None:
    with hil.open_bench("rigs/psu_bench", time="real") as bench:
        bench.run(0.1)
        with pytest.raises(BusError, match="scpi_meter has no waveforms"):
            bench.instrument("meter").waveform(1)
        with pytest.raises(BenchError, match="no instrument 'metre'"):
            bench.instrument("metre")
    with hil.open_bench("rigs/psu_bench") as bench, pytest.raises(BenchError, match="simulated at mil"):
        bench.instrument("meter")


def behind_s(bench: hil.Bench) -> float:
    """By how much the ramp's clock is behind the bench's (s), by a reading that comes after this call."""
    old = bench["scope.voltage"]
    bench.wait_until(f"scope.voltage > {old!r}", timeout_s=5.0)
    return bench.time_s - bench.age_s("scope.voltage") - bench["scope.voltage"]


def scope_rig(folder: Path) -> Path:
    """A scope at a ramp of 1 V/s."""
    rig = folder / "scope"
    rig.mkdir()
    (rig / "rig.toml").write_text(
        """
[rig]
name = "scope_bench"
period_s = 0.01
[signals]
"scope.voltage" = { unit = "V" }
[instruments.scope]
resource = "visa://TCPIP::192.168.1.8::5025::SOCKET"
model = "scpi_scope"
period_s = 0.05
readings = { voltage = "scope.voltage" }
[blocks.ramp]
role = "scope"
type = "ramp"
slope_per_s = 1.0
duration_s = 1000.0
out = { y = "scope.voltage" }
""",
        encoding="utf-8",
    )
    return rig
