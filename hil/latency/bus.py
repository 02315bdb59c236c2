"""Round trips of the buses beside a raw echo: both ends on one core, so nothing depends on how a core wakes up."""

from __future__ import annotations

import os
import pty
import subprocess
import tempfile
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hil._bus import MbClient, MbServer, RtuClient, RtuServer, Tag
from hil.drivers.serial_line import open_line
from hil.errors import BenchError
from hil.latency.place import CPU, PRIORITY, measured_place
from hil.latency.run import Run
from hil.latency.yardstick import command, may_use_fifo, serve
from hil.latency.yardstick import run as run_yardstick

REGISTERS = 10
TCP_ROUND_S, RTU_ROUND_S = 25e-6, 60e-6  # about; they only size a side
RTU_REQUEST, RTU_ANSWER = 8, 25  # bytes of a read of 10 registers
UNDER = (
    "both ends on one core under SCHED_FIFO; it is not permitted here (ulimit -r), and the ratio is claimed under it"
)
PTY = "an ordinary kernel thread moves a pseudo-terminal's bytes; the ratio was 0.57 to 1.24 beside other work"
FEW, MANY = 1, 101


def measure(run: Run) -> None:
    """Modbus TCP as client and server, RTU, and what a signal costs."""
    why_not = "" if may_use_fifo() else UNDER
    n = max(50, round(run.seconds / 3 / 64 / TCP_ROUND_S))  # short sides: more pairs
    with serve("echo_server", cpu=CPU, priority=PRIORITY) as echo, our_server() as server:
        raw = "raw C client and echo server of the same bytes over TCP (mb_raw.c, echo_server.c), p50"
        client = run.pair(
            "bus.tcp_client", lambda: client_us(echo, n), lambda: raw_us(echo, n), 0.3, yardstick=raw, unit="us",
            why_not=why_not,
        )  # fmt: skip
        served = run.pair(
            "bus.tcp_server", lambda: raw_us(server.port, n), lambda: raw_us(echo, n), 0.3, yardstick=raw, unit="us",
            why_not=why_not,
        )  # fmt: skip
    figures: dict[str, Any] = {"tcp_client_us": client.a, "tcp_server_us": served.a, "echo_us": client.b}
    figures |= _rtu(run)
    figures["per_signal_ns"] = per_signal_ns(max(50, n // 4))
    run.figures["bus"] = figures


@contextmanager
def our_server() -> Iterator[MbServer]:
    """A Modbus TCP server of ours with 100 registers, on the measured core."""
    tags = [Tag(f"level{i}", "holding_register", i, "uint16") for i in range(100)]
    server = MbServer("127.0.0.1", 0, [], tags)
    server.set_out(list(range(100)))
    policy = {"policy": "fifo", "priority": PRIORITY} if may_use_fifo() else {}
    server.start(cpu=CPU, **policy)  # type: ignore[arg-type]
    try:
        yield server
    finally:
        server.stop()


def client_us(port: int, n: int) -> float:
    """p50 of a read by our client."""
    client = MbClient("127.0.0.1", port, [], [], timeout_s=5)
    client.connect()
    try:
        with measured_place():
            rounds, _ = client.bench_read(n, 1, quantity=REGISTERS)
    finally:
        client.stop()
    return float(np.median(rounds)) / 1e3


def raw_us(port: int, n: int) -> float:
    """p50 of the same by a raw C client."""
    return run_yardstick("mb_raw", port, n, "sync", cpu=CPU, priority=PRIORITY)["p50"]


def per_signal_ns(n: int) -> float:
    """What one more register costs in an exchange, from exchanges with few and with many of them."""

    def exchange_ns(signals: int) -> float:
        tags = [Tag(f"level{i}", "holding_register", i, "uint16") for i in range(signals)]
        server = MbServer("127.0.0.1", 0, [], tags)
        server.start(cpu=CPU)
        client = MbClient("127.0.0.1", server.port, tags, [], timeout_s=5)
        client.connect()
        try:
            with measured_place():
                return float(np.median([_timed(client) for _ in range(n)]))
        finally:
            client.stop()
            server.stop()

    pairs = [(exchange_ns(MANY) - exchange_ns(FEW)) / (MANY - FEW) for _ in range(4)]
    return float(np.median(pairs))


def _timed(client: MbClient) -> int:
    began = time.perf_counter_ns()
    client.exchange(0)
    return time.perf_counter_ns() - began


# ---- Modbus RTU. Not under SCHED_FIFO: a kernel thread of ordinary priority moves the bytes of a pseudo-terminal ----


def _rtu(run: Run) -> dict[str, float]:
    n = max(30, round(run.seconds / 3 / 16 / RTU_ROUND_S))
    with (
        tempfile.TemporaryDirectory(prefix="hil-bench-") as folder,
        _echo_line(Path(folder)) as raw,
        _our_slave() as line,
    ):
        what = f"raw exchange of {RTU_REQUEST} and {RTU_ANSWER} bytes over a pseudo-terminal (pty_pp.c), p50"
        found = run.pair(
            "bus.rtu", lambda: rtu_us(line, n), lambda: _raw_rtu_us(raw, n), 0.4, yardstick=what, unit="us", why_not=PTY
        )
    return {"rtu_us": found.a, "rtu_echo_us": found.b}


@contextmanager
def _echo_line(folder: Path) -> Iterator[str]:
    """Path of a line behind which a raw program answers."""
    link = folder / "line"
    process = subprocess.Popen(command("pty_pp", "master", link, RTU_REQUEST, RTU_ANSWER, cpu=CPU))
    try:
        end = time.monotonic() + 5.0
        while not link.exists():
            if process.poll() is not None or time.monotonic() > end:
                raise BenchError("the raw exchange over a pseudo-terminal did not come up", where="pty_pp")
            time.sleep(0.005)
        yield str(link)
    finally:
        process.kill()
        process.wait()


@contextmanager
def _our_slave() -> Iterator[str]:
    """Path of a line behind which a slave of ours answers."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    tags = [Tag(f"level{i}", "holding_register", i, "uint16") for i in range(100)]
    server = RtuServer(ours, "slave", [], tags)
    server.start(cpu=CPU)
    try:
        yield os.ttyname(theirs)
    finally:
        server.stop()
        os.close(theirs)


def rtu_us(path: str, n: int) -> float:
    """p50 of a read by our master."""
    line, cpus = open_line(f"modbus-rtu://{path}"), os.sched_getaffinity(0)
    client = RtuClient(line.fd, line.path, [], [], bit_ns=line.bit_ns, timeout_s=5)
    os.sched_setaffinity(0, {CPU})
    try:
        rounds, _ = client.bench_read(n, quantity=REGISTERS)
    finally:
        os.sched_setaffinity(0, cpus)
        client.stop()
    return float(np.median(rounds)) / 1e3


def _raw_rtu_us(path: str, n: int) -> float:
    return run_yardstick("pty_pp", "client", path, n, RTU_REQUEST, RTU_ANSWER, cpu=CPU)["p50"]
