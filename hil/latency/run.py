"""One run of `hil bench`: which figures there are, and what they found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from hil import realtime
from hil.errors import BenchError, HilError
from hil.latency import own_core
from hil.latency.cpu_class import cpu_class
from hil.latency.fitness import Fitness, look, throttle_count
from hil.latency.gate import group_of
from hil.latency.paired import Ratio, Side, paired_for
from hil.latency.place import measured_place, shallow_sleep
from hil.latency.yardstick import may_use_fifo
from hil.nearest import did_you_mean
from hil.realtime import MachineWatch
from hil.rig import Rig, load_rig

# Module of hil.latency by group, in the order of measuring; each has `measure(run)`.
GROUPS = {
    "wakeup": "wakeup",
    "step": "step",
    "bus": "bus",
    "link": "link",
    "record": "record",
    "roundtrip": "roundtrip",
    "estimator": "estimator",
    "batch": "copies",
    "plc": "plc",
    "fmu": "fmu",
}
SECONDS = 3.0
PATIENCE = 14
"""A group is measured again when no more than so many times the seconds of one have passed."""
RATE_HZ = 1000.0
DEFAULT_RIG = "quad_tank"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Measured:
    """A ratio with what it is of.

    Attributes:
        ratio: ours / yardstick; smaller is better.
        yardstick: what stands below the line.
        unit: of both sides.
        why_not: why no gate looks at it; "" for a gated one.
    """

    ratio: Ratio
    yardstick: str
    unit: str
    why_not: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON."""
        low, high = self.ratio.interval
        return {
            "median": self.ratio.median,
            "low": low,
            "high": high,
            "pairs": len(self.ratio.ratios),
            "disturbed": self.ratio.disturbed,
            "shared": self.ratio.shared,
            "yardstick": self.yardstick,
            "ours": self.ratio.a,
            "theirs": self.ratio.b,
            "unit": self.unit,
            "gated": not self.why_not,
            "why_not": self.why_not,
        }


@dataclass
class Run:
    """What a figure's module gets, and where it puts what it found.

    Attributes:
        rig: the bench's description.
        seconds: of measuring for a group, about.
        rate_hz: of the loops that are not the rig's own.
        ratios, figures: found so far.
        skipped: why a figure could not be measured, by name.
    """

    rig: Rig
    seconds: float = SECONDS
    rate_hz: float = RATE_HZ
    progress: Progress = lambda _: None
    ratios: dict[str, Measured] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def pair(
        self, name: str, ours: Side, theirs: Side, share: float = 1.0, *, yardstick: str, unit: str, why_not: str = ""
    ) -> Ratio:
        """Measures `share` of the group's seconds, keeps the ratio and returns it."""
        ratio = paired_for(ours, theirs, self.seconds * share)
        self.ratios[name] = Measured(ratio, yardstick, unit, why_not)
        return ratio


@dataclass(frozen=True)
class Found:
    """The end of a run; `to_dict` is the documented JSON."""

    rig: str
    machine: dict[str, Any]
    verdict: dict[str, Any]
    figures: dict[str, Any]
    ratios: dict[str, dict[str, Any]]
    skipped: dict[str, str]
    options: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data."""
        from hil import __version__

        return {"schema": 1, "hil": __version__, **vars(self)}


def measure(
    rig: str | Path | Rig = DEFAULT_RIG,
    *,
    only: Iterable[str] = (),
    seconds: float = SECONDS,
    rate_hz: float = RATE_HZ,
    progress: Progress | None = None,
) -> Found:
    """Measures a rig on this machine, each figure beside its yardstick.

    Args:
        rig: folder, file, name of a shipped rig, or a loaded one. Its devices are emulated; no real one is touched.
        only: groups of GROUPS; none: all.
        seconds: of measuring for each group, from 0.1 on.
        rate_hz: of the loops that are not the rig's own, 10 to 10,000.
        progress: is told which group is measured.

    Raises:
        HilError: unknown group, a rig that cannot be used, or a yardstick that cannot be compiled.
    """
    groups = _chosen(only)
    if not (0.1 <= seconds <= 3600 and 10 <= rate_hz <= 10_000):
        raise BenchError(f"{seconds:g} s at {rate_hz:g} Hz cannot be measured", mend="0.1 to 3,600 s, 10 to 10,000 Hz")
    run = Run(rig if isinstance(rig, Rig) else load_rig(rig), seconds, rate_hz, progress or (lambda _: None))
    watch, throttled, began = MachineWatch(), throttle_count(), time.time()
    own_core.core_ratio()  # the first process of all on a machine takes its time for it
    latest = time.monotonic() + PATIENCE * seconds
    for group in groups:
        _measure(run, group)
    for group in groups:
        if _never_alone(run, group) and time.monotonic() < latest:
            _measure_again(run, group)
    own_core.remember()
    fitness = look(watch.measured(), throttled)
    options = {"only": groups, "seconds": seconds, "rate_hz": rate_hz, "time": began, "took_s": time.time() - began}
    ratios = {name: measured.to_dict() for name, measured in run.ratios.items()}
    return Found(run.rig.name, _machine(), _verdict(watch, fitness), run.figures, ratios, run.skipped, options)


def _measure(run: Run, group: str) -> None:
    run.progress(group)
    with shallow_sleep():
        import_module(f"hil.latency.{GROUPS[group]}").measure(run)


def _never_alone(run: Run, group: str) -> set[str]:
    """Its ratios that another machine had a part of all the time."""
    return {name for name, found in run.ratios.items() if group_of(name) == group and found.ratio.shared}


def _measure_again(run: Run, group: str) -> None:
    """Later, as the other machine may rest by then; what had a core of its own now replaces what had none."""
    later = replace(run, ratios={}, figures={}, skipped={})
    try:
        _measure(later, group)
    except HilError:
        return  # and what is there already is not lost
    before, now = _never_alone(run, group), _never_alone(later, group)
    mended = {name: found for name, found in later.ratios.items() if name in before - now}
    run.ratios |= mended
    if mended and now <= before:
        run.figures |= later.figures


def _chosen(only: Iterable[str]) -> list[str]:
    wanted = [name.strip() for name in only if name.strip()]
    for name in wanted:
        if name not in GROUPS:
            raise BenchError(f"there is no figure '{name}'", where="--only", mend=did_you_mean(name, GROUPS))
    return [group for group in GROUPS if group in wanted or not wanted]


def _machine() -> dict[str, Any]:
    core = {"core_ratio": own_core.core_ratio(), "core_probe": own_core.probe()}
    return {**realtime.machine_facts(), "class": cpu_class(), **core}


def _verdict(watch: MachineWatch, fitness: Fitness) -> dict[str, Any]:
    grants = {"fifo": 0 if may_use_fifo() else 1, "affinity": 0}
    return {**realtime.verdict("real", grants, watch), "fit": not fitness.why, "unfit_because": list(fitness.why)}


def on_the_measured_core(side: Side) -> Side:
    """The same, run at the measured place."""

    def run() -> float:
        with measured_place():
            return side()

    return run
