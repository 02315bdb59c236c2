"""Which items are run in real time, where each second is a second."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from hil.commission.check import Check
from hil.commission.spec import Spec
from hil.commission.station import settle_time

OVERHEAD_S = 1.5  # of a run: what comes before, behind and between


@dataclass(frozen=True)
class Subset:
    """What is run.

    Attributes:
        left_out: reasons by item.
        scope: what is said aloud.
        limit_s: all items together take no longer by the clock; None: there is no limit.
    """

    left_out: dict[str, str] = field(default_factory=dict)
    scope: tuple[str, ...] = ()
    limit_s: float | None = None


def subset_for(spec: Spec, checks: Sequence[Check], time: str, *, explicit: bool) -> Subset:
    """All but in real time; items that were named by --only are all run."""
    if time != "real" or explicit:
        return Subset()
    limit_s = spec.table.real_time_s
    taken: list[str] = []
    seconds = settle_time(spec, time)
    for check in _order(spec, checks):
        cost = check.seconds + OVERHEAD_S * len(check.runs)
        if seconds + cost <= limit_s:
            taken.append(check.id)
            seconds += cost
    able = [check for check in checks if not check.why_not]
    why = f"left out in real time, where all items together may take {limit_s:g} s"
    left = {check.id: why for check in able if check.id not in taken}
    how = "as commission.real_time says" if spec.table.real_time else "one of each kind first, the shortest"
    told = f"in real time {len(taken)} of {len(able)} items, about {seconds:.0f} s, {how}"
    return Subset(left, (told,) if left else (), limit_s)


def _order(spec: Spec, checks: Sequence[Check]) -> Iterable[Check]:
    """As the patterns say, or one of each kind, shortest first, then the others, shortest first."""
    able = [check for check in checks if not check.why_not and not any(run.relay for run in check.runs)]
    if spec.table.real_time:
        return [c for pattern in spec.table.real_time for c in able if fnmatchcase(c.id, pattern)]
    shortest = sorted(able, key=lambda check: check.seconds)
    firsts = {check.kind: check for check in reversed(shortest)}
    return [*sorted(firsts.values(), key=lambda c: c.seconds), *(c for c in shortest if firsts[c.kind] is not c)]
