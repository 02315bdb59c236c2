"""The tables of commission.toml as they are written; the docstrings of the fields are the reference of the format."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hil.rig.schema import PlainName, Seconds

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=60)]
Quantity = int | float | str
Acts = list[str]
Condition = str


class Table(BaseModel):
    """Exact types, no unknown keys, no infinite numbers."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class CommissionTable(Table):
    """[commission]: what all checks share."""

    role: PlainName | None = None
    """The role whose controller is commissioned; default: the rig's only one."""
    settle_s: Seconds = 10.0
    """Bench time from a fresh start to the initial state of every item."""
    start: Acts = []
    """What brings the controller there, at time 0; what it sets stays set."""
    reset: Acts = []
    """What helps it back there after an item, where a device on a wire cannot go back: acknowledgements."""
    ready: Condition = ""
    """What has to hold in the initial state; else nothing is checked."""
    tag_list: str | None = None
    """The PLC's own list of tags, beside this file: CSV (generic or OpenPLC) or PLCopen XML."""
    unlisted: list[str] = []
    """Tags of that list which the rig need not have, as "hmi_*"."""
    alarms: str | None = None
    """Table of alarms, CSV."""
    matrix: str | None = None
    """Cause-and-effect matrix, CSV."""
    matrix_within_s: Seconds = 1.0
    """Longest delay of an effect whose cell names none."""
    matrix_release_s: Seconds = 5.0
    """By then an effect without latch has ended after its cause, and one with latch after its acknowledgement."""
    tolerance_percent: Annotated[float, Field(gt=0)] = 0.5
    """Of a loop check, in percent of the tag's span, where the tag has none of its own."""
    time_tolerance_s: Annotated[float, Field(gt=0)] = 0.05
    """By how much an alarm may come early or late."""
    nominal_s: Seconds = 10.0
    """How long the undisturbed run lasts by which requirements are judged."""
    real_time: list[str] = []
    """Items for real time, as "LOOP-*"; default: one of each kind, shortest first, within real_time_s."""
    real_time_settle_s: Seconds = 5.0
    """In real time instead of settle_s, where that is longer."""
    real_time_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """Longest bench time of all items in real time."""


class WireBreakTable(Table):
    """Of a tag: what has to happen while its line is broken."""

    low: Condition = ""
    """At 3.6 mA."""
    high: Condition = ""
    """At 21 mA."""
    within_s: Seconds = 0.5
    """So soon."""


class LoopTable(Table):
    """[loops."TAG"]: how one tag is checked."""

    seen: str = ""
    """What the controller reads back, as "plc.setpoint_h1 - plc.error_h1"; default: its input behind the register."""
    drive: Acts = []
    """Of a tag from the controller: what brings it to {value}."""
    expected: str = ""
    """What it then is, as "plc.setpoint_h1 - {value}"; default {value}."""
    arrives: str = ""
    """Where it is looked at; default: the tag's signal."""
    range: Annotated[list[Quantity], Field(min_length=2, max_length=2)] | None = None
    """0 % and 100 % of what is applied; default: the signal's range."""
    tolerance: Quantity | None = None
    """Largest difference; default: [commission] tolerance_percent."""
    settle_s: Annotated[float, Field(gt=0)] = 0.1
    """Time at each point before it is read."""
    beyond: bool = True
    """Also a little below 0 % and above 100 %."""
    on: Acts = []
    """Of a binary tag from the controller: what turns it on."""
    off: Acts = []
    """And off again."""
    within_s: Seconds = 0.5
    """By then a binary tag has followed."""
    wire_break: WireBreakTable = WireBreakTable()
    """Reaction to a broken line."""
    requirements: list[str] = []
    """Ids of requirements that the checks of this tag show."""
    skip: str = ""
    """Why it is not checked."""


class TransitionTable(Table):
    """A permitted change of state."""

    source: Annotated[str, Field(alias="from")]
    """State that it leaves."""
    to: str
    """State that it enters."""
    min_s: Seconds = 0.0
    """Shortest stay before it."""
    max_s: Seconds | None = None
    """Longest stay before it."""


class SequenceRunTable(Table):
    """One way through the chart."""

    title: str = ""
    """A few words."""
    do: Acts = []
    """Acts."""
    seconds: Annotated[float, Field(gt=0)]
    """How long it lasts."""
    path: Annotated[list[str], Field(min_length=1)]
    """The states that it has to go through, the first is the one that it begins in."""


class SequenceTable(Table):
    """[sequences.NAME]: a state chart and ways through it."""

    title: str = ""
    """A few words."""
    states: dict[PlainName, Condition]
    """State -> condition by which it is told."""
    transitions: list[TransitionTable] = []
    """The permitted ones; all others are forbidden."""
    forbidden: list[TransitionTable] = []
    """Named for their own sake; times are not used."""
    timeouts: dict[str, Seconds] = {}
    """State -> longest stay in it while a way is not at its end."""
    runs: Annotated[list[SequenceRunTable], Field(min_length=1)]
    """Ways through the chart."""
    requirements: list[str] = []
    """Ids of requirements shown."""


class ModeTable(Table):
    """[modes.NAME]: changes between manual and automatic without bump."""

    title: str = ""
    """A few words."""
    do: Annotated[Acts, Field(min_length=1)]
    """The changes."""
    seconds: Annotated[float, Field(gt=0)]
    """How long it lasts."""
    output: str
    """Signal that must not jump; the controller's own value, before the safety gate."""
    limit: Quantity
    """Largest change from one sample to the next."""
    hold: list[Condition] = []
    """What also has to hold all the time."""
    become: list[Condition] = []
    """What has to come true by the end, so that a change that never happened is noticed."""
    requirements: list[str] = []
    """Ids of requirements shown."""


