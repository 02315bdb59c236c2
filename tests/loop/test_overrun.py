"""Overruns are data and a policy. A period far below what a tick takes makes every tick one."""

import struct
import threading

import pytest

from hil import _core
from hil.frames import Frame, split

COUNT, SKIP, CATCH_UP, STOP, SAFE_STATE = range(5)
DONE, STOPPED, OVERRUN = 1, 2, 3
OVERRUN_FORM = struct.Struct("<qqQIIq")


def run(hand_bench, policy, *, n_ticks=400, period_ns=2000, grace=0, **kw):
    b = hand_bench(period_ns=period_ns)
    b.block("busy", "moving_average", ["x"], ["y"], n=[4000.0])
    b.block("n", "noise", [], ["x"])
    b.path("out", gated=True, lo=-1.0, hi=1.0, safe=0.25, start=0.0)
    b.block("g", "gain", ["y"], ["out.raw"])
    for i in range(60):  # some 10 us of work, five periods
        b.block(f"s{i}", "chirp", [], [f"c{i}"])
    state = b.start()
    loop = b.loop(state, ["out"], timed_entries=70)
    loop.start(policy=policy, n_ticks=n_ticks, grace_ticks=grace, **kw)
    end = loop.join()
    frames = list(split(loop.read_inputs()))
    return b, state, loop, end, frames


def overruns(frames):
    return [(tick, OVERRUN_FORM.unpack(payload)) for kind, _, tick, payload in frames if kind == Frame.OVERRUN]


def test_count_runs_every_tick_and_records_lateness_execution_and_slowest_block(hand_bench):
    _, state, loop, end, frames = run(hand_bench, COUNT)
    found = overruns(frames)
    assert (end, state.tick) == (DONE, 400)
    assert len(found) == loop.counters["overruns"] > 300
    late_ns, exec_ns, missed, slowest, grace, slowest_ns = found[-1][1]
    assert late_ns > 2000
    assert exec_ns > 2000
    assert missed >= 1
    assert slowest < 70
    assert 0 < slowest_ns <= exec_ns
    assert grace == 0


def test_the_first_ticks_are_a_grace_that_is_noted_but_not_counted(hand_bench):
    _, _, loop, _, frames = run(hand_bench, COUNT, n_ticks=50, grace=50)
    assert overruns(frames)
    assert loop.counters["overruns"] == 0


def test_skip_keeps_phase_and_records_what_it_left_out(hand_bench):
    _, state, loop, end, frames = run(hand_bench, SKIP)
    skipped = sum(struct.unpack("<Q", p)[0] for kind, _, _, p in frames if kind == Frame.SKIP)
    assert end == DONE
    assert skipped > 0
    assert state.tick == loop.counters["ticks"] + skipped >= 400


def test_catch_up_runs_at_most_so_many_late_ticks_in_a_row(hand_bench):
    _, _, _, end, frames = run(hand_bench, CATCH_UP, max_catch_up=5)
    skips = [tick for kind, _, tick, _ in frames if kind == Frame.SKIP]
    late = [tick for tick, _ in overruns(frames)]
    assert end == DONE
    assert skips
    between = [sum(a < t <= b for t in late) for a, b in zip([-1, *skips], skips, strict=False)]
    assert max(between) <= 5


def test_stop_ends_the_run_at_the_first_overrun(hand_bench):
    _, state, loop, end, _ = run(hand_bench, STOP)
    assert end == OVERRUN
    assert loop.counters["overruns"] == 1
    assert state.tick < 400


def test_safe_state_takes_all_gates_to_their_safe_values(hand_bench):
    b, state, _, end, _ = run(hand_bench, SAFE_STATE, n_ticks=50)
    assert end == DONE
    assert state.safe == 2
    assert b.get(state, "out") == 0.25


def test_a_slow_clock_makes_no_overrun(hand_bench):
    _, state, loop, end, _ = run(hand_bench, STOP, n_ticks=20, period_ns=20_000_000)
    assert (end, state.tick) in ((DONE, 20), (OVERRUN, state.tick))  # a machine that sleeps 20 ms may still be late
    if end == DONE:
        assert loop.counters["overruns"] == 0


@pytest.mark.parametrize("priority", [0, 50])
def test_stop_ends_an_endless_run_at_once(hand_bench, priority):
    b = hand_bench(period_ns=1_000_000)
    b.block("c", "constant", [], ["x"], value=1.0)
    state = b.start()
    loop = _core.Loop(state)
    loop.start(priority=priority)
    loop.stop()
    assert loop.join() == STOPPED


def test_several_threads_may_wait_for_the_end(hand_bench):
    b = hand_bench()
    b.block("c", "constant", [], ["x"], value=1.0)
    for _ in range(20):
        loop = _core.Loop(b.start())
        loop.start(n_ticks=20)
        ends: list[int] = []
        threads = [threading.Thread(target=lambda loop=loop, ends=ends: ends.append(loop.join())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ends == [DONE] * 4
