"""Replay: runs what came from outside through the core again and proves the same bits.

Both are compared: the state hashes that the loop recorded once a second and at the end, and every recorded value of
every tick, so that a difference is named with its first tick and signal.
"""

from __future__ import annotations

import itertools
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hil import _core
from hil.built import Built
from hil.errors import RecordingError
from hil.program import Progress, build_bench
from hil.recorder import Columns, columns_of
from hil.recording import Input, InputKind, Recording
from hil.result import hash_text
from hil.rig import Rig

Floats = npt.NDArray[np.float64]


@dataclass
class Replay:
    """What a replay found.

    Attributes:
        identical: every hash and every recorded value is the same.
        ticks: ticks replayed.
        state_hash: of the replayed state at the end.
        hashes_compared: how many recorded hashes were compared.
        first_difference: {"tick", "signal", "recorded", "replayed"} or None.
        not_replayable_from: tick from which on inputs were lost, or None.
        reason: one sentence when it is not identical, else "".
    """

    identical: bool = True
    ticks: int = 0
    state_hash: str = ""
    hashes_compared: int = 0
    first_difference: dict[str, Any] | None = None
    not_replayable_from: int | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data."""
        return dict(self.__dict__)


def replay(folder: str | Path, progress: Progress | None = None) -> dict[str, Any]:
    """Replays a recording; the dictionary has the fields of `Replay`.

    Raises:
        RecordingError: the folder is not a recording, or was made by another program than its rig gives here.
    """
    recording = Recording(folder)
    if "capture" in recording.manifest:
        mend = "Replay the recording of its run"
        raise RecordingError("is a capture, which has no inputs from tick 0 on", where=str(folder), mend=mend)
    with tempfile.TemporaryDirectory(prefix="hil-replay-") as place:
        stored = recording.rig
        rig = Rig.from_dict(stored["rig"], stored["files"]).write_files(Path(place))
        manifest = recording.manifest
        built = build_bench(rig, manifest["bindings"], stored["options"]["seed"], progress)
        if hash_text(built.program.hash) != manifest["program_hash"]:
            raise RecordingError(
                "the stored rig gives another program here than in the recording",
                where=str(folder),
                mend=f"It was made by HIL {manifest.get('hil')}; replay it with that version",
            )
        return _Run(recording, rig, built).run().to_dict()


@dataclass
class _Run:
    recording: Recording
    rig: Rig
    built: Built
    found: Replay = field(default_factory=Replay)

    def __post_init__(self) -> None:
        self.state = _core.State(self.built.program)
        known = set(self.recording.names)
        groups = [columns_of(g, self.built) for g in self.rig.record.values()]
        self.groups = [c for c in groups if known.issuperset(c.names)]
        self.loop = _core.Loop(self.state, groups=[c.spec() for c in self.groups], input_ring=0, sample_ring=1 << 23)
        self.recorded = [_Recorded(self.recording, c) for c in self.groups]

    def run(self) -> Replay:
        """All inputs in order, then on to the last tick."""
        manifest = self.recording.manifest
        lost = manifest.get("lost_inputs_from")
        end = manifest.get("ticks") if self.recording.complete else self.recording.ticks
        stop = int(end or 0) if lost is None else min(int(end or 0), int(lost))
        for tick, inputs in itertools.groupby(self._inputs(), key=lambda i: i.tick):
            if tick >= stop or self.found.not_replayable_from is not None or not self._to(tick):
                break
            for item in inputs:
                self._give(item)
        if self.found.not_replayable_from is None:
            self._to(stop)
            if lost is not None and self.found.identical:
                self._lost(int(lost))
        self._conclude(manifest, complete=lost is None)
        return self.found

    def _inputs(self) -> Iterator[Input]:
        return iter(self.recording.inputs())

    def _to(self, tick: int) -> bool:
        """Runs up to a tick and compares what is recorded on the way; False when something differs."""
        while self.state.tick < tick and self.found.first_difference is None:
            done = self.loop.run(min(tick - self.state.tick, 4096))
            self._compare()
            if not done:
                self._fmu_failed()
                return False
        return self.found.first_difference is None

    def _fmu_failed(self) -> None:
        """A loop ends early only when an FMU fails."""
        for block, why in self.state.fmu_failures():
            self._fail(f"tick {self.state.tick}: the FMU of {self.built.entries[block]} failed: {why}")

    def _compare(self) -> None:
        data = self.loop.read_samples()
        for index, recorded in enumerate(self.recorded):
            columns = recorded.columns
            ticks, _, _, values, _ = _core.unpack_samples(data, index, len(columns.names), len(columns.status_names))
            difference = recorded.first_difference(ticks, values)
            first = self.found.first_difference
            if difference and (first is None or difference["tick"] < first["tick"]):
                self.found.first_difference = difference
                self._fail("tick {tick}: {signal} was {recorded!r}, replayed {replayed!r}".format(**difference))

    def _fail(self, reason: str) -> None:
        self.found.identical = False
        self.found.reason = reason

    def _lost(self, tick: int) -> None:
        self.found.not_replayable_from = tick
        self._fail(f"inputs were lost: not replayable from tick {tick} on")

    def _give(self, item: Input) -> None:
        if item.kind == InputKind.LOSS:
            self._lost(item.tick)
        elif item.kind == InputKind.HASH:
            self._check_hash(struct.unpack("<Q", item.payload)[0])
        elif item.kind == InputKind.EVENT:
            self.state.push(item.payload)
        elif item.kind == InputKind.IMAGE:
            self.state.latch(item.target, item.payload, item.time_ns)
        elif item.kind == InputKind.SKIP:
            self.state.skip(struct.unpack("<Q", item.payload)[0])

    def _check_hash(self, recorded: int) -> None:
        self.found.hashes_compared += 1
        if self.found.identical and self.state.hash() != recorded:  # go on: the values may tell more
            self._fail(f"tick {self.state.tick}: the state's hash differs, though every recorded value is the same")

    def _conclude(self, manifest: dict[str, Any], *, complete: bool) -> None:
        self.found.ticks = int(self.state.tick)
        self.found.state_hash = hash_text(self.state.hash())
        ended = complete and self.recording.complete
        if self.found.identical and ended and self.found.state_hash != manifest.get("state_hash"):
            self._fail("the final hash differs, though every recorded value is the same")
        if self.found.identical and not self.recording.complete:
            self.found.reason = "the recording was cut off; identical up to its last whole batch"


class _Recorded:
    """Recorded rows of one group, by tick."""

    def __init__(self, recording: Recording, columns: Columns) -> None:
        self.columns = columns
        self.ticks = recording.tick(columns.name)
        self.values = [recording[name] for name in columns.names]

    def first_difference(self, ticks: npt.NDArray[np.int64], values: Floats) -> dict[str, Any] | None:
        """Bit by bit, NaN equal to NaN; rows that the recording lost are left out."""
        at = np.searchsorted(self.ticks, ticks)
        there = (
            (at < len(self.ticks)) & (self.ticks[np.minimum(at, len(self.ticks) - 1)] == ticks)
            if len(self.ticks)
            else []
        )
        rows = np.flatnonzero(there)
        best: tuple[int, int] | None = None
        for column in range(len(self.columns.names)):
            ours, theirs = values[rows, column], self.values[column][at[rows]]
            differs = np.flatnonzero((ours != theirs) & ~(np.isnan(ours) & np.isnan(theirs)))
            if len(differs) and (best is None or differs[0] < best[0]):
                best = (int(differs[0]), column)
        if best is None:
            return None
        row, column = best
        return {
            "tick": int(ticks[rows[row]]),
            "signal": self.columns.names[column],
            "recorded": float(self.values[column][at[rows[row]]]),
            "replayed": float(values[rows[row], column]),
        }
