"""`hil watch`: a running bench in the terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from hil.cli import output
from hil.cli.options import AnyRunningArg, JsonOption, PidOption


def watch(
    rig: AnyRunningArg = None,
    pid: PidOption = None,
    signals: Annotated[
        list[str] | None, typer.Option("--signals", metavar="PATTERN", help="Only these signals, as in 'sensor.*'.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.2, max=20, help="Frames in a second.")] = 8.0,
    once: Annotated[bool, typer.Option("--once", help="Print one frame and end.")] = False,
    json: JsonOption = False,
) -> None:
    """Show a running bench: values, status, faults, bus health, timing. Ends with the bench, with q or Ctrl-C."""
    from hil import control
    from hil.watch import frame, look, show

    with control.connect(rig, pid) as client:
        if json:
            output.print_json(vars(look(client, signals)))
        elif once:
            console = output.console()
            console.print(frame(look(client, signals), console.width, None))
        else:
            show(client, output.console(), signals, rate)
