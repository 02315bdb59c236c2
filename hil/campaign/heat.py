"""Hazards by fault and size."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from hil.campaign.handling import WORDS
from hil.campaign.plan import FaultSlot, Kind, Range
from hil.campaign.space import BINS, Space
from hil.campaign.verdicts import HAZARDS
from hil.fault_kinds import KINDS

Rows = list[dict[str, Any]]
Count = list[int]  # runs, and hazards among them


class Counts:
    """Runs and hazards in each cell of the space, of each kind, and of each pair of parts of a kind with two ranges."""

    def __init__(self, space: Space, rows: Rows) -> None:
        self.space = space
        self.cells: dict[tuple[str, str, int, int], Count] = defaultdict(lambda: [0, 0])
        self.pairs: dict[tuple[str, str, int, int], Count] = defaultdict(lambda: [0, 0])
        self.kinds: dict[tuple[str, str], Count] = defaultdict(lambda: [0, 0])
        self.late: Counter[tuple[str, str]] = Counter()
        for row in rows:
            self._count(row)

    def _count(self, row: dict[str, Any]) -> None:
        hazard = row["outcome"] in HAZARDS
        parts: dict[tuple[str, str], list[int]] = defaultdict(list)
        for slot, kind, value, part in self.space.cells_of(self.space.run(row["id"], row["point"])):
            parts[slot, kind].append(part)
            _add(self.cells[slot, kind, value, part], hazard)
        for pair, where in parts.items():
            _add(self.kinds[pair], hazard)
            self.late[pair] += row["handled"] == WORDS[1]
            if len(where) == 2:
                _add(self.pairs[*pair, where[0], where[1]], hazard)

    def of(self, slot: str, kind: str) -> tuple[int, int]:
        """Runs and hazards of one kind of fault."""
        runs, hazards = self.kinds[slot, kind]
        return runs, hazards

    def heat(self) -> Iterator[dict[str, Any]]:
        """A row for each range of each kind: cells from one of its ends to the other; one cell for a kind without."""
        for slot, kind in self.space.pairs:
            label = f"{slot.name}: {kind.text}"
            ranges = _ranges(kind)
            if not ranges:
                yield {"label": label, "cells": [_cell(self.cells[slot.name, kind.text, 0, 0], "no size", BINS)]}
            for value, limits in ranges:
                name = f"{label}, by {_named(kind, value)}" if len(ranges) > 1 else label
                counts = [self.cells[slot.name, kind.text, value, part] for part in range(BINS)]
                cells = [_cell(count, _between(limits, part)) for part, count in enumerate(counts)]
                yield {"label": name, "cells": cells}

    def panels(self) -> Iterator[dict[str, Any]]:
        """Both ranges of a kind that has two, one against the other."""
        for slot, kind in self.space.pairs:
            ranges = _ranges(kind)
            if len(ranges) == 2:
                yield self._panel(slot, kind, *ranges)

    def _panel(self, slot: FaultSlot, kind: Kind, across: tuple[int, Range], down: tuple[int, Range]) -> dict[str, Any]:
        rows = []
        for y in reversed(range(BINS)):
            height = _between(down[1], y)
            counts = [self.pairs[slot.name, kind.text, x, y] for x in range(BINS)]
            cells = [_cell(count, f"{_between(across[1], x)}; {height}") for x, count in enumerate(counts)]
            rows.append({"label": height, "cells": cells})
        return {
            "label": f"{slot.name}: {kind.text}",
            "across": _named(kind, across[0]),
            "down": _named(kind, down[0]),
            "ends": (f"{across[1].low:.3g}", f"{across[1].high:.3g}"),
            "rows": rows,
        }


def _add(count: Count, hazard: bool) -> None:
    count[0] += 1
    count[1] += hazard


def _ranges(kind: Kind) -> list[tuple[int, Range]]:
    return [(i, r) for i, r in enumerate(kind.values) if not r.fixed]


def _named(kind: Kind, value: int) -> str:
    """The name of one of its values."""
    return KINDS[kind.kind].params[value].name


def _between(limits: Range, part: int) -> str:
    return f"{limits.at(part / BINS):.3g} to {limits.at((part + 1) / BINS):.3g}"


def _cell(count: Count, between: str, span: int = 1) -> dict[str, Any]:
    runs, hazards = count
    percent = round(100 * hazards / runs) if runs else 0
    return {"runs": runs, "hazards": hazards, "percent": percent, "span": span, "range": between}
