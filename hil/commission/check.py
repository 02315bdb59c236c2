"""A check as data: what is done, for how long, and what is expected. It is run, shown, and written as a pytest test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hil.commission.acts import Act
from hil.commission.results import Observation
from hil.commission.seen import Seen


@dataclass(frozen=True)
class Expect:
    """One comparison: a judge of `hil.commission.judging`, what it looks at, and its further arguments."""

    judge: str
    subject: Any
    args: dict[str, Any]

    def look(self, seen: Seen) -> list[Observation]:
        """What it finds."""
        from hil.commission.judging import JUDGES

        found = JUDGES[self.judge](seen, self.subject, **self.args)
        return [found] if isinstance(found, Observation) else list(found)


def expect(judge: str, subject: Any, **args: Any) -> Expect:
    """`expect("holds", "not plc.alarm", from_s=0.0, to_s=1.0)`."""
    return Expect(judge, subject, args)


@dataclass(frozen=True)
class Relay:
    """A relay in place of a controller's output; see `hil.design.experiment`."""

    measurement: str
    output: str
    amplitude: float
    duration_s: float
    sample_s: float
    direct: bool
    rule: str


@dataclass(frozen=True)
class Run:
    """Acts on the bench from its initial state, and what is expected of it.

    Attributes:
        also: see `hil.commission.perform.perform`.
        relay: is run after the acts, in virtual time and lock-step.
    """

    seconds: float
    acts: tuple[Act, ...]
    expects: tuple[Expect, ...]
    also: tuple[str, ...] = ()
    title: str = ""
    relay: Relay | None = None


@dataclass(frozen=True)
class Check:
    """One item before it is run.

    Attributes:
        group: its part of the commissioning, by which generated tests are put into files.
        runs: one or more, each from the initial state.
        trend: signals shown in the record.
        why_not: it cannot be run here, and why; empty: it can.
        tags, requirements, cells: see `hil.commission.results.Item`.
    """

    id: str
    kind: str
    title: str
    expectation: str
    runs: tuple[Run, ...] = ()
    trend: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    why_not: str = ""

    @property
    def seconds(self) -> float:
        """Bench time that it takes."""
        return sum(run.seconds for run in self.runs)


def acts_text(acts: Sequence[Act]) -> str:
    """For people, in one line."""
    return "; ".join(map(str, acts)) or "nothing"
