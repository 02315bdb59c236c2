"""What is kept over all items: which tags were touched, what was forced, how the requirements fared."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import numpy as np

from hil.commission.check import Check, Run
from hil.commission.results import Forced, RequirementResult, Verdict
from hil.commission.seen import Seen
from hil.commission.spec import Spec
from hil.requirements import at_each_sample
from hil.requirements.errors import FormulaError


@dataclass
class Judged:
    """One requirement so far."""

    items: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    margin: float | None = None
    worst: str = ""
    at_s: float | None = None


@dataclass
class Ledger:
    """Collected while items run."""

    spec: Spec
    touched: set[str] = field(default_factory=set)
    held: dict[str, list[str]] = field(default_factory=dict)
    judged: dict[str, Judged] = field(default_factory=dict)

    def take(self, check: Check, run: Run, seen: Seen) -> None:
        """One run of an item."""
        for tag in self.spec.tags:
            column = seen.values.get(tag.signal)
            if column is not None and len(column) and np.ptp(column) > 0:
                self.touched.add(tag.signal)
        for act in run.acts:
            items = self.held.setdefault(act.target, [])
            if act.kind != "release" and check.id not in items:
                items.append(check.id)
        for name, (table, _, formula) in self.spec.requirements.items():
            own = check.id == f"REQ-{name}"
            if formula is not None and (own or any(fnmatchcase(check.id, pattern) for pattern in table.checks)):
                self._judge(name, check.id, seen)

    def _judge(self, name: str, item: str, seen: Seen) -> None:
        formula = self.spec.requirements[name][2]
        assert formula is not None
        values = {n: seen.column(n) for n in formula.signals} or {"t": seen.t_s}
        try:
            verdict = at_each_sample(formula).evaluate(values, seen.step_s)
        except FormulaError:  # a run that is too short for its windows says nothing
            return
        state = self.judged.setdefault(name, Judged())
        if item not in state.items:
            state.items.append(item)
        margin = float(verdict.robustness)
        if not bool(verdict.satisfied) and item not in state.broken:
            state.broken.append(item)
        if state.margin is None or not margin >= state.margin:
            state.margin, state.worst = margin, item
            state.at_s = None if bool(verdict.satisfied) else float(verdict.at_s)

    def requirement(self, name: str, linked: list[str], failed: list[str]) -> RequirementResult:
        """Its result; `linked` are items that name it, `failed` those of them that failed."""
        table, text, _ = self.spec.requirements[name]
        state = self.judged.get(name, Judged())
        verdict, reason = Verdict.PASSED, ""
        if state.broken:
            at = "" if state.at_s is None else f" at {state.at_s:g} s"
            verdict, reason = Verdict.FAILED, f"broken in {', '.join(state.broken)}, first in {state.worst}{at}"
        elif failed:
            verdict, reason = Verdict.FAILED, f"{', '.join(failed)} failed"
        elif not state.items:
            verdict, reason = Verdict.NOT_RUN, "no run was long enough to judge it"
        items = tuple(dict.fromkeys([*linked, *state.items]))
        margin = state.margin if state.margin is None or np.isfinite(state.margin) else None
        return RequirementResult(
            name, table.text or text, text, verdict, reason, items, margin, state.worst, state.at_s
        )  # fmt: skip

    def forced(self, left: dict[str, str]) -> tuple[Forced, ...]:
        """Everything that was held."""
        found = []
        for target, items in sorted(self.held.items()):
            name = target.partition("=")[0] if "=" in target else target
            found.append(Forced(target, tuple(items), name not in left))
        return tuple(found)
