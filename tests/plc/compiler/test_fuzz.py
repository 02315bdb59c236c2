"""No text makes the compiler fail otherwise than by its own error; valid programs become C that a compiler takes."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from st_grammar import program
from st_programs import FLAGS, INCLUDE, PROGRAMS, cases_of

from hil.errors import PlcError
from hil.plc.compile import check_sources
from hil.plc.emit_program import generate
from hil.plc.source import Source

WORDS = [*(Path(__file__).parent / "fuzz_words.txt").read_text().split(" "), "\n", "\0", "\u00e9"]


def accepts(text: str) -> bool:
    """Whether the text is a program; anything but the compiler's own error is a failure."""
    try:
        checked = check_sources([Source("fuzz.st", text, 0)])
        generate(checked, coverage=True, watch=(), max_rounds=1000, symbol="plc")
    except PlcError as error:
        if not all(e.where and e.message for e in (error, *error.others)):
            raise ValueError(f"an error without a place: {error}") from error
        return False
    return True


@pytest.fixture(scope="session")
def seeds() -> list[str]:
    return [case.text for path in sorted(PROGRAMS.glob("*.st")) for case in cases_of(path)]


def mutated(rng: random.Random, text: str, others: list[str]) -> str:
    """A program with a few changes."""
    for _ in range(rng.randint(1, 4)):
        at, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        end = min(end, at + rng.randint(0, 30))
        kind = rng.randrange(5)
        if kind == 0:
            text = text[:at] + text[end:]
        elif kind == 1:
            text = text[:at] + " " + rng.choice(WORDS) + " " + text[at:]
        elif kind == 2:
            text = text[:at] + text[at:end] * 2 + text[end:]
        elif kind == 3:
            other = rng.choice(others)
            start = rng.randrange(len(other) + 1)
            text = text[:at] + other[start : start + rng.randint(1, 40)] + text[end:]
        else:
            text = text[:at] + chr(rng.choice((0, 9, 10, 36, 39, 127, 233, 0x4E2D))) + text[at:]
    return text


def test_changed_programs_are_refused_or_taken(full: Callable[[int, int], int], seeds: list[str]) -> None:
    rng = random.Random(4711)
    taken = 0
    for _ in range(full(150, 60_000)):
        taken += accepts(mutated(rng, rng.choice(seeds), seeds))
    assert taken > 0


def test_random_words_are_refused_or_taken(full: Callable[[int, int], int]) -> None:
    rng = random.Random(99)
    for _ in range(full(100, 30_000)):
        words = " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 60)))
        inside = rng.random() < 0.7
        accepts(f"PROGRAM p VAR x, y : INT; a : BOOL; END_VAR {words} END_PROGRAM" if inside else words)


def test_random_valid_programs_are_taken(full: Callable[[int, int], int]) -> None:
    for seed in range(full(50, 10_000)):
        text = program(random.Random(seed))
        assert accepts(text), text


def test_their_c_is_taken_without_a_warning(full: Callable[[int, int], int], tmp_path: Path) -> None:
    include = [word for place in INCLUDE for word in ("-I", str(place))]
    flags = [flag for flag in FLAGS if flag not in ("-shared", "-w", "-O0")]
    for seed in range(full(3, 100)):
        checked = check_sources([Source("fuzz.st", program(random.Random(seed)), 0)])
        text = generate(checked, coverage=True, watch=(), max_rounds=1000, symbol="plc").source
        (tmp_path / "p.c").write_text(text)
        command = ["gcc", *flags, "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-fsyntax-only", *include]
        run = subprocess.run([*command, tmp_path / "p.c"], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr[:3000]


BEGIN, END = "PROGRAM p VAR x : INT; END_VAR ", "; END_PROGRAM"
EXTREME = [
    *("", ";", "\0", "(*", "'", "{", "END_IF", "PROGRAM", "PROGRAM p", "TYPE END_TYPE", "\u00e9", "(" * 5000),
    "PROGRAM p " + "IF TRUE THEN " * 3000 + END,
    BEGIN + "x := " + "(" * 2000 + "1" + ")" * 2000 + END,
    BEGIN + "x := " + "-" * 3000 + "1" + END,
    BEGIN + "x := " + "ABS(" * 300 + "x" + ")" * 300 + END,
    BEGIN + "x := 1" + " + 1" * 5000 + END,
    BEGIN + "x := x" + " ** x" * 3000 + END,
    BEGIN + "x := x" + ".a" * 3000 + END,
    BEGIN + "x := x" + "[x]" * 3000 + END,
    BEGIN + "IF TRUE THEN " * 500 + "END_IF " * 500 + END,
    BEGIN + "IF x = 1 THEN " + "ELSIF x = 2 THEN " * 2000 + "END_IF" + END,
    "PROGRAM p VAR x : " + "ARRAY[0..1] OF " * 500 + "INT; END_VAR END_PROGRAM",
    "PROGRAM p VAR x : ARRAY[0..999999999] OF LREAL; END_VAR END_PROGRAM",
    "PROGRAM p VAR x : ARRAY[0..9] OF INT := [999999999(1)]; END_VAR END_PROGRAM",
]


@pytest.mark.parametrize("text", EXTREME, ids=range(len(EXTREME)))
def test_extreme_texts_are_refused_or_taken(text: str) -> None:
    accepts(text)
