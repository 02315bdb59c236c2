"""`hil twin recalibrate` and `hil twin models`: versions of a model's parameters, and how they come into use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import FAILED, output
from hil.cli.options import JsonOption, RigArg

if TYPE_CHECKING:
    from hil.twin.recalibrate import Calibration, Contest, Versions

app = typer.Typer(no_args_is_help=True, help="Versions of a model: list, try in shadow, put into use, go back.")

FolderArg = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the twin.")]
DataArg = Annotated[Path, typer.Argument(metavar="DATA", help="A CSV file with a header, or a recording's folder.")]
FromOption = Annotated[float | None, typer.Option("--from", metavar="SECONDS", help="Begin of the window in the data.")]
ToOption = Annotated[float | None, typer.Option("--to", metavar="SECONDS", help="Its end.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Goes into the ledger.")]
PersonOption = Annotated[str | None, typer.Option("--person", metavar="NAME", help="Who decides; kept erasable.")]


def recalibrate(
    rig: RigArg,
    data: DataArg,
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder of the twin.")],
    reason: ReasonOption,
    from_s: FromOption = None,
    to_s: ToOption = None,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A parameter to be found; repeat it; default: the rig's [fit]."),
    ] = None,
    hold_out: Annotated[
        float, typer.Option(min=0.05, max=0.9, help="Share of the window, at its end, for the judgement.")
    ] = 0.25,
    json: JsonOption = False,
) -> None:
    """Fit a model's parameters to a window of data and judge them over rows that the fit has not seen.

    Accepted values become the challenger. They are refused, with exit code 1, when the data cannot tell them or the
    hold-out gets worse.
    """
    from dataclasses import replace

    from hil.rig import load_rig
    from hil.twin.ledger import Ledger
    from hil.twin.recalibrate import Versions
    from hil.twin.recalibrate import recalibrate as find

    loaded = load_rig(rig)
    wanted = replace(loaded.fit, parameters=tuple(param)) if param else loaded.fit
    with Ledger(folder) as ledger:
        versions = Versions(folder, ledger)
        champion = versions.own(versions.champion)
        with output.working("Fitting", quiet=json) as tell:
            found = find(
                loaded,
                data,
                wanted=wanted,
                champion=champion,
                from_s=from_s,
                to_s=to_s,
                hold_out=hold_out,
                progress=tell,
            )
        number = versions.add(found, reason).number if found.accepted else None
        if number is None:
            versions.refuse(found, reason)
    if json:
        output.print_json({**found.to_dict(), "version": number})
    else:
        _show(found, number)
    if not found.accepted:
        raise typer.Exit(FAILED)


@app.command("list")
def models(folder: FolderArg, json: JsonOption = False) -> None:
    """The versions of a twin's model, and which one is in use."""
    from dataclasses import asdict

    from hil.twin.recalibrate import Versions

    versions = Versions(folder)
    champion, found = versions.champion, versions.all()
    if json:
        output.print_json({"in_use": champion, "versions": [{**asdict(v), "hash": v.hash} for v in found]})
        return
    _table(versions, champion)


@app.command("shadow")
def shadow(
    folder: FolderArg,
    rig: RigArg,
    data: DataArg,
    from_s: FromOption = None,
    to_s: ToOption = None,
    version: Annotated[int | None, typer.Option(help="Instead of the newest.")] = None,
    json: JsonOption = False,
) -> None:
    """Let the challenger predict new data beside the version in use."""
    from hil.errors import HilError
    from hil.rig import load_rig
    from hil.twin.recalibrate import Versions
    from hil.twin.recalibrate import shadow as compare

    versions = Versions(folder)
    found = compare(load_rig(rig), data, versions, from_s=from_s, to_s=to_s, number=version)
    if found is None:
        raise HilError("there is no challenger", where=str(folder), mend="hil twin recalibrate makes one")
    if json:
        output.print_json(found.to_dict())
    else:
        output.console().print(_contest_text(found), soft_wrap=True, highlight=False)


@app.command("promote")
def promote(
    folder: FolderArg,
    version: Annotated[int, typer.Argument(metavar="N", help="Of the version; 0: the rig's own values.")],
    reason: ReasonOption,
    person: PersonOption = None,
) -> None:
    """Put a version into use."""
    from hil.twin.ledger import Ledger
    from hil.twin.recalibrate import Versions

    with Ledger(folder) as ledger:
        Versions(folder, ledger).promote(version, reason, person)
    output.console().print(f"In use: version {version}", highlight=False)


@app.command("rollback")
def rollback(folder: FolderArg, reason: ReasonOption, person: PersonOption = None) -> None:
    """Go back to the version that the one in use was judged against."""
    from hil.twin.ledger import Ledger
    from hil.twin.recalibrate import Versions

    with Ledger(folder) as ledger:
        number = Versions(folder, ledger).rollback(reason, person)
    output.console().print(f"In use: version {number}", highlight=False)


# ---- the page ----


def _show(found: Calibration, number: int | None) -> None:
    out = output.console()
    window = f"{found.from_s:g} to {found.to_s:g} s, {found.rows:,} rows"
    out.print(f"Block {found.block} fitted to {found.data}, {window}", soft_wrap=True, highlight=False)
    for name, value in found.values.items():
        interval = found.intervals.get(name)
        span = "not determined" if interval is None else f"{interval[0]:.4g} to {interval[1]:.4g} (95 %)"
        unit = "" if found.units[name] == "1" else f" {found.units[name]}"
        out.print(f"  {name} = {value:.5g}{unit}, {span}; in use {found.champion[name]:.5g}", highlight=False)
    out.print(_contest_text(found.judged), soft_wrap=True, highlight=False)
    if number is not None:
        out.print(f"Accepted: version {number} is the challenger", highlight=False)
    for reason in found.refused:
        out.print(f"Refused: {reason}", soft_wrap=True, highlight=False, markup=False)


def _contest_text(found: Contest) -> str:
    each = ", ".join(f"{name} {old:.4g} -> {new:.4g}" for name, (old, new) in found.rmse.items())
    sure = "better beyond doubt" if found.better else "worse" if found.worse else "better, not beyond doubt"
    return (
        f"Over {found.rows:,} rows not seen: RMSE {each}; mean square error {-found.gain:+.1%} "
        f"({-found.high:+.1%} to {-found.low:+.1%}): {sure}"
    )


def _table(versions: Versions, champion: int) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "Version", "Values", "Judged against", "Made", "Reason"):
        table.add_column(name)
    table.add_row("in use" if champion == 0 else "", "0", "the rig's own", "", "", "")
    for v in versions.all():
        values = ", ".join(f"{name} {value:.5g}" for name, value in v.named().items())
        table.add_row("in use" if v.number == champion else "", str(v.number), values, str(v.parent), v.made, v.reason)
    output.console().print(table)
