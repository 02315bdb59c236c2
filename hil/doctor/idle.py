"""What `hil doctor` says about idle states: a CPU that sleeps deeply wakes up late."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hil import realtime
from hil.doctor.point import OK, WARN, Point

Facts = dict[str, Any]
NAME = "idle states"
DEEP_US = 10  # a deeper state's exit alone would be seen in a loop's lateness


def read(root: Path, cpu: int) -> Facts:
    """Driver, states (name, exit latency in us, switched off or not), and who may keep the CPU awake."""
    folders = sorted((root / f"sys/devices/system/cpu/cpu{cpu}/cpuidle").glob("state[0-9]*"))
    file = root / "dev/cpu_dma_latency"
    return {
        "driver": realtime.read(root / "sys/devices/system/cpu/cpuidle/current_driver"),
        "states": [_state(folder) for folder in folders],
        "latency_file": file.exists(),
        "latency_permitted": os.access(file, os.W_OK),
    }


def _state(folder: Path) -> Facts:
    latency = realtime.read(folder / "latency")
    return {
        "name": realtime.read(folder / "name"),
        "latency_us": int(latency) if latency.isdigit() else 0,
        "off": realtime.read(folder / "disable") == "1",
    }


def point(facts: Facts) -> Point:
    """States that are switched on, and whether a run can keep the CPU out of the deep ones."""
    found = facts["idle"]
    states = [state for state in found["states"] if not state["off"]]
    names = ", ".join(f"{state['name']} {state['latency_us']} us" for state in states)
    value = f"{found['driver'] or 'no driver'}{': ' + names if names else ''}"
    if not any(state["latency_us"] > DEEP_US for state in states):
        if not states and not found["latency_file"]:
            return Point(NAME, OK, "none to be seen", "left to the host")
        return Point(NAME, OK, value, f"no state takes longer than {DEEP_US} us to leave")
    if found["latency_permitted"]:
        return Point(NAME, OK, value, "a run holds /dev/cpu_dma_latency and so keeps the CPUs out of deep sleep")
    if found["latency_file"]:
        meaning = "/dev/cpu_dma_latency cannot be written: CPUs in deep sleep wake up late"
        return Point(NAME, WARN, value, meaning, "sudo setfacl -m u:$USER:rw /dev/cpu_dma_latency")
    return Point(NAME, WARN, value, "CPUs in deep sleep wake up late", f"sudo cpupower idle-set -D {DEEP_US}")
