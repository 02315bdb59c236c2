"""Opens a source: finds its table [twin.sources.NAME], reads the columns, cleans them."""

from __future__ import annotations

import csv
import fnmatch
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hil.errors import HilError, RecordingError
from hil.nearest import did_you_mean
from hil.recording import Recording, is_recording
from hil.rig import Rig
from hil.rig.twin_schema import ColumnTable, SourceTable
from hil.twin.sources.clean import in_time
from hil.twin.sources.series import Floats, Mark, Series, thinned
from hil.twin.sources.units import without_wrong_units
from hil.twin.spec import twin_of
from hil.units import conversion

TIME_UNITS_NS = {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0}
WORDS = {"true": 1.0, "false": 0.0, "on": 1.0, "off": 0.0}
FEWEST_ROWS = 2


@dataclass(frozen=True)
class _Cells:
    """A file's cells as texts; a row that is too short has empty cells."""

    where: str
    header: list[str]
    rows: list[list[str]]

    def column(self, name: str) -> list[str]:
        index = self.header.index(name)
        return [row[index].strip() if index < len(row) else "" for row in self.rows]


def open_source(rig: Rig, path: Path, name: str | None = None) -> tuple[Series, SourceTable | None]:
    """A CSV file through its table in the rig, or a recording of HIL by its signals' names.

    Args:
        rig: with [twin].
        path: a CSV file, or the folder of a recording.
        name: of the table [twin.sources.NAME]; None: the one whose `files` fits the file's name.

    Returns:
        the cleaned series, and the table that it was read by (None for a recording).

    Raises:
        HilError: no file, no table, a missing column, or nothing usable in it.
    """
    if path.is_dir():
        return _recorded(rig, path), None
    if not path.is_file():
        raise HilError("there is no such file", where=str(path), mend="Give a CSV file or the folder of a recording")
    table = _table(rig, path, name)
    return _from_csv(rig, path, table), table


def _table(rig: Rig, path: Path, name: str | None) -> SourceTable:
    tables = twin_of(rig).sources
    where = f"{rig.name}: rig.toml: twin.sources"
    if name is not None:
        if name not in tables:
            raise HilError(f"there is no source '{name}'", where=where, mend=did_you_mean(name, tables))
        return tables[name]
    fitting = [table for table in tables.values() if fnmatch.fnmatch(path.name, table.files)]
    if len(fitting) != 1:
        what = "no table's" if not fitting else "more than one table's"
        mend = f"Choose one with --source-table: {', '.join(tables)}" if tables else "Add [twin.sources.NAME]"
        raise HilError(f"{what} `files` fits {path.name}", where=where, mend=mend)
    return fitting[0]


# ---- CSV ----


def _from_csv(rig: Rig, path: Path, table: SourceTable) -> Series:
    data = _read_bytes(path)
    cells = _cells(path, data)
    chosen = {signal: column for signal, column in table.columns.items() if isinstance(column, str | ColumnTable)}
    constants = {signal: float(c) for signal, c in table.columns.items() if not isinstance(c, str | ColumnTable)}
    for name in (table.time, *(_column(c) for c in chosen.values())):
        if name not in cells.header:
            mend = did_you_mean(name, cells.header)
            raise HilError(f"column '{name}' is missing", where=str(path), mend=mend)
    stamps, start_ns = _stamps(cells.column(table.time), table.time_unit)
    read = {signal: _numbers(cells.column(_column(column))) for signal, column in chosen.items()}
    timed = in_time(stamps, np.column_stack(list(read.values())), table.late_s)
    if len(timed.rows) < FEWEST_ROWS:
        raise HilError(
            "holds no two rows with a time", where=str(path), mend=f"Column {table.time} is in {table.time_unit}?"
        )
    marks, values = list(timed.marks), {}
    rows = [row + 2 for row in timed.rows]
    for signal, column in chosen.items():
        name = _column(column)
        sampled = read[signal][timed.rows]
        marks += [
            Mark("no number", rows[i], float(timed.time_s[i]), name, "no number: not used")
            for i in np.flatnonzero(~np.isfinite(sampled))
        ]
        sampled = _converted(sampled, column, rig.signals[signal].unit, f"{rig.name}: twin.sources: {signal}")
        sampled, wrong = without_wrong_units(sampled, rig.signals[signal], name, timed.time_s, rows)
        values[signal] = sampled
        marks += wrong
    time_s, values = _with_gaps(timed.time_s, values, timed.period_s)
    return Series(
        str(path), time_s, values, constants, tuple(thinned(marks)), hashlib.sha256(data).hexdigest(), start_ns
    )


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise HilError(f"cannot be read ({error.strerror})", where=str(path)) from None


