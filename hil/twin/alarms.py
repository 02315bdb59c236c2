"""Alarms with the life cycle of ISA-18.2 (ANSI/ISA-18.2-2016, figure 3; IEC 62682), over the detectors of a twin.

| state | the condition | a person |
|---|---|---|
| normal | is not there | |
| unacknowledged | is there | has not seen it |
| acknowledged | is there | has |
| returned | was there and has gone | has not seen it |
| latched | was there, has gone, and waits for a reset | has seen it |
| shelved | is of no interest for a time, by a person | |
| suppressed | is of no interest while another one is on, by design | |

`on` is the condition behind dead band and delays, whatever the state: the diagnosis counts it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hil.errors import HilError
from hil.nearest import did_you_mean
from hil.twin.spec import DetectorTable

TRUE = 0.5
FLOOD_S, FLOOD_COUNT = 600.0, 10  # more in ten minutes are a flood (ISA-18.2, EEMUA 191)
LONGEST_SHELF_S = 7 * 86_400.0


class State(StrEnum):
    """Where an alarm stands."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    LATCHED = "latched"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True)
class Change:
    """An alarm's step from one state to the next, or of its condition while nobody is to be told."""

    time_s: float
    name: str
    before: State
    state: State
    on: bool
    value: float
    why: str = ""


@dataclass
class Condition:
    """A signal with its limit, dead band and delays.

    Attributes:
        on: the condition holds, delays counted.
    """

    table: DetectorTable
    on: bool = False
    _raw: bool = False
    _since_s: float = 0.0

    def see(self, time_s: float, value: float) -> bool:
        """Takes a sample (NaN: no news); True when `on` has changed."""
        raw = self._beyond(value)
        if raw != self._raw:
            self._raw, self._since_s = raw, time_s
        if self._raw == self.on:
            return False
        wait_s = self.table.on_delay_s if self._raw else self.table.off_delay_s
        if time_s - self._since_s < wait_s:
            return False
        self.on = self._raw
        return True

    def _beyond(self, value: float) -> bool:
        table = self.table
        if value != value:
            return self._raw
        band = table.dead_band if self._raw else 0.0
        if table.high is not None:
            return value >= table.high - band
        if table.low is not None:
            return value <= table.low + band
        return value >= TRUE


@dataclass
class Alarm:
    """One detector's alarm."""

    name: str
    table: DetectorTable
    condition: Condition
    state: State = State.NORMAL
    since_s: float = 0.0
    value: float = 0.0
    count: int = 0
    shelved_until_s: float = 0.0
    _under: State = State.NORMAL  # what it would be, were it not shelved or suppressed

    @property
    def on(self) -> bool:
        """The condition holds."""
        return self.condition.on

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        own = {"name": self.name, "state": self.state.value, "on": self.on, "since_s": self.since_s}
        told = {"value": self.value, "count": self.count, "priority": self.table.priority, "latch": self.table.latch}
        return {**own, **told, "text": self.table.text, "response": self.table.response}

    def follow(self) -> State:
        """The next state of the life cycle after a change of the condition."""
        state, on = self._under, self.on
        if on:
            return State.UNACKNOWLEDGED if state in (State.NORMAL, State.RETURNED, State.LATCHED) else state
        if state is State.UNACKNOWLEDGED:
            return State.RETURNED
        if state is State.ACKNOWLEDGED:
            return State.LATCHED if self.table.latch else State.NORMAL
        return state


