"""Alarms: a table of what they promise, and the check of each.

    alarm,signal,on,limit,dead_band,delay,latch,acknowledge
    plc.alarm_h1,sensor.h1,above,19cm,5mm,0s,yes,alarm1.reset = 1 for 100ms

Columns that may be left out: dead_band, delay, latch, acknowledge, tolerance (how near to the limit it is looked at),
requirement, title.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hil.commission.acts import Act, seconds
from hil.commission.check import Check, Expect, Run, expect
from hil.commission.matrix import parts
from hil.commission.reading import Reading, Row
from hil.errors import RigError

COLUMNS = ("alarm", "signal", "on", "limit")
FURTHER = ("dead_band", "delay", "latch", "acknowledge", "tolerance", "requirement", "title")
YES, NO = ("yes", "true", "1", "x"), ("no", "false", "0", "", "-")
NEAR = 0.002  # of the signal's span: how near to the limit it is looked at
HOLD_S = 0.3


@dataclass(frozen=True)
class Alarm:
    """One row.

    Attributes:
        sign: 1: on above the limit, -1: below.
        near: distance from the limit at which it is looked at.
        dead_band: distance behind the limit at which it ends; 0: none is promised.
    """

    alarm: str
    signal: str
    sign: int
    limit: float
    dead_band: float
    delay_s: float
    latch: bool
    acknowledge: tuple[Act, ...]
    near: float
    requirements: tuple[str, ...]
    title: str

    @property
    def id(self) -> str:
        """Of its item."""
        return f"ALARM-{self.alarm}-{self.signal}"


def read_alarms(reading: Reading, file: str) -> list[Alarm]:
    """All rows of the table."""
    rows = reading.rows(("commission", "alarms"), file, COLUMNS, FURTHER)
    alarms = [_alarm(reading, row) for row in rows]
    seen: dict[str, int] = {}
    for alarm, row in zip(alarms, rows, strict=True):
        if alarm.id in seen:
            reading.note(row.at("alarm"), f"{alarm.alarm} on {alarm.signal} stands in line {seen[alarm.id]} as well")
        seen[alarm.id] = row.line
    return alarms


def _alarm(reading: Reading, row: Row) -> Alarm:
    signal = reading.signal(row.at("signal"), row["signal"])
    known = reading.rig.signals.get(signal)
    if known is not None and not known.path:
        reading.note(row.at("signal"), f"'{signal}' cannot be forced", "Give path = true in [signals]")
    unit = known.unit if known else None
    low, high = (known.range if known else None) or (0.0, 1.0)
    numbers = {
        column: reading.quantity(row.at(column), row[column] or preset, unit)
        for column, preset in (("limit", ""), ("dead_band", "0"), ("tolerance", f"{NEAR * (high - low):.6g}"))
    }
    if row["on"] not in ("above", "below"):
        reading.note(row.at("on"), f"'{row['on']}' is neither above nor below")
    if row["latch"].lower() not in (*YES, *NO):
        reading.note(row.at("latch"), f"'{row['latch']}' is neither yes nor no")
    latch = row["latch"].lower() in YES
    acknowledge = reading.acts(row.at("acknowledge"), parts(row["acknowledge"]))
    if latch and not acknowledge:
        reading.note(row.at("acknowledge"), "is missing for an alarm that latches", "Write what acknowledges it")
    near = numbers["tolerance"]
    if numbers["dead_band"] and near >= numbers["dead_band"]:
        reading.note(row.at("tolerance"), f"{near:g} is not less than the dead band {numbers['dead_band']:g}")
    return Alarm(
        reading.signal(row.at("alarm"), row["alarm"]), signal, -1 if row["on"] == "below" else 1, numbers["limit"],
        numbers["dead_band"], _delay(reading, row), latch, acknowledge, near,
        reading.known_requirements(row.at("requirement"), row["requirement"].split()), row["title"],
    )  # fmt: skip


def _delay(reading: Reading, row: Row) -> float:
    try:
        return seconds(row["delay"] or "0s")
    except RigError as error:
        reading.note_error(row.at("delay"), error)
        return 0.0


def alarm_checks(reading: Reading, alarms: list[Alarm]) -> list[Check]:
    """One item for each alarm."""
    return [_check(alarm, reading.table.commission.time_tolerance_s) for alarm in alarms]


def _check(alarm: Alarm, time_tolerance_s: float) -> Check:
    story = _Story(alarm, time_tolerance_s)
    story.tell()
    run = Run(round(story.t + HOLD_S, 9), tuple(story.acts), tuple(story.expects))
    side = "above" if alarm.sign > 0 else "below"
    promise = f"on {side} {alarm.limit:g}, after {alarm.delay_s:g} s, dead band {alarm.dead_band:g}"
    latch = "latched until it is acknowledged" if alarm.latch else "ends by itself"
    title = alarm.title or f"Alarm {alarm.alarm} by {alarm.signal}"
    names = (alarm.signal, alarm.alarm)
    return Check(
        alarm.id, "alarm", title, f"{promise}, {latch}", (run,), names, names, requirements=alarm.requirements
    )  # fmt: skip


@dataclass
class _Story:
    """Acts and expectations of one alarm, along the time of the item."""

    alarm: Alarm
    pad_s: float
    t: float = 0.0
    acts: list[Act] = field(default_factory=list)
    expects: list[Expect] = field(default_factory=list)

    def tell(self) -> None:
        """All of it."""
        alarm = self.alarm
        wait_s = alarm.delay_s + self.pad_s + HOLD_S
        self.go(alarm.limit - alarm.sign * alarm.near)
        self.keeps(False, "below the limit: no alarm" if alarm.sign > 0 else "above the limit: no alarm", wait_s)
        if alarm.delay_s > 2 * self.pad_s:
            self.short()
        self.comes("at the limit: alarm, not before its delay and not after it")
        if alarm.latch:
            self.latched()
        elif alarm.dead_band:
            self.inside_dead_band(wait_s)
        if not alarm.latch:
            self.goes("behind the dead band: the alarm ends" if alarm.dead_band else "the alarm ends")

    def short(self) -> None:
        """Beyond the limit for less than the delay."""
        alarm, part_s = self.alarm, self.alarm.delay_s - 2 * self.pad_s
        self.go(alarm.limit + alarm.sign * alarm.near)
        self.advance(part_s)
        self.go(alarm.limit - alarm.sign * (alarm.near + alarm.dead_band))
        self.keeps(False, "shorter than the delay: no alarm", alarm.delay_s + self.pad_s, since_s=part_s)

    def comes(self, what: str) -> None:
        """Beyond the limit until the alarm is there."""
        alarm = self.alarm
        self.go(alarm.limit + alarm.sign * alarm.near)
        earliest = max(0.0, alarm.delay_s - self.pad_s)
        self.look(
            "becomes", alarm.alarm, what, after_s=self.t, not_before_s=earliest, within_s=alarm.delay_s + self.pad_s
        )
        self.advance(alarm.delay_s + self.pad_s + HOLD_S)

    def latched(self) -> None:
        """Stays when the value is normal again, until it is acknowledged; not to be acknowledged while it is due."""
        alarm = self.alarm
        self.go(alarm.limit - alarm.sign * (alarm.near + alarm.dead_band))
        self.keeps(True, "normal again: the latched alarm stays", alarm.delay_s + self.pad_s + 2 * HOLD_S)
        self.acknowledge("acknowledged: the alarm ends")
        self.comes("once more beyond the limit: alarm")
        inside = alarm.dead_band - min(alarm.near, alarm.dead_band / 4)
        if alarm.dead_band:
            self.go(alarm.limit - alarm.sign * inside)
            self.advance(HOLD_S)
        for act in alarm.acknowledge:
            self.acts.append(act.later(self.t))
        where = "in the dead band" if alarm.dead_band else "beyond the limit"
        self.keeps(True, f"acknowledged {where}: the alarm stays", _length(alarm.acknowledge) + self.pad_s + HOLD_S)
        self.go(alarm.limit - alarm.sign * (alarm.near + alarm.dead_band))
        self.advance(alarm.delay_s + self.pad_s + HOLD_S)
        self.acknowledge("behind the dead band and acknowledged: the alarm ends", was_on=False)

    def inside_dead_band(self, wait_s: float) -> None:
        """Back across the limit, but not out of the dead band."""
        alarm = self.alarm
        self.go(alarm.limit - alarm.sign * (alarm.dead_band - min(alarm.near, alarm.dead_band / 4)))
        self.keeps(True, "in the dead band: the alarm stays", wait_s)

    def goes(self, what: str) -> None:
        """Back to normal, and the alarm ends by itself."""
        alarm = self.alarm
        self.go(alarm.limit - alarm.sign * (alarm.near + alarm.dead_band))
        self.look("becomes", f"not {alarm.alarm}", what, after_s=self.t, within_s=alarm.delay_s + self.pad_s)
        self.advance(alarm.delay_s + self.pad_s + HOLD_S)

    def acknowledge(self, what: str, *, was_on: bool = True) -> None:
        """The act, and the end of the alarm."""
        alarm = self.alarm
        for act in alarm.acknowledge:
            self.acts.append(act.later(self.t))
        last_s = _length(alarm.acknowledge) + self.pad_s
        if was_on:
            self.look("becomes", f"not {alarm.alarm}", what, after_s=self.t, within_s=last_s)
            self.advance(last_s)
        else:
            self.advance(last_s)
            self.look("holds", f"not {alarm.alarm}", what, from_s=self.t, to_s=round(self.t + HOLD_S, 9))
        self.advance(HOLD_S)

    def go(self, value: float) -> None:
        """The signal is held at a value from now on."""
        self.acts.append(Act("force", self.alarm.signal, round(value, 12), round(self.t, 9)))

    def keeps(self, on: bool, what: str, length_s: float, since_s: float = 0.0) -> None:
        """The alarm stays as it is."""
        condition = self.alarm.alarm if on else f"not {self.alarm.alarm}"
        first, last = round(self.t - since_s, 9), round(self.t + length_s, 9)
        self.look("holds", condition, what, from_s=first, to_s=last)
        self.advance(length_s)

    def look(self, judge: str, condition: str, what: str, **times: float) -> None:
        """An expectation with the value that is applied."""
        applied = next((act.value for act in reversed(self.acts) if act.target == self.alarm.signal), None)
        rounded = {name: round(value, 9) for name, value in times.items()}
        self.expects.append(expect(judge, condition, **rounded, what=what, tag=self.alarm.alarm, applied=applied))

    def advance(self, length_s: float) -> None:
        """Time goes on."""
        self.t = round(self.t + length_s, 9)


def _length(acts: tuple[Act, ...]) -> float:
    """Time that acts take."""
    return max((act.at_s + (act.for_s or 0.0) for act in acts), default=0.0)
