"""Points of coverage: each statement and each way out of a decision has a bit of state."""

from __future__ import annotations

from dataclasses import dataclass

from hil.plc.source import Span

BITS = 32  # of a word, whose upper half stays zero


@dataclass(frozen=True)
class Point:
    """Attributes:
    file: number of the source file.
    line, column: where it stands.
    kind: "statement"; of a condition "true" or "false"; of CASE "clause" or "else"; of a loop "round" or "ended".
    word, bit: set when it has been reached.
    """

    file: int
    line: int
    column: int
    kind: str
    word: int
    bit: int


class Coverage:
    """Gives points their bits, from a word on."""

    def __init__(self, first_word: int, wanted: bool, files: set[int]) -> None:
        self.first = first_word
        self.wanted = wanted
        self.files = files
        self.points: list[Point] = []

    def mark(self, span: Span, kind: str) -> tuple[int, int] | None:
        """The bit of a new point; None when nothing is counted here."""
        if not self.wanted or span.source.number not in self.files:
            return None
        line, column = span.source.line_column(span.start)
        at = len(self.points)
        point = Point(span.source.number, line, column, kind, self.first + at // BITS, at % BITS)
        self.points.append(point)
        return point.word, point.bit

    @property
    def end(self) -> int:
        """The word behind the last one."""
        return self.first + (len(self.points) + BITS - 1) // BITS
