"""Modbus TCP beside C: our client beside a raw C client and libmodbus's, our server beside libmodbus's.

Both ends share one core under SCHED_FIFO (where permitted), so a round trip is two context switches and the system
calls, and nothing depends on how a sleeping core wakes up. Every figure is the median ratio of alternating runs.

16 deep against libmodbus's server nearly all time is that server's, so there the bound is close to what raw C reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import yardstick
from place import CPU, PRIORITY, measured_place

from hil._bus import MbClient
from hil.latency.bus import our_server, raw_us

REGISTERS = 10
DEPTH = 16

pytestmark = [pytest.mark.bench, pytest.mark.usefixtures("real_time_priority")]


@pytest.fixture
def libmodbus_port() -> Iterator[int]:
    with yardstick.serve("mb_server", cpu=CPU, priority=PRIORITY) as port:
        yield port


@pytest.fixture
def our_port() -> Iterator[int]:
    with our_server() as server:
        yield server.port


def ours(port: int, n: int, depth: int = 1) -> tuple[float, float]:
    """(p50, mean) in us of a read by our client; p50 is of a whole batch."""
    client = MbClient("127.0.0.1", port, [], [], timeout_s=5)
    client.connect()
    with measured_place():
        rounds, total_ns = client.bench_read(n, depth, quantity=REGISTERS)
    client.stop()
    return float(np.median(rounds)) / 1e3, total_ns / n / 1e3


def libmodbus_client(port: int, n: int) -> float:
    return yardstick.run("mb_lib", "tcp", port, n, cpu=CPU, priority=PRIORITY)["mean"]


def report(what: str, ratio: yardstick.Ratio, bound: str) -> None:
    print(f"\n{what}: {ratio} us (bound {bound})")


def test_a_read_of_10_registers_costs_at_most_a_tenth_more_than_raw_c(
    libmodbus_port: int, full: Callable[[int, int], int]
) -> None:
    n = full(5_000, 30_000)
    ratio = yardstick.paired_until(lambda: ours(libmodbus_port, n)[0], lambda: raw_us(libmodbus_port, n), at_most=1.10)
    report("read, our client / raw client, p50", ratio, "<= 1.10")
    assert ratio.median <= 1.10


def test_pipelined_reads_are_2_7_times_as_fast_as_libmodbus_on_its_own_server(
    libmodbus_port: int, full: Callable[[int, int], int]
) -> None:
    n = full(8_000, 32_000)
    ratio = yardstick.paired_until(
        lambda: libmodbus_client(libmodbus_port, n), lambda: ours(libmodbus_port, n, DEPTH)[1], at_least=2.7, pairs=15
    )
    report("16 deep, libmodbus client / our client, time per read, libmodbus server", ratio, ">= 2.7")
    assert ratio.median >= 2.7


def test_pipelined_reads_are_6_times_as_fast_as_libmodbus_on_our_server(
    our_port: int, full: Callable[[int, int], int]
) -> None:
    n = full(8_000, 32_000)
    ratio = yardstick.paired_until(
        lambda: libmodbus_client(our_port, n), lambda: ours(our_port, n, DEPTH)[1], at_least=6
    )
    report("16 deep, libmodbus client / our client, time per read, our server", ratio, ">= 6")
    assert ratio.median >= 6


def test_our_server_answers_as_fast_as_libmodbus(
    our_port: int, libmodbus_port: int, full: Callable[[int, int], int]
) -> None:
    n = full(5_000, 30_000)
    ratio = yardstick.paired_until(lambda: raw_us(our_port, n), lambda: raw_us(libmodbus_port, n), at_most=1.05)
    report("raw client, our server / libmodbus server, p50", ratio, "<= 1.05")
    assert ratio.median <= 1.05
