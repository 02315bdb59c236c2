"""The requirements of a rig: read before a run, judged by its recording."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hil.requirements.errors import FormulaError
from hil.requirements.formula import Formula
from hil.requirements.parser import parse
from hil.requirements.recorded import FAULT, check_recording, sampled
from hil.requirements.seen import Seen, seen_in
from hil.requirements.verdict import Verdict
from hil.rig.expectation import Expectation

if TYPE_CHECKING:
    from pathlib import Path

    from hil.recording import Recording
    from hil.rig import Rig


@dataclass(frozen=True)
class Judged:
    """A requirement and what became of it.

    Attributes:
        name: as the rig calls it.
        formula: its text.
        satisfied: whether it held; None: it could not be judged, for the reason in `why`.
        robustness: the margin, in the unit of the signals compared.
        at_s: moment of violation; of an expectation with a delay, its end.
        why: why it could not be judged, else empty.
        expected: the row of a timed script that it comes from; None: the rig's own.
        seen: the value that decided about that.
    """

    name: str
    formula: str
    satisfied: bool | None
    robustness: float | None = None
    at_s: float | None = None
    why: str = ""
    expected: Expectation | None = None
    seen: Seen | None = None

    @property
    def outcome(self) -> str:
        """What became of it, in a few words."""
        if self.satisfied is None:
            return f"not judged: {self.why}"
        if self.expected is not None:
            return f"{'holds' if self.satisfied else 'broken'}: seen {self.seen}"
        margin = f"{abs(self.robustness or 0.0):.4g}"
        return f"holds, by {margin}" if self.satisfied else f"broken at {self.at_s:g} s, by {margin}"

    def __str__(self) -> str:
        if self.expected is not None:
            word, _, rest = self.outcome.partition(": ")
            return f"{word}: expected {self.expected}, {rest}"
        return self.outcome if self.satisfied else f"{self.outcome}: {self.formula}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        found: dict[str, Any] = {
            "formula": self.formula,
            "satisfied": self.satisfied,
            "robustness": self.robustness,
            "at_s": self.at_s,
        }
        found |= {"why": self.why} if self.why else {}
        found |= {"expected": asdict(self.expected)} if self.expected is not None else {}
        found |= {"seen": asdict(self.seen)} if self.seen is not None else {}
        return found

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Judged:
        """What `to_dict` wrote of an expectation."""
        row, seen = Expectation(**data["expected"]), data.get("seen")
        known = {key: data[key] for key in ("formula", "satisfied", "robustness", "at_s")}
        return Judged(row.name, **known, why=data.get("why", ""), expected=row, seen=Seen(**seen) if seen else None)


def requirements_of(rig: Rig) -> dict[str, Formula]:
    """The formulas of [requirements], by name.

    Raises:
        FormulaError: one that cannot be read, or names a signal that is not there or not recorded.
    """
    units = {name: signal.unit for name, signal in rig.signals.items() if signal.role is None}
    units |= {FAULT + name: "bool" for name in units}
    recorded = {name for group in rig.record.values() for name in group.signals}
    found = {}
    for name, text in rig.requirements.items():
        place = f"rig.toml: requirements.{name}"
        try:
            found[name] = parse(text, units)
        except FormulaError as error:
            where = f"{place}: {error.where}" if error.where else place
            raise FormulaError(error.message, where=where, mend=error.mend) from None
        missing = sorted(s for s in found[name].signals if s not in recorded and not s.startswith(FAULT))
        if missing:
            mend = "Add it to a group of [record]"
            raise FormulaError(f"{missing[0]} is not recorded, so nothing can judge it", where=place, mend=mend)
    return found


def judge_recording(
    recording: Recording | Path, requirements: Mapping[str, str | Formula], expected: Iterable[Expectation] = ()
) -> list[Judged]:
    """Each requirement by a recording; of those that timed scripts `expected`, also what was seen."""
    from hil.recording import Recording

    rec = recording if isinstance(recording, Recording) else Recording(recording)
    rows = {row.name: row for row in expected}
    found = []
    for name, formula in requirements.items():
        row = rows.get(name)
        try:
            verdict = check_recording(rec, {name: formula})[name]
            seen = None if row is None else _seen(rec, row)
        except FormulaError as error:
            found.append(Judged(name, str(formula), None, why=error.message, expected=row))
            continue
        found.append(judged(name, str(formula), verdict, row, seen))
    return found


def judged(name: str, formula: str, verdict: Verdict, row: Expectation | None, seen: Seen | None) -> Judged:
    """What became of one requirement of one run."""
    satisfied = bool(verdict.satisfied)
    at_s = None if satisfied else float(verdict.at_s)
    if row is not None and row.within_s and not satisfied:
        at_s = row.time_s + row.within_s  # F fails as a whole; until then it could have come
    return Judged(name, formula, satisfied, float(verdict.robustness), at_s, expected=row, seen=seen)


def _seen(rec: Recording, row: Expectation) -> Seen | None:
    values, period_s = sampled(rec, frozenset({row.signal}))
    return seen_in(values, rec.units[row.signal], period_s, row, parse(row.condition, rec.units))
