"""Coverage of a PLC program, shown on its source: which statements and branches ran, line by line, and in percent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from hil.errors import RecordingError

STATEMENT, BRANCH = "statement", "branch"
WAYS = {
    "true": "condition true",
    "false": "condition false",
    "clause": "clause of CASE",
    "else": "CASE without a clause for the value",
    "round": "body of the loop",
    "ended": "end of the loop",
}


@dataclass(frozen=True)
class Point:
    """A statement, or one way out of a decision.

    Attributes:
        file: path of the source as the record names it.
        line: of its beginning, from 1.
        kind: "statement" or "branch".
        count: in how many runs it was reached.
        label: what tells the branches of a line apart, as "condition true".
    """

    file: str
    line: int
    kind: str
    count: int
    label: str = ""


@dataclass(frozen=True)
class Share:
    """Reached out of all."""

    hit: int
    of: int

    @property
    def percent(self) -> float | None:
        """None where there is nothing to reach."""
        return 100.0 * self.hit / self.of if self.of else None

    @property
    def text(self) -> str:
        """As "96.4 %, 27 of 28"; rounded down, so that 100 % means all."""
        if self.percent is None:
            return "none"
        return f"{int(10 * self.percent) / 10:.1f} %, {self.hit} of {self.of}".replace(".0 %", " %")


@dataclass(frozen=True)
class Line:
    """One line of source. `state` is hit, partly, missed, or empty for a line without code."""

    number: int
    text: str
    state: str
    count: int | None
    missing: str


@dataclass(frozen=True)
class FileCoverage:
    """One source file with its figures."""

    file: str
    statements: Share
    branches: Share
    lines: tuple[Line, ...]

    @property
    def gaps(self) -> list[Line]:
        """Lines with something that was not reached."""
        return [line for line in self.lines if line.state in ("missed", "partly")]


@dataclass(frozen=True)
class Coverage:
    """Points over all files, with the text of these."""

    points: tuple[Point, ...]
    sources: dict[str, str]

    @property
    def statements(self) -> Share:
        """Of all files."""
        return _share(self.points, STATEMENT)

    @property
    def branches(self) -> Share:
        """Of all files."""
        return _share(self.points, BRANCH)

    @property
    def files(self) -> list[FileCoverage]:
        """In the order of the sources."""
        return [cover(text, [p for p in self.points if p.file == name], name) for name, text in self.sources.items()]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data, with the figures beside the points."""
        share = {"statements": _figures(self.statements), "branches": _figures(self.branches)}
        points = [[p.file, p.line, p.kind, p.count, p.label] for p in self.points]
        return {**share, "points": points, "sources": self.sources}

    @staticmethod
    def from_dict(data: Mapping[str, Any], where: str = "coverage.json") -> Coverage:
        """What `to_dict` gave.

        Raises:
            RecordingError: it is something else.
        """
        try:
            rows = TypeAdapter(list[tuple[str, int, str, int, str]]).validate_python(data.get("points"))
            sources = TypeAdapter(dict[str, str]).validate_python(data.get("sources"))
        except ValidationError as error:
            raise RecordingError(f"is no coverage: {error.errors()[0]['msg']}", where=where) from None
        return Coverage(tuple(Point(*row) for row in rows), sources)


class ProgramPoint(Protocol):
    """A point of a compiled program (`hil.plc`): the bit of its state that is set when it is reached."""

    @property
    def file(self) -> int:
        """Number of the source file."""

    @property
    def line(self) -> int:
        """From 1."""

    @property
    def kind(self) -> str:
        """`statement`, or a key of WAYS."""

    @property
    def word(self) -> int:
        """Of the program's state."""

    @property
    def bit(self) -> int:
        """Of that word."""


def of_program(
    points: Iterable[ProgramPoint],
    sources: Sequence[tuple[str, str]],
    states: Iterable[Sequence[int] | Mapping[int, int]],
) -> Coverage:
    """What a compiled program reached.

    Args:
        points: those of the program.
        sources: (name, text) of its files by number.
        states: its words at the end of each run, or those with points by number. A point's count is in how many of
            these it was reached.
    """
    runs = list(states)
    found = []
    for point in points:
        count = sum(bool(words[point.word] >> point.bit & 1) for words in runs)
        kind = STATEMENT if point.kind == STATEMENT else BRANCH
        label = "" if kind == STATEMENT else WAYS.get(point.kind, point.kind)
        found.append(Point(sources[point.file][0], point.line, kind, count, label))
    return Coverage(tuple(found), {name: text for name, text in sources if any(p.file == name for p in found)})


def cover(source: str, points: Iterable[Point], file: str = "") -> FileCoverage:
    """The lines of `source` with what of `points` was reached on each.

    Raises:
        RecordingError: a point lies behind the last line, so the source is another one.
    """
    found = list(points)
    text = source.splitlines()
    beyond = next((point for point in found if not 1 <= point.line <= len(text)), None)
    if beyond is not None:
        raise RecordingError(f"has no line {beyond.line}: the coverage is of another text", where=file or None)
    by_line: dict[int, list[Point]] = {}
    for point in found:
        by_line.setdefault(point.line, []).append(point)
    lines = tuple(_line(number, row, by_line.get(number, [])) for number, row in enumerate(text, 1))
    return FileCoverage(file, _share(found, STATEMENT), _share(found, BRANCH), lines)


def _line(number: int, text: str, points: list[Point]) -> Line:
    if not points:
        return Line(number, text, "", None, "")
    missed = [point for point in points if not point.count]
    state = "hit" if not missed else "missed" if len(missed) == len(points) else "partly"
    return Line(number, text, state, max(point.count for point in points), "; ".join(dict.fromkeys(_names(missed))))


def _names(missed: list[Point]) -> Iterator[str]:
    for point in missed:
        yield f"{point.label or BRANCH} never taken" if point.kind == BRANCH else "never run"


def _share(points: Iterable[Point], kind: str) -> Share:
    counts = [point.count for point in points if point.kind == kind]
    return Share(sum(count > 0 for count in counts), len(counts))


def _figures(share: Share) -> dict[str, Any]:
    return {"hit": share.hit, "of": share.of, "percent": share.percent}
