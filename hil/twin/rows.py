"""What the loop recorded, as the twin's services take it: rows of chosen signals, remembered for a while."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from hil.recorder import Columns

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


class Rows:
    """A tap on the recorder, and a memory of so many seconds.

    Args:
        columns: the recorded group that is tapped.
        names: signals that are followed, all in the group.
        period_s: of a tick.
        history_s: what is remembered.
        every: ticks between two rows that are followed, those of the observer.
        phase: its first tick.
    """

    def __init__(
        self, columns: Columns, names: Sequence[str], period_s: float, history_s: float, every: int = 1, phase: int = 0
    ) -> None:
        self.names, self.period_s, self.history_s = tuple(names), period_s, history_s
        self._every, self._phase = every, phase
        self._values = [columns.names.index(name) for name in names]
        self._flags = [columns.status_names.index(name) for name in names]
        self._column = {name: i for i, name in enumerate(names)}
        self._new: deque[tuple[Ints, Floats, Bytes]] = deque()
        self._old: deque[tuple[Ints, Floats]] = deque()

    def take(self, ticks: Ints, values: Floats, status: Bytes) -> None:
        """Told by the recorder, in the thread that drains it."""
        mine = (ticks - self._phase) % self._every == 0
        if mine.any():
            kept = np.ix_(mine, self._values), np.ix_(mine, self._flags)
            self._new.append((ticks[mine], values[kept[0]], status[kept[1]]))

    def fresh(self) -> Iterator[tuple[float, dict[str, float], dict[str, int]]]:
        """(bench time, values, status bits of those that are not good) of each new row; they are then remembered."""
        while self._new:
            ticks, values, status = self._new.popleft()
            self._old.append((ticks, values))
            for tick, row, bits in zip(ticks.tolist(), values.tolist(), status, strict=True):
                flawed = {self.names[i]: int(bits[i]) for i in np.flatnonzero(bits)}
                yield tick * self.period_s, dict(zip(self.names, row, strict=True)), flawed
        self._forget()

    def _forget(self) -> None:
        if not self._old:
            return
        oldest = self._old[-1][0][-1] - self.history_s / self.period_s
        while self._old[0][0][-1] < oldest:
            self._old.popleft()

    def time_s(self) -> Floats:
        """Bench times of what is remembered, shape (rows,)."""
        return np.concatenate([t for t, _ in self._old]) * self.period_s if self._old else np.empty(0)

    def column(self, name: str) -> Floats:
        """Remembered values of a signal, shape (rows,); KeyError for one that is not among the names."""
        index = self._column[name]
        return np.concatenate([v[:, index] for _, v in self._old]) if self._old else np.empty(0)
