"""Writes a recording's signals for other programs: CSV, Parquet or MDF4, one file for each recorded group.

* CSV: a header row with `time_s`, then the signals, then `<signal>|status`; with `unit_row` a second row of units, as
  several instruments write it. Numbers are written in full: reading them gives the same doubles.
* Parquet: the same columns, the unit in each field's metadata, manifest.json in the file's metadata.
* MF4 (ASAM MDF 4.10, extra `mf4`): a channel group for each recorded group, units; manifest, rig and events attached.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from hil.errors import HilError, RecordingError
from hil.recording import Recording, layout
from hil.recording.stream import GroupFile, batches
from hil.whole_file import written_whole

FORMATS = ("csv", "parquet", "mf4")


def export(
    recording: str | Path | Recording, to: str = "csv", out: str | Path | None = None, *, unit_row: bool = False
) -> list[Path]:
    """Writes the signals of a recording as CSV, Parquet or MDF4.

    Args:
        recording: the folder, or the opened recording.
        to: "csv", "parquet" or "mf4".
        out: the file to write; default is signals.csv (.parquet, .mf4) in the folder. Further groups go to files with
            the group's name in front of the ending; MF4 is one file.
        unit_row: CSV only: units in a second row.

    Returns:
        The files written. Each is complete: it gets its name when it is whole.

    Raises:
        HilError: an unknown format, or asammdf is not there.
        RecordingError: the recording cannot be read, or the file cannot be written.
    """
    if to not in FORMATS:
        raise HilError(f'"{to}" is not a format', where="--to", mend=f"Use one of {', '.join(FORMATS)}")
    rec = recording if isinstance(recording, Recording) else Recording(recording)
    target = Path(out) if out is not None else rec.folder / f"signals.{to}"
    if to == "mf4":
        return [_whole(target, lambda path: _write_mf4(rec, path))]
    write = _write_csv if to == "csv" else _write_parquet
    written = []
    for group in rec.groups.values():
        path = target if group.group == layout.MAIN_GROUP else target.with_suffix(f".{group.group}{target.suffix}")
        written.append(_whole(path, lambda path, group=group: write(rec, group, path, unit_row)))  # type: ignore[misc]
    return written


def _whole(path: Path, write: Callable[[Path], None]) -> Path:
    """Runs `write` on a file beside `path` and renames it: half a file never has the name."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as part:
            write(part)
    except OSError as error:
        why = f"cannot be written ({error.strerror or error})"
        raise RecordingError(why, where=str(path), mend="Name another file with --out") from None
    return path


def _schema(group: GroupFile) -> pa.Schema:
    """time_s in front of the signals, then their status; measured times of the loop are left to the recording."""
    names = [name for name in group.schema.names if name not in layout.ROW_NAMES]
    status = [name for name in names if name.endswith(layout.STATUS_SUFFIX)]
    values = [name for name in names if not name.endswith(layout.STATUS_SUFFIX)]
    time = pa.field("time_s", pa.float64(), metadata={"unit": "s"})
    return pa.schema([time, *(group.schema.field(name) for name in [*values, *status])])


def _tables(rec: Recording, group: GroupFile, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The group's batches with the columns of `schema`, one at a time: a long recording need not fit the memory."""
    wanted = [group.columns["tick"], *(group.columns[name] for name in schema.names[1:])]
    for batch in batches(group.path, sorted(wanted)):
        if batch is None:
            return
        time_s = np.multiply(batch.column("tick").to_numpy(), rec.period_s, dtype=np.float64)
        columns = [pa.array(time_s), *(batch.column(name) for name in schema.names[1:])]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _write_csv(rec: Recording, group: GroupFile, path: Path, unit_row: bool) -> None:
    schema = _schema(group)
    with path.open("wb") as file:
        file.write(_csv_row(schema.names))
        if unit_row:
            file.write(_csv_row([_unit(field) for field in schema]))
        options = pa_csv.WriteOptions(include_header=False)
        with pa_csv.CSVWriter(file, schema, write_options=options) as writer:
            for batch in _tables(rec, group, schema):
                writer.write_batch(batch)


def _csv_row(cells: list[str]) -> bytes:
    quoted = ('"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\r\n') else cell for cell in cells)
    return (",".join(quoted) + "\n").encode()


def _unit(field: pa.Field) -> str:
    return bytes((field.metadata or {}).get(b"unit", b"")).decode()


def _write_parquet(rec: Recording, group: GroupFile, path: Path, _unit_row: bool) -> None:
    schema = _schema(group)
    schema = schema.with_metadata({"hil.manifest": json.dumps(rec.manifest)})
    with pa_parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _tables(rec, group, schema):
            writer.write_batch(batch)


def _write_mf4(rec: Recording, path: Path) -> None:
    try:
        from asammdf import MDF, Signal
    except ImportError:
        mend = 'Install it with: pip install "hil[mf4]"'
        raise HilError("MDF4 export needs asammdf, which is not installed", where="--to mf4", mend=mend) from None
    with MDF(version="4.10") as mdf:
        for group in rec.groups.values():
            mdf.append(_mdf_channels(rec, group, Signal), acq_name=group.group, comment=f"HIL group {group.group}")
        for name in (layout.MANIFEST, layout.RIG, layout.EVENTS):
            mdf.attach((rec.folder / name).read_bytes(), file_name=name, mime="application/json")
        mdf.save(path, overwrite=True, compression=2)


def _mdf_channels(rec: Recording, group: GroupFile, signal: Any) -> list[Any]:
    schema = _schema(group)
    columns = group.read(schema.names[1:])
    time_s = np.multiply(group.read(["tick"])["tick"], rec.period_s, dtype=np.float64)
    return [
        signal(samples=columns[field.name], timestamps=time_s, name=field.name, unit=_unit(field))
        for field in schema
        if field.name != "time_s"
    ]
