"""Source text: where something stands, and the list of what is wrong with it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hil.errors import PlcError

MOST_ERRORS = 20  # reported at once; what follows is mostly caused by those before


@dataclass(frozen=True)
class Source:
    """One file. `number` is what the compiled program calls it."""

    name: str
    text: str
    number: int
    library: bool = False  # HIL's own, which may use names with two underscores

    @cached_property
    def line_starts(self) -> list[int]:
        """Offset of the first character of each line."""
        return [0, *(at + 1 for at, char in enumerate(self.text) if char == "\n")]

    def line_column(self, offset: int) -> tuple[int, int]:
        """Both from 1 on."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """A line without its end; tabs become one space each, so that a caret stands below its character."""
        start = self.line_starts[line - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else None].rstrip("\r").replace("\t", " ")


@dataclass(frozen=True)
class Span:
    """A stretch of characters of one file."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        """From 1 on."""
        return self.source.line_column(self.start)[0]

    @property
    def where(self) -> str:
        """file:line:column"""
        line, column = self.source.line_column(self.start)
        return f"{self.source.name}:{line}:{column}"

    @property
    def text(self) -> str:
        """What stands there."""
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """From here to the end of another one."""
        return Span(self.source, self.start, other.end)

    def excerpt(self) -> str:
        """The source line, and a caret below the column."""
        line, column = self.source.line_column(self.start)
        text = self.source.line_text(line)
        width = max(1, min(self.end - self.start, len(text) - column + 1))
        return f"{text}\n{' ' * (column - 1)}{'^' * width}"


class Refused(Exception):  # noqa: N818
    """Raised where a construct cannot be read any further; caught where the next one starts."""


@dataclass
class Diagnostics:
    """Mistakes in the order in which they were found."""

    errors: list[PlcError] = field(default_factory=list)

    def error(self, span: Span, message: str, mend: str | None = None) -> None:
        """Note a mistake; the same place is reported once."""
        if len(self.errors) < MOST_ERRORS and all(e.where != span.where for e in self.errors):
            self.errors.append(PlcError(message, where=span.where, mend=mend, excerpt=span.excerpt()))

    def refuse(self, span: Span, message: str, mend: str | None = None) -> Refused:
        """Note a mistake; the result is to be raised."""
        self.error(span, message, mend)
        return Refused()

    def raise_if_any(self) -> None:
        """Raise the first mistake, which carries the others.

        Raises:
            PlcError: there is one.
        """
        if self.errors:
            first, *others = self.errors
            first.others = tuple(others)
            raise first


def read_source(path: Path, number: int, name: str | None = None) -> Source:
    """Read a file as UTF-8, else as Windows-1252, which engineering tools write; a .xml file as PLCopen XML.

    Raises:
        PlcError: it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PlcError(error.strerror or str(error), where=str(path)) from error
    if path.suffix.lower() == ".xml":
        from hil.plc.plcopen import structured_text

        return Source(f"{name or path} (as text)", structured_text(data, name or str(path)), number)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    return Source(name or str(path), text.replace("\r\n", "\n"), number)
