"""Reads Arrow streams that may still grow, or end in the middle of a batch because their writer was killed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hil.errors import RecordingError
from hil.recording import layout
from hil.recording.columns import numbers_of

Span = tuple[int, int]
Array = npt.NDArray[Any]


def batches(path: Path, columns: Sequence[int] | None = None) -> Iterator[pa.RecordBatch | None]:
    """All whole batches of a stream, only the given columns of them; a last None says that a torn one follows.

    The file is mapped, so columns that are not asked for are neither read nor decompressed.
    """
    try:
        with pa.memory_map(str(path)) as source:
            options = pa.ipc.IpcReadOptions(included_fields=list(columns or []), use_threads=False)
            reader = pa.ipc.open_stream(source, options=options)
            while True:
                start = source.tell()
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    return  # the end mark, or the end of a file that still grows
                if start == source.tell():
                    return
                batch.validate(full=True)
                yield batch
    except (pa.ArrowException, OSError, ValueError):
        yield None


def schema_of(path: Path) -> pa.Schema | None:
    """The schema of a stream, None when not even that was written."""
    try:
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_stream(source).schema
    except (pa.ArrowException, OSError, ValueError):
        return None


class GroupFile:
    """Signals that were recorded together: columns of one file, read when they are asked for."""

    def __init__(self, path: Path, group: str) -> None:
        self.path = path
        self.group = group
        self.torn = False
        schema = schema_of(path)
        if schema is None:
            self.torn = True
            schema = pa.schema(layout.ROW_FIELDS)
        elif tuple(schema.names[: len(layout.ROW_NAMES)]) != layout.ROW_NAMES:
            raise RecordingError("is not a file of recorded signals", where=str(path), mend="Record again")
        self.schema = schema
        self.columns = {name: index for index, name in enumerate(schema.names)}
        self.names = [name for name in schema.names[len(layout.ROW_NAMES) :] if not _is_status(name)]
        self.units = {name: _unit(schema.field(name)) for name in self.names}
        self.every = int((schema.metadata or {}).get(b"every", b"1"))

    def read(self, names: Sequence[str], span: Span | None = None) -> dict[str, Array]:
        """Columns by name, rows of the ticks span[0] <= tick < span[1]; read in one pass over the file."""
        wanted = list(dict.fromkeys([*names, "tick"]))
        parts: dict[str, list[Array]] = {name: [] for name in wanted}
        for batch in batches(self.path, sorted(self.columns[name] for name in wanted)):
            if batch is None:
                self.torn = True
                break
            rows = _rows(batch, span)
            for name in wanted if rows.stop > rows.start else ():
                parts[name].append(numbers_of(batch.column(name))[rows])
        return {name: self._joined(name, parts[name]) for name in names}

    def last_tick(self) -> int | None:
        """The last tick that can be read."""
        ticks = self.read(["tick"])["tick"]
        return int(ticks[-1]) if len(ticks) else None

    def _joined(self, name: str, parts: list[Array]) -> Array:
        kind = self.schema.field(name).type.to_pandas_dtype()
        return np.concatenate(parts) if parts else np.empty(0, kind)


def _is_status(name: str) -> bool:
    return name.endswith(layout.STATUS_SUFFIX)


def _unit(field: pa.Field) -> str:
    return bytes((field.metadata or {}).get(b"unit", b"")).decode()


def _rows(batch: pa.RecordBatch, span: Span | None) -> slice:
    if span is None:
        return slice(0, batch.num_rows)
    start, stop = np.searchsorted(numbers_of(batch.column("tick")), span)
    return slice(int(start), int(stop))
