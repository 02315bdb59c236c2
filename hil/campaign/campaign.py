"""A campaign from its plan to its results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hil.campaign.cluster import Cluster, Here, OnBenches, Portion, Runner, task_of
from hil.campaign.cluster_benches import ClusterBenches
from hil.campaign.engine import BatchEngine
from hil.campaign.falsify import falsify
from hil.campaign.healthy import Engine
from hil.campaign.live import Benches, LiveEngine, OneBench, is_live
from hil.campaign.minimise import minimise
from hil.campaign.plan import Plan
from hil.campaign.plan_file import load_plan
from hil.campaign.report import write_report
from hil.campaign.request import Request, as_asked, command_of, head_of
from hil.campaign.rig_test import write_test
from hil.campaign.search import Points, points
from hil.campaign.space import Run, Space
from hil.campaign.statistics import margins, summary, worst_runs
from hil.campaign.store import Store, results_hash
from hil.errors import BenchError
from hil.rig import Rig, load_rig

PORTION = 500  # runs of a part
WORST = 3  # runs that are minimised
Progress = Callable[[int, int], None]
"""Told how many runs are over, and of how many."""


@dataclass(frozen=True)
class CampaignResult:
    """What came of it.

    Attributes:
        table: one row a run (store.SCHEMA).
        summary: figures, as `hil campaign --json` prints them.
        tests: written tests of the rig.
    """

    table: pa.Table
    summary: dict[str, Any]
    tests: list[Path] = field(default_factory=list)


def run_campaign(
    what: Request, out: Path, *, resume: bool = False, progress: Progress = lambda _done, _of: None
) -> CampaignResult:
    """Runs a campaign into a folder.

    Raises:
        HilError: the rig or plan cannot be used, the folder holds something else, the cluster cannot be reached.
        KeyboardInterrupt: it was stopped; what is done is in the folder, and `resume` goes on.
    """
    rig = load_rig(what.rig, what.period_s, what.controllers)
    plan = as_asked(what, load_plan(what.plan, rig))
    if what.shard and plan.search.falsify:
        mend = "Take [search.falsify] out, or run it whole: each of its runs depends on those before"
        raise BenchError("a falsification cannot be split into shards", where=plan.name, mend=mend)
    tried = points(plan.search, Space(plan).dimensions, plan.seed)
    engine = _engine(what, rig, plan)
    try:
        for seed in range(plan.seed, plan.seed + plan.seeds):
            engine.healthy(seed)
        space = Space(plan, engine.on_s())
        runner = _runner(what, rig, space, engine)
        store = Store(out, head_of(what, rig, plan), resume=resume)
        try:
            return _Work(what, rig, space, store, engine, runner, progress).all(tried)
        finally:
            store.close()
            runner.close()
    finally:
        engine.close()


def _engine(what: Request, rig: Rig, plan: Plan) -> Engine:
    if not is_live(rig, plan, what.period_s):
        return BatchEngine(rig, plan, what.jobs)
    urls = dict(what.urls)
    benches: Benches = OneBench(rig, plan, urls)
    if what.scheduler is not None:
        task = task_of(rig, what.period_s, Space(plan), tuple(urls.items()))
        benches = ClusterBenches(what.scheduler, task, rig)
    return LiveEngine(rig, plan, benches)


def _runner(what: Request, rig: Rig, space: Space, engine: Engine) -> Runner:
    if isinstance(engine, LiveEngine):
        return OnBenches(engine)
    return Here(engine) if what.scheduler is None else Cluster(what.scheduler, task_of(rig, what.period_s, space))


class _Work:
    """One campaign under way."""

    def __init__(
        self, what: Request, rig: Rig, space: Space, store: Store, engine: Engine, runner: Runner, progress: Progress
    ) -> None:
        self.what, self.rig, self.plan, self.space = what, rig, space.plan, space
        self.store, self.engine, self.runner, self.progress = store, engine, runner, progress
        self.margins = margins(store.table())  # of the runs that are over
        self.ran, self.seconds = 0, 0.0

    def all(self, tried: Points) -> CampaignResult:
        """Every stage, then what they say."""
        falsified = self.plan.search.falsify
        self.of = len(self._mine(tried)) + (falsified.budget if falsified else 0)
        self._stage(self._mine(tried), "search")
        if falsified:
            self._falsify(tried)
        return self._result()

    def _mine(self, tried: Points) -> list[Run]:
        runs = [self.space.run(number, point) for number, point in enumerate(tried)]
        i, n = self.what.shard or (1, 1)
        return runs[i - 1 :: n]

    def _stage(self, runs: Sequence[Run], stage: str) -> None:
        """Runs those that are not there yet, in the order of their forks, so that portions are large."""
        missing = sorted((run for run in runs if run.id not in self.margins), key=self.engine.place)
        start = time.perf_counter()
        self.progress(len(self.margins), self.of)
        for table in self.runner.tables(list(_portions(missing)), stage):
            self.store.add(table)
            self.margins.update(margins(table))
            self.progress(len(self.margins), self.of)
        self.ran += len(missing)
        self.seconds += time.perf_counter() - start

    def _falsify(self, tried: Points) -> None:
        assert self.plan.search.falsify is not None
        self._next = len(tried)

        def evaluate(some: Points) -> Points:
            runs = [self.space.run(self._next + i, point) for i, point in enumerate(some)]
            self._next += len(runs)
            self._stage(runs, "falsify")
            return np.array([self.margins[run.id] for run in runs])

        before = np.array([self.margins[number] for number in range(len(tried))])
        falsify(self.plan.search.falsify, evaluate, tried, before, self.plan.seed)

    def _result(self) -> CampaignResult:
        table = self.store.table()
        figures = summary(table, self.space)
        simulated_s = self.ran * self.plan.duration_s
        figures |= {
            "runs_per_s": self.ran / self.seconds if self.ran else None,
            "realtime_factor": simulated_s / self.seconds if self.ran else None,
            "results_hash": results_hash(table),
        }
        tests = self._tests(table) if self.what.minimise and not self.what.shard else []
        figures["tests"] = [str(path) for path in tests]
        result = CampaignResult(self.store.finish(figures), figures, tests)
        write_report(
            self.store.folder, self.engine, self.space, table, figures, command_of(self.what, self.store.folder)
        )
        return result

    def _tests(self, table: pa.Table) -> list[Path]:
        """Of the worst run of each of the first few combinations of faults that break what is expected."""
        written: dict[tuple[str, ...], Path] = {}
        for row in worst_runs(table, WORST):
            small = minimise(self.engine, self.space.run(row["id"], row["point"]))
            what = tuple(f"{f.slot}.{f.kind}" for f in small.faults)
            if what not in written:
                written[what] = write_test(self.store.folder / "tests", self.rig, self.plan, small)
        return list(written.values())


def _portions(runs: list[Run]) -> Iterator[Portion]:
    for i in range(0, len(runs), PORTION):
        yield runs[i : i + PORTION]
