"""Runs the items of a commissioning one after the other, and always comes to results, whatever breaks off."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from hil import result
from hil.bench import Bench, open_bench
from hil.bindings import HERE, settle
from hil.commission.check import Check
from hil.commission.covering import Covering, with_coverage
from hil.commission.diagnosis import explain
from hil.commission.ledger import Ledger
from hil.commission.perform import BrokenOffError
from hil.commission.results import Conditions, Item, Observation, Results, Trend, Verdict
from hil.commission.spec import Spec, load_spec
from hil.commission.station import Station, with_everything_recorded
from hil.commission.subset import Subset, subset_for
from hil.commission.summing import summed
from hil.commission.trends import trends
from hil.errors import BenchError, BusError, HilError
from hil.nearest import did_you_mean
from hil.rig import Rig, load_rig, programs_of

Told = Callable[[Item, int, int], None]
INTERRUPTED = "interrupted"
WORST = 6  # trends of an item


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        time: "virtual", "lockstep" or "real".
        bind: level by role.
        only: patterns of items; empty: all.
        urls: addresses by device, instead of the rig's.
        controllers: "blocks" or "program" by role; None: a role's own program where it has one.
    """

    rig: str | Path | Rig
    time: str = "virtual"
    bind: Mapping[str, str] = field(default_factory=dict)
    only: Sequence[str] = ()
    urls: Mapping[str, str] = field(default_factory=dict)
    controllers: Mapping[str, str] | None = None

    def load(self) -> Rig:
        """The rig with the controllers that are commissioned; raises RigError."""
        if isinstance(self.rig, Rig):
            return self.rig
        return load_rig(self.rig, controllers=programs_of(self.rig) if self.controllers is None else self.controllers)


@dataclass
class Done:
    """One item's course."""

    observations: list[Observation] = field(default_factory=list)
    trends: list[Trend] = field(default_factory=list)


def commission(request: Request, told: Told = lambda _item, _n, _of: None, covering: Covering | None = None) -> Results:
    """Run the checks.

    Args:
        request: what and how.
        told: is called after each item with its number and how many there are.
        covering: takes what the checks reach of the PLC program, where it can be looked into.

    Raises:
        HilError: bad input: the rig, its commissioning, a binding or an item's name. What breaks off later is in the
            results.
    """
    rig = request.load()
    time, levels = settle(rig, request.time, request.bind)
    spec = load_spec(rig, levels)
    chosen = chosen_checks(spec, request.only)
    subset = subset_for(spec, chosen, time, explicit=bool(request.only))
    inner = tuple(
        n for n in dict.fromkeys(n for c in chosen for run in c.runs for n in run.also) if _is_inside(n, levels)
    )
    recorded = with_everything_recorded(rig, inner)
    if covering is not None:
        recorded = with_coverage(recorded)

    def opened() -> Bench:
        return open_bench(recorded, time=time, bind=levels, urls=request.urls, use_rig_faults=False)

    runner = _Runner(spec, Station(opened, spec, covering), subset, told)
    started = _now()
    runner.run_all(chosen)
    station, facts = runner.station, runner.station.facts
    conditions = Conditions(
        rig.name, rig.title, time, levels, result.versions(), facts.get("program_hash", ""), spec.files, started,
        _now(), facts.get("seed", rig.seed), rig.period_s, round(station.bench_s, 6), _controllers(rig),
        dict(request.urls), (*_only_text(request.only), *subset.scope, *runner.told_of_time()),
    )  # fmt: skip
    whole = (
        not request.only and not subset.left_out and not runner.left_for_time
    )  # else a tag that was not touched may be one of what was left out
    items = [*initial_item(station), *runner.items]
    return summed(spec, conditions, items, runner.ledger, station.left, runner.broken_off, whole)


def initial_item(station: Station) -> list[Item]:
    """Whether every item began in the state that `ready` describes."""
    if station.ready is None:
        return []
    told = station.spec.table.ready
    values = ", ".join(f"{name} = {value:.4g}" for name, value in sorted(station.looked_at.items()))
    seen = Observation("initial state", "ready", None, " ".join(told.split()), values, station.ready)
    verdict = Verdict.PASSED if station.ready else Verdict.FAILED
    reason = "" if station.ready else f"it was not reached after {station.spec.table.settle_s:g} s: {values}"
    title = "Initial state of all items"
    return [
        Item(
            "INITIAL-state",
            "sequence",
            title,
            seen.expected if isinstance(seen.expected, str) else "",
            verdict,
            reason,
            (seen,),
        )
    ]


def _is_inside(name: str, levels: Mapping[str, str]) -> bool:
    return levels.get(name.partition("/")[0]) in HERE


def _controllers(rig: Rig) -> dict[str, str]:
    """Source of each role's controller, where the rig tells."""
    found = {name: getattr(role, "controller", "") for name, role in rig.roles.items()}
    return {name: str(source) for name, source in found.items() if source}