@dataclass
class Alarms:
    """All alarms of a twin.

    Attributes:
        by_name: in the order of the rig file.
    """

    by_name: dict[str, Alarm]
    _raised: deque[float] = field(default_factory=deque)
    largest_flood: int = 0

    @staticmethod
    def of(detectors: Mapping[str, DetectorTable]) -> Alarms:
        """Alarms for [twin.detectors], all normal."""
        return Alarms({name: Alarm(name, table, Condition(table)) for name, table in detectors.items()})

    def see(self, time_s: float, values: Mapping[str, float]) -> list[Change]:
        """Takes one sample of each detector's signal; returns what changed, suppressing alarms first."""
        changed = [alarm for alarm in self.by_name.values() if alarm.condition.see(time_s, values[alarm.table.signal])]
        for alarm in changed:
            alarm.value = values[alarm.table.signal]
        return [change for alarm in self._moving(changed, time_s) if (change := self._step(alarm, time_s)) is not None]

    def _moving(self, changed: list[Alarm], time_s: float) -> list[Alarm]:
        """Alarms to look at: changed ones, those under a change's suppression, those whose shelf ends."""
        if changed:
            return list(self.by_name.values())
        return [a for a in self.by_name.values() if a.state is State.SHELVED and time_s >= a.shelved_until_s]

    def _step(self, alarm: Alarm, time_s: float, why: str = "") -> Change | None:
        before = alarm.state
        alarm._under = alarm.follow()
        if alarm.state is State.SHELVED and time_s < alarm.shelved_until_s:
            state = State.SHELVED
        elif alarm.on and any(self.by_name[other].on for other in alarm.table.suppressed_by):
            state, alarm._under = State.SUPPRESSED, State.NORMAL
        else:
            state = alarm._under
        return self._moved(alarm, before, state, time_s, why)

    def _moved(self, alarm: Alarm, before: State, state: State, time_s: float, why: str) -> Change | None:
        if state is before:
            return None
        alarm.state, alarm.since_s = state, time_s
        if state is State.UNACKNOWLEDGED:
            alarm.count += 1
            self._raised.append(time_s)
            self.largest_flood = max(self.largest_flood, self.flood(time_s))
        return Change(time_s, alarm.name, before, state, alarm.on, alarm.value, why)

    # ---- what a person does ----

    def acknowledge(self, name: str, time_s: float) -> Change:
        """The person has seen it.

        Raises:
            HilError: there is none of that name, or nothing to acknowledge.
        """
        alarm = self._named(name)
        if alarm.state not in (State.UNACKNOWLEDGED, State.RETURNED):
            raise HilError(f"is {alarm.state}: there is nothing to acknowledge", where=f"alarm {name}")
        back = State.LATCHED if alarm.table.latch else State.NORMAL
        return self._by_hand(alarm, State.ACKNOWLEDGED if alarm.on else back, time_s, "acknowledged")

    def reset(self, name: str, time_s: float) -> Change:
        """Ends a latched alarm; raises HilError when it is not latched, or its condition is there."""
        alarm = self._named(name)
        if alarm.state is not State.LATCHED:
            raise HilError(f"is {alarm.state}, not latched", where=f"alarm {name}")
        return self._by_hand(alarm, State.NORMAL, time_s, "reset")

    def shelve(self, name: str, time_s: float, for_s: float) -> Change:
        """Out of sight for a time; raises HilError for a time that is not within a week."""
        alarm = self._named(name)
        if not 0.0 < for_s <= LONGEST_SHELF_S:
            raise HilError(f"{for_s:g} s is no time to shelve", where=f"alarm {name}", mend="Give at most a week")
        before = alarm.state
        if before in (State.SHELVED, State.SUPPRESSED):
            raise HilError(f"is {before} already", where=f"alarm {name}")
        alarm.shelved_until_s, alarm.state, alarm.since_s = time_s + for_s, State.SHELVED, time_s
        return Change(time_s, name, before, State.SHELVED, alarm.on, alarm.value, f"for {for_s:g} s")

    def unshelve(self, name: str, time_s: float) -> Change:
        """Back into sight; raises HilError when it is not shelved."""
        alarm = self._named(name)
        if alarm.state is not State.SHELVED:
            raise HilError(f"is {alarm.state}, not shelved", where=f"alarm {name}")
        alarm.shelved_until_s = time_s
        change = self._step(alarm, time_s, "unshelved")
        assert change is not None
        return change

    def _by_hand(self, alarm: Alarm, state: State, time_s: float, why: str) -> Change:
        before, alarm._under = alarm.state, state
        alarm.state, alarm.since_s = state, time_s
        return Change(time_s, alarm.name, before, state, alarm.on, alarm.value, why)

    def _named(self, name: str) -> Alarm:
        if name not in self.by_name:
            raise HilError(f"there is no alarm '{name}'", mend=did_you_mean(name, self.by_name))
        return self.by_name[name]

    # ---- what there is to see ----

    def flood(self, time_s: float) -> int:
        """Alarms raised in the last ten minutes; more than ten are a flood."""
        while self._raised and self._raised[0] <= time_s - FLOOD_S:
            self._raised.popleft()
        return len(self._raised)

    def standing(self) -> list[Alarm]:
        """Alarms that are not normal, the gravest first."""
        order = ("critical", "high", "medium", "low")
        found = [alarm for alarm in self.by_name.values() if alarm.state is not State.NORMAL]
        return sorted(found, key=lambda alarm: (order.index(alarm.table.priority), alarm.since_s))

    def on(self) -> frozenset[str]:
        """Detectors whose condition holds, shelved and suppressed ones too: a symptom needs no alarm."""
        return frozenset(name for name, alarm in self.by_name.items() if alarm.on)

    def to_dict(self, time_s: float) -> dict[str, Any]:
        """For JSON."""
        flood = self.flood(time_s)
        figure = {"in_ten_minutes": flood, "flood": flood > FLOOD_COUNT, "most_in_ten_minutes": self.largest_flood}
        return {"alarms": [alarm.to_dict() for alarm in self.by_name.values() if alarm.table.alarm], **figure}
