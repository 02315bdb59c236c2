"""What the plots of a report show: which signals share one, and their data with few points and all extremes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hil import analysis, json_text
from hil.recording import Recording

MAX_SIGNALS = 8  # in one plot: as many colours as can be told apart
MAX_PLOTS = 48
MAX_ROWS = 20_000
MAX_SPANS = 200
STATUS = ((8, "bad"), (16, "safe"), (4, "faulted"), (2, "forced"), (1, "stale"))  # worst first
RAW = ".raw"  # "sensor.h1.raw" is sensor.h1 before faults, force and safety gate
READ_TOGETHER = 16

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plot:
    """Signals of one unit and one group with one time axis; `raw` are the unaltered values of some of them."""

    title: str
    unit: str
    names: list[str]
    digital: bool = False
    raw: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Profile:
    """What decides where a signal is drawn."""

    low: float
    high: float
    digital: bool
    altered: bool  # differs from its raw value somewhere


def plan(rec: Recording) -> tuple[list[Plot], list[str]]:
    """The plots, and the names of signals that found no place in them."""
    profiles = _profiles(rec)
    names = [name for name in rec.names if not _is_raw(rec, name)]
    plots = []
    for members in _by_unit(rec, [name for name in names if not profiles[name].digital]):
        plots += _split(rec, members, profiles)
    for members in _by_unit(rec, [name for name in names if profiles[name].digital]):
        starts = range(0, len(members), 2 * MAX_SIGNALS)
        plots += [Plot("States", "", members[i : i + 2 * MAX_SIGNALS], digital=True) for i in starts]
    left_out = [name for plot in plots[MAX_PLOTS:] for name in plot.names]
    return plots[:MAX_PLOTS], left_out


def _is_raw(rec: Recording, name: str) -> bool:
    return name.endswith(RAW) and name.removesuffix(RAW) in rec


def _profiles(rec: Recording) -> dict[str, _Profile]:
    """One pass over the recording for every READ_TOGETHER signals, each with its raw value."""
    names = [name for name in rec.names if not _is_raw(rec, name)]
    found = {}
    run = rec.window(0.0, tail_tick(rec) * rec.period_s)
    for start in range(0, len(names), READ_TOGETHER):
        chunk = names[start : start + READ_TOGETHER]
        raws = [name + RAW for name in chunk if name + RAW in rec and rec.group_of(name + RAW) == rec.group_of(name)]
        columns = run.columns([*chunk, *raws])
        for name in chunk:
            found[name] = _profile(rec, name, columns[name], columns.get(name + RAW))
    return found


def _profile(rec: Recording, name: str, x: Floats, raw: Floats | None) -> _Profile:
    figures = analysis.summary(x)
    unit = rec.units[name]
    digital = unit == "bool" or (unit in ("", "1") and bool(np.isin(x, (0.0, 1.0)).all()))
    altered = raw is not None and not np.array_equal(raw, x, equal_nan=True)
    low, high = (figures.minimum, figures.maximum) if figures.n else (0.0, 0.0)
    return _Profile(low, high, digital, altered)


def tail_tick(rec: Recording) -> int:
    """The tick at which the outputs went to their safe values because the run was over; `rec.ticks` if they did not.

    What follows must neither set the scale of a plot nor enter the figures of a signal. A capture has no such end: its
    outputs may go to their safe values in what was to be seen.
    """
    if "capture" in rec.manifest:
        return rec.ticks
    safe: dict[str, int] = {}
    for event in rec.events:
        target, tick = str(event.get("target")), event.get("tick")
        if event.get("kind") == "safe_on" and isinstance(tick, int):
            safe[target] = tick
        elif event.get("kind") == "safe_off":
            safe.pop(target, None)
    at_end = [tick for tick in safe.values() if tick > 0.9 * rec.ticks]
    return min(at_end, default=rec.ticks)


def setpoint_of(rec: Recording, name: str) -> str | None:
    """The signal whose setpoint this one is, as the rig says."""
    limits = (rec.manifest.get("limits") or {}).get(name)
    target = limits.get("setpoint_of") if isinstance(limits, dict) else None
    return str(target) if target else None


def _by_unit(rec: Recording, names: Sequence[str]) -> list[list[str]]:
    groups: dict[tuple[str, str], list[str]] = {}
    for name in names:
        groups.setdefault((rec.group_of(name), rec.units[name]), []).append(name)
    return list(groups.values())


def _split(rec: Recording, names: list[str], profiles: dict[str, _Profile]) -> list[Plot]:
    """Plots of one unit: signals of like magnitude share one, so that a level of 1 cm is not flat beside one of 10 m.

    A measured value, the true one and its setpoint so meet in one plot, whatever their names.
    """
    plots = []
    for members in _like_magnitude(names, profiles):
        for chunk in [members] if len(members) <= MAX_SIGNALS else _chunks(members):
            raw = [name + RAW for name in chunk if profiles[name].altered]
            plots.append(Plot(_title(chunk), rec.units[chunk[0]], chunk, raw=raw))
    return plots


def _like_magnitude(names: list[str], profiles: dict[str, _Profile]) -> list[list[str]]:
    """Clusters of signals whose values lie closer together than they are wide or large."""
    clusters: list[list[str]] = []
    low = high = 0.0
    for name in sorted(names, key=lambda name: profiles[name].low):
        least, most = profiles[name].low, profiles[name].high
        width = max(high - low, most - least, 0.5 * max(abs(low), abs(high), abs(least), abs(most)))
        if clusters and least - high <= width:
            clusters[-1].append(name)
            low, high = min(low, least), max(high, most)
        else:
            clusters.append([name])
            low, high = least, most
    ordered = [sorted(cluster, key=names.index) for cluster in clusters]
    return sorted(ordered, key=lambda cluster: names.index(cluster[0]))


def _chunks(names: list[str]) -> list[list[str]]:
    """At most MAX_SIGNALS each, those with one prefix together."""
    prefixes: dict[str, list[str]] = {}
    for name in names:
        prefixes.setdefault(name.split(".")[0], []).append(name)
    return [group[i : i + MAX_SIGNALS] for group in prefixes.values() for i in range(0, len(group), MAX_SIGNALS)]


def _title(names: list[str]) -> str:
    """The names, those with one prefix joined: "plant.h1 h2, sensor.h1 h2"."""
    prefixes: dict[str, list[str]] = {}
    for name in names:
        prefix, _, leaf = name.partition(".")
        prefixes.setdefault(prefix, []).append(leaf)
    return ", ".join(f"{prefix}.{' '.join(leaves)}" if leaves[0] else prefix for prefix, leaves in prefixes.items())


def rows_per_plot(plots: Sequence[Plot], budget_bytes: int) -> int:
    """How many rows each plot may have so that all data together stay within the budget."""
    row_bytes = sum(4 + 4 * (len(plot.names) + len(plot.raw)) for plot in plots) * 4 / 3  # base64
    return int(min(MAX_ROWS, max(200, budget_bytes / max(1.0, row_bytes))))


def plot_data(rec: Recording, plot: Plot, max_rows: int, keep_ticks: Sequence[int]) -> dict[str, Any]:
    """What the page's script gets for one plot: ticks and values as base64, figures, status, limits."""
    ticks = rec.tick(rec.group_of(plot.names[0]))
    columns = rec.columns([*plot.names, *plot.raw])
    edges = np.searchsorted(ticks, np.asarray(keep_ticks, np.int64))
    keep = np.concatenate([edges - 1, edges])
    rows = analysis.keep_extremes(list(columns.values()), max_rows, keep.tolist())
    run = int(np.searchsorted(ticks, tail_tick(rec)))
    series = [_figures(name, columns[name], rows, run) | _marks(rec, name, ticks) for name in plot.names]
    parents = [plot.names.index(name.removesuffix(RAW)) for name in plot.raw]
    series += [_figures(n, columns[n], rows, run) | {"raw": i} for n, i in zip(plot.raw, parents, strict=True)]
    head = {"title": plot.title, "unit": plot.unit, "digital": plot.digital}
    return head | _time_axis(ticks, rows) | {"series": _drawing_order(series)}


