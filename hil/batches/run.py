"""Runs a batch: what is asked for becomes offsets and events, the core's threads do the rest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hil import _core
from hil.batches.needed import resting
from hil.batches.reductions import Reductions, is_time, read_reductions, signals_of
from hil.batches.result import BatchResult
from hil.batches.runs import BatchRun, Plan, Runs, Wander, read_runs
from hil.bench import Bench, open_bench
from hil.commands import LATEST_S
from hil.errors import BenchError
from hil.fork import Fork
from hil.program import Progress
from hil.result import hash_text
from hil.rig import Rig

MAX_THREADS = 256  # HIL_BATCH_MAX_THREADS
LOOK_MS = 50  # how soon Ctrl-C is seen
FULL = 2  # HIL_E_FULL
MEMORY_SHARE = 0.8  # of the machine's; beyond it would swap instead of run


def batch(
    what: str | Path | Rig | Bench,
    runs: Runs,
    ticks: int | None = None,
    *,
    duration_s: float | None = None,
    seeds: Iterable[int] | None = None,
    record: Iterable[str] = (),
    every: int = 1,
    reduce: Reductions = (),
    states: bool = False,
    needed_only: bool = False,
    wander: Wander | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> BatchResult:
    """Runs many copies of a bench, on all cores and without the GIL.

    Args:
        what: a bench (its state is copied, it does not change), or a rig as `open_bench` takes it, at its first tick.
        runs: a number of equal runs; values by name, an array of one value a run each; or a sequence of mappings of
            names to values (see `hil.grid`), `BatchRun`, states and forks.
        ticks: length of each run; or `duration_s`, in s of bench time.
        seeds: one a run; else the bench's.
        record: signals, block states or parameters to keep as rows.
        every: rows only at ticks that it divides.
        reduce: reductions over all ticks, by the name of their result: "min(x)", "max(x)", "mean(x)", "last(x)",
            "changes(x)", "first(x > 0.1)".
        states: keeps the last state of each run.
        needed_only: blocks on which nothing that is kept depends stand still (observers, detectors): the same rows and
            reductions in less time. Not with `states`; there are no hashes. A run with faults takes all blocks, and
            the interlocks of a twin that has an envelope are needed.
        wander: process noise of every run, drawn from its seed.
        threads: default: one for each core this process may use.
        progress: is told how many runs are over.
        options: of `open_bench`, with a rig.

    Returns:
        arrays by name, the first axis the run; equal bits for any number of threads, and those of single runs.

    Raises:
        BenchError: a role is on a wire, a block keeps its state to itself (FMU), a name, value, fault or time that a
            bench would refuse, or rows and states that the machine's memory cannot hold.
        RigError: the rig cannot be used.
    """
    wanted = _Wanted(
        read_runs(runs, seeds), ticks, duration_s, list(record), every, reduce, states, needed_only, wander
    )
    if isinstance(what, Bench):
        if options:
            raise BenchError(f"a bench that is open takes no {', '.join(options)}", mend="Give them to open_bench")
        return _Batch(what, wanted).run(threads, progress)
    options = {"history": False, "progress": progress, **options}
    bench = open_bench(what, **options)
    try:
        return _Batch(bench, wanted).run(threads, progress)
    finally:
        bench.close()


@dataclass(frozen=True)
class _Wanted:
    """What a call of `batch` asks for."""

    runs: list[BatchRun]
    ticks: int | None
    duration_s: float | None
    record: list[str]
    every: int
    reduce: Reductions
    states: bool
    needed_only: bool
    wander: Wander | None


class _Batch:
    """What is asked for, checked, as the core takes it."""

    def __init__(self, bench: Bench, wanted: _Wanted) -> None:
        if bench.running and not all(isinstance(run.start, Fork) for run in wanted.runs):
            raise BenchError("the bench runs", mend="Call stop() first, or begin with bench.fork()")
        self.bench, self.built, self.runs, self.states = bench, bench.built, wanted.runs, wanted.states
        self._refuse_what_is_elsewhere()
        self.ticks = self._ticks(wanted.ticks, wanted.duration_s)
        if not isinstance(wanted.every, int) or wanted.every < 1:
            raise BenchError(f"rows cannot be kept every {wanted.every} ticks", mend="Give a whole number from 1 on")
        self.record, self.every = wanted.record, wanted.every
        self.offsets = [self.built.offset(name) for name in self.record]
        self.reductions = read_reductions(wanted.reduce, self.built)
        self.rests = self._resting(wanted) if wanted.needed_only else None
        self.needed_only = wanted.needed_only
        self.wander = wanted.wander.for_core(self.built) if wanted.wander else None

    def _resting(self, wanted: _Wanted) -> bytes | None:
        if wanted.states:
            mend = "Leave needed_only out"
            raise BenchError("the last states are those of a whole bench, in which nothing stands still", mend=mend)
        return resting(self.built, [*wanted.record, *signals_of(wanted.reduce)], granted=self._granted())

    def _granted(self) -> bool:
        """A twin has an envelope in one of the states that runs begin with. A run that gets one takes all blocks."""
        places = [self.built.states[f"{name}.granted"] for name in self.bench.authorities()]
        starts = {id(run.start): run.start for run in self.runs}.values() if places else ()
        states = [start.state if isinstance(start, Fork) else start or self.bench.state for start in starts]
        return any(state.get(place) for state in states for place in places)

    def _refuse_what_is_elsewhere(self) -> None:
        """Copies of a bench need all of its state, and there is only one device on a wire."""
        where = self.bench.rig.name
        opaque = self.built.program.opaque_blocks
        if opaque:
            why = f"no batch of this bench: the block {opaque[0]} is an FMU, whose state cannot be copied freely"
            raise BenchError(why, where=where, mend="Use a model or C source in its place, or single runs")
        external = self.built.program.external_roles
        if external and not all(isinstance(run.start, Fork) for run in self.runs):
            why = f"no batch of this bench: the role {external[0]} is on a wire"
            mend = f"Bind {', '.join(external)} to mil or sil, or begin with bench.fork()"
            raise BenchError(why, where=where, mend=mend)

    def _ticks(self, ticks: int | None, duration_s: float | None) -> int:
        if (ticks is None) == (duration_s is None):
            raise BenchError("a batch needs its length", mend="Give either ticks or duration_s")
        longest = LATEST_S / self.bench.period_s
        wanted: float = duration_s / self.bench.period_s if duration_s is not None else ticks or 0
        if not 0 <= wanted <= longest:
            raise BenchError(f"runs of {wanted:g} ticks cannot be", mend=f"Give 0 to {LATEST_S:g} s of bench time")
        return round(wanted)

    def _core_runs(self) -> list[tuple[_core.State, int, bytes]]:
        """State, seed and events of each run. What was sent to the bench and waits for its next tick goes first."""
        assert self.bench.engine is not None
        plan = Plan(self.bench)
        waiting = [] if self.bench.running else self.bench.engine.loop.pending()
        found = []
        for number, run in enumerate(self.runs):
            start = run.start.state if isinstance(run.start, Fork) else run.start or self.bench.state
            try:
                events = [*(waiting if run.start is None else ()), *plan.events(run)]
            except BenchError as error:
                where = f"run {number}" + (f": {error.where}" if error.where else "")
                raise BenchError(error.message, where=where, mend=error.mend) from None
            found.append((start, _seed(number, start, run), b"".join(events)))
        return found

    def _check_memory(self, threads: int) -> None:
        rows = len(self.offsets) * (self.ticks // self.every + 1)
        state = self.built.program.state_size
        needed = 8.0 * rows * len(self.runs) + state * (len(self.runs) if self.states else threads)
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if needed > MEMORY_SHARE * there:
            why = f"rows and states would take {needed / 1e9:.3g} GB, the machine has {there / 1e9:.3g} GB"
            raise BenchError(
                why, where=self.bench.rig.name, mend="Raise every, reduce signals, or make several batches"
            )

    def run(self, threads: int | None, progress: Progress | None) -> BatchResult:
        """Begins it, waits for its end, gives names to what it leaves."""
        if threads is not None and not 1 <= threads <= MAX_THREADS:
            raise BenchError(f"{threads} threads cannot be", mend=f"Give 1 to {MAX_THREADS}")
        threads = min(threads or len(os.sched_getaffinity(0)), len(self.runs), MAX_THREADS)
        self._check_memory(threads)
        core = _core.Batch(
            self.built.program,
            self._core_runs(),
            self.ticks,
            offsets=self.offsets,
            every=self.every,
            reductions=list(self.reductions.values()),
            keep=self.states,
            threads=threads,
            rests=self.rests,
            wander=self.wander,
        )
        _wait(core, len(self.runs), progress)
        outcomes = [core.outcome(run) for run in range(len(self.runs))]
        self._refuse_failed(outcomes)
        hashes = ["" if self.needed_only else hash_text(outcome[3]) for outcome in outcomes]
        return self._result(core, hashes)

    def _refuse_failed(self, outcomes: list[tuple[bool, int, int, int]]) -> None:
        for run, (_, error, _, _) in enumerate(outcomes):
            if error:
                why = "too many events wait in its state" if error == FULL else _core.error_text(error)
                raise BenchError(f"run {run} cannot begin: {why}", where=self.bench.rig.name)

    def _result(self, core: _core.Batch, hashes: list[str]) -> BatchResult:
        period_s, first = self.bench.period_s, self._first_tick()
        ticks = np.arange(-(-first // self.every) * self.every, first + self.ticks, self.every)
        time_s = np.multiply(ticks, period_s, dtype=np.float64)
        reduced = {
            name: core.reduced[i] * (period_s if is_time(reduction) else 1.0)
            for i, (name, reduction) in enumerate(self.reductions.items())
        }
        rows: Mapping[str, Any] = {name: core.rows[i] for i, name in enumerate(self.record)}
        return BatchResult(time_s, rows, reduced, hashes, core.threads, core, self.built)

    def _first_tick(self) -> int:
        start = self.runs[0].start
        state = start.state if isinstance(start, Fork) else start or self.bench.state
        return int(state.tick)


def _seed(number: int, start: _core.State, run: BatchRun) -> int:
    seed = start.seed if run.seed is None else run.seed
    if not 0 <= seed < 2**64:
        raise BenchError(f"{seed} is not a seed", where=f"run {number}", mend="Give 0 to 2^64 - 1")
    return seed


def _wait(core: _core.Batch, n: int, progress: Progress | None) -> None:
    """Python's signals are looked at in between: Ctrl-C ends a batch."""
    told = -1
    try:
        while not core.wait(LOOK_MS):
            if progress is not None and core.finished != told:
                told = core.finished
                progress(f"{told:,} of {n:,} runs")
    except BaseException:
        core.stop()
        while not core.wait(LOOK_MS):
            pass
        raise
