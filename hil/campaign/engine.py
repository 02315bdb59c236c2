"""Runs of a plan on the batch engine: each forks from the healthy run shortly before its first fault."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from hil import _core
from hil.batches import BatchResult, BatchRun, batch
from hil.bench import open_bench
from hil.campaign.healthy import Engine, Floats, Found
from hil.campaign.plan import Plan
from hil.campaign.space import Run
from hil.campaign.verdicts import Rows, judge
from hil.rig import Rig

BYTES = 64e6  # of rows at a time


class BatchEngine(Engine):
    """One simulated bench, its healthy run, and what faults make of it.

    Args:
        rig: of the plan, at the period of the campaign.
        plan: what is asked.
        threads: of the batch engine; None: one a core.
    """

    def __init__(self, rig: Rig, plan: Plan, threads: int | None = None) -> None:
        super().__init__(rig, plan)
        self.threads = threads
        self.bench = open_bench(rig, bind=plan.bind, history=False, seed=plan.seed, use_rig_faults=False)
        self._states: dict[tuple[int, int], _core.State] = {}

    def close(self) -> None:
        """Ends the bench."""
        self.bench.close()

    def _batch(
        self, runs: list[BatchRun], ticks: int, *, states: bool = False, names: Sequence[str] | None = None
    ) -> BatchResult:
        record = self.names if names is None else names
        return batch(self.bench, runs, ticks, record=record, states=states, threads=self.threads)

    def golden(self, seed: int) -> dict[str, Floats]:
        """The run of a seed without faults."""
        result = self._batch([BatchRun(set=self.plan.golden, seed=seed)], self.ticks, names=self.golden_names)
        return {name: rows[0] for name, rows in result.rows.items()}

    def _state(self, seed: int, tick: int) -> _core.State | None:
        """The healthy run at a tick; None at its start."""
        if tick == 0:
            return None
        if (seed, tick) not in self._states:
            before = max((t for s, t in self._states if s == seed and t < tick), default=0)
            start = BatchRun(start=self._states[seed, before]) if before else BatchRun(set=self.plan.golden, seed=seed)
            self._states[seed, tick] = self._batch([start], tick - before, states=True).state(0)
        return self._states[seed, tick]

    def run(self, runs: Iterable[Run]) -> Iterator[Found]:
        """Runs in portions of those that fork at one tick."""
        groups: dict[tuple[int, int], list[Run]] = defaultdict(list)
        for run in runs:
            groups[run.seed, self.fork_tick(run)].append(run)
        for seed, tick in sorted(groups):
            for some in self._portions(groups[seed, tick], self.ticks - tick):
                yield self._together(some, seed, tick)

    def _portions(self, runs: list[Run], rows: int) -> Iterator[list[Run]]:
        most = max(1, int(BYTES / (8.0 * rows * max(1, len(self.names)))))
        for i in range(0, len(runs), most):
            yield runs[i : i + most]

    def _together(self, runs: list[Run], seed: int, tick: int) -> Found:
        healthy, start = self.healthy(seed), self._state(seed, tick)
        settings = {} if start else self.plan.golden
        asked = [BatchRun(set=settings, faults=[f.spec for f in run.faults], seed=seed, start=start) for run in runs]
        result = self._batch(asked, self.ticks - tick)
        before = {name: healthy[name][:tick] for name in self.names}
        rows = Rows(result.rows, before, tick, self.period_s)
        return runs, judge(self.plan.expect, runs, rows), result.hashes

    def trace(self, run: Run) -> dict[str, Floats]:
        """All ticks of what the expectation reads, in one run."""
        tick = self.fork_tick(run)
        start = self._state(run.seed, tick)
        asked = BatchRun(
            set={} if start else self.plan.golden, faults=[f.spec for f in run.faults], seed=run.seed, start=start
        )
        after, before = self._batch([asked], self.ticks - tick), self.healthy(run.seed)
        return {name: np.concatenate([before[name][:tick], after.rows[name][0]]) for name in self.names}
