"""Ensemble forecasts: many futures of one present."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.batches.result import BatchResult
from hil.batches.run import batch
from hil.bench import Bench
from hil.errors import HilError
from hil.fork import Fork
from hil.twin.forecast.belief import Belief
from hil.twin.forecast.crossing import Crossing, Limit
from hil.twin.forecast.kpi import ROWS as KPI_ROWS
from hil.twin.forecast.kpi import Kpi
from hil.twin.forecast.start import Scenario, drawn_members, draws, planned

Floats = npt.NDArray[np.float64]

MEMBERS = 500
HORIZON_S = 3600.0
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MOST_ROWS = 200  # that are kept of a signal unless `every_s` says otherwise: what a plot can show


@dataclass(frozen=True)
class Forecast:
    """Futures of one present.

    Attributes:
        started_s: bench time of its start.
        horizon_s: how far it looks ahead.
        time_s: of the rows, in s from the start, shape (rows,).
        values: by signal, shape (members, rows).
        crossings: by the name of the limit.
        drawn: what the members begin with, by name of the belief, shape (members,).
        scenario: planned inputs.
        seed: equal ones give equal draws and noise.
        members: how many futures.
        kpis: figures by name, shape (members,).
        diverged: members whose values are not finite; they are left out of bands and count as crossing every limit.
    """

    started_s: float
    horizon_s: float
    time_s: Floats
    values: Mapping[str, Floats]
    crossings: Mapping[str, Crossing]
    drawn: Mapping[str, Floats]
    scenario: Scenario
    seed: int
    members: int
    kpis: Mapping[str, Floats] = field(default_factory=dict)
    diverged: int = 0

    def quantiles(self, signal: str, shares: Sequence[float] = QUANTILES) -> Floats:
        """Quantiles at each row, shape (len(shares), rows).

        At k / (members + 1) they are the k-th smallest member (Hyndman and Fan's definition 6): a new value of the same
        distribution lies below it with that very probability, for any number of members.
        """
        return quantiles(self.values[signal], shares)

    def band(self, signal: str, share: float = 0.9) -> Floats:
        """The central band that holds that share, shape (2, rows)."""
        return self.quantiles(signal, ((1.0 - share) / 2.0, (1.0 + share) / 2.0))

    def to_dict(self, shares: Sequence[float] = QUANTILES) -> dict[str, Any]:
        """For JSON: quantiles in place of members."""
        return {
            "scenario": self.scenario.name,
            "started_s": self.started_s,
            "horizon_s": self.horizon_s,
            "members": self.members,
            "diverged": self.diverged,
            "seed": self.seed,
            "time_s": self.time_s.tolist(),
            "signals": {
                name: {
                    f"{share:g}": row.tolist() for share, row in zip(shares, self.quantiles(name, shares), strict=True)
                }
                for name in self.values
            },
            "kpis": {name: _figures(values) for name, values in self.kpis.items()},
            "limits": {name: crossing.to_dict() for name, crossing in self.crossings.items()},
            "drawn": {name: {"mean": float(v.mean()), "deviation": float(v.std())} for name, v in self.drawn.items()},
        }


def _figures(values: Floats) -> dict[str, float | None]:
    low, middle, high = quantiles(values, (0.05, 0.5, 0.95))
    found = {"mean": values.mean(), "0.05": low, "0.5": middle, "0.95": high}
    return {name: float(value) if np.isfinite(value) else None for name, value in found.items()}


def quantiles(values: Floats, shares: Sequence[float]) -> Floats:
    """Of members (first axis), diverged ones left out; shape (len(shares), ...)."""
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if not finite.any():
        return np.full((len(shares), *values.shape[1:]), np.nan)
    return np.asarray(np.quantile(values[finite], shares, axis=0, method="weibull"))


@dataclass(frozen=True)
class Course:
    """A parameter that creeps, in each member on a way of its own: wear, a room that warms up.

    Attributes:
        name: of the parameter, as "box.P".
        time_s: when it changes, in s from the start of the forecast, shape (changes,).
        values: shape (members, changes); one beyond the parameter's range is set to its end.
    """

    name: str
    time_s: Floats
    values: Floats


def forecast(start: Bench | Fork, scenario: Scenario | None = None, **options: Any) -> Forecast:
    """Runs an ensemble from the present on: `ensembles` with one scenario, by default that all stays as it is."""
    return ensembles(start, [scenario or Scenario()], **options)[0]


def ensembles(
    start: Bench | Fork,
    scenarios: Sequence[Scenario],
    *,
    belief: Belief | None = None,
    signals: Iterable[str] = (),
    limits: Iterable[Limit] = (),
    members: int = MEMBERS,
    horizon_s: float = HORIZON_S,
    every_s: float | None = None,
    seed: int = 1,
    kpis: Sequence[Kpi] = (),
    courses: Sequence[Course] = (),
    threads: int | None = None,
) -> list[Forecast]:
    """Runs an ensemble for each scenario, from one present, with common random numbers; all in one batch.

    Args:
        start: a bench at rest, or a fork of one. A role on a wire goes on as simulated (see `Bench.fork`).
        scenarios: planned inputs, one or more.
        belief: what is not known exactly; each member draws from it. None: only the noise differs.
        signals: signals, block states or parameters to keep, each `every_s`.
        limits: to be watched at every tick.
        members: of each, 1 or more.
        horizon_s: in s of bench time, more than 0.
        every_s: of the rows; None: as many as a plot can show.
        seed: of draws and noise, 0 to 2^63 - 1.
        kpis: figures of each member.
        courses: of parameters, alike in all scenarios.
        threads: default: one for each core this process may use.

    Raises:
        BenchError: the bench runs, has an FMU, or does not know a name; a value is outside its range.
        HilError: a number cannot be.
    """
    asked = _Asked(belief or Belief(), list(signals), list(limits), members, horizon_s, every_s, seed, kpis, courses)
    asked.check()
    forks = [planned(start, scenario) for scenario in scenarios]
    bench, first_s = forks[0].bench, forks[0].state.tick * forks[0].bench.period_s
    drawn = draws(forks[0], asked.belief, members, seed)
    runs = [run for fork in forks for run in drawn_members(fork, asked.belief, drawn, seed, courses)]
    every, thinned = asked.rows(bench.period_s)
    result = batch(
        bench,
        runs,
        duration_s=horizon_s,
        record=asked.recorded,
        every=every,
        reduce={f"limit {x.name}": x.reduction for x in asked.limits} | {text: text for text in asked.reductions},
        needed_only=True,
        wander=asked.belief.wander(bench.period_s),
        threads=threads,
    )
    return [
        asked.told(scenario, result, slice(i * members, (i + 1) * members), first_s, thinned, drawn)
        for i, scenario in enumerate(scenarios)
    ]


@dataclass(frozen=True)
class _Asked:
    """What a call of `ensembles` asks for."""

    belief: Belief
    signals: list[str]
    limits: list[Limit]
    members: int
    horizon_s: float
    every_s: float | None
    seed: int
    kpis: Sequence[Kpi]
    courses: Sequence[Course]

    def check(self) -> None:
        """Raises HilError for a number that cannot be."""
        if self.members < 1 or not 0 <= self.seed < 2**63 or not 0.0 < self.horizon_s < float("inf"):
            why = f"{self.members} members over {self.horizon_s:g} s with seed {self.seed} are no forecast"
            raise HilError(why, mend="Give 1 or more members, a horizon above 0 s and a seed from 0 on")
        if self.every_s is not None and not self.every_s > 0.0:
            raise HilError(f"rows cannot be kept every {self.every_s:g} s", mend="Give more than 0 s")
        for course in self.courses:
            if course.values.shape != (self.members, len(course.time_s)):
                why = f"the course of {course.name} has values of {course.values.shape}"
                raise HilError(why, mend=f"Give ({self.members}, {len(course.time_s)}): members and changes")

    @property
    def recorded(self) -> list[str]:
        """All that rows are needed of."""
        return list(dict.fromkeys([*self.signals, *sorted({name for kpi in self.kpis for name in kpi.rows})]))

    @property
    def reductions(self) -> set[str]:
        """What figures need of every tick."""
        return {text for kpi in self.kpis for text in kpi.reductions}

    def rows(self, period_s: float) -> tuple[int, int]:
        """Ticks from row to row, and how many rows of figures make one of the signals."""
        wanted_s = self.every_s if self.every_s is not None else self.horizon_s / MOST_ROWS
        every = max(1, round(wanted_s / period_s))
        if not any(kpi.rows for kpi in self.kpis):
            return every, 1
        fine = min(every, max(1, round(self.horizon_s / period_s / KPI_ROWS)))
        return fine, max(1, round(every / fine))

    def told(
        self, scenario: Scenario, result: BatchResult, part: slice, first_s: float, thinned: int, drawn: Floats
    ) -> Forecast:
        """One scenario's part of the batch."""
        rows = {name: result.rows[name][part] for name in self.recorded}
        reduced = {name: values[part] for name, values in result.reduced.items()}
        values = {name: rows[name][:, ::thinned] for name in self.signals}
        lost = _lost(rows, self.members)
        return Forecast(
            started_s=first_s,
            horizon_s=self.horizon_s,
            time_s=result.time_s[::thinned] - first_s,
            values=values,
            crossings={
                x.name: Crossing(x, self.horizon_s, _times(reduced[f"limit {x.name}"], first_s, lost))
                for x in self.limits
            },
            drawn={name: drawn[:, i] for i, name in enumerate(self.belief.names)},
            scenario=scenario,
            seed=self.seed,
            members=self.members,
            kpis={kpi.name: np.broadcast_to(kpi(reduced, rows, self.horizon_s), self.members) for kpi in self.kpis},
            diverged=int(lost.sum()),
        )


def _lost(values: Mapping[str, Floats], n: int) -> npt.NDArray[np.bool_]:
    lost = np.zeros(n, dtype=bool)
    for rows in values.values():
        lost |= ~np.isfinite(rows).all(axis=1)
    return lost


def _times(found: Floats, first_s: float, lost: npt.NDArray[np.bool_]) -> Floats:
    """First crossings in s from the start; a diverged member is taken for one that crosses at once."""
    times = np.where(np.isnan(found), np.inf, found - first_s)
    return np.where(lost & ~np.isfinite(times), 0.0, times)
