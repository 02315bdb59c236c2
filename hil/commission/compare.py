"""Two commissionings of one rig side by side, as FAT and SAT: item by item, with the differences named.

Items meet by their id, observations by tag and point. A value counts as different when it lies further from the first
one than the tolerance of the check. Where the check has none, as for a time that has to be below a limit, numbers are
shown and not compared: both held. Another verdict always counts, as do other words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hil import json_text
from hil.commission.results import Conditions, Item, Observation, Results, Verdict
from hil.errors import RecordingError
from hil.report import numbers

_NUMBER = re.compile(r"\d+(\.\d+)?(e[+-]?\d+)?")


@dataclass(frozen=True)
class Value:
    """One observation of both. `differs` is empty, or says in what."""

    tag: str
    what: str
    expected: str
    first: str
    second: str
    unit: str
    differs: str


@dataclass(frozen=True)
class Pair:
    """One item of both; a verdict is empty where the item is missing. `differences` is empty when they agree."""

    id: str
    kind: str
    title: str
    first: str
    second: str
    differences: tuple[str, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Comparison:
    """All items of both, in the order of the second one, and what differs in the conditions: (what, first, second)."""

    names: tuple[str, str]
    conditions: tuple[tuple[str, str, str], ...]
    pairs: tuple[Pair, ...]

    @property
    def different(self) -> list[Pair]:
        """Those that do not agree."""
        return [pair for pair in self.pairs if pair.differences]

    @property
    def sentence(self) -> str:
        """The outcome in one line."""
        n = len(self.different)
        if not n:
            return f"All {len(self.pairs)} items agree."
        return f"{n} of {len(self.pairs)} items {'differs' if n == 1 else 'differ'}."

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data."""
        return {**json_text.plain(self), "different": [pair.id for pair in self.different]}


def compare(first: Results, second: Results, names: tuple[str, str] = ("FAT", "SAT")) -> Comparison:
    """Puts `second` beside `first`.

    Raises:
        RecordingError: they are of two rigs.
    """
    if first.conditions.rig != second.conditions.rig:
        why = f"is a record of the rig {first.conditions.rig}, not of {second.conditions.rig}"
        raise RecordingError(why, where=names[0], mend="Name a record of the same rig")
    order = [item.id for item in second.items] + [item.id for item in first.items if not second.item(item.id)]
    pairs = tuple(_pair(first.item(name), second.item(name), names) for name in order)
    return Comparison(names, tuple(_conditions(first.conditions, second.conditions)), pairs)


def _conditions(a: Conditions, b: Conditions) -> Iterator[tuple[str, str, str]]:
    rows = [("Time", a.time, b.time), ("Program of the bench", a.program_hash, b.program_hash)]
    rows += [("Base period", f"{a.period_s:g} s", f"{b.period_s:g} s"), ("Seed", str(a.seed), str(b.seed))]
    groups = (
        ("Binding of", a.bindings, b.bindings),
        ("Controller of", a.controllers, b.controllers),
        ("Address of", a.urls, b.urls),
        ("Version of", a.versions, b.versions),
        ("File", {k: v[:16] for k, v in a.files.items()}, {k: v[:16] for k, v in b.files.items()}),
    )
    for name, left, right in groups:
        rows += [(f"{name} {key}", left.get(key, "–"), right.get(key, "–")) for key in {**left, **right}]
    return (row for row in rows if row[1] != row[2])


def _pair(first: Item | None, second: Item | None, names: tuple[str, str]) -> Pair:
    some = second or first
    assert some is not None
    if first is None or second is None:
        missing = names[0] if first is None else names[1]
        verdicts = (first.verdict.value if first else "", second.verdict.value if second else "")
        return Pair(some.id, some.kind, some.title, *verdicts, (f"not in the {missing}",), ())
    values = tuple(_values(first, second, names))
    found = []
    if first.verdict is not second.verdict:
        reason = second.reason or first.reason
        words = f"{_words(first.verdict.value)} in the {names[0]}, {_words(second.verdict.value)} in the {names[1]}"
        found.append(words + (f": {reason}" if reason and not _broke_off(first, second) else ""))
    found += [f"{value.tag}, {value.what}: {value.differs}" for value in values if value.differs]
    return Pair(some.id, some.kind, some.title, first.verdict.value, second.verdict.value, tuple(found), values)


def _broke_off(*items: Item) -> bool:
    """One was not run to its end: what it did not see is no difference of the controller."""
    return any(item.verdict in (Verdict.NOT_COMPLETED, Verdict.NOT_RUN) for item in items)


def _values(first: Item, second: Item, names: tuple[str, str]) -> Iterator[Value]:
    part = _broke_off(first, second)
    for a, b in _met(_by_point(first), _by_point(second)):
        some = b or a
        assert some is not None
        yield Value(
            some.tag,
            some.what,
            text(some.expected),
            text(a.observed) if a else "",
            text(b.observed) if b else "",
            some.unit,
            "" if part else _difference(a, b, names),
        )


Points = dict[tuple[str, str, int], Observation]


def _met(left: Points, right: Points) -> Iterator[tuple[Observation | None, Observation | None]]:
    """Observations of the same point; of a signal with one point on either side that is called otherwise, those too.

    Such a name tells what was run, as "over 45 items".
    """
    alone = [key for key in left if key not in right]
    for key, b in right.items():
        a = left.get(key)
        same = [other for other in alone if other[0] == key[0]]
        mine = [other for other in right if other[0] == key[0] and other not in left]
        if a is None and len(same) == len(mine) == 1:
            a = left[same[0]]
            alone.remove(same[0])
        yield a, b
    yield from ((left[key], None) for key in alone)


def _by_point(item: Item) -> Points:
    """By tag, point, and which of several at the same point."""
    found: Points = {}
    for observation in item.observations:
        n = 0
        while (observation.tag, observation.what, n) in found:
            n += 1
        found[observation.tag, observation.what, n] = observation
    return found


def _difference(a: Observation | None, b: Observation | None, names: tuple[str, str]) -> str:
    if a is None or b is None:
        return f"not observed in the {names[0] if a is None else names[1]}"
    if a.ok != b.ok:
        held, broke = names if a.ok else (names[1], names[0])
        return (
            f"held in the {held}, not in the {broke} ({text(a.observed)} and {text(b.observed)} {b.unit}".rstrip() + ")"
        )
    if a.expected != b.expected:
        return f"{text(a.expected)} was expected in the {names[0]}, {text(b.expected)} in the {names[1]}"
    if not _close(a, b):
        return f"{text(a.observed)} in the {names[0]}, {text(b.observed)} in the {names[1]} {b.unit}".rstrip()
    return ""


def _close(a: Observation, b: Observation) -> bool:
    """Both have held or both have not."""
    if isinstance(a.observed, str) and isinstance(b.observed, str):
        return _NUMBER.sub("#", a.observed) == _NUMBER.sub("#", b.observed)
    if isinstance(a.observed, str) or isinstance(b.observed, str) or a.observed is None or b.observed is None:
        return a.observed == b.observed
    allowed = [tolerance for tolerance in (a.tolerance, b.tolerance) if tolerance is not None]
    return not allowed or abs(a.observed - b.observed) <= max(allowed)


def text(value: float | str | None) -> str:
    """A number with few digits, words as they are, a dash for nothing."""
    return numbers.value(value) if value != "" else ""


def _words(verdict: str) -> str:
    return verdict.replace("_", " ")
