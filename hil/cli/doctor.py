"""`hil doctor`: what this machine can promise, and how to get more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import JsonOption

if TYPE_CHECKING:
    from hil.doctor import Diagnosis


def doctor(
    seconds: Annotated[
        float,
        typer.Option(min=0.05, max=600, help="How long to measure lateness at 1 kHz; about eight times that in all."),
    ] = 1.0,
    no_fix: Annotated[
        bool, typer.Option("--no-fix", help="Leave the latency timers of serial adapters as they are.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Look at kernel, privileges, CPUs, interrupts, clock and serial ports, and say what can be promised.

    It measures how late a loop wakes up, what single things cost, and which rates this machine can hold. The latency
    timer of an FTDI adapter is set to 1 ms where this user may, and the line says so; nothing else is changed.
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
    out.print(_rates(found))
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
        if point.cost:
            meaning.append(f"\nmeasured: {point.cost}")
        if point.mend:
            meaning.append(f"\n-> {point.mend}", "cyan")
        table.add_row(mark, Text(point.name, "bold"), Text(point.value), meaning)
    return table


def _rates(found: Diagnosis) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("Rate", "Ticks", "Late p50", "p99", "max", "Missed", "Holds"):
        table.add_column(column, justify="right")
    for rate in found.rates:
        times = [f"{rate[name]:.1f} us" for name in ("p50_us", "p99_us", "max_us")]
        holds = Text("yes", "green") if rate["holds"] else Text("no", "yellow")
        table.add_row(f"{rate['rate_hz']} Hz", str(rate["ticks"]), *times, str(rate["missed"]), holds)
    return table