def _cells(path: Path, data: bytes) -> _Cells:
    try:
        lines = [row for row in csv.reader(data.decode("utf-8-sig").splitlines()) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise HilError(f"is no CSV file ({error})", where=str(path)) from None
    if len(lines) < 1 + FEWEST_ROWS:
        raise HilError("holds no data", where=str(path), mend="Needed are a header and at least two rows")
    return _Cells(str(path), [cell.strip() for cell in lines[0]], lines[1:])


def _column(column: str | ColumnTable) -> str:
    return column if isinstance(column, str) else column.column


def _stamps(cells: Sequence[str], unit: str) -> tuple[list[float], int]:
    """Seconds from the first row that has a time, and that one in ns. Whole numbers are subtracted as such."""
    numbers = [_stamp(cell) for cell in cells]
    first = next((n for n in numbers if n is not None), 0)
    per_s = 1e9 / TIME_UNITS_NS[unit]
    stamps = [math.nan if n is None else float(n - first) / per_s for n in numbers]
    return stamps, round(first * TIME_UNITS_NS[unit])


def _stamp(cell: str) -> int | float | None:
    try:
        return int(cell)
    except ValueError:
        pass
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _numbers(cells: Sequence[str]) -> Floats:
    return np.array([_number(cell) for cell in cells])


def _number(cell: str) -> float:
    text = cell.lower()
    if text in WORDS:
        return WORDS[text]
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _converted(values: Floats, column: str | ColumnTable, unit: str | None, where: str) -> Floats:
    if isinstance(column, str) or column.unit is None or unit is None:
        return values
    try:
        scale, offset = conversion(column.unit, unit)
    except HilError as error:
        raise HilError(error.message, where=where, mend=error.mend) from None
    return values * scale + offset


def _with_gaps(time_s: Floats, values: dict[str, Floats], period_s: float) -> tuple[Floats, dict[str, Floats]]:
    """A sample holds for one and a half periods; behind it there is none until the next."""
    wide = np.flatnonzero(np.diff(time_s) > 2.5 * period_s)
    at = time_s[wide] + 1.5 * period_s
    return np.insert(time_s, wide + 1, at), {n: np.insert(v, wide + 1, np.nan) for n, v in values.items()}


# ---- a recording ----


def _recorded(rig: Rig, folder: Path) -> Series:
    if not is_recording(folder):
        raise HilError("is no recording", where=str(folder), mend="Give a CSV file or the folder of a recording")
    recording = Recording(folder)
    wanted = measured(rig)
    missing = [name for name in wanted if not _has(recording, name)]
    if missing:
        mend = "It must have all that the twin measures: [record] with names"
        raise RecordingError(f"has no signal '{missing[0]}'", where=str(folder), mend=mend)
    groups = {recording.group_of(name) for name in wanted}
    if len(groups) > 1:
        raise RecordingError("the measured signals were recorded at different rates", where=str(folder))
    time_s = np.asarray(recording.time_s(groups.pop()), dtype=np.float64)
    columns = recording.columns(wanted)
    values = {name: np.asarray(columns[name], dtype=np.float64) for name in wanted}
    marks = [
        Mark("no number", int(i) + 1, float(time_s[i] - time_s[0]), name, "no number: not used")
        for name, column in values.items()
        for i in np.flatnonzero(~np.isfinite(column))
    ]
    digest = hashlib.sha256((folder / "signals.arrows").read_bytes()).hexdigest()
    return Series(str(folder), time_s - time_s[0], values, {}, tuple(thinned(marks)), digest, round(time_s[0] * 1e9))


def measured(rig: Rig) -> list[str]:
    """Signals that come from the plant: those of [twin.quality], and what any source's table gives."""
    table = twin_of(rig)
    names = dict.fromkeys(table.quality)
    for source in table.sources.values():
        names |= dict.fromkeys(source.columns)
    return list(names)


def _has(recording: Recording, name: str) -> bool:
    try:
        recording.group_of(name)
    except HilError:
        return False
    return True
