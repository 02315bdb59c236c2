"""A fork of a bench that runs in real time is its state between two ticks, and does not hold up the loop."""

from __future__ import annotations

import pytest

import hil

pytestmark = pytest.mark.realtime


def test_a_fork_of_a_running_bench_is_the_state_of_one_tick():
    with hil.open_bench("tank_level", time="real", bind={"controller": "mil"}, history=False) as bench:
        bench.start(1.5)
        forks = []
        while bench.running and len(forks) < 12:
            forks.append(bench.fork())
        bench.stop()
        assert len(forks) == 12
        assert all(fork.restarted == [] for fork in forks)
    ticks = [fork.state.tick for fork in forks]
    assert ticks == sorted(set(ticks)), "each asked for a later tick"
    with hil.open_bench("tank_level", time="virtual", history=False) as twin:
        for fork in forks:
            twin.run((fork.state.tick - twin.tick) * twin.period_s)
            assert fork.hash == twin.state_hash, fork.state.tick


def test_a_fork_goes_on_by_itself_while_the_bench_runs():
    with hil.open_bench("tank_level", time="real", bind={"controller": "mil"}, history=False) as bench:
        bench.start(1.0)
        fork = bench.fork()
        begun = fork.state.tick
        fork.run(5.0)
        assert fork.state.tick == begun + round(5.0 / bench.period_s)
        assert bench.tick < fork.state.tick
        bench.stop()
        assert bench.finish().passed
