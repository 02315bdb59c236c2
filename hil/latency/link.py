"""An exchange over the microcontroller link beside a raw ping-pong of as many bytes, in one program in C."""

from __future__ import annotations

from hil.latency.paired import settled
from hil.latency.place import CPU, PRIORITY
from hil.latency.run import Measured, Run
from hil.latency.yardstick import may_use_fifo
from hil.latency.yardstick import run as run_yardstick

PAYLOAD = 16  # bytes of values each way
EXCHANGES = 100  # of a pair
PAIR_S = 0.02  # about
BATCHES = 12  # a p50 each: the program alternates by itself


def measure(run: Run) -> None:
    """The bus of the link and a device that is nothing but the link; its own sources, compiled beside."""
    pairs = max(3, round(run.seconds / BATCHES / PAIR_S))
    told = [run_yardstick("link_pp", pairs, EXCHANGES, PAYLOAD, cpu=CPU, priority=PRIORITY) for _ in range(BATCHES)]
    ratio = settled([(each["pair ours"], each["pair raw"]) for each in told])
    what = "raw ping-pong of as many bytes over a pseudo-terminal (link_pp.c), p50"
    why_not = "" if may_use_fifo() else "SCHED_FIFO is not permitted here, and the ratio is claimed under it"
    run.ratios["link"] = Measured(ratio, what, "us", why_not)
    run.figures["link"] = {
        "exchange_us": ratio.a, "raw_us": ratio.b, "payload_bytes": PAYLOAD, "request_bytes": told[0]["bytes request"],
        "answer_bytes": told[0]["bytes answer"],
    }  # fmt: skip
