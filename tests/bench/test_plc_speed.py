"""A scan of a PLC program of some hundred lines beside the same logic written by hand in C."""

from __future__ import annotations

from pathlib import Path

import pytest
import yardstick
from place import CPU, PRIORITY

from hil.plc import compile_program
from hil.rig import load_rig

pytestmark = pytest.mark.bench
GATE = 1.5
BATCHES = 3


@pytest.fixture(scope="module")
def program() -> Path:
    folder = load_rig("quad_tank").folder
    assert folder is not None
    return compile_program([folder / "plc/tank.st"]).path


def scans(program: Path, *arguments: int) -> dict[str, float]:
    return yardstick.run("plc_scan", program, *arguments, cpu=CPU, priority=PRIORITY)


def test_a_scan_beside_the_same_logic_by_hand(program: Path) -> None:
    for _ in range(BATCHES):
        seen = sorted((scans(program) for _ in range(5)), key=lambda run: run["scan ns"] / run["hand ns"])
        assert all(run["differences"] == 0 for run in seen)
        ratio = seen[2]["scan ns"] / seen[2]["hand ns"]
        print(f"\nscan of tank.st: {ratio:.3f} ({seen[2]['scan ns']:.0f} ns beside {seen[2]['hand ns']:.0f} ns)")
        if ratio <= GATE:
            return
    pytest.fail(f"a scan takes {ratio:.3f} times as long as by hand, {GATE} allowed")


def test_a_slower_scan_is_seen(program: Path) -> None:
    run = scans(program, 2)
    assert run["scan ns"] / run["hand ns"] > GATE