def _only_text(only: Sequence[str]) -> tuple[str, ...]:
    return (f"only {', '.join(only)}",) if only else ()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def chosen_checks(spec: Spec, only: Sequence[str]) -> list[Check]:
    """The items that are asked for, all where nothing is.

    Raises:
        HilError: a pattern means none.
    """
    names = [check.id for check in spec.checks]
    for pattern in only:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise HilError(f"there is no item '{pattern}'", where="--only", mend=did_you_mean(pattern, names))
    return [c for c in spec.checks if not only or any(fnmatchcase(c.id, pattern) for pattern in only)]


class _Runner:
    """Runs items and keeps what they came to."""

    def __init__(self, spec: Spec, station: Station, subset: Subset, told: Told) -> None:
        self.spec, self.station, self.subset, self.told = spec, station, subset, told
        self.ledger = Ledger(spec)
        self.items: list[Item] = []
        self.broken_off = ""
        self.began = clock.monotonic()
        self.left_for_time: list[str] = []
        inputs = {tag.signal for tag in spec.tags if tag.to_controller}
        loops = [check for check in spec.checks if check.kind == "loop" and set(check.tags) <= inputs and check.runs]
        self.others = {check.tags[0]: str(check.runs[0].expects[0].subject) for check in loops}

    def run_all(self, checks: Sequence[Check]) -> None:
        """Each item; from the one on at which the bench breaks off none is completed any more."""
        try:
            for n, check in enumerate(checks):
                self._add(self._one(check), n + 1, len(checks))
        except KeyboardInterrupt:
            self.broken_off = INTERRUPTED
        for check in checks[len(self.items) :]:
            self._add(_item(check, Done(), Verdict.NOT_COMPLETED, self.broken_off), len(self.items) + 1, len(checks))
        self._close()

    def told_of_time(self) -> list[str]:
        """What the clock did to the items."""
        found = []
        if self.left_for_time:
            found.append(f"time was over before {', '.join(self.left_for_time)}")
        if self.station.not_back:
            found.append(f"the initial state had not come back before {self.station.not_back} runs")
        return found

    def _add(self, item: Item, n: int, of: int) -> None:
        self.items.append(item)
        self.told(item, n, of)

    def _close(self) -> None:
        try:
            self.station.close()
        except (HilError, KeyboardInterrupt) as error:
            self.broken_off = self.broken_off or f"the bench did not end well: {error or INTERRUPTED}"

    def _one(self, check: Check) -> Item:
        why_not = check.why_not or self.subset.left_out.get(check.id, "") or self._no_time_for(check)
        if self.broken_off:
            return _item(check, Done(), Verdict.NOT_COMPLETED, self.broken_off)
        if why_not:
            return _item(check, Done(), Verdict.NOT_RUN, why_not)
        done = Done()
        try:
            self._runs(check, done)
        except HilError as error:
            return self._ended(check, done, error)
        return _judged(check, done)

    def _no_time_for(self, check: Check) -> str:
        """In real time: it would end after all items together may take."""
        limit_s = self.subset.limit_s
        if limit_s is None or clock.monotonic() - self.began + check.seconds <= limit_s:
            return ""
        self.left_for_time.append(check.id)
        return f"left out, as the {limit_s:g} s of real time were over"

    def _runs(self, check: Check, done: Done) -> None:
        offset = 0.0
        for run in check.runs:
            seen, found = self.station.run(run)
            self.ledger.take(check, run, seen)
            for expected in run.expects:
                found += expected.look(seen)
            prefix = f"{run.title}: " if run.title and len(check.runs) > 1 else ""
            done.observations += [_titled(o, prefix) for o in explain(check, seen, found, self.others)]
            if not done.trends or any(not o.ok for o in found):  # of several runs the first, or the last that failed
                done.trends = trends(seen, check.trend)[:WORST]
            offset += run.seconds

    def _ended(self, check: Check, done: Done, error: HilError) -> Item:
        """A bench that broke off ends all; what this device cannot do is left out; else the check itself has failed."""
        bench = self.station.bench
        if bench is None or bench._broken or isinstance(error, BusError | BrokenOffError):
            self.broken_off = str(error)
            return _item(check, done, Verdict.NOT_COMPLETED, str(error))
        if isinstance(error, BenchError) and any(level not in HERE for level in bench.bindings.values()):
            return _item(check, done, Verdict.NOT_RUN, f"cannot be done with this device: {error}")
        return _item(check, done, Verdict.FAILED, f"could not be carried out: {error}")


def _titled(observation: Observation, prefix: str) -> Observation:
    return replace(observation, what=prefix + observation.what) if prefix else observation


def _judged(check: Check, done: Done) -> Item:
    failed = [o for o in done.observations if not o.ok]
    if failed:
        more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
        return _item(check, done, Verdict.FAILED, f"{failed[0]}{more}")
    if not done.observations and check.kind != "requirement":
        return _item(check, done, Verdict.FAILED, "nothing was compared")
    return _item(check, done, Verdict.PASSED)


def _item(check: Check, done: Done, verdict: Verdict, reason: str = "") -> Item:
    return Item(
        check.id, check.kind, check.title, check.expectation, verdict, reason, tuple(done.observations),
        tuple(done.trends), check.requirements, check.cells, check.tags, round(check.seconds, 6),
    )  # fmt: skip
