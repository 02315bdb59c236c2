"""A trial of an FMU in a process of its own, before it may run in ours: does it start, what does a step take, does its
state come back?
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

from hil.errors import RigError
from hil.fmi.opening import Opening

LONGEST_S = 60.0


@dataclass(frozen=True)
class Found:
    """What a trial found.

    Attributes:
        worst_ns, median_ns: time of a step with its inputs at their start values.
        steps: how many were timed.
        state: "" when its state can be saved and loaded, else why not.
    """

    worst_ns: int
    median_ns: int
    steps: int
    state: str


def host_command(opening: Opening, what: str = "serve", text: str | None = None) -> tuple[str, ...]:
    """Program and arguments of the process that an FMU runs in."""
    return (sys.executable, "-P", "-m", "hil.fmi.host", what, opening.to_json() if text is None else text)


@cache
def try_out(opening: Opening, dt_s: float, params: tuple[float, ...], inputs: tuple[float, ...], where: str) -> Found:
    """Run the first few steps elsewhere; once in a process for each FMU and its start.

    Raises:
        RigError: the FMU does not start, fails in its first steps, crashes or hangs. `where` is the file and key.
    """
    words = json.dumps(
        {"opening": opening.to_json(), "dt_s": dt_s, "params": list(params), "inputs": list(inputs)}, allow_nan=True
    )
    command = host_command(opening, "try", words)
    try:
        ended = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LONGEST_S,
        )
    except subprocess.TimeoutExpired as error:
        raise RigError(f"the FMU hangs: no first step within {LONGEST_S:g} s", where=where) from error
    if ended.returncode < 0:
        name = signal.strsignal(-ended.returncode)
        raise RigError(f"the FMU crashes at its start or in its first steps: {name}", where=where)
    found = _answer(ended.stdout)
    if found is None:
        last = (ended.stderr.strip().splitlines() or [""])[-1][:200]
        raise RigError(f"the FMU ends the process that tries it (exit code {ended.returncode}): {last}", where=where)
    if "refused" in found:
        raise RigError(f"the FMU does not run: {found['refused']}", where=where)
    return Found(**found)


def _answer(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
