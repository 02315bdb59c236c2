"""Runs of a plan on benches with a wire: lock-step or real time, emulated devices or real ones.

A device cannot be forked, so each run goes from the bench's start to its end, alone on its bench.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np

from hil.bench import open_bench
from hil.bindings import settle
from hil.campaign.healthy import Engine, Floats, Found
from hil.campaign.plan import Plan
from hil.campaign.space import Run
from hil.campaign.verdicts import Rows, judge
from hil.errors import BenchError
from hil.result import RunResult
from hil.rig import RecordGroup, Rig


def is_live(rig: Rig, plan: Plan, period_s: float | None) -> bool:
    """Whether a plan asks for a wire.

    Raises:
        BenchError: its kind of time or a binding cannot be, or another period than the rig's is asked for.
    """
    live = settle(rig, plan.time, plan.bind)[0] != "virtual"
    if live and period_s is not None:
        mend = "Leave --period out"
        raise BenchError("what is behind a wire runs at the rig's own period", where="--period", mend=mend)
    return live


STALE = 1  # HIL_STALE of core/include/hil/types.h


class Job(NamedTuple):
    """One run: faults as `Bench.fault` takes them."""

    seed: int
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a run left: rows of shape (ticks,) each, and the hash of the last state."""

    rows: Mapping[str, Floats]
    state_hash: str


class Benches(Protocol):
    """Where jobs run."""

    def outcomes(self, jobs: Sequence[Job], names: Sequence[str]) -> Iterator[tuple[int, Outcome]]:
        """Their numbers in `jobs` and what they came to, as they end."""
        ...

    def close(self) -> None:
        """Ends it."""
        ...


def run_once(rig: Rig, plan: Plan, urls: Mapping[str, str], job: Job, names: Sequence[str]) -> Outcome:
    """One run from the bench's start; its end is the bench's safe state.

    Raises:
        HilError: a device is not there or breaks off, or rows were lost.
    """
    recorded = replace(rig, record={"campaign": RecordGroup("campaign", tuple(names), raw=False)})
    with open_bench(
        recorded,
        time=plan.time,
        bind=plan.bind,
        urls=urls,
        seed=job.seed,
        use_rig_faults=False,
        clear_latch=True,  # what the end of the run before has left
    ) as bench:
        for name, value in plan.golden.items():
            bench.set(name, value)
        for fault in job.faults:
            bench.fault(fault)
        bench.run(plan.duration_s)
        rows = {name: np.array(bench.history(name)) for name in names}
        silent = [name for name in names if bench.status(name) & STALE]
        result = bench.finish()
    _refuse_what_is_no_evidence(plan, rows, silent, result)
    return Outcome(rows, result.state_hash)


def _refuse_what_is_no_evidence(plan: Plan, rows: Mapping[str, Floats], silent: list[str], result: RunResult) -> None:
    """What the bench itself has done wrong is no outcome of a fault."""
    least = min((len(values) for values in rows.values()), default=result.ticks)
    why = "" if result.passed else f"a run on the bench did not pass: {result.reason}"
    if silent:
        why = f"the device behind {silent[0]} was silent at the end of a run"
    if least != result.ticks:
        why = f"a run has {least:,} of {result.ticks:,} ticks in its record"
    if why:
        raise BenchError(why, where=plan.name, mend="Look at the bench with `hil doctor`, then go on with --resume")


class OneBench:
    """The bench of this machine, one job after the other."""

    def __init__(self, rig: Rig, plan: Plan, urls: Mapping[str, str]) -> None:
        self.rig, self.plan, self.urls = rig, plan, urls

    def outcomes(self, jobs: Sequence[Job], names: Sequence[str]) -> Iterator[tuple[int, Outcome]]:
        """In their order."""
        for number, job in enumerate(jobs):
            yield number, run_once(self.rig, self.plan, self.urls, job, names)

    def close(self) -> None:
        """Nothing: each run has closed its bench."""


class LiveEngine(Engine):
    """Whole runs on benches.

    Args:
        rig: of the plan, at the period of the campaign.
        plan: what is asked.
        benches: where they run; closed with the engine.
    """

    def __init__(self, rig: Rig, plan: Plan, benches: Benches) -> None:
        super().__init__(rig, plan)
        self.benches = benches

    def close(self) -> None:
        """Leaves the benches."""
        self.benches.close()

    def golden(self, seed: int) -> Mapping[str, Floats]:
        """The run of a seed without faults."""
        ((_, outcome),) = self.benches.outcomes([Job(seed)], self.golden_names)
        return outcome.rows

    def run(self, runs: Iterable[Run]) -> Iterator[Found]:
        """One run at a time, as they end."""
        all_runs = list(runs)
        for number, outcome in self.benches.outcomes([_job(run) for run in all_runs], self.names):
            run = all_runs[number]
            tick = self.fork_tick(run)
            before = {name: values[:tick] for name, values in outcome.rows.items()}
            after = {name: values[None, tick:] for name, values in outcome.rows.items()}
            verdicts = judge(self.plan.expect, [run], Rows(after, before, tick, self.period_s))
            yield [run], verdicts, [outcome.state_hash]

    def trace(self, run: Run) -> Mapping[str, Floats]:
        """Of one more run like it."""
        ((_, outcome),) = self.benches.outcomes([_job(run)], self.names)
        return outcome.rows


def _job(run: Run) -> Job:
    return Job(run.seed, tuple(str(fault) for fault in run.faults))
