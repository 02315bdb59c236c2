"""Runs a yardstick: on one CPU, under SCHED_FIFO where permitted, and reads the figures that it prints."""

from __future__ import annotations

import re
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from hil.errors import BenchError
from hil.latency.programs import build


@cache
def may_use_fifo() -> bool:
    """Whether this user may start programs under SCHED_FIFO."""
    if not shutil.which("chrt"):
        return False
    return subprocess.run(["chrt", "-f", "1", "true"], check=False, capture_output=True).returncode == 0


def command(program: str | Path, *args: object, cpu: int | None = None, priority: int = 0) -> list[str]:
    """Return the command of a yardstick (a name) or any program (a path), on one CPU, under SCHED_FIFO if allowed."""
    place = ["taskset", "-c", str(cpu)] if cpu is not None else []
    policy = ["chrt", "-f", str(priority)] if priority and may_use_fifo() else []
    return [*place, *policy, str(build(program) if isinstance(program, str) else program), *map(str, args)]


def parse(text: str) -> dict[str, float]:
    """Read lines such as `pid ns=9.2 min=8.8` as {"pid ns": 9.2, ...}; repeated names give their median."""
    values: dict[str, list[float]] = {}
    for line in text.splitlines():
        label: list[str] = []
        ended = False  # a word behind a value starts a new label
        for word in line.split():
            pair = re.fullmatch(r"([^=\s]+)=(-?[\d.]+(?:e[-+]?\d+)?)\D*", word)
            if pair:
                values.setdefault(" ".join([*label, pair[1]]), []).append(float(pair[2]))
            else:
                label = [word] if ended else [*label, word]
            ended = bool(pair)
    return {name: statistics.median(found) for name, found in values.items()}


def run(
    program: str | Path, *args: object, cpu: int | None = None, priority: int = 0, timeout_s: float = 120
) -> dict[str, float]:
    """Run a program to its end and return its figures, as `parse` names them."""
    line = command(program, *args, cpu=cpu, priority=priority)
    result = subprocess.run(line, check=False, capture_output=True, text=True, timeout=timeout_s)
    if result.returncode:
        raise BenchError(f"ended with {result.returncode}: {result.stderr.strip()}", where=" ".join(line))
    return parse(result.stdout)


# ---- servers ----


def free_port() -> int:
    """Return a TCP port that nobody on this machine listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], timeout_s: float = 5.0) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if process.poll() is not None:
            raise BenchError(f"the server on port {port} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise BenchError(f"nothing answers on port {port}")


@contextmanager
def serve(
    program: str | Path, *options: object, cpu: int | None = None, priority: int = 0, port: int | None = None
) -> Iterator[int]:
    """Run a server (`PROGRAM PORT options...`) for the length of a `with` block, which gets its port."""
    port = port or free_port()
    process = subprocess.Popen(command(program, port, *options, cpu=cpu, priority=priority))
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.kill()
        process.wait()
