"""What makes two machines comparable: ratios of one CPU class are compared with those of the same one only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from hil import realtime
from hil.latency.programs import compiler_version


def cpu_class() -> dict[str, Any]:
    """Model name, usable cores, preemption model of the kernel, compiler of the yardsticks."""
    return {
        "cpu": realtime.cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "preemption": realtime.preemption(),
        "compiler": compiler_version(),
    }


def difference(here: Mapping[str, Any], there: Mapping[str, Any]) -> str:
    """What differs, in words; "" for the same class."""
    parts = [
        f"{key} '{there.get(key)}' there, '{value}' here" for key, value in here.items() if there.get(key) != value
    ]
    return "; ".join(parts)
