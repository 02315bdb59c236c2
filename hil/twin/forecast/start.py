"""What an ensemble begins with: a fork with the planned inputs in it, and its members with what is not known drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hil import _core
from hil.batches.runs import BatchRun, Plan
from hil.bench import Bench
from hil.built import Built
from hil.errors import BenchError
from hil.faults import FaultSpec
from hil.fork import Fork
from hil.nearest import did_you_mean
from hil.rig import Rig
from hil.twin.forecast.belief import Belief

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


def drawn_members(fork: Fork, belief: Belief, n: int, seed: int) -> tuple[list[BatchRun], Floats]:
    """Runs that begin with copies of the fork, each with its own draw and noise; and the draws, shape (n, len(names)).

    Equal seeds give equal draws and equal noise: scenarios are compared with common random numbers.

    Raises:
        BenchError: a name of the belief is no state or parameter of the bench's own blocks.
        HilError: the belief contradicts a range.
    """
    built, rig = fork.bench.built, fork.bench.rig
    places = [_place(name, built, rig) for name in belief.names]
    ranges = [built.ranges.get(name, (-np.inf, np.inf)) for name in belief.names]
    drawn = belief.draws(n, seed, ranges)
    states = np.tile(np.frombuffer(fork.state.snapshot(), dtype=np.uint8), (n, 1))
    for column, offset in enumerate(places):
        states[:, offset : offset + 8] = np.ascontiguousarray(drawn[:, column : column + 1]).view(np.uint8)
    seeds = np.random.Generator(np.random.PCG64([seed, 1])).integers(0, SEEDS, n)
    runs = []
    for row, own in zip(states, seeds, strict=True):
        state = _core.State(built.program)
        state.restore(row.tobytes())
        runs.append(BatchRun(seed=int(own), start=fork.copy(state)))
    return runs, drawn


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
