"""Histograms of durations as SVG with logarithmic axes: no script, fit for print, and they follow the colour scheme."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from hil.report import numbers

WIDTH, HEIGHT = 560, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 20, 26
MAX_BARS = 90
MARKS = (("p50", "50 %"), ("p99", "99 %"), ("p999", "99.9 %"), ("max", "max"))


@dataclass(frozen=True)
class Histogram:
    """One histogram of the page: its drawing and its key figures as text."""

    title: str
    what: str
    svg: Markup
    figures: list[tuple[str, str]]
    total: int


def histogram(data: Any, title: str, what: str, period_ns: float | None = None) -> Histogram | None:
    """Draws a manifest's histogram of ns; None when there is none or nothing was counted.

    Args:
        data: dict with edges (n + 1), counts (n), p50, p99, p999, max.
        title: short name.
        what: one sentence that says what was measured.
        period_ns: marked when it lies in the plot.
    """
    bars = _bars(data)
    if not bars:
        return None
    figures = [(label, numbers.duration(data.get(key))) for key, label in MARKS]
    total = sum(n for _, _, n in bars)
    return Histogram(title, what, Markup(_svg(bars, data, period_ns)), figures, total)  # noqa: S704  (only numbers)


def _bars(data: Any) -> list[tuple[float, float, int]]:
    """Buckets (low, high, count) in ns, neighbours joined until they can be drawn."""
    if not isinstance(data, dict):
        return []
    edges, counts = data.get("edges") or [], data.get("counts") or []
    if len(edges) != len(counts) + 1 or not any(counts):
        return []
    join = math.ceil(len(counts) / MAX_BARS)
    starts = range(0, len(counts), join)
    return [
        (float(edges[i]), float(edges[min(i + join, len(counts))]), sum(int(n) for n in counts[i : i + join]))
        for i in starts
    ]


class _Scale:
    """Logarithmic axes: ns to x, counts to y. A count of 1 is visible."""

    def __init__(self, bars: list[tuple[float, float, int]]) -> None:
        low, high = max(1.0, bars[0][0]), max(2.0, bars[-1][1])
        if high / low < 4:
            middle = math.sqrt(low * high)
            low, high = middle / 2, middle * 2
        self.low, self.high = low, high
        self.top = math.log10(max(n for _, _, n in bars)) + 0.25

    def x(self, ns: float) -> float:
        share = math.log(max(ns, self.low) / self.low) / math.log(self.high / self.low)
        return LEFT + min(1.0, share) * (WIDTH - LEFT - RIGHT)

    def y(self, n: float) -> float:
        share = (math.log10(n) + 0.25) / (self.top + 0.08) if n > 0 else 0.0
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _svg(bars: list[tuple[float, float, int]], data: dict[str, Any], period_ns: float | None) -> str:
    scale = _Scale(bars)
    base = HEIGHT - BOTTOM
    parts = [f'<svg class="histogram" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="histogram">']
    parts += _grid(scale)
    for low, high, n in bars:
        if n:
            x0, x1, y = scale.x(low), scale.x(high), scale.y(n)
            width = max(1.0, x1 - x0 - 0.6)
            parts.append(f'<rect class="bar" x="{x0:.1f}" y="{y:.1f}" width="{width:.1f}" height="{base - y:.1f}"/>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>')
    parts += _marks(scale, data, period_ns)
    return "".join([*parts, "</svg>"])


def _grid(scale: _Scale) -> list[str]:
    parts = []
    for power in range(math.floor(scale.top) + 1):
        y = scale.y(10**power)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{10**power:,}</text>')
    for ns in _ticks(scale.low, scale.high):
        x = scale.x(ns)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        label = numbers.duration(ns).replace(".00", "").replace(".0", "")
        parts.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{label}</text>')
    return parts


def _ticks(low: float, high: float) -> list[float]:
    """Decades; with 2 and 5 between them when there are few."""
    steps = (1, 2, 5) if high / low < 500 else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [float(step * 10**power) for power, step in itertools.product(powers, steps) if power >= 0]
    return [ns for ns in ticks if low * 0.999 <= ns <= high * 1.001]


def _marks(scale: _Scale, data: dict[str, Any], period_ns: float | None) -> list[str]:
    marks = [(label, data.get(key), "mark") for key, label in MARKS]
    if period_ns is not None and scale.low < period_ns < scale.high:
        marks.append(("period", period_ns, "mark period"))
    parts, taken = [], -1e9
    for label, ns, css in sorted((m for m in marks if isinstance(m[1], int | float)), key=lambda m: m[1] or 0):
        x = scale.x(float(ns or 0))
        parts.append(f'<line class="{css}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{HEIGHT - BOTTOM}"/>')
        width = 6.2 * len(label)
        middle = min(x, WIDTH - RIGHT - width / 2)
        if middle - width / 2 > taken + 4:
            parts.append(f'<text class="{css}" x="{middle:.1f}" y="{TOP - 8}" text-anchor="middle">{label}</text>')
            taken = middle + width / 2
    return parts
