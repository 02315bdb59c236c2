"""Which line of a TOML file a key stands on; tomllib does not tell."""

from __future__ import annotations

import re

_PART = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
_KEYS = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_KEYS})\s*\]\]?")
_ENTRY = re.compile(rf"\s*({_KEYS})\s*=")
# What changes the nesting: strings and comments are passed over, brackets and triple quotes counted.
_MARK = re.compile(r"\"\"\"|'''|\"(?:\\.|[^\"\\])*\"|'[^']*'|#.*|[\[\]{}]")


class KeyLines:
    """Lines of the keys of one TOML text."""

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str | int, ...], int] = {}
        self._counts: dict[tuple[str | int, ...], int] = {}
        self._table: tuple[str | int, ...] = ()
        depth, quote = 0, ""
        for number, line in enumerate(text.splitlines(), start=1):
            if depth == 0 and not quote:
                self._read(line, number)
            depth, quote = _nesting(line, depth, quote)

    def line(self, path: tuple[str | int, ...]) -> int | None:
        """Line of a key, or of the nearest table or value around it; None when nothing of it stands in the file."""
        for n in range(len(path), 0, -1):
            if path[:n] in self._lines:
                return self._lines[path[:n]]
        return None

    def _read(self, line: str, number: int) -> None:
        header = _HEADER.match(line)
        entry = None if header else _ENTRY.match(line)
        if header:
            self._table = self._enter(_split(header[2]), is_array=header[1] == "[[")
            self._lines.setdefault(self._table, number)
        elif entry:
            path = self._table + _split(entry[1])
            for n in range(len(self._table) + 1, len(path) + 1):
                self._lines.setdefault(path[:n], number)

    def _enter(self, keys: tuple[str, ...], *, is_array: bool) -> tuple[str | int, ...]:
        """Path of a header, with the number of the element where it lies in an array of tables."""
        path: tuple[str | int, ...] = ()
        for key in keys[:-1]:
            path += (key,)
            if path in self._counts:
                path += (self._counts[path],)
        path += (keys[-1],)
        if not is_array:
            return path
        self._counts[path] = self._counts.get(path, -1) + 1
        return (*path, self._counts[path])


def _split(keys: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_PART, keys))


def _nesting(line: str, depth: int, quote: str) -> tuple[int, str]:
    """Depth of brackets and open triple quotes after a line; a header's own brackets close on its line."""
    for mark in _MARK.findall(line):
        if quote:
            quote = "" if mark == quote else quote
        elif mark in ('"""', "'''"):
            quote = mark
        elif mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
    return max(depth, 0), quote
