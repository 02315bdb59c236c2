"""The commands of `hil`, in the order in which they are shown. Their files import what they need only when they run."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

from hil import __version__

BENCH, LIVE, RECORDING, MODELS = "Benches", "A running bench", "Recordings", "Models"
MACHINE = "Machine and devices"
# Functions by the panel of the help and the module in hil.cli; a command has the name of its function, without "_".
COMMANDS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (BENCH, "new", ("new",)),
    (BENCH, "check", ("check",)),
    (BENCH, "design", ("design",)),
    (BENCH, "tune", ("tune",)),
    (BENCH, "run", ("run",)),
    (BENCH, "capture", ("capture",)),
    (BENCH, "test", ("test",)),
    (BENCH, "emulate", ("emulate",)),
    (LIVE, "watch", ("watch",)),
    (
        LIVE,
        "live",
        ("status", "set_", "force", "release", "fault", "clear", "enable", "safe", "mark", "note", "stop"),
    ),
    (RECORDING, "recordings", ("replay", "report", "export")),
    (MODELS, "fit", ("fit",)),
    (MACHINE, "doctor", ("doctor",)),
    (MACHINE, "bench", ("bench",)),
    (MACHINE, "proxy", ("proxy",)),
)
# Commands of commands: the `app` of the module of this name.
GROUPS = (
    (BENCH, "campaign"),
    (MODELS, "plc"),
    (BENCH, "commission"),
    (BENCH, "key"),
    (BENCH, "twin"),
    (LIVE, "lease"),
    (MACHINE, "scan"),
)


def app(args: Sequence[str]) -> Any:
    """Runs one command and returns its exit code; None for 0.

    Raises:
        HilError: bad input.
        Exception: Typer's own errors of usage.
    """
    return made(args)(args, prog_name="hil", standalone_mode=False)


def made(args: Sequence[str] = ()) -> typer.Typer:
    """The application: with the command alone that the arguments begin with, or with all, which takes 0.2 s to make."""
    commands = [
        (function.rstrip("_"), panel, module, function) for panel, module, names in COMMANDS for function in names
    ]
    known = {name for name, *_ in commands} | {name for _, name in GROUPS}
    wanted = known & set(args[:1]) or known
    found = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="A hardware-in-the-loop testbed: runs a rig, against simulated, emulated or real devices.",
    )
    found.callback()(_options)
    for name, panel, module, function in commands:
        if name in wanted:
            found.command(name, rich_help_panel=panel)(getattr(import_module(f"hil.cli.{module}"), function))
    for panel, name in GROUPS:
        if name in wanted:
            found.add_typer(import_module(f"hil.cli.{name}").app, name=name, rich_help_panel=panel)
    return found


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hil {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Exit codes: 0 done, 1 the run or check failed, 2 bad input."""
