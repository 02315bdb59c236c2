"""Runs a bench through the acts of an item and gives back what was seen, in any kind of time."""

from __future__ import annotations

import heapq
import time as clock
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from hil.commission.acts import Act, read_act
from hil.commission.seen import Seen, with_raw
from hil.errors import BenchError
from hil.faults import parse_fault
from hil.requirements import Formula, parse

if TYPE_CHECKING:
    from hil.bench import Bench

LEAD_S = 0.15  # real time: from the call to the item's time 0, by which all its events are in the queue
DRAIN_S = 0.15  # real time: by then the background run has drained what it had
POLL_S = 0.02
STRETCH_S = 0.01  # how often an awaited condition is looked at
AHEAD_S = 1.0  # real time: how early an act is sent, so that the queue never has many
Column = list[tuple[int, float]]


class BrokenOffError(BenchError):
    """The bench or the device ended while an item ran."""


def perform(bench: Bench, seconds: float, *acts: str | Act, also: Sequence[str] = ()) -> Seen:
    """Carries out the acts within so many seconds, and gives back whatever they still hold.

    Args:
        bench: at rest; in real time it is started here and goes on running.
        seconds: bench time of the item; acts behind its end are left out. A wait for a condition ends there, too.
        acts: see `hil.commission.acts`.
        also: values to be seen that are not recorded, such as "plc/sensor.h1", sampled every 10 ms; not in real time.

    Raises:
        HilError: an act cannot be read or carried out, or the bench broke off.
    """
    plan = [act if isinstance(act, Act) else read_act(act, bench.rig) for act in acts]
    player = _Player(bench, seconds, tuple(also))
    try:
        player.play(plan)
    finally:
        player.give_back()
    return player.seen()


def settle(bench: Bench, seconds: float, *acts: str | Act) -> None:
    """Brings a fresh bench to the initial state of all items; what the acts set stays."""
    plan = [act if isinstance(act, Act) else read_act(act, bench.rig) for act in acts]
    player = _Player(bench, seconds, ())
    player.play(plan)


