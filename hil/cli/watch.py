"""`hil watch`: a running bench in the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import output
from hil.cli.options import AnyRunningArg, JsonOption, PersonOption, PidOption

if TYPE_CHECKING:
    from hil.control import ControlClient


def watch(
    rig: AnyRunningArg = None,
    pid: PidOption = None,
    signals: Annotated[
        list[str] | None, typer.Option("--signals", metavar="PATTERN", help="Only these signals, as in 'sensor.*'.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.2, max=20, help="Frames in a second.")] = 8.0,
    once: Annotated[bool, typer.Option("--once", help="Print one frame and end.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="One picture instead of pages; it only reads.")] = False,
    person: PersonOption = None,
    json: JsonOption = False,
) -> None:
    """Show a running bench on pages and act on it by keys. Ends with the bench, with q or Ctrl-C."""
    from hil import control
    from hil.watch import frame, look, show

    with control.connect(rig, pid) as client:
        if json:
            output.print_json(vars(look(client, signals)))
        elif once:
            console = output.console()
            console.print(frame(look(client, signals), console.width, None))
        elif plain or not (sys.stdin.isatty() and sys.stdout.isatty()):
            show(client, output.console(), signals, rate)
        elif find_spec("textual") is None:
            show(client, output.console(), signals, rate)
            output.note("Pages and keys need Textual: pip install 'hil[live]'. --plain is this view without this line")
        else:
            _pages(client, signals, rate, person)


def _pages(client: ControlClient, signals: Sequence[str] | None, rate: float, person: str | None) -> None:
    from hil.control.lease import user_name
    from hil.watch import look
    from hil.watch.app import WatchApp

    look(client, signals)  # a wrong pattern is told before the screen is taken
    client.close()
    last = WatchApp(client.path, person or user_name(os.getuid()), signals, rate).run()
    if last:
        output.console().print(last, soft_wrap=True)
