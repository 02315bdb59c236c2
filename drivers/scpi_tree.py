"""SCPI headers as a manual writes them, and the messages of a program taken apart (SCPI-99 volume 1, chapter 6)."""

from __future__ import annotations

import re
from collections.abc import Iterator

MOST_ERRORS = 20
OVERFLOW = '-350,"Queue overflow"'
NO_ERROR = '0,"No error"'


def header(pattern: str) -> re.Pattern[str]:
    """A pattern as "[SOURce:]VOLTage[:LEVel]": short and long forms, parts in brackets may be missing.

    A # stands for a channel's number, which may be missing; it is the group "channel".
    """
    out = ""
    for part in re.findall(r"[A-Z]+[a-z]*|[*\[\]:?#]", pattern):
        if part == "[":
            out += "(?:"
        elif part == "]":
            out += ")?"
        elif part == "#":
            out += r"(?P<channel>\d*)"
        elif part in ":?*":
            out += re.escape(part)
        else:
            short = "".join(c for c in part if c.isupper())
            out += short if short == part else f"{short}(?:{part[len(short) :]})?"
    return re.compile(f":?{out}", re.IGNORECASE)


def messages(line: str) -> Iterator[tuple[str, str]]:
    """(header, parameters) of each command in a line; a header behind ; goes on in the last one's branch."""
    branch = ""
    for unit in line.split(";"):
        text = unit.strip()
        if not text:
            continue
        head, _, rest = text.partition(" ")
        if not head.startswith((":", "*")):
            head = branch + head
        if not head.startswith("*"):
            branch = head[: head.rfind(":") + 1]
        yield head, rest.strip()


class ErrorQueue:
    """SYST:ERR?: first in, first out; when it is full its newest entry says so (SCPI-99 volume 2, 21.8.1)."""

    def __init__(self) -> None:
        self._errors: list[str] = []

    def add(self, number: int, text: str) -> None:
        """One error, as -222, "Data out of range"."""
        if len(self._errors) >= MOST_ERRORS:
            self._errors[-1] = OVERFLOW
        else:
            self._errors.append(f'{number},"{text}"')

    def take(self) -> str:
        """The oldest, which is taken out."""
        return self._errors.pop(0) if self._errors else NO_ERROR

    def clear(self) -> None:
        """*CLS."""
        self._errors.clear()
