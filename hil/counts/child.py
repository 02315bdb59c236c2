"""Runs a rig in real time with the counting library preloaded and prints what its threads called, as JSON.

python -m hil.counts.child RIG SECONDS LEVEL LIBRARY [switches]
"""

from __future__ import annotations

import ctypes
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from hil.bench import open_bench
from hil.rig import Device, load_rig

KINDS = ("memory", "locks", "clocks", "sleeps", "gil", "switches")


def main(rig: str, seconds: float, level: str, library: str, *, switches: bool) -> dict[str, Any]:
    """Every role is bound to `level`; the loop has no final spin, so that each tick is one sleep."""
    calls = ctypes.CDLL(library)
    calls.thread_calls.restype = ctypes.c_ulong
    calls.thread_library.restype = ctypes.c_char_p
    if switches:
        calls.count_switches()
    loaded = load_rig(rig)
    devices = {name: _quick(device) for name, device in loaded.devices.items()}
    loaded = replace(loaded, loop=replace(loaded.loop, spin_us=0.0), devices=devices)
    with open_bench(loaded, time="real", bind=dict.fromkeys(loaded.roles, level), history=False) as bench:
        bench.run(seconds)
        status = bench.health()
        result = {"ticks": status["tick"], "buses": status["buses"]}
    return {**result, "threads": [_thread(calls, i) for i in range(calls.thread_number())]}


def _quick(device: Device) -> Device:
    """At any free port, as the rig's own may be somebody's; firmware as a process: an emulated chip is too slow."""
    device = replace(device, port=0) if device.port else device
    return replace(device, board="posix") if device.firmware else device


def _thread(calls: Any, at: int) -> dict[str, Any]:
    found = {kind: calls.thread_calls(at, i) for i, kind in enumerate(KINDS)}
    library = Path(calls.thread_library(at).decode()).name.partition(".")[0]
    return {"library": library, "id": calls.thread_id(at), **found}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], float(sys.argv[2]), *sys.argv[3:5], switches=len(sys.argv) > 5)))
