"""Model predictive control, condensed: from matrices to the configuration of a block `mpc`.

Notation of J. Maciejowski, "Predictive Control with Constraints", Prentice Hall 2002, chapters 2 and 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hil.design.matrices import Matrix, hessian_root, matrix, vector
from hil.errors import HilError

FREE = 1e30  # a bound that is none


@dataclass(frozen=True, kw_only=True)
class MpcProblem:
    """What an MPC is to do. x(k+1) = A x + B u + E d, y = C x, in deviations from (x0, u0, y0).

    It minimises, over `horizon` inputs, the sum of (x - xr)' Q (x - xr) + (u - ur)' R (u - ur) + (change of u)' S
    (change of u), with (x - xr)' P (x - xr) at the end and half of `soft` times each output's slack squared, all of it
    halved. xr and ur are where the plant rests with C x = r and the measured d; without references both are zero.

    Attributes:
        A, B, Q, R, P: (n, n), (n, m), (n, n), (m, m), (n, n). R or S must be positive definite.
        horizon: samples that are planned, at least 1.
        u_lo, u_hi: hard bounds of the inputs, (m,), absolute.
        rate: hard bounds of their change in a sample, (m,); None: no limit.
        S: weight of changes, (m, m).
        C: (p, n), for soft bounds and references.
        E: (n, q): how measured disturbances act.
        y_lo, y_hi: soft bounds of y(1) .. y(horizon), (p,), absolute, infinite where there is none.
        soft: weight of the slack of each output, (p,).
        references: theta holds p references behind the state.
        measured: theta ends with the inputs applied last; else the block takes its own.
        x0, u0, y0: the operating point.
        max_iterations: of the solver in a sample; None: six for each bounded row, which a cold start never needed in
            tests.
    """

    A: ArrayLike
    B: ArrayLike
    Q: ArrayLike
    R: ArrayLike
    P: ArrayLike
    horizon: int
    u_lo: ArrayLike
    u_hi: ArrayLike
    rate: ArrayLike | None = None
    S: ArrayLike | None = None
    C: ArrayLike | None = None
    E: ArrayLike | None = None
    y_lo: ArrayLike | None = None
    y_hi: ArrayLike | None = None
    soft: ArrayLike | None = None
    references: bool = False
    measured: bool = False
    x0: ArrayLike | None = None
    u0: ArrayLike | None = None
    y0: ArrayLike | None = None
    max_iterations: int | None = None


@dataclass(frozen=True)
class MpcDesign:
    """A condensed problem.

    Attributes:
        config: configuration of the block `mpc` by name; arrays are flat, matrices column after column.
        theta: how many elements the block's input takes.
        H, F: the plan without constraints is -H^-1 F [theta, u before] in deviations, (mN, mN) and (mN, ...).
        condition: of H; beyond 1e10 the plan loses digits.
    """

    config: dict[str, float | str | list[float]]
    theta: int
    H: Matrix
    F: Matrix
    condition: float


@dataclass
class _Given:
    """The problem's matrices, checked, with what is left out as zeros."""

    problem: MpcProblem
    A: Matrix
    B: Matrix
    C: Matrix
    E: Matrix
    S: Matrix
    n: int = field(init=False)
    m: int = field(init=False)
    p: int = field(init=False)
    q: int = field(init=False)

    def __post_init__(self) -> None:
        (self.n, self.m), self.p, self.q = self.B.shape, len(self.C), self.E.shape[1]


def condense(problem: MpcProblem) -> MpcDesign:
    """The block's configuration.

    Raises:
        HilError: matrices do not fit, a weight is not positive semidefinite, a bound is empty.
    """
    given = _read(problem)
    free, forced = _predictions(given)
    H, F = _cost(given, free, forced)
    root, condition = hessian_root(H)
    rows, seen = _rows(given, free, forced)
    solved = np.linalg.solve(root, rows.T)  # root root' = H
    gram = solved.T @ solved
    map_ = seen - solved.T @ np.linalg.solve(root, F)
    return MpcDesign(_config(given, gram, map_), map_.shape[1] - (0 if problem.measured else given.m), H, F, condition)