@dataclass
class _Player:
    bench: Bench
    seconds: float
    also: tuple[str, ...]
    held: dict[str, float] = field(default_factory=dict)  # parameters and what they were
    forced: set[str] = field(default_factory=set)
    faults: list[tuple[int, str]] = field(default_factory=list)
    moments: list[float | None] = field(default_factory=list)
    agenda: list[tuple[int, int, Act, bool]] = field(default_factory=list)
    count: int = 0
    sampled: list[tuple[int, list[float]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        bench = self.bench
        self.real = bench.time == "real"
        if self.real and not bench.running:
            bench.start()
        self.first = bench.tick + (self._ticks(LEAD_S) if self.real else 0)
        self.end = self.first + self._ticks(self.seconds)
        self.origin = self.first
        self.events_before = len(bench.events)

    # ---- acts ----

    def play(self, plan: Sequence[Act]) -> None:
        """All acts, then the rest of the time."""
        for stage in _stages(plan):
            if stage[0].when and not self._wait(stage[0].when):
                break
            for act in stage:
                self._plan(act)
            self._reach(min(self.end, max(self.origin + self._ticks(act.at_s) for act in stage)))
        self._reach(self.end)
        if self.real:
            self._sleep_to(self.end + self._ticks(DRAIN_S))

    def _plan(self, act: Act) -> None:
        start = self.origin + self._ticks(act.at_s)
        self.count += 1
        heapq.heappush(self.agenda, (start, self.count, act, False))
        if act.for_s is not None and act.kind != "fault":
            end = start + max(1, self._ticks(act.for_s))
            heapq.heappush(self.agenda, (end, -self.count, act, True))  # before what begins at the same tick

    def _reach(self, tick: int) -> None:
        """Carries out what is due up to a tick. In virtual time and lock-step the bench has come there then."""
        while self.agenda and self.agenda[0][0] <= tick and self.agenda[0][0] < self.end:
            due, _, act, ends = heapq.heappop(self.agenda)
            if self.real:
                self._sleep_to(due - self._ticks(AHEAD_S))
            else:
                self._run_to(due)
            if ends:
                self._release(act.target, due)
            else:
                self._do(act, due)
        if self.real:
            self._sleep_to(tick - self._ticks(LEAD_S))
        else:
            self._run_to(tick)

    def _do(self, act: Act, tick: int) -> None:
        bench = self.bench
        value = bench[act.value] if isinstance(act.value, str) else act.value
        at = tick * bench.period_s
        if act.kind == "force":
            self.forced.add(act.target)
            bench.force(act.target, value, at)
        elif act.kind == "set":
            self.held.setdefault(act.target, bench[act.target])
            bench.set(act.target, value, due=tick)
        elif act.kind == "release":
            self._release(act.target, tick)
        else:
            spec = replace(parse_fault(act.target, bench.rig.faultable()), start_tick=tick)
            if act.for_s is not None:
                spec = replace(spec, end_tick=tick + max(1, self._ticks(act.for_s)))
            self.faults.append((bench.fault(spec), spec.signal))

    def _release(self, name: str, tick: int | None) -> None:
        bench = self.bench
        if name in self.forced:
            bench.release(name, None if tick is None else tick * bench.period_s)
            self.forced.discard(name)
        elif name in self.held:
            bench.set(name, self.held[name], due=tick)
            if tick is None:
                del self.held[name]

    def give_back(self) -> None:
        """Ends every force and fault, sets every parameter back, and lets that take effect."""
        bench = self.bench
        if bench.engine is None or bench.engine.closed:
            return
        acted = bool(self.forced or self.held or self.faults)
        for name in [*self.forced, *self.held]:
            self._release(name, None)
        for number, _ in self.faults:
            bench.clear_fault(number)
        if acted and not self.real:
            bench.run_ticks(1)

    # ---- time ----

    def _ticks(self, seconds: float) -> int:
        return round(seconds / self.bench.period_s)

    def _sleep_to(self, tick: int) -> None:
        while self.bench.tick < tick:
            self._alive()
            clock.sleep(POLL_S)

    def _alive(self) -> None:
        if not self.bench.running:
            self.bench.join()  # raises what ended it
            raise BrokenOffError("the bench ended before the item did", where=self.bench.rig.name)

    def _run_to(self, tick: int) -> None:
        stretch = max(1, self._ticks(STRETCH_S)) if self.also else 1 << 30
        while self.bench.tick < tick:
            before = self.bench.tick
            self.bench.run_ticks(min(stretch, tick - before))
            if self.bench.tick == before:
                raise BrokenOffError("the bench was stopped", where=self.bench.rig.name)
            if self.also:
                self.sampled.append((self.bench.tick - 1, [self.bench[name] for name in self.also]))

    def _wait(self, condition: str) -> bool:
        """Until a condition holds, or the item's end; later acts count from then."""
        formula = parse(condition, with_raw(self.bench.units))
        while self.bench.tick < self.end:
            if self._true_now(formula):
                self.origin = self.bench.tick + (self._ticks(LEAD_S) if self.real else 0)
                self.moments.append(round((self.bench.tick - self.first) * self.bench.period_s, 9))
                return True
            self._reach(min(self.end, self.bench.tick + self._ticks(LEAD_S if self.real else STRETCH_S) + 1))
            if self.real:
                self._sleep_to(self.bench.tick + 1)
        self.moments.append(None)
        return False

    def _true_now(self, formula: Formula) -> bool:
        values = {name: np.array([self.bench[name]]) for name in formula.signals}
        return bool(formula.evaluate(values, self.bench.period_s).satisfied)

    # ---- what was seen ----

    def seen(self) -> Seen:
        """The rows from the item's start to its end."""
        bench = self.bench
        ticks = bench.recorder.ticks()
        keep = np.flatnonzero((ticks >= self.first) & (ticks < self.end))
        columns = bench._columns[0].names if bench._columns else []
        values = {name: bench.history(name)[: len(ticks)][keep] for name in columns}
        for n, name in enumerate(self.also):
            if name not in values:
                values[name] = _held([(t, row[n]) for t, row in self.sampled], ticks[keep])
        return Seen(self.first, bench.period_s, ticks[keep], values, bench.units, self._acting(), tuple(self.moments))

    def _acting(self) -> dict[str, list[tuple[int, int]]]:
        mine = dict(self.faults)
        found: dict[str, list[tuple[int, int]]] = {}
        since: dict[int, int] = {}
        for event in self.bench.events[self.events_before :]:
            number = event["id"]
            if number in mine and event["kind"] == "fault_on":
                since[number] = event["tick"]
            elif number in mine and event["kind"] == "fault_off":
                found.setdefault(mine[number], []).append((since.pop(number, self.first), event["tick"]))
        for number, first in since.items():
            found.setdefault(mine[number], []).append((first, self.end))
        return found


def _stages(plan: Sequence[Act]) -> list[list[Act]]:
    """Acts up to the next one that waits for a condition."""
    stages: list[list[Act]] = [[]]
    for act in plan:
        if act.when:
            stages.append([])
        stages[-1].append(act)
    return [stage for stage in stages if stage]


def _held(
    column: Column, ticks: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Samples taken now and then, held between them."""
    if not column:
        return np.full(len(ticks), np.nan)
    at, values = np.array([t for t, _ in column]), np.array([v for _, v in column])
    return np.asarray(values[np.clip(np.searchsorted(at, ticks, side="left"), 0, len(at) - 1)], dtype=np.float64)
