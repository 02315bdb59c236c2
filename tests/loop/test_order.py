"""Blocks run in dataflow order, whatever the order of their description."""

import pytest

from hil import _core


def test_a_chain_described_backwards_gives_its_result_in_the_same_tick(hand_bench):
    b = hand_bench()
    b.block("third", "gain", ["b"], ["c"], gain=2.0)
    b.block("second", "gain", ["a"], ["b"], gain=3.0)
    b.block("first", "constant", [], ["a"], value=5.0)
    state = b.start()
    state.run(1)
    assert b.get(state, "c") == 30.0


def test_an_algebraic_loop_names_its_signals_in_the_direction_of_the_data(hand_bench):
    b = hand_bench()
    b.block("g1", "gain", ["x"], ["y"])
    b.block("g2", "gain", ["y"], ["z"])
    b.block("g3", "gain", ["z"], ["x"])
    b.block("innocent", "gain", ["x"], ["w"])
    with pytest.raises(_core.BuildError) as error:
        b.start()
    names = [next(n for n, k in b.numbers.items() if k == i) for i in error.value.cycle]
    assert sorted(names) == ["x", "y", "z"]
    after = {"x": "y", "y": "z", "z": "x"}
    assert all(after[a] == b_ for a, b_ in zip(names, names[1:] + names[:1], strict=True))


def test_a_delay_breaks_a_loop(hand_bench):
    b = hand_bench()
    b.block("add", "sum", ["one", "old"], ["new"])
    b.block("z", "delay", ["new"], ["old"])
    b.block("one", "constant", [], ["one"], value=1.0)
    state = b.start()
    state.run(10)
    assert b.get(state, "new") == 10.0


def test_two_producers_of_one_signal_are_refused(hand_bench):
    b = hand_bench()
    b.block("a", "constant", [], ["x"], value=1.0)
    b.block("b", "constant", [], ["x"], value=2.0)
    with pytest.raises(_core.BuildError, match="two producers"):
        b.start()


def test_tasks_run_at_their_rate_and_offset_and_hold_between(hand_bench):
    b = hand_bench()
    b.block("t", "ramp", [], ["t"], slope_per_s=1000.0)
    b.block("slow", "gain", ["t"], ["held"], every=5, phase=2)
    state = b.start()
    seen = []
    for _ in range(12):
        state.run(1)
        seen.append(b.get(state, "held"))
    assert seen == pytest.approx([0, 0, 2, 2, 2, 2, 2, 7, 7, 7, 7, 7])
