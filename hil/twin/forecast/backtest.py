"""Are the bands true? Many simulated plants, each forecast from its observer's estimate and compared with what came."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.batches.run import batch
from hil.batches.runs import BatchRun
from hil.bench import Bench
from hil.fork import Fork
from hil.twin.forecast.belief import Belief
from hil.twin.forecast.ensemble import forecast
from hil.twin.forecast.estimated import estimated
from hil.twin.forecast.scores import Coverage, coverage, crps, rank
from hil.twin.forecast.start import Scenario, drawn_members, draws, planned

Floats = npt.NDArray[np.float64]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Backtest:
    """Forecasts of many simulated plants against what came.

    Attributes:
        time_s: of the rows, in s from the start of the forecast, shape (rows,).
        inside: by signal, whether the band held, shape (runs, rows).
        crps: by signal, shape (runs, rows).
        ranks: by signal, share of members below what came, shape (runs, rows).
        share: of the band.
    """

    time_s: Floats
    inside: Mapping[str, npt.NDArray[np.bool_]]
    crps: Mapping[str, Floats]
    ranks: Mapping[str, Floats]
    share: float

    def coverage(self, signal: str) -> Coverage:
        """Over all runs and rows; a run is a block."""
        return coverage(list(self.inside[signal]), self.share)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, by signal."""
        return {
            name: {
                "coverage": self.coverage(name).to_dict(),
                "coverage_by_time": self.inside[name].mean(axis=0).tolist(),
                "crps": float(self.crps[name].mean()),
            }
            for name in self.inside
        }


def backtest(
    bench: Bench,
    prior: Belief,
    *,
    observer: str,
    block: str,
    signals: Sequence[str],
    runs: int = 500,
    members_each: int = 200,
    before_s: float,
    horizon_s: float,
    every_s: float,
    share: float = 0.9,
    noise: bool = False,
    scenario: Scenario | None = None,
    seed: int = 1,
    progress: Progress | None = None,
) -> Backtest:
    """Coverage over simulated runs.

    `runs` plants are drawn from the prior, each with noise of its own, and run for `before_s`. Then each is forecast
    from what its observer has found, which never saw the plant's true values, and runs on for `horizon_s`.

    Args:
        bench: at rest; does not change. Its observer has to start as ignorant as the prior is wide.
        prior: of the plant's states and parameters at the start; its process noise acts on the plants.
        observer, block: as `estimated` takes them. What the prior draws and the observer does not estimate, the
            forecast knows exactly.
        signals: to be judged, every `every_s`.
        share: of the band.
        noise: as `estimated` takes it.
        seed: of plants and forecasts.

    Raises:
        BenchError, HilError: as `forecast`.
    """
    starting = planned(bench, scenario or Scenario())
    plants = drawn_members(starting, prior, draws(starting, prior, runs, seed), seed)
    wander = prior.wander(bench.period_s)
    found = batch(bench, plants, duration_s=before_s, states=True, wander=wander)
    then = [starting.copy(found.state(i)) for i in range(runs)]
    going_on = [BatchRun(start=fork, seed=fork.state.seed) for fork in then]
    every = max(1, round(every_s / bench.period_s))
    came = batch(bench, going_on, duration_s=horizon_s, record=signals, every=every, wander=wander)
    judge = _Judge(observer, block, horizon_s, every_s, members_each, share, noise)
    judged = []
    for i, fork in enumerate(then):
        if progress is not None:
            progress(f"{i:,} of {runs:,} runs")
        judged.append(judge(fork, {name: came.rows[name][i] for name in signals}, seed + 1 + i))
    inside, scores, ranks = ({name: np.array([one[k][name] for one in judged]) for name in signals} for k in range(3))
    return Backtest(came.time_s - then[0].state.tick * bench.period_s, inside, scores, ranks, share)


@dataclass(frozen=True)
class _Judge:
    """Forecasts one plant and compares."""

    observer: str
    block: str
    horizon_s: float
    every_s: float
    members: int
    share: float
    noise: bool

    def __call__(self, start: Fork, came: Mapping[str, Floats], seed: int) -> tuple[dict[str, Any], ...]:
        """By signal: whether the band held, CRPS, rank."""
        ahead = forecast(
            start,
            belief=estimated(start, self.observer, self.block, noise=self.noise),
            signals=list(came),
            members=self.members,
            horizon_s=self.horizon_s,
            every_s=self.every_s,
            seed=seed,
        )
        bands = {name: ahead.band(name, self.share) for name in came}
        inside = {name: (bands[name][0] <= rows) & (rows <= bands[name][1]) for name, rows in came.items()}
        scores = {name: crps(ahead.values[name], rows) for name, rows in came.items()}
        ranks = {name: rank(ahead.values[name], rows) for name, rows in came.items()}
        return inside, scores, ranks
