"""Reads a recording folder, also one that was cut off by a crash or is still growing."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hil.errors import RecordingError
from hil.nearest import did_you_mean
from hil.notebook.faces import NotebookFaces
from hil.recording import layout
from hil.recording.stream import GroupFile, Span, batches

if TYPE_CHECKING:
    from hil.notebook.source import Source

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Input(NamedTuple):
    """Something that came from outside, an input of the tick that ran next."""

    tick: int
    kind: int  # InputKind
    target: int
    time_ns: int
    payload: bytes


class Recording(NotebookFaces):
    """A recording folder: `rec["sensor.h1"]` is a float64 array, `rec.time_s()` its times.

    Args:
        folder: the folder that a RecordingWriter wrote.

    Raises:
        RecordingError: there is no such folder, it is not a recording, or another version of HIL made it.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.manifest = _manifest(self.folder)
        self.groups = _groups(self.folder)
        self._group_of = {name: group for group in self.groups.values() for name in group.names}
        self._span: Span | None = None

    @cached_property
    def rig(self) -> dict[str, Any]:
        """Content of rig.json: rig, files, options."""
        return _object(self.folder / layout.RIG)

    @property
    def names(self) -> list[str]:
        """All recorded signals, in the order in which they were declared."""
        return list(self._group_of)

    @property
    def units(self) -> dict[str, str]:
        """Unit of each signal; "" for a number without one."""
        return {name: group.units[name] for name, group in self._group_of.items()}

    @property
    def period_s(self) -> float:
        """The base period: bench time of a row is tick * period_s."""
        period_s = self.manifest.get("period_s")
        if not isinstance(period_s, int | float) or not period_s > 0:
            raise RecordingError("period_s is missing or not positive", where=str(self.folder / layout.MANIFEST))
        return float(period_s)

    @property
    def complete(self) -> bool:
        """False when the writer did not come to its end."""
        return self.manifest.get("complete") is True

    @cached_property
    def ticks(self) -> int:
        """Number of ticks that ran, as the manifest says; of an incomplete recording the ones that can be read."""
        if self.complete and isinstance(self.manifest.get("ticks"), int):
            return int(self.manifest["ticks"])
        last = [group.last_tick() for group in self.groups.values()]
        return max((tick + 1 for tick in last if tick is not None), default=0)

    @property
    def first_tick(self) -> int:
        """The first tick that it is about: 0 of a run, the begin of the window of a capture."""
        capture = self.manifest.get("capture")
        first = capture.get("from_tick") if isinstance(capture, dict) else None
        return first if isinstance(first, int) else 0

    @property
    def duration_s(self) -> float:
        """Bench time that was recorded."""
        return max(0, self.ticks - self.first_tick) * self.period_s

    @cached_property
    def problems(self) -> list[str]:
        """What is wrong with this recording, one sentence each; empty for a whole one."""
        found = []
        if not self.complete:
            why = self.manifest.get("incomplete_because") or "its writer was stopped or is still running"
            found.append(
                f"The recording is not complete ({why}): it can be read up to {self.ticks * self.period_s:.3f} s."
            )
        for group in self.groups.values():
            group.last_tick()
            if group.torn:
                found.append(f"The last batch of {group.path.name} is torn and was left out.")
        if self.manifest.get("lost_samples"):
            found.append(f"{self.manifest['lost_samples']:,} rows were lost because the ring was full.")
        if (tick := self.manifest.get("lost_inputs_from")) is not None:
            found.append(f"Inputs were lost: it cannot be replayed from tick {tick:,} on.")
        return found

    def __getitem__(self, name: str) -> Floats:
        return self.columns([name])[name]

    def __contains__(self, name: object) -> bool:
        return name in self._group_of

    def columns(self, names: Sequence[str]) -> dict[str, Floats]:
        """Several signals by name; those of one group in one pass over its file."""
        by_group: dict[str, list[str]] = {}
        for name in names:
            by_group.setdefault(self.group_of(name), []).append(name)
        found: dict[str, Floats] = {}
        for group, members in by_group.items():
            found |= self.groups[group].read(members, self._span)
        return {name: found[name] for name in names}

    def group_of(self, name: str) -> str:
        """The group that a signal was recorded in."""
        if name not in self._group_of:
            raise RecordingError(
                f'there is no signal "{name}"', where=str(self.folder), mend=did_you_mean(name, self.names)
            )
        return self._group_of[name].group

    def tick(self, group: str | None = None) -> Ints:
        """Tick numbers of a group's rows, int64. Without a name, of the first group; a signal's name stands for its."""
        return self._row_column("tick", group)

    def time_s(self, group: str | None = None) -> Floats:
        """Bench times of a group's rows in s, float64; see `tick`."""
        return np.multiply(self.tick(group), self.period_s, dtype=np.float64)

    def late_ns(self, group: str | None = None) -> Ints:
        """How late each recorded tick began, int64."""
        return self._row_column("late_ns", group)

    def exec_ns(self, group: str | None = None) -> Ints:
        """How long each recorded tick took, int64."""
        return self._row_column("exec_ns", group)

    def has_status(self, name: str) -> bool:
        """True when the status of this signal was recorded."""
        return name + layout.STATUS_SUFFIX in self.groups[self.group_of(name)].columns

    def status(self, name: str) -> npt.NDArray[np.uint8]:
        """Status bits (enum hil_status) of a signal's rows, uint8; all good where it was not recorded."""
        group = self.groups[self.group_of(name)]
        if not self.has_status(name):
            return np.zeros(len(group.read(["tick"], self._span)["tick"]), np.uint8)
        column = name + layout.STATUS_SUFFIX
        return group.read([column], self._span)[column]

    def window(self, t0_s: float, t1_s: float) -> Recording:
        """The same recording, its arrays limited to t0_s <= time < t1_s. Events and inputs stay all."""
        part = copy.copy(self)
        # The tiny part keeps a row that is due exactly at t, whatever t / period_s rounds to.
        first, last = (math.ceil(t / self.period_s - 1e-6) if math.isfinite(t) else None for t in (t0_s, t1_s))
        part._span = (first if first is not None else 0, last if last is not None else 2**62)
        return part

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """What happened, in its order: dicts with tick, time_s, kind, target, id, a, b and perhaps text."""
        found = []
        try:
            lines = (self.folder / layout.EVENTS).read_bytes().split(b"\n")
        except OSError:
            return []
        for line in lines:
            try:
                event = json.loads(line) if line else None
            except ValueError:
                break  # the last line, cut off
            if isinstance(event, dict):
                found.append(event)
        return found

    def inputs(self) -> Iterator[Input]:
        """Everything that came from outside, in the order in which the core saw it, batch by batch.

        Raises:
            RecordingError: there is no such file. A torn end just ends it; `problems` tells of losses.
        """
        path = self.folder / layout.INPUTS
        if not path.is_file():
            raise RecordingError("is missing, so nothing can be replayed", where=str(path), mend="Record again")
        for batch in batches(path):
            if batch is None:
                return
            yield from map(Input._make, zip(*(column.to_pylist() for column in batch.columns), strict=True))

    def _source(self) -> Source:
        from hil.notebook.source import of_recording

        return of_recording(self)

    def _repr_html_(self) -> str:
        from hil.notebook.page import recording_html

        return recording_html(self)

    def _row_column(self, column: str, group: str | None) -> Ints:
        if group is None:
            group = next(iter(self.groups))
        elif group not in self.groups:
            group = self.group_of(group)
        return self.groups[group].read([column], self._span)[column]


