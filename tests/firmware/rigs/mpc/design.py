"""The mass: an MPC that plans 10 samples of 0.1 s, and a state feedback that is stiffer away from the middle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hil.design.lqr import lqr, scheduled_gain
from hil.design.mpc import MpcProblem, condense

DT_S = 0.1
A, B = np.array([[1.0, DT_S], [0.0, 1.0]]), np.array([[DT_S**2 / 2], [DT_S]])


def design(folder: Path) -> dict[str, Any]:
    """Numbers of the blocks by name."""
    Q, R = np.diag([4.0, 0.4]), np.array([[0.1]])
    problem = MpcProblem(
        A=A, B=B, Q=Q, R=R, P=lqr(A, B, Q, R).P, horizon=10, u_lo=-2.0, u_hi=2.0, rate=0.5,
        C=[[1.0, 0.0]], y_lo=-0.9, y_hi=0.9, soft=1e3, references=True,
    )  # fmt: skip
    stiffness = {-1.0: 0.02, 0.0: 0.5, 1.0: 0.02}
    gains = {place: lqr(A, B, Q, [[weight]]).K for place, weight in stiffness.items()}
    return {"law": condense(problem).config, "gains": scheduled_gain(gains)}
