"""What a commissioning found: plain data that goes to JSON and back, read by the record and by a later comparison."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hil import json_text
from hil.errors import RecordingError
from hil.whole_file import written_whole

FILE = "results.json"
FORMAT = 1  # of the file; a reader refuses a newer one
KINDS = (
    "tags", "loop", "binary", "wire_break", "alarm", "interlock", "trip", "matrix", "sequence", "fail_safe", "mode",
    "timing", "tuning", "requirement", "force",
)  # fmt: skip
Number = float | str | None


class Verdict(StrEnum):
    """What became of an item."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_COMPLETED = "not_completed"  # begun, or due, when the bench or the device broke off
    NOT_RUN = "not_run"  # left out on purpose; the reason says why


@dataclass(frozen=True)
class Observation:
    """One comparison within an item.

    Attributes:
        tag: signal or tag looked at.
        what: the point, as "25 %", "not before the delay", "must not act".
        applied: what was applied, a number in `unit` or words.
        expected: a number in `unit` or words.
        observed: a number in `unit` or words; None: nothing was seen.
        tolerance: largest allowed difference in `unit`; None where words are compared.
        ok: the comparison held.
        tick: the bench's tick at which it was seen.
        time_s: time of the same since the item began.
        note: a hint at the cause, such as "as if scaled by 2".
    """

    tag: str
    what: str
    applied: Number
    expected: Number
    observed: Number
    ok: bool
    tolerance: float | None = None
    unit: str = ""
    tick: int | None = None
    time_s: float | None = None
    note: str = ""

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        seen = "nothing" if self.observed is None else _text(self.observed)
        tolerance = "" if self.tolerance is None else f" +- {self.tolerance:.4g}"
        note = f" ({self.note})" if self.note else ""
        return f"{self.tag}, {self.what}: {seen}{unit}, expected {_text(self.expected)}{tolerance}{unit}{note}"


@dataclass(frozen=True)
class Trend:
    """A signal around what was checked: times in s since the item began, values in `unit`; both equally long."""

    name: str
    unit: str
    t_s: tuple[float, ...]
    y: tuple[float | None, ...]


def _text(value: Number) -> str:
    return f"{value:.6g}" if isinstance(value, float | int) else str(value)


@dataclass(frozen=True)
class Item:
    """One check.

    Attributes:
        id: stable from run to run, as "LOOP-sensor.h1"; two commissionings are compared by it.
        kind: one of KINDS.
        title: a few words.
        expectation: what has to happen, in words.
        verdict: what became of it.
        reason: one line; empty for a passed item.
        requirements: ids of requirements that it shows.
        cells: cells of the cause-and-effect matrix that it shows, as "CAUSE:EFFECT".
        tags: signals that it is about.
        seconds: bench time that it took.
    """

    id: str
    kind: str
    title: str
    expectation: str
    verdict: Verdict
    reason: str = ""
    observations: tuple[Observation, ...] = ()
    trends: tuple[Trend, ...] = ()
    requirements: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """It was run and held."""
        return self.verdict is Verdict.PASSED


@dataclass(frozen=True)
class TagResult:
    """One tag of the tag list.

    Attributes:
        direction: "write" (bench -> controller) or "read" (controller -> bench).
        kind: "analogue" or "binary".
        place: register or located variable, as "holding_register 0 (4x00001)"; empty where there is no wire.
        touched: its value was seen to change in some check.
        findings: differences between tag list and rig, one line each.
        items: ids of the items about it.
        verdict: the worst of those items and the findings.
    """

    name: str
    direction: str
    kind: str
    type: str
    unit: str
    place: str
    touched: bool
    findings: tuple[str, ...]
    items: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True)
class Cell:
    """One cell of the cause-and-effect matrix. `expected` is as written there, "" for must not act."""

    cause: str
    effect: str
    expected: str
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class RequirementResult:
    """One requirement over all checks.

    Attributes:
        items: ids of the items in whose recordings it was judged, or that name it.
        margin: the smallest robustness, in the unit of the signals compared; None: never judged.
        worst: id of the item with that margin.
        at_s: moment of violation within that item.
    """

    id: str
    text: str
    formula: str
    verdict: Verdict
    reason: str = ""
    items: tuple[str, ...] = ()
    margin: float | None = None
    worst: str = ""
    at_s: float | None = None


