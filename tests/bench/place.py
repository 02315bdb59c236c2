"""Where speed is measured: one core, one priority."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import yardstick

CPU = max(os.sched_getaffinity(0))
PRIORITY = 40


@contextmanager
def measured_place() -> Iterator[None]:
    """This thread on the measured core, under SCHED_FIFO where permitted: neighbours disturb both sides less."""
    cpus, policy, param = os.sched_getaffinity(0), os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setaffinity(0, {CPU})
    if yardstick.may_use_fifo():
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, param)
        os.sched_setaffinity(0, cpus)