def _read(p: MpcProblem) -> _Given:
    A = matrix("A", p.A)
    n = len(A)
    B = matrix("B", p.B, rows=n)
    m = B.shape[1]
    for name, size in (("A", n), ("Q", n), ("P", n), ("R", m)):
        matrix(name, getattr(p, name), rows=size, columns=size, weight=name != "A")
    if p.horizon < 1:
        raise HilError(f"horizon is {p.horizon}", where="MpcProblem", mend="Plan at least one sample")
    C = np.zeros((0, n)) if p.C is None else matrix("C", p.C, columns=n)
    E = np.zeros((n, 0)) if p.E is None else matrix("E", p.E, rows=n)
    S = np.zeros((m, m)) if p.S is None else matrix("S", p.S, rows=m, columns=m, weight=True)
    if p.references and not len(C):
        raise HilError("references need C", where="MpcProblem", mend="Give C, whose rows the references belong to")
    lo, hi = vector("u_lo", p.u_lo, m), vector("u_hi", p.u_hi, m)
    if not (lo <= hi).all():
        raise HilError(f"u_lo {lo} lies above u_hi {hi}", where="MpcProblem", mend="Exchange them")
    return _Given(p, A, B, C, E, S)


def _predictions(g: _Given) -> tuple[Matrix, Matrix]:
    """x(1) .. x(N) = free [x, d] + forced [u(0) .. u(N-1)], shapes (nN, n + q) and (nN, mN)."""
    N = g.problem.horizon
    free, forced = np.zeros((N, g.n, g.n + g.q)), np.zeros((N, g.n, N, g.m))
    state, inputs = np.eye(g.n, g.n + g.q), np.zeros((g.n, N, g.m))
    for k in range(N):
        state = g.A @ state
        state[:, g.n :] += g.E
        inputs = np.einsum("ij,jkl->ikl", g.A, inputs)
        inputs[:, k] += g.B
        free[k], forced[k] = state, inputs
    return free.reshape(N * g.n, -1), forced.reshape(N * g.n, N * g.m)


def _targets(g: _Given) -> tuple[Matrix, Matrix]:
    """Where the plant rests, xr and ur over [x, r, d, u before]: A x + B u + E d = x, C x = r by least squares."""
    width = g.n + _n_reference(g) + g.q + g.m
    xr, ur = np.zeros((g.n, width)), np.zeros((g.m, width))
    if not g.problem.references:
        return xr, ur
    r = slice(g.n, g.n + g.p)
    rest = np.block([[g.A - np.eye(g.n), g.B], [g.C, np.zeros((g.p, g.m))]])
    wanted = np.zeros((g.n + g.p, width))
    wanted[: g.n, g.n + g.p : g.n + g.p + g.q] = -g.E
    wanted[g.n :, r] = np.eye(g.p)
    both = np.linalg.pinv(rest) @ wanted
    return both[: g.n], both[g.n :]


def _n_reference(g: _Given) -> int:
    return g.p if g.problem.references else 0


def _split(g: _Given, free: Matrix) -> Matrix:
    """`free` over [x, r, d, u before]."""
    r = np.zeros((len(free), _n_reference(g)))
    return np.hstack([free[:, : g.n], r, free[:, g.n :], np.zeros((len(free), g.m))])


def _change(g: _Given) -> Matrix:
    """Changes of the planned inputs over the plan: (mN, mN), the first one less the input before."""
    N = g.problem.horizon
    return np.asarray(np.kron(np.eye(N) - np.eye(N, k=-1), np.eye(g.m)))


def _cost(g: _Given, free: Matrix, forced: Matrix) -> tuple[Matrix, Matrix]:
    p, N = g.problem, g.problem.horizon
    weight = np.kron(np.eye(N), matrix("Q", p.Q))
    weight[-g.n :, -g.n :] = matrix("P", p.P)
    xr, ur = _targets(g)
    R, S, change = np.kron(np.eye(N), matrix("R", p.R)), np.kron(np.eye(N), g.S), _change(g)
    H = forced.T @ weight @ forced + R + change.T @ S @ change
    F = forced.T @ weight @ (_split(g, free) - np.tile(xr, (N, 1))) - R @ np.tile(ur, (N, 1))
    F[:, F.shape[1] - g.m :] -= change.T @ S @ np.eye(N * g.m, g.m)
    return np.asarray(H), np.asarray(F)


def _rows(g: _Given, free: Matrix, forced: Matrix) -> tuple[Matrix, Matrix]:
    """The constrained rows over the plan and over [x, r, d, u before]: inputs, changes from the second on, outputs."""
    N, width = g.problem.horizon, g.n + _n_reference(g) + g.q + g.m
    plan, changes = np.eye(N * g.m), _change(g)[g.m :] if g.problem.rate is not None else np.zeros((0, N * g.m))
    kept = np.tile(_bounded(g), N)
    output = np.kron(np.eye(N), g.C)[kept]
    rows = np.vstack([plan, changes, output @ forced])
    seen = np.vstack([np.zeros((len(plan) + len(changes), width)), output @ _split(g, free)])
    return rows, seen


