"""What the page of a record shows, made from results: sections, tables, and words for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hil.commission.compare import text
from hil.commission.results import Cell, Conditions, Item, Observation, Results, Verdict
from hil.report import numbers
from hil.report.content import LEVEL, TIME_KIND

TIME = {"virtual": "virtual time", "lockstep": "lock-step", "real": "real time"}
SYMBOL = {"passed": "✓", "failed": "✗", "not_completed": "◐", "not_run": "○"}
SECTIONS = (
    ("loops", "Loop checks", ("tags", "loop", "binary", "wire_break")),
    ("alarms", "Alarms", ("alarm",)),
    ("interlocks", "Interlocks and trips", ("interlock", "trip", "matrix")),
    ("sequences", "Sequences", ("sequence",)),
    ("fail-safe", "Fail-safe", ("fail_safe",)),
    ("modes", "Changes of mode", ("mode",)),
    ("timing", "Scan and response time", ("timing",)),
    ("tuning", "Tuning", ("tuning",)),
    ("judged", "Checks of requirements", ("requirement",)),
    ("forces", "Forced signals", ("force",)),
)
KIND = {
    "tags": "tag list", "loop": "loop, analogue", "binary": "loop, binary", "wire_break": "wire break",
    "alarm": "alarm", "interlock": "interlock", "trip": "trip", "matrix": "cause and effect", "sequence": "sequence",
    "fail_safe": "fail-safe", "mode": "change of mode", "timing": "scan and response time", "tuning": "tuning",
    "requirement": "requirement", "force": "forced signals",
}  # fmt: skip
MEANING = {
    "virtual": "The controller ran against models of the plant, without a wire. The record speaks of the controller's "
    "logic and numbers; it says nothing about wiring, instruments, or the timing of bus and machine.",
    "lockstep": "The controller ran behind its real protocol, and the loop waited for it at every tick. The record "
    "speaks of logic, numbers, addresses and data types; it says nothing about wiring, or about timing in real time.",
    "real": "The controller ran in real time behind its wire. Times were measured on this machine's clock.",
}
MAX_EFFECTS = 11  # columns that fit beside the causes on A4
FEW, MANY = 4, 12  # items named beside a tag or requirement; the others are counted
_PERCENT = re.compile(r"-?\d+(\.\d+)? ?%")


@dataclass(frozen=True)
class Pivot:
    """Observations as a table: a row for each item and what it is about, a column for each point."""

    columns: list[str]
    rows: list[tuple[Item, str, dict[str, Observation]]]


@dataclass(frozen=True)
class Matrix:
    """Causes by effects, at most MAX_EFFECTS of these; a cell is None where the matrix has none."""

    effects: list[str]
    rows: list[tuple[str, list[Cell | None]]]


def verdict_of(results: Results) -> str:
    """One of passed, failed, not completed."""
    if not results.completed:
        return "not completed"
    return "passed" if results.passed else "failed"


def sentence_of(results: Results) -> str:
    """The verdict in a sentence."""
    totals, n = results.totals, len(results.items)
    if not results.completed:
        done = n - totals["not_completed"] - totals["not_run"]
        return f"{results.broken_off or 'The run broke off'}. {done} of {n} items were run to their end."
    if not n or not totals["passed"] + totals["failed"]:
        return "Nothing was checked."
    if results.passed:
        left = f", {totals['not_run']} left out on purpose" if totals["not_run"] else ""
        return f"All {totals['passed']} items that were run have passed{left}."
    ran = n - totals["not_run"]
    points = f"; the punch list has {_counted(len(results.punch_list), 'points')}" if results.punch_list else ""
    return f"{totals['failed']} of {ran} items failed{points}."


def _counted(n: int, plural: str) -> str:
    return f"{n} {plural.removesuffix('s') if n == 1 else plural}"


def is_site(results: Results) -> bool:
    """The real devices in real time: what a site acceptance needs."""
    conditions = results.conditions
    return conditions.time == "real" and "hil" in (str(level).lower() for level in conditions.bindings.values())


def summary(results: Results) -> list[tuple[str, list[int]]]:
    """(kind of check, [items, passed, failed, not completed, not run])."""
    kinds: dict[str, list[Verdict]] = {}
    for item in results.items:
        kinds.setdefault(item.kind, []).append(item.verdict)
    return [
        (KIND.get(kind, kind), [len(found), *(found.count(verdict) for verdict in Verdict)])
        for kind, found in kinds.items()
    ]


def sections(results: Results) -> list[tuple[str, str, list[Item]]]:
    """(anchor, title, items); items of a kind that is not known here come last."""
    known = {kind for _, _, kinds in SECTIONS for kind in kinds}
    found = [(name, title, [i for i in results.items if i.kind in kinds]) for name, title, kinds in SECTIONS]
    found.append(("other", "Other checks", [item for item in results.items if item.kind not in known]))
    return [section for section in found if section[2]]


def loop_table(results: Results) -> Pivot:
    """Analogue tags at shares of their range."""
    found = _pivot((i for i in results.items if i.kind == "loop"), lambda o: (o.tag, o.what), _PERCENT.fullmatch)
    found.columns.sort(key=_percent)
    return found


def tuning_table(results: Results) -> Pivot:
    """Figures of control; an observation named "POINT: FIGURE" gives a row for each operating point."""

    def place(o: Observation) -> tuple[str, str]:
        point, _, figure = o.what.rpartition(": ")
        return point or o.tag, figure if isinstance(o.observed, int | float) else ""

    return _pivot((i for i in results.items if i.kind == "tuning"), place, bool)


def _pivot(
    items: Iterable[Item], place: Callable[[Observation], tuple[str, str]], wanted: Callable[[str], Any]
) -> Pivot:
    """`place` gives row and column of an observation; those whose column is not wanted are left out."""
    cells: dict[tuple[str, str], dict[str, Observation]] = {}
    about: dict[str, Item] = {}
    for item in items:
        about[item.id] = item
        for observation in item.observations:
            row, column = place(observation)
            if wanted(column):
                cells.setdefault((item.id, row), {})[column] = observation
    columns = list(dict.fromkeys(name for found in cells.values() for name in found))
    return Pivot(columns, [(about[item], row, found) for (item, row), found in cells.items()])


def _percent(name: str) -> float:
    return float(name.removesuffix("%"))


def matrices(cells: Sequence[Cell]) -> Iterator[Matrix]:
    """The cells in the order in which causes and effects come, in parts that fit a sheet, each with all causes."""
    effects = list(dict.fromkeys(cell.effect for cell in cells))
    found = {(cell.cause, cell.effect): cell for cell in cells}
    causes = dict.fromkeys(cell.cause for cell in cells)
    for i in range(0, len(effects), MAX_EFFECTS):
        part = effects[i : i + MAX_EFFECTS]
        yield Matrix(part, [(cause, [found.get((cause, effect)) for effect in part]) for cause in causes])


def conditions(results: Results) -> Iterator[tuple[str, str]]:
    """Header lines: how it was run."""
    c = results.conditions
    yield "Kind of time", TIME_KIND.get(c.time, c.time)
    for role, level in c.bindings.items():
        source = f", from its {c.controllers[role]}" if role in c.controllers else ""
        yield f"Role {role}", f"{level}: {LEVEL.get(str(level).lower(), level)}{source}"
    for device, url in c.urls.items():
        yield f"Address of {device}", url
    yield "Base period", numbers.duration(1e9 * c.period_s)
    yield "Seed", str(c.seed)
    yield "Began", moment(c.started)
    yield "Ended", moment(c.ended)
    yield "Bench time of all checks", numbers.seconds(c.bench_s)


def left_out(results: Results) -> list[str]:
    """What was not checked and why, one line each."""
    not_run = [f"{item.id}: {item.reason}" for item in results.items if item.verdict is Verdict.NOT_RUN]
    return list(dict.fromkeys([*results.conditions.scope, *not_run]))


def meaning(conditions: Conditions) -> str:
    """What such a run can show and what not."""
    return MEANING.get(conditions.time, "")


def moment(iso: str) -> str:
    """ISO 8601 as people write it."""
    return re.sub(r"(Z|\+00:00)$", " UTC", iso.replace("T", " "))


def few(results: Results, names: Sequence[str], first: Callable[[Item], bool]) -> tuple[list[str], int]:
    """Some of the items, those that come `first` before others, failed before passed; and how many are left."""

    def rank(name: str) -> int:
        item = results.item(name)
        if item is None:
            return 0
        return (0 if first(item) else 2) + item.passed

    ordered = sorted(names, key=rank)
    n_first = sum(rank(name) < 2 for name in names)
    shown = ordered[: max(FEW, min(n_first, MANY))]
    return shown, len(names) - len(shown)


def limits(o: Observation) -> str:
    """What was expected, with its tolerance; its parts do not part at a line's end."""
    if o.tolerance is None or isinstance(o.expected, str):
        return text(o.expected)
    return f"{text(o.expected)}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{numbers.value(o.tolerance, 3)}"


def error(o: Observation) -> str:
    """How far an observed number is from the expected one, signed; empty for words.

    Less than a thousandth of the tolerance is no difference but rounding.
    """
    if not isinstance(o.expected, int | float) or not isinstance(o.observed, int | float):
        return ""
    difference = o.observed - o.expected
    if abs(difference) < (o.tolerance or 0.0) / 1000 or not difference:
        return "±0"
    return f"{'+' if difference > 0 else '−'}{numbers.value(abs(difference), 2)}"
