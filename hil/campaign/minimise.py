"""The smallest that still does it: fewer faults, then smaller ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hil.campaign.healthy import Engine
from hil.campaign.plan import Plan, Range
from hil.campaign.space import Injected, Run

STEPS = 6  # bisections of a value
Still = Callable[[tuple[Injected, ...]], bool]


def minimise(engine: Engine, run: Run) -> Run:
    """A run with as few and as small faults as still break what is expected.

    Faults are left out one by one as long as it still breaks, which for one-minimal sets is what delta debugging ends
    with (Zeller and Hildebrandt 2002); then each value is bisected towards the end of its range that is nearer to 0.
    """

    def still(faults: tuple[Injected, ...]) -> bool:
        return bool(faults) and engine.robustness([replace(run, faults=faults)])[0] < 0.0

    faults = _fewer(run.faults, still)
    for i, fault in enumerate(faults):
        for place in range(len(fault.values)):
            faults = _smaller(engine.plan, faults, i, place, still)
    return replace(run, faults=faults)


def _fewer(faults: tuple[Injected, ...], still: Still) -> tuple[Injected, ...]:
    for fault in faults:
        rest = tuple(f for f in faults if f is not fault)
        if still(rest):
            return _fewer(rest, still)
    return faults


def _smaller(plan: Plan, faults: tuple[Injected, ...], i: int, place: int, still: Still) -> tuple[Injected, ...]:
    fault = faults[i]
    limits = _range(plan, fault, place)
    if limits.fixed:
        return faults
    near, far = min(limits.low, limits.high, key=abs), fault.values[place]
    if limits.low < 0.0 < limits.high:
        near = 0.0
    for _ in range(STEPS):
        middle = (near + far) / 2.0
        changed = tuple(_with(f, place, middle) if k == i else f for k, f in enumerate(faults))
        if still(changed):
            faults, far = changed, middle
        else:
            near = middle
    return faults


def _range(plan: Plan, fault: Injected, place: int) -> Range:
    slot = next(s for s in plan.slots if s.name == fault.slot)
    return next(kind for kind in slot.kinds if kind.text == fault.text).values[place]


def _with(fault: Injected, place: int, value: float) -> Injected:
    values = tuple(value if k == place else v for k, v in enumerate(fault.values))
    return replace(fault, values=values, spec=replace(fault.spec, values=values))
