"""From the rows of a logger to a time that runs forward. Nothing here raises: what is wrong is marked and survived.

| found | what becomes of it |
|---|---|
| a time that is no number | the row is left out |
| the same time and values again | duplicate: left out |
| the same time, other values | conflict: the first one counts |
| an older time, the next rows go on as before | out of order: put in its place; older than `late_s`: left out |
| an older time, and the next rows go on from there | the clock stepped back: later times are shifted to go on |
| a jump ahead that a later step takes back | the clock stepped ahead: what lies between is shifted back |
| a jump ahead, longer than two and a half periods | gap: no sample there; more than a day: named as a time jump |
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hil.twin.sources.series import Floats, Mark

GAP_PERIODS = 2.5
CONFIRMED_BY = 3  # rows that go on from an older time make it a step of the clock
DAY_S = 86_400.0
LIKE = 0.02  # two steps of the clock cancel when they differ by no more than this, and two periods


@dataclass
class Timed:
    """Rows in the order of time.

    Attributes:
        rows: index into the file's rows.
        time_s: strictly increasing, from 0.
        period_s: median distance.
    """

    rows: list[int]
    time_s: Floats
    period_s: float
    marks: list[Mark]


def in_time(stamps: Sequence[float], rows: Floats, late_s: float, first_row: int = 2) -> Timed:
    """Puts rows in the order of their true time.

    Args:
        stamps: of each row in s, counted from the first one; NaN: no number.
        rows: values, shape (rows, columns), to tell duplicates from conflicts.
        late_s: how old a row out of order may be.
        first_row: number of the first row in the file.
    """
    return _Ordering(stamps, rows, late_s, first_row).timed()


@dataclass
class _Ordering:
    stamps: Sequence[float]
    rows: Floats
    late_s: float
    first_row: int
    marks: list[Mark] = field(default_factory=list)
    kept: list[tuple[float, int]] = field(default_factory=list)  # (time, row) in the order of arrival
    shift: float = 0.0
    jumps: list[tuple[int, float]] = field(default_factory=list)  # (place in kept, size) of jumps ahead

    def timed(self) -> Timed:
        self.period_s = self._period()
        for i, stamp in enumerate(self.stamps):
            if math.isfinite(stamp):
                self._take(i, stamp)
            else:
                self._mark("no time", i, self._now(), "its time is no number: left out")
        ordered = self._without_doubles(sorted(self.kept, key=lambda pair: pair[0]))
        self._gaps(ordered)
        start = ordered[0][0] if ordered else 0.0
        times = np.array([time_s - start for time_s, _ in ordered])
        marks = [
            Mark(m.kind, m.row, max(0.0, m.time_s - start), m.column, m.text, m.rows)
            for m in sorted(self.marks, key=lambda m: (m.time_s, m.row))
        ]
        return Timed([row for _, row in ordered], times, self.period_s, marks)

    def _period(self) -> float:
        steps = np.diff(np.array([s for s in self.stamps if math.isfinite(s)]))
        ahead = steps[steps > 0.0]
        return float(np.median(ahead)) if len(ahead) else 1.0

    def _now(self) -> float:
        return max((time_s for time_s, _ in self.kept[-CONFIRMED_BY:]), default=0.0)

    def _take(self, i: int, stamp: float) -> None:
        time_s, now = stamp + self.shift, self._now()
        if self.kept and time_s < now and self._goes_on_from(i, stamp, now):
            self._step_back(i, stamp, now)
            time_s = stamp + self.shift
        elif self.kept and time_s < now:
            if now - time_s > self.late_s:
                self._mark("too late", i, now, f"{now - time_s:.6g} s older than the row before it: left out")
                return
            self._mark(
                "out of order", i, time_s, f"{now - time_s:.6g} s older than the row before it: put in its place"
            )
        elif self.kept and time_s - now > GAP_PERIODS * self.period_s:
            self.jumps.append((len(self.kept), time_s - now))
        self.kept.append((time_s, i))

    def _goes_on_from(self, i: int, stamp: float, now: float) -> bool:
        """The rows behind row i follow it as rows do, and stay older than `now` for a while."""
        following = [s for s in self.stamps[i + 1 : i + 1 + CONFIRMED_BY] if math.isfinite(s)]
        if len(following) < CONFIRMED_BY and i + len(following) + 1 < len(self.stamps):
            return False
        last = stamp
        for s in following:
            if not 0.0 < s - last <= GAP_PERIODS * self.period_s:
                return False
            last = s
        old = stamp + self.shift
        return bool(following) and now - old > self.period_s and (last + self.shift < now or now - old > self.late_s)

    def _step_back(self, i: int, stamp: float, now: float) -> None:
        size = now - (stamp + self.shift)
        for place, jump in reversed(self.jumps):
            if abs(jump - size) <= LIKE * jump + 2.0 * self.period_s:
                ahead = jump - self.period_s
                self.kept[place:] = [(t - ahead, row) for t, row in self.kept[place:]]
                self.jumps = [one for one in self.jumps if one[0] < place]
                first = self.kept[place]
                self._mark(
                    "clock step", first[1], first[0], f"the clock was {ahead:.6g} s ahead up to row {self._row(i)}"
                )
                now -= ahead
                behind = stamp + self.shift
                if behind <= now:
                    self.shift += now + self.period_s - behind
                return
        self.shift += size + self.period_s
        self._mark("clock step", i, now + self.period_s, f"the clock stepped back by {size:.6g} s: later times go on")

    def _without_doubles(self, ordered: list[tuple[float, int]]) -> list[tuple[float, int]]:
        found: list[tuple[float, int]] = []
        for time_s, i in ordered:
            if found and time_s <= found[-1][0]:
                same = np.array_equal(self.rows[i], self.rows[found[-1][1]], equal_nan=True)
                kind = "duplicate" if same else "conflict"
                other = "the same again" if same else f"other values than row {self._row(found[-1][1])} at one time"
                self._mark(kind, i, time_s, f"{other}: left out")
            else:
                found.append((time_s, i))
        return found

    def _gaps(self, ordered: list[tuple[float, int]]) -> None:
        for (before, _), (time_s, i) in itertools.pairwise(ordered):
            away = time_s - before
            if away > DAY_S:
                self._mark(
                    "time jump", i, before, f"the time jumps ahead by {away:.6g} s: a gap, or a clock that was set"
                )
            elif away > GAP_PERIODS * self.period_s:
                self._mark("gap", i, before, f"no row for {away:.6g} s")

    def _row(self, i: int) -> int:
        return i + self.first_row

    def _mark(self, kind: str, i: int, time_s: float, text: str) -> None:
        self.marks.append(Mark(kind, self._row(i), time_s, "", text))
