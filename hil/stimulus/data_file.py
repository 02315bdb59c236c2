"""Series from files: CSV with a column of time, for `Data`."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from hil.nearest import did_you_mean
from hil.stimulus.compound import Data
from hil.stimulus.segment import StimulusError


def read_data(file: str | Path, column: str, time: str = "time_s", interpolation: str = "linear") -> Data:
    """A column of a CSV file over its column of time in s.

    Raises:
        StimulusError: file:line:column of what cannot be used: no file or column, a cell that is no finite number,
            time that does not rise, or fewer than two rows.
    """
    path = Path(file)
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise StimulusError(f"the data file cannot be read: {why}", where=str(path)) from error
    head = [cell.strip() for cell in rows[0]] if rows else []
    for name in (time, column):
        if name not in head:
            raise StimulusError(f"there is no column '{name}'", where=f"{path}:1:1", mend=did_you_mean(name, head))
    numbered = [(n, row) for n, row in enumerate(rows[1:], 2) if any(cell.strip() for cell in row)]
    if len(numbered) < 2:
        raise StimulusError("a series needs two rows at least", where=f"{path}:{len(rows)}:1")
    times = [_number(path, n, head.index(time), row) for n, row in numbered]
    values = [_number(path, n, head.index(column), row) for n, row in numbered]
    for (n, _), before, now in zip(numbered[1:], times, times[1:], strict=False):
        if now <= before:
            place = f"{path}:{n}:{head.index(time) + 1}"
            raise StimulusError(f"time does not rise: {now:g} s after {before:g} s", where=place)
    return Data(tuple(times), tuple(values), interpolation, f"{path}:{column}")


def _number(path: Path, line: int, index: int, row: list[str]) -> float:
    cell = row[index].strip() if index < len(row) else ""
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise StimulusError(f"'{cell}' is not a finite number", where=f"{path}:{line}:{index + 1}")
    return value
