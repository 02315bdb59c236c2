"""Missed ticks with something beside the loop and without it, in turns: whether it disturbs the loop."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

SHARE = 0.005  # of a run's ticks: what a busy machine itself may miss in one run and not in the other


def undisturbed(run: Callable[[bool], int], pairs: int, ticks: int) -> None:
    """Fails when a run misses more ticks with what is beside it than without.

    A busy machine misses ticks in bursts, some dozen in one run and none in the next, so sums compare the bursts. What
    disturbs the loop does so in each pair: the median over the pairs decides. As in `hil bench --gate`, "more" counts
    when a repeat confirms it.

    Args:
        run: makes one run, with what is under test (True) or without it, and says how many ticks it missed.
        pairs: runs of each kind, in turns, each pair in the other order than the last.
        ticks: of one run.
    """
    for _ in range(2):  # and the repeat
        missed = [_pair(run, beside_first=number % 2 == 0) for number in range(pairs)]
        more = median(beside - without for without, beside in missed)
        print(f"\nmissed of {ticks:,} ticks, without and with: {missed}; median of the differences {more:g}")
        if more <= SHARE * ticks:
            return
    raise AssertionError(f"{more:g} of {ticks:,} ticks more are missed with it than without: {missed}")


def _pair(run: Callable[[bool], int], *, beside_first: bool) -> tuple[int, int]:
    """Missed without and with."""
    first, second = run(beside_first), run(not beside_first)
    return (second, first) if beside_first else (first, second)
