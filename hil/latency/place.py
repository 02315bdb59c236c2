"""Where speed is measured: one core, one priority, both sides alike."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hil.latency.yardstick import may_use_fifo

USABLE = sorted(os.sched_getaffinity(0))
CPU = USABLE[-1]
PRIORITY = 40


@contextmanager
def measured_place() -> Iterator[None]:
    """This thread on the measured core, under SCHED_FIFO where permitted: neighbours disturb both sides less."""
    cpus, policy, param = os.sched_getaffinity(0), os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setaffinity(0, {CPU})
    if may_use_fifo():
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, param)
        os.sched_setaffinity(0, cpus)


@contextmanager
def shallow_sleep() -> Iterator[None]:
    """Keeps processors out of deep sleep, where permitted; a yardstick does it for its own time only."""
    try:
        file = os.open("/dev/cpu_dma_latency", os.O_WRONLY)
        os.write(file, bytes(4))
    except OSError:
        yield
        return
    try:
        yield
    finally:
        os.close(file)


@contextmanager
def load_elsewhere() -> Iterator[int]:
    """An ordinary process that computes on each of the other cores; gives their number."""
    others = sorted(os.sched_getaffinity(0) - {CPU})
    busy = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile os.getppid() == int(sys.argv[2]): pass"
    hogs = [subprocess.Popen([sys.executable, "-c", busy, str(cpu), str(os.getpid())]) for cpu in others]
    try:
        yield len(hogs)
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
