"""Runs of a plan on the batch engine: each forks from the healthy run shortly before its first fault."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from hil import _core
from hil.batches import BatchResult, BatchRun, batch
from hil.bench import open_bench
from hil.campaign.plan import Plan
from hil.campaign.space import Run
from hil.campaign.verdicts import Rows, Verdicts, judge, signals_of
from hil.errors import BenchError
from hil.requirements import Formula, at_each_sample
from hil.requirements.trace import make_trace
from hil.rig import Rig

FORKS = 60  # states of the healthy run that runs may begin with, evenly over its length
BYTES = 64e6  # of rows at a time
Floats = npt.NDArray[np.float64]


class Engine:
    """One bench, its healthy run, and what faults make of it.

    Args:
        rig: of the plan, at the period of the campaign.
        plan: what is asked.
        threads: of the batch engine; None: one a core.
    """

    def __init__(self, rig: Rig, plan: Plan, threads: int | None = None) -> None:
        self.plan, self.threads = plan, threads
        self.bench = open_bench(rig, history=False, seed=plan.seed, use_rig_faults=False)
        self.period_s = self.bench.period_s
        self.ticks = max(1, round(plan.duration_s / self.period_s))
        self.between = max(1, self.ticks // FORKS)
        self.names = signals_of(plan.expect)
        self.golden: dict[int, BatchResult] = {}
        self._states: dict[tuple[int, int], _core.State] = {}

    def close(self) -> None:
        """Ends the bench."""
        self.bench.close()

    def _batch(
        self, runs: list[BatchRun], ticks: int, *, states: bool = False, more: Sequence[str] = ()
    ) -> BatchResult:
        names = [*self.names, *more]
        return batch(self.bench, runs, ticks, record=names, states=states, threads=self.threads)

    def healthy(self, seed: int) -> BatchResult:
        """The healthy run of a seed, all ticks of what the expectation reads.

        Raises:
            BenchError: it is not safe, or is taken for a fault.
        """
        if seed not in self.golden:
            on = self.plan.on
            more = [] if on is None else sorted(on.signals - set(self.names))
            self.golden[seed] = self._batch([BatchRun(set=self.plan.golden, seed=seed)], self.ticks, more=more)
            self._check(self.golden[seed])
        return self.golden[seed]

    def on_s(self) -> dict[int, float]:
        """When the plan's `on` first holds in the healthy run of each seed; nothing without `on`.

        Raises:
            BenchError: it never holds, or so late that a fault would begin behind the end of the run.
        """
        seeds = range(self.plan.seed, self.plan.seed + self.plan.seeds)
        return {} if self.plan.on is None else {seed: self._on_s(self.plan.on, seed) for seed in seeds}

    def _on_s(self, on: Formula, seed: int) -> float:
        rows = self.healthy(seed).rows
        holds = on.holds(make_trace({name: rows[name][0] for name in on.signals}, on.signals, self.period_s))
        where, run = f"{self.plan.name}:activate.on", f"the run without faults of seed {seed}"
        if not holds.any():
            mend = "Name a condition that the healthy run meets, or make the run longer"
            raise BenchError(f"{on} never holds in {run}", where=where, mend=mend)
        on_s = float(np.argmax(holds) * self.period_s)
        latest_s = on_s + max(slot.start_s.high for slot in self.plan.slots)
        if latest_s >= self.plan.duration_s:
            why = f"{on} holds from {on_s:g} s on in {run}, so a fault could begin at {latest_s:g} s"
            mend = f"The run ends at {self.plan.duration_s:g} s: make it longer, or the faults earlier"
            raise BenchError(why, where=where, mend=mend)
        return on_s

    def _check(self, golden: BatchResult) -> None:
        values = {name: golden.rows[name] for name in self.names}
        values |= {f"fault.{slot.name}": np.zeros((1, self.ticks)) for slot in self.plan.slots}
        expect = self.plan.expect
        for key, formula in (("safe", expect.safe), ("requirement", expect.requirement)):
            verdict = (
                at_each_sample(formula).evaluate(values, self.period_s, partial=True) if formula is not None else None
            )
            if verdict is not None and not verdict.satisfied.all():
                self._refuse(f"breaks expect.{key} at {float(verdict.at_s[0]):g} s: {formula}")
        if expect.detect is not None and expect.detect.horizon_s == 0.0:
            margin = expect.detect.robustness(values, self.period_s)[0]
            if (margin > 0).any():
                self._refuse(f"meets expect.detect at {np.argmax(margin > 0) * self.period_s:g} s: {expect.detect}")

    def _refuse(self, why: str) -> None:
        mend = "Mend the rig's set-points or the expectation; a campaign begins with a healthy bench"
        raise BenchError(f"the run without faults {why}", where=self.plan.name, mend=mend)

    def fork_tick(self, run: Run) -> int:
        """The last tick at or before its first fault at which runs may fork. It depends on the run alone."""
        start = round((run.start_s or 0.0) / self.period_s)
        return min(start, self.ticks - 1) // self.between * self.between

    def _state(self, seed: int, tick: int) -> _core.State | None:
        """The healthy run at a tick; None at its start."""
        if tick == 0:
            return None
        if (seed, tick) not in self._states:
            before = max((t for s, t in self._states if s == seed and t < tick), default=0)
            start = BatchRun(start=self._states[seed, before]) if before else BatchRun(set=self.plan.golden, seed=seed)
            self._states[seed, tick] = self._batch([start], tick - before, states=True).state(0)
        return self._states[seed, tick]

    def run(self, runs: Iterable[Run]) -> Iterator[tuple[list[Run], Verdicts, list[str]]]:
        """Runs, their verdicts and the hashes of their last states, in portions of runs that fork at one tick."""
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

    def _together(self, runs: list[Run], seed: int, tick: int) -> tuple[list[Run], Verdicts, list[str]]:
        golden, start = self.healthy(seed), self._state(seed, tick)
        settings = {} if start else self.plan.golden
        asked = [BatchRun(set=settings, faults=[f.spec for f in run.faults], seed=seed, start=start) for run in runs]
        result = self._batch(asked, self.ticks - tick)
        before = {name: golden.rows[name][0, :tick] for name in self.names}
        rows = Rows(result.rows, before, tick, self.period_s)
        return runs, judge(self.plan.expect, runs, rows), result.hashes

    def trace(self, run: Run) -> dict[str, Floats]:
        """All ticks of what the expectation reads, in one run, shape (ticks,) each."""
        tick = self.fork_tick(run)
        start = self._state(run.seed, tick)
        asked = BatchRun(
            set={} if start else self.plan.golden, faults=[f.spec for f in run.faults], seed=run.seed, start=start
        )
        after, before = self._batch([asked], self.ticks - tick), self.healthy(run.seed)
        return {name: np.concatenate([before.rows[name][0, :tick], after.rows[name][0]]) for name in self.names}

    def robustness(self, runs: Sequence[Run]) -> Floats:
        """Smaller of the robustness of `safe` and of `requirement`, one a run, in their order."""
        found = {}
        for some, verdicts, _ in self.run(runs):
            for i, run in enumerate(some):
                found[run.id] = float(np.fmin(verdicts.robustness[i], verdicts.requirement[i]))
        return np.array([found[run.id] for run in runs])
