"""A pid block beside the bare function, a closed loop of blocks beside the same by hand, each with a slower one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import control_bench as bench
import numpy as np
import pytest
import yardstick
from place import PRIORITY, measured_place

from hil.latency.paired import Shared
from hil.latency.quickest import quickest_chunk

pytestmark = pytest.mark.bench
PID_GATE, MANY_PIDS_GATE, LOOP_GATE = 1.5, 3.0, 1.3
MOST_NS = 300_000_000  # for a figure that finds no core of its own


def best(measure: Callable[[int], tuple[float, object]], ticks: int) -> float:
    with measured_place():
        return quickest_chunk(lambda: measure(ticks)[0], MOST_NS)


def ratio(
    ours: Callable[[int], tuple[float, object]], theirs: Callable[[int], tuple[float, object]], ticks: int, **bound: Any
) -> yardstick.Ratio:
    return yardstick.paired_until(lambda: best(ours, ticks), lambda: best(theirs, ticks), **bound)


def test_a_pid_block_gives_the_bits_of_the_bare_function() -> None:
    for ticks in (1, 2, 1000):
        np.testing.assert_array_equal(bench.controllers(ticks)[1], bench.controllers_by_hand(ticks)[1])


def one_controller(*arguments: int, **bound: Any) -> yardstick.Ratio:
    """Steps of the block over those of the bare function, each the quickest of short runs on a core of its own."""

    def block() -> float:
        seen = yardstick.run("pid_block", *arguments, priority=PRIORITY)
        found = seen["block min"] / seen["bare min"]
        return found if seen["block alone"] and seen["bare alone"] else Shared(found)

    return yardstick.paired_until(block, lambda: 1.0, **bound)


def test_a_pid_block_beside_the_bare_function(full: Callable[[int, int], int]) -> None:
    seen = one_controller(at_most=PID_GATE, pairs=full(9, 21))
    print(f"\npid: {seen}")
    assert seen.median <= PID_GATE


def test_a_slower_pid_block_is_seen() -> None:
    assert one_controller(2, at_least=PID_GATE).median > PID_GATE  # twice the work


def test_many_pid_blocks_in_a_program_beside_the_bare_function() -> None:
    """Controllers that do not wait for each other: nothing hides the checks of inputs and parameters, and dispatch."""
    seen = ratio(bench.controllers, bench.controllers_by_hand, 400, at_most=MANY_PIDS_GATE)
    print(f"\n{bench.CONTROLLERS} pid blocks in a program: {seen}")
    assert seen.median <= MANY_PIDS_GATE


def test_a_loop_of_blocks_does_what_the_hand_written_one_does() -> None:
    for ticks in (1, 2, 500):
        ours, hand = bench.loop(ticks)[1], bench.loop_by_hand(ticks)[1]
        np.testing.assert_allclose(ours[4:], hand[4:], rtol=1e-9, atol=1e-12)
        if ticks > 1:
            np.testing.assert_allclose(ours[:4], bench.loop_by_hand(ticks - 1)[1][:4], rtol=1e-9, atol=1e-12)


def test_a_loop_of_blocks_beside_the_hand_written_one(full: Callable[[int, int], int]) -> None:
    seen = ratio(bench.loop, bench.loop_by_hand, 1_000, at_most=LOOP_GATE, pairs=full(9, 16))
    print(f"\nplant, EKF, state feedback: {seen}")
    assert seen.median <= LOOP_GATE


def test_a_slower_loop_of_blocks_is_seen() -> None:
    seen = ratio(lambda n: bench.loop(n, waste=12), bench.loop_by_hand, 1_000, at_least=LOOP_GATE)
    assert seen.median > LOOP_GATE, f"twelve more blocks behind each block: {seen}"
