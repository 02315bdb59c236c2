"""Plays a timed script on a bench that is open: its times count from now on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hil.errors import BenchError, blamed
from hil.faults import FaultSpec
from hil.requirements.errors import FormulaError
from hil.requirements.in_rig import Judged, judged
from hil.requirements.parser import parse
from hil.requirements.seen import seen_in
from hil.rig import Rig
from hil.rig.expectation import Expectation
from hil.script.applied import with_script
from hil.script.outcome import AFTER_S, Outcome
from hil.script.reading import ScriptError, read_script

if TYPE_CHECKING:
    from hil.bench import Bench

EVENTS_OF_A_FAULT = 3  # itself, and its modes
AT_ONCE = 64  # the queue holds 256


@dataclass(frozen=True)
class _Act:
    """Something that a row does, at a tick; it takes `cost` places among the staged events at the most."""

    due: int
    cost: int
    where: str
    send: Callable[[], object]


def play_on(bench: Bench, file: str | Path) -> Outcome:
    """Plays a script on a bench that rests, in any kind of time; its times count from the bench's present tick.

    A bench opened with `script=` has room for all rows among its staged events. Here they are sent in pieces that fit,
    in virtual time and lock-step; in real time, where nothing waits, a script that does not fit at once is refused.

    Args:
        bench: with history; each signal that is expected something of is in its first recorded group.
        file: the CSV file.

    Returns:
        the expectations, judged; what is broken is also a failure of the run (`Bench.fail`), and all of it stands in
        the recording's manifest, by bench time.

    Raises:
        ScriptError: the file, with line and column, or it does more at once than the table of events takes.
        BenchError: the bench runs, or a row cannot be done on it.
        BusError: a device broke the lock-step off.
    """
    if bench.running:
        raise BenchError("the bench runs already", where=bench.rig.name, mend="Call stop() first")
    script = read_script(file)
    bare = replace(bench.rig, events=(), faults=(), requirements={}, expectations=())
    scripted = with_script(bare, script)
    _check(bench, scripted)
    begin = bench.tick
    _Player(bench, _acts(bench, scripted, begin), script.file).play(
        begin + round((script.end_s + AFTER_S) / bench.period_s)
    )
    found = Outcome(tuple(_judge(bench, scripted.expectations, begin)))
    bench.played.append({"script": script.file, "begin_tick": begin, "expectations": found.to_list()})
    for line in found.broken:
        bench.fail(line)
    return found


def _check(bench: Bench, scripted: Rig) -> None:
    """Everything that would be refused later, so that nothing of the script has happened by then."""
    from hil.bench import open_bench

    names = bench.recorder.columns[0].names if bench.recorder.columns and bench.recorder.history else []
    for row in scripted.expectations:
        if row.signal not in names:
            what = f"{row.signal} is not in the history of this bench"
            mend = "Record it in the first group, and open the bench with history; or open it with script="
            raise ScriptError(what, where=row.name, mend=mend)
    for event in scripted.events:
        if event.block is not None:
            with blamed(event.where):
                bench.owner_of(_names(scripted)[event.block, str(event.param)])
    with open_bench(scripted, history=False):  # a throw-away one in virtual time: ranges, limits, conditions
        pass


def _names(rig: Rig) -> dict[tuple[str, str], str]:
    return {target: name for name, target in rig.tunable().items()}


def _acts(bench: Bench, scripted: Rig, begin: int) -> list[_Act]:
    """What the rows do, in the order of their ticks."""
    names, period_ns = _names(scripted), scripted.period_ns
    acts = [
        _Act(begin + e.tick(period_ns), 1, e.where or "", lambda e=e: bench.schedule(e, names, begin))  # type: ignore[misc]
        for e in scripted.events
    ]
    for fault in scripted.faults:
        later = _later(fault, begin, period_ns)
        acts.append(_Act(later.start_tick or 0, EVENTS_OF_A_FAULT, fault.where or "", lambda f=later: bench.fault(f)))  # type: ignore[misc]
    return sorted(acts, key=lambda act: act.due)


def _later(fault: FaultSpec, begin: int, period_ns: int) -> FaultSpec:
    start, end = fault.start(period_ns) or 0, fault.end(period_ns)
    ends = None if end is None else begin + end
    return replace(fault, start_s=None, end_s=None, start_tick=begin + start, end_tick=ends)


class _Player:
    """Sends acts in pieces that the table of staged events takes. Where time waits, as a bench does not in real time,
    the next piece is sent when the bench has come to its first tick.
    """

    def __init__(self, bench: Bench, acts: Sequence[_Act], file: str) -> None:
        self.bench, self.acts, self.file = bench, list(acts), file
        self.sent: dict[int, str] = {}  # by the event's id: where it was read
        self.seen = len(bench.events)

    def play(self, end: int) -> None:
        """To the tick `end`."""
        self._check_room()
        for until in self._pieces(end):
            before = self.bench.tick
            self.bench.run_ticks(until - before)
            self._see_refusals()
            if self.bench.tick < until:  # somebody asked it to stop
                return

    def _check_room(self) -> None:
        """Before anything is sent: what happens at one tick has to fit at once, and in real time all of it."""
        costs: dict[int, int] = {}
        for act in self.acts:
            due = 0 if self.bench.time == "real" else act.due
            costs[due] = costs.get(due, 0) + act.cost
            if costs[due] > min(self.bench.events_free, AT_ONCE):
                raise self._full(act)

    def _pieces(self, end: int) -> Iterator[int]:
        """Ticks to run to, each time after what is due before has been sent."""
        while self.acts:
            self._send()
            if not self.acts:
                break
            if self.acts[0].due == self.bench.tick:  # somebody else has taken the room since
                raise self._full(self.acts[0])
            yield self.acts[0].due
        yield end

    def _send(self) -> None:
        room = min(self.bench.events_free, AT_ONCE)
        while self.acts and self.acts[0].cost <= room:
            act = self.acts.pop(0)
            before = self.bench.last_event_id
            with blamed(act.where or None):
                act.send()
            self.sent |= dict.fromkeys(range(before + 1, self.bench.last_event_id + 1), act.where)
            room -= act.cost

    def _full(self, act: _Act) -> ScriptError:
        real = self.bench.time == "real"
        what = "the script does" if real else f"the script does at {act.due * self.bench.period_s:.9g} s"
        what = f"up to here {what} more than the {self.bench.events_free} events that are free on this bench"
        mend = "Open the bench with script=, which makes room for all"
        return ScriptError(what, where=act.where or self.file, mend=mend)

    def _see_refusals(self) -> None:
        new = self.bench.events[self.seen :]
        self.seen += len(new)
        for event in new:
            if event["kind"] == "refused" and event["id"] in self.sent:
                what = f"{event['target']} was refused at tick {event['tick']}: {event['text']}"
                raise ScriptError(what, where=self.sent[event["id"]] or self.file)


def _judge(bench: Bench, expected: Sequence[Expectation], begin: int) -> Iterator[Judged]:
    """Each expectation by the bench's history, told in bench time."""
    begin_s = begin * bench.period_s
    every_s = bench.recorder.columns[0].every * bench.period_s if expected else 0.0
    for row in expected:
        values = _since(bench, row.signal, begin)
        shown = replace(row, time_s=row.time_s + begin_s)
        units: Mapping[str, str | None] = {row.signal: bench.units[row.signal]}
        formula = parse(row.formula, units)
        try:
            verdict = formula.evaluate(values, every_s)
            seen = seen_in(values, bench.units[row.signal], every_s, row, parse(row.condition, units))
        except FormulaError as error:
            yield Judged(row.name, str(formula), None, why=error.message, expected=shown)
            continue
        later = None if seen is None else replace(seen, at_s=seen.at_s + begin_s)
        verdict = replace(verdict, at_s=verdict.at_s + begin_s, known_s=verdict.known_s + begin_s)
        yield judged(row.name, shown.formula, verdict, shown, later)


def _since(bench: Bench, name: str, begin: int) -> dict[str, npt.NDArray[np.float64]]:
    """A signal from the tick `begin` on, a value for each period of the group; what was not recorded holds."""
    ticks, columns = bench.recorder.rows([name])
    back = np.flatnonzero(np.diff(ticks) < 0)  # a bench that was restored begins anew
    first = int(back[-1]) + 1 if back.size else 0
    ticks = ticks[first:]
    if not ticks.size or ticks[-1] < begin:
        return {name: np.empty(0)}
    grid = np.arange(begin, int(ticks[-1]) + 1, bench.recorder.columns[0].every)
    rows = np.maximum(np.searchsorted(ticks, grid, side="right") - 1, 0)
    return {name: columns[name][first:][rows]}
