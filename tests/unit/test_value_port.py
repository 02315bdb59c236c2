"""The port for devices that Python talks to, under a loop: the newest values pass, in both directions."""

from __future__ import annotations

import time

import pytest

from hil import _core
from hil._port import ValuePort
from hil.program import build_bench
from hil.rig import load_rig


def test_a_port_wants_as_many_values_as_it_has() -> None:
    port = ValuePort(2, 3)
    assert (port.n_in, port.n_out) == (2, 3)
    with pytest.raises(ValueError, match="2 values are wanted, not 1"):
        port.publish([1.0], 0)
    with pytest.raises(ValueError, match="65535"):
        ValuePort(70000, 0)
    assert port.take_out() is None


def test_values_pass_a_running_loop_both_ways() -> None:
    built = build_bench(load_rig("tclab"), {"board": "hil"})
    state = _core.State(built.program)
    loop = _core.Loop(state, input_ring=0, sample_ring=0)
    port = ValuePort(2, 4)
    loop.connect({built.roles.index("board"): port})
    port.publish([33.0, 22.0], time.monotonic_ns())
    loop.start(n_ticks=25)
    loop.join()
    taken = port.take_out()
    assert taken is not None
    number, _, (q1, q2, p1, p2) = taken
    assert number > 20, "published with every tick"
    assert (p1, p2) == (200.0, 100.0)
    assert 20.0 < q1 < q2, "the controllers act on what was published"
    assert port.take_out() is None, "an image is taken once"
