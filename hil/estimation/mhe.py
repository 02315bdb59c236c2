"""Moving-horizon estimation: the best states of the last samples within bounds, to compare a filter with.

In every sample k the least-squares problem over the window k - N .. k is solved (C. V. Rao, J. B. Rawlings, D. Q. Mayne,
Constrained State Estimation for Nonlinear Discrete-Time Systems, IEEE Trans. Automatic Control 48, 2003):

    |(x, theta) - mean|^2_P^-1 + sum of |w(j)|^2_Q^-1 + sum of |y(j) - g(x(j), u(j), p)|^2_R^-1,   all over 2
    x(j+1) = step(x(j), u(j), p) + w(j),   low <= x, theta <= high

The arrival cost stands for what was measured before the window: `mean` is a step from the estimate that was made when
its first sample but one was the newest, P is carried along by the extended Kalman filter's steps at those estimates.
Without bounds, of a linear model, the last state is the Kalman filter's for any N. Solved by IPOPT (EPL-2.0) as it comes
with CasADi (extra `models`): milliseconds to tenths of a second a sample, not for the loop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hil.design.matrices import matrix, vector
from hil.errors import HilError
from hil.estimation.window import SOLVED, Data, Equations, Floats, Window
from hil.models import METHODS, Model, ModelInfo
from hil.nearest import did_you_mean

NEGLIGIBLE = 1e-12  # of the largest eigenvalue of Q: a direction without noise


@dataclass(frozen=True)
class Unknown:
    """A parameter to estimate, constant over a window. Both in its unit.

    Attributes:
        deviation: standard deviation of its value at the start, > 0.
        drift: of its random walk from sample to sample in the arrival cost; 0: it settles for good.
    """

    deviation: float
    drift: float = 0.0


@dataclass(frozen=True)
class Estimates:
    """What was known in each sample, from the measurements until then.

    Attributes:
        x: states, shape (rows, n_x).
        params: the unknown ones by name, shape (rows,) each.
        cost: of each window, half the sum of squares; NaN where the solver failed.
        status: IPOPT's word for each sample; where it is none of `SOLVED` the estimate is a step from the one before.
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

    Raises:
        RigError: the model cannot be used, or casadi is missing.
        HilError: an argument that cannot be, by its name.
    """
    problem = _Problem.checked(model.info(), values or {}, unknown or {}, bounds or {})
    info, names = problem.info, [v.name for v in problem.info.p]
    u, y = _columns("inputs", inputs, len(info.u)), _columns("outputs", outputs, len(info.y))
    if len(u) != len(y) or len(y) < 2:
        raise HilError(f"{len(u)} rows of inputs, {len(y)} of outputs", where="outputs", mend="Give 2 or more of each")
    _check_numbers(period_s, horizon, substeps, method)
    noise = matrix("Q", Q, rows=len(info.x), columns=len(info.x), weight=True)
    free = [names.index(name) for name in problem.unknown]
    eq = Equations(model, info, method or info.method, period_s, substeps, free)
    start = vector("x0", [v.value for v in info.x] if x0 is None else x0, len(info.x))
    return _Run(problem, eq, _held(u, info), y, noise, _variances(R, len(info.y)), P0, start).over(horizon)


def _check_numbers(period_s: float, horizon: int, substeps: int, method: str | None) -> None:
    for name, value in (("horizon", horizon), ("substeps", substeps)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise HilError(f"is {value!r}", where=name, mend="Give a whole number from 1 on")
    if not (period_s > 0 and math.isfinite(period_s)):
        raise HilError(f"is {period_s!r}", where="period_s", mend="Give a time in s")
    if method is not None and method not in METHODS:
        raise HilError(f"{method!r} is not known", where="method", mend=did_you_mean(method, METHODS))


def _columns(name: str, given: ArrayLike, n: int) -> Floats:
    found = np.asarray(given, dtype=np.float64)
    if found.ndim != 2 or found.shape[1] != n:
        raise HilError(f"has the shape {found.shape}", where=name, mend=f"Give a row a sample, {n} columns")
    return found


def _held(u: Floats, info: ModelInfo) -> Floats:
    held, last = u.copy(), np.array([v.value for v in info.u])
    for row in held:
        row[:] = last = np.where(np.isfinite(row), row, last)
    return held


def _variances(R: ArrayLike, n: int) -> Floats:
    found = vector("R", R, n)
    if not ((found > 0).all() and np.isfinite(found).all()):
        raise HilError(f"is {found.tolist()}", where="R", mend="Give the variance of each measurement, above 0")
    return found


@dataclass(frozen=True)
class _Problem:
    """The model's names as arrays: parameters, which of them are unknown, bounds of (x, theta)."""

    info: ModelInfo
    p: Floats
    unknown: Mapping[str, Unknown]
    low: Floats
    high: Floats

    @classmethod
    def checked(
        cls,
        info: ModelInfo,
        values: Mapping[str, float],
        unknown: Mapping[str, Unknown],
        bounds: Mapping[str, tuple[float, float]],
    ) -> _Problem:
        params, states = {v.name: v for v in info.p}, {v.name: v for v in info.x}
        ranges = {name: (v.min, v.max) if v.clamp else (-math.inf, math.inf) for name, v in states.items()}
        for what, given, known in (("values", values, params), ("unknown", unknown, params)):
            _check_names(what, given, known)
        for name, one in unknown.items():
            if not (one.deviation > 0 and one.drift >= 0 and math.isfinite(one.deviation + one.drift)):
                raise HilError(f"is {one}", where=f"unknown[{name}]", mend="Give deviation > 0 and drift >= 0")
            ranges[name] = (params[name].min, params[name].max)
        _check_names("bounds", bounds, ranges)
        ranges.update(bounds)
        for name, (low, high) in ranges.items():
            if not low < high:
                raise HilError(f"is {low} .. {high}", where=f"bounds[{name}]", mend="Give (low, high), low < high")
        p = vector("values", [values.get(name, v.value) for name, v in params.items()], len(params))
        sides = np.array(list(ranges.values()), dtype=np.float64).reshape(-1, 2)
        return cls(info, p, unknown, sides[:, 0], sides[:, 1])


