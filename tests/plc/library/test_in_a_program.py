"""Functions called from a program that the compiler has translated give what they give alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import st_oracle_convert
import st_oracle_text
import st_oracle_times
from st_harness import Case
from st_oracle import ORACLES

from hil.plc import CompiledProgram, compile_program
from hil.plc.functions import FUNCTIONS, OPERATORS, parameters
from hil.plc.standard.types import ELEMENTARY

REGISTERED = (st_oracle_convert, st_oracle_text, st_oracle_times)  # they fill ORACLES
INFIX = {name: sign for sign, name in OPERATORS.items() if name in ("AND", "OR", "XOR", "MOD", "NOT")}
Chosen = list[tuple[str, Case, tuple[Any, ...], Any]]


def call_text(name: str, case: Case, at: int) -> str:
    """Infix where the name is a keyword, with names of parameters in every second call."""
    values = [f"a{at}_{i}" for i in range(len(case.types))]
    if name in INFIX:
        return f"{INFIX[name]} {values[0]}" if len(values) == 1 else f" {INFIX[name]} ".join(values)
    if at % 2:
        values = [f"{p} := {v}" for p, v in zip(parameters(name, len(values)), values, strict=True)]
    return f"{name}({', '.join(values)})"


def program_text(chosen: Chosen) -> str:
    variables, calls = [], []
    for at, (name, case, _, _) in enumerate(chosen):
        kinds = [f"a{at}_{i} : {kind}" for i, kind in enumerate(case.types)]
        result = f"STRING[{case.capacity}]" if case.call.result == "STRING" else case.call.result
        variables += [f"    {one};" for one in (*kinds, f"r{at} : {result}")]
        calls.append(f"r{at} := {call_text(name, case, at)};")
    return "\n".join(["PROGRAM main", "VAR", *variables, "END_VAR", *calls, "END_PROGRAM", ""])


@pytest.fixture(scope="module")
def chosen(results: dict[str, list[tuple[Case, list[Any]]]]) -> Chosen:
    """A row that does not stop, of some ways to call every function; of conversions, of one in seven."""
    found = []
    for number, (name, ways) in enumerate(results.items()):
        if FUNCTIONS[name].group == "Conversion" and number % 7:
            continue
        for case, values in ways[number % 3 :: 4] or ways[:1]:
            rows = [(row, v) for row, v in zip(case.rows, values, strict=True) if not isinstance(v, tuple) and v == v]
            if rows and case.capacity > 0:
                found.append((name, case, *rows[-1]))
    return found


def test_program_gives_what_the_functions_give_alone(chosen: Chosen, tmp_path: Path) -> None:
    path = tmp_path / "functions.st"
    path.write_text(program_text(chosen))
    program = compile_program([path])
    words = program.cold()
    for at, (_, case, row, _) in enumerate(chosen):
        for i, (kind, value) in enumerate(zip(case.types, row, strict=True)):
            program.write(words, f"a{at}_{i}", bool(value) if kind == "BOOL" else value)
    _, stop = program.scan(words, [], 0)
    assert stop is None, program.stop_text(*stop)
    wrong = [
        (name, case.types, row, given, expected)
        for at, (name, case, row, expected) in enumerate(chosen)
        if (given := program.read(words, f"r{at}")) != expected
    ]
    assert not wrong, wrong[:10]
    assert {kind for _, case, _, _ in chosen for kind in case.types} == set(ELEMENTARY)
    assert len(chosen) > 200
    assert set(ORACLES)


SPLIT = """
PROGRAM main
VAR
    d : DT := DT#2024-02-29-23:58:59.123;
    y, mo, dd, h, m, s, ms, us, ns, first : INT;
    l : LTOD := LTOD#12:34:56.123456789;
    h2, m2, s2, ms2 : INT;
END_VAR
first := SPLIT_DT(IN := d, YEAR => y, MONTH => mo, DAY => dd, HOUR => h, MINUTE => m, SECOND => s, MILLISECOND => ms);
h2 := SPLIT_LTOD(IN := l, MINUTE => m2, SECOND => s2, MILLISECOND => ms2, MICROSECOND => us, NANOSECOND => ns);
END_PROGRAM
"""


def test_dates_are_split_into_their_parts(tmp_path: Path) -> None:
    path = tmp_path / "split.st"
    path.write_text(SPLIT)
    program = compile_program([path])
    words = program.cold()
    program.scan(words, [], 0)
    date, clock = ("first", "mo", "dd", "h", "m", "s", "ms"), ("h2", "m2", "s2", "ms2", "us", "ns")
    assert [program.read(words, name) for name in date] == [2024, 2, 29, 23, 58, 59, 123]
    assert [program.read(words, name) for name in clock] == [12, 34, 56, 123, 456, 789]


STOPS = [
    ("x := x / zero;", "division by zero"),
    ("x := x MOD zero;", "division by zero"),
    ("x := MUX(zero - 1, x, 2);", "array index outside its range"),
    ("w := SHL(w, zero - 1);", "value outside its range"),
    ("s := LEFT(s, zero - 1);", "value outside its range"),
    ("s := MID(s, 2, zero);", "value outside its range"),
    ("d := CONCAT_DATE(2023, 2, 29 + zero);", "value outside its range"),
    ("x := UINT_TO_INT(WORD_BCD_TO_UINT(INT_TO_WORD(zero + 10)));", "value outside its range"),
    ("t := t / zero;", "division by zero"),
]


@pytest.fixture(scope="module")
def stopping(tmp_path_factory: pytest.TempPathFactory) -> CompiledProgram:
    """Each statement in its line, of which `chosen` says which one runs."""
    path: Path = tmp_path_factory.mktemp("stops") / "stops.st"
    variables = "VAR chosen, x, zero : INT; w : WORD; s : STRING[8]; d : DATE; t : TIME; END_VAR"
    lines = [f"IF chosen = {i} THEN {statement} END_IF;" for i, (statement, _) in enumerate(STOPS)]
    path.write_text("\n".join(["PROGRAM main", variables, *lines, "END_PROGRAM", ""]))
    return compile_program([path])


@pytest.mark.parametrize("number", range(len(STOPS)))
def test_wrong_argument_stops_the_program_at_its_line(number: int, stopping: CompiledProgram) -> None:
    words = stopping.cold()
    stopping.write(words, "chosen", number)
    _, stop = stopping.scan(words, [], 0)
    assert stop is not None, STOPS[number]
    assert stopping.stop_text(*stop).endswith(f"stops.st:{number + 3}: {STOPS[number][1]}")
