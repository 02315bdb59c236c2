"""The little rig of bench_of_one.py, slow enough for an emulated chip, against a board on a line."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench_of_one import MAP, RIG

AGE_NS = 100_000_000  # of x.out, the shortest
TICK_NS = 10_000_000
SAFE = (-7.0, 3.0)
SLOW = RIG.replace("period_s = 0.001", "period_s = 0.01").replace("max_age_s = 0.02", "max_age_s = 0.1")
SLOW = SLOW.replace("max_age_s = 0.05", "max_age_s = 0.2")


def write_rig(folder: Path, url: str, *replaced: tuple[str, str]) -> Path:
    """The rig with the board at `url`."""
    text = SLOW.replace("serial:///dev/ttyACM0", url)
    for old, new in replaced:
        assert old in text, old
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    (folder / "rig.toml").write_text(text)
    (folder / "board.csv").write_text(MAP)
    return folder


def hil(*args: object, **env: str) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "hil", *map(str, args)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **env}
    )


def run(rig: Path, *more: object, seconds: float = 60.0, **env: str) -> subprocess.Popen[str]:
    """`hil run` in real time against the board on the line."""
    return hil("run", rig, "--bind", "controller=hil", "--duration", seconds, "--no-record", *more, **env)


def emulate(rig: Path, *more: object) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """`hil emulate`: the posix board, and what it told."""
    process = hil("emulate", rig, "board", "--json", *more)
    assert process.stdout
    return process, json.loads(process.stdout.readline())


def wait_for(what: Callable[[], bool], seconds: float = 20.0) -> None:
    """Until it is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def pins(file: Path) -> tuple[float, ...]:
    """The outputs of a posix board, as its file shows them."""
    return struct.unpack("<2d", file.read_bytes()[8:24])


def wait_until_driven(file: Path) -> None:
    """Until the controller drives the outputs."""
    wait_for(lambda: pins(file)[0] not in (SAFE[0], 0.0))


def finish(process: subprocess.Popen[str], seconds: float = 30.0) -> tuple[int, list[str]]:
    """Exit code and the lines on stderr."""
    try:
        _, errors = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, errors.splitlines()
