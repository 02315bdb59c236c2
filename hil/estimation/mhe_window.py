"""The least-squares problem of one window of moving-horizon estimation, made once and solved in every sample.

Unknown are the states X of the window, the free parameters theta and the process noise xi of each step; x(j+1) =
step(x(j), u(j), p) + G xi(j) with G G' = Q binds them. What lies behind the last sample of a window that is not full
yet holds still and costs nothing, so that one problem serves from the first sample on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hil.models import Model, ModelInfo
from hil.models.symbols import casadi, trace

Floats = NDArray[np.float64]
# The last one is sqpmethod's: the quadratic program has no step left, though the multipliers lag behind.
SOLVED = ("Solve_Succeeded", "Solved_To_Acceptable_Level", "Search_Direction_Becomes_Too_Small")
MAX_EXPANDED = 300_000  # instructions; beyond, expanding takes longer than it saves
QUIET = {"error_on_fail": False, "print_time": False, "show_eval_warnings": False}
SOLVERS: dict[str, tuple[str, dict[str, Any]]] = {
    # Sequential quadratic programming with CasADi's own active-set method on Gauss and Newton's Hessian.
    "sqp": (
        "sqpmethod",
        {
            **QUIET,
            "qpsol": "qrqp",
            "qpsol_options": dict.fromkeys(("print_iter", "print_header", "print_info", "error_on_fail"), False),
            **dict.fromkeys(("print_header", "print_iteration", "print_status"), False),
            "max_iter": 100,
            "tol_pr": 1e-9,
            "tol_du": 1e-8,
        },
    ),
    "ipopt": (
        "ipopt",
        {
            **QUIET,
            "ipopt.print_level": 0,
            "ipopt.sb": "yes",
            "ipopt.tol": 1e-9,
            "ipopt.max_iter": 200,
            "ipopt.bound_relax_factor": 0.0,  # an estimate lies within its bounds, not beside them
        },
    ),
}


class Equations:
    """A sampled model over its states and free parameters: x(k+1) and y(k), and their derivatives.

    Attributes:
        step: (x, u, theta, fixed) to x(k+1); `fixed` are all parameters with 0 at the free ones.
        output: (x, u, theta, fixed) to y(k).
        jacobians: (x, u, theta, fixed) to d step / d(x, theta), d output / d(x, theta).
    """

    def __init__(
        self, model: type[Model], info: ModelInfo, method: str, dt_s: float, substeps: int, free: Sequence[int]
    ) -> None:
        ca = casadi()
        eq = trace(model, info)
        theta, fixed = ca.SX.sym("theta", len(free)), ca.SX.sym("fixed", len(info.p))
        chosen = ca.DM(len(info.p), len(free))
        for column, row in enumerate(free):
            chosen[row, column] = 1.0
        step, output = ca.substitute([_step(eq, method, dt_s, substeps), eq.g], [eq.p], [fixed + chosen @ theta])
        given, both = [eq.x, eq.u, theta, fixed], ca.vertcat(eq.x, theta)
        self.step = ca.Function("step", given, [step], {"cse": True})
        self.output = ca.Function("output", given, [output], {"cse": True})
        slopes = [ca.densify(ca.jacobian(value, both)) for value in (step, output)]
        self.jacobians = ca.Function("jacobians", given, slopes, {"cse": True})
        self.n_x, self.n_u, self.n_y, self.n_p = len(info.x), len(info.u), len(info.y), len(info.p)
        self.n_free = len(free)


def _step(eq: Any, method: str, dt_s: float, substeps: int) -> Any:
    """One sample ahead; methods other than euler and discrete by Runge-Kutta 4."""
    f = casadi().Function("f", [eq.x, eq.u, eq.p], [eq.f])
    if method == "discrete":
        return eq.f
    x, h = eq.x, dt_s / substeps
    for _ in range(substeps):
        k1 = f(x, eq.u, eq.p)
        if method == "euler":
            x = x + h * k1
            continue
        k2 = f(x + h / 2 * k1, eq.u, eq.p)
        k3 = f(x + h / 2 * k2, eq.u, eq.p)
        k4 = f(x + h * k3, eq.u, eq.p)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return x


@dataclass(frozen=True)
class Data:
    """What a window is solved for.

    Attributes:
        inputs, outputs: a column a sample, shapes (n_u, steps + 1), (n_y, steps + 1); what is missing is 0.
        weights: 1 / standard deviation of each output; 0: missing.
        moves: 1 for each step that lies before the last sample, else 0; shape (steps,).
        fixed: parameters, 0 at the free ones.
        mean, root: of the arrival cost |root ((x, theta) - mean)|^2 / 2 at the window's first sample.
    """

    inputs: Floats
    outputs: Floats
    weights: Floats
    moves: Floats
    fixed: Floats
    mean: Floats
    root: Floats

    def packed(self) -> Floats:
        """In the order of the problem's parameters."""
        parts = (self.inputs, self.outputs, self.weights, self.moves, self.fixed, self.mean, self.root)
        return np.concatenate([part.ravel("F") for part in parts])


