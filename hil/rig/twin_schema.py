"""The tables [twin] of a rig file as they are written; `hil.rig.twin` checks the names in them.

They are also what the twin works with: `hil.twin.spec.twin_of(rig)`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

PlainName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=60)]
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
Positive = Annotated[float, Field(gt=0)]
Seconds = Annotated[float, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]
Chance = Annotated[float, Field(gt=0, lt=1)]

LADDER = ("OBSERVE", "ADVISE", "APPROVE", "SEMI", "AUTO")


class Table(BaseModel):
    """A TOML table, as in `hil.rig.schema`."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


class ParameterTable(Table):
    """[twin.parameters.NAME]: a parameter of the plant's block that is estimated."""

    estimate: str
    """Signal with its value."""
    variance: str
    """Signal with its variance."""
    calibrates: list[str] = []
    """What is set when a new value is taken over: <block>.<parameter>."""


class SetpointTable(Table):
    """[twin.setpoints.NAME]: where a set point stands on its way; all four are compared by read-back."""

    desired: str
    """Signal: what was asked for."""
    acknowledged: str
    """Signal: what the bench has taken."""
    reported: str
    """Signal: what the device tells that it works with."""
    acting: str | None = None
    """Signal: true while the twin's value is in force (output of a block `authority`); it then counts as desired."""
    tolerance: Seconds = 0.0
    """Largest difference that is none, in the signals' unit."""
    within_s: Seconds = 10.0
    """How long a change may be on its way."""


class DetectorTable(Table):
    """[twin.detectors.NAME]: a signal that is an alarm while it is true, or beyond a limit."""

    signal: str
    """True at 0.5 or more; with `high` or `low` a value."""
    high: float | None = None
    """The alarm is on from here on."""
    low: float | None = None
    """The alarm is on down from here."""
    dead_band: Seconds = 0.0
    """How far the value must come back, in its unit."""
    priority: Literal["critical", "high", "medium", "low"] = "medium"
    """Of the alarm (ISA-18.2)."""
    on_delay_s: Seconds = 0.0
    """On for so long before it is an alarm."""
    off_delay_s: Seconds = 0.0
    """Off for so long before the alarm has returned."""
    latch: bool = False
    """Stands until a person resets it."""
    suppressed_by: list[str] = []
    """Detectors: while one of them is on, this one is no alarm (suppressed by design)."""
    alarm: bool = True
    """False: only a symptom for the diagnosis, nobody is alarmed."""
    aside: Chance = 0.02
    """Probability that it speaks under a cause that does not name it, or under none: its false alarms."""
    evidence: bool = True
    """The diagnosis counts it as a symptom; False: a limit, which any cause leads to."""
    text: str
    """What the alarm says."""
    response: str = ""
    """What its reader should do."""


class CauseTable(Table):
    """[twin.causes.NAME]: what may be wrong, and which detectors it makes speak."""

    prior: Chance
    """Probability before anything was seen; the causes' sum is below 1, the rest is `none`."""
    symptoms: dict[str, Chance]
    """Detector -> probability that it speaks while this is the cause."""
    text: str
    """For people."""
    mend: str = ""
    """What to do."""
    changes: list[str] = []
    """Parameters of [twin.parameters] that it changes: they are recalibrated when it is decided."""


class LimitTable(Table):
    """[twin.limits.NAME]: what a forecast must not cross."""

    signal: str
    low: float | None = None
    high: float | None = None
    text: str = ""


class ForecastTable(Table):
    """[twin.forecasts.NAME]: an ensemble from the live state."""

    signals: Annotated[list[str], Field(min_length=1)]
    horizon_s: Positive = 3600.0
    members: Annotated[int, Field(ge=10, le=100_000)] = 500
    every_s: Positive = 600.0
    """Time between two forecasts."""
    quantiles: Annotated[list[Chance], Field(min_length=1)] = [0.05, 0.5, 0.95]


class DegradationTable(Table):
    """[twin.degradation.NAME]: a parameter that wears, and where its life ends."""

    parameter: str
    """A parameter of [twin.parameters]."""
    limit: float
    """Value at which it is used up."""
    window_s: Positive = 7200.0
    """Of its history, which the drift is found in."""


class RecalibrateTable(Table):
    """[twin.recalibrate]: when and on what the model's parameters are fitted anew."""

    window_s: Positive = 3600.0
    """Of the run's recording, which they are fitted to."""
    shadow_s: Positive = 1800.0
    """How long the challenger predicts beside the version in use before it is judged."""
    every_s: Positive = 7200.0
    """Least time between two fits."""


class WhatIfTable(Table):
    """[twin.whatif.NAME]: another course from the live state."""

    set: dict[str, float] = {}
    """What is set at once."""
    at: list[Annotated[list[float | str], Field(min_length=3, max_length=3)]] = []
    """[time_s, name, value]: what is set later, from now."""
    text: str = ""


class ActionTable(Table):
    """[twin.actions.NAME]: a set point that the twin may propose, and with authority change."""

    block: str
    """The block `authority` that holds it."""
    range: Pair
    """[low, high]; within what the block itself allows."""
    rate: Positive
    """Largest change in a second."""
    objective: str
    """A KPI of [twin.kpis] to be made small."""
    constraints: list[str] = []
    """Limits of [twin.limits] that must hold."""
    confidence: Chance = 0.9
    """Probability with which each has to hold."""
    veto_s: Seconds = 300.0
    """SEMI: how long a person may say no."""
    sets: str
    """<block>.<parameter> that a person sets it with: what an ensemble tries values of."""
    horizon_s: Positive = 3600.0
    """How far ahead it is judged, and how long behind the action it is verified."""
    resolution: Seconds = 0.0
    """Values proposed are multiples of it; 0: any."""
    level: Literal["OBSERVE", "ADVISE"] = "ADVISE"
    """Where on the ladder it begins; higher up only a person with an envelope brings it."""


