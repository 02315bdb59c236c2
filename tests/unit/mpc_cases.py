"""Random MPC problems, the block that solves them, and OSQP on the same problems written without condensing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.linalg import expm, solve_discrete_are

from hil import _core
from hil.blocks import block_types
from hil.design.mpc import MpcDesign, MpcProblem
from hil.spec import BlockSpec, Spec

ON_A_BOUND = 1e-9


def double_integrator(dt_s: float = 0.1) -> tuple[Any, Any]:
    """Place and speed of a mass that a force pushes."""
    return np.array([[1.0, dt_s], [0.0, 1.0]]), np.array([[dt_s * dt_s / 2], [dt_s]])


def cart_pole(dt_s: float = 0.05) -> tuple[Any, Any]:
    """Florian's cart-pole, upright and linear: cart 1 kg, pole 0.1 kg, half length 0.5 m."""
    cart, pole, half, g = 1.0, 0.1, 0.5, 9.81
    share = pole * half / (cart + pole)
    lever = half * (4 / 3 - pole / (cart + pole))
    A = np.array([[0, 1, 0, 0], [0, 0, -share * g / lever, 0], [0, 0, 0, 1], [0, 0, g / lever, 0]])
    B = np.array([[0], [1 + share / lever], [0], [-1 / lever]]) / (cart + pole) + 0.0
    whole = expm(np.block([[A, B], [np.zeros((1, 5))]]) * dt_s)
    return whole[:4, :4], whole[:4, 4:]


def random_problem(rng: np.random.Generator, plant: str, horizon: int) -> tuple[MpcProblem, Any]:
    """A problem and a state from which some of its bounds are active."""
    A, B = double_integrator() if plant == "double integrator" else cart_pole()
    n = len(A)
    Q, R = np.diag(10 ** rng.uniform(-1, 1, n)), np.diag(10 ** rng.uniform(-2, 0, 1))
    largest = 10 ** rng.uniform(-0.5, 1)
    problem = MpcProblem(
        A=A,
        B=B,
        Q=Q,
        R=R,
        P=solve_discrete_are(A, B, Q, R),
        horizon=horizon,
        u_lo=[-largest],
        u_hi=[largest * rng.uniform(0.5, 1)],
        rate=[largest * rng.uniform(0.1, 1)],
        S=[[rng.choice([0.0, 0.1])]],
        C=np.eye(1, n),
        y_lo=[-rng.uniform(0.1, 1)],
        y_hi=[rng.uniform(0.1, 1)],
        soft=[10 ** rng.uniform(2, 4)],
    )
    spread = np.ones(n) if n == 2 else np.array([0.3, 0.3, 0.1, 0.1])
    return problem, 2 * spread * rng.normal(size=n)


def as_spec(design: MpcDesign, m: int, **changed: Any) -> Spec:
    """A program of the block alone; signals: theta, then status, iterations, slack, inputs."""
    spec = Spec(period_ns=100_000_000)
    theta = [spec.signal(f"theta{i}") for i in range(design.theta)]
    out = [spec.signal(name) for name in ("status", "iterations", "slack", *(f"u{i}" for i in range(m)))]
    given = {**design.config, **changed}
    given["previous"] = ("own", "measured").index(str(given["previous"]))
    config = [given[c.name] for c in block_types()["mpc"].config]
    flat = [value if isinstance(value, list) else [float(value)] for value in config]
    spec.blocks.append(BlockSpec("mpc", "mpc", theta, out, [], flat))
    return spec


class Controller:
    """The block, with theta given at each sample."""

    def __init__(self, design: MpcDesign, m: int = 1, **changed: Any) -> None:
        self.n, self.m = design.theta, m
        self.program = _core.Program(as_spec(design, m, **changed))
        self.state = _core.State(self.program)
        rows, plan = len(design.config["lo"]), m * int(design.config["horizon"])
        most = min(rows, plan + len(design.config["soft"]) + 1)
        behind = 2 + 5 * most + most * (most - 1) // 2 + rows + 3 * rows
        self._plan = [self.program.offset_mem(0) + 8 * (behind + i) for i in range(plan)]

    def step(self, theta: Any) -> tuple[Any, int, int, float]:
        """u, status, iterations, slack."""
        whole = bytearray(self.state.snapshot())
        start = self.program.offset_value(1)
        whole[start : start + 8 * self.n] = np.asarray(theta, dtype=np.float64).tobytes()
        self.state.restore(bytes(whole))
        self.state.run(1)
        values = [self.state.get(self.program.offset_value(1 + self.n + i)) for i in range(3 + self.m)]
        return np.array(values[3:]), int(values[0]), int(values[1]), values[2]

    @property
    def active(self) -> list[int]:
        """Active bounds: row + 1 at an upper one, -(row + 1) at a lower one."""
        start = self.program.offset_mem(0)
        return [int(self.state.get(start + 8 * (2 + i))) for i in range(int(self.state.get(start)))]

    @property
    def plan(self) -> Any:
        """The inputs that are planned, (m N,)."""
        return np.array([self.state.get(offset) for offset in self._plan])


