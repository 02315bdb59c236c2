"""What this machine can promise to a bench, and how to get more. All is tried, nothing changed (but see `examine`).

Each subject is a module: `read` takes its facts from /proc, /sys and /etc, `point` says what they mean. `facts` puts
the facts together, which is quick; `diagnosis` tries and measures, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.doctor.attempts import PRIORITY, try_affinity, try_fifo, try_memory_lock
    from hil.doctor.diagnosis import Diagnosis, examine
    from hil.doctor.facts import read_facts
    from hil.doctor.wake_up import measure_wake_up

_PLACES = {
    "PRIORITY": "attempts",
    "try_affinity": "attempts",
    "try_fifo": "attempts",
    "try_memory_lock": "attempts",
    "Diagnosis": "diagnosis",
    "examine": "diagnosis",
    "read_facts": "facts",
    "measure_wake_up": "wake_up",
}
__all__ = [
    "PRIORITY",
    "Diagnosis",
    "examine",
    "measure_wake_up",
    "read_facts",
    "try_affinity",
    "try_fifo",
    "try_memory_lock",
]


def __getattr__(name: str) -> Any:
    """Loads what is asked for: a recording's start needs the facts alone."""
    if name not in _PLACES:
        raise AttributeError(f"module 'hil.doctor' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"hil.doctor.{_PLACES[name]}"), name)
