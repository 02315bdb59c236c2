"""`hil fit` on a recording of a real box, which is not part of HIL: HIL_DATA_DIR names the folder with
incubator/calibration_2023-05.csv (columns time in ns, t1, t2 in the box, t3 in the room, heater_on).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hil.identify import fit

RIG = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HIL_DATA_DIR", RIG.parents[2] / "shared" / "data"))
RECORDING = DATA / "incubator" / "calibration_2023-05.csv"


def test_the_fit_is_better_than_the_published_one_and_knows_what_it_cannot_tell() -> None:
    if not RECORDING.exists():
        pytest.skip(f"no recording at {RECORDING}: set HIL_DATA_DIR to the folder that holds it")
    found = fit(RIG, RECORDING, starts=2)
    print(f"\nRMSE {found.rmse:.3f} K, hold-out {found.hold_out_rmse:.3f} K, {[g.names for g in found.groups]}")
    # Two-sided: the thermometers' steps alone are 0.018 K, and a model of two heat capacities cannot be that good.
    assert 0.25 < found.rmse < 0.42
    assert found.hold_out_rmse is not None
    assert found.hold_out_rmse < 0.6
    (group,) = found.groups
    assert group.names == ("C_a", "C_h", "G_h")
    assert group.rmse < 1.01 * found.rmse, "changed together they fit as well"
    loss = found.parameters["G_b"]
    assert loss.low is not None
    assert loss.high is not None
    assert loss.low < 0.57635 < loss.high, "the published value"
