"""A plan as it is written: TOML, checked against its rig, with every mistake in one line.

title = "Level transmitters"
duration_s = 60.0

[golden.set]                       # the healthy run
"level1.setpoint" = 0.13

[activate]
start_s = [5.0, 30.0]              # a number, or from .. to
combine = "one"                    # of the faults in each run; "all"; "any": each may be there or not

[faults.h1]
signal = "sensor.h1"
kinds = ["bias(-5cm..5cm)", "stuck", "drift(0.01mm/s..1mm/s)"]

[expect]
detect = "plc.alarm_h1"
within_s = 2.0
safe = "plant.h1 < 0.18"

[search]
method = "sobol"
runs = 1000
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hil.campaign.plan import Expectation, Falsify, FaultSlot, Kind, Plan, Range, Search
from hil.campaign.plan_tables import ExpectTable, FaultTable, PlanTable
from hil.errors import HilError, RigError
from hil.faults import FaultSpec, convert, parse_fault
from hil.nearest import did_you_mean
from hil.requirements import Formula, parse
from hil.rig import Rig
from hil.rig.lines import KeyLines
from hil.rig.messages import KeyPath, Mistakes

SEPARATOR = ".."  # between the ends of a range
FAULT = "fault."
ALWAYS = "1 > 0"


def load_plan(plan: str | Path, rig: Rig) -> Plan:
    """A plan of a rig: a file, or the name of one in the rig's folder `campaigns`.

    Raises:
        RigError: every mistake in it, one line each.
    """
    file = find_plan(plan, rig)
    try:
        return read_plan(file.read_text(encoding="utf-8"), str(file), file.stem, rig)
    except (OSError, UnicodeDecodeError) as error:
        raise RigError(f"the file cannot be read: {error}", where=str(file)) from error


def find_plan(plan: str | Path, rig: Rig) -> Path:
    """Where a plan lies."""
    path = Path(plan)
    if path.is_file():
        return path
    folder = (rig.folder or Path()) / "campaigns"
    named = folder / f"{plan}.toml"
    if not named.is_file():
        known = sorted(p.stem for p in folder.glob("*.toml"))
        raise RigError(f"there is no plan '{plan}'", where=str(folder), mend=did_you_mean(str(plan), known))
    return named


def read_plan(text: str, file: str, name: str, rig: Rig) -> Plan:
    """The plan of a file's text; see `load_plan`."""
    mistakes = Mistakes(file, KeyLines(text))
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RigError(f"broken TOML: {error}", where=file) from error
    try:
        table = PlanTable.model_validate(data)
    except ValidationError as error:
        mistakes.add_invalid(error, data)
        mistakes.stop_if_any()
        raise
    plan = _Reader(table, rig, mistakes).plan(name, text)
    mistakes.stop_if_any()
    return plan


