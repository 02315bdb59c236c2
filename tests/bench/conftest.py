"""What the speed tests share."""

from __future__ import annotations

import functools

import pytest
import yardstick


@functools.cache
def fifo_permitted() -> bool:
    return yardstick.may_use_fifo()


@pytest.fixture
def real_time_priority() -> None:
    """For ratios of two processes or threads that hand over to each other: beside ordinary load it decides them."""
    if not fifo_permitted():
        pytest.skip("SCHED_FIFO is not permitted for this user (ulimit -r), and the ratio is claimed under it")
