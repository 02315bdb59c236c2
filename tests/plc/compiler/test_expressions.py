"""Random expressions give what an independent evaluator gives: Python's integers cut to the type, NumPy's floats."""

from __future__ import annotations

import math
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from st_programs import FLAGS, INCLUDE

from hil.plc.compile import check_sources
from hil.plc.emit_program import generate
from hil.plc.program import CompiledProgram
from hil.plc.source import Source

BITS = {"SINT": 8, "INT": 16, "DINT": 32, "LINT": 64, "USINT": 8, "UINT": 16, "UDINT": 32, "ULINT": 64,
        "BYTE": 8, "WORD": 16, "DWORD": 32, "LWORD": 64}  # fmt: skip
REALS = {"REAL": np.float32, "LREAL": np.float64}
NEGATED = ("SINT", "INT", "DINT", "LINT", "REAL", "LREAL")
PER_PROGRAM = 60


def cut(kind: str, value: int) -> int:
    """Two's complement."""
    bits = BITS[kind]
    value &= (1 << bits) - 1
    return value - (1 << bits) if kind in ("SINT", "INT", "DINT", "LINT") and value >> (bits - 1) else value


def quotient(a: int, b: int) -> int:
    whole = abs(a) // abs(b)
    return whole if (a < 0) == (b < 0) else -whole


INTEGER = {
    "+": lambda k, a, b: cut(k, a + b),
    "-": lambda k, a, b: cut(k, a - b),
    "*": lambda k, a, b: cut(k, a * b),
    "/": lambda k, a, b: cut(k, quotient(a, b)) if b else None,
    "MOD": lambda k, a, b: cut(k, a - b * quotient(a, b)) if b else None,
}
WORD = {"AND": lambda k, a, b: a & b, "OR": lambda k, a, b: a | b, "XOR": lambda k, a, b: a ^ b}
REAL = {"+": lambda k, a, b: a + b, "-": lambda k, a, b: a - b, "*": lambda k, a, b: a * b, "/": lambda k, a, b: a / b}
COMPARE = {"<": lambda a, b: a < b, "<=": lambda a, b: a <= b, "=": lambda a, b: a == b, "<>": lambda a, b: a != b,
           ">=": lambda a, b: a >= b, ">": lambda a, b: a > b}  # fmt: skip
WIDER = {"SINT": "INT", "INT": "DINT", "DINT": "LINT", "USINT": "UINT", "UINT": "UDINT", "UDINT": "ULINT",
         "BYTE": "WORD", "WORD": "DWORD", "DWORD": "LWORD"}  # fmt: skip


class Expression:
    """A text and its value, built together; `stops` when an integer is divided by zero in it."""

    def __init__(self, rng: random.Random, values: dict[str, dict[str, object]]) -> None:
        self.rng, self.values, self.stops = rng, values, False

    def make(self, kind: str, depth: int) -> tuple[str, object]:
        if depth == 0 or self.rng.random() < 0.2:
            name = self.rng.choice(list(self.values[kind]))
            return name, self.values[kind][name]
        if kind == "BOOL":
            return self.boolean(depth)
        if self.rng.random() < 0.15 and (narrow := [n for n, w in WIDER.items() if w == kind]):
            text, value = self.make(narrow[0], depth - 1)
            return f"({text} {self.neutral(kind)})", value
        if kind in NEGATED and self.rng.random() < 0.15:
            text, value = self.make(kind, depth - 1)
            return f"(-{text})", cut(kind, -value) if kind in BITS else -value
        return self.binary(kind, depth)

    def neutral(self, kind: str) -> str:
        """Widens what stands before it, and leaves its value."""
        return f"{'OR' if kind in ('BYTE', 'WORD', 'DWORD', 'LWORD') else '+'} {kind}#0"

    def binary(self, kind: str, depth: int) -> tuple[str, object]:
        table = REAL if kind in REALS else WORD if kind in ("BYTE", "WORD", "DWORD", "LWORD") else INTEGER
        operator = self.rng.choice(list(table))
        (a, x), (b, y) = self.make(kind, depth - 1), self.make(kind, depth - 1)
        with np.errstate(all="ignore"):
            value = table[operator](kind, x, y)
        if value is None:
            self.stops, value = True, 0
        return f"({a} {operator} {b})", REALS[kind](value) if kind in REALS else value

    def boolean(self, depth: int) -> tuple[str, object]:
        if self.rng.random() < 0.4:
            (a, x), (b, y) = self.make("BOOL", depth - 1), self.make("BOOL", depth - 1)
            name = self.rng.choice(("AND", "OR", "XOR"))
            return f"({a} {name} {b})", {"AND": x and y, "OR": x or y, "XOR": x != y}[name]
        if self.rng.random() < 0.3:
            a, x = self.make("BOOL", depth - 1)
            return f"NOT {a}" if a[0] == "(" else f"(NOT {a})", not x
        kind = self.rng.choice([*BITS, *REALS])
        operator = self.rng.choice(list(COMPARE))
        (a, x), (b, y) = self.make(kind, depth - 1), self.make(kind, depth - 1)
        return f"({a} {operator} {b})", bool(COMPARE[operator](x, y))


