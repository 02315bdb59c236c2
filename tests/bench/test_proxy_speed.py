"""A Modbus TCP round trip through the proxy beside the direct one, over loopback, with libmodbus's server behind it.

All ends share one core under SCHED_FIFO, so a direct round trip is two context switches and a proxied one four. Every
figure is the median ratio of p50 over alternating runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import yardstick
from place import CPU, PRIORITY, measured_place

from hil._bus import MbClient
from hil._proxy import Fault, WireProxy

REGISTERS = 10
BOUND = 2.5

pytestmark = [pytest.mark.bench, pytest.mark.usefixtures("real_time_priority")]


@pytest.fixture
def device() -> Iterator[int]:
    with yardstick.serve("mb_server", cpu=CPU, priority=PRIORITY) as port:
        yield port


@contextmanager
def in_front_of(port: int, *faults: Fault) -> Iterator[int]:
    proxy = WireProxy("tcp", faults, host="127.0.0.1", port=0, to_host="127.0.0.1", to_port=port)
    proxy.start(policy="fifo", priority=PRIORITY, cpu=CPU)
    try:
        yield proxy.port
    finally:
        proxy.stop()


def our_p50_us(port: int, n: int) -> float:
    client = MbClient("127.0.0.1", port, [], [], timeout_s=5)
    client.connect()
    with measured_place():
        rounds, _ = client.bench_read(n, 1, quantity=REGISTERS)
    client.stop()
    return float(np.median(rounds)) / 1e3


def libmodbus_p50_us(port: int, n: int) -> float:
    return yardstick.run("mb_lib", "tcp", port, n, cpu=CPU, priority=PRIORITY)["p50"]


def report(what: str, ratio: yardstick.Ratio) -> float:
    print(f"\n{what}, proxied / direct, p50: {ratio} us (bound <= {BOUND})")
    return ratio.median


@pytest.mark.parametrize("p50_us", [our_p50_us, libmodbus_p50_us], ids=["our client", "libmodbus"])
def test_a_proxied_read_takes_at_most_2_5_direct_ones(
    device: int, p50_us: Callable[[int, int], float], full: Callable[[int, int], int]
) -> None:
    n = full(3_000, 20_000)
    with in_front_of(device) as port:
        ratio = yardstick.paired_until(lambda: p50_us(port, n), lambda: p50_us(device, n), at_most=BOUND)
    assert report("idle", ratio) <= BOUND


def test_a_plan_that_waits_for_its_moment_keeps_the_bound(device: int, full: Callable[[int, int], int]) -> None:
    n = full(3_000, 20_000)
    never = [Fault(kind, 3, unit=200) for kind in ("loss", "bit_flip", "duplicate", "delay") * 4]
    with in_front_of(device, *never) as port:
        ratio = yardstick.paired_until(lambda: our_p50_us(port, n), lambda: our_p50_us(device, n), at_most=BOUND)
    assert report("16 armed faults", ratio) <= BOUND


def test_a_planted_delay_of_50_us_breaks_the_bound(device: int) -> None:
    with in_front_of(device, Fault("delay", 2, time_ns=50_000)) as port:
        ratio = yardstick.paired_until(lambda: our_p50_us(port, 500), lambda: our_p50_us(device, 500), at_least=BOUND)
    assert report("planted delay", ratio) > BOUND
