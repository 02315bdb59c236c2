"""The plots of a story, as SVG. What is not there is not drawn: None."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from hil.errors import HilError
from hil.twin.report.story import Story

Maker = Callable[[Story, Any], bool]
BLUE, RED, GREEN, GREY, AMBER = "#1f5fa8", "#b02020", "#2c8a57", "#8a8a8a", "#c4801b"
WIDTH_IN, HEIGHT_IN = 9.5, 2.7
MOST_POINTS = 4000
HOUR_S = 3600.0
DEVIATIONS = 2.0


def drawn(story: Story) -> list[tuple[str, str, str]]:
    """(title, what it shows, SVG) of each plot that there are data for.

    Raises:
        HilError: matplotlib is missing.
    """
    if story.table is None:
        return []
    makers: list[tuple[str, str, Maker]] = []
    for name in story.table.setpoints:
        what = "measured, with the set point that a person wants and the one in force; green: the twin acts"
        makers.append((f"Set point {name}", what, partial(_setpoint, name=name)))
    for name in story.table.parameters:
        what = "estimate with two deviations; red: detections, green: a new version of the model in use"
        makers.append((f"Parameter {name}", what, partial(_parameter, name=name)))
    for name in story.table.degradation:
        what = "when the limit is reached, as foretold at each time: median and the bounds of 90 %"
        makers.append((f"Life of {name}", what, partial(_life, name=name)))
    for name, forecast in story.table.forecasts.items():
        what = "what was foretold for the end of each horizon, and what came"
        makers += [(f"Forecast {name}: {x}", what, partial(_forecast, name=name, signal=x)) for x in forecast.signals]
    what = "the figure foretold at the action, 99 % of the members, and what was measured"
    makers.append(("Actions", what, _actions))
    found = [(title, what, _svg(story, make)) for title, what, make in makers]
    return [(title, what, svg) for title, what, svg in found if svg is not None]


def _svg(story: Story, make: Maker) -> str | None:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise HilError("a plot needs matplotlib", mend="Install it with: pip install 'hil[twin]'") from error
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
    ax = figure.subplots()
    if not make(story, ax):
        return None
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    handles, labels = ax.get_legend_handles_labels()
    if labels:
        ax.legend(handles, labels, fontsize=8, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, frameon=False)
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def _line(ax: Any, column: tuple[Any, Any] | None, **style: Any) -> bool:
    if column is None or not len(column[0]):
        return False
    time_s, values = column
    step = max(1, len(time_s) // MOST_POINTS)
    ax.plot(time_s[::step] / HOUR_S, values[::step], **style)
    return True


def _labelled(ax: Any, what: str, unit: str, time: str = "bench time in h") -> None:
    ax.set_ylabel(f"{what} in {unit}" if unit and unit != "1" else what)
    ax.set_xlabel(time)


def _setpoint(story: Story, ax: Any, name: str) -> bool:
    assert story.table is not None
    assert story.recording is not None
    table = story.table.setpoints[name]
    measured = story.recording.rig["rig"]["signals"].get(table.acknowledged, {}).get("setpoint_of")
    if measured:
        _line(ax, story.column(measured), color=BLUE, linewidth=1.0, label=measured)
    shown = _line(ax, story.column(table.desired), color=GREY, linewidth=1.2, linestyle="--", label=table.desired)
    _line(ax, story.column(table.acknowledged), color=AMBER, linewidth=1.4, label=f"in force: {table.acknowledged}")
    acting = story.column(table.acting) if table.acting else None
    if acting is not None and len(acting[0]):
        low, high = ax.get_ylim()
        time_h = acting[0] / HOUR_S
        ax.fill_between(time_h, low, high, where=acting[1] >= 0.5, color=GREEN, alpha=0.12, linewidth=0)
        ax.set_ylim(low, high)
    _labelled(ax, name, story.unit(table.acknowledged))
    return shown


def _parameter(story: Story, ax: Any, name: str) -> bool:
    assert story.table is not None
    table = story.table.parameters[name]
    value, variance = story.column(table.estimate), story.column(table.variance)
    if value is None or variance is None or not len(value[0]):
        return False
    step = max(1, len(value[0]) // MOST_POINTS)
    time_h, x = value[0][::step] / HOUR_S, value[1][::step]
    half = DEVIATIONS * np.sqrt(np.maximum(variance[1][::step], 0.0))
    ax.fill_between(time_h, x - half, x + half, color=BLUE, alpha=0.18, linewidth=0, label="two deviations")
    ax.plot(time_h, x, color=BLUE, linewidth=1.1, label=table.estimate)
    for body in story.bodies("detection"):
        ax.axvline(float(body["time_s"]) / HOUR_S, color=RED, linewidth=1.0, alpha=0.7)
    for body in story.bodies("model", what="in use"):
        if "time_s" in body:
            ax.axvline(float(body["time_s"]) / HOUR_S, color=GREEN, linewidth=1.0, linestyle=":")
    for table_of_wear in story.table.degradation.values():
        if table_of_wear.parameter == name:
            ax.axhline(table_of_wear.limit, color=RED, linewidth=0.9, linestyle="--", label="limit")
    _labelled(ax, name, story.unit(table.estimate))
    return True


def _life(story: Story, ax: Any, name: str) -> bool:
    rows = []
    for body in story.bodies("forecast", degradation=name):
        times = body.get("life", {}).get("time_s", {})
        if times.get("0.5") is not None:
            at_s = float(body["time_s"])
            low, middle, high = (times.get(share) for share in ("0.05", "0.5", "0.95"))
            rows.append((at_s, at_s + (low or 0.0), at_s + middle, math.nan if high is None else at_s + high))
    if not rows:
        return False
    at, low, middle, high = np.array(rows).T / HOUR_S
    ax.errorbar(at, middle, yerr=(middle - low, high - middle), color=BLUE, fmt="o", markersize=4, capsize=3)
    top = 2.0 * float(np.median(middle))
    ax.set_ylim(0.0, top)
    ax.plot([0.0, top], [0.0, top], color=GREY, linewidth=0.8, linestyle="--", label="now")
    ax.set_xlim(0.0, max(float(at.max()) * 1.05, 0.1))
    ax.set_ylabel("end, bench time in h")
    ax.set_xlabel("foretold at, bench time in h")
    return True


def _forecast(story: Story, ax: Any, name: str, signal: str) -> bool:
    rows = []
    for body in story.bodies("forecast", forecast=name):
        shares = body.get("at_end", {}).get(signal)
        if shares:
            ordered = sorted(shares.items(), key=lambda item: float(item[0]))
            end_s = float(body["time_s"]) + float(body["horizon_s"])
            rows.append((end_s, ordered[0][1], ordered[len(ordered) // 2][1], ordered[-1][1], story.at(signal, end_s)))
    if not rows or story.column(signal) is None:
        return False
    end, low, middle, high, came = np.array(rows).T
    known = np.isfinite(came)
    _line(ax, story.column(signal), color=GREY, linewidth=0.7, alpha=0.7, label="measured")
    spread = (middle - low, high - middle)
    ax.errorbar(end / HOUR_S, middle, yerr=spread, color=BLUE, fmt="o", markersize=3, capsize=3, label="foretold")
    held = (came >= low) & (came <= high)
    count = f"came: {int(held[known].sum())} of {int(known.sum())} within"
    ax.plot(end[known] / HOUR_S, came[known], "x", color=RED, markersize=6, label=count)
    _labelled(ax, signal, story.unit(signal))
    return True


def _actions(story: Story, ax: Any) -> bool:
    outcomes = {body["proposal"]: body for body in story.bodies("outcome") if "predicted" in body}
    acted = [body for body in story.bodies("action") if body["proposal"] in outcomes]
    if not acted:
        return False
    for place, body in enumerate(acted):
        predicted, outcome = body["predicted"], outcomes[body["proposal"]]
        low, high, expected = (float(predicted[key]) for key in ("low", "high", "expected"))
        ax.plot((low, high), (place, place), color=BLUE, linewidth=6, alpha=0.25, solid_capstyle="butt")
        ax.plot(expected, place, "o", color=BLUE, markersize=5, label="foretold" if not place else None)
        if outcome["actual"] is not None:
            colour = RED if outcome["failed"] else GREEN
            ax.plot(
                float(outcome["actual"]), place, "x", color=colour, markersize=8, label=None if place else "measured"
            )
    ax.set_yticks(range(len(acted)), [f"proposal {body['proposal']}" for body in acted])
    ax.set_ylim(len(acted) - 0.5, -0.5)
    ax.set_xlabel(str(acted[0]["predicted"]["figure"]))
    return True
