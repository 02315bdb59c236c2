"""An estimator as a block beside the same by hand (est.c), which has no checks, no NIS and no likelihood."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from hil import _core
from hil.latency.place import CPU, PRIORITY, measured_place
from hil.latency.run import Run
from hil.latency.yardstick import run as run_yardstick
from hil.spec import BlockSpec, Spec

TICKS = 5_000
"""Of a measurement: short, so that some of them fall between what else the machine does."""
STATES, MEASURED = 4, 2
LABEL = "kf n4m2"


def measure(run: Run) -> None:
    """A Kalman filter of four states."""
    program = kalman(STATES, MEASURED)
    runs = max(5, round(run.seconds / 32 / (TICKS * 80e-9)))
    what = f"Kalman step of {STATES} states and {MEASURED} measurements by hand in C (est.c), best of some runs"

    def theirs() -> float:
        return run_yardstick("est", "kf4", cpu=CPU, priority=PRIORITY)[f"{LABEL} min"]

    found = run.pair("estimator.kf4", lambda: tick_ns(program, runs), theirs, yardstick=what, unit="ns")
    run.figures["estimator"] = {"kf4_ns": found.a, "by_hand_ns": found.b}


def kalman(n: int, m: int) -> _core.Program:
    """The system of yardsticks/kalman_template.h; its inputs are constant signals."""
    C = np.zeros((m, n))
    C[range(m), range(0, n, 2)] = 1
    A, Q = np.eye(n) + 0.01 * np.eye(n, k=1), 1e-3 * np.eye(n)
    given: dict[str, Any] = {"A": A, "C": C, "Q": Q, "R": [0.1] * m, "P0": np.eye(n), "x0": [0.0] * n}
    spec = Spec(period_ns=1_000_000)
    inputs = [spec.signal(f"y{i}", 0.1 * (i + 1)) for i in range(m)]
    outputs = [spec.signal(f"o{i}") for i in range(2 * n + m + 2)]
    fields = next(t for t in _core.block_types() if t["name"] == "kalman")["config"]
    values = [np.ravel(given.get(f["name"], [f["preset"]] if f["max_n"] == 1 else [])).tolist() for f in fields]
    spec.blocks.append(BlockSpec("it", "kalman", inputs, outputs, [], values, 0))
    return _core.Program(spec)


def tick_ns(program: _core.Program, runs: int = 100, ticks: int = TICKS) -> float:
    """The best of many short runs; est.c prints its best of seven long ones."""
    best = np.inf
    with measured_place():
        state = _core.State(program)
        state.run(1000)
        for _ in range(runs):
            start = time.perf_counter_ns()
            state.run(ticks)
            best = min(best, (time.perf_counter_ns() - start) / ticks)
    return float(best)
