"""What a compiled program shows: variables, coverage, watched values, stops, and the same from the command line."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.errors import PlcError
from hil.plc import CompiledProgram, compile_program

TEXT = """TYPE Mode : (Off, Auto); END_TYPE
PROGRAM main
VAR
    level AT %IW0 : INT;
    pump AT %QX0.0 : BOOL;
    flow AT %QD4 : REAL;
    memory AT %MW7 : UINT := 3;
END_VAR
VAR RETAIN kept : LINT; END_VAR
VAR m : Mode; s : STRING[9] := 'abc'; a : ARRAY[1..2] OF INT; END_VAR
IF level > 10 THEN
    pump := TRUE;
ELSE
    pump := FALSE;
END_IF;
flow := INT_TO_REAL(level) / 8.0;
kept := kept + 1;
a[level] := 1;
END_PROGRAM
CONFIGURATION c RESOURCE r ON PLC
TASK t(INTERVAL := T#20ms, PRIORITY := 3);
PROGRAM p1 WITH t : main;
END_RESOURCE END_CONFIGURATION
"""
NAN = math.nan


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tank.st"
    path.write_text(TEXT)
    return path


def test_variables_are_read_and_written_by_path(file: Path) -> None:
    program = compile_program([file])
    words = program.cold()
    assert program.read(words, "s") == program.read(words, "P1.S") == "abc"
    program.write(words, "p1.kept", -5)
    program.write(words, "%MW7", 65535)
    program.write(words, "s", "xyz")
    program.scan(words, [1, NAN], 0)
    assert program.read(words, "kept") == -4
    assert program.read(words, "memory") == 65535
    assert program.read(words, "s") == "xyz"
    variable = program.variables["p1.kept"]
    assert (variable.type, variable.retain, variable.where) == ("LINT", True, f"{file}:9:12")
    assert program.variables["p1.m"].values == {0: "Off", 1: "Auto"}
    with pytest.raises(PlcError, match=r"there is no variable p1.kep. Did you mean p1.kept\?"):
        program.read(words, "p1.kep")
    with pytest.raises(PlcError, match=r"70000 is outside UINT"):
        program.write(words, "memory", 70000)


def test_images_are_numbers_in_the_variables_type(file: Path) -> None:
    program = compile_program([file])
    words = program.cold()
    assert [v.address for v in program.inputs] == ["%IW0", "%MW7"]
    assert [v.address for v in program.outputs] == ["%QX0.0", "%QD4", "%MW7"]
    assert program.interval_ns == 20_000_000
    outputs, stop = program.scan(words, [2, 1e9], 0)
    assert (outputs, stop) == ([0.0, 0.25, 65535.0], None)
    outputs, stop = program.scan(words, [1, NAN], 0)
    assert outputs == [0.0, 0.125, 65535.0]


def test_a_stop_names_file_and_line_and_keeps_the_outputs(file: Path) -> None:
    program = compile_program([file])
    words = program.cold()
    outputs, _ = program.scan(words, [2, NAN], 0)
    after, stop = program.scan(words, [11, NAN], 0, outputs)
    assert stop is not None
    assert program.stop_text(*stop) == f"{file}:18: array index outside its range"
    assert after == outputs
    assert program.read(words, "kept") == 2


def reached(program: CompiledProgram, words) -> set[tuple[int, str]]:
    return {(p.line, p.kind) for p in program.coverage if words[p.word] >> p.bit & 1}


def test_coverage_counts_statements_and_both_branches(file: Path) -> None:
    program = compile_program([file], coverage=True)
    words = program.cold()
    assert {(p.line, p.kind) for p in program.coverage} == {
        *((line, "statement") for line in (11, 12, 14, 16, 17, 18)), (11, "true"), (11, "false"),
    }  # fmt: skip
    assert reached(program, words) == set()
    program.scan(words, [1, NAN], 0)
    assert reached(program, words) == {(11, "statement"), (11, "false"), (14, "statement"), (16, "statement"),
                                       (17, "statement"), (18, "statement")}  # fmt: skip
    program.warm(words)
    program.scan(words, [11, NAN], 0)
    assert len(reached(program, words)) == len(program.coverage)


def test_watched_values_stand_behind_the_outputs(file: Path) -> None:
    program = compile_program([file], watch=["p1.kept", "a[2]"])
    outputs, _ = program.scan(program.cold(), [2, NAN], 0)
    assert outputs == [0.0, 0.25, 3.0, 1.0, 1.0]
    assert program.watched == ("p1.kept", "p1.a[2]")
    with pytest.raises(PlcError, match="there is no variable x to watch"):
        compile_program([file], watch=["x"])


def test_several_files_are_one_program(tmp_path: Path) -> None:
    first, second = tmp_path / "a.st", tmp_path / "b.st"
    first.write_text("PROGRAM p VAR y AT %QW0 : INT; END_VAR y := F(); END_PROGRAM")
    second.write_text("VAR_GLOBAL x : INT; END_VAR\nFUNCTION F : INT\nF := 1 / x;\nEND_FUNCTION")
    program = compile_program([first, second])
    _, stop = program.scan(program.cold(), [], 0)
    assert stop is not None
    assert program.stop_text(*stop) == f"{second}:3: division by zero"


def test_it_comes_from_the_cache_the_second_time(file: Path) -> None:
    first = compile_program([file])
    before = first.path.stat().st_mtime_ns
    second = compile_program([file])
    assert (second.path, second.hash) == (first.path, first.hash)
    assert second.path.stat().st_mtime_ns == before


Hil = Callable[..., "subprocess.CompletedProcess[str]"]


def test_the_command_prints_a_trace(hil: Hil, file: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("level,%MW7\n2,\n1,9\n11,\n")
    run = hil("plc", "compile", file, "--trace", table)
    assert run.returncode == 1
    assert run.stdout == "level,pump,flow,memory\n2,0,0.25,3\n1,0,0.125,9\n"
    assert run.stderr == f"hil: {file}:18: array index outside its range\n"
    run = hil("plc", "compile", file, "--trace", table, "--scans", "2", "--json")
    assert json.loads(run.stdout) == {
        "columns": ["level", "pump", "flow", "memory"], "rows": [[2, 0, 0.25, 3], [1, 0, 0.125, 9]], "stop": None,
    }  # fmt: skip


def test_the_command_prints_a_summary(hil: Hil, file: Path) -> None:
    run = hil("plc", "compile", file)
    assert run.returncode == 0
    assert "task t: p1, every 20 ms, priority 3\n%IW0       level: INT\n" in run.stdout


def test_the_command_names_mistakes_with_line_and_caret(hil: Hil, file: Path, tmp_path: Path) -> None:
    file.write_text("PROGRAM p\nVAR x : SINT; i : INT; END_VAR\nx := i;\ni := j;\nEND_PROGRAM\n")
    run = hil("plc", "compile", file)
    assert run.returncode == 2
    assert run.stderr == (
        f"hil: {file}:3:6: an INT does not become a SINT by itself. Convert with INT_TO_SINT\nx := i;\n     ^\n"
        f"hil: {file}:4:6: there is no variable j\ni := j;\n     ^\n"
    )


BAD_TABLES = [
    ("levle\n1\n", ":1: the program has no input levle. Did you mean level?"),
    ("pump\n1\n", ":1: the program has no input pump"),
    ("level\nx\n", ":2: level: 'x' is no number"),
    ("level\n1,2\n", ":2: has 2 cells, the header has 1"),
    ("level\n70000\n", ":2: level: 70000 is outside INT (-32768..32767)"),
    ("level\n1.5\n", ":2: level: '1.5' is no INT"),
    ("level,%IW0\n1,2\n", ":1: names a variable twice"),
    ("", ": has no header"),
]


@pytest.mark.parametrize(("text", "message"), BAD_TABLES, ids=[m for _, m in BAD_TABLES])
def test_a_wrong_table_is_refused(file: Path, tmp_path: Path, text: str, message: str) -> None:
    from hil.plc.trace import read_inputs

    table = tmp_path / "in.csv"
    table.write_text(text)
    with pytest.raises(PlcError) as caught:
        read_inputs(compile_program([file]), table)
    assert f"{table}{message}" in str(caught.value)
