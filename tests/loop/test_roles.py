"""A role is a boundary: it reads what was published at tick k and its outputs are latched at tick k + delay."""

import subprocess
import sys

import numpy as np
import pytest

from hil import _core
from hil.errors import BenchError
from hil.spec import RoleSpec, TagSpec

from .conftest import Bench

U16, F64 = 1, 8


def bench(*, delay=1, every=1, phase=0, binding=0, kind=F64, scale=1.0):
    b = Bench()
    b.block("t", "ramp", [], ["x"], slope_per_s=1000.0)
    b.signal("y", -1.0)
    b.block("twice", "gain", ["in"], ["out"], gain=2.0, role=1)
    b.block("seen", "gain", ["y"], ["z"])
    inputs = [TagSpec(b.signal("x"), b.signal("in"), kind, scale)]
    outputs = [TagSpec(b.signal("y"), b.signal("out"), kind, scale, start=-1.0)]
    b.spec.roles.append(RoleSpec("r", inputs, outputs, every, phase, delay, binding))
    return b, b.start()


def trace(b, state, n, each=None):
    values = []
    for k in range(n):
        state.run(1)
        values.append(b.get(state, "z"))
        if each:
            each(k)
    return values


@pytest.mark.parametrize("delay", [1, 2, 5])
def test_outputs_come_delay_ticks_after_their_inputs(delay):
    b, state = bench(delay=delay)
    assert trace(b, state, 10) == [-1.0] * delay + [2.0 * k for k in range(10 - delay)]


def test_a_slow_role_holds_its_outputs():
    b, state = bench(every=3, phase=1)
    assert trace(b, state, 9) == [-1, -1, 2, 2, 2, 8, 8, 8, 14]


@pytest.mark.parametrize("delay", [1, 3])
@pytest.mark.parametrize("every", [1, 4])
def test_an_external_role_that_computes_the_same_gives_the_same_bits(delay, every):
    simulated, external = bench(delay=delay, every=every), bench(delay=delay, every=every, binding=1)

    def device(k):
        b, state = external
        if k % every == 0:
            state.latch(1, np.array(2.0 * b.get(state, "x")).tobytes(), k * 1_000_000)

    assert trace(*simulated, 30) == trace(*external, 30, device)


def test_a_simulated_role_sees_what_a_register_carries():
    b, state = bench(kind=U16, scale=0.3)
    values = trace(b, state, 12)
    quantised = [round(round(k / 0.3) * 0.3 * 2.0 / 0.3) * 0.3 for k in range(11)]
    assert values[0] == 0.0 or values[0] == -1.0
    assert np.allclose(values[1:], quantised)


def test_a_stopped_role_ages():
    b, state = bench(binding=2)
    assert trace(b, state, 5) == [-1.0] * 5


def test_inputs_of_the_binding_are_checked_before_they_reach_the_core():
    _, state = bench()
    for bad in (lambda: state.latch(60000, b"", 0), lambda: state.latch(1, b"", 0), lambda: state.get(1 << 30)):
        with pytest.raises(BenchError):
            bad()
    with pytest.raises(BenchError, match="64 bytes"):
        state.push(b"x")
    with pytest.raises(BenchError, match="every 1 or more"):
        _core.Loop(state, groups=[(0, [(512, 1)], [])])
    with pytest.raises(BenchError, match="outside the state"):
        _core.Loop(state, groups=[(1, [(1 << 28, 1)], [])])


@pytest.mark.parametrize("tag", [TagSpec(60000, 1, F64), TagSpec(1, 60000, F64)])
def test_a_role_that_names_no_signal_is_refused(tag):
    b = Bench()
    b.signal("x")
    b.spec.roles.append(RoleSpec("r", [tag], []))
    with pytest.raises(_core.BuildError, match="out of range"):
        b.start()


def test_two_programs_that_differ_in_the_direction_of_a_tag_have_other_hashes():
    def of(n_in):
        b = Bench()
        tags = [TagSpec(b.signal(n), 0, F64) for n in ("a", "b", "c")]
        b.spec.roles.append(RoleSpec("r", tags[:n_in], tags[n_in:], binding=1))
        return b.start().program.hash

    assert of(1) != of(2)


def test_a_running_loop_survives_the_garbage_collector():
    code = """
import gc
from hil import _core
from hil.spec import Spec
for _ in range(20):
    loop = _core.Loop(_core.State(_core.Program(Spec(period_ns=100_000))))
    loop.start()
    cycle = [loop]
    cycle.append(cycle)
    del loop, cycle
    gc.collect()
print("alive")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "alive\n", done
