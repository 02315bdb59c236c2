"""The rows of the ticks before a trigger that has not come: a bounded piece of what the loop delivers."""

from __future__ import annotations

from collections import deque

import numpy as np

from hil.recorder import Ints, Rows

TOGETHER = 1024  # rows of one piece: the arrays of a drain of real time are little more than their heads


class Window:
    """Rows in order of their ticks; `forget` lets go of those that no window needs any more."""

    def __init__(self) -> None:
        self._pieces: deque[Rows] = deque()

    def add(self, rows: Rows) -> None:
        """Rows behind all others."""
        if not len(rows[0]):
            return
        if self._pieces and len(self._pieces[-1][0]) + len(rows[0]) <= TOGETHER:
            rows = _joined(self._pieces.pop(), rows)
        self._pieces.append(rows)

    def forget(self, before: int) -> None:
        """Whole pieces whose ticks all lie before this one; what is kept of the first one is copied, not held."""
        while self._pieces and self._pieces[0][0][-1] < before:
            self._pieces.popleft()
        if self._pieces and (first := _from(self._pieces[0][0], before)) > len(self._pieces[0][0]) // 2:
            self._pieces[0] = _cut(self._pieces[0], first, None)

    def between(self, first: int, last: int) -> list[Rows]:
        """Rows of the ticks first <= tick <= last."""
        found = []
        for rows in self._pieces:
            start, end = _from(rows[0], first), _from(rows[0], last + 1)
            if start < end:
                found.append(_cut(rows, start, end))
        return found

    @property
    def first(self) -> int | None:
        """Tick of the first row at hand."""
        return int(self._pieces[0][0][0]) if self._pieces else None

    @property
    def last(self) -> int:
        """Tick of the newest row; -1 without one."""
        return int(self._pieces[-1][0][-1]) if self._pieces else -1


def _joined(a: Rows, b: Rows) -> Rows:
    tick, late, exe = (np.concatenate([a[i], b[i]]) for i in (0, 1, 2))
    return tick, late, exe, np.concatenate([a[3], b[3]]), np.concatenate([a[4], b[4]])


def _from(ticks: Ints, tick: int) -> int:
    return int(np.searchsorted(ticks, tick))


def _cut(rows: Rows, start: int, end: int | None) -> Rows:
    tick, late, exe, values, status = rows
    part = slice(start, end)
    return tick[part].copy(), late[part].copy(), exe[part].copy(), values[part].copy(), status[part].copy()
