"""[twin.degradation]: how a parameter wears, from the twin's own history of its estimate, and when its life ends.

An observer that takes a parameter for a random walk follows one that creeps with a lag of var / q, in samples: in
steady state its gain is q / var a sample (B. D. O. Anderson, J. B. Moore, Optimal Filtering, 1979, chapter 7).
Estimates nearer than that err together, so they are thinned to it, and the level is led by drift times lag.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.twin.forecast import Course, estimated
from hil.twin.forecast.life import LEAST_ROWS, Life, Wear, wear

if TYPE_CHECKING:
    from hil.twin.service import Twin
    from hil.twin.spec import DegradationTable

EVERY_S = 1800.0
COURSE_STEPS = 24  # of a course: a bench stages few events at once
SURE = 0.95  # share of the posterior that moves towards the limit


@dataclass
class Wearer:
    """A service: looks at each degradation every half hour.

    Attributes:
        wears, lives: the newest, by name.
        at_s: bench time from which they count.
    """

    wears: dict[str, Wear] = field(default_factory=dict)
    lives: dict[str, Life] = field(default_factory=dict)
    at_s: float = 0.0
    _due_s: float = 0.0
    _ended: set[str] = field(default_factory=set)

    def __call__(self, twin: Twin) -> None:
        """Finds wear and remaining life, and tells the ledger."""
        if not twin.table.degradation or twin.time_s < self._due_s:
            return
        self._due_s, self.at_s = twin.time_s + EVERY_S, twin.time_s
        for name, table in twin.table.degradation.items():
            found = self._wear(twin, table)
            if found is None:
                continue
            self.wears[name] = found
            start = twin.bench.rig.blocks[twin.table.block].params[table.parameter]
            self.lives[name] = found.life(table.limit, start=start)
            self._tell(twin, name, table)

    def _wear(self, twin: Twin, table: DegradationTable) -> Wear | None:
        """None: the window is not full yet."""
        time_s = twin.rows.time_s()
        values = twin.rows.column(twin.table.parameters[table.parameter].estimate)
        newest_s = float(time_s[-1])
        if newest_s - time_s[0] < 0.99 * table.window_s:
            return None
        lag_s = self._lag_s(twin, table)
        step_s = min(max(lag_s, twin.rows.period_s), table.window_s / (LEAST_ROWS - 1))
        at = np.arange(newest_s, newest_s - table.window_s - 1e-9, -step_s)[::-1]
        rows = np.clip(np.searchsorted(time_s, at - 1e-9), 0, len(time_s) - 1)
        found = wear(time_s[rows], values[rows], seed=twin.bench.seed)
        return replace(found, level=found.level + lag_s * found.drift)

    @staticmethod
    def _lag_s(twin: Twin, table: DegradationTable) -> float:
        """How far the estimate is behind a parameter that creeps; 0 for one that is held for constant."""
        belief = estimated(twin.fork(), twin.table.observer, twin.table.block, noise=True)
        name = f"{twin.table.block}.{table.parameter}"
        if name not in belief.names or belief.noise is None:
            return 0.0
        i = belief.names.index(name)
        noise = float(belief.noise[i, i])
        return belief.noise_s * float(belief.covariance[i, i]) / noise if noise > 0.0 else 0.0

    def _tell(self, twin: Twin, name: str, table: DegradationTable) -> None:
        """Only what moves towards its end is worth an entry; the end itself is told once."""
        ended = self.ended(name)
        if (ended and name in self._ended) or not (ended or self.approaching(name)):
            return
        self._ended |= {name} if ended else set()
        body = {"time_s": twin.time_s, "degradation": name, "parameter": table.parameter, "ended": ended}
        unit = twin.bench.rig.signals[twin.table.parameters[table.parameter].estimate].unit
        life = {**self.lives[name].to_dict(), "unit": unit}
        twin.write("forecast", {**body, "wear": self.wears[name].to_dict(), "life": life})

    def courses(self, twin: Twin, members: int, horizon_s: float) -> list[Course]:
        """Ways that the plant's parameters may go, for an ensemble from now on; of what approaches its end."""
        times, age_s = np.linspace(0.0, horizon_s, COURSE_STEPS + 1)[1:], twin.time_s - self.at_s
        block, seed = twin.table.block, twin.bench.seed

        def course(found: Wear, parameter: str) -> Course:
            return replace(found.course(f"{block}.{parameter}", members, times + age_s, seed), time_s=times)

        return [
            course(found, twin.table.degradation[name].parameter)
            for name, found in self.wears.items()
            if self.approaching(name)
        ]

    def approaching(self, name: str) -> bool:
        """Nearly all of the posterior moves towards the limit."""
        life = self.lives.get(name)
        return life is not None and float((life.drift > 0.0).mean()) > SURE

    def ended(self, name: str) -> bool:
        """More likely than not the limit is reached."""
        life = self.lives.get(name)
        return life is not None and float((life.distance <= 0.0).mean()) > 0.5

    def to_dict(self) -> dict[str, Any]:
        """For JSON: lives count from `at_s`."""
        return {
            name: {
                "at_s": self.at_s,
                "approaching": self.approaching(name),
                "ended": self.ended(name),
                **life.to_dict(),
            }
            for name, life in self.lives.items()
        }
