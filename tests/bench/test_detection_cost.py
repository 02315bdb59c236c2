"""What detection adds to a tick: the incubator with its observers, with and without all that its detectors are made of.

The difference is a time, as it was asked for: at most 200 ns. It is some tens of ns, so a machine that is half as fast
keeps the bound.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hil
from hil.bench import Bench

pytestmark = pytest.mark.bench
MOST_NS = 200.0
TICKS = 30_000
DETECTORS = (
    "deviation", "cold", "lid_lately", "cup_ratio", "weak_before", "no_cup", "cup", "power", "loss", "lid_long",
    "changed", "power_ratio", "power_likelier", "apart", "drift",
)  # fmt: skip


def without_detectors(rig: Path) -> Path:
    """The rig with its observers and without those blocks; nothing else reads what they say."""
    file = rig / "rig.toml"
    sections = re.split(r"\n(?=\[)", file.read_text())
    dropped = tuple(f"[blocks.{name}]" for name in DETECTORS)
    kept = [part for part in sections if not part.startswith((*dropped, "[twin"))]
    assert len(sections) - len(kept) > len(DETECTORS)
    text = "\n".join(kept).replace('["watch.lid_open", "sensor_bad.y"]', '["sensor_bad.y"]')
    file.write_text(text.replace('"watch.lid_open"', "0.0"))
    return rig


def tick_ns(bench: Bench) -> float:
    begin = time.perf_counter_ns()
    bench.state.run(TICKS)
    return (time.perf_counter_ns() - begin) / TICKS


def test_detection_adds_at_most_200_ns_to_a_tick(
    rig_copy: Callable[..., Path], full: Callable[[int, int], int]
) -> None:
    pairs = full(15, 60)
    with (
        hil.open_bench(rig_copy("incubator"), history=False) as whole,
        hil.open_bench(without_detectors(rig_copy("incubator")), history=False) as bare,
    ):
        missing = {name for name in whole.built.numbers if name not in bare.built.numbers}
        assert {"watch.lid_open", "watch.heater_weak", "power_likelier.high"} <= missing
        tick_ns(whole), tick_ns(bare)
        added, figures = [], []
        for number in range(pairs):
            first, second = (whole, bare) if number % 2 else (bare, whole)
            a, b = tick_ns(first), tick_ns(second)
            with_it, without = (a, b) if number % 2 else (b, a)
            added.append(with_it - without)
            figures.append(without)
    found = float(np.median(added))
    print(f"\ndetection adds {found:.0f} ns to a tick of {np.median(figures):.0f} ns, {pairs} pairs")
    assert found <= MOST_NS
    assert found > 0.0, "it does something"
