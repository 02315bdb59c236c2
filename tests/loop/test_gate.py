"""The safety gate: whatever faults, events, forces and stale inputs do, an output stays within its limits and rate."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil import _core
from hil.events import EventKind, encode
from hil.spec import RoleSpec, TagSpec

from .conftest import Bench

STALE, FORCED, FAULTED, BAD, SAFE = 1, 2, 4, 8, 16
LO, HI, RATE, SAFE_VALUE = -2.0, 5.0, 100.0, 0.5
STEP = RATE * 1e-3
F64 = 8

anything = st.one_of(st.floats(-1e3, 1e3), st.sampled_from([math.nan, math.inf, -math.inf, 1e308, -1e308, 0.0]))
finite = st.floats(-1e3, 1e3)


def gated_bench(*, safe_rate: bool, max_age_ns: int = 5_000_000) -> tuple[Bench, _core.State]:
    """An external role's value passes a gain and a gate."""
    b = Bench(max_faults=8)
    b.signal("cmd", 0.5)
    b.block("gain", "gain", ["cmd"], ["out.raw"])
    b.path("out", gated=True, lo=LO, hi=HI, rate=RATE, safe=SAFE_VALUE, safe_rate=safe_rate, start=0.5)
    b.spec.roles.append(
        RoleSpec("dev", [], [TagSpec(b.signal("cmd"), 0, F64, start=0.5, max_age_ns=max_age_ns)], binding=1)
    )
    return b, b.start()


actions = st.lists(
    st.one_of(
        st.tuples(st.just("image"), anything),
        st.tuples(st.just("force"), finite),
        st.tuples(st.just("release")),
        st.tuples(st.just("fault"), st.integers(1, 7), finite, st.integers(1, 30)),
        st.tuples(st.just("clear")),
        st.tuples(st.just("safe"), st.booleans()),
        st.tuples(st.just("gain"), finite),
        st.tuples(st.just("skip"), st.integers(1, 20)),
        st.tuples(st.just("run"), st.integers(1, 12)),
    ),
    max_size=60,
)


def act(state, offset, action):
    """One action; whether the core takes an event is the core's business here."""
    kind, *args = action
    if kind == "image":
        state.latch(1, np.array(args[0]).tobytes(), state.tick * 1_000_000)
    elif kind == "force":
        state.push(encode(EventKind.FORCE, target=0, values=args))
    elif kind == "release":
        state.push(encode(EventKind.RELEASE, target=0))
    elif kind == "fault":
        state.push(encode(EventKind.FAULT, target=0, kind2=args[0], values=[args[1]], ticks=args[2], event_id=1))
    elif kind == "clear":
        state.push(encode(EventKind.FAULT_CLEAR, target=0))
    elif kind == "safe":
        state.push(encode(EventKind.SAFE, values=[float(args[0])]))
    elif kind == "gain":
        state.push(encode(EventKind.PARAM, target=offset, values=args))
    elif kind == "skip":
        state.skip(args[0])


@pytest.mark.parametrize("safe_rate", [False, True])
def test_no_fault_event_force_or_image_gets_a_value_past_limits_or_rate(full, safe_rate):
    @settings(max_examples=full(300, 20_000), deadline=None, print_blob=True)
    @given(actions)
    def check(sequence):
        b, state = gated_bench(safe_rate=safe_rate)
        offset = b.program.offset_param(0, 0)
        last = 0.5
        for action in [*sequence, ("run", 10)]:
            act(state, offset, action)
            for _ in range(action[1] if action[0] == "run" else 1):
                state.run(1)
                out, status = b.get(state, "out"), b.status(state, "out")
                assert LO <= out <= HI
                if safe_rate or not status & SAFE:
                    assert abs(out - last) <= STEP * (1 + 1e-12)
                else:
                    assert out == SAFE_VALUE
                last = out

    check()


def test_a_stale_input_makes_the_output_safe_within_the_declared_age():
    b, state = gated_bench(safe_rate=False, max_age_ns=5_000_000)
    state.latch(1, np.array(0.55).tobytes(), 10_000_000)
    state.skip(10)
    seen = {}
    for tick in range(10, 20):
        state.run(1)
        seen[tick] = b.get(state, "out"), b.status(state, "out")
    assert [seen[t] for t in range(10, 16)] == [(0.55, 0)] * 6
    assert [seen[t] for t in range(16, 20)] == [(SAFE_VALUE, STALE | SAFE)] * 4


def test_it_comes_back_from_safe_at_the_declared_rate():
    b, state = gated_bench(safe_rate=False)
    state.push(encode(EventKind.SAFE, values=[1.0]))
    state.run(1)
    state.push(encode(EventKind.SAFE, values=[0.0]))
    state.latch(1, np.array(2.0).tobytes(), 1_000_000)
    values = []
    for _ in range(20):
        state.latch(1, np.array(2.0).tobytes(), state.tick * 1_000_000)
        state.run(1)
        values.append(b.get(state, "out"))
    assert np.allclose(np.diff(values)[:14], STEP)
    assert values[-1] == 2.0


def test_a_bad_value_makes_the_output_safe_at_once_and_recovers():
    b, state = gated_bench(safe_rate=False)
    state.latch(1, np.array(math.nan).tobytes(), 0)
    state.run(1)
    assert (b.get(state, "out"), b.status(state, "out")) == (SAFE_VALUE, BAD | SAFE)
    state.latch(1, np.array(0.52).tobytes(), 0)
    state.run(1)
    assert (b.get(state, "out"), b.status(state, "out")) == (0.52, 0)


def test_a_clip_is_noted_once_an_episode_and_counted_every_tick():
    b, state = gated_bench(safe_rate=False, max_age_ns=0)
    loop = b.loop(state, ["out"])
    state.latch(1, np.array(9.0).tobytes(), 0)
    loop.run(100)
    from hil.frames import NOTES, Frame, split

    kinds = [NOTES[int.from_bytes(p[8:10], "little")] for k, _, _, p in split(loop.read_inputs()) if k == Frame.NOTE]
    assert kinds.count("clip_on") == 1
    assert state.clips == 100
    assert b.get(state, "out") == HI


def test_a_person_s_force_passes_a_stale_input_but_not_the_limits():
    b, state = gated_bench(safe_rate=False, max_age_ns=1)
    state.push(encode(EventKind.FORCE, target=0, values=[99.0]))
    state.run(200)
    assert b.get(state, "out") == HI
    assert b.status(state, "out") & FORCED
