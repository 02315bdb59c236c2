"""[twin.forecasts]: ensembles from the live state, told to the ledger and scored by what came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hil.errors import HilError
from hil.twin.forecast import Forecast, Limit, estimated, forecast
from hil.twin.forecast.scores import Scoreboard
from hil.twin.spec import ForecastTable

if TYPE_CHECKING:
    from hil.fork import Fork
    from hil.twin.service import Twin
    from hil.twin.wearing import Wearer


@dataclass
class Foreseer:
    """A service: makes each forecast when it is due. What wears does so in its members, too.

    Attributes:
        wearer: knows how.
        newest: by name.
        scores: by name; every row that came is judged.
    """

    wearer: Wearer
    newest: dict[str, Forecast] = field(default_factory=dict)
    scores: dict[str, Scoreboard] = field(default_factory=dict)
    _due_s: dict[str, float] = field(default_factory=dict)
    _refused: dict[str, str] = field(default_factory=dict)

    def see(self, time_s: float, values: Mapping[str, float]) -> None:
        """What came."""
        for board in self.scores.values():
            board.see(time_s, values)

    def __call__(self, twin: Twin) -> None:
        """Makes what is due from the twin's present."""
        names = [n for n in twin.table.forecasts if twin.time_s >= self._due_s.get(n, twin.table.forecasts[n].every_s)]
        if not names:
            return
        fork = twin.fork()
        for name in names:
            table = twin.table.forecasts[name]
            self._due_s[name] = twin.time_s + table.every_s
            try:
                self._make(twin, fork, name, table)
            except HilError as error:  # as before the first measurement; told once
                if self._refused.get(name) != error.message:
                    self._refused[name] = error.message
                    twin.write("forecast", {"time_s": twin.time_s, "forecast": name, "refused": str(error)})

    def _make(self, twin: Twin, fork: Fork, name: str, table: ForecastTable) -> None:
        belief = estimated(fork, twin.table.observer, twin.table.block)
        limits = [
            Limit(key, limit.signal, limit.low, limit.high, limit.text) for key, limit in twin.table.limits.items()
        ]
        made = forecast(
            fork,
            belief=belief,
            signals=table.signals,
            limits=limits,
            members=table.members,
            horizon_s=table.horizon_s,
            courses=self.wearer.courses(twin, table.members, table.horizon_s),
            seed=twin.bench.seed + round(twin.time_s),
        )
        self.newest[name] = made
        self.scores.setdefault(name, Scoreboard()).add(made)
        twin.write("forecast", self._body(name, made, table))

    def _body(self, name: str, made: Forecast, table: ForecastTable) -> dict[str, Any]:
        ends = {
            signal: {f"{share:g}": float(row[-1]) for share, row in zip(table.quantiles, rows, strict=True)}
            for signal in table.signals
            for rows in [made.quantiles(signal, table.quantiles)]
        }
        return {
            "time_s": made.started_s,
            "forecast": name,
            "horizon_s": made.horizon_s,
            "members": made.members,
            "seed": made.seed,
            "at_end": ends,
            "limits": {key: crossing.to_dict() for key, crossing in made.crossings.items()},
            "scores": self.scores[name].to_dict(),
        }

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            name: {
                "started_s": made.started_s,
                "horizon_s": made.horizon_s,
                "limits": {key: crossing.to_dict() for key, crossing in made.crossings.items()},
                "scores": self.scores[name].to_dict(),
            }
            for name, made in self.newest.items()
        }
