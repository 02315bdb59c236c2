"""The tables of a plan as it is written. The docstrings of the fields are the reference of the format."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hil.rig.schema import Name, PlainName, Table

Positive = Annotated[float, Field(gt=0)]
Span = Annotated[float, Field(ge=0)] | Annotated[list[float], Field(min_length=2, max_length=2)]
MAX_RUNS = 10_000_000


class GoldenTable(Table):
    """[golden]: the healthy run that faults are put into."""

    set: dict[Name, float] = Field(default_factory=dict)
    """Values from the first tick on, as `bench.set` takes them."""


class ActivateTable(Table):
    """[activate]: when faults act, and how many in a run."""

    start_s: Span = 0.0
    """Bench time of a fault's begin: a number, or [from, to]."""
    on: str | None = None
    """A condition over the signals: times count from the first tick of the healthy run at which it holds."""
    duration_s: Span | None = None
    """How long it lasts; without it to the end of the run."""
    combine: Literal["one", "all", "any"] = "one"
    """One of the faults in each run; all of them; any of them, each there or not."""


class FaultTable(Table):
    """[faults.name]: one thing that may go wrong."""

    signal: Name
    """The signal that it acts on."""
    kinds: Annotated[list[str], Field(min_length=1)]
    """What it may be: "bias(-5cm..5cm)", "stuck", "gain(0.5)"."""
    start_s: Span | None = None
    """Instead of [activate]'s."""
    duration_s: Span | None = None
    """Instead of [activate]'s."""


class ExpectTable(Table):
    """[expect]: what has to come of it, as formulas over the signals (docs/requirements.md)."""

    detect: str | None = None
    """Holds once the system has noticed the fault."""
    within_s: Positive | None = None
    """Longest time from the fault's begin until then."""
    safe: str
    """Holds while nothing dangerous happens."""
    safe_state: str | None = None
    """Holds once the safe state is reached, which ends the handling of the fault."""
    reaction_s: Annotated[float, Field(ge=0)] | None = None
    """Instead: the safe state is reached so long after the detection; 0 without either."""
    ftti_s: Positive | None = None
    """Fault tolerant time interval: the longest time from a fault's begin to the safe state."""
    requirement: str | None = None
    """Holds over the whole run from its start."""
    name: str = ""
    """Number of the requirement in your papers."""


class FalsifyTable(Table):
    """[search.falsify]: then towards the smallest robustness of `safe` and `requirement`."""

    method: Literal["differential_evolution", "dual_annealing"] = "differential_evolution"
    """Of scipy.optimize."""
    budget: Annotated[int, Field(ge=1, le=MAX_RUNS)] = 500
    """Runs that it may take."""


class SearchTable(Table):
    """[search]: which runs of all that could be."""

    method: Literal["sobol", "latin_hypercube", "random", "grid", "covering"] = "sobol"
    """grid: every combination of levels; covering: every combination of any `strength` of them."""
    runs: Annotated[int, Field(ge=1, le=MAX_RUNS)] = 1000
    """How many; of grid and covering the most."""
    levels: Annotated[int, Field(ge=1, le=1000)] = 3
    """Of a range, for grid and covering; both ends are levels."""
    strength: Annotated[int, Field(ge=2, le=6)] = 2
    """t of a t-way covering array."""
    falsify: FalsifyTable | None = None
    """A search behind it."""


class PlanTable(Table):
    """The whole file."""

    title: str = ""
    """One line for people."""
    duration_s: Positive
    """Length of every run, from the bench's start, in s."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    """Decides everything random."""
    seeds: Annotated[int, Field(ge=1, le=1000)] = 1
    """Healthy runs of different noise; the runs with faults take turns at them."""
    time: Literal["virtual", "lockstep", "real"] = "virtual"
    """Kind of time: virtual, or with a wire in lock-step or real time."""
    bind: dict[Name, Literal["mil", "sil", "pil", "hil"]] = Field(default_factory=dict)
    """Level of a role instead of the rig's; in virtual time mil."""
    golden: GoldenTable = GoldenTable()
    """The healthy run."""
    activate: ActivateTable = ActivateTable()
    """When faults act."""
    faults: Annotated[dict[PlainName, FaultTable], Field(min_length=1)]
    """What may go wrong."""
    expect: ExpectTable
    """What has to come of it."""
    search: SearchTable = SearchTable()
    """Which runs."""
