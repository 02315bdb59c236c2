"""What the runs of a batch are: values, faults, a seed, a state to begin with."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hil import _core
from hil.built import Built
from hil.commands import Commands
from hil.errors import BenchError
from hil.events import EventKind, Mode, with_modes
from hil.faults import FaultSpec
from hil.fork import Fork
from hil.nearest import did_you_mean

MAX_RUNS = 10_000_000  # beyond, the descriptions alone fill a memory
Start = _core.State | Fork


@dataclass(frozen=True)
class BatchRun:
    """One run.

    Attributes:
        set: values from its first tick on, by the names that `Bench.set` takes ("level1.kp", "level1.setpoint").
        at: later changes as (bench time in s, name, value).
        faults: as `Bench.fault` takes them ("sensor.h1=stuck@2s..6s").
        seed: of everything random; None: the bench's.
        start: a state or a fork of the bench to begin with; None: the bench as it is.
    """

    set: Mapping[str, float] = field(default_factory=dict)
    at: Sequence[tuple[float, str, float]] = ()
    faults: Sequence[str | FaultSpec] = ()
    seed: int | None = None
    start: Start | None = None


@dataclass(frozen=True)
class Wander:
    """Process noise: what a model does not know of a plant, added to states and parameters while a run goes on.

    Attributes:
        names: of block states and parameters.
        covariance: of one addition, shape (n, n).
        every: ticks from one to the next, counted from bench time 0.
    """

    names: tuple[str, ...]
    covariance: npt.NDArray[np.float64]
    every: int

    def for_core(self, built: Built) -> tuple[int, list[int], list[float], list[float], list[float]]:
        """As `_core.Batch` takes it; a parameter stays within its range. Raises BenchError for an unknown name."""
        places = {**built.states, **built.params}
        for name in self.names:
            if name not in places:
                mend = did_you_mean(name, places)
                raise BenchError(f"'{name}' is no state or parameter of a block", mend=mend)
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        ranges = [built.ranges.get(name, (-np.inf, np.inf)) for name in self.names]
        lo, hi = ([one[side] for one in ranges] for side in (0, 1))
        return self.every, [places[name] for name in self.names], root.ravel().tolist(), lo, hi


Runs = int | Mapping[str, Any] | Iterable[BatchRun | Mapping[str, float] | Start]


def grid(values: Mapping[str, Iterable[float]]) -> list[dict[str, float]]:
    """Every combination of the values, the last name changing fastest; for `hil.batch`.

    `grid({"level1.kp": [100, 150], "level1.ki_per_s": [2, 5, 8]})` are six runs.
    """
    names = list(values)
    return [dict(zip(names, chosen, strict=True)) for chosen in itertools.product(*(values[n] for n in names))]


def read_runs(runs: Runs, seeds: Iterable[int] | None) -> list[BatchRun]:
    """The runs as they were given: a number of equal ones, values by name (an array of one value a run), or a sequence.

    Raises:
        BenchError: none, too many, arrays or seeds of different lengths, or something that is no run.
    """
    if isinstance(runs, bool) or (isinstance(runs, int) and not 0 < runs <= MAX_RUNS):
        raise BenchError(f"{runs} runs are no batch", mend=f"Give 1 to {MAX_RUNS:,}")
    if isinstance(runs, int):
        found = [BatchRun()] * runs
    elif isinstance(runs, Mapping):
        found = [BatchRun(set=values) for values in _by_run(runs)]
    else:
        found = [_run(i, run) for i, run in enumerate(runs)]
    if not 0 < len(found) <= MAX_RUNS:
        raise BenchError(f"{len(found)} runs are no batch", mend=f"Give 1 to {MAX_RUNS:,}")
    return found if seeds is None else _with_seeds(found, list(seeds))


def _by_run(columns: Mapping[str, Any]) -> list[dict[str, float]]:
    arrays = {name: np.atleast_1d(np.asarray(values, dtype=np.float64)) for name, values in columns.items()}
    lengths = {name: len(values) for name, values in arrays.items() if values.ndim == 1}
    if len(lengths) < len(arrays) or len(set(lengths.values())) != 1:
        shapes = ", ".join(f"{name} {values.shape}" for name, values in arrays.items()) or "nothing"
        raise BenchError(f"the values are not one a run: {shapes}", mend="Give arrays of one length, or use hil.grid")
    return [dict(zip(arrays, map(float, row), strict=True)) for row in zip(*arrays.values(), strict=True)]


def _run(index: int, run: object) -> BatchRun:
    if isinstance(run, BatchRun):
        return run
    if isinstance(run, Mapping):
        return BatchRun(set=run)
    if isinstance(run, Start):
        return BatchRun(start=run)
    mend = "Give a mapping of names to values, a BatchRun, a state or a fork"
    raise BenchError(f"run {index} is a {type(run).__name__}", mend=mend)


def _with_seeds(runs: list[BatchRun], seeds: list[int]) -> list[BatchRun]:
    if len(seeds) != len(runs):
        raise BenchError(f"{len(seeds)} seeds for {len(runs)} runs", mend="Give one a run")
    return [replace(run, seed=int(seed)) for run, seed in zip(runs, seeds, strict=True)]


class Plan(Commands):
    """Turns a run into the events that a bench would send for it: the same checks, numbers and order.

    state: the run begins with it; None: with the bench's.
    """

    def __init__(self, bench: Commands, state: _core.State | None = None) -> None:
        super().__init__(bench._rig, bench.built)
        self.state = bench.state if state is None else state
        self.time, self.bindings, self.engine = "virtual", bench.bindings, None
        self._first_id = bench._last_id
        self._events: list[bytes] = []

    @property
    def running(self) -> bool:
        """A plan does not run."""
        return False

    def events(self, run: BatchRun) -> list[bytes]:
        """The events of one run, in the order: faults, values, later changes."""
        self._last_id, self._events = self._first_id, []
        for fault in run.faults:
            self.fault(fault)
        for name, value in run.set.items():
            self.set(name, value)
        for time_s, name, value in run.at:
            self.set(name, value, at=time_s)
        return self._events

    def owner_of(self, name: str) -> str | None:  # noqa: ARG002
        """None: all of a batch is in this process."""
        return None

    def _send(self, kind: EventKind, text: str, *, modes: Sequence[Mode] = (), **fields: Any) -> int:  # noqa: ARG002
        self._last_id += 1
        self._events += with_modes(kind, modes, event_id=self._last_id, **fields)
        return self._last_id
