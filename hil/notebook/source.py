"""Where rows come from: the memory of a bench, or a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hil.errors import HilError
from hil.nearest import did_you_mean
from hil.recording.layout import STATUS_SUFFIX

if TYPE_CHECKING:
    from hil.looking import Looking
    from hil.recording import Recording

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Rows of one group.

    Attributes:
        ticks: shape (rows,).
        columns: values by name, each of shape (rows,).
    """

    ticks: Ints
    columns: dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Source:
    """What can be shown of a bench or a recording.

    Attributes:
        rig: its name.
        where: how errors call it: the rig of a bench, the folder of a recording.
        period_s: base period.
        period_ns: the same, in whole ns.
        units: unit of each name that has rows; "" for none.
        limits: equipment limits of the signals that have them.
        default: what is shown when nothing is asked for.
        signals: `default` without raw values and block states.
        elsewhere: what to do about a name that the bench knows and keeps no rows of; "" when there is no such name.
        events: what happened, in order.
        read: rows of names, a group each; with True also their status.
    """

    rig: str
    where: str
    period_s: float
    period_ns: int
    units: Mapping[str, str]
    limits: Mapping[str, tuple[float, float]]
    default: list[str]
    signals: list[str]
    elsewhere: Callable[[str], str]
    events: Sequence[Mapping[str, Any]]
    read: Callable[[Sequence[str], bool], list[Rows]]

    def names(self, asked: str | Iterable[str]) -> list[str]:
        """Names and patterns as names, each once.

        Raises:
            HilError: there is no such name, or a pattern fits none.
        """
        found: list[str] = []
        for text in [asked] if isinstance(asked, str) else asked:
            if not isinstance(text, str):
                raise HilError(f"{text!r} is no name of a signal", where=self.where, mend='Write it like "sensor.h1"')
            found += self._fitting(text)
        return list(dict.fromkeys(found))

    def _fitting(self, text: str) -> list[str]:
        if text in self.units:
            return [text]
        if any(letter in text for letter in "*?["):
            if fitting := [name for name in self.signals if fnmatchcase(name, text)]:
                return fitting
            raise HilError(f"no signal has a name like '{text}'", where=self.where)
        mend = self.elsewhere(text) or did_you_mean(text, self.units)
        raise HilError(f"there are no recorded values of '{text}'", where=self.where, mend=mend)


def of_bench(bench: Looking) -> Source:
    """The first recorded group as far as it is drained; a bench in the background may run on."""
    from hil.recorder import unit_of

    columns = bench._columns[0] if bench._columns and bench.recorder.history else None
    names = columns.names if columns else []

    def read(wanted: Sequence[str], status: bool) -> list[Rows]:
        if status:
            mend = "Record the run, and use Recording(folder).to_pandas(status=True)"
            raise HilError("a bench keeps no status of past ticks", where=bench.rig.name, mend=mend)
        return [Rows(*bench.recorder.rows(wanted))]

    return Source(
        rig=bench.rig.name,
        where=bench.rig.name,
        period_s=bench.period_s,
        period_ns=bench.rig.period_ns,
        units={name: unit_of(name, bench.rig) for name in names},
        limits={s.name: s.limits for s in bench.rig.signals.values() if s.limits is not None},
        default=list(names),
        signals=[name for name in names if name in bench.rig.signals],
        elsewhere=lambda name: _elsewhere(bench, name),
        events=list(bench.events),
        read=read,
    )


def _elsewhere(bench: Looking, name: str) -> str:
    if any(name in columns.names for columns in bench._columns):
        return "A bench keeps its first recorded group in memory: record the run, and use Recording(folder)"
    if name in bench.built.numbers:
        return "Add it to [record] in the rig"
    return ""


def of_recording(rec: Recording) -> Source:
    """All groups of a recording, also of one that still grows."""

    def read(wanted: Sequence[str], status: bool) -> list[Rows]:
        by_group: dict[str, list[str]] = {}
        for name in wanted:
            by_group.setdefault(rec.group_of(name), []).append(name)
        return [_group_rows(rec, group, members, status=status) for group, members in by_group.items()]

    first = next(iter(rec.groups.values()))
    limits = rec.manifest.get("limits") or {}
    known = rec.rig.get("rig", {}).get("signals", {})
    return Source(
        rig=str(rec.manifest.get("rig", "")),
        where=str(rec.folder),
        period_s=rec.period_s,
        period_ns=round(rec.period_s * 1e9),
        units=rec.units,
        limits={name: tuple(entry["limits"]) for name, entry in limits.items() if entry.get("limits")},
        default=list(first.names),
        signals=[n for n in rec.names if n in known] or [n for n in rec.names if not n.endswith(".raw")],
        elsewhere=lambda _: "",
        events=rec.events,
        read=read,
    )


def _group_rows(rec: Recording, group: str, names: Sequence[str], *, status: bool) -> Rows:
    """Of a recording that grows, only the rows that all columns have: each is read at another instant."""
    columns: dict[str, npt.NDArray[Any]] = {}
    ticks = rec.tick(group)
    values = rec.columns(names)
    for name in names:
        columns[name] = values[name]
        if status and rec.has_status(name):
            columns[name + STATUS_SUFFIX] = rec.status(name)
    n = min(len(ticks), *(len(column) for column in columns.values())) if columns else len(ticks)
    return Rows(ticks[:n], {name: column[:n] for name, column in columns.items()})
