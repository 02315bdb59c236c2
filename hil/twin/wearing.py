"""[twin.degradation]: how a parameter wears, from the twin's own history of its estimate, and when its life ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.errors import HilError
from hil.twin.forecast.life import Life, Wear, wear
from hil.twin.spec import DegradationTable

if TYPE_CHECKING:
    from hil.twin.forecast import Course
    from hil.twin.service import Twin

THINNED_S = 600.0  # estimates ten minutes apart: nearer ones err together (Q of the incubator's P: 0.3 W in that time)
EVERY_S = 1800.0  # between two looks
COURSE_S = 300.0  # between two steps of a course


@dataclass
class Wearer:
    """A service: looks at each degradation every half hour.

    Attributes:
        wears, lives: the newest, by name.
    """

    wears: dict[str, Wear] = field(default_factory=dict)
    lives: dict[str, Life] = field(default_factory=dict)
    at_s: float = 0.0
    _due_s: float = 2.0 * EVERY_S

    def __call__(self, twin: Twin) -> None:
        """Finds wear and remaining life, and tells the ledger."""
        if twin.time_s < self._due_s:
            return
        self._due_s, self.at_s = twin.time_s + EVERY_S, twin.time_s
        for name, table in twin.table.degradation.items():
            try:
                self.wears[name] = found = self._wear(twin, table)
            except HilError as error:  # too little is known yet
                self.lives.pop(name, None)
                twin.write("forecast", {"time_s": twin.time_s, "degradation": name, "refused": str(error)})
                continue
            self.lives[name] = life = found.life(table.limit, twin.new[table.parameter])
            body = {"time_s": twin.time_s, "degradation": name, "parameter": table.parameter}
            twin.write("forecast", {**body, "wear": found.to_dict(), "life": life.to_dict()})

    @staticmethod
    def _wear(twin: Twin, table: DegradationTable) -> Wear:
        time_s = twin.rows.time_s()
        values = twin.rows.column(twin.table.parameters[table.parameter].estimate)
        at = np.arange(time_s[-1], max(time_s[0], time_s[-1] - table.window_s) - 1e-9, -THINNED_S)[::-1]
        rows = np.searchsorted(time_s, at - 1e-9)
        return wear(time_s[rows], values[rows], seed=twin.bench.seed)

    def courses(self, twin: Twin, members: int, horizon_s: float) -> list[Course]:
        """Ways that the plant's parameters may go, for an ensemble from now on."""
        times = np.arange(COURSE_S, horizon_s + 1e-9, COURSE_S)
        if not len(times):
            return []
        return [
            found.course(
                f"{twin.table.block}.{twin.table.degradation[name].parameter}", members, times, twin.bench.seed
            )
            for name, found in self.wears.items()
            if name in self.lives and self.approaching(name)
        ]

    def approaching(self, name: str) -> bool:
        """Nearly all of the posterior moves towards the limit."""
        life = self.lives.get(name)
        return life is not None and float((life.drift > 0.0).mean()) > 0.95

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {name: life.to_dict() for name, life in self.lives.items()}
