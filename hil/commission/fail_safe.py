"""Loss of communication, STOP and restart: which outputs go where, how soon, and that nothing restarts by itself."""

from __future__ import annotations

from dataclasses import replace

from hil.commission.acts import Act
from hil.commission.check import Check, Expect, Run, expect
from hil.commission.reading import Reading
from hil.commission.tables import EffectTable, FailSafeTable

BEFORE_S = 0.3
MOST_FAULTS = 16  # that act on a bench at once (hil.spec.Spec.max_faults)
LOST = "dropout(100%)"


def fail_safe_checks(reading: Reading) -> list[Check]:
    """One item for each table."""
    return [_check(reading, name, table) for name, table in reading.table.fail_safe.items()]


def _check(reading: Reading, name: str, table: FailSafeTable) -> Check:
    where = ("fail_safe", name)
    if table.communication == bool(table.do):
        reading.note(where, "needs a cause: either communication = true or do", 'Write do = ["run.value = 0"]')
    begin, end = BEFORE_S, round(BEFORE_S + table.lasts_s, 9)
    acts = _cause(reading, where, table, begin)
    acts += tuple(act.later(end) for act in reading.acts((*where, "back"), table.back))
    expects = [
        e
        for n, effect in enumerate(table.effects)
        for e in _effect(reading, (*where, "effects", n), effect, begin, end)
    ]
    last = end
    if table.stays:
        reading.condition((*where, "stays"), table.stays)
        last = round(end + table.stays_s, 9)
        expects.append(expect("holds", table.stays, from_s=end, to_s=last, what="no restart of its own", tag=name))
    for n, effect in enumerate(table.recovers):
        expects += _recovery(reading, (*where, "recovers", n), effect, end)
        last = max(last, round(end + effect.within_s + BEFORE_S, 9))
    if not expects:
        reading.note(where, "promises nothing", "Give effects, stays or recovers")
    effects = (*table.effects, *table.recovers)
    names = reading.signals_in(where, (*(effect.condition for effect in effects), table.stays))
    told = "; ".join(
        [f"{e.condition} within {e.within_s:g} s" for e in table.effects]
        + ([f"afterwards {table.stays}"] * bool(table.stays))
    )
    requirements = reading.known_requirements((*where, "requirements"), table.requirements)
    title = table.title or f"Fail-safe {name}"
    run = Run(round(last + 0.1, 9), acts, tuple(expects))
    return Check(f"FAILSAFE-{name}", "fail_safe", title, told, (run,), names, names, requirements)


def _cause(reading: Reading, where: tuple[str, ...], table: FailSafeTable, begin: float) -> tuple[Act, ...]:
    """Lost values are bad: the gates answer as to a wire that has gone, at every level and in every kind of time."""
    if not table.communication:
        acts = reading.acts((*where, "do"), table.do)
        return tuple(_for(act, table.lasts_s).later(begin) for act in acts)
    role, signals = reading.role, reading.rig.signals
    names = [tag.signal for tag in (*role.outputs, *role.inputs) if signals[tag.signal].path]
    names.sort(key=lambda name: not signals[name].gated)  # what the gates guard comes first
    return tuple(Act("fault", f"{name}={LOST}", 0.0, begin, table.lasts_s) for name in names[:MOST_FAULTS])


def _for(act: Act, seconds: float) -> Act:
    if act.for_s is not None or act.kind == "release" or act.when:
        return act
    return replace(act, for_s=round(max(seconds - act.at_s, 0.0), 9))


def _effect(
    reading: Reading, where: tuple[str | int, ...], effect: EffectTable, begin: float, end: float
) -> list[Expect]:
    reading.condition((*where, "condition"), effect.condition)
    reached = round(begin + effect.within_s, 9)
    found = [
        expect(
            "becomes", effect.condition, after_s=begin, within_s=effect.within_s, what="goes safe", tag=effect.condition
        )
    ]
    if reached < end:
        found.append(
            expect(
                "holds",
                effect.condition,
                from_s=round(reached + 0.01, 9),
                to_s=end,
                what="stays safe",
                tag=effect.condition,
            )
        )
    else:
        reading.note((*where, "within_s"), "is longer than the cause lasts", "Give a larger lasts_s")
    return found


def _recovery(reading: Reading, where: tuple[str | int, ...], effect: EffectTable, end: float) -> list[Expect]:
    reading.condition((*where, "condition"), effect.condition)
    return [
        expect(
            "becomes", effect.condition, after_s=end, within_s=effect.within_s, what="comes back", tag=effect.condition
        )
    ]