class EffectTable(Table):
    """What has to come true, and how soon."""

    condition: Condition
    """Such as "pump.v1 < 1mV"."""
    within_s: Seconds = 0.5
    """After the cause begins."""


class FailSafeTable(Table):
    """[fail_safe.NAME]: loss of communication, STOP, restart."""

    title: str = ""
    """A few words."""
    communication: bool = False
    """Every value in both directions is lost."""
    do: Acts = []
    """Or what is done; it is undone after lasts_s where it says no time of its own."""
    lasts_s: Annotated[float, Field(gt=0)] = 1.0
    """How long."""
    effects: list[EffectTable] = []
    """What happens meanwhile."""
    back: Acts = []
    """What is done afterwards, its times counted from the end of the cause."""
    stays: Condition = ""
    """What still has to hold afterwards, for stays_s: no restart of its own."""
    stays_s: Seconds = 1.0
    """How long that is looked at."""
    recovers: list[EffectTable] = []
    """What comes true afterwards, counted from the end of the cause."""
    requirements: list[str] = []
    """Ids of requirements shown."""


class ScanTable(Table):
    """[timing.scan]: the scan seen from outside."""

    signal: str
    """One that changes in each scan: a counter, or a noisy measurement that is read back."""
    limit_s: Annotated[float, Field(gt=0)]
    """Longest time between two changes."""
    mean_s: Annotated[float, Field(gt=0)] | None = None
    """Largest mean time between two changes."""
    seconds: Annotated[float, Field(gt=0)] = 2.0
    """How long it is looked at."""


class ResponseTable(Table):
    """[timing.responses.NAME]: from an input to an output."""

    title: str = ""
    """A few words."""
    do: Annotated[Acts, Field(min_length=1)]
    """The input, at the moment from which the time counts."""
    condition: Condition
    """The output's answer."""
    limit_s: Annotated[float, Field(gt=0)]
    """Longest time, at the worst phase of the scan."""
    phases: Annotated[int, Field(ge=1, le=100)] = 5
    """Moments within a scan at which the input changes."""
    requirements: list[str] = []
    """Ids of requirements shown."""


class TimingTable(Table):
    """[timing]."""

    scan: ScanTable | None = None
    """Scan time."""
    responses: dict[Id, ResponseTable] = {}
    """Response times."""


class RelayTable(Table):
    """A relay in place of the controller's output."""

    amplitude: Quantity
    """Of the relay, around the resting output."""
    duration_s: Annotated[float, Field(gt=0)] = 60.0
    """Longest time."""
    action: Annotated[str, Field(pattern="^(reverse|direct)$")] = "reverse"
    """As of a pid block."""
    rule: Annotated[str, Field(pattern="^(tyreus_luyben|ziegler_nichols)$")] = "tyreus_luyben"
    """For the settings that follow."""


class LimitsTable(Table):
    """Limits of the figures of a step; a figure without one is only told."""

    rise_s: float | None = None
    """From 10 % to 90 %."""
    settle_s: float | None = None
    """Until it stays within band_percent of the step."""
    overshoot_percent: float | None = None
    """Of the step."""
    iae: float | None = None
    """Integral of the absolute error, in the measurement's unit times s."""
    effort: float | None = None
    """Sum of the output's absolute changes."""


class TuningTable(Table):
    """[tuning.NAME]: figures of a control loop over its operating points."""

    title: str = ""
    """A few words."""
    setpoint: str
    """What is stepped: a signal or a parameter."""
    measurement: str
    """The controlled signal."""
    output: str
    """The controller's output."""
    points: Annotated[list[Quantity], Field(min_length=1)]
    """Set-points before the step."""
    step: Quantity
    """Size of the step."""
    approach_s: Seconds = 30.0
    """Time to reach the operating point."""
    duration_s: Annotated[float, Field(gt=0)] = 60.0
    """Time after the step."""
    band_percent: Annotated[float, Field(gt=0)] = 5.0
    """Band of the settling time."""
    limits: LimitsTable = LimitsTable()
    """Limits at every operating point."""
    relay: RelayTable | None = None
    """Also a relay test, at rest."""
    requirements: list[str] = []
    """Ids of requirements shown."""


class RequirementTable(Table):
    """[requirements.ID]: beside the rig's own, or about one of those."""

    text: str = ""
    """In words."""
    formula: str = ""
    """As in docs/requirements.md; default: the rig's of this name."""
    checks: list[str] = ["*"]
    """Items whose runs it is judged by, as "MATRIX-*"; its own run always."""
    do: Acts = []
    """Acts of its own run."""
    seconds: Annotated[float, Field(gt=0)] | None = None
    """Length of its own run; default: nominal_s, or its horizon if that is longer."""


class CommissionFile(Table):
    """A whole commission.toml."""

    commission: CommissionTable = CommissionTable()
    loops: dict[str, LoopTable] = {}
    sequences: dict[Id, SequenceTable] = {}
    modes: dict[Id, ModeTable] = {}
    fail_safe: dict[Id, FailSafeTable] = {}
    timing: TimingTable = TimingTable()
    tuning: dict[Id, TuningTable] = {}
    requirements: dict[Id, RequirementTable] = {}