@dataclass(frozen=True)
class Deviation:
    """One line of the punch list: what is to be mended before acceptance."""

    number: int
    item: str
    text: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Forced:
    """A signal or parameter that the checks held, and whether it was given back; `released` was verified at the end."""

    name: str
    items: tuple[str, ...]
    released: bool


@dataclass(frozen=True)
class Conditions:
    """Under what conditions the checks ran.

    Attributes:
        time: "virtual", "lockstep" or "real".
        bindings: level by role.
        controllers: source of the controller by role, "blocks" or "program"; empty where nothing says so.
        urls: addresses by device that were used instead of the rig's.
        versions: of what took part.
        program_hash: of the bench's program, 16 hex digits.
        files: SHA-256 by path in the rig's folder: rig, I/O maps, programs, models, tag list, tables.
        started, ended: ISO 8601 with zone.
        bench_s: bench time of all checks.
        scope: what was left out and why, one line each; empty: everything was run.
    """

    rig: str
    title: str
    time: str
    bindings: dict[str, str]
    versions: dict[str, str]
    program_hash: str
    files: dict[str, str]
    started: str
    ended: str
    seed: int
    period_s: float
    bench_s: float = 0.0
    controllers: dict[str, str] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    scope: tuple[str, ...] = ()


@dataclass(frozen=True)
class Results:
    """A whole commissioning.

    Attributes:
        completed: every item that was due has been run to its end.
        broken_off: why it was not, one line.
    """

    conditions: Conditions
    items: tuple[Item, ...]
    tags: tuple[TagResult, ...] = ()
    cells: tuple[Cell, ...] = ()
    requirements: tuple[RequirementResult, ...] = ()
    punch_list: tuple[Deviation, ...] = ()
    forced: tuple[Forced, ...] = ()
    completed: bool = True
    broken_off: str = ""
    format: int = FORMAT

    @property
    def totals(self) -> dict[str, int]:
        """Items by verdict; all four names are there."""
        found = Counter(item.verdict.value for item in self.items)
        return {verdict.value: found[verdict.value] for verdict in Verdict}

    @property
    def passed(self) -> bool:
        """Completed, nothing failed, and something was checked."""
        totals = self.totals
        bad = totals["failed"] + totals["not_completed"] + len(self.punch_list)
        return self.completed and not bad and totals["passed"] > 0

    def item(self, name: str) -> Item | None:
        """The item with this id."""
        return next((item for item in self.items if item.id == name), None)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data, with `totals` and `passed` beside the attributes."""
        data = dict(json_text.plain(self))
        return {**data, "totals": self.totals, "passed": self.passed}

    @staticmethod
    def from_dict(data: dict[str, Any], where: str = FILE) -> Results:
        """What `to_dict` gave.

        Raises:
            RecordingError: it is something else, or of a newer format.
        """
        if isinstance(data, dict) and isinstance(data.get("format"), int) and data["format"] > FORMAT:
            raise RecordingError(
                f"was written in format {data['format']}, newer than {FORMAT}", where=where, mend="Update hil"
            )
        try:
            return TypeAdapter(Results).validate_python(data)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise RecordingError(f"are no results of a commissioning: {place}: {first['msg']}", where=where) from None

    def write(self, folder: Path) -> Path:
        """Puts results.json into `folder`, whole or not at all; returns the file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE
        with written_whole(path) as part:
            part.write_text(json_text.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")
        return path

    @staticmethod
    def read(path: Path) -> Results:
        """Of a folder or of its results.json.

        Raises:
            RecordingError: it is not there, or is something else.
        """
        file = path / FILE if path.is_dir() else path
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RecordingError(
                "there is no such file", where=str(file), mend="Name the --out folder of hil commission"
            ) from None
        except (UnicodeDecodeError, ValueError) as error:
            raise RecordingError(f"is no JSON text: {error}", where=str(file)) from None
        return Results.from_dict(data, str(file))
