"""A figure of signals: few points with all extremes, an axes for each unit, what happened marked on it.

The figure is made without pyplot: no window, no global state, nothing to close in a long notebook.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hil import analysis
from hil.errors import HilError
from hil.notebook.frame import MEND
from hil.notebook.source import Source
from hil.notebook.spans import Mark, Span, marks_of, spans_of
from hil.units import conversion

try:
    from matplotlib.figure import Figure
except ImportError:
    raise HilError("plots need matplotlib, which is not installed", mend=MEND) from None

MAX_ROWS = 4000  # of a line: three to a pixel
MAX_SIGNALS = 8  # of an axes that is not asked for by name: as many colours as can be told apart
MAX_AXES = 12
MAX_NOTES = 40
MAX_SPANS = 200
MAX_LABELS = 8  # of spans in one legend; colours tell their kind
WIDTH_IN, AXES_IN, HEAD_IN = 10.0, 2.2, 0.9
COLORS = {"fault": "tab:red", "force": "tab:orange", "safe": "tab:gray"}
STATES = ("bool", "1", "")

Floats = npt.NDArray[np.float64]


class BenchFigure(Figure):
    """A Figure that a cell shows without `%matplotlib inline`, too."""

    def _repr_png_(self) -> bytes:
        data = io.BytesIO()
        self.savefig(data, format="png", dpi=100)
        return data.getvalue()


@dataclass(frozen=True)
class Request:
    """What is to be shown; see `hil.notebook.faces.NotebookFaces.plot`."""

    signals: str | Sequence[str | Sequence[str]] | None
    start_s: float | None
    end_s: float | None
    units: Mapping[str, str]
    events: bool
    title: str | None
    size: tuple[float, float] | None


@dataclass(frozen=True)
class _Line:
    name: str
    unit: str
    t_s: Floats
    x: Floats


def figure(source: Source, request: Request) -> BenchFigure:
    """The figure that is asked for."""
    first, last = _window(source, request)
    panels = _panels(source, request)
    lines = _lines(source, request, [name for panel in panels for name in panel], first, last)
    size = request.size or (WIDTH_IN, HEAD_IN + AXES_IN * len(panels))
    made = BenchFigure(figsize=size, layout="constrained")
    all_axes = made.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw(axes, [lines[name] for name in panel], source)
    begin_s = min(line.t_s[0] for line in lines.values() if len(line.t_s))
    end_s = max(line.t_s[-1] for line in lines.values() if len(line.t_s))
    if request.events:
        _draw_events(all_axes, panels, source, (begin_s, end_s))
    if end_s > begin_s:
        all_axes[-1].set_xlim(begin_s, end_s)
    all_axes[-1].set_xlabel("bench time in s")
    for axes in all_axes:
        axes.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), fontsize="small", frameon=False)
    made.suptitle(request.title or source.rig)
    return made


def _window(source: Source, request: Request) -> tuple[float, float]:
    first = -math.inf if request.start_s is None else request.start_s
    last = math.inf if request.end_s is None else request.end_s
    if not first < last:  # NaN is neither
        text = f"start_s = {first:g} is not before end_s = {last:g}"
        raise HilError(text, where=source.where, mend="Give bench times in s")
    return first, last


def _panels(source: Source, request: Request) -> list[list[str]]:
    """Names by axes."""
    asked = source.signals if request.signals is None else request.signals
    panels = []
    loose: list[str] = []
    for part in [asked] if isinstance(asked, str) else asked:
        if isinstance(part, Sequence) and not isinstance(part, str):
            panels.append(_one_unit(source, request, source.names(part)))
        else:
            loose += source.names([part])
    panels = [panel for panel in [*_by_unit(source, request, list(dict.fromkeys(loose))), *panels] if panel]
    if not panels:
        raise HilError("there is no signal to plot", where=source.where, mend="Name signals that are recorded")
    if len(panels) > MAX_AXES:
        text = f"{sum(map(len, panels))} signals need {len(panels)} axes, at most {MAX_AXES} are drawn"
        raise HilError(text, where=source.where, mend='Name fewer, such as "sensor.*"')
    return panels


def _shown_unit(source: Source, request: Request, name: str) -> str:
    own = source.units[name]
    return request.units.get(name, request.units.get(own, own))


def _one_unit(source: Source, request: Request, names: list[str]) -> list[str]:
    """A list of names shares an axis, so their units must be one."""
    for name in names[1:]:
        units = [_shown_unit(source, request, n) for n in (names[0], name)]
        if units[0] != units[1]:
            text = f"{names[0]} in '{units[0]}' and {name} in '{units[1]}' cannot share an axis"
            raise HilError(text, where=source.where, mend="Put them into two lists, or give units=")
    return names


def _by_unit(source: Source, request: Request, names: list[str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_shown_unit(source, request, name), []).append(name)
    groups = dict(sorted(groups.items(), key=lambda item: item[0] in STATES))  # states last
    return [group[k : k + MAX_SIGNALS] for group in groups.values() for k in range(0, len(group), MAX_SIGNALS)]


def _lines(source: Source, request: Request, names: list[str], first: float, last: float) -> dict[str, _Line]:
    _check_units(source, request, names)
    lines = {}
    for rows in source.read(list(dict.fromkeys(names)), False):
        t_s = np.multiply(rows.ticks, source.period_s, dtype=np.float64)
        a = int(np.searchsorted(t_s, first - 1e-6 * source.period_s))
        b = int(np.searchsorted(t_s, last + 1e-6 * source.period_s, side="right"))
        for name, values in rows.columns.items():
            x = values[a:b]
            kept = analysis.keep_extremes([x], MAX_ROWS)
            unit = _shown_unit(source, request, name)
            lines[name] = _Line(name, unit, t_s[a:b][kept], _converted(source, name, unit, x[kept]))
    if not any(len(line.x) for line in lines.values()):
        mend = "Run the bench first" if request.start_s is None and request.end_s is None else "Give other times"
        raise HilError("there are no rows to plot", where=source.where, mend=mend)
    return lines


def _check_units(source: Source, request: Request, names: list[str]) -> None:
    """A key of `units` that hits nothing is a mistake."""
    used = {*names, *(source.units[name] for name in names)}
    for key in request.units:
        if key not in used:
            text = f"units: '{key}' is neither a plotted signal nor the unit of one"
            raise HilError(text, where=source.where)


def _converted(source: Source, name: str, unit: str, x: Floats) -> Floats:
    if unit == source.units[name]:
        return x
    scale, offset = conversion(source.units[name], unit)
    return x * scale + offset


def _draw(axes: Any, lines: list[_Line], source: Source) -> None:
    for line in lines:
        steps = "steps-post" if line.unit in STATES else "default"
        axes.plot(line.t_s, line.x, label=line.name, linewidth=1.2, drawstyle=steps)
    unit = lines[0].unit
    axes.set_ylabel("" if unit in STATES else unit)
    axes.grid(visible=True, alpha=0.3)
    axes.margins(y=0.08)
    low, high = axes.get_ylim()
    for line in lines:
        for limit in _limits(source, line):
            if low - 0.3 * (high - low) <= limit <= high + 0.3 * (high - low):  # far ones would flatten the signal
                axes.axhline(limit, color="tab:red", linestyle="--", linewidth=0.8)


def _limits(source: Source, line: _Line) -> list[float]:
    limits = np.asarray(source.limits.get(line.name, ()), np.float64)
    return [] if line.unit in STATES else _converted(source, line.name, line.unit, limits).tolist()


def _draw_events(all_axes: Any, panels: list[list[str]], source: Source, window_s: tuple[float, float]) -> None:
    """Where a signal is shown that something acted on, there; else over all. Only what is within the window."""
    begin_s, end_s = window_s
    spans = [span for span in spans_of(source.events, end_s) if span.start_s <= end_s and span.end_s >= begin_s]
    for span in spans[:MAX_SPANS]:
        places = [axes for axes, panel in zip(all_axes, panels, strict=True) if span.target in panel]
        for axes in places or all_axes:
            _shade(axes, span, window_s)
    notes = [mark for mark in marks_of(source.events) if begin_s <= mark.time_s <= end_s]
    for mark in notes[:MAX_NOTES]:
        _note(all_axes, mark)


def _shade(axes: Any, span: Span, window_s: tuple[float, float]) -> None:
    known = [patch.get_label() for patch in axes.patches if not patch.get_label().startswith("_")]
    label = span.text if span.text not in known and len(known) < MAX_LABELS else None
    first, last = max(span.start_s, window_s[0]), min(span.end_s, window_s[1])
    axes.axvspan(first, last, color=COLORS[span.kind], alpha=0.15, linewidth=0, label=label)


def _note(all_axes: Any, mark: Mark) -> None:
    for axes in all_axes:
        axes.axvline(mark.time_s, color="black", linestyle=":", linewidth=0.9)
    place = {"xy": (mark.time_s, 1.0), "xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    all_axes[0].annotate(mark.text[:40], xytext=(2, 2), fontsize="x-small", annotation_clip=True, **place)
