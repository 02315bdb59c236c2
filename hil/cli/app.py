"""The commands of `hil`, in the order in which they are shown. Their files import what they need only when they run."""

from __future__ import annotations

from typing import Annotated

import typer

from hil import __version__
from hil.cli import (
    bench,
    campaign,
    capture,
    check,
    commission,
    design,
    doctor,
    emulate,
    fit,
    key,
    lease,
    live,
    new,
    plc,
    proxy,
    recordings,
    run,
    scan,
    test,
    tune,
    twin,
    watch,
)

BENCH, LIVE, RECORDING, MODELS = "Benches", "A running bench", "Recordings", "Models"
MACHINE = "Machine and devices"
COMMANDS = (
    (BENCH, new.new, check.check, design.design, tune.tune, run.run, capture.capture, test.test, emulate.emulate),
    (
        LIVE,
        watch.watch,
        live.status,
        live.set_,
        live.force,
        live.release,
        live.fault,
        live.clear,
        live.enable,
        live.safe,
        live.mark,
        live.note,
        live.stop,
    ),
    (RECORDING, recordings.replay, recordings.report, recordings.export),
    (MODELS, fit.fit),
    (MACHINE, doctor.doctor, bench.bench, proxy.proxy),
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A hardware-in-the-loop testbed: runs a rig, against simulated, emulated or real devices.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hil {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Exit codes: 0 done, 1 the run or check failed, 2 bad input."""


for _panel, *_functions in COMMANDS:
    for _function in _functions:
        app.command(_function.__name__.rstrip("_"), rich_help_panel=_panel)(_function)  # type: ignore[type-var]
app.add_typer(campaign.app, name="campaign", rich_help_panel=BENCH)
app.add_typer(plc.app, name="plc", rich_help_panel=MODELS)
app.add_typer(commission.app, name="commission", rich_help_panel=BENCH)
app.add_typer(key.app, name="key", rich_help_panel=BENCH)
app.add_typer(twin.app, name="twin", rich_help_panel=BENCH)
app.add_typer(lease.app, name="lease", rich_help_panel=LIVE)
app.add_typer(scan.app, name="scan", rich_help_panel=MACHINE)
