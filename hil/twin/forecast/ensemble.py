"""Ensemble forecasts: many futures of one present."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.batches.run import batch
from hil.bench import Bench
from hil.errors import HilError
from hil.fork import Fork
from hil.twin.forecast.belief import Belief
from hil.twin.forecast.crossing import Crossing, Limit
from hil.twin.forecast.start import Scenario, drawn_members, planned

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
    diverged: int = 0

    @property
    def members(self) -> int:
        """How many futures."""
        return len(next(iter(self.values.values()))) if self.values else len(next(iter(self.drawn.values()), ()))

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
            "limits": {name: crossing.to_dict() for name, crossing in self.crossings.items()},
            "drawn": {name: {"mean": float(v.mean()), "deviation": float(v.std())} for name, v in self.drawn.items()},
        }

    def _by_share(self, signal: str, shares: Sequence[float]) -> dict[str, list[float]]:
        found = self.quantiles(signal, shares)
        return {f"{share:g}": row.tolist() for share, row in zip(shares, found, strict=True)}


def quantiles(values: Floats, shares: Sequence[float]) -> Floats:
    """Of members (first axis), diverged ones left out; shape (len(shares), ...)."""
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if not finite.any():
        return np.full((len(shares), *values.shape[1:]), np.nan)
    return np.asarray(np.quantile(values[finite], shares, axis=0, method="weibull"))


def forecast(
    start: Bench | Fork,
    scenario: Scenario | None = None,
    *,
    belief: Belief | None = None,
    signals: Iterable[str] = (),
    limits: Iterable[Limit] = (),
    members: int = MEMBERS,
    horizon_s: float = HORIZON_S,
    every_s: float | None = None,
    seed: int = 1,
    reduce: Mapping[str, str] | None = None,
    threads: int | None = None,
) -> Forecast:
    """Runs an ensemble from the present on.

    Args:
        start: a bench at rest, or a fork of one. A role on a wire goes on as simulated (see `Bench.fork`).
        scenario: planned inputs; None: everything stays as it is.
        belief: what is not known exactly; each member draws from it. None: only the noise differs.
        signals: signals, block states or parameters to keep, each `every_s`.
        limits: to be watched at every tick.
        members: 1 or more.
        horizon_s: in s of bench time, more than 0.
        every_s: of the rows; None: as many as a plot can show.
        seed: of draws and noise, 0 to 2^63 - 1.
        reduce: further reductions, as `hil.batch` takes them; they come back in `values` with one row, the last.
        threads: default: one for each core this process may use.

    Raises:
        BenchError: the bench runs, has an FMU, or does not know a name; a value is outside its range.
        HilError: a number cannot be.
    """
    scenario, limits, signals = scenario or Scenario(), list(limits), list(signals)
    if members < 1 or not 0 <= seed < 2**63 or not 0.0 < horizon_s < float("inf"):
        why = f"{members} members over {horizon_s:g} s with seed {seed} are no forecast"
        raise HilError(why, mend="Give 1 or more members, a horizon above 0 s and a seed from 0 on")
    fork = planned(start, scenario)
    runs, drawn = drawn_members(fork, belief or Belief(), members, seed)
    first_s, period_s = fork.state.tick * fork.bench.period_s, fork.bench.period_s
    wanted = {limit.name: limit.reduction for limit in limits}
    wanted |= {f"={name}": text for name, text in (reduce or {}).items()}
    result = batch(
        fork.bench,
        runs,
        duration_s=horizon_s,
        record=signals,
        every=_every(every_s, horizon_s, period_s),
        reduce=wanted,
        needed_only=True,
        threads=threads,
    )
    values = {name: np.asarray(result.rows[name]) for name in signals}
    lost = _lost(values, members)
    crossings = {x.name: Crossing(x, horizon_s, _times(result.reduced[x.name], first_s, lost)) for x in limits}
    values |= {name: np.asarray(result.reduced[f"={name}"])[:, None] for name in reduce or {}}
    columns = {name: drawn[:, i] for i, name in enumerate((belief or Belief()).names)}
    time_s = result.time_s - first_s
    return Forecast(first_s, horizon_s, time_s, values, crossings, columns, scenario, seed, int(lost.sum()))


def _every(every_s: float | None, horizon_s: float, period_s: float) -> int:
    if every_s is None:
        return max(1, round(horizon_s / period_s / MOST_ROWS))
    if not every_s > 0.0:
        raise HilError(f"rows cannot be kept every {every_s:g} s", mend="Give more than 0 s")
    return max(1, round(every_s / period_s))


def _lost(values: Mapping[str, Floats], n: int) -> npt.NDArray[np.bool_]:
    lost = np.zeros(n, dtype=bool)
    for rows in values.values():
        lost |= ~np.isfinite(rows).all(axis=1)
    return lost


def _times(found: Floats, first_s: float, lost: npt.NDArray[np.bool_]) -> Floats:
    """First crossings in s from the start; a diverged member is taken for one that crosses at once."""
    times = np.where(np.isnan(found), np.inf, found - first_s)
    return np.where(lost & ~np.isfinite(times), 0.0, times)
