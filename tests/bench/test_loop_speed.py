"""A cart-pole closed loop through hil_tick beside the same loop written in C by hand. Same bits, and how much longer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yardstick
from cart_pole_bench import CPU, PRIORITY, CartPoleBench, by_hand, measured_place

pytestmark = pytest.mark.bench

BARE_GATE = 1.5  # blocks, fault paths, nothing else
FULL_GATE = 2.5  # with statuses, safety gate and recorder
TWIN_GATE = 1.05
Run = Callable[[int], tuple[float, bytes]]


def ratio(ours: Run, theirs: Run, ticks: int, pairs: int) -> yardstick.Ratio:
    with measured_place():
        ours(1000), theirs(1000)  # pages and caches
        return yardstick.paired(lambda: ours(ticks)[0], lambda: theirs(ticks)[0], pairs)


def within(found: yardstick.Ratio, gate: float) -> bool:
    return found.median <= gate


@pytest.fixture(scope="module")
def hand() -> Run:
    run: Run = by_hand()
    return run


def test_the_bench_and_the_hand_written_loop_end_in_the_same_bits(hand: Run) -> None:
    ticks = 200_000
    bits = hand(ticks)[1]
    assert by_hand("cart_pole_inlined")(ticks)[1] == bits
    assert CartPoleBench().run_bare(ticks)[1] == bits
    gated = CartPoleBench(gated=True)
    assert gated.run_recorded(ticks)[1] == bits
    assert gated.run_recorded(ticks, not_good=True)[1] == bits


def test_bare_blocks(hand: Run, full: Callable[[int, int], int]) -> None:
    found = ratio(CartPoleBench().run_bare, hand, full(50_000, 300_000), full(12, 24))
    print(f"\nclosed loop, bare blocks / by hand: {found} ns a tick")
    assert within(found, BARE_GATE)


def test_with_status_gate_and_recorder(hand: Run, full: Callable[[int, int], int]) -> None:
    found = ratio(CartPoleBench(gated=True).run_recorded, hand, full(50_000, 300_000), full(12, 24))
    print(f"\nclosed loop, status, gate and recorder / by hand: {found} ns a tick")
    assert within(found, FULL_GATE)


def test_with_statuses_that_are_not_good(hand: Run, full: Callable[[int, int], int]) -> None:
    bench = CartPoleBench(gated=True)
    found = ratio(lambda n: bench.run_recorded(n, not_good=True), hand, full(50_000, 300_000), full(12, 24))
    print(f"\nclosed loop, the same with a fault active / by hand: {found} ns a tick")
    assert within(found, FULL_GATE)


def test_beside_a_loop_with_its_mathematics_inlined_by_force(full: Callable[[int, int], int]) -> None:
    """Shown, with a wide gate: what a code generator for the whole loop could reach."""
    found = ratio(CartPoleBench().run_bare, by_hand("cart_pole_inlined"), full(50_000, 300_000), full(12, 24))
    print(f"\nclosed loop, bare blocks / all inlined: {found} ns a tick")
    assert within(found, 2.0)


@pytest.mark.parametrize(("gated", "gate"), [(False, BARE_GATE), (True, FULL_GATE)], ids=["bare", "full"])
def test_the_gate_sees_a_bench_that_does_more(hand: Run, *, gated: bool, gate: float) -> None:
    bench = CartPoleBench(gated=gated, waste=16)
    assert not within(ratio(bench.run_recorded if gated else bench.run_bare, hand, 30_000, 8), gate)


def test_the_yardstick_is_as_fast_as_its_twin(full: Callable[[int, int], int]) -> None:
    """The Runge-Kutta step of cart_pole_loop.c beside that of est.c: same flags, same libm. A slow yardstick flatters us."""

    def figure(program: str, *arguments: str) -> Callable[[], float]:
        return lambda: yardstick.run(program, *arguments, cpu=CPU, priority=PRIORITY)["rk4 only ns"]

    found = yardstick.paired(figure("cart_pole_rk4"), figure("est", "loop"), full(4, 10))
    print(f"\nRunge-Kutta step, cart_pole_loop.c / est.c: {found} ns")
    assert within(found, TWIN_GATE)