@dataclass(frozen=True)
class Solution:
    """States of a window, shape (n_x, steps + 1), theta, half the sum of squares, the solver's word."""

    x: Floats
    theta: Floats
    cost: float
    status: str


def _gauss_newton(problem: dict[str, Any], rest: Any) -> Any:
    """J' J of half the sum of squares: never negative, so that every step goes down."""
    ca = casadi()
    J = ca.jacobian(rest, problem["x"])
    factor, multipliers = ca.MX.sym("lam_f"), ca.MX.sym("lam_g", problem["g"].numel())
    names = ["x", "p", "lam_f", "lam_g"], ["hess_gamma_x_x"]
    given = [problem["x"], problem["p"], factor, multipliers]
    return ca.Function("hess_lag", given, [factor * (J.T @ J)], *names)


class Window:
    """The problem over `steps` steps. `scale` is the size of each unknown (x, theta)."""

    def __init__(self, eq: Equations, steps: int, noise: Floats, scale: Floats, solver: str = "sqp") -> None:
        self.eq, self.steps, self.scale = eq, steps, scale
        self.n_w = noise.shape[1]
        ca, n, m, u = casadi(), eq.n_x, eq.n_y, eq.n_u
        X, theta, xi = ca.MX.sym("X", n, steps + 1), ca.MX.sym("theta", eq.n_free), ca.MX.sym("xi", self.n_w, steps)
        U, Y, W = ca.MX.sym("U", u, steps + 1), ca.MX.sym("Y", m, steps + 1), ca.MX.sym("W", m, steps + 1)
        moves, fixed = ca.MX.sym("moves", steps), ca.MX.sym("fixed", eq.n_p)
        mean, root = ca.MX.sym("mean", n + eq.n_free), ca.MX.sym("root", n + eq.n_free, n + eq.n_free)
        scaled, parameters = X * ca.DM(scale[:n]), theta * ca.DM(scale[n:])
        ahead = self._along(eq.step, steps, scaled[:, :-1], U[:, :-1], parameters, fixed)
        change = (ahead - scaled[:, :-1] + ca.DM(noise) @ xi) * ca.repmat(moves.T, n, 1)
        gaps = (scaled[:, 1:] - scaled[:, :-1] - change) / ca.DM(scale[:n])
        arrival = root @ (ca.vertcat(scaled[:, 0], parameters) - mean)
        residuals = W * (Y - self._along(eq.output, steps + 1, scaled, U, parameters, fixed))
        rest = ca.veccat(arrival, xi, residuals)
        problem = {
            "x": ca.veccat(X, theta, xi),
            "p": ca.veccat(U, Y, W, moves, fixed, mean, root),
            "f": ca.sumsqr(rest) / 2,
            "g": ca.vec(gaps),
        }
        size = (steps + 1) * (eq.step.n_instructions() + eq.output.n_instructions())
        name, options = SOLVERS[solver]
        options = {**options, "expand": size < MAX_EXPANDED}
        if name == "sqpmethod":
            options["hess_lag"] = _gauss_newton(problem, rest)
        self._solver = ca.nlpsol("window", name, problem, options)

    @staticmethod
    def _along(function: Any, count: int, x: Any, u: Any, theta: Any, fixed: Any) -> Any:
        ca = casadi()
        return function.map(count)(x, u, ca.repmat(theta, 1, count), ca.repmat(fixed, 1, count))

    def solve(self, data: Data, guess: tuple[Floats, Floats], low: Floats, high: Floats) -> Solution:
        """The window's least squares.

        Args:
            data: what was measured.
            guess: states and theta to begin with.
            low: least (x, theta), may be infinite; high likewise.
        """
        n, steps = self.eq.n_x, self.steps
        at, free = self.scale[:n], self.scale[n:]

        def unknowns(x: Floats, theta: Floats, noise: float) -> Floats:
            return np.concatenate([(x / at[:, None]).ravel("F"), theta / free, np.full(self.n_w * steps, noise)])

        bounds = [
            unknowns(np.tile(side[:n, None], (1, steps + 1)), side[n:], infinite)
            for side, infinite in ((low, -np.inf), (high, np.inf))
        ]
        first = np.clip(unknowns(*guess, 0.0), *bounds)
        found = self._solver(x0=first, p=data.packed(), lbx=bounds[0], ubx=bounds[1], lbg=0.0, ubg=0.0)
        values = np.clip(np.array(found["x"]).ravel(), *bounds)
        x = values[: n * (steps + 1)].reshape((n, steps + 1), order="F") * at[:, None]
        theta = values[n * (steps + 1) :][: self.eq.n_free] * free
        status = str(self._solver.stats()["return_status"])
        x, theta = np.clip(x, low[:n, None], high[:n, None]), np.clip(theta, low[n:], high[n:])
        return Solution(x, theta, float(found["f"]), status)
