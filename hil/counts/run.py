"""Counts what the loop's thread and a bus's thread call, in short runs of a rig in real time."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from hil.counts.tools import SHARED, built
from hil.errors import BenchError
from hil.rig import Rig, load_rig

SECONDS = 1.0
CLOCK_NANOSLEEP, WAITS = 230, (7, 271)  # x86-64; poll, ppoll
TIMEOUT_S = 120.0
CALLS = {"allocations": "memory", "locks": "locks", "gil": "gil"}
ONLY_X86 = "system calls are counted by the registers of x86-64 only"


def figures(rig: str | Path | Rig, *, seconds: float = SECONDS, bus: bool = True) -> dict[str, Any]:
    """All counted figures of a rig.

    Args:
        rig: folder, file or name of a shipped rig. Its devices are emulated; no real one is touched.
        seconds: of each of the two runs.
        bus: binds the roles to emulated devices (Modbus TCP, RTU or MCU link); else to blocks in the loop.

    Returns:
        "tick" (each a tick), "bus" (each a transaction; None without one) and "link" (each an exchange with a
        microcontroller; None without one): "allocations" (malloc, free and their like), "locks" (mutexes, semaphores:
        what may become a futex), "gil", "system_calls" (beside sleeps and waits), "switches" (voluntary context
        switches); "tick" also "sleeps", the others "waits" (poll). "skipped": why one is missing.

    Raises:
        BenchError: no compiler, or the run fails.
    """
    place = str(rig.folder if isinstance(rig, Rig) else load_rig(rig).folder)
    level = "pil" if bus else "mil"
    plain = _run(place, seconds, level, switches=True)[0]
    traced, calls, skipped = _traced(place, seconds, level)
    found: dict[str, Any] = {"tick": _tick(plain, traced, calls), "bus": None, "link": None, "skipped": skipped}
    if bus:
        found["bus"], found["link"] = _transaction(plain, traced, calls), _exchange(plain, traced, calls)
        if found["bus"] is None and found["link"] is None:
            found["skipped"]["bus"] = "no device of this rig exchanges in cycles of its own"
    return found


def _run(rig: str, seconds: float, level: str, before: tuple[str, ...] = (), *, switches: bool) -> tuple[Any, str]:
    """What the child printed, and its error output."""
    library = str(built("calls.c", *SHARED))
    command = [*before, sys.executable, "-m", "hil.counts.child", rig, str(seconds), level, library]
    command += ["switches"] if switches else []
    env = {**os.environ, "LD_PRELOAD": " ".join([library, os.environ.get("LD_PRELOAD", "")])}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT_S, env=env)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise BenchError(f"the counted run failed: {lines[-1] if lines else done.returncode}", where=rig)
    return json.loads(done.stdout), done.stderr


def _traced(rig: str, seconds: float, level: str) -> tuple[Any, dict[int, Counter[int]], dict[str, str]]:
    """The same under a tracer: the child's figures, system calls by thread and number, what could not be counted."""
    if platform.machine() != "x86_64":
        return None, {}, {"system_calls": ONLY_X86}
    try:
        found, counted = _run(rig, seconds, level, (str(built("system_calls.c")),), switches=False)
    except BenchError as error:
        return None, {}, {"system_calls": f"not permitted to trace (ptrace), or the run failed: {error}"}
    calls: dict[int, Counter[int]] = {}
    for line in counted.splitlines():
        words = line.split()
        if len(words) == 3 and all(word.isdigit() for word in words):
            thread, number, count = map(int, words)
            calls.setdefault(thread, Counter())[number] = count
    return found, calls, {}


def thread_of(run: Any, library: str) -> dict[str, Any] | None:
    """The busiest thread that was started in a library: the teardown has short ones of its own."""
    found: list[dict[str, Any]] = [thread for thread in run["threads"] if thread["library"] == library] if run else []
    return max(found, key=lambda thread: float(thread["sleeps"]), default=None)


def _tick(plain: Any, traced: Any, calls: dict[int, Counter[int]]) -> dict[str, float | None]:
    thread, again = thread_of(plain, "_core"), thread_of(traced, "_core")
    if thread is None or not thread["sleeps"]:
        raise BenchError("the loop's thread was not seen", mend="Is LD_PRELOAD honoured by this Python?")
    ticks = plain["ticks"]
    found: dict[str, float | None] = {name: thread[kind] / ticks for name, kind in CALLS.items()}
    found |= {"sleeps": thread["sleeps"] / ticks, "switches": thread["switches"] / ticks, "system_calls": None}
    if again:
        own = calls[again["id"]]
        found["system_calls"] = (own.total() - own[CLOCK_NANOSLEEP]) / traced["ticks"]
    return found


def _transaction(plain: Any, traced: Any, calls: dict[int, Counter[int]]) -> dict[str, float | None] | None:
    """A client's cycle is one sleep and a fixed number of requests."""
    thread, again = thread_of(plain, "_bus"), thread_of(traced, "_bus")
    if thread is None or not thread["sleeps"]:
        return None
    requests = _requests_a_cycle(plain)
    n = thread["sleeps"] * requests
    found: dict[str, float | None] = {name: thread[kind] / n for name, kind in CALLS.items()}
    found |= {"switches": thread["switches"] / n, "system_calls": None, "waits": None}
    if again:
        n, own = again["sleeps"] * requests, calls[again["id"]]
        found["system_calls"], found["waits"] = _beside_sleeps(own) / n, _waits(own) / n
    return found


def _exchange(plain: Any, traced: Any, calls: dict[int, Counter[int]]) -> dict[str, float | None] | None:
    """A link's thread waits for its period and for its device in one call; what it does else is an image each way."""
    thread, again = thread_of(plain, "_link"), thread_of(traced, "_link")
    n = _exchanges(plain)
    if thread is None or not n:
        return None
    found: dict[str, float | None] = {name: thread[kind] / n for name, kind in CALLS.items()}
    found |= {"waits": thread["sleeps"] / n, "switches": thread["switches"] / n, "system_calls": None}
    if again and _exchanges(traced):
        found["system_calls"] = _beside_sleeps(calls[again["id"]]) / _exchanges(traced)
    return found


def _exchanges(run: Any) -> float:
    """Images over links, one each way for an exchange: a device sends its safe outputs before the loop sends at all."""
    sides = ("images_out", "images_in")
    return sum(int(counters.get(side, 0)) for counters in run["buses"].values() for side in sides) / 2 if run else 0


def _waits(own: Counter[int]) -> int:
    return sum(own[number] for number in WAITS)


def _beside_sleeps(own: Counter[int]) -> int:
    return own.total() - own[CLOCK_NANOSLEEP] - _waits(own)


def _requests_a_cycle(run: Any) -> int:
    for counters in run["buses"].values():
        requests, cycles = int(counters.get("requests", 0)), int(counters.get("cycles", 0))
        if requests and cycles:
            return max(1, round(requests / cycles))
    return 1
