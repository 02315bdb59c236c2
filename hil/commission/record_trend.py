"""Trends of an item as SVG: no script, one drawing for each unit, lines that differ by more than their colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from hil import analysis
from hil.commission.results import Trend
from hil.report import numbers

WIDTH, HEIGHT = 420, 130
LEFT, RIGHT, TOP, BOTTOM = 50, 8, 6, 24
MAX_POINTS = 400  # of a line: finer than a printer draws over this width
MAX_LINES = 6  # in one drawing
DASHES = ("", "6 2", "2 2", "8 2 2 2", "10 3", "1 2")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Drawing:
    """One drawing and what its lines are: (css class, dash, signal)."""

    unit: str
    svg: Markup
    legend: list[tuple[str, str, str]]


def drawings(trends: Sequence[Trend]) -> list[Drawing]:
    """Trends of one unit share a drawing, up to MAX_LINES; one without a finite value is left out."""
    units: dict[str, list[Trend]] = {}
    for trend in trends:
        if any(y is not None and math.isfinite(y) for y in trend.y):
            units.setdefault(trend.unit, []).append(trend)
    return [
        _drawing(unit, members[i : i + MAX_LINES])
        for unit, members in units.items()
        for i in range(0, len(members), MAX_LINES)
    ]


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    start: float
    end: float

    def x(self, t_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (t_s - self.start) / (self.end - self.start)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - self.low) / (self.high - self.low)


def _drawing(unit: str, trends: Sequence[Trend]) -> Drawing:
    curves = [(np.array(trend.t_s, dtype=float), np.array(trend.y, dtype=float)) for trend in trends]
    scale = _scale(curves)
    label = escape(f"{', '.join(trend.name for trend in trends)} over time")
    parts = [f'<svg class="trend" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">', *_grid(scale)]
    for i, (t_s, y) in enumerate(curves):
        dash = f' stroke-dasharray="{DASHES[i]}"' if DASHES[i] else ""
        parts += [f'<polyline class="s{i}"{dash} points="{points}"/>' for points in _pieces(scale, t_s, y)]
    legend = [(f"s{i}", DASHES[i], trend.name) for i, trend in enumerate(trends)]
    return Drawing(unit, Markup("".join([*parts, "</svg>"])), legend)  # noqa: S704  (numbers and an escaped label)


def _scale(curves: Sequence[tuple[Floats, Floats]]) -> _Scale:
    values = np.concatenate([y[np.isfinite(y)] for _, y in curves])
    times = np.concatenate([t_s for t_s, _ in curves])
    low, high = float(values.min()), float(values.max())
    if set(np.unique(values)) <= {0.0, 1.0}:  # of a switch both places are shown
        low, high = 0.0, 1.0
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    start, end = float(times.min()), float(times.max())
    return _Scale(low - room, high + room, start, end if end > start else start + 1.0)


def _pieces(scale: _Scale, t_s: Floats, y: Floats) -> list[str]:
    """Points of each stretch without a gap."""
    found = []
    for first, end in analysis.spans(np.isfinite(y)):
        rows = first + analysis.keep_extremes([y[first:end]], MAX_POINTS)
        found.append(" ".join(f"{scale.x(t_s[row]):.1f},{scale.y(y[row]):.1f}" for row in rows))
    return found


def _grid(scale: _Scale) -> list[str]:
    parts = []
    for value in _ticks(scale.low, scale.high, 4):
        y = scale.y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y + 3:.1f}" text-anchor="end">{numbers.value(value)}</text>')
    for t_s in _ticks(scale.start, scale.end, 6):
        x = scale.x(t_s)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        anchor = "end" if x > WIDTH - RIGHT - 14 else "middle"
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 9}" text-anchor="{anchor}">{numbers.value(t_s)} s</text>')
    return parts


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Round values in steps of 1, 2 or 5."""
    step = 10.0 ** math.floor(math.log10((high - low) / about))
    step = next(step * factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= about)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) if abs(step) > 1e-9 else i * step for i in range(first, last + 1)]