def _output_bounds(g: _Given) -> tuple[Matrix, Matrix]:
    p = g.problem
    lo = np.full(g.p, -np.inf) if p.y_lo is None else vector("y_lo", p.y_lo, g.p)
    hi = np.full(g.p, np.inf) if p.y_hi is None else vector("y_hi", p.y_hi, g.p)
    return lo, hi


def _bounded(g: _Given) -> NDArray[np.bool_]:
    """Which outputs have a bound."""
    lo, hi = _output_bounds(g)
    return np.asarray(np.isfinite(lo) | np.isfinite(hi))


def _bounds(g: _Given) -> tuple[Matrix, Matrix]:
    """Of all rows, in deviations."""
    p, N = g.problem, g.problem.horizon
    u0, y0, kept = vector("u0", p.u0, g.m), vector("y0", p.y0, g.p), _bounded(g)
    rate = np.zeros(0) if p.rate is None else np.tile(vector("rate", p.rate, g.m), N - 1)
    y_lo, y_hi = ((side - y0)[kept] for side in _output_bounds(g))
    lo = [np.tile(vector("u_lo", p.u_lo, g.m) - u0, N), -rate, np.tile(y_lo, N)]
    hi = [np.tile(vector("u_hi", p.u_hi, g.m) - u0, N), rate, np.tile(y_hi, N)]
    return np.asarray(np.concatenate(lo)), np.asarray(np.concatenate(hi))


def _config(g: _Given, gram: Matrix, map_: Matrix) -> dict[str, float | str | list[float]]:
    """Rows scaled to ones on the diagonal of gram, and so that the narrowest hard bounds lie one apart."""
    p, (lo, hi), soft = g.problem, _bounds(g), _softness(g)
    hard = len(lo) - len(soft)
    gram = gram + np.diag(np.concatenate([np.zeros(hard), soft]))
    size = np.sqrt(np.diag(gram))
    widths = ((hi - lo) / size)[:hard]
    narrowest = min((w for w in widths if 0 < w < FREE), default=1.0)
    scale = size * narrowest
    centre = _centre(g)
    offset = np.concatenate([np.tile(vector("u0", p.u0, g.m), p.horizon), np.zeros(len(lo) - p.horizon * g.m)])
    shift = offset - map_ @ centre
    return {
        "horizon": p.horizon,
        "max_iterations": p.max_iterations or 6 * len(lo),
        "previous": "measured" if p.measured else "own",
        "map": _flat(map_ / scale[:, None]),
        "offset": _flat(shift / scale),
        "gram": _flat(gram / np.outer(size, size)),
        "lo": _flat(_real(lo + offset) / scale),
        "hi": _flat(_real(hi + offset) / scale),
        "scale": _flat(scale),
        "u_lo": _flat(_real(vector("u_lo", p.u_lo, g.m))),
        "u_hi": _flat(_real(vector("u_hi", p.u_hi, g.m))),
        "rate": [] if p.rate is None else _flat(vector("rate", p.rate, g.m)),
        "soft": _flat(soft * narrowest / size[hard:]),
        "start": _flat(vector("u0", p.u0, g.m)),
    }


def _softness(g: _Given) -> Matrix:
    """1 / rho of each output row."""
    kept = _bounded(g)
    if not kept.any():
        return np.zeros(0)
    weights = vector("soft", g.problem.soft, g.p) if g.problem.soft is not None else np.full(g.p, 1e4)
    if not (weights[kept] > 0).all():
        raise HilError("a weight of a slack is not positive", where="MpcProblem.soft", mend="Give one for each output")
    return np.tile(1.0 / weights[kept], g.problem.horizon)


def _centre(g: _Given) -> Matrix:
    """Theta at the operating point."""
    p = g.problem
    y0 = vector("y0", p.y0, g.p) if p.references else np.zeros(0)
    return np.concatenate([vector("x0", p.x0, g.n), y0, np.zeros(g.q), vector("u0", p.u0, g.m)])


def _real(bound: Matrix) -> Matrix:
    return np.clip(bound, -FREE, FREE)


def _flat(values: Matrix) -> list[float]:
    return [float(v) for v in np.asarray(values).ravel(order="F")]


def block_inputs(design: MpcDesign, names: Sequence[str]) -> list[str]:
    """The names for `in = { theta = [...] }`, when there are as many as the design needs.

    Raises:
        HilError: another number of names.
    """
    if len(names) != design.theta:
        raise HilError(f"theta has {design.theta} elements, {len(names)} signals were named", where="mpc.theta")
    return list(names)
