"""Mistakes in [instruments]: each is told with its key, before anything is opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import RIG, changed

import hil
from hil.errors import BenchError, RigError
from hil.rig import load_rig

METER = '"meter.voltage" = { unit = "V"'


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('model = "scpi_meter"', 'model = "scpi_metre"', "did you mean|scpi_meter"),
        ('readings = { voltage = "meter.voltage" }', 'readings = { volts = "meter.voltage" }', "has no reading volts"),
        ("limits = [0.0, 26.0], ", "", "commands an instrument and has no limits"),
        ('resource = "visa://TCPIP::192.168.1.7', 'resource = "tcp://192.168.1.7', "is no instrument's address"),
        ('model = "scpi_meter"', 'model = "scpi_meter"\nwatchdog_s = 2.0', "has no watchdog"),
        ('model = "scpi_meter"', 'model = "mine.toml"', "there is no such file"),
        (METER, METER.replace('"V"', '"A"'), "meter.voltage is in A, and scpi_meter has V|unit"),
        ("limits = { voltage = [0.0, 25.0] }", "limits = { protection = [0.0, 25.0] }", "not mapped"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_rig_is_told_with_its_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(RigError, match=says) as told:
        load_rig(changed(tmp_path, (old, new)))
    assert "instruments." in str(told.value) or "signals." in str(told.value)


def test_emulated_instruments_do_not_run_in_lock_step() -> None:
    with pytest.raises(BenchError, match="take no tick tokens"):
        hil.open_bench(RIG, time="lockstep", bind={"desk": "pil"})
