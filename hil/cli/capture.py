"""`hil capture`: runs a rig until its capture is over, or the trigger has not come in time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import FAILED, output
from hil.cli.options import BindOption, ControllerOption, JsonOption, RigArg, UrlOption, bindings, controllers_of, urls
from hil.cli.run import Time, _time

if TYPE_CHECKING:
    from hil.capture import Capture


def capture(
    rig: RigArg,
    signals: Annotated[str, typer.Option(metavar="NAMES", help="Signals with commas between them.")],
    trigger: Annotated[str, typer.Option(metavar="CONDITION", help="As in 'sensor.h1 > 0.2 for 0.5 s'.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the recording; new or empty.")],
    pre: Annotated[float, typer.Option(metavar="SECONDS", help="Bench time before the trigger.")] = 0.5,
    post: Annotated[float, typer.Option(metavar="SECONDS", help="Bench time behind it.")] = 2.0,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="Longest wait for a trigger.")] = 60.0,
    count: Annotated[int, typer.Option(help="Windows to be taken, one after the other.")] = 1,
    stop_trigger: Annotated[
        str | None, typer.Option(metavar="CONDITION", help="The window ends --post behind it.")
    ] = None,
    duration_condition: Annotated[
        str | None, typer.Option(metavar="'CONDITION for SECONDS s'", help="Must hold for so long beside --trigger.")
    ] = None,
    time: Annotated[Time | None, typer.Option(help="Kind of time; default: real.")] = None,
    virtual: Annotated[bool, typer.Option("--virtual", help="Short for --time virtual.")] = False,
    bind: BindOption = None,
    controller: ControllerOption = None,
    url: UrlOption = None,
    json: JsonOption = False,
) -> None:
    """Record signals around the tick at which a condition comes to hold.

    Exit code 1 when the trigger does not come in time, or rows are lost.
    """
    from hil.bench import open_bench
    from hil.capture.condition import joined

    kind, names = _time(time, virtual=virtual), [name.strip() for name in signals.split(",") if name.strip()]
    condition = joined(trigger, duration_condition)
    options = {"bind": bindings(bind or []), "urls": urls(url or []), "controllers": controllers_of(controller)}
    with open_bench(rig, time=kind, history=False, **options) as bench:  # type: ignore[arg-type]
        made = bench.capture(
            names, condition, pre, post, timeout, name=rig_name(out), out=out, count=count, stop_trigger=stop_trigger
        )
        made.wait(check=False)
        result = bench.finish()
    if json:
        output.print_json({**made.to_dict(), "passed": result.passed and made.finished, "reason": result.reason})
    else:
        _show(made)
    if not (made.finished and result.passed):
        raise typer.Exit(FAILED)


def rig_name(out: Path) -> str | None:
    """The folder's name where it can be the capture's."""
    return out.name if out.name.replace("-", "").replace("_", "").isalnum() and len(out.name) < 64 else None


def _show(made: Capture) -> None:
    out = output.console()
    out.print(made.sentence(), soft_wrap=True)
    for window in made.to_dict()["windows"]:
        out.print(f"  {window['folder']}: {window['ticks']:,} ticks around {window['trigger_s']:g} s", soft_wrap=True)
