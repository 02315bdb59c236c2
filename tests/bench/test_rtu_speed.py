"""Modbus RTU beside libmodbus: a read of 10 registers by our master and by libmodbus's, from the same libmodbus slave.

libmodbus opens paths, so each side has a pseudo-terminal of its own and a third program carries bytes between them. All
run on one core, and not under SCHED_FIFO: a kernel thread of ordinary priority moves the bytes of a pseudo-terminal
and would be starved at random. Every figure is the median ratio of alternating runs.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import yardstick
from place import CPU

from hil._bus import RtuClient, RtuServer, Tag
from hil.drivers.serial_line import open_line

REGISTERS = 10
GATE = 1.10

pytestmark = pytest.mark.bench


def start(program: str, *args: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(yardstick.command(program, *args, cpu=CPU))


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@contextmanager
def cable(folder: Path) -> Iterator[tuple[str, str]]:
    """Paths of the two ends of a line."""
    a, b = folder / "a", folder / "b"
    folder.mkdir()
    process = start("pty_pp", "link", a, b)
    try:
        while not (a.exists() and b.exists()):
            assert process.poll() is None
            time.sleep(0.01)
        yield str(a), str(b)
    finally:
        end(process)


@pytest.fixture
def libmodbus_line(tmp_path: Path) -> Iterator[str]:
    """The end of a line at whose other end libmodbus serves."""
    with cable(tmp_path / "theirs") as (a, b):
        process = start("mb_rtu_server", a)
        wait_for_answers(b)
        yield b
        end(process)


@pytest.fixture
def our_line(tmp_path: Path) -> Iterator[str]:
    """The end of a line at whose other end we serve."""
    with cable(tmp_path / "ours") as (a, b):
        line = open_line(f"modbus-rtu://{a}")
        tags = [Tag(f"level{i}", "holding_register", i, "uint16") for i in range(100)]
        server = RtuServer(line.fd, line.path, [], tags)
        server.start(cpu=CPU)
        yield b
        server.stop()


def client(path: str) -> RtuClient:
    line = open_line(f"modbus-rtu://{path}")
    return RtuClient(line.fd, line.path, [], [], bit_ns=line.bit_ns, timeout_s=5)


def wait_for_answers(path: str) -> None:
    probe = client(path)
    probe.transact(b"\x03\x00\x00\x00\x01")
    probe.stop()


def ours(path: str, n: int) -> float:
    """p50 in us."""
    reader, cpus = client(path), os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CPU})
    try:
        rounds, _ = reader.bench_read(n, quantity=REGISTERS)
    finally:
        os.sched_setaffinity(0, cpus)
        reader.stop()
    return float(np.median(rounds)) / 1e3


def libmodbus(path: str, n: int) -> float:
    return yardstick.run("mb_lib", "rtu", path, n, cpu=CPU)["p50"]


def report(what: str, ratio: yardstick.Ratio) -> None:
    print(f"\n{what}: {ratio} us (bound <= {GATE})")


def test_a_read_of_10_registers_costs_at_most_a_tenth_more_than_libmodbus(
    libmodbus_line: str, full: Callable[[int, int], int]
) -> None:
    n = full(1_000, 20_000)
    ratio = yardstick.paired_until(lambda: ours(libmodbus_line, n), lambda: libmodbus(libmodbus_line, n), at_most=GATE)
    report("RTU read, our master / libmodbus's master, libmodbus's slave, p50", ratio)
    assert ratio.median <= GATE


def test_our_slave_answers_as_fast_as_libmodbus(
    our_line: str, libmodbus_line: str, full: Callable[[int, int], int]
) -> None:
    n = full(1_000, 20_000)
    ratio = yardstick.paired_until(lambda: libmodbus(our_line, n), lambda: libmodbus(libmodbus_line, n), at_most=GATE)
    report("RTU read, libmodbus's master, our slave / libmodbus's slave, p50", ratio)
    assert ratio.median <= GATE
