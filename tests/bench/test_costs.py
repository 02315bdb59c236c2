"""What single things cost: shown, with hardly a gate: the ratios that matter stand in the other files.

Blocks, paths and events are slopes: the difference of two programs, or of two runs, over the number of things added.
"""

from __future__ import annotations

import statistics
import struct
import time
from collections.abc import Callable

import pytest
from cart_pole_bench import CartPoleBench
from place import measured_place
from pytest_benchmark.fixture import BenchmarkFixture

from hil import _core
from hil.spec import BlockSpec, PathSpec, Spec

pytestmark = pytest.mark.bench

ROUNDS = 15
MARK = struct.pack("<QIIIIQ4d", 2**64 - 1, 9, 0, 1, 0, 0, 0.0, 0.0, 0.0, 0.0)  # due in the next tick, does nothing


def chain(blocks: int, paths: int) -> _core.State:
    """Gains that read one constant, and paths each with a constant as its producer."""
    spec = Spec(period_ns=1_000_000)
    source = spec.signal("source")
    spec.blocks.append(BlockSpec("source", "constant", [], [source], [1.0]))
    for i in range(blocks):
        spec.blocks.append(BlockSpec(f"gain{i}", "gain", [source], [spec.signal(f"gain{i}")], [1.0, 0.0]))
    for i in range(paths):
        raw, signal = spec.signal(f"raw{i}"), spec.signal(f"signal{i}")
        spec.paths.append(PathSpec(raw, signal))
    return _core.State(_core.Program(spec))


def tick_ns(state: _core.State, ticks: int = 20_000) -> float:
    """Median over the rounds."""
    found = []
    with measured_place():
        for _ in range(ROUNDS):
            start = time.perf_counter_ns()
            state.run(ticks)
            found.append((time.perf_counter_ns() - start) / ticks)
    return statistics.median(found)


def test_a_block_and_an_idle_path() -> None:
    few, gains, paths = tick_ns(chain(0, 0)), tick_ns(chain(64, 0)), tick_ns(chain(0, 64))
    block, path = (gains - few) / 64, (paths - few) / 64
    print(f"\ntick without anything {few:.1f} ns; a gain {block:.2f} ns; an idle path {path:.2f} ns")
    assert 0 < block < few * 10
    assert 0 < path < few * 10


def test_block_times_cost_two_clock_readings_a_block() -> None:
    """Why virtual time has none: a real-time tick with and without block times."""
    bench = CartPoleBench(gated=True, period_ns=20_000)
    entries = len(bench.spec.blocks) + len(bench.spec.paths)

    def mean_ns(timed: int) -> float:
        loop = _core.Loop(_core.State(bench.program), timed_entries=timed)
        loop.start(n_ticks=5000)
        loop.join()
        counts, edges = loop.exec_time["counts"], _core.histogram_edges()
        ranks = [edge for edge, count in zip(edges, counts, strict=True) for _ in range(count)]
        return float(statistics.median(ranks))

    plain, timed = mean_ns(0), mean_ns(entries)
    print(f"\nreal-time cycle p50: {plain:.0f} ns, with the times of {entries} blocks and paths {timed:.0f} ns")
    assert timed > plain


def test_an_event(full: Callable[[int, int], int]) -> None:
    """Staged and fired, through the binding; a mark changes nothing but leaves a note."""
    state, n = chain(0, 0), full(20_000, 200_000)

    def cycles(*, push: bool) -> float:
        start = time.perf_counter_ns()
        for _ in range(n):
            if push:
                state.push(MARK)
            state.run(1)
        return (time.perf_counter_ns() - start) / n

    cycles(push=True)
    with_event, without = cycles(push=True), cycles(push=False)
    print(f"\nan event, pushed from Python and fired: {with_event - without:.0f} ns; State.run(1): {without:.0f} ns")
    assert with_event > without


@pytest.mark.parametrize("what", ["snapshot", "restore", "fork", "hash"])
def test_copies_of_a_state(benchmark: BenchmarkFixture, what: str) -> None:
    bench = CartPoleBench(gated=True, waste=64)
    state = _core.State(bench.program)
    state.run(100)
    image = state.snapshot()
    work: dict[str, Callable[[], object]] = {
        "snapshot": state.snapshot,
        "restore": lambda: state.restore(image),
        "fork": state.copy,
        "hash": state.hash,
    }
    benchmark.extra_info["state_kb"] = len(image) / 1024
    benchmark.pedantic(work[what], rounds=200, iterations=20, warmup_rounds=5)
    us = benchmark.stats.stats.median * 1e6
    print(f"\n{what} of {len(image) / 1024:.1f} KB: {us:.2f} us, {us * 1024 / len(image) * 1000:.0f} ns a KB")
    assert _core.State(bench.program).hash() != state.hash() == state.copy().hash()
