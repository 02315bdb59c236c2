"""Two recordings side by side: the first tick and signal that differ in a single bit, or "identical"."""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.errors import RecordingError
from hil.recording import Recording

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Difference:
    """Where one column of both recordings differs first.

    Attributes:
        what: "value", "status", or "rows": only one of them has a row of this tick.
        signal: its name; for "rows" the one that has no row.
        a, b: what each recorded; None where it has no row.
        a_bits, b_bits: the same as 16 hex digits (a status: 2), "" where it has no row.
        rows: how many rows differ.
    """

    tick: int
    time_s: float
    signal: str
    what: str
    a: float | None
    b: float | None
    a_bits: str
    b_bits: str
    rows: int


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    Attributes:
        identical: no bit differs in any row of any signal that both have.
        first_difference: the one with the smallest tick; at the same tick in the order of the recording.
        differences: one for each column that differs, in the order of their ticks.
        signals, rows: how much was compared.
        only_in_a, only_in_b: signals that only one has; they make no difference.
    """

    identical: bool
    first_difference: Difference | None
    differences: list[Difference]
    signals: int
    rows: int
    only_in_a: list[str] = field(default_factory=list)
    only_in_b: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data."""
        return asdict(self)


def compare(a: Recording, b: Recording, leave_out: Collection[str] = ()) -> Comparison:
    """Compare every value and status of all signals that both recordings have, bit by bit; NaN equals NaN.

    Args:
        leave_out: signals that are not looked at.

    Raises:
        RecordingError: they have different base periods, or no signal in common.
    """
    if a.period_s != b.period_s:
        why = f"has a base period of {a.period_s:g} s, {b.folder} one of {b.period_s:g} s"
        raise RecordingError(why, where=str(a.folder), mend="Compare runs of one rig")
    names = [name for name in a.names if name in b and name not in leave_out]
    if not names:
        raise RecordingError(f"has no signal in common with {b.folder}", where=str(a.folder))
    pairs = _Pairs(a, b)
    found = [*pairs.missing_rows(names)]
    for name in names:
        found += pairs.column(name)
    found.sort(key=lambda difference: difference.tick)  # stable: at the same tick as they were recorded
    seen = set(leave_out)
    only_in_a, only_in_b = (
        [n for n in one.names if n not in other and n not in seen] for one, other in ((a, b), (b, a))
    )
    return Comparison(not found, found[0] if found else None, found, len(names), pairs.rows, only_in_a, only_in_b)


class _Pairs:
    """Rows of the same tick in both recordings, found once for each pair of groups."""

    def __init__(self, a: Recording, b: Recording) -> None:
        self._a, self._b = a, b
        self._ticks = [{group: one.tick(group) for group in one.groups} for one in (a, b)]
        self._common: dict[tuple[str, str], tuple[Ints, Ints, Ints]] = {}

    @property
    def rows(self) -> int:
        """Rows compared, of the largest group."""
        return max((len(ticks) for ticks, _, _ in self._common.values()), default=0)

    def _groups(self, name: str) -> tuple[str, str]:
        return self._a.group_of(name), self._b.group_of(name)

    def _rows_of(self, name: str) -> tuple[Ints, Ints, Ints]:
        """Ticks that both have, and the rows where each has them."""
        groups = self._groups(name)
        if groups not in self._common:
            first, second = (ticks[group] for ticks, group in zip(self._ticks, groups, strict=True))
            self._common[groups] = np.intersect1d(first, second, assume_unique=True, return_indices=True)
        return self._common[groups]

    def missing_rows(self, names: list[str]) -> Iterator[Difference]:
        """Ticks that one of two groups lost or did not reach, told once for each pair."""
        told = set()
        for name in names:
            groups = self._groups(name)
            if groups in told:
                continue
            told.add(groups)
            first, second = (ticks[group] for ticks, group in zip(self._ticks, groups, strict=True))
            alone = np.setxor1d(first, second, assume_unique=True)
            if len(alone):
                tick = int(alone[0])
                yield Difference(tick, tick * self._a.period_s, name, "rows", *self._row_value(name, tick), len(alone))

    def _row_value(self, name: str, tick: int) -> tuple[float | None, float | None, str, str]:
        """The value at a tick that only one of them has."""
        values: list[float | None] = []
        for one, ticks in zip((self._a, self._b), self._ticks, strict=True):
            at = np.flatnonzero(ticks[one.group_of(name)] == tick)
            values.append(float(one[name][at[0]]) if len(at) else None)
        bits = ["" if value is None else value_bits(value) for value in values]
        return values[0], values[1], bits[0], bits[1]

    def column(self, name: str) -> Iterator[Difference]:
        """The first differing value and the first differing status of a signal."""
        ticks, rows_a, rows_b = self._rows_of(name)
        a, b = self._a[name][rows_a], self._b[name][rows_b]
        unequal = a.view(np.uint64) != b.view(np.uint64)
        yield from self._first(name, "value", ticks, a, b, unequal & ~(np.isnan(a) & np.isnan(b)))
        if self._a.has_status(name) and self._b.has_status(name):
            a_status, b_status = self._a.status(name)[rows_a], self._b.status(name)[rows_b]
            yield from self._first(name, "status", ticks, a_status, b_status, a_status != b_status)

    def _first(
        self, name: str, what: str, ticks: Ints, a: npt.NDArray[Any], b: npt.NDArray[Any], unequal: Mask
    ) -> Iterator[Difference]:
        rows = np.flatnonzero(unequal)
        if not len(rows):
            return
        tick, first, second = int(ticks[rows[0]]), float(a[rows[0]]), float(b[rows[0]])
        bits = [value_bits(v) if what == "value" else f"{int(v):02x}" for v in (first, second)]
        yield Difference(tick, tick * self._a.period_s, name, what, first, second, bits[0], bits[1], len(rows))


def value_bits(value: float) -> str:
    """A double's bits, 16 hex digits; every NaN is the same one."""
    return struct.pack(">d", math.nan if math.isnan(value) else value).hex()
