"""An MPC over a closed loop twice: as the block mpc, and as the C code that OSQP generates for the same problem."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import yardstick
from mpc_cases import Controller, cart_pole, double_integrator, osqp_problem
from scipy.linalg import solve_discrete_are

from hil.blocks import block_types
from hil.design.mpc import MpcProblem, condense

HERE = Path(__file__).resolve().parent
SAMPLES = 200
PUSH = {"double integrator": 22.0, "cart-pole": 8.0}  # change of speed for a push of one, in steps of the input
# Both without contraction; OSQP may use the vectoriser, which our build forgoes.
THEIR_FLAGS = ["-std=c11", "-O3", "-ffp-contract=off", "-shared", "-fPIC", "-w"]


def problem_of(plant: str, horizon: int) -> MpcProblem:
    """Bounds of inputs and their changes bind in a part of the samples; those of the place just not.

    Slack would be unfair: OSQP then takes thousands of iterations, or gives up at any fixed step size.
    """
    A, B = double_integrator() if plant == "double integrator" else cart_pole()
    n = len(A)
    Q, R = np.diag([1.0, 0.1, 1.0, 0.1][:n]), np.array([[0.05]])
    return MpcProblem(
        A=A, B=B, Q=Q, R=R, P=solve_discrete_are(A, B, Q, R), horizon=horizon, u_lo=[-3.0], u_hi=[3.0], rate=[1.5],
        C=np.eye(1, n), y_lo=[-1.0], y_hi=[1.0], soft=[1e3], measured=True,
    )  # fmt: skip


def closed_loop(problem: MpcProblem, push: float) -> Any:
    """Theta = [x, u before] over SAMPLES samples in which the plant is pushed every now and then."""
    rng, controller = np.random.default_rng(1), Controller(condense(problem))
    A, B = np.asarray(problem.A), np.asarray(problem.B)
    x, u, theta = np.zeros(len(A)), np.zeros(1), []
    for k in range(SAMPLES):
        if k % 25 == 0:
            x = x + rng.choice([-1, 1]) * rng.uniform(0.3, 1) * push * B[:, 0]
        theta.append([*x, *u])
        u = controller.step(theta[-1])[0]
        x = A @ x + B @ u
    return np.array(theta)


class Ours:
    """The block, compiled as the core is."""

    def __init__(self, problem: MpcProblem, theta: Any, folder: Path, extra: tuple[str, ...] = ()) -> None:
        sources = [HERE / "mpc_block.c", *(yardstick.CORE / "src" / name for name in ("active_set.c", "blocks/mpc.c"))]
        built = folder / "block.so"
        flags = [
            "-std=c11",
            "-D_GNU_SOURCE",
            *yardstick.AS_THE_CORE,
            *yardstick.SHARED,
            *yardstick.CORE_HEADERS,
            *extra,
        ]
        subprocess.run(["gcc", *flags, *map(str, sources), "-o", str(built), "-lm"], check=True)
        self.library = ctypes.CDLL(str(built))
        self.library.run_block.restype = ctypes.c_double
        self.library.open_block.restype = ctypes.c_char_p
        self.theta = np.ascontiguousarray(theta)
        self.u, self.iterations = np.zeros(len(theta)), np.zeros(len(theta))
        self._open({**condense(problem).config, "previous": 1.0})

    def _open(self, config: dict[str, Any]) -> None:
        self._kept = [np.atleast_1d(np.asarray(config[c.name], dtype=float)) for c in block_types()["mpc"].config]
        data = (ctypes.c_void_p * len(self._kept))(*(a.ctypes.data for a in self._kept))
        sizes = (ctypes.c_uint32 * len(self._kept))(*(a.size for a in self._kept))
        refused = self.library.open_block(data, sizes, self.theta.shape[1], 1)
        assert refused is None, refused

    def run(self, repeats: int = 20) -> float:
        """Nanoseconds a sample."""
        pointers = (ctypes.c_void_p(a.ctypes.data) for a in (self.theta, self.u, self.iterations))
        theta, u, iterations = pointers
        return float(self.library.run_block(theta, len(self.theta), repeats, u, iterations))


class Theirs:
    """OSQP's generated code for the same series, at this tolerance: states, inputs and slacks are its variables."""

    def __init__(self, problem: MpcProblem, theta: Any, folder: Path, tolerance: float) -> None:
        import osqp

        n = len(np.asarray(problem.A))
        series = [osqp_problem(problem, t[:n], t[n:]) for t in theta]
        P, q, rows, lo, hi = series[0]
        solver = osqp.OSQP()
        options = {"eps_abs": tolerance, "eps_rel": tolerance, "check_termination": 5, "max_iter": 20_000}
        options |= {"rho": _best_rho(series, options), "adaptive_rho": False, "verbose": False, "warm_starting": True}
        solver.setup(P, q, rows, lo, hi, **options)
        solver.codegen(str(folder / "osqp"), parameters="vectors", prefix="mpc_", force_rewrite=True)
        self.library = _compile_osqp(folder / "osqp")
        self.lo, self.hi = (np.ascontiguousarray([s[i] for s in series]) for i in (3, 4))
        self.n, self.m, self.first = len(q), len(lo), problem.horizon * n
        self.u, self.iterations = np.zeros(len(theta)), np.zeros(len(theta))

    def set_tolerance(self, tolerance: float) -> None:
        """Of the termination, absolute and relative."""
        self.library.set_tolerance(ctypes.c_double(tolerance))

    def run(self, repeats: int = 1) -> float:
        """Nanoseconds a sample."""
        lo, hi, u, iterations = (ctypes.c_void_p(a.ctypes.data) for a in (self.lo, self.hi, self.u, self.iterations))
        sizes = (self.n, self.m, len(self.u), repeats, self.first, 1)
        return float(self.library.run_osqp(None, lo, hi, *sizes, u, iterations))


def _best_rho(series: list[Any], options: dict[str, Any]) -> float:
    """The step size with the fewest iterations over the series: generated code keeps the one that it is made with."""
    import osqp

    iterations = {}
    for rho in (0.01, 0.03, 0.1, 0.3):
        solver = osqp.OSQP()
        solver.setup(*series[0], rho=rho, adaptive_rho=False, verbose=False, **options)
        iterations[rho] = 0
        for _, _, _, lo, hi in series[:60]:
            solver.update(l=lo, u=hi)
            iterations[rho] += solver.solve(raise_error=False).info.iter
    return min(iterations, key=lambda rho: iterations[rho])


def _compile_osqp(folder: Path) -> ctypes.CDLL:
    include = [f"-I{folder / name}" for name in ("", "inc/public", "inc/private")]
    sources = [HERE / "mpc_osqp.c", folder / "mpc_workspace.c", *sorted((folder / "src").glob("*.c"))]
    built = folder / "osqp.so"
    subprocess.run(["gcc", *THEIR_FLAGS, *include, *map(str, sources), "-o", str(built), "-lm"], check=True)
    library = ctypes.CDLL(str(built))
    library.run_osqp.restype = ctypes.c_double
    return library
