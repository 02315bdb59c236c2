"""What a condition should have found in recorded rows: written over arrays, with nothing of the core's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Truths = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def lasted(ticks: Ints, holds: Truths, periods: int) -> Truths:
    """Where it holds and has held for so many periods, since the tick at which it began."""
    found = np.zeros(len(holds), bool)
    since: int | None = None
    for row, (tick, now) in enumerate(zip(ticks.tolist(), holds.tolist(), strict=True)):
        since = None if not now else tick if since is None else since
        found[row] = since is not None and tick - since >= periods
    return found


def first_tick(ticks: Ints, holds: Truths, timeout: int) -> int | None:
    """The tick of the first row that holds, at most `timeout` after the first one."""
    hits = ticks[holds & (ticks - ticks[0] <= timeout)]
    return int(hits[0]) if len(hits) else None
