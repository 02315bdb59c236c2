"""Writes a recording while a bench runs: rows are collected and go to the disk at least twice a second.

The bench drains its rings every 50 ms or so and calls `write_inputs`, `write_events`, `write_rows`, in this order. Rows
are copied into a column buffer; a full or an old buffer becomes one Arrow batch. Inputs go to the disk before rows, so
what can be read of the signals after a crash can also be replayed.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hil import json_text
from hil.errors import RecordingError
from hil.recording import layout
from hil.recording.claim import claim, lock
from hil.recording.columns import binary_column, number_column
from hil.recording.files import AppendFile, StreamFile, json_lines, replace_json, reserve
from hil.recording.rows import Floats, Group, Ints, Rows, Statuses, check_names

FLUSH_S = 0.4
RESERVE_BYTES = 256 << 10  # for the last manifest: it can say why a recording ends even when the disk is full


class RecordingWriter:
    """Writes one recording folder.

    Args:
        folder: made when it is not there; one with something in it is refused.
        rig_json: content of `rig.json`.
        manifest: what is known at the start; format, complete and started are added.
        groups: signals by group; the group "signals" goes to `signals.arrows`.
        overwrite: replaces the recording that is in the folder.
        machine: what the machine is; content of `doctor.json`, which is left out without it.

    Raises:
        RecordingError: the folder cannot be used, or, once, by any later call, the disk is full. From then on rows are
            counted in `dropped_rows` and nothing more is written but the manifest; what was written stays readable.
    """

    def __init__(
        self,
        folder: str | Path,
        rig_json: Mapping[str, Any],
        manifest: Mapping[str, Any],
        groups: Mapping[str, Group],
        *,
        overwrite: bool = False,
        machine: Mapping[str, Any] | None = None,
    ) -> None:
        check_names(groups)
        self.folder = Path(folder)
        self.dropped_rows = 0
        self._error: RecordingError | None = None
        self._closed = False
        self._inputs: list[pa.RecordBatch] = []
        self._events: list[dict[str, Any]] = []
        self._fresh = claim(self.folder, overwrite=overwrite)
        self._lock = lock(self.folder)
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._manifest = {"format": layout.FORMAT, "started": started, **manifest, "complete": False}
        try:
            for path in layout.recording_files(self.folder):
                path.unlink()
            # Exact floats, NaN and infinities included: a replay builds the same program from this file.
            replace_json(self.folder / layout.RIG, dict(rig_json))
            if machine is not None:
                replace_json(self.folder / layout.DOCTOR, dict(machine))
            replace_json(self.folder / layout.MANIFEST, json_text.plain(self._manifest))
            reserve(self.folder / layout.RESERVE, RESERVE_BYTES)
            with contextlib.ExitStack() as undo:
                self._input_file = StreamFile(self.folder / layout.INPUTS, layout.INPUT_SCHEMA)
                undo.callback(self._input_file.close, whole=False)
                self._event_file = AppendFile(self.folder / layout.EVENTS)
                undo.callback(self._event_file.close, sync=False)
                self._rows: dict[str, Rows] = {}
                for name, group in groups.items():
                    self._rows[name] = Rows(self.folder / layout.group_file(name), name, group)
                    undo.callback(self._rows[name].close, whole=False)
                undo.pop_all()
        except RecordingError:
            self._undo()
            raise
        self._flushed = time.monotonic()

    def write_rows(
        self,
        group: str,
        ticks: Ints,
        late_ns: Ints,
        exec_ns: Ints,
        values: Floats,
        status: Statuses | None = None,
    ) -> None:
        """Takes rows of a group: copies them, so the arrays stay the caller's.

        Args:
            group: name of the group.
            ticks: n tick numbers, increasing.
            late_ns: n wake-up latenesses.
            exec_ns: n execution times.
            values: n x columns, float64.
            status: n x status columns, uint8; None: all good.
        """
        if self._error:
            self.dropped_rows += len(ticks)
            return
        rows = self._rows[group]

        def add() -> None:
            if len(ticks) > rows.room:
                self._flush_inputs()
            rows.add((ticks, late_ns, exec_ns), values, status)

        self._guard(add)
        self._flush_when_due()

    def write_inputs(
        self,
        ticks: npt.ArrayLike,
        kinds: npt.ArrayLike,
        targets: npt.ArrayLike,
        times_ns: npt.ArrayLike,
        payloads: Sequence[bytes],
    ) -> None:
        """Takes what came from outside, n entries each, in the core's order; kinds as in InputKind."""
        if self._error:
            return
        if len(payloads):
            columns = [
                number_column(pa.int64(), np.asarray(ticks, np.int64)),
                number_column(pa.uint8(), np.asarray(kinds, np.uint8)),
                number_column(pa.uint16(), np.asarray(targets, np.uint16)),
                number_column(pa.int64(), np.asarray(times_ns, np.int64)),
                binary_column(payloads),
            ]
            self._inputs.append(pa.RecordBatch.from_arrays(columns, schema=layout.INPUT_SCHEMA))
        self._flush_when_due()

    def write_events(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Takes what happened: dicts with tick, time_s, kind, target, id, a, b and, when useful, text."""
        if self._error:
            return
        self._events.extend(dict(event) for event in events)
        self._flush_when_due()

    def flush(self) -> None:
        """Gives everything to the operating system: from here on a killed process loses nothing of it."""
        if self._error or self._closed:
            return
        self._guard(self._flush_all)
        self._flushed = time.monotonic()

    def close(self, manifest_update: Mapping[str, Any] | None = None) -> None:
        """Writes the rest and replaces the manifest; a second call does nothing.

        Raises:
            RecordingError: the disk is full, if that was not said before. The folder stays readable, its manifest
                keeps complete = false and says why in `incomplete_because`.
        """
        if self._closed:
            return
        told = self._error is not None
        with contextlib.suppress(RecordingError):  # told below, after everything is closed
            self.flush()
        self._closed = True
        self._close_files()
        update = dict(manifest_update or {})
        complete = self._error is None and bool(update.pop("complete", True))
        self._manifest |= update | {"complete": complete}
        (self.folder / layout.RESERVE).unlink(missing_ok=True)
        if self._error:
            self._manifest |= {"incomplete_because": str(self._error), "dropped_rows": self.dropped_rows}
        try:
            replace_json(self.folder / layout.MANIFEST, json_text.plain(self._manifest))
        except RecordingError as error:
            self._error = self._error or error
        os.close(self._lock)
        if self._error and not told:
            raise self._error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close({"result": "aborted", "complete": False} if kind else None)

    def _flush_when_due(self) -> None:
        if time.monotonic() - self._flushed >= FLUSH_S:
            self.flush()

    def _flush_inputs(self) -> None:
        inputs, self._inputs = self._inputs, []
        if inputs:
            self._input_file.batch(pa.concat_batches(inputs))

    def _flush_all(self) -> None:
        self._flush_inputs()
        for rows in self._rows.values():
            rows.flush()
        events, self._events = self._events, []
        if events:
            self._event_file.append(json_lines(events))

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except RecordingError as error:
            self._error = error
            raise

    def _close_files(self) -> None:
        files: list[StreamFile | Rows] = [self._input_file, *self._rows.values()]
        for file in files:
            try:
                file.close(whole=self._error is None)
            except RecordingError as error:
                self._error = self._error or error
        try:
            self._event_file.close(sync=self._error is None)
        except RecordingError as error:
            self._error = self._error or error

    def _undo(self) -> None:
        """Leaves nothing half-made behind when the start fails."""
        for path in layout.recording_files(self.folder):
            path.unlink(missing_ok=True)
        os.close(self._lock)
        if self._fresh:
            self.folder.rmdir()