def osqp_problem(p: MpcProblem, x: Any, before: Any) -> tuple[Any, Any, Any, Any, Any]:
    """P, q, A, l, u as OSQP takes them: states, inputs and slacks are its variables, the model its equations."""
    import scipy.sparse as sp

    A, B, C = (np.asarray(v, dtype=float) for v in (p.A, p.B, p.C))
    (n, m), N, q = B.shape, p.horizon, len(C)
    later = sp.eye(N, k=-1)
    change = sp.kron(sp.eye(N) - later, sp.eye(m))
    S = np.zeros((m, m)) if p.S is None else np.asarray(p.S, dtype=float)
    soft = np.asarray(p.soft, dtype=float)
    cost = [sp.kron(sp.eye(N - 1), p.Q), sp.csc_matrix(p.P)]
    cost += [sp.kron(sp.eye(N), p.R) + change.T @ sp.kron(sp.eye(N), S) @ change, sp.kron(sp.eye(N), np.diag(soft))]
    linear = np.zeros(N * (n + m + q))
    linear[N * n : N * n + m] = -S @ before
    first, moved = np.zeros(N * n), np.zeros(N * m)
    first[:n], moved[:m] = -A @ x, before
    rate = np.tile(np.full(m, math.inf) if p.rate is None else p.rate, N)
    model = [sp.kron(later, A) - sp.eye(N * n), sp.kron(sp.eye(N), B), None]
    rows = [model, [None, sp.eye(N * m), None], [None, change, None], [sp.kron(sp.eye(N), C), None, -sp.eye(N * q)]]
    lo = np.concatenate([first, np.tile(p.u_lo, N), moved - rate, np.tile(p.y_lo, N)])
    hi = np.concatenate([first, np.tile(p.u_hi, N), moved + rate, np.tile(p.y_hi, N)])
    return sp.triu(sp.block_diag(cost), format="csc"), linear, sp.bmat(rows, format="csc"), lo, hi


def osqp_solution(p: MpcProblem, x: Any, before: Any, tolerance: float = 1e-12) -> tuple[Any, float] | None:
    """The plan and the largest slack by OSQP; None where it does not reach its own tolerance."""
    import osqp

    solver = osqp.OSQP()
    options = {"eps_abs": tolerance, "eps_rel": tolerance, "polishing": True, "max_iter": 400_000, "verbose": False}
    solver.setup(*osqp_problem(p, x, before), **options)
    told = solver.solve(raise_error=False)
    if told.info.status_val != osqp.SolverStatus.OSQP_SOLVED:
        return None
    states, plan = p.horizon * len(np.asarray(p.A)), p.horizon * np.asarray(p.B).shape[1]
    return told.x[states : states + plan], float(np.abs(told.x[states + plan :]).max())


def largest_error(p: MpcProblem, x: Any, before: Any, plan: Any) -> float:
    """How far a plan is from the optimum at most, without a solver; infinite beyond a bound.

    Its states and slacks follow from it, multipliers of its active bounds by least squares. Where they leave a gradient
    e it is the optimum of a problem whose linear cost differs by e, so the optimum is within |e| / mu, mu the least
    curvature of the cost (Nesterov, Introductory Lectures on Convex Optimization, 2.1.3).
    """
    from scipy.optimize import nnls

    A, B, C = (np.asarray(v, dtype=float) for v in (p.A, p.B, p.C))
    states, state = [], np.asarray(x, dtype=float)
    for u in np.reshape(plan, (p.horizon, -1)):
        state = A @ state + B @ u
        states.append(state)
    seen = np.array(states) @ C.T
    slack = np.maximum(seen - p.y_hi, 0) + np.minimum(seen - p.y_lo, 0)
    z = np.concatenate([np.ravel(states), np.ravel(plan), np.ravel(slack)])
    upper, linear, rows, lo, hi = osqp_problem(p, x, before)
    cost, rows = (upper + upper.T).toarray(), rows.toarray()
    cost[np.diag_indices_from(cost)] /= 2
    at = rows @ z
    if max((lo - at).max(), (at - hi).max()) > ON_A_BOUND:
        return math.inf
    active = np.vstack([rows[at > hi - ON_A_BOUND], -rows[at < lo + ON_A_BOUND]])
    _, left = nnls(active.T, -(cost @ z + linear))
    return float(left / np.linalg.eigvalsh(cost)[0])