class MaintenanceTable(Table):
    """[twin.maintenance.NAME]: work that restores a parameter, and when it may be done."""

    cause: str
    """The cause of [twin.causes] that it mends."""
    restores: dict[str, float]
    """What is set when it is done: block.parameter -> value."""
    duration_s: Positive
    allowed: Annotated[list[Pair], Field(min_length=1)]
    """Times of day in which it may begin, [from_s, to_s] behind midnight of bench time."""
    text: str = ""
    """What is to be done, for people."""
    cost_of_work: Seconds
    """In any one unit of cost."""
    cost_of_failure: Positive
    """Of the life's end before the work."""
    cost_of_waste: Seconds = 0.0
    """Of an hour of life that is given away."""


class RampTable(Table):
    """One of [twin.scenarios.NAME] ramps: a parameter that creeps."""

    set: str
    """<block>.<parameter>"""
    from_s: Seconds
    until_s: Positive
    start: float
    """Value at from_s."""
    end: float
    """Value at until_s, and from then on."""
    every_s: Positive = 60.0
    """Length of a step."""


class ScenarioEventTable(Table):
    """One of [twin.scenarios.NAME] events."""

    at_s: Seconds
    set: str
    value: float


class ApprovalTable(Table):
    """One of [twin.scenarios.NAME] approvals: what a person will say to proposals of an action."""

    action: str
    person: str
    reason: str
    after_s: Seconds = 0.0
    """How long the person thinks."""
    level: Literal["APPROVE", "SEMI", "AUTO"] = "APPROVE"
    """To which the person promotes the action, under an envelope signed for this run alone."""
    acknowledges: list[str] = []
    """Alarms that the person has seen before."""
    vetoes: bool = False
    """The person says no instead."""


class ScenarioTable(Table):
    """[twin.scenarios.NAME]: a run by itself."""

    duration_s: Positive
    bind: dict[PlainName, Literal["mil", "sil", "pil", "hil"]] = {}
    """Level by role."""
    time: Literal["real", "lockstep", "virtual"] = "lockstep"
    events: list[ScenarioEventTable] = []
    ramps: list[RampTable] = []
    approvals: list[ApprovalTable] = []
    text: str = ""


class ColumnTable(Table):
    """Where a signal's samples come from."""

    column: str
    unit: str | None = None
    """Of the column; default: the signal's."""


class SourceTable(Table):
    """[twin.sources.NAME]: how a file of measured data becomes signals."""

    files: str = "*"
    """Pattern of the file's name that chooses this table."""
    time: str
    """Column of time."""
    time_unit: Literal["s", "ms", "us", "ns"] = "s"
    columns: dict[str, str | float | bool | ColumnTable]
    """Signal -> column, or a constant."""
    late_s: Seconds = 60.0
    """A sample that is older than the newest by no more than this takes its place; an older one is left out."""
    set: dict[str, float] = {}
    """Parameters for this file's plant, set at the start."""
    start: dict[PlainName, dict[PlainName, float]] = {}
    """Observer -> state or estimated parameter -> where it begins with this file."""


class TwinTable(Table):
    """[twin]: what the twin estimates, watches, foresees, may do."""

    observer: PlainName
    """The block that estimates state and parameters."""
    block: PlainName
    """The plant's block, whose state the observer follows."""
    history_s: Positive = 7200.0
    """What the services remember."""
    service_s: Positive = 60.0
    """Bench time between two looks of the services."""
    parameters: dict[PlainName, ParameterTable] = {}
    setpoints: dict[PlainName, SetpointTable] = {}
    quality: dict[str, str] = {}
    """Measured signal -> the signal that is true while it cannot be used."""
    detectors: dict[PlainName, DetectorTable] = {}
    causes: dict[PlainName, CauseTable] = {}
    memory_s: Seconds = 1800.0
    """How long the diagnosis goes on counting a symptom that has passed."""
    decided: Chance = 0.8
    """Probability from which a cause is a finding."""
    limits: dict[PlainName, LimitTable] = {}
    forecasts: dict[PlainName, ForecastTable] = {}
    recalibrate: RecalibrateTable | None = None
    """None: nothing is recalibrated by itself."""
    degradation: dict[PlainName, DegradationTable] = {}
    whatif: dict[PlainName, WhatIfTable] = {}
    kpis: dict[PlainName, str] = {}
    """Formulas over signals."""
    actions: dict[PlainName, ActionTable] = {}
    maintenance: dict[PlainName, MaintenanceTable] = {}
    scenarios: dict[PlainName, ScenarioTable] = {}
    sources: dict[PlainName, SourceTable] = {}

    def plain(self) -> dict[str, Any]:
        """As JSON data."""
        return self.model_dump(mode="json", exclude_unset=True)


def named_table(key: str) -> type[BaseModel] | None:
    """What [twin.<key>.NAME] is; None when the key has no such tables."""
    field = TwinTable.model_fields.get(key)
    kinds = get_args(field.annotation) if field else ()
    return kinds[-1] if kinds and isinstance(kinds[-1], type) and issubclass(kinds[-1], BaseModel) else None
