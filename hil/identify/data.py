"""Measured data: columns and a time axis, from a CSV file or a recording."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hil.errors import RecordingError
from hil.nearest import did_you_mean
from hil.recording import Recording

Floats = npt.NDArray[np.float64]
TIME_NAMES = ("time_s", "time", "Time", "t", "timestamp")
TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_WORDS = {"true": 1.0, "false": 0.0, "on": 1.0, "off": 0.0, "": np.nan, "nan": np.nan}


@dataclass(frozen=True)
class Data:
    """Columns over one time axis.

    Attributes:
        where: the file or folder, for messages.
        time_s: increasing, beginning at 0, shape (rows,).
        columns: by name, shape (rows,); NaN where there is no usable value.
    """

    where: str
    time_s: Floats
    columns: dict[str, Floats]

    def __getitem__(self, name: str) -> Floats:
        if name not in self.columns:
            raise RecordingError(
                f"there is no column '{name}'", where=self.where, mend=did_you_mean(name, self.columns)
            )
        return self.columns[name]


def read_csv(path: Path, time: str | None = None, time_unit: str = "s") -> Data:
    """A CSV file with a header. True and false (on, off) are 1 and 0, an empty cell is no value; texts are left out.

    Args:
        path: the file.
        time: its column of time; None: the first of time_s, time, Time, t, timestamp that is there.
        time_unit: "s", "ms", "us" or "ns"; counted from the first row.

    Raises:
        RecordingError: it cannot be read, has no time, or a time that does not increase.
    """
    where = str(path)
    header, rows = _cells(path)
    name = time or next((known for known in TIME_NAMES if known in header), None)
    if name is None or name not in header:
        mend = did_you_mean(name, header) if name else f"Name it with --time; there are {', '.join(header)}"
        raise RecordingError(f"there is no column of time{f' {name!r}' if name else ''}", where=where, mend=mend)
    ticks = _time(name, [row[header.index(name)] for row in rows], where)
    columns = {column: _numbers([row[i] for row in rows]) for i, column in enumerate(header)}
    known = {column: values for column, values in columns.items() if values is not None}
    return Data(where, ticks * TIME_UNITS[time_unit], known)


def _cells(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordingError(f"cannot be read: {error}", where=str(path)) from None
    if len(lines) < 3:
        raise RecordingError("holds no data", where=str(path), mend="Needed are a header and at least two rows")
    header = [cell.strip() for cell in lines[0]]
    for number, row in enumerate(lines[1:], 2):
        if len(row) != len(header):
            why = f"{len(row)} cells under a header of {len(header)}"
            raise RecordingError(why, where=f"{path}:{number}", mend="Give each row a cell a column")
    return header, lines[1:]


def _time(name: str, cells: Sequence[str], where: str) -> Floats:
    """Counted from the first row; nanoseconds since 1970 do not fit into a double, so whole numbers are subtracted."""
    try:
        numbers: list[float] = [int(c) for c in cells]
    except ValueError:
        try:
            numbers = [float(c) for c in cells]
        except ValueError as error:
            raise RecordingError(f"the time in column {name} is not a number: {error}", where=where) from None
    ticks = np.array([number - numbers[0] for number in numbers], dtype=np.float64)
    late = np.flatnonzero(~(np.diff(ticks) > 0))
    if len(late):
        raise RecordingError(f"the time in column {name} does not increase", where=f"{where}:{late[0] + 3}")
    return ticks


def _numbers(cells: Sequence[str]) -> Floats | None:
    """The column as numbers; None for one of texts."""
    try:
        return np.array([_WORDS[c] if (c := cell.strip().lower()) in _WORDS else float(c) for cell in cells])
    except ValueError:
        return None


def read_recording(folder: Path, names: Sequence[str]) -> Data:
    """Signals of a recording that lie in one group; values whose status is not good are no values.

    Raises:
        RecordingError: it cannot be read, or the signals lie in several groups.
    """
    recording = Recording(folder)
    groups = {recording.group_of(name): name for name in names}
    if len(groups) > 1:
        mend = f"Record {', '.join(groups.values())} in one group of [record]"
        raise RecordingError("the signals were recorded at different rates", where=str(folder), mend=mend)
    columns = recording.columns(names)
    time_s = recording.time_s(next(iter(groups), None))
    if len(time_s) < 2:
        raise RecordingError("holds no data", where=str(folder), mend="Needed are at least two rows")
    for name in names:
        columns[name] = np.where(recording.status(name) == 0, columns[name], np.nan)
    return Data(str(folder), time_s - time_s[0], columns)
