"""LQI for the second motor's speed: a millisecond's sample, 24 V at most for a step to 1 rad/s."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hil.design.linear import linearise
from hil.design.lqr import lqi
from hil.models.load import load_model

DT_S = 0.001


def design(folder: Path) -> dict[str, Any]:
    """Weights of the block `lqi`."""
    model = linearise(load_model("model.py:DcMotor", folder))
    motor = model.only(["current", "speed"], ["voltage"], ["speed"])
    A, B = motor.sampled(DT_S)
    feedback = lqi(A, B, motor.C, DT_S, np.diag([0.0, 10.0, 500.0]), [[0.01]])
    return {"lqi": feedback.row()}
