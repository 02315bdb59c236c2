"""Instruments do not disturb the loop: ticks that are missed with them and without them, in turns, at 1 kHz."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from missed_ticks import undisturbed

import hil

pytestmark = pytest.mark.realtime
DC_MOTOR = Path("rigs/dc_motor")
IDEAL = 'in = { voltage = "controller.voltage", load'


def supplied(folder: Path) -> Path:
    """rigs/dc_motor with its supply, as its README says."""
    for name in ("model.py", "board.csv", "dc_motor.svg"):
        (folder / name).write_bytes((DC_MOTOR / name).read_bytes())
    text = (DC_MOTOR / "rig.toml").read_text(encoding="utf-8")
    assert IDEAL in text
    text = text.replace(IDEAL, IDEAL.replace("controller.voltage", "bridge.voltage"))
    (folder / "rig.toml").write_text(text + (DC_MOTOR / "supply.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def run(rig: Path, level: str, seconds: float) -> tuple[int, dict[str, Any]]:
    with hil.open_bench(rig, time="real", bind={"controller": "mil", "supply": level}) as bench:
        bench.run(seconds)
        assert bench["plant.speed"] == pytest.approx(1.0, abs=0.05)
        assert bench["supply.voltage"] == pytest.approx(24.0, abs=0.01)
    result = bench.finish()
    assert result.passed, result.reason
    return result.overruns, result.buses


def test_the_loop_misses_no_more_ticks_with_an_instrument_than_without(tmp_path: Path, full: Any) -> None:
    pairs, seconds = full(3, 6), full(1.2, 10.0)
    rig = supplied(tmp_path)

    def missed(beside: bool) -> int:
        overruns, buses = run(rig, "pil" if beside else "mil", seconds)
        assert not beside or buses["supply"]["images"] > 5 * seconds, "it was read ten times a second"
        return overruns

    undisturbed(missed, pairs, round(seconds * 1000))
