"""Small programs do what the standard says, scan by scan: types, overflow, timers, blocks, arrays, loops, restarts."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from st_programs import PROGRAMS, Case, cases_of, programs_of, value_of

from hil.plc import CompiledProgram

FILES = sorted(PROGRAMS.glob("*.st"))
ALL = [(path, case.name) for path in FILES for case in cases_of(path)]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs")


@pytest.mark.parametrize(("path", "name"), ALL, ids=[name for _, name in ALL])
def test_a_program_does_what_the_standard_says(path: Path, name: str, folder: Path) -> None:
    case, program = programs_of(path, folder)[name]
    assert case.rows, "no expected trace"
    words, outputs, scan = program.cold(), [], 0
    for row in case.rows:
        if row in ("warm", "cold"):
            words = program.cold() if row == "cold" else words
            program.warm(words)
            scan = 0
            continue
        outputs = run_row(case, program, words, row, scan, outputs)
        scan += 1


def run_row(case: Case, program: CompiledProgram, words, row: str, scan: int, outputs: list[float]) -> list[float]:
    from st_programs import _cells

    before, after = row.split("->")
    given = dict(zip(case.inputs, map(value_of, _cells(before)), strict=True))
    images = {v.name for v in program.inputs if v.type not in ("LINT", "ULINT", "LWORD")}
    for name, value in given.items():
        if name not in images:
            program.write(words, name, value)
    u = [float(given[v.name]) if v.name in given and v.name in images else math.nan for v in program.inputs]
    outputs, stop = program.scan(words, u, scan * case.interval_ns, outputs)
    after = after.strip()
    if after.startswith("stop "):
        assert stop is not None, f"{row}: it did not stop"
        line, _, reason = after[5:].partition(" ")
        assert program.stop_text(*stop) == f"{case.name}:{case.line(int(line))}: {reason}", row
        return outputs
    assert stop is None, program.stop_text(*stop)
    wanted = [value_of(cell) for cell in _cells(after)]
    found = [program.read(words, name) for name in case.outputs]
    assert len(wanted) == len(found), row
    for name, one, other in zip(case.outputs, found, wanted, strict=True):
        assert one == other or (one != one and other != other), f"{row}: {name} is {one!r}, not {other!r}"
    return outputs


def test_there_are_at_least_200_programs() -> None:
    assert len(ALL) >= 200
