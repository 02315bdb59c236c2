"""The errors that HIL raises on purpose. A message says what is wrong, where, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class HilError(Exception):
    """Bad input or a bench that cannot run. Printed as one line by the command line, exit code 2.

    Args:
        message: what is wrong, one sentence without a full stop at its end.
        where: file, file:key, or address that the message is about.
        mend: what the user can do about it, one sentence.
    """

    def __init__(self, message: str, *, where: str | None = None, mend: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.mend = mend

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}. {self.mend}" if self.mend else text


@contextmanager
def blamed(where: str | None) -> Iterator[None]:
    """What goes wrong inside is told of `where`, a file and line; None changes nothing."""
    try:
        yield
    except HilError as error:
        if where is None:
            raise
        what = f"{error.where}: {error.message}" if error.where else error.message
        raise type(error)(what, where=where, mend=error.mend) from error


class RigError(HilError):
    """A rig file, I/O map or model that cannot be used."""


class BusError(HilError):
    """A device or wire that cannot be used."""


class BenchError(HilError):
    """A request that a bench cannot carry out: unknown signal, late event, unsupported fault."""


class RecordingError(HilError):
    """A recording that cannot be written, read or replayed."""


class PlcError(HilError):
    """A mistake in a PLC program, or a part of the language that is not supported.

    Attributes:
        excerpt: the source line and a line with a caret, to be printed beneath; may be empty.
        others: further mistakes in the same files.
    """

    def __init__(self, message: str, *, where: str | None = None, mend: str | None = None, excerpt: str = "") -> None:
        super().__init__(message, where=where, mend=mend)
        self.excerpt = excerpt
        self.others: tuple[PlcError, ...] = ()
