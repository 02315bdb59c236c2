"""The one way from a twin to its blocks `authority`. Python verifies and asks, the block in C decides and enforces."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hil.commands import status_text
from hil.errors import HilError
from hil.events import AuthorityAct, AuthorityReason
from hil.twin.authority.envelope import Envelope, check_narrows, check_time
from hil.twin.authority.limits import Limits, actions_of, limits_of

if TYPE_CHECKING:
    from hil.bench import Bench

FORCED, FAULTED = 2, 4  # enum hil_status
LOST = frozenset(
    {
        AuthorityReason.EXPIRED,
        AuthorityReason.INTERLOCK,
        AuthorityReason.INPUT,
        AuthorityReason.PERSON,
        AuthorityReason.REVOKED,
    }
)
"""The block has latched: only a person's new promotion gives authority again."""


@dataclass(frozen=True)
class Seen:
    """What a block `authority` has, read back.

    Attributes:
        tick: the next one when it was read.
        granted: an envelope is there: low, high, rate_per_s, and the first tick without it.
        requested: the twin's value acts.
        request: that value; request_until: the first tick without it.
        effective: the output now.
        desired: the person's set point.
        reason: why the twin does not act.
        disturbed: "forced", "faulted" where something behind the block has hold of its output; "" else.
    """

    tick: int
    granted: bool
    low: float
    high: float
    rate_per_s: float
    until: int
    requested: bool
    request: float
    request_until: int
    effective: float
    desired: float
    reason: AuthorityReason
    disturbed: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        own = ("granted", "low", "high", "rate_per_s", "requested", "request", "effective", "desired", "disturbed")
        return {**{key: getattr(self, key) for key in own}, "reason": self.reason.text}


@dataclass
class Gate:
    """Sends grants and requests to the blocks of [twin.actions], and reads them back.

    Attributes:
        bench: whose blocks they are.
        limits: the rig's own, by action.
        stopped: nothing is sent until `reopen`.
    """

    bench: Bench
    limits: Mapping[str, Limits] = field(init=False)
    stopped: bool = False
    _pinned: dict[tuple[str, datetime], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rig = self.bench.rig
        self.limits = {action: limits_of(rig, action) for action in actions_of(rig)}

    # ---- acts ----

    def grant(self, action: str, envelope: Envelope, now: datetime) -> float:
        """Grants what an envelope, loaded and verified before, allows now; returns the bench time of its end.

        Raises:
            HilError: it does not name the action, is wider than the rig, cannot be used now, or the twin was stopped.
        """
        limits = self._limits(action)
        if action not in envelope.actions:
            raise HilError(f"the envelope has no action '{action}'", where=f"envelope {envelope.id[:8]}")
        check_narrows(envelope, self.bench.rig)
        check_time(envelope, now)
        allowed = envelope.actions[action]
        until_s = self._end_s(envelope, now)
        values = (allowed.low, allowed.high, allowed.rate_per_s)
        self._send(limits.block, AuthorityAct.GRANT, values, math.floor(until_s / self.bench.period_s))
        return until_s

    def request(self, action: str, value: float, until_s: float) -> None:
        """Asks for a value until a bench time. The block refuses it outside what was granted.

        Raises:
            HilError: the value is outside the rig's limits, the time has passed, or the twin was stopped.
        """
        limits = self._limits(action)
        if not limits.low <= value <= limits.high:  # NaN is neither
            raise HilError(f"{value:g} is not within {limits.low:g} to {limits.high:g}", where=action)
        until = math.floor(min(until_s, 2.0**52 * self.bench.period_s) / self.bench.period_s)
        if until <= self.bench.tick:
            raise HilError(f"{until_s:g} s has passed", where=action)
        self._send(limits.block, AuthorityAct.REQUEST, (value,), until)

    def withdraw(self, action: str) -> None:
        """Back to the person's set point; what was granted stays."""
        self._send(self._limits(action).block, AuthorityAct.WITHDRAW, always=True)

    def revoke(self, action: str) -> None:
        """Back to the person's set point, and nothing is granted any more."""
        self._send(self._limits(action).block, AuthorityAct.REVOKE, always=True)

    def reopen(self) -> None:
        """A person gives authority again after a stop."""
        self.stopped = False

    # ---- read-back ----

    def look(self, action: str) -> Seen:
        """What the block has now. While the bench runs its words may be of two neighbouring ticks."""
        limits, bench = self._limits(action), self.bench

        def word(name: str) -> float:
            return float(bench.state.get(bench.built.states[f"{limits.block}.{name}"]))

        status = bench.status(limits.effective) & (FORCED | FAULTED)
        return Seen(
            tick=bench.tick,
            granted=word("granted") == 1.0,
            low=word("low"),
            high=word("high"),
            rate_per_s=word("rate_per_s"),
            until=int(word("until")),
            requested=word("requested") == 1.0,
            request=word("request"),
            request_until=int(word("request_until")),
            effective=bench[limits.effective],
            desired=bench[limits.desired],
            reason=AuthorityReason(int(word("reason"))),
            disturbed=status_text(status) if status else "",
        )

    # ---- inside ----

    def _limits(self, action: str) -> Limits:
        return self.limits[action] if action in self.limits else limits_of(self.bench.rig, action)

    def _end_s(self, envelope: Envelope, now: datetime) -> float:
        """Bench time of the end of this stretch: the first reckoning of it, or a later one that is earlier. A clock
        that is set back does not move it.
        """
        end = envelope.ends_at(now)
        assert end is not None  # check_time
        until_s = self.bench.time_s + (end - now).total_seconds()
        pinned = self._pinned[envelope.id, end] = min(until_s, self._pinned.get((envelope.id, end), until_s))
        if pinned <= self.bench.time_s:
            raise HilError("the envelope has expired in bench time", mend="Sign a new one")
        return pinned

    def _send(
        self, block: str, act: AuthorityAct, values: tuple[float, ...] = (), until: int = 0, *, always: bool = False
    ) -> None:
        """With `always` after a stop too: what only takes back."""
        if self.stopped and not always:
            mend = "A person promotes the action again: hil twin promote"
            raise HilError("the twin was stopped", where=self.bench.rig.name, mend=mend)
        self.bench.act_on_authority(block, act, values, until)
