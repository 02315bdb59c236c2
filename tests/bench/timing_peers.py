"""The same work by other libraries in Python, as the sides of pairs: pymodbus, pyserial, FMPy, python-control."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import control
import numpy as np
import serial
from filterpy.kalman import ExtendedKalmanFilter
from fmpy import extract, read_model_description
from fmpy.fmi2 import FMU2Slave
from place import CPU, measured_place
from pymodbus.client import ModbusTcpClient

from hil import _core
from hil.spec import BlockSpec, Spec

REGISTERS = 10
RTU_REQUEST = bytes.fromhex("01030000000ac5cd")  # unit 1, FC 3, 10 registers from 0
RTU_ANSWER_BYTES = 25
RNG = np.random.default_rng(1)
A = 0.9 * np.linalg.qr(RNG.normal(size=(4, 4)))[0]
B, C = RNG.normal(size=(4, 1)), RNG.normal(size=(1, 4))


def pymodbus_us(port: int, n: int) -> float:
    """p50 of a read of 10 registers."""
    client = ModbusTcpClient("127.0.0.1", port=port, timeout=5)
    assert client.connect()
    rounds = []
    with measured_place():
        for _ in range(n):
            start = time.perf_counter_ns()
            answer = client.read_holding_registers(0, count=REGISTERS, device_id=1)
            rounds.append(time.perf_counter_ns() - start)
    client.close()
    assert len(answer.registers) == REGISTERS
    return statistics.median(rounds) / 1e3


def pyserial_us(path: str, n: int) -> float:
    """p50 of the same frames as a master of ours exchanges, written and read by pyserial, nothing checked."""
    rounds, cpus = [], os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CPU})
    with serial.Serial(path, timeout=5) as line:
        for _ in range(n):
            start = time.perf_counter_ns()
            line.write(RTU_REQUEST)
            answer = line.read(RTU_ANSWER_BYTES)
            rounds.append(time.perf_counter_ns() - start)
            time.sleep(0.0005)  # the silence between frames, outside of the measured time
    os.sched_setaffinity(0, cpus)
    assert len(answer) == RTU_ANSWER_BYTES
    return statistics.median(rounds) / 1e3


@contextmanager
def fmpy_slave(fmu: Path) -> Iterator[Any]:
    """An instance of a co-simulation FMU, ready to step."""
    description = read_model_description(fmu)
    slave = FMU2Slave(
        guid=description.guid,
        unzipDirectory=extract(fmu),
        modelIdentifier=description.coSimulation.modelIdentifier,
        instanceName="it",
    )
    slave.instantiate()
    slave.setupExperiment(startTime=0.0)
    slave.enterInitializationMode()
    slave.exitInitializationMode()
    slave.references = {v.name: v.valueReference for v in description.modelVariables}
    slave.time = 0.0
    yield slave
    slave.terminate()


def fmpy_ns(slave: Any, inputs: list[str], outputs: list[str], period_s: float, steps: int) -> float:
    """ns a step: set, doStep, get."""
    u, y = [slave.references[name] for name in inputs], [slave.references[name] for name in outputs]
    values = [1.0] * len(u)
    start = time.perf_counter_ns()
    for _ in range(steps):
        slave.setReal(u, values)
        slave.doStep(slave.time, period_s)
        slave.getReal(y)
        slave.time += period_s
    return (time.perf_counter_ns() - start) / steps


def filterpy_ekf_ns(steps: int) -> float:
    """ns a step of the filter of yardsticks/est.c: Euler's prediction of a cart-pole, position and angle measured."""
    dt, it = 1e-3, ExtendedKalmanFilter(dim_x=4, dim_z=2, dim_u=1)
    it.x, it.P, it.Q, it.R = np.zeros((4, 1)), np.eye(4), 1e-3 * np.eye(4), 0.1 * np.eye(2)
    H, z = np.eye(4)[::2], np.array([[0.1], [0.2]])
    start = time.perf_counter_ns()
    for _ in range(steps):
        change, it.F = cart_pole(it.x[:, 0], 0.0, dt)
        it.x = it.x + dt * change[:, None]
        it.P = it.F @ it.P @ it.F.T + it.Q
        it.update(z, lambda x: H, lambda x: H @ x)
    return (time.perf_counter_ns() - start) / steps


def cart_pole(x: Any, u: float, dt: float) -> tuple[Any, Any]:
    """dx/dt and I + dt d(dx/dt)/dx, as est.c has them: cart 0.5 kg, pole 0.2 kg on a rod of 0.3 m."""
    g, cart, pole, rod = 9.81, 0.5, 0.2, 0.3
    s, c, w = math.sin(x[2]), math.cos(x[2]), x[3]
    mass, dmass = cart + pole * s * s, 2 * pole * s * c
    n1 = u + pole * s * (rod * w * w - g * c)
    n3 = -u * c - pole * rod * w * w * c * s + (cart + pole) * g * s
    dn1 = pole * (rod * w * w * c - g * (c * c - s * s))
    dn3 = u * s - pole * rod * w * w * (c * c - s * s) + (cart + pole) * g * c
    F = np.eye(4)
    F[0, 1] = F[2, 3] = dt
    F[1, 2:] = dt * (dn1 / mass - n1 * dmass / mass**2), dt * 2 * pole * s * rod * w / mass
    F[3, 2] = dt * (dn3 / mass - n3 * dmass / mass**2) / rod
    F[3, 3] -= dt * 2 * pole * w * c * s / mass
    return np.array([x[1], n1 / mass, w, n3 / (rod * mass)]), F


def control_ns(steps: int) -> float:
    """ns a step of a discrete linear system of order 4, by forced_response."""
    system = control.ss(A, B, C, 0, 1.0)
    u = np.ones(steps)
    start = time.perf_counter_ns()
    control.forced_response(system, U=u)
    return (time.perf_counter_ns() - start) / steps


def state_space_program() -> _core.Program:
    """The same system as a block."""
    spec = Spec(period_ns=1_000_000)
    u, y = spec.signal("u", 1.0), spec.signal("y")
    config = [A.ravel().tolist(), B.ravel().tolist(), C.ravel().tolist(), [], [0.0]]
    spec.blocks.append(BlockSpec("it", "state_space", [u], [y], [], config))
    return _core.Program(spec)


def state_space_ns(program: _core.Program, steps: int) -> float:
    """ns a tick."""
    state = _core.State(program)
    start = time.perf_counter_ns()
    state.run(steps)
    return (time.perf_counter_ns() - start) / steps


def same_response() -> float:
    """Largest difference of both after 50 steps: they do the same work."""
    steps, spec_output = 50, 2
    program = state_space_program()
    state = _core.State(program)
    state.run(steps)
    theirs = control.forced_response(control.ss(A, B, C, 0, 1.0), U=np.ones(steps)).outputs[-1]
    return abs(state.get(program.offset_value(spec_output)) - float(theirs))
