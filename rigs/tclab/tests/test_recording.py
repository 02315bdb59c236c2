"""The thermal model against a recording of a real board: its temperatures, from its heaters alone.

The recording is not part of HIL: HIL_DATA_DIR names the folder with tclab/tclab.csv (columns Time, T1, T2, Q1, Q2).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from hil import open_bench
from hil.identify import fit

RIG = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HIL_DATA_DIR", RIG.parents[2] / "shared" / "data"))
RECORDING = DATA / "tclab" / "tclab.csv"
ROOM_K = 289.35  # not recorded; found by the fit that gave the model's numbers
KELVIN = 273.15
TICKS_PER_S = 10


def rig_that_begins_at(folder: Path, t1: float, t2: float) -> Path:
    """The rig with heaters and sensors at these temperatures in degC."""
    copy = folder / "tclab"
    shutil.copytree(RIG, copy, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    model = copy / "model.py"
    text = model.read_text()
    for number, start in ((1, t1), (2, t2)):
        for part in ("heater", "sensor"):
            old = f"{part}{number} = State(294.15"
            assert old in text
            text = text.replace(old, f"{part}{number} = State({start + KELVIN:.6g}")
    model.write_text(text)
    return copy


def simulated(folder: Path, data: np.ndarray) -> dict[str, np.ndarray]:
    """T1 and T2 at the times of the recording, with its heaters."""
    ticks = np.round(data["Time"] * TICKS_PER_S).astype(int)
    changes = [0, *(np.flatnonzero(np.diff(data["Q1"]) + 1j * np.diff(data["Q2"])) + 1)]
    with open_bench(rig_that_begins_at(folder, data["T1"][0], data["T2"][0])) as bench:
        bench.set("thermal.ambient", ROOM_K)
        for row in changes:
            bench.run((ticks[row] - round(bench.time_s * TICKS_PER_S)) / TICKS_PER_S)
            bench.force("heater.q1", data["Q1"][row])
            bench.force("heater.q2", data["Q2"][row])
        bench.run((ticks[-1] + 1) / TICKS_PER_S - bench.time_s)
        return {name: bench.history(f"temperature.{name.lower()}")[ticks] for name in ("T1", "T2")}


def test_the_model_follows_a_real_board_within_half_a_kelvin(tmp_path: Path) -> None:
    if not RECORDING.exists():
        pytest.skip(f"no recording at {RECORDING}: set HIL_DATA_DIR to the folder that holds tclab/tclab.csv")
    data = np.genfromtxt(RECORDING, delimiter=",", names=True)
    assert len(data) == 2000
    model = simulated(tmp_path, data)
    rms = {name: float(np.sqrt(np.mean((model[name] - data[name]) ** 2))) for name in model}
    print(f"RMSE over {data['Time'][-1]:.0f} s in K: T1 {rms['T1']:.3f}, T2 {rms['T2']:.3f}")
    # Both ways: an error below that of the sensors would mean that the model has seen the answer.
    assert 0.2 < rms["T1"] < 0.8
    assert 0.2 < rms["T2"] < 0.8
    assert np.ptp(data["T1"]) > 20.0, "and the board did move"


def test_a_fit_to_the_recording_finds_the_models_own_numbers() -> None:
    if not RECORDING.exists():
        pytest.skip(f"no recording at {RECORDING}: set HIL_DATA_DIR to the folder that holds tclab/tclab.csv")
    found = fit(RIG, RECORDING, starts=1)
    print(f"RMSE in K: {found.rmse_by_output}, hold-out {found.hold_out_rmse:.3f}")
    assert 0.2 < found.rmse < 0.42
    assert found.hold_out_rmse is not None
    assert found.hold_out_rmse < 0.42
    assert not found.groups
    values = {name: parameter.value for name, parameter in found.parameters.items()}
    published = {"ambient": ROOM_K, "u": 5.09, "u_between": 17.2, "a1": 0.0072, "a2": 0.0037, "tau": 21.0}
    assert values == pytest.approx(published, rel=0.2)
