"""A compiled model beside the same model written in C by hand: one step of Runge-Kutta on a cart-pole."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yardstick

from hil.models import Input, Model, Param, State, compile_model
from hil.models.compile import CORE, FLAGS
from hil.models.math import cos, sin

HERE = Path(__file__).resolve().parent
CALLS = 100_000
DT_S = 1e-3
# The aim is 1.15; the gate has room for a noisy machine.
GATE = 1.3


class CartPole(Model):
    """A pole on a cart without friction; R. Florian, "Correct equations for the ... cart-pole system" (2007)."""

    x = State(0.0, unit="m")
    v = State(0.0, unit="m/s")
    theta = State(0.05, unit="rad")
    omega = State(0.0, unit="rad/s")
    force = Input(unit="N")
    cart = Param(1.0, unit="kg", min=0.1, max=10)
    pole = Param(0.1, unit="kg", min=0.01, max=1)
    half = Param(0.5, unit="m", min=0.1, max=2)
    g = Param(9.81, unit="m/s**2", min=0.1, max=30)

    def equations(self) -> dict[str, Any]:
        s, c = sin(self.theta), cos(self.theta)
        total = self.cart + self.pole
        moment = self.pole * self.half
        push = (self.force + moment * self.omega * self.omega * s) / total
        alpha = (self.g * s - c * push) / (self.half * (4 / 3 - self.pole * c * c / total))
        return {"x": self.v, "v": push - moment * alpha * c / total, "theta": self.omega, "omega": alpha}


class SlowCartPole(CartPole):
    """The same with work that changes nothing visible: proves that the gate can fail."""

    def equations(self) -> dict[str, Any]:
        given = super().equations()
        waste = self.theta
        for _ in range(12):
            waste = sin(waste + self.omega)
        return given | {"omega": given["omega"] + 1e-300 * waste}


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    built = tmp_path_factory.mktemp("cartpole") / "cartpole.so"
    include = ["-I", str(CORE / "include"), "-I", str(CORE / "src")]
    source = str(HERE / "cartpole_rk4.c")
    subprocess.run(["gcc", "-D_GNU_SOURCE", *FLAGS, *include, source, "-o", str(built)], check=True)
    library = ctypes.CDLL(str(built))
    library.time_step.restype = ctypes.c_double
    library.time_step.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_double, ctypes.c_int]
    return library


def ratio(library: ctypes.CDLL, cls: type[Model], **bound: float) -> Any:
    model = compile_model(cls)

    def measure(step: int) -> float:
        x, p = model.x0, model.p0
        return float(library.time_step(step, x.ctypes.data, p.ctypes.data, DT_S, CALLS))

    theirs = ctypes.cast(library.cartpole_step, ctypes.c_void_p).value
    assert theirs is not None
    return yardstick.paired_until(lambda: measure(model.step_address), lambda: measure(theirs), pairs=24, **bound)


@pytest.mark.bench
def test_a_compiled_step_takes_hardly_longer_than_one_written_by_hand(by_hand: ctypes.CDLL) -> None:
    found = ratio(by_hand, CartPole, at_most=GATE)
    print(f"\ncart-pole RK4 step, compiled / by hand: {found} ns")
    assert found.median < GATE


@pytest.mark.bench
def test_the_gate_sees_a_model_that_does_more(by_hand: ctypes.CDLL) -> None:
    assert ratio(by_hand, SlowCartPole, at_least=GATE).median > GATE


def test_both_compute_the_same_motion(by_hand: ctypes.CDLL) -> None:
    model = compile_model(CartPole)
    x, p, u = model.x0, model.p0, np.array([1.0])
    y = x.copy()
    for _ in range(500):
        x = model.step(x, u, p, DT_S)
        by_hand.cartpole_step(
            *(ctypes.c_void_p(a.ctypes.data) for a in (y, u, p)), ctypes.c_double(DT_S), ctypes.c_uint32(1)
        )
    assert np.allclose(x, y, rtol=1e-12)
    assert 0.01 < abs(x[2]) < 1
