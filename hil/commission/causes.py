"""Checks of the cause-and-effect matrix: one item a cause, with what must act, how soon, and what must not."""

from __future__ import annotations

from dataclasses import replace

from hil.commission.acts import Act
from hil.commission.alarms import HOLD_S, _length
from hil.commission.check import Check, Expect, Run, expect
from hil.commission.matrix import Cause, Effect, Matrix
from hil.commission.matrix import Cell as Wanted
from hil.commission.reading import Reading

BEFORE_S = 0.3  # that nothing acts is seen before the cause comes


def matrix_checks(reading: Reading, matrix: Matrix) -> list[Check]:
    """One item for each cause."""
    release_s = reading.table.commission.matrix_release_s
    return [_check(reading, cause, matrix.effects, release_s) for cause in matrix.causes]


def cell_id(cause: str, effect: str) -> str:
    """How cells are called in results; expectations about a cell carry it as their tag."""
    return f"{cause}:{effect}"


def _check(reading: Reading, cause: Cause, effects: tuple[Effect, ...], release_s: float) -> Check:
    begin, end = BEFORE_S, round(BEFORE_S + cause.lasts_s, 9)
    acts = [_held(act, cause.lasts_s).later(begin) for act in cause.drive]
    latched = any(cell.latched for cell in cause.cells.values())
    answer = round(end + 2 * HOLD_S, 9)
    acknowledged = round(answer + _length(cause.acknowledge), 9)
    if latched:
        acts += [act.later(answer) for act in cause.acknowledge]
    times = _Times(begin, end, answer, acknowledged, release_s)
    expects = [e for effect in effects for e in times.of(cause, effect, cause.cells[effect.name])]
    acting = any(cell.acts for cell in cause.cells.values())
    run = Run(
        round((acknowledged if latched else end) + (release_s if acting else 0.0) + HOLD_S, 9),
        tuple(acts),
        tuple(expects),
    )
    signals = reading.signals_in(cause.at, (cause.condition, *(effect.condition for effect in effects)))
    must = ", ".join(name for name, cell in cause.cells.items() if cell.acts) or "nothing"
    must_not = ", ".join(name for name, cell in cause.cells.items() if not cell.acts) or "nothing else"
    return Check(
        f"MATRIX-{cause.name}", "trip" if latched else "interlock", cause.title or f"Cause {cause.name}",
        f"{cause.condition}: acts on {must}; not on {must_not}", (run,), signals, signals,
        cause.requirements, tuple(cell_id(cause.name, effect.name) for effect in effects),
    )  # fmt: skip


def _held(act: Act, seconds: float) -> Act:
    """A cause ends with its time, unless it says itself when."""
    if act.for_s is not None or act.kind == "release" or act.when:
        return act
    return replace(act, for_s=round(max(seconds - act.at_s, 0.0), 9))


class _Times:
    """Moments of one cause, and what is expected at them."""

    def __init__(self, begin: float, end: float, answer: float, acknowledged: float, release_s: float) -> None:
        self.begin, self.end, self.answer, self.acknowledged = begin, end, answer, acknowledged
        self.release_s = release_s

    def of(self, cause: Cause, effect: Effect, cell: Wanted) -> list[Expect]:
        """Expectations of one cell."""
        tag, condition = cell_id(cause.name, effect.name), effect.condition
        never = f"not ({condition})"
        if not cell.acts:
            return [expect("holds", never, from_s=0.0, to_s=self.answer, what="must not act", tag=tag)]
        found = [
            expect("holds", never, from_s=0.0, to_s=self.begin, what="does not act before its cause", tag=tag),
            expect(
                "becomes",
                condition,
                after_s=self.begin,
                not_before_s=cell.low_s,
                within_s=cell.high_s,
                what="acts",
                tag=tag,
            ),
        ]
        acting = round(self.begin + cell.high_s + HOLD_S / 3, 9)
        if cell.latched:
            found += [
                expect("holds", condition, from_s=acting, to_s=self.answer, what="stays after its cause", tag=tag),
                self._ends(never, self.answer, self.acknowledged, "ends when acknowledged", tag),
            ]
        else:
            found += [
                expect("holds", condition, from_s=acting, to_s=self.end, what="acts as long as its cause", tag=tag),
                self._ends(never, self.end, self.end, "ends after its cause", tag),
            ]
        return found

    def _ends(self, never: str, after: float, last: float, what: str, tag: str) -> Expect:
        within = round(last - after + self.release_s, 9)
        return expect("becomes", never, after_s=after, within_s=within, what=what, tag=tag)
