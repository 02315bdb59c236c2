"""Faults act on a path at exact ticks, with the value before and after in the record."""

import math

import numpy as np
import pytest

from hil import _core
from hil.events import EventKind, encode
from hil.frames import NOTES, Frame, split

BIAS, GAIN, STUCK, NOISE, DRIFT, DROPOUT, DELAY = range(1, 8)


def run(hand_bench, kind, values, *, due=5, ticks=4, n=14, seed=1, gate=None):
    b = hand_bench(seed=seed)
    b.block("t", "ramp", [], ["x.raw"], slope_per_s=1000.0)
    b.path("x", **(gate or {}))
    state = b.start()
    loop = b.loop(state, ["x.raw", "x"])
    loop.push(encode(EventKind.FAULT, target=0, values=values, kind2=kind, due=due, ticks=ticks, event_id=9))
    loop.run(n)
    _, _, _, rows, status = _core.unpack_samples(loop.read_samples(), 0, 2, 2)
    return rows[:, 0], rows[:, 1], status[:, 1], list(split(loop.read_inputs()))


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (BIAS, [0.5], lambda v, i: v + 0.5),
        (GAIN, [2.0], lambda v, i: v * 2.0),
        (STUCK, [math.nan], lambda v, i: 4.0),
        (STUCK, [-1.0], lambda v, i: -1.0),
        (DRIFT, [100.0], lambda v, i: v + 0.1 * (i - 5)),
        (DRIFT, [100.0, 0.15], lambda v, i: v + min(0.1 * (i - 5), 0.15)),
        (DELAY, [2.0], lambda v, i: 4.0 if i < 7 else v - 2.0),
    ],
)
def test_a_fault_acts_from_its_first_to_before_its_last_tick(hand_bench, kind, values, expected):
    raw, x, status, _ = run(hand_bench, kind, values)
    active = (np.arange(14) >= 5) & (np.arange(14) < 9)
    assert np.array_equal(x[~active], raw[~active])
    assert np.allclose(x[active], [expected(raw[i], i) for i in range(5, 9)], atol=1e-12)
    assert np.array_equal(status, np.where(active, 4, 0))


def test_begin_and_end_are_noted_with_values_before_and_after(hand_bench):
    *_, frames = run(hand_bench, BIAS, [0.5])
    notes = [(NOTES[int.from_bytes(p[8:10], "little")], t) for k, _, t, p in frames if k == Frame.NOTE]
    assert notes == [("fault_on", 5), ("fault_off", 9)]


def test_noise_and_dropout_depend_on_seed_and_tick_only(hand_bench):
    for kind, values in ((NOISE, [0.3]), (DROPOUT, [0.5])):
        a, b = (run(hand_bench, kind, values, ticks=500, n=600)[1] for _ in range(2))
        c = run(hand_bench, kind, values, ticks=500, n=600, seed=2)[1]
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)


def test_dropout_loses_about_the_declared_share(hand_bench):
    raw, x, status, _ = run(hand_bench, DROPOUT, [0.3], due=0, ticks=20000, n=20000)
    lost = np.count_nonzero(status & 8) / len(x)
    assert 0.28 < lost < 0.32
    assert np.count_nonzero(x != raw) == np.count_nonzero(status & 8)


def test_two_faults_on_one_signal_act_in_the_order_of_their_start(hand_bench):
    b = hand_bench()
    b.block("c", "constant", [], ["x.raw"], value=1.0)
    b.path("x")
    state = b.start()
    state.push(encode(EventKind.FAULT, target=0, values=[1.0], kind2=BIAS, due=1, ticks=10, event_id=1))
    state.push(encode(EventKind.FAULT, target=0, values=[3.0], kind2=GAIN, due=2, ticks=10, event_id=2))
    state.run(3)
    assert b.get(state, "x") == 6.0
    state.push(encode(EventKind.FAULT_CLEAR, target=0, values=[1]))
    state.run(1)
    assert b.get(state, "x") == 3.0


def test_the_master_enable_takes_all_effect_away(hand_bench):
    b = hand_bench()
    b.block("c", "constant", [], ["x.raw"], value=1.0)
    b.path("x")
    state = b.start()
    state.push(encode(EventKind.FAULT, target=0, values=[1.0], kind2=BIAS, ticks=100, event_id=1))
    state.push(encode(EventKind.FAULTS_ENABLE, values=[0.0], due=3))
    state.push(encode(EventKind.FAULTS_ENABLE, values=[1.0], due=6))
    seen = []
    for _ in range(8):
        state.run(1)
        seen.append(b.get(state, "x"))
    assert seen == [2, 2, 2, 1, 1, 1, 2, 2]


