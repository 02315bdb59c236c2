"""Hazards by fault and size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from hil.campaign.space import BINS, Space
from hil.campaign.verdicts import HAZARDS

Rows = list[dict[str, Any]]


class Counts:
    """Runs and hazards in each cell of the space."""

    def __init__(self, space: Space, rows: Rows) -> None:
        self.space = space
        self.runs: dict[tuple[str, str, int], list[int]] = defaultdict(lambda: [0, 0])
        for row in rows:
            run = space.run(row["id"], row["point"])
            for slot, kind, value, part in space.cells_of(run):
                if value == _first(space, slot, kind):
                    cell = self.runs[slot, kind, part]
                    cell[0] += 1
                    cell[1] += row["outcome"] in HAZARDS

    def of(self, slot: str, kind: str) -> tuple[int, int]:
        """Runs and hazards of one kind of fault."""
        cells = [self.runs[slot, kind, part] for part in range(BINS)]
        return sum(c[0] for c in cells), sum(c[1] for c in cells)

    def heat(self) -> Iterator[dict[str, Any]]:
        """A row for each kind: cells from one end of its first range to the other."""
        for slot, kind in self.space.pairs:
            ranges = [r for r in kind.values if not r.fixed]
            parts = BINS if ranges else 1
            cells = []
            for part in range(parts):
                runs, hazards = self.runs[slot.name, kind.text, part]
                low, high = (ranges[0].at((part + k) / BINS) for k in (0, 1)) if ranges else (0.0, 0.0)
                cells.append(
                    {
                        "runs": runs,
                        "hazards": hazards,
                        "percent": round(100 * hazards / runs) if runs else 0,
                        "span": BINS // parts,
                        "range": f"{low:.3g} to {high:.3g}" if ranges else "no size",
                    }
                )
            yield {"label": f"{slot.name}: {kind.text}", "cells": cells}


def _first(space: Space, slot: str, kind: str) -> int:
    """The value that cells of a kind are drawn by: its first range."""
    found = next(k for s, k in space.pairs if s.name == slot and k.text == kind)
    return next((i for i, r in enumerate(found.values) if not r.fixed), 0)
