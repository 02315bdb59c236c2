"""Where a twin's wishes meet what people allow: proposals, the ladder, envelopes, the gate, verification, the ledger.

All of it runs in the twin's own thread or under its lock, beside the loop and never in it. Time is bench time; what an
envelope says of the calendar is read off the clock that the desk was given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from hil.errors import HilError
from hil.events import AuthorityReason
from hil.nearest import did_you_mean
from hil.rig.twin_schema import ActionTable
from hil.signing.keys import PublicKey
from hil.twin.authority.envelope import Envelope, Loaded, above, load
from hil.twin.authority.gate import LOST, Gate, Seen
from hil.twin.authority.givers import Crossed, Foretell, Grant, Write
from hil.twin.authority.ladder import ADVISE, APPROVE, AUTO, OBSERVE, SEMI, Condition, Ladder
from hil.twin.authority.proposal import IN_FORCE, OPEN, Effect, Proposal, Standing, State
from hil.twin.authority.verification import Measure, verify

PROMOTED = "a person put it there"  # who and why stands in the ledger, where it can be erased
SLACK = 1e-9  # of a probability


@dataclass
class Desk:
    """One twin's.

    Attributes:
        gate: to its blocks `authority`.
        actions: [twin.actions].
        write: into the ledger.
        now: the calendar, UTC.
        look: how twin and bench are.
        measure, crossed: what verification asks of the twin's history.
        trusted: public keys whose envelopes are accepted.
        foretell: an action's effect from now on; None: what was foretold with the proposal has to do.
        proposals: all of this run, by number.
    """

    gate: Gate
    actions: Mapping[str, ActionTable]
    write: Write
    now: Callable[[], datetime]
    look: Callable[[], Condition]
    measure: Measure
    crossed: Crossed
    trusted: Sequence[PublicKey] = ()
    foretell: Foretell | None = None
    ladder: Ladder = field(init=False)
    proposals: dict[int, Standing] = field(default_factory=dict)
    _seen: Condition = field(init=False)
    _grants: dict[str, Grant] = field(default_factory=dict)
    _sent: dict[str, int] = field(default_factory=dict)  # action -> tick at which its block was last told something
    _stops: int = 0

    def __post_init__(self) -> None:
        self.ladder = Ladder.of({name: table.level for name, table in self.actions.items()})
        self._stops = self.gate.bench.twin_stops
        self._seen = self.look()

    @property
    def _time_s(self) -> float:
        return self.gate.bench.time_s

    # ---- what the twin does ----

    def propose(
        self,
        name: str,
        value: float,
        text: str,
        *,
        until_s: float,
        effect: Effect | None = None,
        evidence: Mapping[str, Any] | None = None,
        state: str = "",
    ) -> Proposal | None:
        """Something to do: a set point where `effect` is given, else work for a person. None where the ladder is at
        OBSERVE. An older open proposal of the same name that nobody has decided makes way for it.
        """
        self._hear()
        if effect is not None and self.ladder.level(name) == OBSERVE:
            return None
        made = Proposal(
            number=len(self.proposals) + 1,
            kind="setpoint" if effect is not None else "maintenance",
            name=name,
            value=value,
            made_s=self._time_s,
            until_s=until_s,
            text=text,
            effect=effect,
            evidence=evidence or {},
            model=self.look().model,
            state=state,
        )
        for standing in self.proposals.values():
            if standing.proposal.name == name and standing.state is State.PROPOSED:
                self._move(standing, State.EXPIRED, f"proposal {made.number} took its place")
        self.proposals[made.number] = Standing(made, since_s=made.made_s)
        self.write("proposal", {"time_s": made.made_s, **made.to_dict(), "level": self._level_of(made)})
        if effect is not None and self.ladder.level(name) == AUTO:
            self._apply(self.proposals[made.number], f"{AUTO}: {name} acts by itself")
        return made

    def step(self) -> None:
        """One look: what has been lost, what is due."""
        self._hear()
        before, self._seen = self._seen, self.look()
        reasons = list(self._seen.worse_than(before))
        if self._seen.model != before.model:
            self._outdate(None, reasons[-1])
        for action in self.actions:
            self._keep(action, reasons)
        for standing in list(self.proposals.values()):
            self._follow(standing)

    def _keep(self, action: str, reasons: Sequence[str]) -> None:
        """Authority is taken away when something got worse, or the block has what this desk did not ask it for."""
        if self.ladder.acts(action):
            why = reasons[0] if reasons else self._lost(action) or self._strange(action)
            if why is not None:
                self._demote(action, ADVISE, why)
        elif (seen := self._settled(action)) is not None and seen.granted:
            self.gate.revoke(action)
            self._tell_block(action)
            body = {"time_s": self._time_s, "action": action, "why": "something else than the desk had granted it"}
            self.write("authority", {**body, "act": "revoked"})

    def _tell_block(self, action: str) -> None:
        """Something was sent to its block just now."""
        self._sent[action] = self.gate.bench.tick

    def _settled(self, action: str) -> Seen | None:
        """What the block has; None while something may be on its way to it."""
        seen = self.gate.look(action)
        return seen if seen.tick > self._sent.get(action, -2) + 1 else None

    def _strange(self, action: str) -> str | None:
        """What is in force is not what was applied; None when it is, or on its way."""
        seen = self._settled(action)
        asked = [x for x in self.proposals.values() if x.proposal.name == action and x.state in IN_FORCE]
        if seen is None or not seen.requested or any(x.proposal.value == seen.request for x in asked):
            return None
        return f"{seen.request:g} was asked for by something else than the desk"

    def _lost(self, action: str) -> str | None:
        """Why the block has latched; None when it has not, or its grant is still on its way."""
        seen = self._settled(action)
        return seen.reason.text if seen is not None and seen.reason in LOST else None

    def _hear(self) -> None:
        """Whether the twin was stopped since."""
        stops, self._stops = self._stops, self.gate.bench.twin_stops
        if self._stops == stops:
            return
        self.gate.stopped = True
        for action in self.actions:
            if self.ladder.level(action) != OBSERVE:
                self._demote(action, OBSERVE, "hil twin stop")

    def _follow(self, standing: Standing) -> None:
        """What time brings for one proposal."""
        made = standing.proposal
        if standing.state is State.APPLIED:
            assert standing.effect is not None
            assert standing.applied_s is not None
            seen = self._settled(made.name)
            if seen is not None and not seen.requested:
                refused = seen.reason is AuthorityReason.ACTS
                why = "the block refused it: its output is outside of the envelope" if refused else seen.reason.text
                self._move(standing, State.WITHDRAWN, why)
            elif min(self._time_s, self._seen.time_s) >= standing.applied_s + standing.effect.horizon_s:
                self._verify(standing, standing.effect, standing.applied_s)
        elif standing.state is State.PROPOSED:
            if self._time_s >= made.until_s:
                self._move(standing, State.EXPIRED, "nobody decided in time")
            elif made.effect is not None and self._veto_is_over(made):
                self._apply(standing, f"{SEMI}: nobody vetoed within {self.actions[made.name].veto_s:g} s")
            elif made.effect is not None and self.ladder.level(made.name) == AUTO:
                self._apply(standing, f"{AUTO}: {made.name} acts by itself")

    def _veto_is_over(self, made: Proposal) -> bool:
        return self.ladder.level(made.name) == SEMI and self._time_s >= self.veto_until_s(made)

    def veto_until_s(self, made: Proposal) -> float:
        """SEMI: bench time from which it acts. The window begins anew when a person promotes to SEMI behind it."""
        return max(made.made_s, self.ladder.rungs[made.name].since_s) + self.actions[made.name].veto_s

    # ---- what a person does ----

    def promote(self, action: str, level: str, person: str, reason: str, envelope: str | None = None) -> None:
        """To a rung of the ladder; above ADVISE with an envelope, whose text is given.

        Raises:
            HilError: as `lower`; the envelope cannot be used or does not go so far; or the condition of twin and bench
                forbids it. Nothing is changed then.
        """
        self._hear()
        self.ladder.check(action, level, person)
        if not above(level, ADVISE) or (envelope is None and not above(level, self.ladder.level(action))):
            self.lower(action, level, person, reason)
            return
        found = self._envelope(action, level, person, envelope)
        if (why := self.look().forbids()) is not None:
            raise HilError(f"cannot be promoted now: {why}", where=action)
        self.gate.reopen()
        until_s = self.gate.grant(action, found.envelope, self.now())
        self.ladder.promote(action, level, self._time_s, person, PROMOTED)
        self._grants[action] = Grant(found.envelope, found.by, until_s)
        self._tell_block(action)
        try:
            self._tell_rung(action, person, reason)
        except BaseException:  # what cannot be told does not stand
            self.ladder.demote(action, ADVISE, self._time_s, "the ledger could not be written")
            self._grants.pop(action)
            self.gate.revoke(action)
            self._tell_block(action)
            raise

    def lower(self, action: str, level: str, person: str, reason: str) -> None:
        """To a rung that is no higher; needs no envelope. At ADVISE and below nothing of it is in force any more.

        Raises:
            HilError: no such action or rung, nobody is named, or it stands lower.
        """
        self._hear()
        self.ladder.check(action, level, person)
        if above(level, self.ladder.level(action)) and above(level, ADVISE):
            raise HilError("no envelope is given", where=action, mend="Give --envelope FILE: docs/authority.md")
        self.ladder.promote(action, level, self._time_s, person, PROMOTED)
        if not above(level, ADVISE):
            self._give_up(action, f"a person put it to {level}")
        self._tell_rung(action, person, reason)

    def approve(self, number: int, person: str, reason: str = "") -> None:
        """A person agrees: a set point is applied, work is agreed to.

        Raises:
            HilError: no such proposal, it is decided already, nobody is named, the action stands below APPROVE, its
                envelope does not name the person, or the gate refuses it.
        """
        self._hear()
        standing = self._open(number, person)
        made = standing.proposal
        if made.effect is None:
            self._decide(standing, State.APPROVED, "approved", person, reason)
            return
        if not self.ladder.acts(made.name):
            mend = f"hil twin promote {made.name} {APPROVE} --envelope FILE"
            raise HilError(f"stands at {self.ladder.level(made.name)}: it only advises", where=made.name, mend=mend)
        self._may(self._grants[made.name].envelope, person)
        self._decision(standing, "approved", person, reason)
        self._apply(standing, f"approved, {made.name} stands at {self.ladder.level(made.name)}")
        if standing.state is not State.APPLIED:
            raise HilError(f"is {standing.state}: {standing.why}", where=f"proposal {number}")

    def veto(self, number: int, person: str, reason: str = "") -> None:
        """A person refuses; what is in force already is taken back. Raises HilError as `approve`."""
        standing = self._open(number, person, OPEN)
        if standing.state in IN_FORCE:
            self.gate.withdraw(standing.proposal.name)
            self._tell_block(standing.proposal.name)
        self._decide(standing, State.VETOED, "vetoed", person, reason)

    # ---- inside ----

    def _envelope(self, action: str, level: str, person: str, text: str | None) -> Loaded:
        if text is None:
            raise HilError("no envelope is given", where=action, mend="Give --envelope FILE: docs/authority.md")
        loaded = load(text, self.gate.bench.rig, self.trusted, self.now())
        found = loaded.envelope
        if action not in found.actions:
            mend = did_you_mean(action, found.actions)
            raise HilError(f"says nothing of {action}", where=f"envelope {found.id[:8]}", mend=mend)
        if above(level, found.actions[action].level):
            why = f"allows {action} up to {found.actions[action].level}, not {level}"
            raise HilError(why, where=f"envelope {found.id[:8]}")
        self._may(found, person)
        return loaded

    @staticmethod
    def _may(envelope: Envelope, person: str) -> None:
        if envelope.persons and person not in envelope.persons:
            mend = f"It names {', '.join(envelope.persons)}"
            raise HilError(f"does not name '{person}'", where=f"envelope {envelope.id[:8]}", mend=mend)

    def _open(self, number: int, person: str, states: frozenset[State] = frozenset({State.PROPOSED})) -> Standing:
        if not person:
            raise HilError("nobody is named", where=f"proposal {number}", mend="Give --person")
        if number not in self.proposals:
            known = ", ".join(map(str, self.proposals)) or "none"
            raise HilError(f"there is no proposal {number}", mend=f"There are: {known}")
        standing = self.proposals[number]
        if standing.state is State.PROPOSED and self._time_s >= standing.proposal.until_s:
            self._move(standing, State.EXPIRED, "nobody decided in time")
        if standing.state not in states:
            raise HilError(f"is {standing.state} since {standing.since_s:g} s", where=f"proposal {number}")
        return standing

    def _apply(self, standing: Standing, why: str) -> None:
        """Through the gate; what the gate or the block refuses is told, and nothing is in force then."""
        made = standing.proposal
        before, grant = self.gate.look(made.name), self._grants[made.name]
        try:
            standing.effect, state = self._foretold(made)
            self._check(made, standing.effect, grant)
        except HilError as error:
            self._move(standing, State.WITHDRAWN, error.message)
            return
        key = {"envelope": grant.envelope.hash, "key": grant.envelope.key.fingerprint, "until_s": grant.until_s}
        body = {"time_s": self._time_s, "proposal": made.number, "hash": made.hash, "model": self._seen.model}
        act = {"value": made.value, "before": before.effective, "state": state, "why": why}
        told = {**body, **act, "predicted": asdict(standing.effect), "authority": key}
        self.write("action", told, {"signed_by": grant.by})  # first: what cannot be told is not done
        try:
            self.gate.request(made.name, made.value, grant.until_s)
            self._tell_block(made.name)
        except HilError as error:
            self._move(standing, State.WITHDRAWN, error.message)
            return
        for other in self.proposals.values():
            if other is not standing and other.proposal.name == made.name and other.state in IN_FORCE:
                self._move(other, State.WITHDRAWN, f"proposal {made.number} took its place")
        standing.applied_s, standing.before = self._time_s, before.effective
        self._move(standing, State.APPLIED, why)

    def _foretold(self, made: Proposal) -> tuple[Effect, str]:
        """A person may have thought for long, and what is verified is what was foretold from the action on."""
        assert made.effect is not None
        return self.foretell(made) if self.foretell is not None else (made.effect, made.state)

    def _check(self, made: Proposal, effect: Effect, grant: Grant) -> None:
        """Raises HilError: authority is lost, the envelope is narrower, or a limit would be kept too seldom by now."""
        if (lost := self._lost(made.name)) is not None:
            raise HilError(lost)
        allowed = grant.envelope.actions[made.name]
        if not allowed.low <= made.value <= allowed.high:
            raise HilError(f"{made.value:g} is not within the envelope's {allowed.low:g} to {allowed.high:g}")
        most = 1.0 - self.actions[made.name].confidence + SLACK
        if broken := sorted(name for name, risk in effect.limits.items() if risk > most):
            raise HilError(f"{', '.join(broken)} would be crossed too often by now")

    def _verify(self, standing: Standing, effect: Effect, applied_s: float) -> None:
        made = standing.proposal
        crossed = {name: self.crossed(name, applied_s) for name in effect.limits}
        found = verify(effect, applied_s, self.measure, crossed)
        standing.actual = found.actual
        body = {"time_s": self._time_s, "proposal": made.number, "hash": made.hash, **found.to_dict()}
        predicted = {"expected": effect.expected, "low": effect.low, "high": effect.high}
        self.write("outcome", {**body, "predicted": predicted, "rolled_back": bool(found.failed)})
        if not found.failed:
            self._move(standing, State.VERIFIED, f"{found.actual:.4g}, expected {effect.expected:.4g}")
            return
        self.gate.withdraw(made.name)
        self._tell_block(made.name)
        self._move(standing, State.ROLLED_BACK, found.failed)
        self._demote(made.name, ADVISE, f"proposal {made.number} failed: {found.failed}")

    def _demote(self, action: str, level: str, why: str) -> None:
        before = self.ladder.level(action)
        if self.ladder.demote(action, level, self._time_s, why) is None:
            return
        self._give_up(action, why)
        body = {"time_s": self._time_s, "action": action, "from": before, "to": level, "why": why}
        self.write("authority", {**body, "act": "demoted"})

    def _give_up(self, action: str, why: str) -> None:
        """Nothing of this action is granted or in force any more; the person's set point counts."""
        self.gate.revoke(action)
        self._tell_block(action)
        self._grants.pop(action, None)
        for standing in self.proposals.values():
            if standing.proposal.name == action and standing.state in IN_FORCE:
                self._move(standing, State.WITHDRAWN, why)
        self._outdate(action, why)

    def _outdate(self, action: str | None, why: str) -> None:
        """What was foretold before is not decided on afterwards; None: what another version of the model foretold."""
        for standing in self.proposals.values():
            made = standing.proposal
            outdated = made.name == action if action is not None else made.model != self._seen.model
            if made.effect is not None and outdated and standing.state is State.PROPOSED:
                self._move(standing, State.EXPIRED, why)

    def _decide(self, standing: Standing, state: State, act: str, person: str, reason: str) -> None:
        self._decision(standing, act, person, reason)
        standing.state, standing.since_s, standing.why = state, self._time_s, act

    def _decision(self, standing: Standing, act: str, person: str, reason: str) -> None:
        made = standing.proposal
        body = {"time_s": self._time_s, "act": act, "proposal": made.number, "hash": made.hash}
        self.write("decision", body, _personal(person, reason))

    def _move(self, standing: Standing, state: State, why: str) -> None:
        standing.state, standing.since_s, standing.why = state, self._time_s, why
        if state in (State.EXPIRED, State.WITHDRAWN):
            body = {"time_s": self._time_s, "proposal": standing.proposal.number, "state": state.value, "why": why}
            self.write("outcome", body)

    def _tell_rung(self, action: str, person: str, reason: str) -> None:
        body: dict[str, Any] = {"time_s": self._time_s, "action": action, "to": self.ladder.level(action)}
        if action in self._grants:
            found, until_s = self._grants[action].envelope, self._grants[action].until_s
            allowed = found.actions[action].model_dump()
            body |= {"envelope": found.hash, "key": found.key.fingerprint, "allowed": allowed, "until_s": until_s}
        signer = {"signed_by": self._grants[action].by} if action in self._grants else {}
        self.write("authority", {**body, "act": "promoted"}, {**_personal(person, reason), **signer})

    def _level_of(self, made: Proposal) -> str:
        return self.ladder.level(made.name) if made.effect is not None else ADVISE

    # ---- what can be asked ----

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the ladder with read-back, and all proposals, newest first."""
        rungs = self.ladder.to_dict()
        for action, rung in rungs.items():
            grant = self._grants.get(action)
            rung |= {**self.gate.look(action).to_dict(), "envelope": grant.envelope.id if grant else None}
            rung |= {"until_s": grant.until_s} if grant else {}
        told = [standing.to_dict() for standing in reversed(self.proposals.values())]
        for one in told:
            waits = one["state"] == State.PROPOSED and one["effect"] is not None
            if waits and self.ladder.level(one["name"]) == SEMI:
                one["acts_at_s"] = self.veto_until_s(self.proposals[one["number"]].proposal)
        return {"actions": rungs, "proposals": told}


def _personal(person: str, reason: str) -> dict[str, str]:
    return {"person": person, **({"reason": reason} if reason else {})}
