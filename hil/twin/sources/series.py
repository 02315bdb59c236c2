"""What a source becomes: samples of signals over one time that only runs forward, and what was wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
MOST_TOLD = 50  # marks of one kind that are told one by one


@dataclass(frozen=True)
class Mark:
    """Something that is wrong with measured data.

    Attributes:
        kind: "duplicate", "conflict", "out of order", "too late", "clock step", "time jump", "gap", "no number",
            "wrong unit", "no time".
        row: of the file, counted with its header; of the first where `rows` are alike.
        time_s: in the series.
        column: where one column is meant.
        text: what was found and done.
    """

    kind: str
    row: int
    time_s: float
    column: str = ""
    text: str = ""
    rows: int = 1

    def to_dict(self) -> dict[str, Any]:
        """For the ledger."""
        own = {"kind": self.kind, "row": self.row, "rows": self.rows, "time_s": self.time_s, "text": self.text}
        return {**own, "column": self.column} if self.column else own


@dataclass(frozen=True)
class Series:
    """Cleaned samples.

    Attributes:
        where: the file.
        time_s: strictly increasing, from 0, shape (n,).
        values: by signal, shape (n,), in the signal's unit; NaN: no usable sample.
        constants: signals that have one value.
        marks: in the order of time.
        sha256: of the file's bytes.
        start_ns: time of the first sample as the file gives it, in ns.
    """

    where: str
    time_s: Floats
    values: dict[str, Floats]
    constants: dict[str, float] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()
    sha256: str = ""
    start_ns: int = 0

    @property
    def duration_s(self) -> float:
        """From the first sample to the last."""
        return float(self.time_s[-1])

    def counts(self) -> dict[str, int]:
        """How many rows each kind of mark has."""
        found: Counter[str] = Counter()
        for mark in self.marks:
            found[mark.kind] += mark.rows
        return dict(found)


def thinned(marks: Iterable[Mark]) -> list[Mark]:
    """Neighbours of one kind and column become one mark; of a kind with very many the last one tells how many more."""
    joined: list[Mark] = []
    for mark in marks:
        last = joined[-1] if joined else None
        alike = last and (last.kind, last.column) == (mark.kind, mark.column)
        if last and alike and mark.row == last.row + last.rows:
            joined[-1] = Mark(last.kind, last.row, last.time_s, last.column, last.text, last.rows + mark.rows)
        else:
            joined.append(mark)
    kept, more = [], Counter[str]()
    for mark in joined:
        more[mark.kind] += 1
        if more[mark.kind] <= MOST_TOLD:
            kept.append(mark)
    for kind, n in more.items():
        if n > MOST_TOLD:
            rest = [mark for mark in joined if mark.kind == kind][MOST_TOLD:]
            text = f"and {len(rest)} more places, up to row {rest[-1].row}"
            kept.append(Mark(kind, rest[0].row, rest[0].time_s, "", text, sum(mark.rows for mark in rest)))
    return sorted(kept, key=lambda mark: mark.time_s)
