"""What the plots of a report show: which signals share one, and their data with few points and all extremes."""

from __future__ import annotations

import base64
import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hil import analysis
from hil.recording import Recording

MAX_SIGNALS = 8  # in one plot: as many colours as can be told apart
MAX_PLOTS = 48
MAX_ROWS = 20_000
MAX_SPANS = 200
STATUS = ((8, "bad"), (16, "safe"), (4, "faulted"), (2, "forced"), (1, "stale"))  # worst first

Floats = npt.NDArray[np.float64]


@dataclass
class Plot:
    """Signals of one unit and one group with one time axis."""

    title: str
    unit: str
    names: list[str]
    digital: bool = False
    notes: dict[str, str] = field(default_factory=dict)


def plan(rec: Recording) -> tuple[list[Plot], list[str]]:
    """The plots, and the names of signals that found no place in them.

    The rig may ask for plots: `[[report.plots]]` with title and signals (patterns allowed). All others are put
    together by unit, and by the part of their name before the first dot where one plot would be too full.
    """
    digital = {name for name in rec.names if _is_digital(rec, name)}
    plots = _asked(rec, digital)
    asked = {name for plot in plots for name in plot.names}
    rest = [name for name in rec.names if name not in asked]
    for names in _by_unit(rec, [name for name in rest if name not in digital]):
        plots += _split(names, rec.units[names[0]])
    for group in rec.groups:
        lanes = [name for name in rest if name in digital and rec.group_of(name) == group]
        for start in range(0, len(lanes), 2 * MAX_SIGNALS):
            plots.append(Plot("States", "", lanes[start : start + 2 * MAX_SIGNALS], digital=True))
    left_out = [name for plot in plots[MAX_PLOTS:] for name in plot.names]
    return plots[:MAX_PLOTS], left_out


def _is_digital(rec: Recording, name: str) -> bool:
    """True for a signal that is declared as one or, without a unit, is only ever 0 and 1."""
    if rec.units[name] == "bool":
        return True
    return rec.units[name] in ("", "1") and bool(np.isin(rec[name], (0.0, 1.0)).all())


def _asked(rec: Recording, digital: set[str]) -> list[Plot]:
    plots = []
    for item in _report_table(rec).get("plots") or []:
        patterns = [str(pattern) for pattern in item.get("signals") or []]
        names = list(dict.fromkeys(n for pattern in patterns for n in rec.names if fnmatch.fnmatchcase(n, pattern)))
        for group_names in _by_unit(rec, names):
            lanes = all(name in digital for name in group_names)
            plots.append(Plot(str(item.get("title", "")), rec.units[group_names[0]], group_names, digital=lanes))
    return plots


def _report_table(rec: Recording) -> dict[str, Any]:
    rig = rec.rig.get("rig")
    table = rig.get("report") if isinstance(rig, dict) else None
    return table if isinstance(table, dict) else {}


def _by_unit(rec: Recording, names: Sequence[str]) -> list[list[str]]:
    groups: dict[tuple[str, str], list[str]] = {}
    for name in names:
        groups.setdefault((rec.group_of(name), rec.units[name]), []).append(name)
    return list(groups.values())


def _split(names: list[str], unit: str) -> list[Plot]:
    """One plot, or one for each prefix when there are more than half of MAX_SIGNALS, or several of a long prefix."""
    prefixes: dict[str, list[str]] = {}
    for name in names:
        prefixes.setdefault(name.split(".")[0], []).append(name)
    if len(names) <= MAX_SIGNALS // 2:
        return [Plot(", ".join(prefixes), unit, names)]
    plots = []
    for prefix, members in prefixes.items():
        for start in range(0, len(members), MAX_SIGNALS):
            plots.append(Plot(prefix, unit, members[start : start + MAX_SIGNALS]))
    return plots


def rows_per_plot(plots: Sequence[Plot], budget_bytes: int) -> int:
    """How many rows each plot may have so that all data together stay within the budget."""
    row_bytes = sum(4 + 4 * len(plot.names) for plot in plots) * 4 / 3  # base64
    return int(min(MAX_ROWS, max(200, budget_bytes / max(1.0, row_bytes))))


