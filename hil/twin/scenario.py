"""[twin.scenarios]: what happens to a plant by itself, and what people say of the twin's proposals."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from hil.bench import Bench
from hil.errors import HilError
from hil.signing.keys import PublicKey, passing_signer
from hil.twin.alarms import State as AlarmState
from hil.twin.authority.envelope import issue, utc
from hil.twin.authority.ladder import APPROVE
from hil.twin.authority.limits import limits_of
from hil.twin.authority.proposal import Proposal, State
from hil.twin.spec import ApprovalTable, ScenarioTable

if TYPE_CHECKING:
    from hil.twin.service import Twin

SCRIPTED = "scripted"  # the signer of an envelope, and what the ledger says of a person


class Script:
    """The timed sets of a scenario: its events, and its ramps as steps."""

    def __init__(self, table: ScenarioTable) -> None:
        sets = [(event.at_s, event.set, event.value) for event in table.events]
        for ramp in table.ramps:
            steps = max(1, round((ramp.until_s - ramp.from_s) / ramp.every_s))
            for k in range(steps + 1):
                share = k / steps
                at_s = ramp.from_s + share * (ramp.until_s - ramp.from_s)
                sets.append((at_s, ramp.set, ramp.start + share * (ramp.end - ramp.start)))
        self._sets = deque(sorted(sets, key=lambda one: one[0]))

    def send(self, bench: Bench, until_s: float) -> None:
        """Tells the bench what is due before `until_s`; all at once would not fit into its list of staged events."""
        while self._sets and self._sets[0][0] < until_s:
            at_s, name, value = self._sets.popleft()
            bench.set(name, value, at=at_s)


class People:
    """The scripted persons of a scenario. They say what a person would, through the same desk.

    Nobody sits at an unattended run, so nobody's own key can sign for it: the run makes one, of this run alone, and
    signs an envelope as wide as the rig's own limits. The ledger names it, and says that the persons are scripted.

    Args:
        approvals: [twin.scenarios.NAME] approvals.
        duration_s: of the run; the envelope ends with it.
    """

    def __init__(self, approvals: Sequence[ApprovalTable], duration_s: float) -> None:
        self._approvals, self._duration_s = tuple(approvals), duration_s
        self._signer = passing_signer(SCRIPTED) if approvals else None
        self._done: set[int] = set()

    @property
    def trusted(self) -> list[PublicKey]:
        """The run's own key."""
        return [self._signer.public] if self._signer else []

    def __call__(self, twin: Twin) -> None:
        """A service: decides what is due."""
        for number, standing in twin.desk.proposals.items():
            made = standing.proposal
            if standing.state is not State.PROPOSED or number in self._done:
                continue
            for approval in self._approvals:
                if approval.action == made.name and twin.time_s >= made.made_s + approval.after_s:
                    self._decide(twin, made, approval)

    def _decide(self, twin: Twin, made: Proposal, approval: ApprovalTable) -> None:
        desk, reason = twin.desk, f"{approval.reason} ({SCRIPTED})"
        try:
            for name in approval.acknowledges:
                if twin.alarms.by_name[name].state is AlarmState.UNACKNOWLEDGED:
                    twin.acknowledge(name, approval.person, reason)
            if approval.vetoes:
                desk.veto(made.number, approval.person, reason)
            elif made.effect is None:
                desk.approve(made.number, approval.person, reason)
            else:
                if desk.ladder.level(made.name) != approval.level:
                    desk.promote(made.name, approval.level, approval.person, reason, self._envelope(twin, approval))
                if approval.level == APPROVE:
                    desk.approve(made.number, approval.person, reason)
        except HilError as error:
            if desk.proposals[made.number].state is not State.WITHDRAWN:  # which the desk has told
                twin.write("decision", {"time_s": twin.time_s, "proposal": made.number, "refused": str(error)})
        self._done.add(made.number)

    def _envelope(self, twin: Twin, approval: ApprovalTable) -> str:
        assert self._signer is not None
        limits = limits_of(twin.bench.rig, approval.action)
        now = twin.calendar()
        allowed = {"block": limits.block, "low": limits.low, "high": limits.high, "rate_per_s": limits.rate_per_s}
        return issue(
            self._signer,
            rig=twin.bench.rig.name,
            purpose=f"an unattended run of a scenario; {SCRIPTED}",
            issued=utc(now),
            not_before=utc(now),
            not_after=utc(now + timedelta(seconds=max(60.0, self._duration_s - twin.time_s))),
            persons=[approval.person],
            actions={approval.action: {**allowed, "level": approval.level}},
        ).text
