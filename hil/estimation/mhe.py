"""Moving-horizon estimation: the best states of the last samples within bounds, to compare a filter with.

In every sample k the least-squares problem over the window k - N .. k is solved (C. V. Rao, J. B. Rawlings,
D. Q. Mayne, Constrained State Estimation for Nonlinear Discrete-Time Systems, IEEE Trans. Automatic Control 48, 2003):

    |(x, theta) - mean|^2_P^-1 + sum of |w(j)|^2_Q^-1 + sum of |y(j) - g(x(j), u(j), p)|^2_R^-1,   all over 2
    x(j+1) = step(x(j), u(j), p) + w(j),   low <= x, theta <= high

The arrival cost stands for what was measured before the window: `mean` is a step ahead of the estimate that was made
in the sample before its first one, P is carried along by the extended Kalman filter's steps, linearised at those
estimates. Without bounds, of a linear model, the last state is the Kalman filter's for any N.

It is for comparison, not for the loop: a window takes milliseconds. Solvers are those of CasADi's wheel (extra
`models`): "sqp" is CasADi's own (LGPL-3.0-or-later); "ipopt" takes longer, and the wheel's IPOPT (EPL-2.0) loads METIS
4.0, whose licence allows commercial users no more than an evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hil.design.matrices import matrix, vector
from hil.errors import HilError
from hil.estimation.mhe_arguments import Problem, Unknown, check_choices, columns, held, variances
from hil.estimation.mhe_window import SOLVED, Data, Equations, Floats, Window
from hil.models import Model

__all__ = ["Estimates", "Unknown", "estimate"]

NEGLIGIBLE = 1e-12  # of the largest eigenvalue of Q: a direction without noise


@dataclass(frozen=True)
class Estimates:
    """What was known in each sample, from the measurements until then.

    Attributes:
        x: states, shape (rows, n_x).
        params: the unknown ones by name, shape (rows,) each.
        cost: of each window, half the sum of squares; NaN where the solver failed.
        status: the solver's word for each sample; where it is none of `SOLVED`, the estimate is a step from the last.
    """

    x: Floats
    params: dict[str, Floats]
    cost: Floats
    status: list[str]

    @property
    def failed(self) -> int:
        """Samples whose window was not solved."""
        return sum(status not in SOLVED for status in self.status)


def estimate(
    model: type[Model],
    period_s: float,
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    horizon: int,
    Q: ArrayLike,
    R: ArrayLike,
    P0: ArrayLike,
    x0: ArrayLike | None = None,
    values: Mapping[str, float] | None = None,
    unknown: Mapping[str, Unknown] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    method: str | None = None,
    substeps: int = 1,
    solver: str = "sqp",
) -> Estimates:
    """Runs over a recording. Q, R, P0 and x0 are those of the block `ekf`; so is the time of inputs and measurements.

    Args:
        model: the model class.
        period_s: between two rows.
        inputs: shape (rows, n_u); each acts from its row to the next. One that is not finite keeps its last value.
        outputs: shape (rows, n_y); NaN is a missing measurement.
        horizon: N, steps of a window, >= 1; rows - 1 or more takes all data.
        Q: covariance of a step's process noise, (n_x, n_x), positive semidefinite.
        R: variance of each measurement, (n_y,), > 0.
        P0: covariance of x0, (n_x, n_x), positive definite.
        x0: state at the first row, before its measurement; None: the model's.
        values: parameters that differ from the model's.
        unknown: parameters to estimate; they begin at `values`.
        bounds: (low, high) of states and unknown parameters. Without an entry, states with `clamp` and parameters keep
            their declared ranges.
        method: "euler" or "discrete"; everything else is integrated by Runge-Kutta 4. None: the model's.
        substeps: of a period.
        solver: "sqp" or "ipopt".

    Raises:
        RigError: the model cannot be used, or casadi is missing.
        HilError: an argument that cannot be, by its name.
    """
    problem = Problem.checked(model.info(), values or {}, unknown or {}, bounds or {})
    info, n = problem.info, len(problem.info.x)
    u, y = columns("inputs", inputs, len(info.u)), columns("outputs", outputs, len(info.y))
    if len(u) != len(y) or len(y) < 2:
        raise HilError(f"{len(u)} rows of inputs, {len(y)} of outputs", where="outputs", mend="Give 2 or more of each")
    check_choices(period_s, horizon, substeps, method, solver)
    noise, first = (matrix(name, M, rows=n, columns=n, weight=True) for name, M in (("Q", Q), ("P0", P0)))
    if np.linalg.eigvalsh(first)[0] <= 0:
        raise HilError("is not positive definite", where="P0", mend="Give each state a variance above 0")
    start = vector("x0", [v.value for v in info.x] if x0 is None else x0, n)
    eq = Equations(model, info, method or info.method, period_s, substeps, problem.free)
    run = _Run(problem, eq, _Rows(held(u, info), y, variances(R, len(info.y))), start, first, noise)
    steps = min(horizon, len(y) - 1)
    return run.over(Window(eq, steps, _factor(noise), run.scale, solver))


@dataclass(frozen=True)
class _Rows:
    """A recording: inputs (rows, n_u), measurements (rows, n_y), their variances (n_y,)."""

    u: Floats
    y: Floats
    R: Floats


class _Run:
    """The arrival cost on its way over the rows."""

    def __init__(self, problem: Problem, eq: Equations, rows: _Rows, x0: Floats, P0: Floats, Q: Floats) -> None:
        self.problem, self.eq, self.rows = problem, eq, rows
        self.fixed = problem.p.copy()
        self.fixed[problem.free] = 0.0
        self.mean = np.concatenate([x0, problem.p[problem.free]])
        self.P = _blocks(P0, [one.deviation**2 for one in problem.unknown.values()])
        self.Q = _blocks(Q, [one.drift**2 for one in problem.unknown.values()])
        self.scale = np.sqrt(np.diag(self.P))

    def over(self, window: Window) -> Estimates:
        """All rows, one after the other."""
        rows, n, steps = len(self.rows.y), self.eq.n_x, window.steps
        low, high = self.problem.low, self.problem.high
        z, cost, status = np.zeros((rows, len(self.mean))), np.full(rows, np.nan), []
        x, theta = np.tile(self.mean[:n, None], (1, steps + 1)), self.mean[n:]
        for k in range(rows):
            first, last = max(0, k - steps), min(k, steps)
            if first:
                self._arrive(first - 1, z[first - 1])
                x = np.roll(x, -1, axis=1)
            if k:
                x[:, last:] = self._ahead(k - 1, z[k - 1])[:, None]
            found = window.solve(self._data(first, last, steps), (x, theta), low, high)
            status.append(found.status)
            if found.status in SOLVED and np.isfinite(found.x).all():
                x, theta, cost[k] = found.x, found.theta, found.cost
            z[k] = np.clip(np.concatenate([x[:, last], theta]), low, high)
        params = {name: z[:, n + i] for i, name in enumerate(self.problem.unknown)}
        return Estimates(z[:, :n], params, cost, status)

    def _ahead(self, k: int, z: Floats) -> Floats:
        n = self.eq.n_x
        ahead = np.array(self.eq.step(z[:n], self.rows.u[k], z[n:], self.fixed)).ravel()
        return ahead if np.isfinite(ahead).all() else z[:n]

    def _arrive(self, k: int, z: Floats) -> None:
        """From the arrival cost of row k to that of row k + 1, linearised at the estimate of row k."""
        n, there = self.eq.n_x, np.isfinite(self.rows.y[k])
        slopes = self.eq.jacobians(z[:n], self.rows.u[k], z[n:], self.fixed)
        F = np.vstack([np.array(slopes[0]), np.eye(len(z))[n:]])
        C, R = np.array(slopes[1])[there], self.rows.R[there]
        gain = np.linalg.solve(C @ self.P @ C.T + np.diag(R), C @ self.P).T
        rest = np.eye(len(z)) - gain @ C
        P = F @ (rest @ self.P @ rest.T + gain * R @ gain.T) @ F.T + self.Q
        self.P = (P + P.T) / 2
        self.mean = np.concatenate([self._ahead(k, z), z[n:]])

    def _data(self, first: int, last: int, steps: int) -> Data:
        rows = np.minimum(np.arange(first, first + steps + 1), first + last)
        y = self.rows.y[rows].T
        there = np.isfinite(y) & (np.arange(steps + 1) <= last)
        return Data(
            inputs=self.rows.u[rows].T,
            outputs=np.where(there, y, 0.0),
            weights=there / np.sqrt(self.rows.R)[:, None],
            moves=(np.arange(steps) < last).astype(np.float64),
            fixed=self.fixed,
            mean=self.mean,
            root=_root_of_inverse(self.P, self.scale),
        )


def _blocks(first: Floats, rest: list[float]) -> Floats:
    n, m = len(first), len(rest)
    both = np.zeros((n + m, n + m))
    both[:n, :n], both[n:, n:] = first, np.diag(rest)
    return both


def _factor(Q: Floats) -> Floats:
    """G with G G' = Q and a column for each direction that has noise."""
    size, directions = np.linalg.eigh(Q)
    there = size > NEGLIGIBLE * max(size.max(initial=0.0), 1e-300)
    return np.asarray(directions[:, there] * np.sqrt(size[there]), dtype=np.float64)


def _root_of_inverse(P: Floats, scale: Floats) -> Floats:
    """M with M' M = P^-1. What is known all but exactly is taken for known to 1e-6 of the least known."""
    size, directions = np.linalg.eigh(P / np.outer(scale, scale))
    size = np.maximum(size, NEGLIGIBLE * size.max())
    return np.asarray((directions / np.sqrt(size)).T / scale, dtype=np.float64)
