"""The recorder's ring beside memcpy: a frame of 200 doubles, both into memory that is not in the nearest caches."""

from __future__ import annotations

import statistics
import subprocess

import pytest
import yardstick
from place import CPU, PRIORITY

pytestmark = pytest.mark.bench
GATE = 1.5


def ratio(*arguments: str) -> tuple[float, float, float]:
    """Medians of push / copy and of both, in ns, over 400 alternating rows of one run."""
    command = yardstick.command("push", *arguments, cpu=CPU, priority=PRIORITY)
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    pairs = [tuple(map(float, line.split())) for line in text.splitlines()]
    assert len(pairs) == 400
    pushes, copies = zip(*pairs, strict=True)
    return statistics.median(p / c for p, c in pairs), statistics.median(pushes), statistics.median(copies)


def test_a_push_costs_little_more_than_a_copy_into_cold_memory() -> None:
    _, push_ns, copy_ns = ratio()
    found = yardstick.paired_until(lambda: ratio()[0], lambda: 1.0, at_most=GATE)
    print(f"\nring push of 200 doubles / memcpy into cold memory: {found} ({push_ns:.0f} / {copy_ns:.0f} ns)")
    assert found.median <= GATE


def test_the_gate_sees_a_push_that_copies_twice() -> None:
    assert yardstick.paired_until(lambda: ratio("slow")[0], lambda: 1.0, at_least=GATE).median > GATE
