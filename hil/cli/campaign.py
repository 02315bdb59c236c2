"""`hil campaign`: many runs with faults, and what they say together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from hil.cli import output
from hil.cli.options import BindOption, ControllerOption, JsonOption, RigArg, UrlOption, bindings, controllers_of, urls
from hil.errors import HilError

if TYPE_CHECKING:
    from hil.campaign.campaign import Progress

RUN = "run"
HELP = ("-h", "--help")
STOPPED = 130
SHOWN = 5
SLOWEST = {"detection": "slowest_detection_s", "reaction": "slowest_reaction_s", "together": "slowest_handling_s"}


class _RunsUnlessTold(TyperGroup):
    """`hil campaign RIG PLAN` is `hil campaign run RIG PLAN`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in HELP:
            args = [RUN, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_RunsUnlessTold, no_args_is_help=True, help="Many runs with faults: RIG PLAN, merge, replay.")
OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the results.")]


@app.command(RUN)
def run(
    rig: RigArg,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="A file, or the name of one in RIG/campaigns.")],
    out: OutOption,
    runs: Annotated[int | None, typer.Option(min=1, help="How many, instead of the plan's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the plan's.")] = None,
    period: Annotated[str | None, typer.Option(help="Base period instead of the rig's, as 10ms.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Threads; default: one a core.")] = None,
    scheduler: Annotated[str | None, typer.Option(metavar="URL", help="Of a Dask cluster: tcp://host:8786.")] = None,
    shard: Annotated[str | None, typer.Option(metavar="I/N", help="Only the I-th of N parts; see merge.")] = None,
    time: Annotated[
        str | None, typer.Option(help="virtual, lockstep or real, instead of the plan's.", metavar="TIME")
    ] = None,
    bind: BindOption = None,
    controller: ControllerOption = None,
    url: UrlOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a campaign in DIR stopped.")] = False,
    minimise: Annotated[bool, typer.Option(help="Make the worst runs small and write tests of them.")] = True,
    json: JsonOption = False,
) -> None:
    """Run a campaign of faults: outcomes, coverage, the worst cases and tests of them.

    Exit code 1 when a run ended in a hazard or a crash, broke the requirement or handled its fault too late.
    """
    from hil.campaign import Request, run_campaign

    what = Request(
        rig,
        plan,
        runs,
        seed,
        _period_s(period),
        jobs,
        scheduler,
        _shard(shard),
        minimise,
        time=time,
        bind=bindings(bind or []),
        urls=urls(url or []),
        controllers=controllers_of(controller),
    )
    with _bar(quiet=json) as progress:
        try:
            result = run_campaign(what, out, resume=resume, progress=progress)
        except KeyboardInterrupt:
            output.note(f"Stopped. What is done lies in {out}; go on with --resume")
            raise typer.Exit(STOPPED) from None
    _show(result.summary, out, json)


@app.command("merge")
def merge_(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="The --out folders of all shards.")],
    out: OutOption,
    json: JsonOption = False,
) -> None:
    """Put the shards of a campaign together."""
    from hil.campaign.shards import merge

    _show(merge(folders, out).summary, out, json)


@app.command("replay")
def replay_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of a campaign.")],
    number: Annotated[int, typer.Argument(metavar="RUN", help="Number of the run.")],
    out: OutOption,
    url: UrlOption = None,
    json: JsonOption = False,
) -> None:
    """Run one of its runs again and record it; its state has to come out as it did."""
    from hil.campaign.replay import replay

    found = replay(folder, number, out, urls(url or []))
    if json:
        output.print_json(found)
    else:
        output.console().print(
            f"Run {number}: {found['outcome']}, the same state {found['state_hash']}. Recording: {out}"
        )


def _period_s(text: str | None) -> float | None:
    from hil.fault_times import read_time

    if text is None:
        return None
    try:
        seconds, _ = read_time(text, text)
    except HilError:
        seconds = None
    if not seconds:
        raise HilError(f"'{text}' is no period", where="--period", mend="Write it as 10ms")
    return seconds


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    i, slash, n = text.partition("/")
    if not (slash and i.isdecimal() and n.isdecimal() and 1 <= int(i) <= int(n)):
        raise HilError(f"'{text}' is no part", where="--shard", mend="Write 1/3 for the first of three")
    return int(i), int(n)


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Progress]:
    """A bar on stderr with rate and remaining time; only on a terminal."""
    err = output.console(stderr=True)
    if quiet or not err.is_terminal:
        yield lambda _done, _of: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.speed:.0f} runs/s"), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _show(summary: dict[str, Any], out: Path, json: bool) -> None:
    if json:
        output.print_json({**summary, "out": str(out)})
    else:
        _print(summary, out)
    outcomes = summary["outcomes"]
    bad = outcomes["hazard detected"] + outcomes["hazard undetected"] + outcomes["crash"]
    handling = summary["fault_handling"]
    if bad or summary["broken_requirement"] or (handling and handling["late"]):
        raise typer.Exit(1)


def _print(summary: dict[str, Any], out: Path) -> None:
    from rich.table import Table

    page = output.console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Outcome")
    table.add_column("Runs", justify="right")
    for name, count in summary["outcomes"].items():
        table.add_row(name, f"{count:,}")
    page.print(table)
    page.print()
    for line in _lines(summary):
        page.print(line, soft_wrap=True)
    page.print(
        f"Results: {out}" + (f", page: {out / 'report.html'}" if (out / "report.html").exists() else ""), soft_wrap=True
    )


def _handling_lines(summary: dict[str, Any]) -> Iterator[str]:
    handling = summary["fault_handling"]
    if not handling:
        return
    times = [f"{name} {handling[key]:.3g} s" for name, key in SLOWEST.items() if handling[key] is not None]
    yield f"Slowest fault handling: {', '.join(times) or 'none'}"
    if handling["ftti_s"] is not None:
        judged = handling["in_time"] + handling["late"]
        limit = f"the fault tolerant time interval of {handling['ftti_s']:g} s"
        yield f"Beyond {limit}: {handling['late']:,} of {judged:,} runs"
    if handling["limit_holds"] is False:
        yield "A hazard came sooner than that: the limit is longer than what the equipment tolerates"


def _lines(summary: dict[str, Any]) -> Iterator[str]:
    cells, found = summary["coverage"], summary["diagnostic_coverage"]
    yield f"Coverage of the fault space: {cells['cells']} of {cells['of']} cells"
    if found["of"]:
        interval = f"{found['low']:.1%} to {found['high']:.1%} at {found['confidence']:.0%}"
        yield f"Diagnostic coverage: {found['detected']} of {found['of']}, {found['share']:.1%} ({interval})"
    if summary["fault_tolerance_time_s"] is not None:
        yield f"Shortest time from a fault to a hazard: {summary['fault_tolerance_time_s']:.3g} s"
    if summary["slowest_detection_s"] is not None:
        yield f"Slowest detection: {summary['slowest_detection_s']:.3g} s"
    yield from _handling_lines(summary)
    if summary["activation"]:
        at = ", ".join(f"{time_s:g} s" for time_s in summary["activation"]["at_s"][:SHOWN])
        yield f"Times count from {summary['activation']['on']}, which first holds at {at}"
    if summary["broken_requirement"]:
        yield f"The requirement is broken in {summary['broken_requirement']:,} runs"
    if summary.get("runs_per_s"):
        yield f"{summary['runs_per_s']:.0f} runs/s, {summary['realtime_factor']:,.0f} times real time"
    yield f"Results hash {summary['results_hash']}"
    for test in summary.get("tests", ()):
        yield f"Wrote a test that fails: {test}"
