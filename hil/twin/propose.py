"""Proposals: when a cause is known and what it wears runs out, a time for the work and a better set point until then.

Each [twin.maintenance] of the cause gets the window of least expected cost; each [twin.actions] the set point that
costs least and keeps its limits, on ensembles whose members wear on as the history says. While a new version of the
model is being judged nothing is proposed: it would be foretold by a model that may not last.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hil.errors import HilError
from hil.twin.authority.proposal import Effect, Proposal
from hil.twin.forecast import Limit
from hil.twin.forecast.in_rig import belief_of
from hil.twin.forecast.prescribe import Goal, Option, best_setpoint, best_window, judge_setpoint

if TYPE_CHECKING:
    from hil.fork import Fork
    from hil.twin.diagnosis import Finding
    from hil.twin.renew import Renewer
    from hil.twin.service import Twin
    from hil.twin.spec import ActionTable, MaintenanceTable
    from hil.twin.wearing import Wearer

MEMBERS = 200  # of an ensemble for set points: nine are run at once
AGAIN_S = 4.0 * 3600.0  # a further proposal of the same kind
LIVES = 4000
HOUR_S = 3600.0


@dataclass
class Proposer:
    """A service."""

    wearer: Wearer
    renewer: Renewer
    _known: Finding | None = None
    _next_s: dict[str, float] = field(default_factory=dict)

    def __call__(self, twin: Twin) -> None:
        """Looks for what to propose while a decided cause stands and its wear approaches the end."""
        finding = twin.finding
        if finding is not None and finding.decided and self._works(twin, finding):
            self._known = finding  # when the model follows the plant again its symptoms pass, and the wear goes on
        if self._known is None or self.renewer.busy:
            return
        works = self._works(twin, self._known)
        worn = [name for name in twin.table.degradation if self.wearer.approaching(name)]
        if not worn:
            return
        for name in works:
            if self._is_due(name, twin.time_s):
                self._window(twin, name, twin.table.maintenance[name], worn[0])
        due = [name for name in twin.table.actions if self._is_due(name, twin.time_s)]
        if due:
            fork = twin.fork()
            for name in due:
                self._setpoint(twin, fork, name, twin.table.actions[name])

    @staticmethod
    def _works(twin: Twin, finding: Finding) -> list[str]:
        """Maintenance that mends the cause."""
        return [name for name, work in twin.table.maintenance.items() if work.cause == finding.cause]

    def _is_due(self, name: str, time_s: float) -> bool:
        if time_s < self._next_s.get(name, 0.0):
            return False
        self._next_s[name] = time_s + AGAIN_S
        return True

    def _evidence(self, twin: Twin) -> dict[str, Any]:
        assert self._known is not None
        return {
            "diagnosis": self._known.to_dict(),
            "life": self.wearer.to_dict(),
            "parameters": {name: list(pair) for name, pair in twin.parameters().items()},
        }

    def _window(self, twin: Twin, name: str, work: MaintenanceTable, worn: str) -> None:
        try:
            windows = best_window(
                self.wearer.lives[worn].draws(LIVES, twin.bench.seed),
                now_s=twin.time_s,
                allowed=[(a, b) for a, b in work.allowed],
                duration_s=work.duration_s,
                cost_of_work=work.cost_of_work,
                cost_of_failure=work.cost_of_failure,
                cost_of_waste=work.cost_of_waste,
            )
        except HilError as error:
            twin.write("proposal", {"time_s": twin.time_s, "maintenance": name, "refused": str(error)})
            return
        if not windows.worth_it:
            return
        best = windows.best
        text = f"{work.text or name}: begin in {(best.begin_s - twin.time_s) / HOUR_S:.1f} h, at {best.begin_s:g} s; "
        text += f"the limit is crossed before its end with {best.failure:.0%}"
        evidence = {**self._evidence(twin), "windows": windows.to_dict()}
        twin.desk.propose(name, best.begin_s, text, until_s=best.begin_s, evidence=evidence)

    def _setpoint(self, twin: Twin, fork: Fork, name: str, action: ActionTable) -> None:
        try:
            advice = best_setpoint(fork, self._goal(twin, action), **self._ahead(twin, fork, action))
        except HilError as error:
            twin.write("proposal", {"time_s": twin.time_s, "action": name, "refused": str(error)})
            return
        evidence = {**self._evidence(twin), "ranked": [o.to_dict() for o in advice.ranked], "now": advice.now.to_dict()}
        best = advice.best
        if best is None:
            none = "no value is better beyond doubt and keeps the limits"
            twin.write("proposal", {"time_s": twin.time_s, "action": name, "none": none, "evidence": evidence})
            return
        effect = _effect(twin, action, best)
        text = (
            f"{action.sets} to {best.value:g}: {action.objective} {effect.unchanged:.4g} -> {effect.expected:.4g} in "
        )
        kept = 1.0 - max(effect.limits.values(), default=0.0)
        text += f"{action.horizon_s / HOUR_S:.3g} h; limits are kept with {kept:.0%}"
        until_s = twin.time_s + action.horizon_s
        twin.desk.propose(name, best.value, text, until_s=until_s, effect=effect, evidence=evidence, state=fork.hash)

    def foretell(self, twin: Twin, made: Proposal) -> tuple[Effect, str]:
        """The effect of a proposal from now on, with the hash of the state it is foretold from.

        Raises:
            HilError: the present cannot be copied, or the ensemble cannot be run.
        """
        action, fork = twin.table.actions[made.name], twin.fork()
        found = judge_setpoint(fork, self._goal(twin, action), made.value, **self._ahead(twin, fork, action))
        return _effect(twin, action, found), fork.hash

    def _ahead(self, twin: Twin, fork: Fork, action: ActionTable) -> dict[str, Any]:
        """What an ensemble of this action starts from."""
        return {
            "belief": belief_of(fork, twin.table),
            "courses": self.wearer.courses(twin, MEMBERS, action.horizon_s),
            "members": MEMBERS,
            "horizon_s": action.horizon_s,
            "seed": twin.bench.seed,
        }

    @staticmethod
    def _goal(twin: Twin, action: ActionTable) -> Goal:
        keys = [(key, twin.table.limits[key]) for key in action.constraints]
        return Goal(
            target=action.sets,
            low=action.range[0],
            high=action.range[1],
            kpi=twin.table.kpis[action.objective],
            limits=[Limit(key, limit.signal, limit.low, limit.high, limit.text) for key, limit in keys],
            epsilon=1.0 - action.confidence,
            resolution=action.resolution,
        )


def _effect(twin: Twin, action: ActionTable, found: Option) -> Effect:
    limits = {key: upper for key, (_, upper) in found.crossing.items()}
    formula, (low, high) = twin.table.kpis[action.objective], found.band
    return Effect(formula, action.horizon_s, found.cost, low, high, found.effect.baseline, limits)
