"""What recording costs a tick, and how fast what was recorded reaches the disk."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from hil.bench import Bench, open_bench
from hil.errors import BenchError
from hil.latency.paired import settled
from hil.latency.place import CPU, PRIORITY
from hil.latency.quickest import Step, quickest
from hil.latency.run import Measured, Run
from hil.latency.step import HAND, by_hand, places
from hil.latency.yardstick import command

CHUNK = 1000  # ticks whose frames fit in the ring of any rig
ROWS = 40  # pairs of the C program that are one here


def measure(run: Run) -> None:
    """The recorded tick, the push into the ring, and a recorded run in virtual time."""
    with places(run.rig) as benches:
        side_s = run.seconds / 64
        ours, theirs = quickest([recorded(each) for each in benches], side_s), quickest([by_hand()], side_s)
        found = run.pair("record.tick", ours, theirs, 0.5, yardstick=HAND, unit="ns")
    what = "memcpy of the same 200 doubles into memory as cold (push.c)"
    run.ratios["record.push"] = Measured(settled(_push_pairs()), what, "ns")
    run.figures["record"] = {"tick_ns": found.a, **_to_disk(run)}


def recorded(bench: Bench) -> Step:
    """Runs so many ticks that record the rig's groups and drains the rings, which is part of the cost."""
    assert bench.engine is not None
    loop = bench.engine.loop

    def step(ticks: int) -> None:
        while ticks > 0:
            ran = loop.run(min(CHUNK, ticks))
            if not loop.read_samples() or not ran:
                raise BenchError("the loop recorded nothing", where=bench.rig.name)
            loop.read_inputs()
            ticks -= ran

    return step


def _push_pairs() -> list[tuple[float, float]]:
    """Medians of push and copy over ROWS alternating rows each."""
    line = command("push", cpu=CPU, priority=PRIORITY)
    told = subprocess.run(line, check=False, capture_output=True, text=True, timeout=60)
    rows = [tuple(map(float, line.split())) for line in told.stdout.splitlines()]
    if told.returncode or len(rows) < 8 * ROWS:
        raise BenchError(f"ended with {told.returncode} after {len(rows)} rows", where="push")
    parts = [sorted(rows[i : i + ROWS]) for i in range(0, len(rows), ROWS)]
    return [(part[ROWS // 2][0], sorted(b for _, b in part)[ROWS // 2]) for part in parts if len(part) == ROWS]


def _to_disk(run: Run) -> dict[str, Any]:
    """Ticks in a second of a run in virtual time that is recorded into a folder, and bytes a tick."""
    seconds = 20_000 * run.rig.period_s
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
        place = Path(folder) / "recording"
        with open_bench(run.rig, history=False, record=place, use_rig_faults=False) as bench:
            began = time.perf_counter()
            bench.run(seconds)
            spent = time.perf_counter() - began
            result = bench.finish()
        size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    return {
        "ticks_per_s_to_disk": result.ticks / spent,
        "bytes_per_tick": size / max(1, result.ticks),
        "lost_samples": result.lost_samples,
    }
