"""The twin of a bench: beside the loop, never in it. What the loop recorded is followed row by row and told the ledger.

`Twin.look` does all the work. It runs in the thread that calls it, on rows that were drained from the loop's ring: in
virtual and lock-step time between two slices of the run, in real time beside it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hil.bench import Bench
from hil.fork import Fork
from hil.rig import RecordGroup, Rig
from hil.rig.twin import states_of
from hil.signing.keys import PublicKey
from hil.twin.alarms import Alarms, Change, State
from hil.twin.authority.desk import Desk
from hil.twin.authority.gate import Gate
from hil.twin.authority.ladder import Condition
from hil.twin.diagnosis import Diagnosis, Finding
from hil.twin.forecast.kpi import Kpi
from hil.twin.ledger import Entry, Ledger
from hil.twin.rows import Rows
from hil.twin.spec import TwinTable, twin_of
from hil.twin.synchronise import Estimate, Synchroniser

GRAVE = ("critical", "high")  # priorities of alarms that take authority away
GROUP = "twin"  # of the recording: what the services follow
Service = Callable[["Twin"], None]
Follower = Callable[[float, Mapping[str, float]], None]


def with_group(rig: Rig) -> Rig:
    """The rig with a recorded group that has all that its twin follows; most rigs have one already."""
    names = followed(rig)
    if any(group_of_all(group.signals, names) for group in rig.record.values()):
        return rig
    every = rig.blocks[twin_of(rig).observer].every
    others = {  # a signal is recorded once
        name: replace(group, signals=tuple(s for s in group.signals if s not in names))
        for name, group in rig.record.items()
    }
    return replace(rig, record={**others, GROUP: RecordGroup(GROUP, tuple(names), every, (), raw=False)})


def group_of_all(recorded: Iterable[str], names: Iterable[str]) -> bool:
    """Whether one group has all of the names."""
    return set(names) <= set(recorded)


def followed(rig: Rig) -> list[str]:
    """Signals that the services need, each once."""
    table = twin_of(rig)
    states, variances = estimated(rig, table)
    names = dict.fromkeys([*states.values(), *variances.values()])
    for parameter in table.parameters.values():
        names |= dict.fromkeys((parameter.estimate, parameter.variance))
    for setpoint in table.setpoints.values():
        names |= dict.fromkeys((setpoint.desired, setpoint.acknowledged, setpoint.reported))
        names |= dict.fromkeys([setpoint.acting] if setpoint.acting else [])
    for signal, bad in table.quality.items():
        names |= dict.fromkeys((signal, bad))
    names |= dict.fromkeys(detector.signal for detector in table.detectors.values())
    names |= dict.fromkeys(limit.signal for limit in table.limits.values())
    names |= dict.fromkeys(signal for forecast in table.forecasts.values() for signal in forecast.signals)
    for action in table.actions.values():
        spoken_of = Kpi(action.objective, table.kpis[action.objective]).names
        names |= dict.fromkeys(name for name in sorted(spoken_of) if name in rig.signals)
    return list(names)


def estimated(rig: Rig, table: TwinTable) -> tuple[dict[str, str], dict[str, str]]:
    """Signals of the observer's estimates and of their variances, by the state's short name."""
    block = rig.blocks[table.observer]
    wires = {wire.port: wire.signal for wire in block.outputs}
    states = states_of(block)
    variances = {name: wires[f"variance.{name}"] for name in states if f"variance.{name}" in wires}
    return {name: wires[f"x.{name}"] for name in states}, variances


class ToldLedger(Ledger):
    """A ledger that tells of each entry that this process writes, whoever writes it.

    Attributes:
        counts: entries of this process, by kind.
    """

    def __init__(self, folder: Path, on_entry: Callable[[str, Mapping[str, Any]], None] | None = None) -> None:
        self.counts: dict[str, int] = {}
        super().__init__(folder)
        self._on_entry = on_entry

    def append(self, kind: str, body: Mapping[str, Any], personal: Mapping[str, str] | None = None) -> Entry:
        """As `Ledger.append`."""
        entry = super().append(kind, body, personal)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self._on_entry is not None:
            self._on_entry(kind, body)
        return entry


@dataclass
class Twin:
    """Follows a bench.

    Attributes:
        bench: opened from `with_group(rig)`.
        ledger: where its acts are written.
        services: what runs after each look, in order: recalibration, forecasts, proposals.
        followers: are told each row: its bench time and values.
        desk: its proposals and what it may do.
        trusted: public keys whose envelopes are accepted.
        calendar: UTC; what an envelope's times are compared with.
        model: number of the model's version in use.
        new: the plant's parameters as the rig has them.
        lock: held while it looks, and by whoever acts on alarms from another thread.
    """

    bench: Bench
    ledger: ToldLedger
    table: TwinTable = field(init=False)
    alarms: Alarms = field(init=False)
    diagnosis: Diagnosis = field(init=False)
    synchroniser: Synchroniser = field(init=False)
    rows: Rows = field(init=False)
    services: list[Service] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    time_s: float = 0.0
    followers: list[Follower] = field(default_factory=list)
    trusted: Sequence[PublicKey] = ()
    calendar: Callable[[], datetime] = lambda: datetime.now(UTC)
    model: Callable[[], int] = lambda: 0
    desk: Desk = field(init=False)
    new: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rig = self.bench.rig
        self.table = twin_of(rig)
        self.alarms = Alarms.of(self.table.detectors)
        self.diagnosis = Diagnosis(self.table)
        self.synchroniser = Synchroniser(self.table, *estimated(rig, self.table))
        observer = rig.blocks[self.table.observer]
        columns = next(c for c in self.bench.recorder.columns if group_of_all(c.names, followed(rig)))
        params = self.bench.built.params
        names = {name: f"{self.table.block}.{name}" for name in self.table.parameters}
        self.new = {name: self.bench[full] for name, full in names.items() if full in params}
        self.rows = Rows(
            columns, followed(rig), self.bench.period_s, self.table.history_s, observer.every, observer.phase
        )
        self.bench.recorder.tap = (columns.name, self.rows.take)
        self.desk = Desk(
            Gate(self.bench),
            self.table.actions,
            self.write,
            self.calendar,
            self.condition,
            self.measure,
            self.crossed,
            trusted=self.trusted,
        )

    # ---- following the loop ----

    def look(self) -> None:
        """Follows what was drained since the last look, then runs the services."""
        with self.lock:
            values: dict[str, float] = {}
            for time_s, values, flawed in self.rows.fresh():
                self._row(time_s, values, flawed)
            if not values:
                return
            self.synchroniser.settle(self.time_s, values)
            for service in self.services:
                service(self)
            self.desk.step()

    def _row(self, time_s: float, values: dict[str, float], flawed: Mapping[str, int]) -> None:
        self.time_s = time_s
        for follower in self.followers:
            follower(time_s, values)
        for event in self.synchroniser.see(time_s, values, flawed):
            self.write("quality", event.to_dict())
        for change in self.alarms.see(time_s, values):
            self._changed(change)
        found = self.diagnosis.see(time_s, self.alarms.on())
        if found is not None:
            self.write("diagnosis", found.to_dict())

    def _changed(self, change: Change) -> None:
        detector = self.table.detectors[change.name]
        if detector.evidence and change.state is State.UNACKNOWLEDGED:
            body = {"time_s": change.time_s, "detector": change.name, "signal": detector.signal, "value": change.value}
            self.write("detection", {**body, "text": detector.text})
        if detector.alarm:
            self.write("alarm", self._alarm_body(change))

    def _alarm_body(self, change: Change) -> dict[str, Any]:
        detector = self.table.detectors[change.name]
        return {
            "time_s": change.time_s,
            "alarm": change.name,
            "before": change.before.value,
            "state": change.state.value,
            "on": change.on,
            "value": change.value,
            "priority": detector.priority,
            "text": detector.text,
            "why": change.why,
            "in_ten_minutes": self.alarms.flood(change.time_s),
        }

    def write(self, kind: str, body: Mapping[str, Any], personal: Mapping[str, str] | None = None) -> int:
        """One entry into the ledger; returns its number. Numbers that are not finite are left to it."""
        return self.ledger.append(kind, body, personal).number

    # ---- what the desk asks ----

    def condition(self) -> Condition:
        """What authority depends on: grave alarms, measurements, overruns, the model."""
        return Condition(
            alarms=frozenset(
                alarm.name
                for alarm in self.alarms.standing()
                if alarm.table.alarm and alarm.state is State.UNACKNOWLEDGED and alarm.table.priority in GRAVE
            ),
            unusable=frozenset(self.synchroniser.unusable),
            overruns=self.bench.overruns,
            model=self.model(),
            time_s=self.time_s,
        )

    def measure(self, formula: str, from_s: float, to_s: float) -> float:
        """A KPI of what was measured in a stretch of bench time; NaN where it cannot be known.

        A parameter of the plant that the formula speaks of is the estimated one.
        """
        kpi, time_s = Kpi("measured", formula), self.rows.time_s()
        chosen = (time_s > from_s) & (time_s <= to_s)
        if not chosen.any() or time_s[0] > from_s + self.slack_s or time_s[-1] < to_s - self.slack_s:
            return math.nan
        try:
            columns = {name: self.rows.column(self._measured_as(name))[chosen] for name in kpi.names}
        except KeyError:
            return math.nan
        return kpi.of_rows(columns, to_s - from_s)

    @property
    def slack_s(self) -> float:
        """How far the first and last row may be from the ends of a stretch."""
        return 3.0 * self.bench.period_s * self.bench.rig.blocks[self.table.observer].every

    def _measured_as(self, name: str) -> str:
        block, _, parameter = name.partition(".")
        if block == self.table.block and parameter in self.table.parameters:
            return self.table.parameters[parameter].estimate
        return name

    def crossed(self, limit: str, since_s: float) -> bool | None:
        """Whether a limit of [twin.limits] was crossed since then, as measured; None: it cannot be known."""
        table = self.table.limits[limit]
        values = self.rows.column(table.signal)[self.rows.time_s() > since_s]
        low = -math.inf if table.low is None else table.low
        high = math.inf if table.high is None else table.high
        if bool(((values < low) | (values > high)).any()):
            return True
        return False if len(values) and np.isfinite(values).all() else None

    def fork(self) -> Fork:
        """The present, to look ahead from; beside a bench that runs its devices begin anew. Raises as `Bench.fork`."""
        return self.bench.fork()

    # ---- what can be asked ----

    @property
    def estimate(self) -> Estimate | None:
        """The newest estimate with its deviations; None before the first row."""
        return self.synchroniser.estimate

    @property
    def finding(self) -> Finding | None:
        """The newest diagnosis."""
        return self.diagnosis.newest

    def parameters(self) -> dict[str, tuple[float, float]]:
        """Estimate and deviation of each parameter of [twin.parameters]."""
        found = {}
        for name, parameter in self.table.parameters.items():
            value, variance = (float(self.rows.column(n)[-1]) for n in (parameter.estimate, parameter.variance))
            found[name] = (value, math.sqrt(max(0.0, variance)))
        return found

    def status(self) -> dict[str, Any]:
        """How twin and plant are, as JSON data."""
        with self.lock:
            standing = [alarm.to_dict() for alarm in self.alarms.standing() if alarm.table.alarm]
            return {
                "rig": self.bench.rig.name,
                "time_s": self.time_s,
                **self.synchroniser.to_dict(),
                "diagnosis": self.finding.to_dict() if self.finding else None,
                "alarms": standing,
                "in_ten_minutes": self.alarms.flood(self.time_s),
                "authority": self.desk.to_dict(),
                "entries": dict(self.ledger.counts),
            }

    # ---- what a person does to alarms ----

    def acknowledge(self, name: str, person: str, reason: str = "") -> None:
        """Raises HilError when there is nothing to acknowledge."""
        self._by_person(lambda: self.alarms.acknowledge(name, self.time_s), person, reason)

    def reset(self, name: str, person: str, reason: str = "") -> None:
        """Ends a latched alarm; raises HilError when it is none."""
        self._by_person(lambda: self.alarms.reset(name, self.time_s), person, reason)

    def shelve(self, name: str, for_s: float, person: str, reason: str = "") -> None:
        """Takes an alarm out of sight for a time; raises HilError when it cannot be."""
        self._by_person(lambda: self.alarms.shelve(name, self.time_s, for_s), person, reason)

    def unshelve(self, name: str, person: str, reason: str = "") -> None:
        """Brings it back; raises HilError when it is not shelved."""
        self._by_person(lambda: self.alarms.unshelve(name, self.time_s), person, reason)

    def _by_person(self, act: Callable[[], Change], person: str, reason: str) -> None:
        with self.lock:
            change = act()
            told = {"person": person, "reason": reason} if reason else {"person": person}
            self.write("alarm", self._alarm_body(change), told)
