"""The requirements of a rig: read before a run, judged by its recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hil.requirements.errors import FormulaError
from hil.requirements.formula import Formula
from hil.requirements.parser import parse
from hil.requirements.recorded import FAULT, check_recording

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
        at_s: moment of violation.
        why: why it could not be judged, else empty.
    """

    name: str
    formula: str
    satisfied: bool | None
    robustness: float | None = None
    at_s: float | None = None
    why: str = ""

    @property
    def outcome(self) -> str:
        """What became of it, in a few words."""
        if self.satisfied is None:
            return f"not judged: {self.why}"
        margin = f"{abs(self.robustness or 0.0):.4g}"
        return f"holds, by {margin}" if self.satisfied else f"broken at {self.at_s:g} s, by {margin}"

    def __str__(self) -> str:
        return self.outcome if self.satisfied else f"{self.outcome}: {self.formula}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        found = {"formula": self.formula, "satisfied": self.satisfied, "robustness": self.robustness, "at_s": self.at_s}
        return {**found, "why": self.why} if self.why else found


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


def judge_recording(recording: Recording | Path, requirements: Mapping[str, str | Formula]) -> list[Judged]:
    """Each requirement by a recording."""
    found = []
    for name, formula in requirements.items():
        try:
            verdict = check_recording(recording, {name: formula})[name]
        except FormulaError as error:
            found.append(Judged(name, str(formula), None, why=error.message))
            continue
        satisfied = bool(verdict.satisfied)
        at_s = None if satisfied else float(verdict.at_s)
        found.append(Judged(name, str(formula), satisfied, float(verdict.robustness), at_s))
    return found
