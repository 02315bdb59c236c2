"""Single items run again: the record gets their new results, and keeps the former ones with time and reason."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hil import json_text
from hil.commission.results import Conditions, Deviation, Forced, Item, RequirementResult, Results, TagResult, Verdict
from hil.commission.summing import ABOUT_TAGS, worst
from hil.errors import RecordingError

FILE = "history.json"


@dataclass(frozen=True)
class Rerun:
    """One time that items were run again.

    Attributes:
        when: ISO 8601, of the run.
        reason: why, in the words of who ran it.
        former: the items as they were before; one that is new has no former.
        items: ids of all items that were run.
        conditions: of that run.
    """

    when: str
    reason: str
    former: tuple[Item, ...]
    items: tuple[str, ...]
    conditions: Conditions


def read_history(folder: Path) -> tuple[Rerun, ...]:
    """What a record keeps of former results, the oldest first; empty where nothing was run again.

    Raises:
        RecordingError: history.json is something else.
    """
    file = folder / FILE
    if not file.exists():
        return ()
    try:
        return TypeAdapter(tuple[Rerun, ...]).validate_python(json.loads(file.read_text(encoding="utf-8")))
    except (ValidationError, ValueError) as error:
        raise RecordingError(f"is no history of a record: {error}".splitlines()[0], where=str(file)) from None


def write_history(folder: Path, history: Sequence[Rerun]) -> None:
    """Writes history.json, if there is anything to keep."""
    if history:
        (folder / FILE).write_text(json_text.dumps(list(history), indent=1) + "\n", encoding="utf-8")


def put_in(record: Results, again: Results, reason: str) -> tuple[Results, Rerun]:
    """`record` with the items of `again` in the place of its own, and what that replaced.

    Items, cells and requirements of `again` that were left out on purpose (not_run) are not taken.

    Raises:
        RecordingError: `again` ran nothing, or another rig, kind of time or binding.
    """
    _same_conditions(record.conditions, again.conditions)
    new = {i.id: _over(record.item(i.id), i) for i in again.items if i.verdict is not Verdict.NOT_RUN}
    if not new:
        raise RecordingError("no item was run again", mend="Name an item of the record with --only")
    items = [new.get(item.id, item) for item in record.items]
    items += [item for name, item in new.items() if record.item(name) is None]
    cells = {(cell.cause, cell.effect): cell for cell in again.cells if cell.verdict is not Verdict.NOT_RUN}
    requirements = tuple(_requirements(record, again, set(new)))
    unfinished = any(item.verdict is Verdict.NOT_COMPLETED for item in items)
    merged = replace(
        record,
        items=tuple(items),
        tags=tuple(_tags(record, again, items)),
        cells=tuple(cells.get((cell.cause, cell.effect), cell) for cell in record.cells),
        requirements=requirements,
        punch_list=tuple(_punch_list(record, again, {*new, *(r.id for r in requirements if _holds(r))})),
        forced=tuple(_forced(record, again)),
        completed=again.completed and not unfinished,
        broken_off=again.broken_off or (record.broken_off if unfinished else ""),
    )
    former = tuple(item for item in record.items if item.id in new)
    return merged, Rerun(again.conditions.ended, reason, former, tuple(new), again.conditions)


def _over(old: Item | None, new: Item) -> Item:
    """The list of forces keeps what the new run did not hold; any other item is as it was run."""
    if old is None or new.kind != "force":
        return new
    tags = {observation.tag for observation in new.observations}
    kept = tuple(observation for observation in old.observations if observation.tag not in tags)
    if new.passed and not all(observation.ok for observation in kept):
        return replace(new, verdict=old.verdict, reason=old.reason, observations=kept + new.observations)
    return replace(new, expectation=old.expectation, observations=kept + new.observations)


def _same_conditions(record: Conditions, again: Conditions) -> None:
    for what, a, b in (
        ("the rig", record.rig, again.rig),
        ("the time", record.time, again.time),
        ("the bindings", record.bindings, again.bindings),
    ):
        if a != b:
            why = f"{what} of the record is {_plain(a)}, of the new run {_plain(b)}"
            raise RecordingError(why, where="--into", mend="Run the items as the record was run, or make a new record")


def _plain(value: Any) -> str:
    return ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def _tags(record: Results, again: Results, items: Sequence[Item]) -> Iterator[TagResult]:
    new = {tag.name: tag for tag in again.tags}
    by_id = {item.id: item for item in items}
    for tag in record.tags:
        other = new.get(tag.name, tag)
        names = tuple(dict.fromkeys(tag.items + other.items))
        verdicts = [by_id[name].verdict for name in names if name in by_id and by_id[name].kind in ABOUT_TAGS]
        verdict = Verdict.FAILED if other.findings else worst(verdicts)
        touched = tag.touched or other.touched
        yield replace(tag, findings=other.findings, items=names, touched=touched, verdict=verdict)


def _requirements(record: Results, again: Results, ran: set[str]) -> Iterator[RequirementResult]:
    """One that was broken holds again only when every item that it was judged in has been run again."""
    new = {found.id: found for found in again.requirements if found.verdict is not Verdict.NOT_RUN}
    for old in record.requirements:
        other = new.get(old.id)
        if other is None:
            yield old
            continue
        items = tuple(dict.fromkeys(old.items + other.items))
        left = [name for name in old.items if name not in ran]
        if not left or not _holds(other):
            yield replace(other, items=items)
        elif _holds(old):
            yield replace(old if _margin(old) <= _margin(other) else other, items=items)
        else:
            reason = f"holds in what was run again; {', '.join(left)} judged it too and was not run again"
            yield replace(old, items=items, reason=f"{old.reason} ({reason})".strip())


def _holds(requirement: RequirementResult) -> bool:
    return requirement.verdict is Verdict.PASSED


def _margin(requirement: RequirementResult) -> float:
    return requirement.margin if requirement.margin is not None else float("inf")


def _punch_list(record: Results, again: Results, settled: set[str]) -> Iterator[Deviation]:
    """Open points keep their numbers; those about `settled` items go, unless they came up again."""
    kept = [point for point in record.punch_list if point.item not in settled]
    known = {(point.item, point.text) for point in kept}
    number = max((point.number for point in record.punch_list), default=0)
    yield from kept
    for point in again.punch_list:
        if (point.item, point.text) not in known:
            number += 1
            yield replace(point, number=number)


def _forced(record: Results, again: Results) -> Iterator[Forced]:
    new = {forced.name: forced for forced in again.forced}
    for old in record.forced:
        other = new.pop(old.name, old)
        yield replace(other, items=tuple(dict.fromkeys(old.items + other.items)))
    yield from new.values()
