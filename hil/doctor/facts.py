"""What the machine tells of itself without being measured: cheap enough for the start of every recording.

Each subject reads its own part (`read` of its module); here they are put together. The values are plain, for JSON.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hil import realtime
from hil.doctor import clock, idle, interrupts, limits, memory, processors, quota, serial

Facts = dict[str, Any]


def read_facts(root: Path = realtime.ROOT, cpu: int | None = None) -> Facts:
    """All facts about this machine and this process's place on it.

    Args:
        root: where /proc, /sys, /dev and /etc are.
        cpu: the CPU of the loop; None: the last one that this process may use.

    Returns:
        `hil.realtime.machine_facts` and "loop_cpu", "processors", "interrupts", "idle", "clock", "limits", "memory",
        "quota", "latency_timers". Nothing is tried, measured or changed.
    """
    cpu = max(os.sched_getaffinity(0)) if cpu is None else cpu
    return {
        **realtime.machine_facts(root),
        "loop_cpu": cpu,
        "processors": processors.read(root, cpu),
        "interrupts": interrupts.read(root, cpu),
        "idle": idle.read(root, cpu),
        "clock": clock.read(root),
        "limits": limits.read(root),
        "memory": memory.read(root),
        "quota": quota.read(root),
        "latency_timers": serial.read(root),
    }
