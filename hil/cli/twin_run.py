"""`hil twin run`: a bench with its twin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import FAILED, output, summary
from hil.cli.options import BindOption, JsonOption, RigArg, UrlOption, bindings, urls
from hil.cli.run import Time
from hil.cli.signals import StopFlag
from hil.twin.words import said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.twin.run import TwinRequest, TwinResult

LIVE = "live"


def run(
    rig: RigArg,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the ledger, the status and the recordings.")],
    scenario: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the rig's [twin.scenarios]: a run by itself.")
    ] = None,
    source: Annotated[
        str, typer.Option(metavar="live|RECORDING|CSV", help="Measured data in place of the plant; default: the bench.")
    ] = LIVE,
    source_table: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of [twin.sources]; default: by the file's name.")
    ] = None,
    time: Annotated[
        Time | None, typer.Option(help="Kind of time; default: the scenario's, virtual for data, else real.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Bench time; default: the scenario's, the data's, no end.")
    ] = None,
    bind: BindOption = None,
    url: UrlOption = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the rig's.")] = None,
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="People decide: the scenario's scripted persons are left out.")
    ] = False,
    pace: Annotated[
        float | None,
        typer.Option(metavar="N", min=0.1, help="Bench seconds in a second, in virtual and lock-step time."),
    ] = None,
    no_record: Annotated[bool, typer.Option("--no-record", help="Keep the ledger only.")] = False,
    json: JsonOption = False,
) -> None:
    """Run a bench with its digital twin: estimate, detect, diagnose, and tell the ledger.

    Without --source the bench is live. Ctrl-C ends the run in a safe state. Exit code 1 when the run did not pass or
    the ledger does not verify.
    """
    from hil.twin.run import TwinRequest

    if duration is not None and not 0 < duration < 1e9:
        raise typer.BadParameter("must be larger than 0", param_hint="--duration")
    if pace is not None and time is Time.REAL:
        raise typer.BadParameter("real time has its own", param_hint="--pace")
    request = TwinRequest(
        rig,
        out,
        scenario,
        None if source == LIVE else Path(source),
        source_table,
        time.value if time else None,
        duration,
        bindings(bind or []),
        urls(url or []),
        seed,
        record=not no_record,
        by_hand=by_hand,
        pace=pace,
    )
    raise typer.Exit(_run(request, json=json))


def _run(request: TwinRequest, *, json: bool) -> int:
    from hil.control import ControlServer
    from hil.twin.requests import FREE, requests_of
    from hil.twin.run import TwinRun

    tell = None if json else _tell
    with StopFlag() as flag, TwinRun(request, on_entry=tell) as twin_run:
        server = ControlServer(twin_run.bench, requests_of(twin_run.twin), FREE)
        server.start()
        try:
            twin_run.go(lambda: bool(flag.number))
        finally:
            server.close()
        result = twin_run.result()
    if json:
        found = result.to_dict()
        output.print_json({**found, "run": summary.slim(found["run"])})
    else:
        _show(result)
    return flag.exit_code or (0 if result.run.passed and result.verified else FAILED)


def _tell(kind: str, body: Mapping[str, Any]) -> None:
    """One line for an entry of the ledger."""
    at_s = body.get("time_s")
    when = f"{at_s:>9.0f} s" if isinstance(at_s, float | int) else " " * 11
    output.console().print(f"{when}  {kind:<10} {said(kind, body)}", soft_wrap=True, highlight=False, markup=False)


def _show(result: TwinResult) -> None:
    out = output.console()
    passed = result.run.passed and result.verified
    out.print(f"{'PASSED' if passed else 'FAILED'}  {result.run.rig}, {result.run.duration_s:g} s", style="bold")
    if result.run.reason:
        out.print(f"  {result.run.reason}", soft_wrap=True)
    found = result.status["diagnosis"]
    if found:
        out.print(f"  diagnosis: {found['cause']}, {found['probability'][found['cause']]:.0%}: {found['text']}")
    for alarm in result.status["alarms"]:
        out.print(f"  alarm {alarm['name']}: {alarm['state']} since {alarm['since_s']:g} s", soft_wrap=True)
    for kind, n in result.marks.items():
        out.print(f"  bad input: {kind}, {n} rows", soft_wrap=True)
    verified = "verifies" if result.verified else "does NOT verify"
    out.print(f"  ledger {result.ledger}: {result.entries} entries, {verified}", soft_wrap=True)
