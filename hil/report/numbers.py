"""Numbers as people read them: durations with a fitting unit, few digits, thousands separated."""

from __future__ import annotations

import math
from typing import Any


def duration(ns: Any) -> str:
    """Nanoseconds as ns, µs, ms or s with three digits; a dash when there is none."""
    if not _is_number(ns):
        return "–"
    for unit, factor in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if abs(ns) >= factor * 0.9995:
            return f"{digits(ns / factor)} {unit}"
    return f"{ns:.0f} ns"


def digits(x: float, n: int = 3) -> str:
    """At least n significant digits, no exponent for everyday numbers: 0.123, 12.3, 1234."""
    if x == 0:
        return "0"
    if not 1e-4 <= abs(x) < 1e7:
        return f"{x:.{n - 1}e}"
    rounded = float(f"{x:.{n - 1}e}")  # 9.9996 has one digit more in front of the point than it seems
    return f"{x:.{max(0, n - 1 - math.floor(math.log10(abs(rounded))))}f}"


def value(x: Any, n: int = 5) -> str:
    """A signal's value with at most n significant digits and no trailing zeros; a dash when there is none."""
    if not _is_number(x):
        return "–" if x is None or isinstance(x, float) else str(x)
    text = digits(x, n)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def count(n: Any) -> str:
    """An integer with thousands separated."""
    return f"{n:,}" if isinstance(n, int) else "–" if n is None else str(n)


def seconds(t: Any) -> str:
    """A time of the bench, to the millisecond."""
    return f"{t:.3f} s" if _is_number(t) else "–"


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x)
