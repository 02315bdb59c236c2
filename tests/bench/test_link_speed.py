"""An exchange over the microcontroller link beside a raw ping-pong of as many bytes over a pseudo-terminal.

Both run in one program (yardsticks/link_pp.c) on one core, under SCHED_FIFO where permitted, in turn by blocks of some
milliseconds. What ours does more is the link at both ends (frames, two checks, sequence), and the bench's boxes.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yardstick
from place import CPU, PRIORITY

PAYLOAD = 16  # bytes of values each way
GATE = 1.10

pytestmark = [pytest.mark.bench, pytest.mark.usefixtures("real_time_priority")]


def test_an_exchange_of_16_bytes_costs_at_most_a_tenth_more_than_raw_c(full: Callable[[int, int], int]) -> None:
    pairs, told = full(30, 200), dict[str, float]()

    def exchange() -> float:
        """Over the raw one, each the p50 of blocks that alternate in one program."""
        told.update(yardstick.run("link_pp", pairs, 100, PAYLOAD, cpu=CPU, priority=PRIORITY))
        return told["pair ratio"]

    ratio = yardstick.paired_until(exchange, lambda: 1.0, at_most=GATE)
    request, answer = told["bytes request"], told["bytes answer"]
    assert PAYLOAD + 13 <= request <= PAYLOAD + 16, "head, step, checks, COBS and the zero byte"
    print(
        f"\n16-byte exchange, link / raw ping-pong of {request:.0f} and {answer:.0f} bytes: {ratio} (bound <= {GATE}); "
        f"p50 {told['pair ours']:.1f} / {told['pair raw']:.1f} us"
    )
    assert ratio.median <= GATE
