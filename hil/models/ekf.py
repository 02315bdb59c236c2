"""The whole step of an extended Kalman filter of a model, as one function: prediction, Jacobians, update.

    x-  = step(x, u, h),  F = d step / dx,  P- = F P F' + Q
    for each output i in turn, all linearised at x-:  s = c P c' + r,  P -= (P c') (P c')' / s

A. H. Jazwinski, Stochastic Processes and Filtering Theory, 1970, theorem 8.1; one measurement after the other as in
G. J. Bierman, Factorization Methods for Discrete Sequential Estimation, 1977, section II.6.
"""

from __future__ import annotations

import math
from typing import Any

from hil.models.declare import ModelInfo
from hil.models.emit import Style, function
from hil.models.symbols import Equations, casadi

MAX_EKF_INSTRUCTIONS = 20_000
"""Above it loops over the Jacobians are used: gcc would take more than ten seconds, and the code leaves the cache."""
EKF_METHODS = ("euler", "rk4", "discrete")
"""Methods whose step has a derivative in closed form; the others take loops."""


def ekf_function(eq: Equations, info: ModelInfo, method: str) -> str | None:
    """C text of `model_ekf` (see hil/model.h), or None where loops over the Jacobians serve better."""
    if method not in EKF_METHODS:
        return None
    ca = casadi()
    n, m = len(info.x), len(info.y)
    P, Q = ca.SX.sym("P", n * (n + 1) // 2), ca.SX.sym("q", n * (n + 1) // 2)
    v, y, r, h = ca.SX.sym("v", len(info.u)), ca.SX.sym("y", m), ca.SX.sym("r", m), ca.SX.sym("h")
    ahead = _step(eq, method, h)
    F = ca.jacobian(ahead, eq.x)
    if method == "discrete":  # h = 0 asks for the update alone
        ahead, F = ca.if_else(h > 0, ahead, eq.x), ca.if_else(h > 0, ca.densify(F), ca.DM.eye(n))
    ahead = _clamped(ahead, info)
    spread = _lower(ca.mtimes(ca.mtimes(F, _full(P, n)), F.T)) + Q
    seen = ca.substitute([eq.g, ca.jacobian(eq.g, eq.x)], [eq.x, eq.u], [ahead, v])
    to = _update(ahead, spread, y - seen[0], seen[1], r)
    given = {"x": eq.x, "P": P, "u": eq.u, "v": v, "p": eq.p, "y": y, "r": r, "q": Q, "h": h}
    count = ca.Function("count", list(given.values()), ca.cse([to])).n_instructions()
    style = Style(apart=True, reciprocals=True)
    return function("model_ekf", given, {"to": to}, info.place, style=style) if count <= MAX_EKF_INSTRUCTIONS else None


def _step(eq: Equations, method: str, h: Any) -> Any:
    """One step of the model's method (hil/models/step), as an expression."""
    ca = casadi()

    def f(x: Any) -> Any:
        return ca.substitute(eq.f, eq.x, x)

    if method == "discrete":
        return eq.f
    k1 = eq.f
    if method == "euler":
        return eq.x + h * k1
    k2 = f(eq.x + 0.5 * h * k1)
    k3 = f(eq.x + 0.5 * h * k2)
    k4 = f(eq.x + h * k3)
    return eq.x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def _clamped(x: Any, info: ModelInfo) -> Any:
    ca = casadi()
    rows = []
    for i, state in enumerate(info.x):
        row = x[i]
        if state.clamp and math.isfinite(state.min):
            row = ca.if_else(row < state.min, state.min, row)
        if state.clamp and math.isfinite(state.max):
            row = ca.if_else(row > state.max, state.max, row)
        rows.append(row)
    return ca.vertcat(*rows)


def _full(packed: Any, n: int) -> Any:
    """The symmetric matrix of a lower triangle, row after row."""
    ca = casadi()
    full = ca.SX.zeros(n, n)
    for i in range(n):
        for j in range(i + 1):
            full[i, j] = full[j, i] = packed[i * (i + 1) // 2 + j]
    return full


def _lower(full: Any) -> Any:
    ca = casadi()
    return ca.densify(ca.vertcat(*(full[i, j] for i in range(full.shape[0]) for j in range(i + 1))))


def _update(ahead: Any, packed: Any, innovation: Any, C: Any, r: Any) -> Any:
    """x, P (packed), innovations, their variances and squares over variances, in one column."""
    ca = casadi()
    n, m = ahead.shape[0], innovation.shape[0]
    P, moved, variances, squares = _full(packed, n), ca.SX.zeros(n), [], []
    for i in range(m):
        c = C[i, :]
        gain = ca.mtimes(P, c.T)
        s = r[i] + ca.mtimes(c, gain)
        over = 1 / s
        rest = innovation[i] - ca.mtimes(c, moved)  # what is new beside the measurements before
        step = rest * over
        moved = moved + gain * step
        scaled = gain * over
        P = _full(ca.vertcat(*(P[a, b] - scaled[a] * gain[b] for a in range(n) for b in range(a + 1))), n)
        variances.append(s)
        squares.append(rest * step)
    return ca.densify(ca.vertcat(ahead + moved, _lower(P), innovation, *variances, *squares))
