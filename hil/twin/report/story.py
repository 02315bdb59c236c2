"""What a twin's folder tells of its newest run: the ledger's entries, the recording, what the rig says of its twin."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.errors import HilError
from hil.recording import Recording
from hil.twin.ledger import Entry, Ledger, audit
from hil.twin.ledger.audit import Audit
from hil.twin.spec import TwinTable
from hil.twin.words import said

Floats = npt.NDArray[np.float64]
RUNS = "run-*"


@dataclass(frozen=True)
class Row:
    """One entry in words.

    Attributes:
        number: of the entry.
        time_s: bench time; None where the entry has none.
        who: names and reasons, as far as they were not erased.
    """

    number: int
    time_s: float | None
    kind: str
    text: str
    who: str


@dataclass(frozen=True)
class Story:
    """Of one run.

    Attributes:
        folder: the twin's.
        audit: of its whole ledger.
        entries: of the run, in order.
        recording: of the run; None: it was not recorded.
        table: [twin] of the rig; None without a recording.
        from_s, to_s: bench time that is told.
    """

    folder: Path
    audit: Audit
    entries: list[Entry]
    recording: Recording | None
    table: TwinTable | None
    from_s: float
    to_s: float

    @property
    def rig(self) -> str:
        """Its name."""
        return str(self.entries[0].body.get("rig", "")) if self.entries else ""

    @cached_property
    def rows(self) -> list[Row]:
        """The entries of the period in words."""
        return [
            Row(e.number, _time(e.body), e.kind, said(e.kind, e.body), "; ".join(e.personal.values()))
            for e in self.entries
            if (t := _time(e.body)) is None or self.from_s <= t <= self.to_s
        ]

    def bodies(self, kind: str, **having: Any) -> Iterator[Mapping[str, Any]]:
        """Entries of a kind in the period that have these values."""
        for entry in self.entries:
            time_s = _time(entry.body)
            inside = time_s is None or self.from_s <= time_s <= self.to_s
            if entry.kind == kind and inside and all(entry.body.get(key) == value for key, value in having.items()):
                yield entry.body

    def column(self, name: str) -> tuple[Floats, Floats] | None:
        """Bench times and values of a recorded signal in the period; None when it was not recorded."""
        if self.recording is None or name not in self.recording:
            return None
        time_s, values = self.recording.time_s(self.recording.group_of(name)), self.recording[name]
        chosen = (time_s >= self.from_s) & (time_s <= self.to_s)
        return time_s[chosen], values[chosen]

    def at(self, name: str, time_s: float) -> float:
        """A recorded signal's value at a bench time; NaN outside of what was recorded."""
        found = self.column(name)
        if found is None or not len(found[0]) or not found[0][0] <= time_s <= found[0][-1]:
            return math.nan
        return float(found[1][int(np.searchsorted(found[0], time_s, side="right")) - 1])

    def unit(self, name: str) -> str:
        """Of a recorded signal."""
        return self.recording.units.get(name, "") if self.recording is not None else ""


def read_story(folder: Path, from_s: float = 0.0, to_s: float = math.inf) -> Story:
    """The newest run of a twin's folder.

    Raises:
        HilError: there is no ledger, or no run in it.
        RecordingError: the run's recording cannot be read.
    """
    found = audit(folder)
    with Ledger(folder, write=False) as ledger:
        entries = list(ledger.entries())
    begins = [i for i, e in enumerate(entries) if e.kind == "model" and e.body.get("act") == "run"]
    if not begins:
        raise HilError("its ledger tells of no run", where=str(folder), mend="hil twin run RIG --out DIR writes one")
    recordings = sorted(folder.glob(RUNS))
    recording = Recording(recordings[-1]) if recordings else None
    rig = recording.rig.get("rig") if recording is not None else None
    twin = rig.get("twin") if isinstance(rig, dict) else None
    table = TwinTable.model_validate(twin) if twin else None
    return Story(folder, found, entries[begins[-1] :], recording, table, from_s, to_s)


def _time(body: Mapping[str, Any]) -> float | None:
    value = body.get("time_s")
    return float(value) if isinstance(value, int | float) else None
