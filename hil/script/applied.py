"""A rig with a timed script: its rows as events, faults and requirements, each checked against the rig."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hil import units
from hil.errors import HilError
from hil.fault_activation import split_clauses
from hil.fault_times import quantity
from hil.faults import FaultSpec, parse_fault
from hil.nearest import did_you_mean
from hil.requirements.errors import FormulaError
from hil.requirements.parser import parse
from hil.requirements.seen import window_of
from hil.rig import Rig, ScheduledEvent
from hil.rig.expectation import Expectation
from hil.script.reading import Row, Script, ScriptError

RELEASE = "release"
_EXPECTED = re.compile(r"\s*(?P<sign><=|>=|==|!=|<|>|=)?\s*(?P<value>.+?)\s*")
HOW = "Write a number, or < <= > >= and a number; tolerance says how far it may be off"


def with_script(rig: Rig, script: Script) -> Rig:
    """The rig with the script's rows. Expectations are expectations, each with a requirement called FILE:LINE.

    Raises:
        ScriptError: a row does not fit the rig.
    """
    events, faults, expected = list(rig.events), list(rig.faults), []
    maker = _Maker(rig, script)
    for row in script.rows:
        if row.value:
            events += maker.value(row)
        elif row.fault:
            faults.append(maker.fault(row))
        else:
            expected.append(maker.expectation(row))
        if row.comment:
            events.append(ScheduledEvent(at_s=row.time_s, mark=row.comment))
    return replace(
        rig,
        events=tuple(events),
        faults=tuple(faults),
        requirements={**rig.requirements, **{one.name: one.formula for one in expected}},
        expectations=(*rig.expectations, *expected),
    )


class _Maker:
    """Rows of one script for one rig."""

    def __init__(self, rig: Rig, script: Script) -> None:
        self.rig, self.script = rig, script
        self.tunable = rig.tunable()
        self.paths = {name: unit for name, unit in rig.faultable().items() if name in rig.signals}
        self.recorded = {name: group.every * rig.period_s for group in rig.record.values() for name in group.signals}
        self.units: Mapping[str, str | None] = {s.name: s.unit for s in rig.signals.values() if s.role is None}

    def name(self, row: Row) -> str:
        """Of an expectation."""
        return f"{Path(self.script.file).name}:{row.line}"

    # ---- value ----

    def value(self, row: Row) -> list[ScheduledEvent]:
        """A parameter is set, a signal is forced."""
        place = self.script.place(row)
        if row.signal in self.tunable:
            return [self._set(row, place)]
        if row.signal not in self.paths:
            known = [*self.tunable, *self.paths]
            what = f"'{row.signal}' can be neither set nor forced"
            raise ScriptError(what, where=f"{place}:signal", mend=did_you_mean(row.signal, known))
        if row.value.lower() == RELEASE:
            return [self._force(row, None, row.time_s, place)]
        value = self._number(row.value, self.paths[row.signal], f"{place}:value")
        begin = self._force(row, value, row.time_s, place)
        return [begin] if row.until_s is None else [begin, self._force(row, None, row.until_s, place)]

    def _set(self, row: Row, place: str) -> ScheduledEvent:
        if row.until_s is not None:
            mend = "Give a row with the value that it has afterwards"
            raise ScriptError("a parameter that is set has no end", where=f"{place}:until", mend=mend)
        block, param = self.tunable[row.signal]
        signal = self.rig.signals.get(block) if self.rig.blocks[block].constant else None
        value = self._number(row.value, signal.unit if signal else None, f"{place}:value")
        return ScheduledEvent(at_s=row.time_s, block=block, param=param, value=value, where=place)

    def _force(self, row: Row, value: float | None, at_s: float, place: str) -> ScheduledEvent:
        return ScheduledEvent(at_s=at_s, signal=row.signal, value=value, where=place)

    def _number(self, text: str, unit: str | None, where: str) -> float:
        """A number in the signal's unit, or a quantity that is converted."""
        try:
            value, given = quantity(text, text)
        except HilError:
            raise ScriptError(f"'{text}' is not a number", where=where, mend="Write 0.12, or 12cm") from None
        try:
            scale, offset = (1.0, 0.0) if given is None or unit is None else units.conversion(given, unit)
        except HilError as error:
            raise ScriptError(error.message, where=where, mend=error.mend) from None
        if given is not None and unit is None:
            raise ScriptError(f"'{text}' has a unit, what it sets has none", where=where, mend="Give a number")
        return value * scale + offset

    # ---- fault ----

    def fault(self, row: Row) -> FaultSpec:
        """On a signal, or on a role."""
        place = self.script.place(row)
        head, clauses = split_clauses(row.fault)
        until = "" if row.until_s is None else f"{row.until_s!r}s"
        text = " ".join([f"{row.signal}={head.strip()}@{row.time_s!r}s..{until}", *clauses])
        if "@" in head:
            mend = "The columns time and until say when"
            raise ScriptError("has a time in it", where=f"{place}:fault", mend=mend)
        try:
            return replace(parse_fault(text, self.rig.faultable()), where=place)
        except HilError as error:
            what = f"{error.where}: {error.message}" if error.where else error.message
            raise ScriptError(what, where=f"{place}:fault", mend=error.mend) from None

    # ---- expect ----

    def expectation(self, row: Row) -> Expectation:
        """What is judged by a formula over the whole run."""
        place = self.script.place(row)
        if row.signal not in self.units:
            what = f"there is no signal '{row.signal}'"
            raise ScriptError(what, where=f"{place}:signal", mend=did_you_mean(row.signal, self.units))
        if row.signal not in self.recorded:
            what = f"{row.signal} is not recorded, so nothing can judge it"
            raise ScriptError(what, where=f"{place}:signal", mend="Add it to a group of [record]")
        condition, text, unit = self._condition(row, place)
        times = (row.time_s, row.within_s, row.hold_s)
        made = Expectation(self.name(row), row.line, row.signal, text, unit, condition, *times)
        try:
            parse(made.formula, dict(self.units))
        except FormulaError as error:
            raise ScriptError(error.message, where=f"{place}:expect", mend=HOW) from None
        try:
            window_of(made, self.recorded[row.signal])
        except FormulaError:
            what = f"{row.signal} has no value then: it is recorded every {self.recorded[row.signal]:g} s"
            raise ScriptError(what, where=f"{place}:time", mend="Take a multiple of that") from None
        return made

    def _condition(self, row: Row, place: str) -> tuple[str, str, str]:
        """A formula, the same for people, and the unit that it is written in."""
        match = _EXPECTED.fullmatch(row.expect)
        assert match is not None  # it is not empty
        sign, unit = match["sign"] or "=", self.units[row.signal]
        value = self._expected(match["value"], unit, f"{place}:expect")
        shown = quantity(match["value"], match["value"])[1] or unit or ""
        off = self._tolerance(row.tolerance, unit, f"{place}:tolerance") if row.tolerance else 0.0
        if sign in ("=", "=="):
            text = f"= {match['value']}" + (f" \u00b1 {row.tolerance}" if row.tolerance else "")
            return f"{value - off!r} <= {row.signal} <= {value + off!r}", text, shown
        if off:
            mend = "A tolerance belongs to an expected number"
            raise ScriptError(f"means nothing beside {sign}", where=f"{place}:tolerance", mend=mend)
        return f"{row.signal} {sign} {value!r}", f"{sign} {match['value']}", shown

    def _expected(self, text: str, unit: str | None, where: str) -> float:
        try:
            return self._number(text, unit, where)
        except ScriptError as error:
            raise ScriptError(f"'{text}' is no expectation: {error.message}", where=where, mend=HOW) from None

    def _tolerance(self, text: str, unit: str | None, where: str) -> float:
        """A difference: a unit's zero does not matter."""
        low, high = self._number("0" + text.lstrip("+-0123456789.eE "), unit, where), self._number(text, unit, where)
        if not high >= low:
            raise ScriptError(f"'{text}' is negative", where=where)
        return high - low
