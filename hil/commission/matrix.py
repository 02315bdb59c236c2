"""The cause-and-effect matrix: read, and searched for contradictions before anything is run.

    cause,condition,drive,acknowledge,STOP_1,ALARM_1
    effect,,,,pump.v1 < 1mV,plc.alarm_h1
    H1_HIGH,sensor.h1 > 19cm,,alarm1.reset = 1 for 100ms,L 100ms,L 50ms
    H1_LOST,sensor.h1 < 1cm,,,X 100ms,-

A row is a cause, a column behind `acknowledge` an effect; the row `effect` has the effects' conditions. A cell:

    X            acts within the time of [commission], and ends with its cause
    L            acts, and stays until it is acknowledged
    X 100ms      acts within 100 ms
    X 2s..2.5s   acts 2 s to 2.5 s after the cause
    -            must not act, as must an empty cell not

`drive` brings the cause about where the condition alone does not say how.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from hil.commission.acts import Act, seconds
from hil.commission.intervals import Simple, exclude, implies, inside, simple
from hil.commission.reading import Place, Reading, Row
from hil.errors import RigError

FIXED = ("cause", "condition", "drive", "acknowledge")
FURTHER = ("requirement", "title", "lasts")
EFFECT_ROW = "effect"
_CELL = re.compile(r"(?P<kind>[XL])(?:\s+(?P<span>\S+))?", re.IGNORECASE)
MARGIN = 0.02  # of the signal's span: how far beyond its limit a cause is driven


@dataclass(frozen=True)
class Cell:
    """What one effect has to do on one cause.

    Attributes:
        text: as written.
        acts: False: must not act.
        latched: stays after its cause.
        low_s, high_s: delay.
    """

    text: str
    acts: bool = False
    latched: bool = False
    low_s: float = 0.0
    high_s: float = 0.0


@dataclass(frozen=True)
class Effect:
    """A column."""

    name: str
    condition: str
    at: Place


@dataclass(frozen=True)
class Cause:
    """A row, with its cells by effect."""

    name: str
    condition: str
    drive: tuple[Act, ...]
    acknowledge: tuple[Act, ...]
    cells: dict[str, Cell]
    title: str
    requirements: tuple[str, ...]
    lasts_s: float
    at: Place


@dataclass(frozen=True)
class Matrix:
    """All of it."""

    causes: tuple[Cause, ...] = ()
    effects: tuple[Effect, ...] = ()


def read_matrix(reading: Reading, file: str) -> Matrix:
    """The matrix of a file; mistakes and contradictions are noted."""
    rows = reading.rows(("commission", "matrix"), file, FIXED[:2], None)
    if not rows:
        return Matrix()
    names = [c for c in rows[0].cells if c not in FIXED and c not in FURTHER]
    heads = [row for row in rows if row["cause"] == EFFECT_ROW]
    if len(heads) != 1 or not names:
        why = "there is no effect" if not names else f"there are {len(heads)} rows '{EFFECT_ROW}'"
        mend = "Give each effect a column, and its condition in one row whose cause is 'effect'"
        reading.note(Place(file, rows[0].line, ""), why, mend)
        return Matrix()
    effects = [Effect(n, reading.condition(heads[0].at(n), heads[0][n] or " "), heads[0].at(n)) for n in names]
    causes = [_cause(reading, row, effects) for row in rows if row is not heads[0]]
    matrix = Matrix(tuple(causes), tuple(effects))
    if not reading.mistakes.found:
        for place, why, mend in contradictions(matrix, reading.units):
            reading.note(place, why, mend)
    return matrix


def _cause(reading: Reading, row: Row, effects: list[Effect]) -> Cause:
    name = row["cause"]
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        reading.note(row.at("cause"), f"'{name}' is no name", "Names have letters, digits, _ . and -")
    condition = reading.condition(row.at("condition"), row["condition"] or " ")
    drive = reading.acts(row.at("drive"), parts(row["drive"])) or _drive(reading, row, condition)
    table = reading.table.commission
    cells = {effect.name: _cell(reading, row, effect.name, table.matrix_within_s) for effect in effects}
    acknowledge = reading.acts(row.at("acknowledge"), parts(row["acknowledge"]))
    requirements = reading.known_requirements(row.at("requirement"), row["requirement"].split())
    lasts_s = max([cell.high_s for cell in cells.values()], default=0.0) + 0.5
    if row["lasts"]:
        lasts_s = _seconds(reading, row.at("lasts"), row["lasts"])
    return Cause(
        name, condition, drive, acknowledge, cells, row["title"], requirements, lasts_s, row.at("cause")
    )  # fmt: skip


def parts(text: str) -> list[str]:
    """Acts of a cell: several are separated by semicolons."""
    return [part.strip() for part in text.split(";") if part.strip()]


def _seconds(reading: Reading, at: Place, text: str) -> float:
    try:
        return seconds(text)
    except RigError as error:
        reading.note_error(at, error)
        return 0.0


def _drive(reading: Reading, row: Row, condition: str) -> tuple[Act, ...]:
    """Forces that make a simple condition true."""
    wanted = simple(condition, reading.units)
    signals = reading.rig.signals
    if wanted is None or not all(name in signals and signals[name].path for name in wanted):
        if condition.strip():
            mend = "Say in the column drive what is done, as 'sensor.h1 = 20cm'"
            reading.note(row.at("condition"), f"'{condition}' does not say how the cause is brought about", mend)
        return ()
    acts = []
    for name, interval in wanted.items():
        low, high = signals[name].range or (0.0, 1.0)
        acts.append(Act("force", name, inside(interval, MARGIN * (high - low))))
    return tuple(acts)


def _cell(reading: Reading, row: Row, effect: str, within_s: float) -> Cell:
    text = row[effect]
    if text in ("", "-"):
        return Cell(text)
    match = _CELL.fullmatch(text)
    if match is None:
        mend = "Write X, L, 'X 100ms', 'L 2s..2.5s' or -"
        reading.note(row.at(effect), f"'{text}' is no cell of a matrix", mend)
        return Cell(text)
    first, to, last = (match["span"] or "").partition("..")
    low = _seconds(reading, row.at(effect), first) if to else 0.0
    high = _seconds(reading, row.at(effect), last or first) if first else within_s
    if low > high:
        reading.note(row.at(effect), f"'{text}': it would act before it may", f"Write {last}..{first}")
    return Cell(text, True, match["kind"].upper() == "L", low, high)


# ---- contradictions ----


def contradictions(matrix: Matrix, units: dict[str, str | None]) -> Iterator[tuple[Place, str, str]]:
    """(place, why, mend) of everything in a matrix that cannot be met together."""
    causes = {cause.name: simple(cause.condition, units) for cause in matrix.causes}
    effects = {effect.name: simple(effect.condition, units) for effect in matrix.effects}
    yield from _doubled(matrix)
    yield from _causes(matrix, causes)
    for cause in matrix.causes:
        yield from _effects(cause, effects)
        latched = [effect for effect, cell in cause.cells.items() if cell.latched]
        if latched and not cause.acknowledge:
            why = f"{', '.join(latched)} is latched, and nothing says how it is acknowledged"
            yield Place(cause.at.file, cause.at.line, "acknowledge"), why, "Fill it in, or write X instead of L"


def _doubled(matrix: Matrix) -> Iterator[tuple[Place, str, str]]:
    seen: dict[str, Place] = {}
    for cause in matrix.causes:
        if cause.name in seen:
            yield cause.at, f"the cause {cause.name} stands in line {seen[cause.name].line} as well", "Rename one"
        seen.setdefault(cause.name, cause.at)


def _causes(matrix: Matrix, known: dict[str, Simple | None]) -> Iterator[tuple[Place, str, str]]:
    """A cause that always comes with another must do what the other does."""
    for one, other in combinations(matrix.causes, 2):
        for strong, weak in ((one, other), (other, one)):
            a, b = known[strong.name], known[weak.name]
            same = strong.condition == weak.condition
            if not same and (a is None or b is None or not implies(a, b)):
                continue
            for effect, cell in weak.cells.items():
                if cell.acts and not strong.cells[effect].acts:
                    why = (
                        f"{strong.name} ({strong.condition}) must not have the effect {effect}, but with it always "
                        f"comes {weak.name} ({weak.condition}), which must (line {weak.at.line})"
                    )
                    yield Place(strong.at.file, strong.at.line, effect), why, f"Write {cell.text} here, or - there"
            if same:
                break


def _effects(cause: Cause, known: dict[str, Simple | None]) -> Iterator[tuple[Place, str, str]]:
    """Two effects that exclude each other, or of which one brings the other."""
    for one, other in combinations(cause.cells, 2):
        a, b = known[one], known[other]
        if a is None or b is None:
            continue
        both = cause.cells[one].acts and cause.cells[other].acts
        if both and exclude(a, b):
            at = Place(cause.at.file, cause.at.line, other)
            yield at, f"{cause.name} has the effects {one} and {other}, which exclude each other", "Take one away"
        for strong, weak in ((one, other), (other, one)):
            x, y = known[strong], known[weak]
            if x and y and cause.cells[strong].acts and not cause.cells[weak].acts and implies(x, y):
                at = Place(cause.at.file, cause.at.line, weak)
                yield at, f"{cause.name} has the effect {strong}, with which always comes {weak}", f"Write X for {weak}"