def test_a_fault_that_the_gate_would_clip_is_refused_when_armed(hand_bench):
    b = hand_bench()
    b.block("c", "constant", [], ["x.raw"], value=1.0)
    b.path("x", gated=True, lo=-1.0, hi=11.0, safe=0.0, range_lo=0.0, range_hi=10.0)
    state = b.start()

    def arm(kind, *values):
        return state.push(encode(EventKind.FAULT, target=0, values=values, kind2=kind, ticks=10))

    assert arm(BIAS, 0.9) == 0
    assert arm(BIAS, 1.1) == 12
    assert arm(GAIN, 1.2) == 12
    assert arm(STUCK, 11.5) == 12
    assert arm(STUCK, 10.9) == 0
    assert arm(NOISE, 0.1) == 0
    assert arm(NOISE, 0.5) == 12


def test_unknown_kinds_and_impossible_values_are_refused(hand_bench):
    b = hand_bench()
    b.block("c", "constant", [], ["x.raw"], value=1.0)
    b.path("x")
    state = b.start()
    for kind, value in (
        (99, 1.0),
        (BIAS, math.inf),
        (GAIN, math.nan),
        (DROPOUT, 1.5),
        (DELAY, 0.0),
        (DELAY, 2.5),
        (DELAY, 1e9),
    ):
        assert state.push(encode(EventKind.FAULT, target=0, values=[value], kind2=kind, ticks=1)) != 0
    assert state.push(encode(EventKind.FAULT, target=5, values=[1.0], kind2=BIAS, ticks=1)) != 0


def test_a_cleared_fault_that_has_not_begun_never_begins(hand_bench):
    b = hand_bench()
    b.block("c", "constant", [], ["x.raw"], value=1.0)
    b.path("x")
    state = b.start()
    state.push(encode(EventKind.FAULT, target=0, values=[1.0], kind2=BIAS, due=5, ticks=10, event_id=7))
    state.push(encode(EventKind.FAULT_CLEAR, target=2**32 - 1, values=[7], due=2))
    state.run(8)
    assert b.get(state, "x") == 1.0
    assert state.n_events == 0


def test_a_second_fault_holds_the_value_before_its_own_start(hand_bench):
    b = hand_bench()
    b.block("t", "ramp", [], ["x.raw"], slope_per_s=1000.0)
    b.path("x")
    state = b.start()
    state.push(encode(EventKind.FAULT, target=0, values=[0.0], kind2=BIAS, due=10, ticks=1000, event_id=1))
    state.push(encode(EventKind.FAULT, target=0, values=[math.nan], kind2=STUCK, due=100, ticks=50, event_id=2))
    state.run(101)
    assert b.get(state, "x") == pytest.approx(99.0)


def test_a_delay_that_was_disabled_for_a_while_gives_nothing_old(hand_bench):
    b = hand_bench()
    b.block("t", "ramp", [], ["x.raw"], slope_per_s=1000.0)
    b.path("x")
    state = b.start()
    state.push(encode(EventKind.FAULT, target=0, values=[5.0], kind2=DELAY, due=20, ticks=1000, event_id=1))
    state.push(encode(EventKind.FAULTS_ENABLE, values=[0.0], due=50))
    state.push(encode(EventKind.FAULTS_ENABLE, values=[1.0], due=200))
    state.run(201)
    assert b.get(state, "x") == pytest.approx(195.0)


def test_an_endless_drift_on_a_limited_signal_is_refused(hand_bench):
    b = hand_bench()
    b.block("c", "constant", [], ["x.raw"], value=1.0)
    b.path("x", gated=True, lo=0.0, hi=10.0, safe=0.0, range_lo=0.0, range_hi=5.0)
    state = b.start()

    def arm(*values, ticks):
        return state.push(encode(EventKind.FAULT, target=0, values=values, kind2=DRIFT, ticks=ticks))

    assert arm(0.5, ticks=2**64 - 1) == 12
    assert arm(0.5, 2.0, ticks=2**64 - 1) == 0
    assert arm(0.5, ticks=1000) == 0
