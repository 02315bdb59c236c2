"""Drains the loop's rings: rows go to the recording and into memory, notes become events that people can read."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from hil import _core, frames
from hil.built import Built
from hil.errors import RecordingError
from hil.recording import Group, InputKind, RecordingWriter
from hil.rig import RecordGroup, Rig
from hil.signals_hash import SignalsHash

RING_S = 2.0  # the samples ring holds at least so much of a 1 kHz bench
SMALLEST_RING, LARGEST_RING = 1 << 20, 1 << 28


Ints = npt.NDArray[np.int64]
Rows = tuple[Ints, Ints, Ints, npt.NDArray[np.float64], npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class Columns:
    """A recorded group: names and offsets of its values, and the signals whose status it has."""

    name: str
    every: int
    names: list[str]
    offsets: list[int]
    status_names: list[str]
    status_offsets: list[int]

    def runs(self) -> list[tuple[int, int]]:
        """(offset, n): neighbours in the state are copied together."""
        found: list[tuple[int, int]] = []
        for offset in self.offsets:
            if found and offset == found[-1][0] + 8 * found[-1][1]:
                found[-1] = (found[-1][0], found[-1][1] + 1)
            else:
                found.append((offset, 1))
        return found

    def spec(self) -> tuple[int, list[tuple[int, int]], list[int]]:
        """What the core's loop takes."""
        return self.every, self.runs(), self.status_offsets


def columns_of(group: RecordGroup, built: Built) -> Columns:
    """Names and offsets of a group of the rig, in the order of the state."""
    names = [name for signal in group.signals for name in _with_raw(signal, group, built)] + list(group.states)
    names = sorted(set(names), key=built.offset)
    signals = [name for name in names if name in built.numbers and not name.endswith(".raw")]
    status = [built.program.offset_status(built.numbers[name]) for name in signals]
    return Columns(group.name, group.every, names, [built.offset(n) for n in names], signals, status)


def _with_raw(signal: str, group: RecordGroup, built: Built) -> list[str]:
    return [signal, f"{signal}.raw"] if group.raw and signal in built.paths else [signal]


def unit_of(name: str, rig: Rig) -> str:
    """Unit of a recorded name; a raw value has its signal's."""
    signal = rig.signals.get(name.removesuffix(".raw"))
    return (signal.unit if signal else None) or ""


def ring_size(columns: list[Columns], period_s: float, smallest: int = SMALLEST_RING) -> int:
    """Bytes of a ring for samples: RING_S of everything, a power of two."""
    per_s = sum((32 + 9 * len(c.names)) / (c.every * period_s) for c in columns)
    size = smallest
    while size < min(RING_S * per_s, LARGEST_RING):
        size *= 2
    return size


@dataclass
class Recorder:
    """Takes what the loop recorded, whoever calls; one thread at a time.

    Attributes:
        columns: the recorded groups; the first is kept in memory when `history` is set.
        events: what happened, in order; also in the recording.
        error: why writing has ended, such as a full disk.
        hash: of what is recorded; None when nothing is.
        tap: (group, who is told its rows as they are drained: ticks, values, status).
    """

    columns: list[Columns]
    names: frames.Names
    writer: RecordingWriter | None = None
    history: bool = True
    on_event: Callable[[dict[str, Any]], None] | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    error: RecordingError | None = None
    _rows: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]] = field(default_factory=list)
    _done: bool = False
    _losses: set[str] = field(default_factory=set)
    hash: SignalsHash | None = None
    tap: tuple[str, Callable[[Ints, npt.NDArray[np.float64], npt.NDArray[np.uint8]], None]] | None = None

    def drain(self, loop: _core.Loop) -> None:
        """Everything that is in the rings now."""
        inputs, data = loop.read_inputs(), loop.read_samples()
        if self._done:
            return
        self._inputs(inputs, loop.counters)
        for index, group in enumerate(self.columns):
            tick, late, exe, values, status = _core.unpack_samples(
                data, index, len(group.names), len(group.status_names)
            )
            if index == 0 and self.history and len(tick):
                self._rows.append((tick, values))
            if self.tap and group.name == self.tap[0] and len(tick):
                self.tap[1](tick, values, status)
            if len(tick) and self.hash:
                self.hash.add(group.name, tick, values, status, (group.names, group.status_names))
            if len(tick):
                self._write(partial(_write_rows, group.name, (tick, late, exe, values, status)))

    def _inputs(self, data: bytes, counters: Mapping[str, Any]) -> None:
        rows, told = frames.decode(data, self.names)
        self._look_for_losses(counters, rows, told)
        self.events += told
        for event in told if self.on_event else []:
            assert self.on_event is not None
            self.on_event(event)
        if self.writer:
            self._write(lambda w: w.write_inputs(rows.ticks, rows.kinds, rows.targets, rows.times_ns, rows.payloads))
            self._write(lambda w: w.write_events(told))

    def _look_for_losses(self, counters: Mapping[str, Any], rows: frames.Inputs, told: list[dict[str, Any]]) -> None:
        """The first loss of each ring, told once; of inputs also a row, so that a cut-off recording still knows."""
        for ring in ("inputs", "samples"):
            tick = counters[f"lost_{ring}_from"]
            if tick is None or ring in self._losses:
                continue
            self._losses.add(ring)
            if ring == "inputs":
                rows.insert(bisect_left(rows.ticks, tick), tick, InputKind.LOSS)
            text = f"the ring of {ring} was full: from here on some were not recorded"
            place = {
                "tick": tick,
                "time_s": round(tick * self.names.period_s, 9),
                "kind": "loss",
                "target": ring,
                "id": 0,
            }
            told.append({**place, "a": None, "b": None, "text": text})

    def tell(self, event: dict[str, Any]) -> None:
        """An event that the loop does not know of."""
        self.events.append(event)
        if self.writer:
            self._write(lambda w: w.write_events([event]))

    def _write(self, work: Callable[[RecordingWriter], None]) -> None:
        """A full disk ends the writing, not the bench."""
        if self.writer is None or self.error:
            return
        try:
            work(self.writer)
        except RecordingError as error:
            self.error = error

    def ticks(self) -> npt.NDArray[np.int64]:
        """Ticks of the rows in memory."""
        return np.concatenate([t for t, _ in self._rows]) if self._rows else np.empty(0, np.int64)

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """Values in memory of a name of the first group; KeyError when it has no such name."""
        if not self.columns or name not in self.columns[0].names:
            raise KeyError(name)
        index = self.columns[0].names.index(name)
        return np.concatenate([v[:, index] for _, v in self._rows]) if self._rows else np.empty(0)

    def forget(self) -> None:
        """Lets go of the rows in memory, as those of a bench that goes back in time."""
        self._rows.clear()

    def closed(self) -> Recorder:
        """The same rows and events, to which nothing is added any more: what comes after the run is not part of it."""
        kept = Recorder(self.columns, self.names, None, self.history, None, self.events, self.error, list(self._rows))
        kept._done, kept.hash = True, self.hash
        return kept


def _write_rows(group: str, rows: Rows, writer: RecordingWriter) -> None:
    writer.write_rows(group, *rows)


def groups_for_writer(columns: list[Columns], rig: Rig) -> Mapping[str, Group]:
    """The same groups as the recording wants them."""
    return {c.name: Group([(n, unit_of(n, rig)) for n in c.names], c.every, c.status_names) for c in columns}
