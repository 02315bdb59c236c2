"""What a plan means, with all defaults filled in."""

from __future__ import annotations

from dataclasses import dataclass, field

from hil.faults import FaultSpec
from hil.requirements import Formula


@dataclass(frozen=True)
class Range:
    """From `low` to `high`; a fixed value has both the same."""

    low: float
    high: float

    @property
    def fixed(self) -> bool:
        """Whether there is nothing to choose."""
        return self.low == self.high

    def at(self, share: float) -> float:
        """`share` of the way from low to high."""
        return self.low + (self.high - self.low) * share


@dataclass(frozen=True)
class Kind:
    """A kind of fault with what its values may be, in the signal's unit.

    Attributes:
        spec: the fault with the first of its values: what it is beside values and times.
        values: ranges of its values.
        text: as the plan has it.
    """

    spec: FaultSpec
    values: tuple[Range, ...]
    text: str

    @property
    def kind(self) -> str:
        """A key of hil.fault_kinds.KINDS."""
        return self.spec.kind


@dataclass(frozen=True)
class FaultSlot:
    """One thing that may go wrong.

    Attributes:
        name: it is the signal `fault.<name>` of formulas: 1 while a fault of it acts, else 0.
        signal: what the fault acts on.
        kinds: what it may be.
        start_s: bench time at which it begins, or with the plan's `on` time since then.
        duration_s: how long it lasts; None: to the end of the run.
    """

    name: str
    signal: str
    kinds: tuple[Kind, ...]
    start_s: Range
    duration_s: Range | None


@dataclass(frozen=True)
class Expectation:
    """What has to come of a fault.

    Attributes:
        detect: holds from the moment on at which the system has noticed; None: nothing is expected to notice.
        within_s: later than this after the fault's begin it does not count.
        safe_state: holds once the safe state is reached; None: it is `reaction_s` after the detection.
        ftti_s: fault tolerant time interval: the safe state has to be reached within it; None: there is no limit.
        safe: holds while nothing dangerous happens.
        requirement: holds over the whole run; None: there is none.
        name: of the requirement these stand for, for reports.
    """

    detect: Formula | None
    within_s: float | None
    safe: Formula
    requirement: Formula | None
    name: str
    safe_state: Formula | None = None
    reaction_s: float = 0.0
    ftti_s: float | None = None

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """Those that there are."""
        return tuple(f for f in (self.detect, self.safe, self.requirement, self.safe_state) if f is not None)


@dataclass(frozen=True)
class Falsify:
    """A search towards the smallest robustness, behind the first search."""

    method: str
    budget: int


@dataclass(frozen=True)
class Search:
    """Which points of the space are tried."""

    method: str
    runs: int
    levels: int
    strength: int
    falsify: Falsify | None


@dataclass(frozen=True)
class Plan:
    """A whole plan.

    Attributes:
        seed: of the bench in its healthy run, and of all that a search draws.
        seeds: healthy runs, with seeds from `seed` on; runs take turns. A run has the noise of its healthy run, so that
            what differs comes of its faults (common random numbers).
        golden: values of the healthy run.
        time: kind of time, "virtual", "lockstep" or "real".
        bind: level by role, as `hil.open_bench` takes it.
        on: times of faults count from the first tick of the healthy run at which it holds; None: from its start.
        text: the file it was read from.
    """

    name: str
    title: str
    duration_s: float
    seed: int
    seeds: int
    golden: dict[str, float]
    combine: str
    slots: tuple[FaultSlot, ...]
    expect: Expectation
    search: Search
    text: str
    on: Formula | None = None
    time: str = "virtual"
    bind: dict[str, str] = field(default_factory=dict)