def variables(rng: random.Random) -> dict[str, dict[str, object]]:
    """Values near the ends of their types and anywhere."""
    found: dict[str, dict[str, object]] = {"BOOL": {"bo0": False, "bo1": True}}
    for kind, bits in BITS.items():
        edges = [0, 1, -1, 1 << (bits - 1), (1 << (bits - 1)) - 1, rng.getrandbits(bits), rng.getrandbits(bits // 2)]
        found[kind] = {f"{kind.lower()}{n}": cut(kind, rng.choice(edges)) for n in range(3)}
    for kind, make in REALS.items():
        edges = [0.0, -0.0, 1.0, 1e30, -3.25, rng.uniform(-1e3, 1e3), rng.uniform(-1, 1), 1e-38]
        found[kind] = {f"{kind.lower()}{n}": make(rng.choice(edges)) for n in range(3)}
    return found


def shown(kind: str, value: object) -> str:
    if kind == "BOOL":
        return str(value).upper()
    if kind in BITS:
        return f"{kind}#{value}"
    text = repr(float(value))  # type: ignore[arg-type]
    return f"{kind}#{text if '.' in text else text.replace('e', '.0e')}"


def build(seed: int, folder: Path) -> tuple[CompiledProgram, list[tuple[str, str, object]]]:
    """A program of many results r0, r1, ..., and for each its text and value."""
    rng = random.Random(seed)
    values = variables(rng)
    lines = [f"{name} : {kind} := {shown(kind, v)};" for kind, group in values.items() for name, v in group.items()]
    results: list[tuple[str, str, object]] = []
    while len(results) < PER_PROGRAM:
        kind = rng.choice(["BOOL", *BITS, *REALS])
        one = Expression(rng, values)
        text, value = one.make(kind, rng.randint(1, 5))
        if not one.stops:
            results.append((text, kind, value))
    lines += [f"r{n} : {kind};" for n, (_, kind, _) in enumerate(results)]
    body = [f"r{n} := {text};" for n, (text, _, _) in enumerate(results)]
    text = "\n".join(["PROGRAM p VAR", *lines, "END_VAR", *body, "END_PROGRAM"])
    checked = check_sources([Source("p.st", text, 0)])
    made = generate(checked, coverage=False, watch=(), max_rounds=1000, symbol="plc")
    source, built = folder / f"p{seed}.c", folder / f"p{seed}.so"
    source.write_text(made.source)
    include = [word for place in INCLUDE for word in ("-I", str(place))]
    level = rng.choice(("-O0", "-O1", "-O3"))
    subprocess.run(["gcc", *FLAGS, level, *include, "-o", built, source], check=True)
    return CompiledProgram(built, "plc", made, checked), results


def test_expressions_are_what_an_independent_evaluator_says(full: Callable[[int, int], int], tmp_path: Path) -> None:
    for seed in range(full(2, 250)):
        program, results = build(seed, tmp_path)
        words = program.cold()
        _, stop = program.scan(words, [], 0)
        assert stop is None
        for n, (text, kind, value) in enumerate(results):
            found = program.read(words, f"r{n}")
            same = found == value or (math.isnan(float(found)) and math.isnan(float(value)))  # type: ignore[arg-type]
            assert same, f"seed {seed}: {text} is {value!r} ({kind}), not {found!r}"


FOLDED = [("7 / 2", 3), ("-7 / 2", -3), ("-7 MOD 3", -1), ("2 + 3 * 4", 14), ("10 - 4 - 3", 3),
          ("16#FF AND 16#0F", 15), ("-(3 - 5)", 2), ("INT#32767 + INT#1", -32768)]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), FOLDED)
def test_constants_are_folded_as_they_would_be_computed(text: str, value: int) -> None:
    checked = check_sources(
        [Source("p.st", f"PROGRAM p VAR CONSTANT c : INT := {text}; END_VAR VAR x : INT := c; END_VAR END_PROGRAM", 0)]
    )
    assert checked.declarations.units["p"].variables["c"].constant == value
