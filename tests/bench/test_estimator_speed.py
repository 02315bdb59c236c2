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
from place import measured_place

from hil.latency.estimator import by_hand_ns, ekf, kalman, tick_ns
from hil.latency.paired import Shared

pytestmark = pytest.mark.bench


CASES = {
    "kf n4m2": lambda: kalman(4, 2),
    "kf n12m6": lambda: kalman(12, 6),
    "ekf cartpole": ekf,
}


def in_a_process(name: str) -> float:
    """`tick_ns` in a process of its own, as the yardstick has: where its stack lies is chance, and worth 4 %."""
    command = [sys.executable, __file__, name]
    figure, shared = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return Shared(figure) if shared == "True" else float(figure)


def by_hand(name: str, builds: tuple[str, ...] = ("est", "est_vec")) -> float:
    argument = {"kf n4m2": "kf4", "kf n12m6": "kf12", "ekf cartpole": "ekf"}[name]
    return min(by_hand_ns(build, argument, name) for build in builds)


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
    ratio = yardstick.paired_until(
        lambda: in_a_process(name), lambda: by_hand(name, builds), at_most=gate, pairs=full(9, 16), most=60
    )
    print(f"\n{name} / {builds[0]}: {ratio}")
    assert ratio.median <= gate


def filterpy_ns(n: int) -> float:
    """The system of yardsticks/kalman_template.h."""
    from filterpy.kalman import KalmanFilter  # here, as it takes a second, and this file is each side's process

    m = n // 2
    it = KalmanFilter(dim_x=n, dim_z=m)
    it.F, it.H = np.eye(n) + 0.01 * np.eye(n, k=1), np.eye(n)[::2]
    it.Q, it.R = 1e-3 * np.eye(n), 0.1 * np.eye(m)
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
        ratio = yardstick.paired_until(lambda: filterpy_ns(n), lambda: tick_ns(it), at_least=gate)
    print(f"\nfilterpy / kalman, n = {n}: {ratio}")
    assert ratio.median >= gate


if __name__ == "__main__":
    found = tick_ns(CASES[sys.argv[1]]())
    print(found, isinstance(found, Shared))
