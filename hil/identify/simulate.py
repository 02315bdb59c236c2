"""The model over the recorded inputs, and the derivatives of its outputs by each unknown.

From x(k) to x(k+1) leads the step of the rig's model: Runge-Kutta 4 in as many substeps as the data need (method
"discrete": its own map). With A = dx(k+1)/dx(k) and B = dx(k+1)/dp of that step, by automatic differentiation, the
sensitivities S = dx/dtheta run along: S(k+1) = A S(k) + B (single shooting, forward mode; L. Ljung, System
Identification, 2nd ed. 1999, section 10.4).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hil.errors import RigError
from hil.identify.data import Floats
from hil.identify.problem import Problem
from hil.models.symbols import casadi, trace

MAX_SUBSTEPS = 64
SHARE_OF_SPREAD = 1e-4  # a finer step may change the outputs by so much of their spread
SAME_STEP = 0.01  # of a period: "discrete" needs rows at its own rate


class Simulator:
    """A problem's outputs as functions of theta = (free parameters, free initial values), in their units.

    Attributes:
        substeps: of an interval between two rows.
        n: length of theta.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.n = len(problem.free) + len(problem.free_states)
        self._eq = trace(problem.model, problem.info)
        steps = np.diff(problem.time_s)
        self._inputs = np.vstack([problem.inputs, np.append(steps, 0.0)])
        self.substeps = self._whole_steps(steps) if problem.method == "discrete" else self._fine_enough()
        self._plain, self._sensitive = self._functions(self.substeps)

    def outputs(self, theta: Floats) -> Floats:
        """Shape (n_measured, rows)."""
        return self._run(self._plain, theta, np.zeros(0))

    def sensitivities(self, theta: Floats) -> tuple[Floats, Floats]:
        """The outputs, and their derivatives by theta, shape (n_measured, rows, n)."""
        n_x, n_y, rows = len(self.problem.info.x), len(self.problem.measured), len(self.problem.time_s)
        first = np.zeros((n_x, self.n))
        for k, state in enumerate(self.problem.free_states):
            first[state, len(self.problem.free) + k] = 1.0
        found = self._run(self._sensitive, theta, first.flatten("F"))
        return found[:n_y], np.moveaxis(found[n_y:].reshape(self.n, n_y, rows), 0, 2)

    def start(self) -> Floats:
        """Theta as the rig has it: its parameters, and the initial values that the model declares."""
        x0 = [self.problem.info.x[i].value for i in self.problem.free_states]
        return np.array([*self.problem.values[list(self.problem.free)], *x0])

    # ---- inside ----

    def _run(self, function: Any, theta: Floats, behind: Floats) -> Floats:
        problem, n_free = self.problem, len(self.problem.free)
        values = problem.values.copy()
        values[list(problem.free)] = theta[:n_free]
        x0 = np.zeros(len(problem.info.x))
        x0[list(problem.start)] = list(problem.start.values())
        x0[list(problem.free_states)] = theta[n_free:]
        params = np.tile(values[:, None], (1, len(problem.time_s)))
        return np.array(function(np.concatenate([x0, behind]), self._inputs, params)[1])

    def _step(self, substeps: int, dt: Any) -> Any:
        """x(k+1) over the symbols of the equations."""
        ca, eq = casadi(), self._eq
        f = ca.Function("f", [eq.x, eq.u, eq.p], [eq.f])
        x, h = eq.x, dt / substeps
        for _ in range(substeps):
            if self.problem.method == "discrete":
                x = f(x, eq.u, eq.p)
            else:
                k1 = f(x, eq.u, eq.p)
                k2 = f(x + h / 2 * k1, eq.u, eq.p)
                k3 = f(x + h / 2 * k2, eq.u, eq.p)
                k4 = f(x + h * k3, eq.u, eq.p)
                x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            x = self._clamped(x)
        return x

    def _clamped(self, x: Any) -> Any:
        ca = casadi()
        held = [ca.fmin(ca.fmax(x[i], v.min), v.max) if v.clamp else x[i] for i, v in enumerate(self.problem.info.x)]
        return ca.vertcat(*held)

    def _functions(self, substeps: int) -> tuple[Any, Any]:
        """Over all rows: outputs alone, and outputs with their derivatives."""
        ca, eq, problem = casadi(), self._eq, self.problem
        dt = ca.SX.sym("dt")
        after, y = self._step(substeps, dt), eq.g[list(problem.measured)]
        theta, n_x0 = eq.p[list(problem.free)], len(problem.free_states)
        S = ca.SX.sym("S", eq.x.numel(), self.n)

        def along(value: Any) -> Any:
            by_theta = ca.horzcat(ca.jacobian(value, theta), ca.SX(value.numel(), n_x0))
            return ca.vec(ca.densify(ca.jacobian(value, eq.x) @ S + by_theta))

        given = [ca.vertcat(eq.u, dt), eq.p]
        rows = len(problem.time_s)
        plain = ca.Function("plain", [eq.x, *given], [after, y], {"cse": True})
        both = [ca.vertcat(after, along(after)), ca.vertcat(y, along(y))]
        sensitive = ca.Function("sensitive", [ca.vertcat(eq.x, ca.vec(S)), *given], both, {"cse": True})
        return plain.mapaccum(rows), sensitive.mapaccum(rows)

    def _fine_enough(self) -> int:
        """The fewest substeps that doubling does not change any more at the rig's values; no finer than the loop's."""
        longest_s = float(np.diff(self.problem.time_s).max())
        of_the_loop = max(1, math.ceil(longest_s / self.problem.step_s - SAME_STEP))
        theta, spread = self.start(), np.nanstd(self.problem.outputs, axis=1)[:, None] + 1e-12
        before, substeps = self._trial(1, theta), 1
        while substeps < min(of_the_loop, MAX_SUBSTEPS):
            finer = min(2 * substeps, of_the_loop)
            after = self._trial(finer, theta)
            if np.all(np.abs(after - before) < SHARE_OF_SPREAD * spread):  # False for what is no number
                return substeps
            substeps, before = finer, after
        if substeps == of_the_loop:
            return substeps
        raise RigError(
            f"the model cannot be integrated over rows {longest_s:g} s apart, not even in {MAX_SUBSTEPS} steps each",
            where=self.problem.where,
            mend="Check the units of time and inputs, and the model's values; a stiff model needs a finer recording",
        )

    def _trial(self, substeps: int, theta: Floats) -> Floats:
        return self._run(self._functions(substeps)[0], theta, np.zeros(0))

    def _whole_steps(self, steps: Floats) -> int:
        """How many of its own steps a discrete model makes from row to row."""
        ratio = steps / self.problem.step_s
        count = round(float(np.median(ratio)))
        if not 1 <= count <= MAX_SUBSTEPS or np.abs(ratio - count).max() > SAME_STEP * count:
            why = f"a discrete model with steps of {self.problem.step_s:g} s needs rows that lie whole steps apart"
            raise RigError(why, where=self.problem.where, mend="Record at the block's own rate")
        return count
