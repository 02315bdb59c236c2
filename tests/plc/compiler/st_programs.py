"""Small programs with their expected traces, from tests/plc/programs/*.st; all of one file share one shared object.

    //// name
    // scan 100ms                 the interval, if it matters
    // x:INT, on:BOOL -> y:INT    located inputs and outputs; without types: names of a whole program
    // 3, TRUE -> 4               one scan; "warm" or "cold" restarts; "-> stop 2 division by zero" in its line 2

Expected values are worked out by hand from the standard.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from hil.models.compile import CORE, PACKAGE
from hil.plc.compile import HEADERS, RUNTIME, check_sources
from hil.plc.emit_program import HEAD, generate
from hil.plc.program import CompiledProgram
from hil.plc.source import Diagnostics, Source
from hil.plc.syntax import Literal

PROGRAMS = Path(__file__).parents[1] / "programs"
FLAGS = (
    "-std=c11",
    "-O0",
    "-ffp-contract=off",
    "-fno-strict-aliasing",
    "-fvisibility=hidden",
    "-fPIC",
    "-shared",
    "-w",
)
INCLUDE = (CORE / "include", CORE / "src", PACKAGE, HEADERS, RUNTIME)
OWN = re.compile(r"(?<![.>\w])(u_\w+|initial|cold|warm|scan|inputs|outputs)\b")
SIZES = {"BOOL": "X", "8": "B", "16": "W", "32": "D", "64": "L"}


@dataclass
class Case:
    """One program."""

    name: str
    text: str = ""
    interval_ns: int = 10_000_000
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    head: int = 0  # lines before the program
    added: int = 0  # lines of declarations that are not shown

    def line(self, shown: int) -> int:
        """The line of the text that is shown as line `shown` of the body."""
        return shown if shown <= self.head else shown + self.added


def cases_of(path: Path) -> list[Case]:
    """The programs of a file."""
    cases = []
    for part in path.read_text().split("//// ")[1:]:
        name, _, rest = part.partition("\n")
        case = Case(f"{path.stem}.{name.strip()}")
        body: list[str] = []
        for line in rest.splitlines():
            if line.startswith("// ") and not body:
                _comment(case, line[3:].strip())
            elif line.strip() or body:
                body.append(line)
        _wrap(case, "\n".join(body))
        cases.append(case)
    return cases


def _comment(case: Case, text: str) -> None:
    if text.startswith("scan "):
        case.interval_ns = int(value_of("T#" + text[5:]))
    elif not case.outputs and "->" in text:
        before, after = text.split("->")
        case.inputs, case.outputs = _cells(before), _cells(after)
    else:
        case.rows.append(text)


def _cells(text: str) -> list[str]:
    return [cell.strip() for cell in re.findall(r"(?:'[^']*'|[^,])+", text) if cell.strip()]


def _wrap(case: Case, body: str) -> None:
    """Columns with types make a program of a body."""
    typed = [c for c in (*case.inputs, *case.outputs) if ":" in c]
    if not typed:
        case.text = body
        return
    lines = [_declared(c, number, "I") for number, c in enumerate(case.inputs)]
    lines += [_declared(c, number, "Q") for number, c in enumerate(case.outputs) if ":" in c]
    shown = body.splitlines()
    ends = [n for n, line in enumerate(shown, 1) if re.search(r"END_TYPE|END_FUNCTION", line)]
    case.head = ends[-1] if ends else 1 if body.startswith("VAR_GLOBAL") else 0
    case.added = len(lines) + 3
    program = ["PROGRAM p", "VAR", *lines, "END_VAR", *shown[case.head :], "END_PROGRAM", ""]
    case.text = "\n".join([*shown[: case.head], *program])
    case.inputs = [c.split(":")[0].strip() for c in case.inputs]
    case.outputs = [c.split(":")[0].strip() for c in case.outputs]


def _declared(column: str, number: int, area: str) -> str:
    name, kind = (part.strip() for part in column.split(":"))
    size = {"BOOL": "X", "REAL": "D", "LREAL": "L", "SINT": "B", "USINT": "B", "BYTE": "B", "INT": "W", "UINT": "W",
            "WORD": "W", "DINT": "D", "UDINT": "D", "DWORD": "D", "LINT": "L", "ULINT": "L", "LWORD": "L", "TIME": "L",
            "LTIME": "L", "DATE": "L", "TOD": "L", "DT": "L"}.get(kind)  # fmt: skip
    if size is None:
        return f"    {name} : {kind};"
    return f"    {name} AT %{area}{size}{number}{'.0' if size == 'X' else ''} : {kind};"


def value_of(text: str) -> float | str | bool:
    """A value as it is written in a row."""
    from hil.plc.literals import number
    from hil.plc.literals import value_of as literal
    from hil.plc.mask import tokens_of

    if text in ("TRUE", "FALSE"):
        return text == "TRUE"
    if re.fullmatch(r"-?(inf|nan|[\d.]+(e[+-]?\d+)?)", text):
        return float(text) if re.search(r"[.einf]", text) else int(text)
    token = tokens_of(Source("row", text, 0), Diagnostics())[0]
    if token.kind in ("time", "tod", "dt", "date", "string"):
        prefix, _, rest = token.text.rpartition("#") if token.kind != "string" else ("", "", token.text)
        return literal(Literal(None, token.kind, prefix, rest)).value  # type: ignore[arg-type]
    return number(text)


@cache
def programs_of(path: Path, folder: Path) -> dict[str, tuple[Case, CompiledProgram]]:
    """All programs of a file, compiled into one shared object in `folder`."""
    made = []
    for n, case in enumerate(cases_of(path)):
        checked = check_sources([Source(case.name, case.text, 0)])
        made.append((case, checked, generate(checked, coverage=False, watch=(), max_rounds=10_000, symbol=f"plc_{n}")))
    head = HEAD.format(rounds=10_000)
    text = head + "".join(OWN.sub(rf"p{n}_\1", g.source.removeprefix(head)) for n, (_, _, g) in enumerate(made))
    source, built = folder / f"{path.stem}.c", folder / f"{path.stem}.so"
    source.write_text(text)
    include = [word for place in INCLUDE for word in ("-I", str(place))]
    run = subprocess.run(["gcc", *FLAGS, *include, "-o", built, source], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[:2000]
    return {case.name: (case, CompiledProgram(built, g.symbol, g, checked)) for case, checked, g in made}
