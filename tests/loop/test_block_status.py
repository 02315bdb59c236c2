"""A block that judges sets the status of its output; what lies behind it in the tick knows, and it ends by itself."""

from __future__ import annotations

from typing import Any

import pytest

from hil import _core
from hil.events import EventKind, encode
from hil.frames import NOTES, Frame, split

GOOD, STALE, FORCED, FAULTED, BAD, SAFE = 0, 1, 2, 4, 8, 16


def judged(hand_bench: Any, *, every: int = 1, limit: float = 4.5) -> Any:
    """A saw tooth 0 .. 9 that is bad above `limit`, a lag and a gated output behind it, one block beside it."""
    b = hand_bench()
    b.block("saw", "playback", [], ["u"], t=[i * 1e-3 for i in range(11)], u=[*range(10), 0], repeat=[1.0])
    b.block("quality", "data_quality", ["u", ""], ["seen", "bad", "why"], range_hi=limit, every=every)
    b.block("behind", "gain", ["seen"], ["out.raw"], gain=1.0)
    b.block("flag", "gain", ["bad"], ["flag"], gain=1.0)
    b.block("beside", "gain", ["u"], ["plain"], gain=1.0)
    b.path("out", gated=True, lo=-20.0, hi=20.0, safe=-1.0)
    return b


def test_the_status_is_known_behind_the_block_in_the_same_tick(hand_bench: Any) -> None:
    b = judged(hand_bench)
    state = b.start()
    for tick in range(30):
        state.run(1)
        bad = tick % 10 > 4
        assert b.get(state, "seen") == tick % 10
        assert [b.status(state, name) for name in ("seen", "out.raw")] == [BAD if bad else GOOD] * 2
        assert [b.status(state, name) for name in ("u", "bad", "why", "flag", "plain")] == [GOOD] * 5
        assert b.status(state, "out") == (BAD | SAFE if bad else GOOD)
        assert b.get(state, "out") == (-1.0 if bad else tick % 10)
        assert state.alert == bad, "the alarm ends with the tick in which all is good again"


def test_a_slow_judge_keeps_its_verdict_between_its_samples(hand_bench: Any) -> None:
    b = judged(hand_bench, every=7)
    state = b.start()
    verdict = False
    for tick in range(70):
        state.run(1)
        if tick % 7 == 0:
            verdict = tick % 10 > 4
        assert b.status(state, "seen") == (BAD if verdict else GOOD)
        assert b.status(state, "out") == (BAD | SAFE if verdict else GOOD)


def test_bad_begins_and_ends_with_a_note(hand_bench: Any) -> None:
    b = judged(hand_bench)
    loop = b.loop(b.start(), ["out"])
    loop.run(21)
    frames = [(payload, tick) for kind, _, tick, payload in split(loop.read_inputs()) if kind == Frame.NOTE]
    notes = [(NOTES[int.from_bytes(payload[8:10], "little")], tick) for payload, tick in frames]
    wanted = [("bad_on", 5), ("bad_off", 10), ("bad_on", 15), ("bad_off", 20)]
    assert [note for note in notes if note[0].startswith("bad")] == wanted


def test_a_fault_on_the_measurement_is_carried_on_beside_the_verdict(hand_bench: Any) -> None:
    b = hand_bench()
    b.block("source", "sine", [], ["u.raw"], frequency_hz=10.0)
    b.path("u")
    b.block("quality", "data_quality", ["u", ""], ["seen", "bad", "why"], range_hi=4.5)
    state = b.start()
    bias = encode(EventKind.FAULT, target=0, values=[2.0], kind2=1, due=5, ticks=5, event_id=1)
    more = encode(EventKind.FAULT, target=0, values=[4.0], kind2=1, due=7, ticks=1, event_id=2)
    state.push(bias)
    state.push(more)
    seen = []
    for _ in range(12):
        state.run(1)
        seen.append((b.status(state, "seen"), b.status(state, "why")))
    assert seen[4:11] == [(0, 0), (4, 4), (4, 4), (12, 4), (4, 4), (4, 4), (0, 0)]


@pytest.mark.parametrize("cut", [3, 7, 12])
def test_a_fork_in_the_middle_goes_the_same_way(hand_bench: Any, cut: int) -> None:
    b = judged(hand_bench)
    state = b.start()
    state.run(cut)
    fork = _core.State(b.program)
    fork.restore(state.snapshot())
    for _ in range(20):
        state.run(1)
        fork.run(1)
        assert state.hash() == fork.hash()
