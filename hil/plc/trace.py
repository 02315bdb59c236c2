"""Runs a program alone over a table of inputs per scan."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.errors import PlcError
from hil.nearest import did_you_mean
from hil.plc.emit_program import Located
from hil.plc.program import CompiledProgram
from hil.plc.standard.types import BITS, INTEGERS, REALS, range_of

_WORDS = {"true": 1.0, "false": 0.0, "": math.nan}
_INTEGRAL = frozenset((*BITS, *INTEGERS))


@dataclass(frozen=True)
class Trace:
    """Located variables after each scan, in the order of declaration; what it stopped with, if it did."""

    columns: list[str]
    rows: list[list[int | float]]
    stop: str | None

    def csv(self) -> str:
        """As text, with a header."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([self.columns, *self.rows])
        return text.getvalue()


def read_inputs(program: CompiledProgram, path: Path) -> list[dict[str, float]]:
    """Rows of a CSV as address -> number. An empty cell leaves the variable as it is.

    Raises:
        PlcError: the file cannot be read, a column is no located input, a cell is no number of its type.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except OSError as error:
        raise PlcError(error.strerror or str(error), where=str(path)) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise PlcError(f"not a CSV in UTF-8: {error}", where=str(path)) from None
    rows = [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        raise PlcError("has no header", where=str(path), mend="Name located variables in the first line")
    columns = [_column(program, name, path) for name in rows[0]]
    if len({c.address for c in columns}) != len(columns):
        raise PlcError("names a variable twice", where=f"{path}:1")
    return [_row(columns, row, f"{path}:{number}") for number, row in enumerate(rows[1:], 2)]


def _column(program: CompiledProgram, name: str, path: Path) -> Located:
    known = {v.name.lower(): v for v in program.inputs} | {v.address.lower(): v for v in program.inputs}
    found = known.get(name.lower())
    if found is None:
        raise PlcError(
            f"the program has no input {name}",
            where=f"{path}:1",
            mend=did_you_mean(name, [v.name for v in program.inputs]),
        )
    return found


def _row(columns: Sequence[Located], cells: Sequence[str], where: str) -> dict[str, float]:
    if len(cells) != len(columns):
        raise PlcError(f"has {len(cells)} cells, the header has {len(columns)}", where=where)
    return {c.address: _number(c, cell, where) for c, cell in zip(columns, cells, strict=True)}


def _number(column: Located, cell: str, where: str) -> float:
    try:
        value = _WORDS[cell.lower()] if cell.lower() in _WORDS else float(cell)
    except ValueError:
        raise PlcError(f"{column.name}: {cell!r} is no number", where=where) from None
    if math.isnan(value) or column.type in REALS:
        return value
    low, high = range_of(column.type) if column.type in _INTEGRAL else (-(1 << 63), (1 << 63) - 1)
    if not math.isfinite(value) or value != int(value):
        raise PlcError(f"{column.name}: {cell!r} is no {column.type}", where=where)
    if not low <= value <= high:
        raise PlcError(f"{column.name}: {cell} is outside {column.type} ({low}..{high})", where=where)
    return value


def run_trace(program: CompiledProgram, inputs: Sequence[Mapping[str, float]], scans: int, interval_ns: int) -> Trace:
    """Scans from a cold start. A task's own interval goes before `interval_ns`; the last row of inputs is held."""
    interval = program.interval_ns or interval_ns
    words = program.cold()
    columns = [variable.name for variable in program.located]
    rows: list[list[int | float]] = []
    outputs: Sequence[float] = ()
    for number in range(scans):
        given = inputs[min(number, len(inputs) - 1)] if inputs else {}
        u = [given.get(variable.address, math.nan) for variable in program.inputs]
        outputs, stop = program.scan(words, u, number * interval, outputs)
        if stop is not None:
            return Trace(columns, rows, program.stop_text(*stop))
        rows.append([_shown(program.value(words, v), v.type) for v in program.located])
    return Trace(columns, rows, None)


def _shown(value: bool | int | float, kind: str) -> int | float:
    """A REAL as the shortest number that reads back as it; BOOL as 0 and 1."""
    if kind != "REAL" or not math.isfinite(value):
        return value if isinstance(value, float) else int(value)
    import numpy as np

    return float(str(np.float32(value)))