def _check_names(what: str, given: Mapping[str, object], known: Mapping[str, object]) -> None:
    for name in given:
        if name not in known:
            raise HilError("the model has nothing of this name here", where=f"{what}[{name}]", mend=did_you_mean(name, known))


class _Run:
    """The window on its way over the rows."""

    def __init__(
        self,
        problem: _Problem,
        eq: Equations,
        u: Floats,
        y: Floats,
        Q: Floats,
        R: Floats,
        P0: ArrayLike,
        x0: Floats,
    ) -> None:
        self.problem, self.eq, self.u, self.y, self.R = problem, eq, u, y, R
        names = [v.name for v in problem.info.p]
        free = [names.index(name) for name in problem.unknown]
        self.fixed = problem.p.copy()
        self.fixed[free] = 0.0
        first = matrix("P0", P0, rows=eq.n_x, columns=eq.n_x, weight=True)
        _root("P0", first)
        self.mean = np.concatenate([x0, problem.p[free]])
        self.P = _blocks(first, [one.deviation**2 for one in problem.unknown.values()])
        self.Q = _blocks(Q, [one.drift**2 for one in problem.unknown.values()])
        self.noise = _factor(Q)

    def over(self, horizon: int) -> Estimates:
        """All rows, one after the other."""
        rows, n = len(self.y), self.eq.n_x
        steps = min(horizon, rows - 1)
        window = Window(self.eq, steps, self.noise, np.sqrt(np.diag(self.P)))
        z, cost, status = np.zeros((rows, len(self.mean))), np.full(rows, np.nan), []
        x, theta = np.tile(self.mean[:n, None], (1, steps + 1)), self.mean[n:]
        for k in range(rows):
            first, last = max(0, k - steps), min(k, steps)
            if first:
                self._arrive(first - 1, z[first - 1])
                x = np.roll(x, -1, axis=1)
            if k:
                x[:, last:] = self._ahead(k - 1, z[k - 1])[:, None]
            found, free, value, word = window.solve(
                self._data(first, last, steps), (x, theta), self.problem.low, self.problem.high
            )
            status.append(word)
            if word in SOLVED and np.isfinite(found).all():
                x, theta, cost[k] = found, free, value
            z[k] = np.clip(np.concatenate([x[:, last], theta]), self.problem.low, self.problem.high)
        params = {name: z[:, n + i] for i, name in enumerate(self.problem.unknown)}
        return Estimates(z[:, :n], params, cost, status)

    def _ahead(self, k: int, z: Floats) -> Floats:
        n = self.eq.n_x
        ahead = np.array(self.eq.step(z[:n], self.u[k], z[n:], self.fixed)).ravel()
        return ahead if np.isfinite(ahead).all() else z[:n]

    def _arrive(self, k: int, z: Floats) -> None:
        """From the arrival cost before row k to that before row k + 1, linearised at the estimate of row k."""
        n, there = self.eq.n_x, np.isfinite(self.y[k])
        F, C = (np.array(J) for J in self.eq.jacobians(z[:n], self.u[k], z[n:], self.fixed))
        F = np.vstack([F, np.eye(len(z))[n:]])
        C = C[there]
        gain = np.linalg.solve(C @ self.P @ C.T + np.diag(self.R[there]), C @ self.P).T
        rest = np.eye(len(z)) - gain @ C
        P = rest @ self.P @ rest.T + gain * self.R[there] @ gain.T
        P = F @ P @ F.T + self.Q
        self.P = (P + P.T) / 2
        self.mean = np.concatenate([self._ahead(k, z), z[n:]])

    def _data(self, first: int, last: int, steps: int) -> Data:
        rows = np.minimum(np.arange(first, first + steps + 1), first + last)
        y = self.y[rows].T
        there = np.isfinite(y) & (np.arange(steps + 1) <= last)
        weights = there / np.sqrt(self.R)[:, None]
        moves = (np.arange(steps) < last).astype(np.float64)
        root = np.linalg.inv(_root("P", self.P))
        return Data(self.u[rows].T, np.where(there, y, 0.0), weights, moves, self.fixed, self.mean, root)


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


def _root(name: str, P: Floats) -> Floats:
    try:
        return np.asarray(np.linalg.cholesky(P), dtype=np.float64)
    except np.linalg.LinAlgError:
        mend = "Give each state a variance above 0; the arrival cost needs one"
        raise HilError("is not positive definite", where=name, mend=mend) from None
