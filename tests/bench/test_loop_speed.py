"""A cart-pole closed loop through hil_tick beside the same loop written in C by hand. Same bits, and how much longer.

A neighbour on the same physical core (a virtual machine cannot see it) takes away a part of the processor that the
longer code feels more than the shorter. So a side is its quickest chunk of a thousand ticks, and pairs are added while
the gate is not plainly kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
import yardstick
from cart_pole_bench import CartPoleBench, by_hand
from place import measured_place

from hil.latency.estimator import by_hand_ns

pytestmark = pytest.mark.bench

BARE_GATE = 1.5  # blocks, fault paths, nothing else
FULL_GATE = 2.5  # with statuses, safety gate and recorder
TWIN_GATE = 1.05
INLINED_GATE = 2.5
Run = Callable[[int], tuple[float, bytes]]


def ratio(what: str, ours: Run, theirs: Run, size: tuple[int, int], **bound: float) -> float:
    """The median, when it is plain on which side of the bound it is."""
    ticks, pairs = size
    with measured_place():
        ours(1000), theirs(1000)  # pages and caches
        found = yardstick.paired_until(lambda: ours(ticks)[0], lambda: theirs(ticks)[0], pairs=pairs, **bound)
    print(f"\n{what}: {found} ns")
    return found.median


@pytest.fixture(scope="module")
def hand() -> Run:
    run: Run = by_hand()
    return run


@pytest.fixture
def size(full: Callable[[int, int], int]) -> tuple[int, int]:
    """Ticks and pairs."""
    return full(50_000, 300_000), full(12, 24)


def test_the_bench_and_the_hand_written_loop_end_in_the_same_bits(hand: Run) -> None:
    ticks = 200_000
    bits = hand(ticks)[1]
    assert by_hand("cart_pole_inlined")(ticks)[1] == bits
    assert CartPoleBench().run_bare(ticks)[1] == bits
    gated = CartPoleBench(gated=True)
    assert gated.run_recorded(ticks)[1] == bits
    assert gated.run_recorded(ticks, not_good=True)[1] == bits


def test_bare_blocks(hand: Run, size: tuple[int, int]) -> None:
    bench = CartPoleBench()
    what = "closed loop, bare blocks / by hand"
    assert ratio(what, bench.run_bare, hand, size, at_most=BARE_GATE) <= BARE_GATE


def test_with_status_gate_and_recorder(hand: Run, size: tuple[int, int]) -> None:
    bench = CartPoleBench(gated=True)
    what = "closed loop, status, gate and recorder / by hand"
    assert ratio(what, bench.run_recorded, hand, size, at_most=FULL_GATE) <= FULL_GATE


def test_with_statuses_that_are_not_good(hand: Run, size: tuple[int, int]) -> None:
    bench = CartPoleBench(gated=True)

    def not_good(ticks: int) -> tuple[float, bytes]:
        return bench.run_recorded(ticks, not_good=True)

    what = "closed loop, the same with a fault / by hand"
    assert ratio(what, not_good, hand, size, at_most=FULL_GATE) <= FULL_GATE


def test_beside_a_loop_with_its_mathematics_inlined_by_force(size: tuple[int, int]) -> None:
    """Shown, with a wide gate: what a generator of code for the whole loop could reach."""
    bench, inlined = CartPoleBench(), by_hand("cart_pole_inlined")
    what = "closed loop, bare blocks / all inlined"
    assert ratio(what, bench.run_bare, inlined, size, at_most=INLINED_GATE) <= INLINED_GATE


@pytest.mark.parametrize(("gated", "gate"), [(False, BARE_GATE), (True, FULL_GATE)], ids=["bare", "full"])
def test_the_gate_sees_a_bench_that_does_more(hand: Run, gated: bool, gate: float) -> None:
    bench = CartPoleBench(gated=gated, waste=96 if gated else 64)  # 64 more blocks end close to the gate of 2.5
    ours = bench.run_recorded if gated else bench.run_bare
    assert ratio("planted slowdown", ours, hand, (20_000, 9), at_least=gate) > gate


def test_the_yardstick_is_as_fast_as_its_twin(full: Callable[[int, int], int]) -> None:
    """The Runge-Kutta steps of cart_pole_loop.c and est.c: same flags, same libm. A slow yardstick would flatter us."""
    if not os.environ.get("HIL_FULL"):
        pytest.skip("measures two programs that only we change, for half a minute: in make test-full only")

    def figure(program: str, argument: str) -> Callable[[], float]:
        return lambda: by_hand_ns(program, argument, "rk4 only")

    found = yardstick.paired_until(
        figure("cart_pole_rk4", ""), figure("est", "loop"), at_most=TWIN_GATE, pairs=full(9, 20)
    )
    print(f"\nRunge-Kutta step, cart_pole_loop.c / est.c: {found}")
    assert found.median <= TWIN_GATE
