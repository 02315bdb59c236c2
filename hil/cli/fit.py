"""`hil fit`: parameters of a rig's model from measured data."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import JsonOption, RigArg
from hil.errors import HilError

if TYPE_CHECKING:
    from hil.identify import FitResult, Group, Parameter
    from hil.rig import Fit

PERCENT = 100.0


class TimeUnit(StrEnum):
    """Units of a column of time."""

    S = "s"
    MS = "ms"
    US = "us"
    NS = "ns"


def fit(
    rig: RigArg,
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A CSV file with a header, or a recording's folder.")],
    block: Annotated[
        str | None, typer.Option(help="Block with the model; default: the rig's [fit], or its only one.")
    ] = None,
    param: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A parameter to be found; repeat it.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="PORT=COLUMN", help="Column of a model's input or output, A,B for a mean, or a number."),
    ] = None,
    start: Annotated[list[str] | None, typer.Option(metavar="STATE=VALUE", help="A known initial value.")] = None,
    time: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column of time.")] = None,
    time_unit: Annotated[TimeUnit | None, typer.Option(help="Its unit.")] = None,
    hold_out: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Share of the rows, at the end, for a judgement.")
    ] = 0.25,
    starts: Annotated[int, typer.Option(min=1, help="Starts of the search.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="Of the random ones.")] = 1,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the values as TOML for rig.toml.")] = None,
    json: JsonOption = False,
) -> None:
    """Find parameters of a rig's model from measured data: values with intervals, what the data cannot tell apart, and
    the error over data that the fit has not seen.

    Columns and parameters stand in the rig's [fit] table, or are given here.
    """  # fmt: skip
    from hil.identify import fit as find
    from hil.identify import fragment
    from hil.rig import load_rig

    loaded = load_rig(rig)
    wanted = _wanted(loaded.fit, block, param, column, start, time, time_unit)
    with output.working("Fitting", quiet=json) as tell:
        found = find(loaded, data, wanted, hold_out=hold_out, starts=starts, seed=seed, progress=tell)
    if out is not None:
        out.write_text(fragment(found), encoding="utf-8")
    if json:
        output.print_json({**found.to_dict(), "toml": fragment(found), "file": out})
    else:
        _show(found, out)


def _wanted(
    fit: Fit,
    block: str | None,
    param: list[str] | None,
    column: list[str] | None,
    start: list[str] | None,
    time: str | None,
    time_unit: TimeUnit | None,
) -> Fit:
    """The rig's [fit], with what the command line says in its place."""
    from dataclasses import replace

    same = block in (None, fit.block)
    kept = fit if same else replace(fit, block=block, parameters=None, columns={}, start={})
    return replace(
        kept,
        parameters=tuple(param) if param else kept.parameters,
        columns={**kept.columns, **dict(_column(text) for text in column or ())},
        start={**kept.start, **dict(_start(text) for text in start or ())},
        time=time or kept.time,
        time_unit=time_unit.value if time_unit else kept.time_unit,
    )


def _pair(text: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise HilError(f"'{text}' is not {form}", mend=f"Write {form}")
    return name.strip(), value.strip()


def _column(text: str) -> tuple[str, float | tuple[str, ...]]:
    name, value = _pair(text, "PORT=COLUMN")
    try:
        return name, float(value)
    except ValueError:
        return name, tuple(part.strip() for part in value.split(","))


def _start(text: str) -> tuple[str, float]:
    name, value = _pair(text, "STATE=VALUE")
    try:
        return name, float(value)
    except ValueError:
        raise HilError(f"'{value}' is not a number", where=f"--start {name}") from None


# ---- the page ----


def _show(found: FitResult, file: Path | None) -> None:
    out = output.console()
    hours = f"{found.duration_s / 3600:.3g} h" if found.duration_s >= 3600 else output.time_text(found.duration_s)
    title = f"{found.rig}: block {found.block} ({found.model}) fitted to {found.data}, {found.rows:,} rows over {hours}"
    out.print(title, soft_wrap=True)
    out.print()
    out.print(_table(found))
    for group in found.groups:
        out.print()
        out.print(_group_text(found, group), soft_wrap=True)
    out.print()
    for line in _scores(found):
        out.print(line, soft_wrap=True)
    if file is not None:
        out.print(f"Wrote {file}", soft_wrap=True)


def _table(found: FitResult) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Parameter", "Value", "95 % interval", "", "Rig", ""):
        table.add_column(name, justify="right" if name in ("Value", "Rig") else "left")
    for parameter in found.parameters.values():
        table.add_row(parameter.name, *_cells(parameter))
    return table


def _cells(p: Parameter) -> tuple[str, str, str, str, str]:
    unit = "" if p.unit == "1" else p.unit
    if p.low is None or p.high is None:
        return "-", "not determined", unit, f"{p.before:.5g}", ""
    share = f" (±{PERCENT * (p.high - p.value) / abs(p.value):.2g} %)" if p.value else ""
    note = "at the end of its range" if p.at_bound else ""
    return f"{p.value:.5g}", f"{p.low:.5g} to {p.high:.5g}{share}", unit, f"{p.before:.5g}", note


def _group_text(found: FitResult, group: Group) -> str:
    names = ", ".join(group.names)
    changes = ", ".join(f"{name} {PERCENT * change:+.2g} %" for name, change in group.change.items())
    effect = f"the error goes from {found.rmse:.4g} to {group.rmse:.4g}"
    if len(group.names) == 1:
        return f"{names}: the data do not determine it. With {changes} {effect}"
    return (
        f"{names}: the data cannot tell them apart. With {changes} together {effect}. "
        f"Know {group.directions} of them from elsewhere (leave them out of --param), or excite the plant faster"
    )


def _scores(found: FitResult) -> list[str]:
    by_output = ", ".join(f"{name} {rmse:.4g}{_unit(found.units[name])}" for name, rmse in found.rmse_by_output.items())
    lines = [f"RMSE: {by_output}"]
    if found.hold_out_rmse is not None:
        share = f"the last {PERCENT * found.hold_out:.0f} % of the rows, not seen by a first fit"
        lines.append(f"Hold-out: RMSE {found.hold_out_rmse:.4g} over {share}")
    longest = max(found.shortening.values())
    if longest > 1.5:
        rows = max(1, round(found.rows / longest))
        lines.append(f"Residuals are correlated: {found.rows:,} rows tell as much as {rows:,} would; intervals say so")
    searches = "search" if found.searches == 1 else "searches"
    lines.append(f"{found.agreeing} of {found.searches} {searches} ended in this optimum")
    return lines


def _unit(unit: str) -> str:
    return "" if unit == "1" else f" {unit}"
