"""Reads a timed script: CSV rows as they are written, each with exactly one thing to do or to expect."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from hil.errors import HilError
from hil.fault_times import TIME_UNITS_S
from hil.nearest import did_you_mean

NEEDED = ("time", "signal")
DOES = ("value", "fault", "expect")
COLUMNS = (*NEEDED, *DOES, "until", "tolerance", "within", "hold", "comment")
ONLY_WITH = {"until": ("value", "fault"), "tolerance": ("expect",), "within": ("expect",), "hold": ("expect",)}
MOST_ROWS = 2000
_TIME = re.compile(r"([+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([a-z]*)")


class ScriptError(HilError):
    """A timed script that cannot be used; `where` is FILE:LINE or FILE:LINE:COLUMN."""


@dataclass(frozen=True)
class Row:
    """One row: times in s of bench time, texts as written, empty where nothing stands.

    Attributes:
        line: in the file, from 1.
        time_s: when.
        signal: what it is about.
        value, fault, expect: one of them.
        until_s: end of a fault or of a forced value; None: none.
        tolerance: of an expected value, as written.
        within_s: an expectation may come true so much later.
        hold_s: it has to stay true for so long.
        comment: for people.
    """

    line: int
    time_s: float
    signal: str
    value: str
    fault: str
    expect: str
    until_s: float | None
    tolerance: str
    within_s: float
    hold_s: float
    comment: str

    @property
    def end_s(self) -> float:
        """Until when the run has to go on for it."""
        return self.time_s + (self.within_s + self.hold_s if self.expect else 0.0)


@dataclass(frozen=True)
class Script:
    """A script as it was read.

    Attributes:
        file: as it was given.
        rows: in the order of the file, their times never fall.
    """

    file: str
    rows: tuple[Row, ...]

    @property
    def end_s(self) -> float:
        """Bench time at which the last row is over, in s."""
        return max(row.end_s for row in self.rows)

    def place(self, row: Row, column: str = "") -> str:
        """FILE:LINE or FILE:LINE:COLUMN."""
        return ":".join(part for part in (self.file, str(row.line), column) if part)


def read_script(path: str | Path) -> Script:
    """Reads a CSV file: commas, or semicolons with decimal commas; a byte order mark and lines with # are let pass.

    Raises:
        ScriptError: it cannot be read, a column is missing or unknown, or a row is not what a row can be.
    """
    file = str(path)
    lines = _lines(Path(path), file)
    if not lines:
        raise ScriptError("is empty", where=file, mend=f"Begin with the line {','.join(COLUMNS[:5])}")
    separator = ";" if ";" in lines[0][1] and "," not in lines[0][1] else ","
    cells = _cells(lines, separator, file)
    header = _header(cells[0][1], f"{file}:{cells[0][0]}")
    reader = _Reader(file, header, separator == ";")
    rows = tuple(reader.row(line, found) for line, found in cells[1:])
    if not rows:
        raise ScriptError("has a header and no row", where=file, mend="Add a row, as 1.0,sensor.h1,,,> 0.1")
    if len(rows) > MOST_ROWS:
        mend = "Describe a course of values as a stimulus: docs/stimulus.md"
        raise ScriptError(f"has {len(rows):,} rows, at most {MOST_ROWS:,} are taken", where=file, mend=mend)
    return Script(file, rows)


def _lines(path: Path, file: str) -> list[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ScriptError(f"cannot be read ({error.strerror})", where=file) from None
    except UnicodeDecodeError:
        raise ScriptError("is not UTF-8 text", where=file, mend='Save it as "CSV UTF-8"') from None
    numbered = enumerate(text.splitlines(), 1)
    return [(n, line) for n, line in numbered if line.strip(" ,;\t") and not line.lstrip().startswith("#")]


def _cells(lines: list[tuple[int, str]], separator: str, file: str) -> list[tuple[int, list[str]]]:
    found = []
    for line, text in lines:
        try:
            found.append((line, [cell.strip() for cell in next(csv.reader([text], delimiter=separator, strict=True))]))
        except csv.Error as error:
            raise ScriptError(f"is no row of a CSV file ({error})", where=f"{file}:{line}") from None
    return found


def _header(cells: list[str], where: str) -> list[str]:
    names = [cell.lower() for cell in cells]
    while names and not names[-1]:  # a spreadsheet's empty columns
        names.pop()
    for name in names:
        if name not in COLUMNS:
            raise ScriptError(f"there is no column '{name}'", where=where, mend=did_you_mean(name, COLUMNS))
        if names.count(name) > 1:
            raise ScriptError(f"has the column '{name}' twice", where=where, mend="Keep one of them")
    for name in NEEDED:
        if name not in names:
            raise ScriptError(f"has no column '{name}'", where=where, mend=f"The columns are {', '.join(COLUMNS)}")
    if not set(DOES) & set(names):
        raise ScriptError("has none of the columns value, fault, expect", where=where, mend="Add one of them")
    return names


class _Reader:
    """Rows under one header."""

    def __init__(self, file: str, header: list[str], decimal_comma: bool) -> None:
        self.file, self.header, self.decimal_comma = file, header, decimal_comma
        self.before = 0.0

    def row(self, line: int, cells: list[str]) -> Row:
        """One row, checked as far as it can be without a rig."""
        where = f"{self.file}:{line}"
        if any(cells[len(self.header) :]):
            mend = "Put a text with a comma into quotes"
            raise ScriptError(f"{len(cells)} cells under a header of {len(self.header)}", where=where, mend=mend)
        found = dict.fromkeys(COLUMNS, "") | dict(zip(self.header, cells, strict=False))
        self._check(found, where)
        at = self._time(found["time"], f"{where}:time")
        if at < self.before:
            mend = "Sort the rows by time"
            raise ScriptError(
                f"{at:g} s lies before the row above, {self.before:g} s", where=f"{where}:time", mend=mend
            )
        self.before = at
        until = self._time(found["until"], f"{where}:until") if found["until"] else None
        if until is not None and until <= at:
            raise ScriptError(f"{until:g} s is not behind its time, {at:g} s", where=f"{where}:until")
        within, hold = (
            self._time(found[name], f"{where}:{name}") if found[name] else 0.0 for name in ("within", "hold")
        )
        texts = {name: self._decimal(found[name]) for name in (*DOES, "tolerance")}
        return Row(
            line, at, found["signal"], **texts, until_s=until, within_s=within, hold_s=hold, comment=found["comment"]
        )

    def _check(self, found: dict[str, str], where: str) -> None:
        if not found["signal"]:
            raise ScriptError("is empty", where=f"{where}:signal", mend="Name a signal, or put # before the line")
        does = [name for name in DOES if found[name]]
        if len(does) != 1:
            what = f"has {' and '.join(does)}" if does else "has neither value nor fault nor expect"
            raise ScriptError(what, where=where, mend="A row does one thing: give one of them")
        for name, partners in ONLY_WITH.items():
            if found[name] and does[0] not in partners:
                mend = f"It belongs to a row with {' or '.join(partners)}"
                raise ScriptError(f"means nothing beside {does[0]}", where=f"{where}:{name}", mend=mend)

    def _decimal(self, text: str) -> str:
        return re.sub(r"(?<=\d),(?=\d)", ".", text) if self.decimal_comma else text

    def _time(self, text: str, where: str) -> float:
        text = self._decimal(text)
        match = _TIME.fullmatch(text)
        unit = match[2] or "s" if match else ""
        if match is None or unit not in TIME_UNITS_S:
            raise ScriptError(f"'{text}' is not a time", where=where, mend="Write seconds as 1.5, or 1.5s, 200ms, 2min")
        value, scale = float(match[1]), TIME_UNITS_S[unit]
        if value < 0:
            raise ScriptError(f"{text} lies before the start of the run", where=where)
        return value * scale if scale >= 1.0 else value / round(1.0 / scale)
