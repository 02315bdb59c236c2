"""What the machine grants, found out by asking for it where it leaves no trace: in a thread or a child that ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

PRIORITY = 80


def try_fifo(priority: int = PRIORITY) -> int:
    """0 when a thread may have SCHED_FIFO, else the errno. Tried in a thread of its own."""
    return _in_thread(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority)))


def try_affinity() -> int:
    """0 when a thread may pin itself to a CPU, else the errno."""
    return _in_thread(lambda: os.sched_setaffinity(0, {max(os.sched_getaffinity(0))}))


def try_memory_lock() -> int:
    """0 when a bench may lock its memory, else the errno. Tried in a child process, which ends at once."""
    from hil import _core

    child = os.fork()
    if child == 0:
        os._exit(_core.lock_memory() & 0xFF)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _in_thread(attempt: Callable[[], object]) -> int:
    """0, or the errno with which `attempt` was refused; it changes only a thread that ends."""
    found = [0]

    def run() -> None:
        try:
            attempt()
        except OSError as error:
            found[0] = error.errno or -1

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]
