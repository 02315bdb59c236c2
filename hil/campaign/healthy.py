"""The run without faults, which everything else is measured by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from hil.campaign.plan import Plan
from hil.campaign.space import Run
from hil.campaign.verdicts import Verdicts, signals_of
from hil.errors import BenchError
from hil.requirements import Formula, at_each_sample
from hil.requirements.trace import make_trace
from hil.rig import Rig

FORKS = 60  # states of the healthy run that runs may begin with, evenly over its length
Floats = npt.NDArray[np.float64]
Rows = Mapping[str, Floats]
Found = tuple[list[Run], Verdicts, list[str]]
"""Runs, their verdicts and the hashes of their last states."""


class Engine(ABC):
    """Something that runs a plan's runs: copies of a simulated bench (engine.py), or benches on wires (live.py).

    Attributes:
        rig: at the period of the campaign.
        plan: what is asked.
        names: signals that the expectation reads.
        ticks: length of each run.
    """

    def __init__(self, rig: Rig, plan: Plan) -> None:
        self.rig, self.plan, self.period_s = rig, plan, rig.period_s
        self.ticks = max(1, round(plan.duration_s / self.period_s))
        self.names = signals_of(plan.expect)
        on = plan.on.signals if plan.on is not None else frozenset()
        self.golden_names = [*self.names, *sorted(on - set(self.names))]
        self._golden: dict[int, Rows] = {}

    @abstractmethod
    def golden(self, seed: int) -> Rows:
        """Runs without faults: `golden_names`, shape (ticks,) each."""

    @abstractmethod
    def run(self, runs: Iterable[Run]) -> Iterator[Found]:
        """Runs, in portions and in whatever order."""

    @abstractmethod
    def trace(self, run: Run) -> Rows:
        """All ticks of `names` in one run, shape (ticks,) each."""

    @abstractmethod
    def close(self) -> None:
        """Ends it."""

    def fork_tick(self, run: Run) -> int:
        """The last tick at or before its first fault at which runs may fork; they are judged from there on."""
        start, between = round((run.start_s or 0.0) / self.period_s), max(1, self.ticks // FORKS)
        return min(start, self.ticks - 1) // between * between

    def place(self, run: Run) -> tuple[int, int]:
        """Where it stands among others, so that those that have much in common run together: by seed and fork."""
        return run.seed, self.fork_tick(run)

    def healthy(self, seed: int) -> Rows:
        """The healthy run of a seed.

        Raises:
            BenchError: it is not safe, or is taken for a fault.
        """
        if seed not in self._golden:
            rows = self.golden(seed)
            self._check(rows)
            self._golden[seed] = rows
        return self._golden[seed]

    def _check(self, rows: Rows) -> None:
        values = {name: rows[name] for name in self.names}
        values |= {f"fault.{slot.name}": np.zeros(self.ticks) for slot in self.plan.slots}
        expect = self.plan.expect
        for key, formula in (("safe", expect.safe), ("requirement", expect.requirement)):
            if formula is None:
                continue
            verdict = at_each_sample(formula).evaluate(values, self.period_s, partial=True)
            if not verdict.satisfied.all():
                self._refuse(f"breaks expect.{key} at {float(verdict.at_s):g} s: {formula}")
        if expect.detect is not None and expect.detect.horizon_s == 0.0:
            margin = expect.detect.robustness(values, self.period_s)
            if (margin > 0).any():
                self._refuse(f"meets expect.detect at {np.argmax(margin > 0) * self.period_s:g} s: {expect.detect}")

    def _refuse(self, why: str) -> None:
        mend = "Mend the rig's set-points or the expectation; a campaign begins with a healthy bench"
        raise BenchError(f"the run without faults {why}", where=self.plan.name, mend=mend)

    def on_s(self) -> dict[int, float]:
        """When the plan's `on` first holds in the healthy run of each seed; nothing without `on`.

        Raises:
            BenchError: it never holds, or so late that a fault would begin behind the end of the run.
        """
        seeds = range(self.plan.seed, self.plan.seed + self.plan.seeds)
        return {} if self.plan.on is None else {seed: self._on_s(self.plan.on, seed) for seed in seeds}

    def _on_s(self, on: Formula, seed: int) -> float:
        rows = self.healthy(seed)
        holds = on.holds(make_trace({name: rows[name] for name in on.signals}, on.signals, self.period_s))
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

    def robustness(self, runs: Sequence[Run]) -> Floats:
        """Smaller of the robustness of `safe` and of `requirement`, one a run, in their order."""
        found = {}
        for some, verdicts, _ in self.run(runs):
            for i, run in enumerate(some):
                found[run.id] = float(np.fmin(verdicts.robustness[i], verdicts.requirement[i]))
        return np.array([found[run.id] for run in runs])
