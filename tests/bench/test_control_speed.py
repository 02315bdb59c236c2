"""A pid block beside the bare function, a closed loop of blocks beside the same by hand, each with a slower one."""

from __future__ import annotations

from collections.abc import Callable

import control_bench as bench
import numpy as np
import pytest
import yardstick
from place import CPU, PRIORITY, measured_place

pytestmark = pytest.mark.bench
PID_GATE, MANY_PIDS_GATE, LOOP_GATE = 1.5, 3.0, 1.3
BATCHES = 3


def best(measure: Callable[[int], tuple[float, object]], ticks: int, runs: int = 5) -> float:
    with measured_place():
        return min(measure(ticks)[0] for _ in range(runs))


def ratio(
    ours: Callable[[int], tuple[float, object]], theirs: Callable[[int], tuple[float, object]], ticks: int, pairs: int
) -> yardstick.Ratio:
    return yardstick.paired(lambda: best(ours, ticks), lambda: best(theirs, ticks), pairs)


def test_a_pid_block_gives_the_bits_of_the_bare_function() -> None:
    for ticks in (1, 2, 1000):
        np.testing.assert_array_equal(bench.controllers(ticks)[1], bench.controllers_by_hand(ticks)[1])


def one_controller(*arguments: int) -> float:
    """A step of the block over that of the bare function, each the p50 of 41 runs that alternate in one program."""
    seen = yardstick.run("pid_block", *arguments, cpu=CPU, priority=PRIORITY)
    return seen["block ns"] / seen["bare ns"]


def test_a_pid_block_beside_the_bare_function(full: Callable[[int, int], int]) -> None:
    for _ in range(BATCHES):  # what else the machine does costs the longer code more
        seen = sorted(one_controller() for _ in range(full(5, 21)))
        print(f"\npid: {seen[len(seen) // 2]:.3f} ({seen[0]:.3f} to {seen[-1]:.3f}, {len(seen)} runs)")
        if seen[len(seen) // 2] <= PID_GATE:
            return
    pytest.fail(f"pid: {seen[len(seen) // 2]:.3f} of {PID_GATE} allowed")


def test_a_slower_pid_block_is_seen() -> None:
    assert one_controller(2) > PID_GATE  # twice the work


def test_many_pid_blocks_in_a_program_beside_the_bare_function() -> None:
    """Controllers that do not wait for each other: nothing hides the checks of inputs and parameters, and dispatch."""
    for _ in range(BATCHES):
        seen = ratio(bench.controllers, bench.controllers_by_hand, 5_000, 4)
        print(f"\n{bench.CONTROLLERS} pid blocks in a program: {seen}")
        if seen.median <= MANY_PIDS_GATE:
            return
    pytest.fail(f"pid: {seen} of {MANY_PIDS_GATE} allowed")


def test_a_loop_of_blocks_does_what_the_hand_written_one_does() -> None:
    for ticks in (1, 2, 500):
        ours, hand = bench.loop(ticks)[1], bench.loop_by_hand(ticks)[1]
        np.testing.assert_allclose(ours[4:], hand[4:], rtol=1e-9, atol=1e-12)
        if ticks > 1:
            np.testing.assert_allclose(ours[:4], bench.loop_by_hand(ticks - 1)[1][:4], rtol=1e-9, atol=1e-12)


def test_a_loop_of_blocks_beside_the_hand_written_one(full: Callable[[int, int], int]) -> None:
    for _ in range(BATCHES):
        seen = ratio(bench.loop, bench.loop_by_hand, 20_000, full(4, 16))
        print(f"\nplant, EKF, state feedback: {seen}")
        if seen.median <= LOOP_GATE:
            return
    pytest.fail(f"loop: {seen} of {LOOP_GATE} allowed")


def test_a_slower_loop_of_blocks_is_seen() -> None:
    seen = ratio(lambda n: bench.loop(n, waste=12), bench.loop_by_hand, 20_000, 3)
    assert seen.median > LOOP_GATE, f"twelve more blocks behind each block: {seen}"
