"""Estimators as blocks beside the same by hand (est.c), which have no checks, no NIS and no likelihood."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hil import _core
from hil.latency.cart_pole import MeasuredCartPole
from hil.latency.paired import Shared
from hil.latency.place import PRIORITY
from hil.latency.quickest import LEAST_ALONE, PLACES, quickest
from hil.latency.run import Run
from hil.latency.yardstick import run as run_yardstick
from hil.models import Model, compile_model
from hil.spec import BlockSpec, Spec

STATES, MEASURED = 4, 2


def measure(run: Run) -> None:
    """A Kalman filter of four states, and the extended one of a cart-pole, with the core's sine and cosine both."""
    cases: dict[str, tuple[Callable[[], _core.Program], str, str, str]] = {
        "kf4": (lambda: kalman(STATES, MEASURED), "est", "kf4", "kf n4m2"),
        "ekf": (ekf, "est_core", "ekf", "ekf cartpole"),
    }
    side_s = run.seconds / 16
    figures: dict[str, float] = {}
    for name, (made, program, argument, label) in cases.items():
        programs = [made() for _ in range(PLACES)]

        ours = quickest([_core.State(it).run for it in programs], side_s)

        def theirs(program: str = program, argument: str = argument, label: str = label) -> float:
            return by_hand_ns(program, argument, label)

        what = f"the same step of {STATES} states and {MEASURED} measurements by hand in C (est.c)"
        found = run.pair(f"estimator.{name}", ours, theirs, 1 / len(cases), yardstick=what, unit="ns")
        figures |= {f"{name}_ns": found.a, f"{name}_by_hand_ns": found.b}
    run.figures["estimator"] = figures


def by_hand_ns(program: str, argument: str, label: str) -> float:
    """The quickest run of est.c, which looks for a core of its own; Shared where LEAST_ALONE runs had none."""
    told = run_yardstick(program, argument, priority=PRIORITY)
    return told[f"{label} min"] if told[f"{label} alone"] >= LEAST_ALONE else Shared(told[f"{label} min"])


def kalman(n: int, m: int) -> _core.Program:
    """The system of yardsticks/kalman_template.h; its inputs are constant signals."""
    C = np.zeros((m, n))
    C[range(m), range(0, n, 2)] = 1
    A, Q = np.eye(n) + 0.01 * np.eye(n, k=1), 1e-3 * np.eye(n)
    return estimator("kalman", n, m, A=A, C=C, Q=Q, R=[0.1] * m, P0=np.eye(n), x0=[0.0] * n)


def ekf() -> _core.Program:
    """The filter of est.c; Euler's prediction as there.

    Raises:
        ModelError: the model cannot be compiled here.
    """
    n, m = STATES, MEASURED
    given = {"Q": 1e-3 * np.eye(n), "R": [0.1] * m, "P0": np.eye(n), "x0": [0.0] * n}
    return estimator("ekf", n, m, MeasuredCartPole, **given)


def estimator(kind: str, n: int, m: int, model: type[Model] | None = None, **config: Any) -> _core.Program:
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


def tick_ns(program: _core.Program, seconds: float = 0.3) -> float:
    """Nanoseconds of its tick, measured for so long at most."""
    return quickest([_core.State(program).run], seconds)()
