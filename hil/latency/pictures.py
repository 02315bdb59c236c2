"""Drawings of a page, as SVG: heat map of lateness, the ticks around the worst one, ratios over earlier results."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from markupsafe import Markup, escape

from hil.report import numbers

WIDTH, LEFT, RIGHT = 900.0, 64.0, 12.0
INNER = WIDTH - LEFT - RIGHT
HEAT_HEIGHT, FLIGHT_HEIGHT, HISTORY_HEIGHT, FOOT = 200.0, 190.0, 90.0, 22.0


def heat(data: dict[str, Any]) -> Markup:
    """Lateness over time: darker is more ticks, counts on a log scale."""
    counts, edges = data["counts"], data["edges_ns"]
    rows, columns = len(counts), len(counts[0])
    width, height = INNER / columns, (HEAT_HEIGHT - FOOT - 10) / rows
    most = max(max(row) for row in counts)
    parts = []
    for r, row in enumerate(counts):
        for c, n in enumerate(row):
            if n:
                share = 0.15 + 0.85 * math.log1p(n) / math.log1p(most)
                x, y = LEFT + c * width, HEAT_HEIGHT - FOOT - (r + 1) * height
                parts.append(
                    f'<rect class="cell" x="{x:.1f}" y="{y:.1f}" width="{width:.2f}" height="{height:.2f}" '
                    f'fill-opacity="{share:.2f}"><title>{n} ticks, {numbers.duration(edges[r])} to '
                    f"{numbers.duration(edges[r + 1])}</title></rect>"
                )
    for r in range(0, rows + 1, max(1, rows // 4)):
        y = HEAT_HEIGHT - FOOT - r * height
        parts += [_grid(y), _label(LEFT - 6, y + 4, numbers.duration(edges[r]), "end")]
    parts += [_label(LEFT, HEAT_HEIGHT - 6, "first tick"), _label(WIDTH - RIGHT, HEAT_HEIGHT - 6, "last tick", "end")]
    return _svg(HEAT_HEIGHT, parts)


def flight(data: dict[str, Any]) -> Markup:
    """Each tick as a bar from its due time: late before it began, then its execution; the worst one is marked."""
    late, spent, ticks = data["late_ns"], data["exec_ns"], data["ticks"]
    width = INNER / max(1, len(ticks))
    ends = [a + b for a, b in zip(late, spent, strict=True)]
    top = max(*ends, 1)
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = _flight_y(share * top, top)
        parts += [_grid(y), _label(LEFT - 6, y + 4, numbers.duration(share * top), "end")]
    for i, tick in enumerate(ticks):
        x, bar = LEFT + i * width, max(1.0, 0.8 * width)
        worst = " worst" if tick == data["worst"] else ""
        title = f"tick {tick:,}: late {numbers.duration(late[i])}, execution {numbers.duration(spent[i])}"
        y_late, y_end, y0 = _flight_y(late[i], top), _flight_y(ends[i], top), _flight_y(0, top)
        parts.append(f"<g><title>{title}</title>")
        parts.append(
            f'<rect class="late{worst}" x="{x:.1f}" y="{y_late:.1f}" width="{bar:.1f}" height="{y0 - y_late:.1f}"/>'
        )
        parts.append(
            f'<rect class="exec{worst}" x="{x:.1f}" y="{y_end:.1f}" width="{bar:.1f}" '
            f'height="{max(0.8, y_late - y_end):.1f}"/></g>'
        )
    if data["period_ns"] < top:
        y = _flight_y(data["period_ns"], top)
        parts.append(f'<line class="period" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_label(WIDTH - RIGHT, y - 4, "period", "end"))
    parts += [_label(LEFT, FLIGHT_HEIGHT - 6, f"tick {ticks[0]:,}")]
    parts += [_label(WIDTH - RIGHT, FLIGHT_HEIGHT - 6, f"tick {ticks[-1]:,}", "end")]
    return _svg(FLIGHT_HEIGHT, parts)


def _flight_y(ns: float, top: float) -> float:
    return FLIGHT_HEIGHT - FOOT - (FLIGHT_HEIGHT - FOOT - 14) * ns / top


def history(points: Sequence[tuple[str, float, float, float]]) -> Markup:
    """Median and interval of one ratio over results: (label, median, low, high) in the order of time."""
    low, high = min(p[2] for p in points), max(p[3] for p in points)
    room = max(0.05 * high, 0.2 * (high - low))
    low, high = low - room, high + room
    xs = [LEFT + INNER * (i + 0.5) / len(points) for i in range(len(points))]
    parts: list[str] = []
    for value in (high - room, low + room):
        y = _history_y(value, low, high)
        if not parts or y - _history_y(high - room, low, high) > 14:  # room for a second label
            parts += [_grid(y), _label(LEFT - 6, y + 4, f"{value:.3g}", "end")]
    line = " ".join(f"{x:.1f},{_history_y(p[1], low, high):.1f}" for x, p in zip(xs, points, strict=True))
    parts.append(f'<polyline class="line" points="{line}"/>')
    for x, (label, median, least, most) in zip(xs, points, strict=True):
        parts.append(f"<g><title>{escape(label)}: {median:.3f} ({least:.3f} to {most:.3f})</title>")
        ends = f'y1="{_history_y(least, low, high):.1f}" y2="{_history_y(most, low, high):.1f}"'
        parts.append(f'<line class="whisker" x1="{x:.1f}" x2="{x:.1f}" {ends}/>')
        parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{_history_y(median, low, high):.1f}" r="3.5"/></g>')
    parts += list(_ends(points))
    return _svg(HISTORY_HEIGHT, parts)


def _ends(points: Sequence[tuple[str, float, float, float]]) -> Iterator[str]:
    yield _label(LEFT, HISTORY_HEIGHT - 5, points[0][0])
    yield _label(WIDTH - RIGHT, HISTORY_HEIGHT - 5, points[-1][0], "end")


def _history_y(value: float, low: float, high: float) -> float:
    return HISTORY_HEIGHT - FOOT - (HISTORY_HEIGHT - FOOT - 6) * (value - low) / (high - low)


def _grid(y: float) -> str:
    return f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _label(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(height: float, parts: list[str]) -> Markup:
    head = f'<svg class="histogram wide" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img">'
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704  (numbers, and texts that are escaped)
