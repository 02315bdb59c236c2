"""A state is plain bytes: snapshot, restore, fork and hash."""

import pytest

from hil import _core
from hil.errors import BenchError
from hil.events import EventKind, encode


def noisy(hand_bench, gain=1.0):
    b = hand_bench(seed=42)
    b.block("n", "noise", [], ["x.raw"])
    b.path("x")
    b.block("lag", "lag", ["x"], ["l"], time_constant_s=0.01)
    b.block("gain", "gain", ["l"], ["y"], gain=gain)
    b.block("osc", "sine", [], ["s"], frequency_hz=3.0)
    b.block("sum", "sum", ["y", "s"], ["out"])
    return b, b.start()


def test_the_same_program_gives_the_same_hash_again(hand_bench):
    hashes = set()
    for _ in range(2):
        _, state = noisy(hand_bench)
        state.run(5000)
        hashes.add(state.hash())
    assert len(hashes) == 1


def test_snapshot_restore_and_fork_with_a_pending_event_go_on_identically(hand_bench):
    _, state = noisy(hand_bench)
    state.push(encode(EventKind.FAULT, target=0, values=[0.1], kind2=4, ticks=700, due=900, event_id=3))
    state.push(encode(EventKind.FAULT, target=0, values=[5], kind2=7, ticks=900, due=300, event_id=4))
    state.run(500)
    data, fork = state.snapshot(), state.copy()
    state.run(20000)
    fork.run(20000)
    other = _core.State(state.program)
    other.restore(data)
    for _ in range(20000):
        other.run(1)
    assert state.hash() == fork.hash() == other.hash()
    assert state.snapshot() == fork.snapshot() == other.snapshot()


def test_another_seed_gives_another_hash(hand_bench):
    _, a = noisy(hand_bench)
    _, b = noisy(hand_bench)
    b.reseed(43)
    a.run(10)
    b.run(10)
    assert a.hash() != b.hash()


def test_a_buffer_of_another_program_is_refused(hand_bench):
    _, a = noisy(hand_bench)
    _, b = noisy(hand_bench, gain=2.0)
    with pytest.raises(BenchError, match="another program"):
        b.restore(a.snapshot())
    with pytest.raises(BenchError):
        b.restore(b"rubbish" * 100)


def test_one_changed_bit_anywhere_changes_the_hash(hand_bench):
    _, state = noisy(hand_bench)
    state.run(100)
    data = state.snapshot()
    reference = state.hash()
    for at in range(512, len(data), 97):
        changed = bytearray(data)
        changed[at] ^= 1
        state.restore(bytes(changed))
        assert state.hash() != reference, at
