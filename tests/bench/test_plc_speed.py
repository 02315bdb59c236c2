"""A scan of a compiled program beside the same logic written in C by hand, and beside itself with planted waste."""

from __future__ import annotations

from pathlib import Path

import yardstick

from hil.latency.plc import SOURCE, by_hand, compiled, scan_ns
from hil.plc import compile_program

SCANS = 200_000
GATE = 1.5  # the aim of the compiler
WASTE = "\nFOR i := 0 TO 15 DO mean := mean + SQRT(ABS(history[i])) * 0.0; END_FOR;\nlevel_loop("


def test_a_scan_costs_at_most_one_and_a_half_times_c_by_hand() -> None:
    program = compile_program([SOURCE])
    assert compiled(program, SCANS)() == by_hand(SCANS)(), "the two do not do the same"
    ratio = yardstick.paired_until(scan_ns(compiled(program)), scan_ns(by_hand()), at_most=GATE).median
    print(f"a scan of plc_tank.st: {ratio:.2f} times C by hand")
    assert ratio < GATE


def test_the_gate_can_fail(tmp_path: Path) -> None:
    slow = tmp_path / "slow.st"
    waste = WASTE.removesuffix("level_loop(") * 4
    slow.write_text(SOURCE.read_text(encoding="utf-8").replace("\nlevel_loop(", waste + "\nlevel_loop(", 1))
    ours = compiled(compile_program([slow]))
    assert yardstick.paired_until(scan_ns(ours), scan_ns(by_hand()), at_least=GATE).median > GATE