class _Reader:
    """Turns the tables into a plan, noting what does not fit the rig."""

    def __init__(self, table: PlanTable, rig: Rig, mistakes: Mistakes) -> None:
        self.table, self.rig, self.mistakes = table, rig, mistakes
        self.units: dict[str, str | None] = {
            name: signal.unit for name, signal in rig.signals.items() if signal.role is None
        }
        self.units.update({f"{FAULT}{slot}": "1" for slot in table.faults})

    def plan(self, name: str, text: str) -> Plan:
        """All of it."""
        table = self.table
        slots = [self._slot(slot, fault) for slot, fault in table.faults.items()]
        falsify = table.search.falsify
        search = Search(
            **table.search.model_dump(exclude={"falsify"}),
            falsify=None if falsify is None else Falsify(**falsify.model_dump()),
        )
        return Plan(
            name=name,
            title=table.title or name,
            duration_s=table.duration_s,
            seed=table.seed,
            seeds=table.seeds,
            golden=dict(table.golden.set),
            combine=table.activate.combine,
            slots=tuple(slots),
            expect=self._expect(table.expect),
            search=search,
            text=text,
            on=self._on(table.activate.on),
            time=table.time,
            bind=dict(table.bind),
        )

    def _slot(self, name: str, table: FaultTable) -> FaultSlot:
        path: KeyPath = ("faults", name)
        known = self.rig.faultable()
        if table.signal not in known:
            why, mend = "no fault can act on this signal", did_you_mean(table.signal, known)
            self.mistakes.add((*path, "signal"), why, value=table.signal, mend=mend)
        kinds = [self._kind((*path, "kinds"), table.signal, text) for text in table.kinds]
        start = self._span((*path, "start_s"), ("activate", "start_s"), table.start_s, self.table.activate.start_s)
        duration = None
        if table.duration_s is not None or self.table.activate.duration_s is not None:
            given = self.table.activate.duration_s
            duration = self._span((*path, "duration_s"), ("activate", "duration_s"), table.duration_s, given or 0.0)
            if duration.low <= 0.0:
                place = (*path, "duration_s") if table.duration_s is not None else ("activate", "duration_s")
                self.mistakes.add(place, "a fault has to last longer than 0 s")
        if start.high >= self.table.duration_s:  # with `on` even more so: engine.py looks at the rest
            why = f"begins at {start.high:g} s, the run ends at {self.table.duration_s:g} s"
            self.mistakes.add((*path, "start_s") if table.start_s is not None else ("activate", "start_s"), why)
        return FaultSlot(name, table.signal, tuple(k for k in kinds if k), start, duration)

    def _span(self, own: KeyPath, general: KeyPath, given: Any, preset: Any) -> Range:
        value, path = (preset, general) if given is None else (given, own)
        low, high = value if isinstance(value, list) else (value, value)
        if low < 0.0 or high < low:
            self.mistakes.add(path, "is an impossible window", value=value, mend="Write [from, to] with from <= to")
        return Range(low, max(low, high))

    def _kind(self, path: KeyPath, signal: str, text: str) -> Kind | None:
        """`bias(-5cm..5cm)`: both ends are read as faults of their own, so units and limits are checked as there."""
        head, bracket, rest = text.partition("(")
        inside, close, behind = rest.partition(")")
        ends = [[part.strip() for part in value.split(SEPARATOR)] for value in inside.split(",")]
        try:
            low, high = (
                self._fault(signal, f"{head}{bracket}{', '.join(end[i] for end in ends)}{close}{behind}")
                for i in (0, -1)
            )
        except HilError as error:
            self.mistakes.add(path, error.message, value=text, mend=error.mend)
            return None
        ranges = tuple(Range(min(pair), max(pair)) for pair in zip(low.values, high.values, strict=True))
        return Kind(low, ranges, text)

    def _fault(self, signal: str, kind: str) -> FaultSpec:
        return convert(parse_fault(f"{signal}={kind}"), self.rig.faultable().get(signal))

    def _expect(self, table: ExpectTable) -> Expectation:
        found = {key: self._formula(key, getattr(table, key)) for key in ("detect", "requirement", "safe_state")}
        self._check_ftti(table, found["detect"], found["safe_state"])
        return Expectation(
            detect=found["detect"],
            within_s=table.within_s,
            safe=self._parsed(("expect", "safe"), table.safe, self.units),
            requirement=found["requirement"],
            name=table.name,
            safe_state=found["safe_state"],
            reaction_s=table.reaction_s or 0.0,
            ftti_s=table.ftti_s,
        )

    def _check_ftti(self, table: ExpectTable, detect: Formula | None, safe_state: Formula | None) -> None:
        """A handling time needs moments."""
        if table.safe_state is not None and table.reaction_s is not None:
            why, mend = "the safe state is named by safe_state already", "Leave one of them out"
            self.mistakes.add(("expect", "reaction_s"), why, value=table.reaction_s, mend=mend)
        if table.ftti_s is not None and table.detect is None and table.safe_state is None:
            mend = "Give detect or safe_state"
            self.mistakes.add(("expect", "ftti_s"), "nothing tells when a fault is handled", mend=mend)
        for key, formula in (("detect", detect), ("safe_state", safe_state)):
            needed = key == "safe_state" or table.ftti_s is not None or safe_state is not None
            if formula is not None and formula.horizon_s > 0.0 and needed:
                self._refuse_future(("expect", key), getattr(table, key))

    def _refuse_future(self, path: KeyPath, text: str) -> None:
        mend = "Write it without G, F, U"
        self.mistakes.add(path, "a formula about the future has no moment at which it holds", value=text, mend=mend)

    def _on(self, text: str | None) -> Formula | None:
        """Of the rig's signals alone: in the healthy run no fault acts."""
        path: KeyPath = ("activate", "on")
        units = {name: unit for name, unit in self.units.items() if not name.startswith(FAULT)}
        found = None if text is None else self._parsed(path, text, units)
        if found is not None and found.horizon_s > 0.0:
            self._refuse_future(path, str(text))
        return found

    def _formula(self, key: str, text: str | None) -> Formula | None:
        return None if text is None else self._parsed(("expect", key), text, self.units)

    def _parsed(self, path: KeyPath, text: str, units: dict[str, str | None]) -> Formula:
        try:
            return parse(text, units)
        except HilError as error:
            where = f" ({error.where})" if error.where else ""
            self.mistakes.add(path, error.message + where, value=text, mend=error.mend)
            return parse(ALWAYS)
