"""Rows of one recorded group on their way to its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hil.errors import RecordingError
from hil.recording import layout
from hil.recording.columns import number_column
from hil.recording.files import StreamFile

BATCH_BYTES = 4 << 20
MAX_BATCH_ROWS = 8192

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Statuses = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Group:
    """Signals that are recorded together.

    Args:
        columns: name and unit of each value, in the order of the rows' columns.
        every: a row for every n-th tick.
        status_columns: names of the signals, a subset of `columns`, whose status is recorded too.
    """

    columns: Sequence[tuple[str, str]]
    every: int = 1
    status_columns: Sequence[str] = ()


class Rows:
    """Rows of one group: a column buffer in front of its file."""

    def __init__(self, path: Path, name: str, group: Group) -> None:
        self.name = name
        self.schema = _schema(group)
        self.shape = (len(group.columns), len(group.status_columns))
        row_bytes = 24 + 8 * self.shape[0] + self.shape[1]
        self.capacity = max(64, min(MAX_BATCH_ROWS, BATCH_BYTES // row_bytes))
        self._head = np.empty((3, self.capacity), np.int64)
        self._values = np.empty((self.shape[0], self.capacity), np.float64)
        self._status = np.empty((self.shape[1], self.capacity), np.uint8)
        self._n = 0
        self._file = StreamFile(path, self.schema)

    @property
    def room(self) -> int:
        """Rows that can be added without a write."""
        return self.capacity - self._n

    def add(self, head: tuple[Ints, Ints, Ints], values: Floats, status: Statuses | None) -> None:
        """Copies rows: head is tick, late_ns, exec_ns; shapes as in RecordingWriter.write_rows."""
        rows = len(head[0])
        status = self._checked(rows, values, status)
        done = 0
        while done < rows:
            if self._n == self.capacity:
                self.flush()
            take = min(rows - done, self.capacity - self._n)
            here, there = slice(self._n, self._n + take), slice(done, done + take)
            for row, column in enumerate(head):
                self._head[row, here] = column[there]
            self._values[:, here] = values[there].T
            self._status[:, here] = status[there].T
            self._n += take
            done += take

    def _checked(self, rows: int, values: Floats, status: Statuses | None) -> Statuses:
        if status is None:
            status = np.zeros((rows, self.shape[1]), np.uint8)
        if values.shape != (rows, self.shape[0]) or status.shape != (rows, self.shape[1]):
            raise ValueError(
                f"group {self.name}: {rows} rows need values of shape {(rows, self.shape[0])} and status of shape "
                f"{(rows, self.shape[1])}, got {values.shape} and {status.shape}"
            )
        return status

    def flush(self) -> None:
        """Writes what is in the buffer as one batch."""
        if self._n == 0:
            return
        n, self._n = self._n, 0
        columns = [
            *(number_column(pa.int64(), row[:n]) for row in self._head),
            *(number_column(pa.float64(), row[:n]) for row in self._values),
            *(number_column(pa.uint8(), row[:n]) for row in self._status),
        ]
        self._file.batch(pa.RecordBatch.from_arrays(columns, schema=self.schema))

    def close(self, *, whole: bool) -> None:
        """Closes the file; with its end mark when it is `whole`."""
        self._file.close(whole=whole)


def _schema(group: Group) -> pa.Schema:
    values = [pa.field(name, pa.float64(), nullable=False, metadata={"unit": unit}) for name, unit in group.columns]
    status = [
        pa.field(name + layout.STATUS_SUFFIX, pa.uint8(), nullable=False, metadata={"unit": ""})
        for name in group.status_columns
    ]
    return pa.schema([*layout.ROW_FIELDS, *values, *status], metadata={"every": str(group.every)})


def check_names(groups: Mapping[str, Group]) -> None:
    """Refuses names that occur twice or stand for something else in a file."""
    seen: set[str] = set(layout.ROW_NAMES)
    for group, content in groups.items():
        if layout.group_of(layout.group_file(group)) != group:
            raise RecordingError(f'"{group}" cannot be the name of a group', mend="Use letters, digits, _ and -")
        names = [name for name, _ in content.columns]
        for name in names:
            if name in seen or name.endswith(layout.STATUS_SUFFIX):
                raise RecordingError(f'signal "{name}" is recorded twice or has a reserved name', where=group)
            seen.add(name)
        for name in set(content.status_columns) - set(names):
            raise RecordingError(f'status of "{name}" without its value', where=group)