def _manifest(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise RecordingError("there is no such folder", where=str(folder), mend="Name the folder of a recording")
    if not layout.is_recording(folder):
        mend = "Name a folder that hil run --record DIR wrote"
        raise RecordingError("is not a recording (no manifest.json and rig.json)", where=str(folder), mend=mend)
    manifest = _object(folder / layout.MANIFEST)
    if manifest.get("format") != layout.FORMAT:
        raise RecordingError(
            f"has format {manifest.get('format')!r}, this version of HIL reads format {layout.FORMAT}",
            where=str(folder / layout.MANIFEST),
            mend="Read it with the version of HIL that its key hil names",
        )
    return manifest


def _groups(folder: Path) -> dict[str, GroupFile]:
    groups = {}
    for path in layout.recording_files(folder):
        if group := layout.group_of(path.name):
            groups[group] = GroupFile(path, group)
    if not groups:
        raise RecordingError(
            "signals.arrows is missing", where=str(folder), mend="Copy the whole folder or record again"
        )
    return {name: groups[name] for name in sorted(groups, key=lambda name: (name != layout.MAIN_GROUP, name))}


def _object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise RecordingError(f"cannot be read ({error.strerror})", where=str(path)) from None
    except ValueError as error:
        raise RecordingError(f"is damaged ({error})", where=str(path), mend="Record again") from None
    if not isinstance(content, Mapping):
        raise RecordingError("does not hold a JSON object", where=str(path), mend="Record again")
    return dict(content)
