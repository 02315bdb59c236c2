"""Estimators as blocks beside the same by hand (yardsticks/est.c, both builds), and beside filterpy.

A block's tick has what the hand-written step has not: the checks of its inputs, covariance diagonal, innovation, NIS,
and log-likelihood as signals. The better build by hand is the one that counts.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest
import yardstick
from cart_pole_bench import MeasuredCartPole
from filterpy.kalman import KalmanFilter
from place import CPU, PRIORITY, measured_place

from hil import _core
from hil.models import Model, compile_model
from hil.spec import BlockSpec, Spec

pytestmark = pytest.mark.bench
TICKS, RUNS = 5_000, 100
"""Of a measurement: short, so that some of them fall between what else the machine does."""
BATCHES = 5


def program(kind: str, n: int, m: int, model: Model | None = None, **config: object) -> _core.Program:
    """One estimator whose inputs are constant signals; u, where there is one, is 0."""
    spec, n_u = Spec(period_ns=1_000_000), 1 if model else 0
    inputs = [spec.signal(f"u{i}") for i in range(n_u)] + [spec.signal(f"y{i}", 0.1 * (i + 1)) for i in range(m)]
    outputs = [spec.signal(f"o{i}") for i in range(2 * n + m + 2)]
    compiled = compile_model(model, "euler", ekf=True) if model else None
    fields = next(t for t in _core.block_types() if t["name"] == kind)["config"]
    values = [np.ravel(config.get(f["name"], [f["preset"]] if f["max_n"] == 1 else [])).tolist() for f in fields]
    params, address = (list(compiled.p0), compiled.address) if compiled else ([], 0)
    spec.blocks.append(BlockSpec("it", kind, inputs, outputs, params, values, address))
    return _core.Program(spec)


def chain(n: int) -> dict[str, object]:
    """The system of yardsticks/kalman_template.h."""
    C = np.zeros((n // 2, n))
    C[range(n // 2), range(0, n, 2)] = 1
    A = np.eye(n) + 0.01 * np.eye(n, k=1)
    return {"A": A, "C": C, "Q": 1e-3 * np.eye(n), "R": [0.1] * (n // 2), "P0": np.eye(n), "x0": [0.0] * n}


CASES = {
    "kf n4m2": lambda: program("kalman", 4, 2, **chain(4)),
    "kf n12m6": lambda: program("kalman", 12, 6, **chain(12)),
    "ekf cartpole": lambda: program(
        "ekf", 4, 2, MeasuredCartPole, Q=1e-3 * np.eye(4), R=[0.1] * 2, P0=np.eye(4), x0=[0.0] * 4
    ),
}


def tick_ns(it: _core.Program, ticks: int = TICKS, runs: int = RUNS) -> float:
    """The best of many short runs; est.c prints its best of seven long ones."""
    best = np.inf
    with measured_place():
        state = _core.State(it)
        state.run(1000)
        for _ in range(runs):
            start = time.perf_counter_ns()
            state.run(ticks)
            best = min(best, (time.perf_counter_ns() - start) / ticks)
    return best


def in_a_process(name: str) -> float:
    """`tick_ns` in a process of its own, as the yardstick has: where its stack lies is chance, and worth 4 %."""
    command = [sys.executable, __file__, name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def by_hand(name: str, builds: tuple[str, ...] = ("est", "est_vec")) -> float:
    argument = {"kf n4m2": "kf4", "kf n12m6": "kf12", "ekf cartpole": "ekf"}[name]
    return min(yardstick.run(build, argument, cpu=CPU, priority=PRIORITY)[f"{name} min"] for build in builds)


AIM = 1.15
SAME_MATHS = ("est_core", "est_core_vec")
"""By hand with the core's sine and cosine. The host's use the CPU's fused operations, which no bench may use: its bits
would depend on the CPU. They alone are a tenth of the cart-pole's filter."""
GATES = [
    ("kf n4m2", AIM, ("est", "est_vec")),
    ("kf n12m6", AIM, ("est", "est_vec")),
    ("ekf cartpole", AIM, SAME_MATHS),
    ("ekf cartpole", 1.4, ("est", "est_vec")),
]


@pytest.mark.parametrize(("name", "gate", "builds"), GATES, ids=lambda v: v[0] if isinstance(v, tuple) else str(v))
def test_beside_the_better_build_by_hand(
    name: str, gate: float, builds: tuple[str, ...], full: Callable[[int, int], int]
) -> None:
    pairs, seen = full(1, 8), []
    for _ in range(BATCHES):
        ratio = yardstick.paired(lambda: in_a_process(name), lambda: by_hand(name, builds), pairs)
        print(f"\n{name} / {builds[0]}: {ratio}")
        seen.append(ratio.median)
        if ratio.median <= gate:
            return
    pytest.fail(f"{name}: {min(seen):.3f} of {gate} allowed")


def filterpy_ns(n: int) -> float:
    s, m = chain(n), n // 2
    it = KalmanFilter(dim_x=n, dim_z=m)
    it.F, it.H, it.Q, it.R = s["A"], s["C"], s["Q"], np.diag(s["R"])
    z, ticks = 0.1 * np.arange(1, m + 1), 500
    start = time.perf_counter_ns()
    for _ in range(ticks):
        it.predict()
        it.update(z)
    return (time.perf_counter_ns() - start) / ticks


@pytest.mark.parametrize(("n", "gate"), [(4, 150.0), (12, 25.0)])
def test_beside_filterpy(n: int, gate: float) -> None:
    it = CASES[f"kf n{n}m{n // 2}"]()
    with measured_place():
        ratio = yardstick.paired(lambda: filterpy_ns(n), lambda: tick_ns(it), 5)
    print(f"\nfilterpy / kalman, n = {n}: {ratio}")
    assert ratio.median >= gate


if __name__ == "__main__":
    print(tick_ns(CASES[sys.argv[1]]()))
