"""What an ensemble begins with: a fork with the planned inputs in it, and its members with what is not known drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hil import _core
from hil.batches.runs import BatchRun, Plan
from hil.bench import Bench
from hil.built import Built
from hil.errors import BenchError
from hil.events import EventKind, encode
from hil.faults import FaultSpec
from hil.fork import Fork
from hil.nearest import did_you_mean
from hil.rig import Rig
from hil.twin.forecast.belief import Belief

if TYPE_CHECKING:
    from hil.twin.forecast.ensemble import Course

Floats = npt.NDArray[np.float64]
SEEDS = 1 << 63


@dataclass(frozen=True)
class Scenario:
    """Planned inputs, alike for all members.

    Attributes:
        set: values from the first tick on, by the names of `Bench.set`.
        at: later changes as (s from the start of the forecast, name, value).
        faults: as `Bench.fault` takes them; times are bench times.
    """

    name: str = "as it is"
    set: Mapping[str, float] = field(default_factory=dict)
    at: Sequence[tuple[float, str, float]] = ()
    faults: Sequence[str | FaultSpec] = ()
    text: str = ""


def planned(start: Bench | Fork, scenario: Scenario) -> Fork:
    """A fork of its own with the scenario's events waiting in it. `start` does not change.

    Raises:
        BenchError: the bench runs, or a name, value, fault or time of the scenario cannot be.
    """
    fork = start.fork() if isinstance(start, Bench) else start.copy()
    if isinstance(start, Bench) and start.engine is not None:
        for event in start.engine.loop.pending():
            _push(fork.state, event, scenario)
    now_s = fork.state.tick * fork.bench.period_s
    at = [(now_s + time_s, name, value) for time_s, name, value in scenario.at]
    plan = Plan(fork.bench, fork.state)
    for event in plan.events(BatchRun(set=scenario.set, at=at, faults=scenario.faults)):
        _push(fork.state, event, scenario)
    return fork


def _push(state: _core.State, event: bytes, scenario: Scenario) -> None:
    if state.push(event):
        why = f"{len(scenario.set) + len(scenario.at)} planned changes do not fit beside what waits in the bench"
        raise BenchError(why, where=scenario.name, mend="Raise [loop] max_events of the rig, or plan fewer")


def draws(fork: Fork, belief: Belief, n: int, seed: int) -> Floats:
    """What n members begin with, shape (n, len(belief.names)), within the ranges of parameters.

    Raises:
        HilError: the belief contradicts a range.
    """
    ranges = fork.bench.built.ranges
    return belief.draws(n, seed, [ranges.get(name, (-np.inf, np.inf)) for name in belief.names])


def drawn_members(
    fork: Fork, belief: Belief, drawn: Floats, seed: int, courses: Sequence[Course] = ()
) -> list[BatchRun]:
    """Runs that begin with copies of the fork, each with its own row of `drawn`, its own noise and its own courses.

    Equal seeds give equal noise: scenarios are compared with common random numbers.

    Raises:
        BenchError: a name of the belief or a course is no state or parameter of the bench's own blocks.
    """
    built, rig = fork.bench.built, fork.bench.rig
    n, places = len(drawn), [_place(name, built, rig) for name in belief.names]
    states = np.tile(np.frombuffer(fork.state.snapshot(), dtype=np.uint8), (n, 1))
    for column, offset in enumerate(places):
        states[:, offset : offset + 8] = np.ascontiguousarray(drawn[:, column : column + 1]).view(np.uint8)
    seeds = np.random.Generator(np.random.PCG64([seed, 1])).integers(0, SEEDS, n)
    runs = []
    for row, own in zip(states, seeds, strict=True):
        state = fork.state.copy()
        state.restore(row.tobytes())
        runs.append(BatchRun(seed=int(own), start=fork.copy(state)))
    for course in courses:
        _lead(runs, fork, course)
    return runs


def _lead(runs: Sequence[BatchRun], fork: Fork, course: Course) -> None:
    """Stages a course's changes in the members' states."""
    built, rig = fork.bench.built, fork.bench.rig
    if course.name not in built.params:
        raise BenchError(f"'{course.name}' cannot be set", where=rig.name, mend=did_you_mean(course.name, built.params))
    place = _place(course.name, built, rig)
    ticks = fork.state.tick + np.round(np.asarray(course.time_s) / rig.period_s).astype(np.int64)
    values = np.clip(course.values, *built.ranges[course.name])
    for run, row in zip(runs, values, strict=True):
        assert isinstance(run.start, Fork)
        for tick, value in zip(ticks, row, strict=True):
            event = encode(EventKind.PARAM, target=place, values=[float(value)], due=int(tick))
            if run.start.state.push(event):
                why = f"{len(ticks)} changes of {course.name} do not fit into the bench"
                raise BenchError(why, where=rig.name, mend="Let it change less often")


def _place(name: str, built: Built, rig: Rig) -> int:
    """Byte offset in the state."""
    block = name.partition(".")[0]
    known = {**built.states, **built.params}
    if name not in known:
        mend = did_you_mean(name, known)
        raise BenchError(f"'{name}' is no state or parameter of a block", where=rig.name, mend=mend)
    if block in rig.blocks and rig.blocks[block].role is not None:
        why = f"'{name}' belongs to the role {rig.blocks[block].role}, whose state a device may have"
        raise BenchError(why, where=rig.name, mend="Draw states and parameters of the plant; plan others")
    return known[name]
