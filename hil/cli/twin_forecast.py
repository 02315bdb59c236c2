"""`hil twin forecast | whatif`: what will come, and what would come of something else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import JsonOption, RigArg
from hil.errors import HilError

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.fork import Fork
    from hil.rig import Rig
    from hil.twin.forecast import Forecast, Scenario, WhatIf
    from hil.twin.spec import TwinTable

AfterOption = Annotated[
    float | None,
    typer.Option(
        "--after", min=0.0, metavar="SECONDS", help="Run bench or data so long first; default: an hour, all data."
    ),
]
SourceOption = Annotated[
    Path | None, typer.Option("--source", metavar="RECORDING|CSV", help="Measured data that lead to the present.")
]
SourceTableOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Of [twin.sources]; default: by the file's name.")
]
SnapshotOption = Annotated[
    Path | None, typer.Option("--snapshot", metavar="FILE", help="Begin with these bytes of Bench.snapshot().")
]
HorizonOption = Annotated[
    float | None, typer.Option("--horizon", metavar="SECONDS", help="How far ahead; default: the rig's, or an hour.")
]
MembersOption = Annotated[int | None, typer.Option("--members", min=2, metavar="N", help="Default: the rig's, or 500.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A planned value, from now on; repeat it.")
]
SeedOption = Annotated[int, typer.Option(min=0, help="Of draws and noise.")]
PlotOption = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="A picture: .png, .svg or .pdf.")]

DEFAULT_AFTER_S = 3600.0
SHOWN = 6  # rows of the table of a signal
LEVELS = (0.05, 0.5, 0.95)


def forecast(
    rig: RigArg,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Of [twin.forecasts]; default: the first.")] = None,
    signal: Annotated[list[str] | None, typer.Option(metavar="SIGNAL", help="Instead of the rig's; repeat it.")] = None,
    after: AfterOption = None,
    source: SourceOption = None,
    source_table: SourceTableOption = None,
    snapshot: SnapshotOption = None,
    horizon: HorizonOption = None,
    members: MembersOption = None,
    set_: SetOption = None,
    seed: SeedOption = 1,
    plot: PlotOption = None,
    json: JsonOption = False,
) -> None:
    """Forecast a rig: bands, the probability that each limit is crossed, and when; how long what wears will last.

    The bench runs first, in virtual time, so that its observer knows something.
    """
    from hil.twin.forecast import Scenario
    from hil.twin.forecast import forecast as look_ahead
    from hil.twin.forecast.in_rig import belief_of, forecast_of, limits_of
    from hil.twin.forecast.plots import forecast_plot

    loaded, table = _loaded(rig)
    wanted = forecast_of(table, name)
    plan = Scenario(set=_settings(set_))
    with _present(loaded, table, after, source, source_table, snapshot, quiet=json) as (fork, lives):
        ahead = look_ahead(
            fork,
            plan,
            belief=belief_of(fork, table),
            signals=signal or wanted.signals,
            limits=limits_of(table),
            members=members or wanted.members,
            horizon_s=horizon or wanted.horizon_s,
            seed=seed,
        )
    if plot is not None:
        forecast_plot(ahead, plot, _units(loaded))
    if json:
        output.print_json({**ahead.to_dict(wanted.quantiles), "lives": lives})
    else:
        _show_forecast(loaded, ahead, lives)


def whatif(
    rig: RigArg,
    scenario: Annotated[
        list[str] | None, typer.Option("--scenario", metavar="NAME", help="Of [twin.whatif]; default: all; repeat it.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option("--try", metavar="NAME=VALUE,...", help="A scenario by itself: values from now on; repeat it."),
    ] = None,
    kpi: Annotated[
        list[str] | None, typer.Option("--kpi", metavar="NAME=FORMULA", help="Beside those of [twin.kpis]; repeat it.")
    ] = None,
    after: AfterOption = None,
    source: SourceOption = None,
    source_table: SourceTableOption = None,
    snapshot: SnapshotOption = None,
    horizon: HorizonOption = None,
    members: MembersOption = None,
    seed: SeedOption = 1,
    plot: PlotOption = None,
    json: JsonOption = False,
) -> None:
    """Compare courses from one present, with the same draws and noise in each: energy, quality, time, wear.

    The first column is everything as it is. A difference is marked where it is beyond doubt.
    """
    from hil.twin.forecast import MEMBERS
    from hil.twin.forecast import whatif as compare
    from hil.twin.forecast.in_rig import belief_of, limits_of
    from hil.twin.forecast.plots import whatif_plot

    loaded, table = _loaded(rig)
    plans = _plans(table, scenario, against)
    kpis = {**table.kpis, **_formulas(kpi)}
    wanted = next(iter(table.forecasts.values()), None)
    with _present(loaded, table, after, source, source_table, snapshot, quiet=json) as (fork, _):
        found = compare(
            fork,
            plans,
            kpis,
            belief=belief_of(fork, table),
            signals=wanted.signals if wanted else [],
            limits=limits_of(table),
            members=members or (wanted.members if wanted else MEMBERS),
            horizon_s=horizon or (wanted.horizon_s if wanted else 3600.0),
            seed=seed,
        )
    if plot is not None:
        whatif_plot(found, plot, _units(loaded))
    if json:
        output.print_json(found.to_dict())
    else:
        _show_whatif(found)


def _units(rig: Rig) -> dict[str, str]:
    return {name: signal.unit or "" for name, signal in rig.signals.items()}


# ---- the present ----


def _loaded(rig: str) -> tuple[Rig, TwinTable]:
    from hil.rig import load_rig
    from hil.twin.spec import twin_of

    loaded = load_rig(rig)
    return loaded, twin_of(loaded)


@contextlib.contextmanager
def _present(
    rig: Rig,
    table: TwinTable,
    after: float | None,
    source: Path | None,
    source_table: str | None,
    snapshot: Path | None,
    *,
    quiet: bool,
) -> Iterator[tuple[Fork, dict[str, Any]]]:
    """The bench where the forecast begins, and the lives of what wears."""
    from hil.bench import open_bench

    if source is not None and snapshot is not None:
        raise HilError("data and a snapshot are two beginnings", where="--snapshot", mend="Give one of both")
    with output.working("Running", quiet=quiet) as tell, open_bench(rig, history=False, progress=tell) as bench:
        if snapshot is not None:
            bench.restore(snapshot.read_bytes())
        if source is None:
            yield _run_on(bench, table, after if after is not None else 0.0 if snapshot else DEFAULT_AFTER_S)
        else:
            yield _from_data(rig, bench, table, after, source, source_table)


def _run_on(bench: Bench, table: TwinTable, seconds: float) -> tuple[Fork, dict[str, Any]]:
    lives = _run_with_lives(bench, table, seconds)
    return bench.fork(), lives


def _from_data(
    rig: Rig, plain: Bench, table: TwinTable, after: float | None, source: Path, source_table: str | None
) -> tuple[Fork, dict[str, Any]]:
    from hil.bench import open_bench
    from hil.twin.forecast.carried import carried
    from hil.twin.sources import open_source, with_series, with_start

    series, columns = open_source(rig, source, source_table)
    played_rig = with_series(rig, series)
    played_rig = with_start(played_rig, columns.start) if columns else played_rig
    seconds = series.duration_s if after is None else min(after, series.duration_s)
    with open_bench(played_rig, history=False) as played:
        for name, value in (columns.set if columns else {}).items():
            played.set(name, value)
        lives = _run_with_lives(played, table, seconds)
        return carried(played, plain, table.observer, table.block), lives


def _run_with_lives(bench: Bench, table: TwinTable, seconds: float) -> dict[str, Any]:
    """Runs, with a look at what wears every few minutes; a life for each that shows a drift."""
    import numpy as np

    from hil.twin.forecast.in_rig import estimates_of, wear_of

    signals, look_s = estimates_of(table), max(table.service_s, bench.period_s)
    rows: dict[str, list[float]] = {name: [] for name in signals}
    times: list[float] = []
    begin_s = bench.time_s
    while seconds - (bench.time_s - begin_s) > bench.period_s / 2:
        bench.run(min(look_s, seconds - (bench.time_s - begin_s)))
        times.append(bench.time_s)
        for name, signal in signals.items():
            rows[name].append(bench[signal])
    found = {name: wear_of(table, name, np.array(times), np.array(values)) for name, values in rows.items()}
    return {
        name: {**wear.life(table.degradation[name].limit).to_dict(), "wear": wear.to_dict()}
        for name, wear in found.items()
        if wear is not None
    }


# ---- what was asked for ----


def _settings(texts: list[str] | None, option: str = "--set") -> dict[str, float]:
    found = {}
    for text in texts or []:
        name, _, value = (part.strip() for part in text.partition("="))
        try:
            found[name] = float(value)
        except ValueError:
            raise HilError(f"'{text}' is none", where=option, mend="Write NAME=VALUE, as in room.value=19") from None
    return found


def _formulas(texts: list[str] | None) -> dict[str, str]:
    found = {}
    for text in texts or []:
        name, equals, formula = (part.strip() for part in text.partition("="))
        if not (name and equals and formula):
            raise HilError(f"'{text}' is none", where="--kpi", mend="Write NAME=FORMULA, as in wear=changes(heater.on)")
        found[name] = formula
    return found


def _plans(table: TwinTable, names: list[str] | None, tries: list[str] | None) -> list[Scenario]:
    from hil.twin.forecast import Scenario
    from hil.twin.forecast.in_rig import scenarios_of

    of_rig = scenarios_of(table, names) if names or table.whatif or not tries else [Scenario()]
    own = [Scenario(text, set=_settings(text.split(","), "--try")) for text in tries or []]
    return [*of_rig, *own] if names or not tries else [Scenario(), *own]


# ---- the page ----


def _show_forecast(rig: Rig, ahead: Forecast, lives: dict[str, Any]) -> None:
    from rich.table import Table

    out = output.console()
    drawn = ", ".join(f"{n} {v.mean():.5g} +- {v.std():.2g}" for n, v in ahead.drawn.items()) or "nothing but noise"
    what = f"{ahead.members} members from {ahead.started_s:g} s on, {output.time_text(ahead.horizon_s)} ahead"
    out.print(f"{rig.name}: {what}; drawn: {drawn}", soft_wrap=True)
    for signal in ahead.values:
        unit = rig.signals[signal].unit if signal in rig.signals else ""
        table = Table(box=None, pad_edge=False, header_style="bold")
        rows = sorted({round(i * (len(ahead.time_s) - 1) / (SHOWN - 1)) for i in range(SHOWN)})
        for title in (f"{signal} {unit}".strip(), *(f"{ahead.time_s[row]:g} s" for row in rows)):
            table.add_column(title, justify="right" if title[0].isdigit() else "left")
        found = ahead.quantiles(signal, LEVELS)
        for share, values in zip(LEVELS, found, strict=True):
            table.add_row(f"{share:.0%}", *(f"{values[row]:.4g}" for row in rows))
        out.print(table)
    for name, crossing in ahead.crossings.items():
        low, high = crossing.interval
        text = f"limit {name}: crossed with {crossing.probability:.1%} ({low:.1%} to {high:.1%})"
        median = crossing.time_s(0.5)
        out.print(text + (f", half of the members by {median:g} s" if median < float("inf") else ""), soft_wrap=True)
    for name, life in lives.items():
        out.print(f"{name}: {_life_text(life)}", soft_wrap=True)
    if ahead.diverged:
        out.print(f"{ahead.diverged} members came to no numbers", soft_wrap=True)


def _life_text(life: dict[str, Any]) -> str:
    words = [f"{t / 3600:.3g} h" if t is not None else "never" for t in life["time_s"].values()]
    return f"used up in {words[1]} ({words[0]} to {words[2]}, 90 %), ever with {life['ever']:.0%}"


def _show_whatif(found: WhatIf) -> None:
    from rich.table import Table

    out, base = output.console(), found.baseline
    out.print(f"{base.members} members each from {base.started_s:g} s on, {output.time_text(base.horizon_s)} ahead")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", *found.forecasts):
        table.add_column(title, justify="left" if not title else "right")
    for kpi, values in base.kpis.items():
        cells = [f"{values.mean():.4g}"]
        for name in list(found.forecasts)[1:]:
            one = found.difference(name, kpi)
            mark = " *" if one.significant else ""
            cells.append(f"{one.mean:.4g} ({one.difference:+.3g}, {one.low:+.3g} to {one.high:+.3g}){mark}")
        table.add_row(kpi, *cells)
    for limit in base.crossings:
        cells = []
        for ahead in found.forecasts.values():
            low, high = ahead.crossings[limit].interval
            cells.append(f"{ahead.crossings[limit].probability:.1%} ({low:.1%} to {high:.1%})")
        table.add_row(f"crosses {limit}", *cells)
    out.print(table)
    out.print("* beyond doubt: all intervals of differences hold together with 95 %")
