"""What the commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hil import json_text
from hil.cli import BAD_INPUT, FAILED
from hil.errors import HilError

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 160  # columns where no terminal says how many there are


def console(*, stderr: bool = False) -> Console:
    """A console that prints what it is given: no markup, emoji or colours of its own in texts."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


def print_json(result: Any) -> None:
    """One object on stdout."""
    sys.stdout.write(json_text.dumps(result, indent=2) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A line for people on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def report_error(error: HilError, *, as_json: bool) -> int:
    """One line for each mistake on stderr, beneath it the line of a program that it is about.

    With --json also an object with `error` on stdout.
    """
    lines = []
    for one in (error, *getattr(error, "others", ())):
        lines += [line for line in str(one).splitlines() if line.strip()]
        for line in str(one).splitlines():
            if line.strip():
                note(f"hil: {line}")
        if getattr(one, "excerpt", ""):
            note(one.excerpt)
    if as_json:
        print_json({"error": {"message": error.message, "where": error.where, "mend": error.mend, "lines": lines}})
    return BAD_INPUT


def report_os_error(error: OSError, *, as_json: bool) -> int:
    """A file or system call that failed, in one line."""
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    return report_error(HilError(error.strerror or str(error), where=" -> ".join(names) or None), as_json=as_json)


def report_bug(error: Exception) -> int:
    """Something that HIL did not expect."""
    text = " ".join(str(error).split())
    note(
        f"hil: this is a mistake in HIL itself: {type(error).__name__}: {text}. HIL_DEBUG=1 shows where; please tell us"
    )
    return FAILED


def time_text(seconds: float) -> str:
    """A short time with a fitting unit: 12 us, 3.4 ms, 20 s."""
    for limit, factor, unit in ((1e-6, 1e9, "ns"), (1e-3, 1e6, "us"), (1.0, 1e3, "ms")):
        if abs(seconds) < limit:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.4g} s"


def counted(n: int, plural: str) -> str:
    """As in "1 overrun" and "2,000 overruns"."""
    return f"{n:,} {plural.removesuffix('s') if n == 1 else plural}"


def nanoseconds_text(value: float | None) -> str:
    """The same for nanoseconds; "-" for None."""
    return "-" if value is None else time_text(value * 1e-9)


def print_json_line(result: Any) -> None:
    """One object in one line on stdout, for a program that waits for the line."""
    sys.stdout.write(json_text.dumps(result) + "\n")
    sys.stdout.flush()


@contextlib.contextmanager
def working(text: str, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A spinner on stderr while something takes long, only on a terminal; gives what changes its text."""
    err = console(stderr=True)
    if quiet or not err.is_terminal:
        yield lambda _: None
        return
    with err.status(text) as status:
        yield status.update


def fields_text(fields: Any) -> str:
    """A small dictionary in one line."""
    if not isinstance(fields, Mapping):
        return str(fields)
    return ", ".join(f"{key} {value}" for key, value in fields.items() if value is not None)