def _time_axis(ticks: Any, rows: Any) -> dict[str, Any]:
    first = int(ticks[0]) if ticks.size else 0
    offsets = _base64((ticks[rows] - first).astype("<u4"))
    return {"first": first, "ticks": offsets, "thinned": bool(rows.size < ticks.size)}


def _marks(rec: Recording, name: str, ticks: Any) -> dict[str, Any]:
    """Limits, status and role of a signal in its plot."""
    limits = (rec.manifest.get("limits") or {}).get(name) or {}
    return {
        "range": limits.get("range"),
        "limits": limits.get("limits"),
        "setpoint": setpoint_of(rec, name) is not None,
        "status": _status_spans(rec, name, ticks),
    }


def _figures(name: str, x: Floats, rows: Any, run: int) -> dict[str, Any]:
    """One signal's points, and figures of its first `run` rows; `rough` is the way that its line travels."""
    figures = analysis.summary(x[:run])
    steps = np.abs(np.diff(x[:run]))
    return {
        "name": name,
        "data": _base64(x[rows].astype("<f4")),
        "min": json_text.plain(figures.minimum),
        "mean": json_text.plain(figures.mean),
        "max": json_text.plain(figures.maximum),
        "std": json_text.plain(figures.std),
        "changes": int(np.count_nonzero(steps)),
        "rough": float(np.nansum(steps)),
        "range": None,
        "limits": None,
        "setpoint": False,
        "status": [],
        "raw": None,
    }


def _drawing_order(series: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Noisy lines first, so that quiet ones and setpoints lie on top; `order` keeps the order of the names."""
    for order, item in enumerate(series):
        item["order"] = order
        item["color"] = order if item["raw"] is None else item["raw"]
    return sorted(series, key=lambda item: (item["setpoint"], -item.pop("rough")))


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
    series = [_figures(name, x, rows, len(x)) for name, x in (("lateness", late), ("execution", run))]
    head = {"title": "Loop timing", "unit": "µs", "digital": False}
    return head | _time_axis(ticks, rows) | {"series": _drawing_order(series)}


def _base64(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
