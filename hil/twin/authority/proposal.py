"""What a twin wants, and what has become of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

from hil.signing.canonical import canonical
from hil.twin.ledger.entry import sha256


class State(StrEnum):
    """Of a proposal."""

    PROPOSED = "proposed"
    """Waits: for a person, or in SEMI for the end of the veto window."""
    APPROVED = "approved"
    """Work that a person has agreed to do."""
    VETOED = "vetoed"
    EXPIRED = "expired"
    """Nobody decided in time, or a newer one took its place."""
    APPLIED = "applied"
    """In force, and not verified yet."""
    VERIFIED = "verified"
    ROLLED_BACK = "rolled back"
    """It did not do what it promised: back to the person's set point."""
    WITHDRAWN = "withdrawn"
    """Authority was lost while it was in force, or before."""


IN_FORCE = frozenset({State.APPLIED, State.VERIFIED})
OPEN = frozenset({State.PROPOSED, *IN_FORCE})


@dataclass(frozen=True)
class Effect:
    """What an action is expected to do.

    Attributes:
        figure: a KPI's formula, over `horizon_s` behind the action.
        low, high: 99 % of what one run may be.
        expected: its mean; unchanged: the mean with everything as it is.
        limits: name -> upper end of the probability that it is crossed.
    """

    figure: str
    horizon_s: float
    expected: float
    low: float
    high: float
    unchanged: float
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """As it was made; nothing of it changes.

    Attributes:
        number: 1, 2, 3 ... of this twin's run.
        kind: "setpoint": an action of [twin.actions]; "maintenance": work for a person.
        name: of the action or the work.
        value: the set point, or the beginning of the work in s of bench time.
        made_s: bench time; until_s: when it is of no use any more.
        text: for people.
        effect: expected; None for work.
        evidence: why, as JSON data.
        model: number of the model's version that foretold it.
        state: hash of the bench's state that it started from.
    """

    number: int
    kind: Literal["setpoint", "maintenance"]
    name: str
    value: float
    made_s: float
    until_s: float
    text: str
    effect: Effect | None
    evidence: Mapping[str, Any]
    model: int
    state: str

    @cached_property
    def hash(self) -> str:
        """SHA-256 of all of it, 64 hex digits."""
        return sha256(canonical(asdict(self)))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "hash": self.hash}


@dataclass
class Standing:
    """A proposal and where it stands.

    Attributes:
        since_s: bench time of this state.
        why: it is in this state.
        applied_s: bench time; None: never was.
        before: the effective value when it was applied.
        effect: as it was foretold when it was applied.
        actual: the figure that was measured; None: not yet.
    """

    proposal: Proposal
    state: State = State.PROPOSED
    since_s: float = 0.0
    why: str = ""
    applied_s: float | None = None
    before: float | None = None
    effect: Effect | None = None
    actual: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        own = {"state": self.state.value, "since_s": self.since_s, "why": self.why}
        applied = {"applied_s": self.applied_s, "foretold": asdict(self.effect) if self.effect else None}
        return {**self.proposal.to_dict(), **own, **applied, "actual": self.actual}
