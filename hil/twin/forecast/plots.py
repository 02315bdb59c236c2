"""Forecasts and what-ifs as pictures. Matplotlib draws them; the file's ending says how."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.errors import HilError

if TYPE_CHECKING:
    from hil.twin.forecast.ensemble import Forecast
    from hil.twin.forecast.whatif import WhatIf

BANDS = ((0.05, 0.95, 0.22), (0.25, 0.75, 0.4))  # quantiles, opacity
COLOURS = ("#1f5fa8", "#c4501b", "#2c8a57", "#7b4ba3", "#a0741a", "#4f5b66")
UNITS = ((172_800.0, 86_400.0, "d"), (7200.0, 3600.0, "h"), (600.0, 60.0, "min"))
WIDTH_IN, ROW_IN = 8.0, 2.6


def forecast_plot(ahead: Forecast, file: Path, units: Mapping[str, str] | None = None) -> None:
    """Median with the bands of 50 and 90 % of each signal, its limits, and how soon each limit is crossed.

    Raises:
        HilError: matplotlib is missing, or the file cannot be written as its ending says.
    """
    figure, axes = _figure(len(ahead.values) + bool(ahead.crossings), file)
    scale, unit = _time_unit(ahead.horizon_s)
    for ax, signal in zip(axes, ahead.values, strict=False):
        _fan(ax, ahead, signal, COLOURS[0], scale, bands=True)
        for crossing in ahead.crossings.values():
            if crossing.limit.signal == signal:
                _limit(ax, crossing.limit.high if crossing.limit.high is not None else crossing.limit.low)
        ax.set_ylabel(_label(signal, units))
    if ahead.crossings:
        _crossings(axes[-1], {ahead.scenario.name: ahead}, scale)
    _finish(figure, axes, f"{ahead.members} members from {ahead.started_s:g} s on", unit, file)


def whatif_plot(found: WhatIf, file: Path, units: Mapping[str, str] | None = None) -> None:
    """Medians and 90 % bands of all scenarios, and the differences of their figures with their intervals.

    Raises:
        HilError: as `forecast_plot`.
    """
    base = found.baseline
    kpis = list(base.kpis)
    figure, axes = _figure(len(base.values) + len(kpis), file)
    scale, unit = _time_unit(base.horizon_s)
    for ax, signal in zip(axes, base.values, strict=False):
        for colour, ahead in zip(_colours(len(found.forecasts)), found.forecasts.values(), strict=True):
            _fan(ax, ahead, signal, colour, scale, bands=False)
        ax.set_ylabel(_label(signal, units))
        ax.set_xlabel(f"time from now in {unit}")
        _legend(ax)
    for ax, kpi in zip(axes[len(base.values) :], kpis, strict=True):
        _differences(ax, found, kpi)
    _finish(figure, axes, f"{base.members} members each, against {base.scenario.name}", None, file)


def _figure(rows: int, file: Path) -> tuple[Any, list[Any]]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise HilError("a plot needs matplotlib", mend="Install it with: pip install 'hil[twin]'") from error
    figure = Figure(figsize=(WIDTH_IN, ROW_IN * rows), layout="constrained")
    if file.suffix[1:].lower() not in figure.canvas.get_supported_filetypes():
        raise HilError(f"a plot cannot be written as '{file.suffix}'", where=str(file), mend="Use .png, .svg or .pdf")
    return figure, list(figure.subplots(rows, squeeze=False)[:, 0])


def _fan(ax: Any, ahead: Forecast, signal: str, colour: str, scale: float, *, bands: bool) -> None:
    time = ahead.time_s / scale
    for low, high, opacity in BANDS if bands else BANDS[:1]:
        a, b = ahead.quantiles(signal, (low, high))
        text = f"{high - low:.0%} of the members" if bands else None
        ax.fill_between(time, a, b, color=colour, alpha=opacity, linewidth=0, label=text)
    median = ahead.quantiles(signal, (0.5,))[0]
    ax.plot(time, median, color=colour, linewidth=1.4, label="median" if bands else ahead.scenario.name)
    if bands:
        _legend(ax)


def _limit(ax: Any, level: float | None) -> None:
    ax.axhline(level, color="#b02020", linewidth=1.0, linestyle="--")


def _crossings(ax: Any, forecasts: Mapping[str, Forecast], scale: float) -> None:
    for ahead in forecasts.values():
        for colour, (name, crossing) in zip(_colours(len(ahead.crossings)), ahead.crossings.items(), strict=True):
            ax.step(
                ahead.time_s / scale,
                crossing.probability_until(ahead.time_s),
                where="post",
                color=colour,
                label=f"{name}: {crossing.probability:.3g} until the end",
            )
    ax.set_ylim(-0.03, 1.03)
    ax.set_ylabel("probability that\nthe limit is crossed")
    _legend(ax)


def _differences(ax: Any, found: WhatIf, kpi: str) -> None:
    rows = [one for one in found.differences if one.kpi == kpi]
    places = range(len(rows))
    for place, one in zip(places, rows, strict=True):
        colour = COLOURS[0] if one.significant else "#8a8a8a"
        ax.plot(one.band, (place, place), color=colour, linewidth=6, alpha=0.25, solid_capstyle="butt")
        ax.plot((one.low, one.high), (place, place), color=colour, linewidth=2)
        ax.plot(one.difference, place, "o", color=colour, markersize=5)
    ax.axvline(0.0, color="#202020", linewidth=0.8)
    ax.set_yticks(list(places), [one.scenario for one in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlabel(f"difference of {kpi}: mean with its interval, wide: 90 % of single runs")


def _finish(figure: Any, axes: list[Any], title: str, time_unit: str | None, file: Path) -> None:
    for ax in axes:
        ax.grid(alpha=0.25, linewidth=0.6)
        ax.spines[["top", "right"]].set_visible(False)
    if time_unit is not None:
        axes[-1].set_xlabel(f"time from now in {time_unit}")
    axes[0].set_title(title, fontsize=10, loc="left")
    try:
        figure.savefig(file, dpi=110)
    except OSError as error:
        raise HilError(f"cannot be written: {error.strerror or error}", where=str(file)) from error


def _legend(ax: Any) -> None:
    """Above the axes, where it hides nothing."""
    ax.legend(fontsize=8, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False, borderaxespad=0.1)


def _colours(n: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(n)]


def _label(signal: str, units: Mapping[str, str] | None) -> str:
    unit = (units or {}).get(signal)
    return f"{signal} in {unit}" if unit and unit != "1" else signal


def _time_unit(horizon_s: float) -> tuple[float, str]:
    return next(((scale, name) for least, scale, name in UNITS if horizon_s >= least), (1.0, "s"))