def plot_data(rec: Recording, plot: Plot, max_rows: int, keep_ticks: Sequence[int]) -> dict[str, Any]:
    """What the page's script gets for one plot: ticks and values as base64, figures, status, limits."""
    group = rec.group_of(plot.names[0])
    ticks = rec.tick(group)
    columns = rec.columns(plot.names)
    edges = np.searchsorted(ticks, np.asarray(keep_ticks, np.int64))
    keep = np.concatenate([edges - 1, edges])
    rows = analysis.keep_extremes([columns[name] for name in plot.names], max_rows, keep.tolist())
    first = int(ticks[0]) if ticks.size else 0
    return {
        "title": plot.title,
        "unit": plot.unit,
        "digital": plot.digital,
        "first": first,
        "ticks": _base64((ticks[rows] - first).astype("<u4")),
        "thinned": bool(rows.size < ticks.size),
        "series": [_series(rec, name, columns[name], rows, ticks) for name in plot.names],
    }


def _series(rec: Recording, name: str, x: Floats, rows: Any, ticks: Any) -> dict[str, Any]:
    figures = analysis.summary(x)
    limits = (rec.manifest.get("limits") or {}).get(name) or {}
    return {
        "name": name,
        "data": _base64(x[rows].astype("<f4")),
        "min": figures.minimum,
        "mean": figures.mean,
        "max": figures.maximum,
        "std": figures.std,
        "range": limits.get("range"),
        "limits": limits.get("limits"),
        "setpoint": _is_setpoint(rec, name),
        "status": _status_spans(rec, name, ticks),
    }


def _is_setpoint(rec: Recording, name: str) -> bool:
    """Drawn dashed: named in the rig's `report.setpoints`, or called so."""
    if name in (_report_table(rec).get("setpoints") or []):
        return True
    leaf = name.rsplit(".", 1)[-1]
    return "setpoint" in leaf or leaf.startswith("sp_") or leaf.endswith("_sp") or leaf == "sp"


def _status_spans(rec: Recording, name: str, ticks: Any) -> list[tuple[str, int, int]]:
    """Intervals [from tick, to tick) in which a signal was not good, with the worst of its status bits."""
    if not rec.has_status(name):
        return []
    status = rec.status(name)
    if not status.any():
        return []
    every = rec.groups[rec.group_of(name)].every
    found = []
    todo = status != 0
    for bit, text in STATUS:
        mask = todo & (status & bit != 0)
        todo &= ~mask
        found += [(text, int(ticks[a]), int(ticks[b - 1]) + every) for a, b in _few(analysis.spans(mask), len(status))]
    return sorted(found, key=lambda span: span[1])


def _few(spans: list[tuple[int, int]], n: int) -> list[tuple[int, int]]:
    """At most MAX_SPANS: neighbours closer than a pixel or two are drawn as one."""
    gap = 0
    while len(spans) > MAX_SPANS:
        gap = max(n // 2000, 2 * gap, 1)
        merged = [spans[0]]
        for a, b in spans[1:]:
            if a - merged[-1][1] <= gap:
                merged[-1] = (merged[-1][0], b)
            else:
                merged.append((a, b))
        spans = merged
    return spans


def timing_plot(rec: Recording, max_rows: int) -> dict[str, Any] | None:
    """Lateness and execution time over time in µs, from the first group; None in virtual time, which has neither."""
    group = next(iter(rec.groups))
    late, run = rec.late_ns(group) / 1000.0, rec.exec_ns(group) / 1000.0
    if not late.size or not (late.any() or run.any()):
        return None
    ticks = rec.tick(group)
    rows = analysis.keep_extremes([late, run], max_rows)
    series = []
    for name, x in (("lateness", late), ("execution", run)):
        figures = analysis.summary(x)
        series.append(
            {
                "name": name,
                "data": _base64(x[rows].astype("<f4")),
                "min": figures.minimum,
                "mean": figures.mean,
                "max": figures.maximum,
                "std": figures.std,
                "range": None,
                "limits": None,
                "setpoint": False,
                "status": [],
            }
        )
    first = int(ticks[0])
    offsets = _base64((ticks[rows] - first).astype("<u4"))
    thinned = bool(rows.size < ticks.size)
    head = {"title": "Loop timing", "unit": "µs", "digital": False, "first": first}
    return head | {"ticks": offsets, "thinned": thinned, "series": series}


def _base64(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
