"""Controllers and a closed loop as blocks, and the same by hand (yardsticks/pid_bare.c, cart_pole_ekf_loop.c)."""

from __future__ import annotations

import ctypes
import time
from functools import cache
from typing import Any

import numpy as np
import yardstick
from numpy.typing import NDArray

from hil import _core
from hil.latency.cart_pole import CartPole, MeasuredCartPole
from hil.models import CompiledModel, compile_model
from hil.spec import BlockSpec, Spec

CONTROLLERS = 64
START = (0.0, 0.0, 0.05, 0.0)
Vector = NDArray[np.float64]


class Blocks:
    """A program of blocks at 1 ms, wired by the names of signals. `waste`: so many more behind each."""

    def __init__(self, waste: int = 0) -> None:
        self.spec, self.signals, self.waste = Spec(period_ns=1_000_000), dict[str, int](), waste

    def signal(self, name: str, start: float = 0.0) -> int:
        if name not in self.signals:
            self.signals[name] = self.spec.signal(name, start)
        return self.signals[name]

    def add(
        self,
        name: str,
        kind: str,
        reads: list[int],
        writes: list[str],
        params: list[float],
        config: Any,
        model: Any = None,
    ) -> None:
        out = [self.signal(w) for w in writes]
        self.spec.blocks.append(BlockSpec(name, kind, reads, out, params, config, model.address if model else 0))
        for i in range(self.waste):
            wasted = [self.signal(f"{name}.waste{i}")]
            self.spec.blocks.append(BlockSpec(f"{name}.waste{i}", "gain", out[:1], wasted, [1.0, 0.0], []))

    def run(self, ticks: int, names: list[str]) -> tuple[float, Vector]:
        """Nanoseconds a tick from the start, and the values of these signals at the end."""
        program = _core.Program(self.spec)
        state = _core.State(program)
        start = time.perf_counter_ns()
        state.run(ticks)
        spent = (time.perf_counter_ns() - start) / ticks
        return spent, np.array([state.get(program.offset_value(self.signals[n])) for n in names])


def set_points() -> tuple[Vector, Vector]:
    """Set-points, some of which the controllers' limits do not let them reach, and measurements."""
    numbers = np.arange(CONTROLLERS)
    return 0.25 * (numbers % 8), 0.125 * (numbers % 3)


def controllers(ticks: int, waste: int = 0) -> tuple[float, Vector]:
    """Nanoseconds a step of a pid block, and all outputs."""
    it = Blocks(waste)
    # kp, ki, kd, filter, weight, lo, hi, tracking (Ti), manual rate, start
    params = [2.0, 0.5, 0.1, 0.01, 0.8, -10.0, 10.0, 0.0, np.inf, 0.0]
    for i, (r, y) in enumerate(zip(*set_points(), strict=True)):
        reads = [it.signal(f"r{i}", float(r)), it.signal(f"y{i}", float(y)), 0, 0, 0]
        it.add(f"pid{i}", "pid", reads, [f"u{i}"], params, [[0.0]])
    spent, u = it.run(ticks, [f"u{i}" for i in range(CONTROLLERS)])
    return spent / CONTROLLERS, u


def controllers_by_hand(ticks: int) -> tuple[float, Vector]:
    """The same of the bare function."""
    library = ctypes.CDLL(str(yardstick.build("pid_bare")))
    (r, y), u = set_points(), np.zeros(CONTROLLERS)
    start = time.perf_counter_ns()
    library.pid_run(*(ctypes.c_void_p(a.ctypes.data) for a in (r, y, u)), CONTROLLERS, ctypes.c_uint64(ticks))
    return (time.perf_counter_ns() - start) / ticks / CONTROLLERS, u


@cache
def models() -> tuple[CompiledModel, CompiledModel]:
    """Plant and observer; looking them up costs more than a run."""
    return compile_model(CartPole), compile_model(MeasuredCartPole, "euler", ekf=True)


def loop(ticks: int, waste: int = 0) -> tuple[float, Vector]:
    """Nanoseconds a tick of plant, EKF, state feedback and limit; the plant's state and its estimate."""
    it = Blocks(waste)
    plant, observer = models()
    states, estimates = ["x", "v", "theta", "omega"], [f"x{i}" for i in range(4)]
    it.add("plant", "model", [it.signal("u")], states, list(plant.p0), [[1.0], []], plant)
    reads = [it.signal(n) for n in ("u", "x", "theta")]
    eye = np.eye(4).ravel()
    config = [(1e-3 * eye).tolist(), [0.1, 0.1], eye.tolist(), [0.0] * 4, [0.0], [1.0], [0.0]]
    it.add("ekf", "ekf", reads, [*estimates, *(f"o{i}" for i in range(8))], list(observer.p0), config, observer)
    it.add("feedback", "weighted_sum", [it.signal(n) for n in estimates], ["wanted"], [], [[1.0, 2.0, 40.0, 4.0]])
    it.add("limit", "limit", [it.signal("wanted")], ["u"], [-20.0, 20.0], [])
    return it.run(ticks, [*states, *estimates])


def loop_by_hand(ticks: int) -> tuple[float, Vector]:
    """The same of the hand-written loop; the plant's state is that after the last step."""
    library = ctypes.CDLL(str(yardstick.build("cart_pole_ekf_loop")))
    x, estimate = np.array(START), np.zeros(4)
    arguments = [ctypes.c_void_p(a.ctypes.data) for a in (x, estimate)]
    start = time.perf_counter_ns()
    library.cart_pole_ekf_run(*arguments, ctypes.c_uint64(ticks))
    return (time.perf_counter_ns() - start) / ticks, np.concatenate([x, estimate])
