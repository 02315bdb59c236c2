"""How far each action of a twin may go. Down by itself, up by a person only.

| rung | the twin |
|---|---|
| OBSERVE | proposes nothing |
| ADVISE | proposes; a person acts |
| APPROVE | acts when a person has approved |
| SEMI | acts when nobody has vetoed in time |
| AUTO | acts |
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hil.errors import HilError
from hil.nearest import did_you_mean
from hil.rig.twin_schema import LADDER
from hil.twin.authority.envelope import above

OBSERVE, ADVISE, APPROVE, SEMI, AUTO = LADDER


@dataclass(frozen=True)
class Rung:
    """Where an action stands.

    Attributes:
        since_s: bench time.
        why: it stands there.
        person: who put it there; None: it came by itself.
    """

    level: str
    since_s: float
    why: str
    person: str | None = None


@dataclass
class Ladder:
    """All actions of a twin.

    Attributes:
        rungs: by action.
    """

    rungs: dict[str, Rung] = field(default_factory=dict)

    @staticmethod
    def of(levels: Mapping[str, str]) -> Ladder:
        """Actions with the rungs of [twin.actions]; above ADVISE nobody begins: that takes an envelope and a person."""
        begun = {name: ADVISE if above(level, ADVISE) else level for name, level in levels.items()}
        return Ladder({name: Rung(level, 0.0, "as the rig begins") for name, level in begun.items()})

    def level(self, action: str) -> str:
        """Its rung; raises HilError for an action that is not known."""
        if action not in self.rungs:
            raise HilError(f"there is no action '{action}'", mend=did_you_mean(action, self.rungs))
        return self.rungs[action].level

    def acts(self, action: str) -> bool:
        """Whether it may act at all."""
        return above(self.level(action), ADVISE)

    def check(self, action: str, level: str, person: str) -> None:
        """Raises HilError: no such action or rung, or no person is named."""
        self.level(action)
        if level not in LADDER:
            raise HilError(f"'{level}' is no rung of the ladder", where=action, mend=did_you_mean(level, LADDER))
        if not person:
            raise HilError("nobody is named", where=action, mend="Only a person promotes: give --person")

    def promote(self, action: str, level: str, time_s: float, person: str, why: str) -> Rung:
        """By a person; to any rung, also downwards. Raises as `check`."""
        self.check(action, level, person)
        self.rungs[action] = Rung(level, time_s, why, person)
        return self.rungs[action]

    def demote(self, action: str, level: str, time_s: float, why: str) -> Rung | None:
        """By itself; None where it stands no higher already."""
        if not above(self.level(action), level):
            return None
        self.rungs[action] = Rung(level, time_s, why)
        return self.rungs[action]

    def to_dict(self) -> dict[str, Any]:
        """For JSON, without names of persons."""
        return {
            name: {"level": rung.level, "since_s": rung.since_s, "why": rung.why} for name, rung in self.rungs.items()
        }


@dataclass(frozen=True)
class Condition:
    """What a twin looks at to demote its actions.

    Attributes:
        alarms: high and critical ones that nobody has acknowledged.
        unusable: measured signals that are stale or bad.
        overruns: ticks that came late or were missed since the bench began.
        model: number of the model's version in use.
        time_s: bench time up to which the twin has seen what came.
    """

    alarms: frozenset[str] = frozenset()
    unusable: frozenset[str] = frozenset()
    overruns: int = 0
    model: int = 0
    time_s: float = math.inf

    def worse_than(self, before: Condition) -> Iterable[str]:
        """Reasons to demote since `before`."""
        for name in sorted(self.alarms - before.alarms):
            yield f"alarm {name}"
        for name in sorted(self.unusable - before.unusable):
            yield f"{name} cannot be used"
        if self.overruns > before.overruns:
            yield f"{self.overruns - before.overruns} overruns of the loop"
        if self.model != before.model:
            yield f"the model's version changed from {before.model} to {self.model}"

    def forbids(self) -> str | None:
        """Why nobody can promote now; None when somebody can."""
        if self.alarms:
            return f"alarm {min(self.alarms)} is not acknowledged"
        if self.unusable:
            return f"{min(self.unusable)} cannot be used"
        return None
