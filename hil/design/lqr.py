"""State feedback by linear quadratic design, discrete in time: LQR, LQI, LQG and gain schedules.

B. Anderson, J. Moore, "Optimal Control: Linear Quadratic Methods", Prentice Hall 1990. Riccati equations are solved by
python-control (extra `design`). Matrices are those of one sample: x(k+1) = A x + B u, y = C x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hil.design.matrices import Matrix, matrix, vector
from hil.errors import HilError

Config = dict[str, list[float]]


@dataclass(frozen=True)
class Feedback:
    """u = -K x.

    Attributes:
        K: (m, n).
        P: cost to go x' P x, (n, n): the terminal weight of an MPC.
        poles: of the closed loop, (n,), inside the unit circle.
    """

    K: Matrix
    P: Matrix
    poles: Matrix

    def row(self, i: int = 0) -> Config:
        """For a block `weighted_sum` that gives input i."""
        return {"weights": [float(-k) for k in self.K[i]]}


def lqr(A: ArrayLike, B: ArrayLike, Q: ArrayLike, R: ArrayLike) -> Feedback:
    """The feedback that minimises the sum of x' Q x + u' R u.

    Raises:
        HilError: shapes do not fit, a weight is not positive semidefinite, the inputs cannot stabilise the plant.
    """
    A = matrix("A", A)
    B = matrix("B", B, rows=len(A))
    Q = matrix("Q", Q, rows=len(A), columns=len(A), weight=True)
    R = matrix("R", R, rows=B.shape[1], columns=B.shape[1], weight=True)
    try:
        K, P, poles = _control().dlqr(A, B, Q, R)
    except (np.linalg.LinAlgError, ValueError) as error:
        raise _no_solution(f"the Riccati equation has no solution: {error}") from None
    if not (np.abs(poles) < 1).all():
        raise _no_solution(f"a pole of the closed loop stays at {np.abs(poles).max():.4g}")
    return Feedback(np.asarray(K), np.asarray(P), np.asarray(poles))


def lqi(A: ArrayLike, B: ArrayLike, C: ArrayLike, dt_s: float, Q: ArrayLike, R: ArrayLike) -> Feedback:
    """The same with integrals of the outputs as further states: u = -K [x, integral of (y - r)].

    Args:
        A: (n, n).
        B: (n, m).
        C: (p, n), p <= m.
        dt_s: the sample time, as the block `integrator` counts it.
        Q: weight of [x, integrals], (n + p, n + p).
        R: weight of u, (m, m).
    """
    A = matrix("A", A)
    B, C = matrix("B", B, rows=len(A)), matrix("C", C, columns=len(A))
    n, p = len(A), len(C)
    larger = np.block([[A, np.zeros((n, p))], [dt_s * C, np.eye(p)]])
    return lqr(larger, np.vstack([B, np.zeros((p, B.shape[1]))]), Q, R)


def kalman_gain(A: ArrayLike, C: ArrayLike, W: ArrayLike, V: ArrayLike) -> Matrix:
    """L of the stationary predictor x(k+1) = A x + B u + L (y - C x), (n, p).

    Args:
        A: (n, n).
        C: (p, n).
        W: covariance of what disturbs the states in a sample, (n, n).
        V: covariance of the measurement noise, (p, p), positive definite.
    """
    A, C = matrix("A", A), matrix("C", C)
    dual = lqr(A.T, C.T, W, V)
    return np.asarray(dual.K.T)


def lqg(A: ArrayLike, B: ArrayLike, C: ArrayLike, feedback: Feedback, L: ArrayLike) -> Config:
    """For a block `state_space_strict` from the measurements to the inputs: predictor and feedback in one.

    Measurements and inputs are deviations from the operating point.
    """
    A = matrix("A", A)
    B, C = matrix("B", B, rows=len(A)), matrix("C", C, columns=len(A))
    L = matrix("L", L, rows=len(A), columns=len(C))
    inner = A - B @ feedback.K - L @ C
    return {"A": _rows(inner), "B": _rows(L), "C": _rows(-feedback.K)}


def scheduled_gain(
    gains: Mapping[float, ArrayLike],
    centre: Mapping[float, ArrayLike] | None = None,
    bias: Mapping[float, ArrayLike] | None = None,
) -> Config:
    """For a block `scheduled_gain`: y = bias - K (u - centre), by the value of the scheduling variable.

    Raises:
        HilError: matrices of different shapes, a point that one of the three lacks.
    """
    points = sorted(gains)
    if not points:
        raise HilError("a schedule needs a point", where="scheduled_gain")
    m, n = matrix("K", gains[points[0]]).shape
    config = {"points": [float(p) for p in points]}
    config["gains"] = [v for p in points for v in _rows(-matrix(f"K at {p}", gains[p], rows=m, columns=n))]
    for name, given, size in (("centre", centre, n), ("bias", bias, m)):
        if given is not None and set(given) != set(points):
            raise HilError(f"{name} has other points than the gains", where="scheduled_gain")
        config[name] = [] if given is None else [float(v) for p in points for v in vector(name, given[p], size)]
    return config


def _rows(m: Matrix) -> list[float]:
    return [float(v) for v in m.ravel()]


def _no_solution(text: str) -> HilError:
    mend = "Check that (A, B) is stabilisable and that Q sees every mode that is not stable"
    return HilError(text, where="lqr", mend=mend)


def _control() -> Any:
    try:
        import control
    except ModuleNotFoundError:
        raise HilError("needs python-control", where="hil.design", mend="pip install 'hil[design]'") from None
    return control
