"""`hil doctor`: what this machine can promise, and how to get more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import JsonOption

if TYPE_CHECKING:
    from hil.doctor import Diagnosis


def doctor(
    seconds: Annotated[float, typer.Option(min=0.05, max=600, help="How long to measure wake-up lateness.")] = 1.0,
    no_fix: Annotated[
        bool, typer.Option("--no-fix", help="Leave the latency timers of serial adapters as they are.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Look at kernel, privileges, CPUs, clock and serial ports, and say what can be promised.

    It measures how late a loop wakes up. The latency timer of an FTDI adapter is set to 1 ms where this user may, and
    the line says so; nothing else is changed.
    """
    from hil.doctor import examine

    found = examine(seconds, fix=not no_fix)
    if json:
        points = [{**vars(point)} for point in found.points]
        output.print_json({**vars(found), "points": points})
    else:
        _show(found)


def _show(found: Diagnosis) -> None:
    out = output.console()
    out.print(_table(found))
    out.print()
    out.print(found.conclusion, style="bold", soft_wrap=True)


def _table(found: Diagnosis) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("", "", "Found", "What it means"):
        table.add_column(column, overflow="fold")
    for point in found.points:
        mark = Text("ok", "green") if point.level == "ok" else Text("warn", "yellow")
        meaning = Text(point.meaning)
        if point.mend:
            meaning.append(f"\n-> {point.mend}", "cyan")
        table.add_row(mark, Text(point.name, "bold"), Text(point.value), meaning)
    return table
