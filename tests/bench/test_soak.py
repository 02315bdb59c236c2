"""An hour at 1 kHz with Modbus TCP, the MCU link and a recording: memory flat, nothing lost, all counters agree.

2 minutes in `make test`, an hour in `make test-full`, beside other tests: nothing is judged by its time. The bounds are
in bytes a tick, so they mean the same in both.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hil.recording import Recording
from hil.recording.layout import InputKind
from hil.replay import replay

pytestmark = pytest.mark.bench

WARM_UP = 0.4  # of the run: pages and caches fill, the allocators settle
ROW_BYTES = 8 * 3 + 8 * 8 + 8  # of a recorded tick: its head, 8 signals, their statuses
FLAT = 0.5 * ROW_BYTES  # bytes a tick: whoever keeps every row grows by twice that at least
EVERY = 10  # ticks of a device
EDGES = 25  # cycles of the devices before the first tick and during the teardown
WRITE, READ = (21, 12), (12, 17)  # bytes of a request and its answer: FC 16 of 4 registers, FC 4 of 4


def slope(ticks: Sequence[int], sizes: Sequence[int]) -> float:
    """Bytes a tick, by least squares over what comes after the warm-up."""
    start = WARM_UP * ticks[-1]
    points = [(tick, size) for tick, size in zip(ticks, sizes, strict=True) if tick >= start]
    assert len(points) > 20
    return float(np.polyfit(*zip(*points, strict=True), 1)[0])


def facts_of(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Everything that has to agree."""
    recording = Recording(folder)
    rows = recording.tick()
    return {
        **found["health"],
        "complete": recording.complete,
        "problems": recording.problems,
        "rows": len(rows),
        "rows_in_order": bool((rows == np.arange(len(rows))).all()),
        "images": dict(Counter(each.target for each in recording.inputs() if each.kind == InputKind.IMAGE)),
        "recorded": recording.ticks,
    }


def unanswered(count: int) -> set[int]:
    """Bytes that so many requests may have, each a write or a read."""
    return {k * WRITE[0] + (count - k) * READ[0] for k in range(count + 1)}


def late_answers(count: int) -> set[int]:
    """Bytes of what came after so many time-outs: of each a whole answer or nothing."""
    return {a * WRITE[1] + b * READ[1] for a in range(count + 1) for b in range(count + 1 - a)}


def disagreements(facts: dict[str, Any], ticks: int) -> list[str]:
    """What does not add up, by name."""
    plc, board = facts["buses"]["plc"], facts["buses"]["board"]
    reads = plc["cycles"]
    writes = plc["answers"] - reads  # none in a cycle before the first tick; a failed cycle is none of the cycles
    cycles = range(ticks // EVERY - EDGES, ticks // EVERY + EDGES + 1)
    checks = {
        "ticks": facts["tick"] == facts["recorded"] == ticks,
        "a row a tick": facts["rows"] == ticks and facts["rows_in_order"],
        "nothing lost": facts["lost_samples"] == facts["lost_inputs"] == 0 and not facts["problems"],
        "complete": facts["complete"],
        "requests": plc["requests"] == plc["answers"] + plc["timeouts"] + plc["exceptions"],
        "no bad answers": plc["malformed"] == plc["wrong_unit"] == plc["wrong_transaction"] == 0,
        "cycles of the PLC": plc["cycles"] + plc["missed_cycles"] + plc["failed_cycles"] in cycles,
        "images of the PLC": plc["images"] == plc["cycles"],
        "bytes": plc["bytes_received"] - writes * WRITE[1] - reads * READ[1] in late_answers(plc["timeouts"]),
        "bytes sent": plc["bytes_sent"] - writes * WRITE[0] - reads * READ[0] in unanswered(plc["timeouts"]),
        "images recorded": all(
            0 < facts["images"].get(role, 0) <= bus["images"] for role, bus in ((1, plc), (2, board))
        ),
        "cycles of the board": board["cycles"] + board["missed_cycles"] + board["failed_cycles"] in cycles,
        "images of the board": board["images"] == board["images_in"] and board["images_out"] == board["cycles"],
        "frames of the board": board["bad_crc"] == board["bad_cobs"] == board["bad_length"] == 0,
    }
    return [name for name, holds in checks.items() if not holds]


def soak(folder: Path, seconds: int) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).with_name("soak_run.py")), str(folder), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 + 2 * seconds)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.timeout(2 * 3600)
def test_an_hour_leaves_memory_flat_records_everything_and_its_counters_agree(
    tmp_path: Path, full: Callable[[int, int], int]
) -> None:
    seconds = full(120, 3600)
    found = soak(tmp_path, seconds)
    facts = facts_of(found, tmp_path / "recording")
    shown = {name: {k: bus[k] for k in ("cycles", "missed_cycles", "images")} for name, bus in facts["buses"].items()}
    print(f"\nsoak of {seconds} s: {facts['rows']:,} rows, images {facts['images']}, {shown}")
    assert disagreements(facts, 1000 * seconds) == []

    ticks = [tick for tick, _ in found["memory"]]
    assert len(found["memory"][0][1]) == 3  # the bench and both devices
    for pid in found["memory"][0][1]:
        grown = slope(ticks, [sizes[pid] for _, sizes in found["memory"]])
        print(f"memory of process {pid}: {grown:+.2f} bytes a tick (within +-{FLAT:g})")
        assert abs(grown) < FLAT

    replayed = replay(tmp_path / "recording")
    assert replayed["identical"], replayed

    # Each disagreement would be seen: one of anything, in the figures of this very run.
    for change, name in (
        (("rows",), "a row a tick"),
        (("lost_samples",), "nothing lost"),
        (("lost_inputs",), "nothing lost"),
        (("buses", "plc", "requests"), "requests"),
        (("buses", "plc", "images"), "images of the PLC"),
        (("buses", "plc", "bytes_sent"), "bytes sent"),
        (("buses", "board", "images_in"), "images of the board"),
        (("buses", "board", "bad_crc"), "frames of the board"),
    ):
        spoilt = copy.deepcopy(facts)
        inner = spoilt
        for key in change[:-1]:
            inner = inner[key]
        inner[change[-1]] += 1
        assert name in disagreements(spoilt, 1000 * seconds)


def test_a_bench_that_kept_every_row_would_not_be_flat() -> None:
    """The same measure on a process that keeps as many bytes a tick as a row has."""
    code = (
        "import sys, os\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from soak_run import resident_bytes\n"
        "kept, found = [], []\n"
        "for tick in range(20_000):\n"
        f"    kept.append(os.urandom({ROW_BYTES}))\n"
        "    if tick % 100 == 0: found.append((tick, resident_bytes(os.getpid())))\n"
        "print(found)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(done.stdout.replace("(", "[").replace(")", "]"))
    grown = slope([tick for tick, _ in found], [size for _, size in found])
    print(f"\na process that keeps its rows: {grown:+.1f} bytes a tick")
    assert grown > FLAT
